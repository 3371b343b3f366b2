"""Relabel, or label new? What a read is worth on one scale: the first of a new case, and another of a read one.

What is believed of an answer (of a new case the model's, of a read one the consensus of readers and model) holds
with a quality ``q``. The next reader to come may say anything: ``1 / K`` for each of ``K`` options. ActiveLab
averages both, with the weights of all who spoke and of the mean reader, and calls for the lowest score ``s``. Here
its complement is taken, over its largest value, so that questions of two options and of several can be compared:

    doubt = (1 - s) / (1 - 1 / K) = 1 - W a / (W + w),    a = 1 - (1 - q) / (1 - 1 / K)

with ``W`` the weights of model and readers together and ``w`` that of the mean reader, as CROWDLAB learns them
from how far all agreed so far. Where no case has two reads all weights are 1. For outlines ``a`` is Dice: of a
read case the mean overlap with the other readers, of a new one what the model expects. A case is as doubtful as
its most doubtful answer (a question at a site, a finding, all outlines), as a prediction is.

The model may have learnt from the cases that were read here. It then agrees with them the more, and fewer of them
come back.

References
----------
Goh, Mueller: ActiveLab: active learning with re-labeling by multiple annotators (2023), arXiv:2301.11856.
Goh, Tkachenko, Mueller: CROWDLAB (2022), arXiv:2210.06812.
Dice: Measures of the amount of ecologic association between species, Ecology 26 (1945), 297 - 302.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np

from active_learning.crowdlab import weighed
from active_learning.foretold import Foretold
from active_learning.ratings import NOT_READ, Ratings
from data.answers import Answer, MaskValue, Question, Site
from data.blobs import Blobs
from models.bootstrap import FloatArray

MODEL = ""
"""In the place of a reader's id."""


@dataclass(frozen=True, slots=True)
class Trust:
    """The weights of the model and of the mean reader for one thing that is asked."""

    model: float = 1.0
    reader: float = 1.0

    def doubt(self, agreed: FloatArray, weight: FloatArray | float | None = None) -> FloatArray:
        """(n,) doubt, 0 to 1, of answers that agree so far with what is believed (1: wholly, 0: as by chance).

        Parameters
        ----------
        weight:
            Of all who spoke together; the model's alone without it.
        """
        of = self.model if weight is None else weight
        return np.asarray(np.clip(1 - of * agreed / (of + self.reader), 0.0, 1.0), dtype=np.float64)


def above_chance(quality: FloatArray, options: int) -> FloatArray:
    """Qualities, 0 to 1, of an answer of so many options: 1 stays, 1 / options becomes 0."""
    return np.asarray(1 - (1 - quality) / (1 - 1 / options), dtype=np.float64)


def of_ratings(ratings: Ratings, model: FloatArray) -> tuple[FloatArray, Trust]:
    """(items,) doubt of what was read, and the weights that follow from it.

    Parameters
    ----------
    ratings:
        Of one question or label; each item has a read.
    model:
        (items, options) probabilities; where a row is NaN the readers alone count.
    """
    options, read = len(ratings.options), ratings.given != NOT_READ
    if (read.sum(axis=1) > 1).any():
        estimate, weights = weighed(ratings, model)
        believed, trust = estimate.probabilities.max(axis=1), Trust(float(weights[-1]), float(weights[:-1].mean()))
    else:
        first = np.where(read, ratings.given, 0).sum(axis=1)
        believed, trust = model[np.arange(len(first)), first], Trust()
        weights = np.ones(len(ratings.readers) + 1)
    spoke = read @ weights[:-1] + np.where(np.isfinite(model[:, 0]), weights[-1], 0.0)
    agreed = above_chance(np.nan_to_num(believed, nan=1.0), options)
    return trust.doubt(agreed, spoke), trust


def of_outlines(drawn: Mapping[str, Mapping[str, Mapping[str, float]]]) -> tuple[dict[str, float], Trust]:
    """By study, the doubt of its outlines, and the weights that follow from how far all outlines overlap.

    A reader's weight is the mean overlap with the other readers, the model's that with all readers, times the root
    of the mean number of readers.

    Parameters
    ----------
    drawn:
        By study, by one who drew (a reader, or :data:`MODEL`) and another one: Dice, as :func:`overlaps` gives it.
    """
    by_reader: dict[str, list[float]] = {}
    numbers = []
    for of in drawn.values():
        numbers.append(sum(who != MODEL for who in of))
        for who, others in of.items():
            by_reader.setdefault(who, []).extend(d for other, d in others.items() if other != MODEL)
    earned = {who: float(np.mean(values)) for who, values in by_reader.items() if values}
    mean = float(np.mean([w for who, w in earned.items() if who != MODEL] or [1.0]))
    ahead = math.sqrt(float(np.mean(numbers))) if numbers else 1.0
    trust = Trust(earned.get(MODEL, 1.0) * ahead, mean)
    doubts = {}
    for study_id, of in drawn.items():
        weight = {who: trust.model if who == MODEL else earned.get(who, mean) for who in of}
        meets = {who: float(np.mean([d for o, d in others.items() if o != MODEL] or [1.0]))
                 for who, others in of.items()}  # fmt: skip
        total = sum(weight.values())
        agreed = sum(weight[who] * meets[who] for who in of) / total if total else 0.0
        doubts[study_id] = float(trust.doubt(np.array(agreed), total))
    return doubts, trust


def overlaps(
    answers: Mapping[str, Iterable[Answer]], questions: Sequence[Question], blobs: Blobs
) -> dict[str, dict[str, float]]:
    """Dice of each two who drew in a study, all pages and labels together; 1 where neither drew anything.

    Parameters
    ----------
    answers:
        By reader, or :data:`MODEL`, all that was answered in the study.
    questions:
        Those of masks.
    """
    names = {question.name for question in questions}
    drawn: dict[tuple[str, Site, str], dict[str, tuple[str, tuple[int, ...]]]] = {}
    sizes: dict[str, int] = {}
    for who, given in answers.items():
        sizes[who] = 0
        for answer in given:
            if answer.question in names and isinstance(answer.value, MaskValue):
                for label, blob in answer.value.masks:
                    drawn.setdefault((answer.question, answer.site, label), {})[who] = blob, answer.value.shape
    shared: dict[tuple[str, str], int] = dict.fromkeys(combinations(sizes, 2), 0)
    for of in drawn.values():
        masks = {who: blobs.get_mask(*of[who]) for who in sizes if who in of}
        for who, mask in masks.items():
            sizes[who] += int(np.count_nonzero(mask))
        for one, other in combinations(masks, 2):
            shared[one, other] += int(np.count_nonzero(masks[one] & masks[other]))
    found: dict[str, dict[str, float]] = {who: {} for who in sizes}
    for (one, other), both in shared.items():
        total = sizes[one] + sizes[other]
        found[one][other] = found[other][one] = 2 * both / total if total else 1.0
    return found


def of_new(
    foretold: Foretold, trusts: Mapping[tuple[str, str], Trust], outlines: Trust | None = None
) -> FloatArray:
    """(n,) doubt of cases that only the model has seen; 1 where it has not, either.

    Parameters
    ----------
    trusts:
        By question and label, as :func:`of_ratings` gave them; those that were never read have weights of 1.
    outlines:
        As :func:`of_outlines` gave them.
    """
    found = np.full(len(foretold.doubts), -1.0)
    for head, table in zip(foretold.heads, foretold.tables, strict=True):
        if head.drawn:
            continue  # what is marked at all, outlines tell
        asked = np.isfinite(table[:, 0])
        likeliest = above_chance(table[asked].max(axis=1, initial=0.0), len(head.options))
        doubts = trusts.get((head.question, head.label), Trust()).doubt(likeliest)
        found[asked] = np.maximum(found[asked], doubts)
    drew = np.isfinite(foretold.outlines)
    found[drew] = np.maximum(found[drew], (outlines or Trust()).doubt(1 - foretold.outlines[drew]))
    return np.where(found < 0, 1.0, found)


def by_study(items: Sequence[str], doubts: FloatArray) -> dict[str, float]:
    """By study the largest doubt of its items, which are named ``study site``."""
    found: dict[str, float] = {}
    for item, doubt in zip(items, doubts, strict=True):
        study_id = item.rpartition(" ")[0]
        found[study_id] = max(found.get(study_id, 0.0), float(doubt))
    return found
