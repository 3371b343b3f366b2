"""What the votes on a question come to, by the rule that a task names.

``majority`` is a panel's rule: an answer stands where more than half of all reads of the case gave it. The other
rules estimate how probable each answer is from all of the task's reads at once (:mod:`active_learning.methods`),
and an answer stands from the task's ``certain`` on. Either way probability and readers' quality stand beside it.
``ordinal`` is for grades: what has no order goes by majority.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from statistics import median

import numpy as np

from active_learning.crowd import Estimate
from active_learning.guidelines import Counts, everything
from active_learning.methods import estimate_all
from active_learning.model_votes import model_table
from active_learning.ratings import Ratings, ratings_of
from active_learning.votes import PRESENT, Vote, holds
from data.answers import Choice, Findings, Form, Grade, Measurement, Question, Site, Value
from data.records import Annotation, Prediction

MAJORITY, ORDINAL = "majority", "ordinal"
CERTAIN = 0.8
Key = tuple[str, str]
"""A question, and a finding or what was drawn of it; the latter is empty for choices and grades."""


@dataclass(frozen=True, slots=True)
class Opinion:
    """What votes come to.

    Parameters
    ----------
    value:
        None where nothing stands.
    support:
        Share of the reads that gave the value, or the most frequent one where none stands.
    probability:
        Of the value, or of the likeliest one where none stands; None where nothing is estimated.
    quality:
        Pairs of (reader, estimated probability that an answer of the reader to the question is right).
    """

    value: Value | None
    support: float
    probability: float | None = None
    quality: tuple[tuple[str, float], ...] = ()


@dataclass(frozen=True, slots=True, eq=False)
class _Estimated:
    """An estimate, with the rows of its items."""

    ratings: Ratings
    estimate: Estimate
    rows: Mapping[str, int]

    def of(self, item: str) -> Mapping[str, float]:
        """Probability by option; empty where nobody who counts read the item."""
        row = self.rows.get(item)
        values = [] if row is None else self.estimate.probabilities[row].tolist()
        return {} if not values or np.isnan(values).any() else dict(zip(self.ratings.options, values, strict=True))

    def quality(self, readers: Iterable[str]) -> dict[str, float]:
        """By reader, of those whose quality is known."""
        known = dict(zip(self.ratings.readers, self.estimate.quality.tolist(), strict=True))
        return {reader: known[reader] for reader in readers if not np.isnan(known.get(reader, np.nan))}


@dataclass(frozen=True, slots=True, eq=False)
class Rule:
    """A rule, with what it has learnt of a task's readers.

    Parameters
    ----------
    name:
        Of :data:`active_learning.methods.METHODS`.
    certain:
        Probability from which an answer stands; the majority needs none.
    outlines:
        How outlines are joined: ``majority`` or ``staple``.
    """

    name: str = MAJORITY
    certain: float = CERTAIN
    outlines: str = MAJORITY
    estimates: Mapping[Key, _Estimated] = field(default_factory=dict)

    @classmethod
    def learnt(
        cls,
        name: str,
        annotations: Iterable[Annotation],
        form: Form,
        *,
        certain: float = CERTAIN,
        outlines: str = MAJORITY,
        counts: Counts = everything,
        predictions: Mapping[str, Prediction] | None = None,
    ) -> Rule:
        """A rule that has seen a task's reads.

        Parameters
        ----------
        annotations:
            All of the task; the independent ones with a vote are learnt from.
        counts:
            Which answers count: those to questions that have not changed since.
        predictions:
            By study; what a rule that listens to a model listens to.
        """
        given = ratings_of(annotations, form, counts=counts)
        keys = {" ".join(key): key for key in given}
        tables = {
            text: model_table(given[key], form, *key, predictions) for text, key in keys.items() if predictions
        }
        ordered = {text for text, (question, _) in keys.items() if isinstance(form[question].kind, Grade)}
        own = {text for text in keys if name != ORDINAL or text in ordered}
        found = {
            **estimate_all(name, {text: given[keys[text]] for text in keys if text in own}, tables),
            **estimate_all(MAJORITY, {text: given[keys[text]] for text in keys if text not in own}),
        }
        estimates = {
            key: _Estimated(given[key], found[text], {item: row for row, item in enumerate(given[key].items)})
            for text, key in keys.items()
        }
        return cls(name, certain, outlines, estimates)

    def of(self, question: Question, site: Site, cast: Sequence[Vote], reads: int, study_id: str) -> Opinion:
        """What the votes on a question at a site come to; measurements go by the median whatever the rule.

        Parameters
        ----------
        reads:
            Reads of the case that count, those without an answer to this question among them.
        """
        values = [vote.value for vote in cast]
        if not values:
            return Opinion(None, 0.0)
        readers, item = [vote.reader_id for vote in cast], f"{study_id} {site.key}"
        match question.kind:
            case Measurement():
                return _middle(values, reads)
            case Findings(labels):
                return self._findings(question.name, labels, values, reads, readers, item)
            case Choice(options) | Grade(options):
                return self._option(question, options, values, reads, readers, item)
        raise TypeError(f"{question.name} is decided elsewhere")

    def _option(
        self,
        question: Question,
        options: Sequence[str],
        values: Sequence[Value],
        reads: int,
        readers: Sequence[str],
        item: str,
    ) -> Opinion:
        tally = Counter(values)
        by_option = {
            option: (index if isinstance(question.kind, Grade) else option) for index, option in enumerate(options)
        }
        places: dict[Value, int] = {value: place for place, value in enumerate(by_option.values())}
        top = max(tally, key=lambda value: (tally[value], -places.get(value, 0)))
        known = self.estimates.get((question.name, ""))
        odds = known.of(item) if known else {}
        quality = tuple(known.quality(readers).items()) if known else ()
        if self.name == MAJORITY or not odds or (self.name == ORDINAL and not isinstance(question.kind, Grade)):
            name = next(option for option, value in by_option.items() if value == top)
            stands = 2 * tally[top] > reads
            return Opinion(top if stands else None, tally[top] / reads, odds.get(name), quality)
        name = max(odds, key=lambda option: odds[option])
        value = by_option[name]
        stands = odds[name] >= self.certain
        return Opinion(value if stands else None, tally[value] / reads, odds[name], quality)

    def _findings(
        self,
        question: str,
        labels: Sequence[str],
        values: Sequence[Value],
        reads: int,
        readers: Sequence[str],
        item: str,
    ) -> Opinion:
        found, support, odds = set(), 1.0, []
        open_ = False
        for label in labels:
            present = sum(holds(value, label) for value in values)
            known = self.estimates.get((question, label))
            p = known.of(item).get(PRESENT) if known else None
            by_count = self.name in (MAJORITY, ORDINAL) or p is None
            said = 2 * present > reads if by_count else (p or 0.0) >= 0.5
            agreeing = present if said else len(values) - present
            if by_count:
                agreeing = max(present, len(values) - present)
                open_ = open_ or 2 * agreeing <= reads
            else:
                open_ = open_ or max(p or 0.0, 1 - (p or 0.0)) < self.certain
            support = min(support, agreeing / reads)
            odds += [] if p is None else [p if said else 1 - p]
            found |= {label} if said else set()
        quality = self.quality_of(question, labels, readers)
        return Opinion(None if open_ else frozenset(found), support, min(odds, default=None), quality)

    def quality_of(
        self, question: str, labels: Sequence[str], readers: Sequence[str]
    ) -> tuple[tuple[str, float], ...]:
        """Readers' quality in saying what is present or outlined, the mean over the labels."""
        shares: dict[str, list[float]] = {}
        for label in labels:
            known = self.estimates.get((question, label))
            for reader, share in (known.quality(readers) if known else {}).items():
                shares.setdefault(reader, []).append(share)
        return tuple((reader, float(np.mean(own))) for reader, own in shares.items())


PLAIN = Rule()
"""The majority, that knows nothing of the readers."""


def _middle(values: Sequence[Value], reads: int) -> Opinion:
    numbers = [float(value) for value in values if isinstance(value, int | float)]
    return Opinion(median(numbers) if 2 * len(numbers) > reads else None, len(numbers) / reads)
