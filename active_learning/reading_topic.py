"""One topic of a reading study: how its readers and the model meet the reference standard.

A topic is a question, or one finding of a question of findings. Its binary view, positive against the rest, gives
sensitivity, specificity and AUC; with more than two options each stands against the rest as well, weighted by how
often the reference holds it (see :mod:`active_learning.accuracy`).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from active_learning.accuracy import accuracy
from active_learning.agreement import Weights, cohen_kappa
from active_learning.panel import Figures
from active_learning.ratings import NOT_READ, Ratings
from active_learning.reference import Against, Reference
from data.records import Metric
from models.bootstrap import BoolArray, FloatArray
from models.metrics import Measure, auc, average

MEAN_READER = "mean of the readers"
REFERENCE = "the reference"
SHARES = frozenset({"accuracy", "sensitivity", "specificity"})
"""Figures that are shares of answers."""


@dataclass(frozen=True, slots=True)
class View:
    """What a topic asks.

    Parameters
    ----------
    options:
        In their order; ``ordered`` says whether it means anything.
    positive:
        Indices of the positive options of the binary view; empty where there is none.
    title:
        The sentence that readers see.
    """

    question: str
    label: str
    options: tuple[str, ...]
    ordered: bool
    positive: tuple[int, ...]
    title: str = ""

    @property
    def name(self) -> str:
        """``question``, or ``question.finding``."""
        return f"{self.question}.{self.label}" if self.label else self.question

    def binary(self, said: NDArray[np.int16]) -> NDArray[np.int16]:
        """1 where positive, 0 where not, :data:`active_learning.ratings.NOT_READ` where nothing was said."""
        return np.where(said == NOT_READ, NOT_READ, np.isin(said, self.positive)).astype(np.int16)


@dataclass(frozen=True, slots=True, eq=False)
class Said:
    """What the model says of a topic's items.

    Parameters
    ----------
    version:
        The model's version.
    given:
        (items,) its answers; :data:`active_learning.ratings.NOT_READ` where it was not asked or may have learnt
        from the patient.
    probabilities:
        (items, options); rows without an answer are 0.
    """

    version: str
    given: NDArray[np.int16]
    probabilities: FloatArray

    def score(self, view: View) -> FloatArray:
        """(items,) the probability of the positive options."""
        return np.asarray(self.probabilities[:, list(view.positive)].sum(axis=1), dtype=np.float64)


@dataclass(frozen=True, slots=True)
class Answerer:
    """A reader, the readers' mean, or the model, against the reference standard.

    Parameters
    ----------
    kind:
        ``reader``, ``mean`` or ``model``.
    items, patients:
        How many could be compared.
    sources:
        How many of the items were held against which :class:`active_learning.reference.Source`.
    binary:
        sensitivity, specificity, auc, accuracy, kappa of the binary view; what is undefined is missing.
    several:
        The same over all options where there are more than two: accuracy, sensitivity, specificity, auc, kappa and
        kappa_quadratic where they have an order.
    confusion:
        (options, options): how often the reference (rows) met the answer (columns).
    """

    name: str
    kind: str
    items: int
    patients: int
    sources: Mapping[str, int]
    binary: Figures
    several: Figures
    confusion: tuple[tuple[int, ...], ...]


@dataclass(frozen=True, slots=True)
class Level:
    """A part of a topic's items: those of one spinal level, both sides together."""

    name: str
    answerers: tuple[Answerer, ...]


@dataclass(frozen=True, slots=True)
class Draws:
    """How the intervals are drawn: resamples of the patients, and the seed."""

    number: int
    seed: int

    def figures(self, measures: Mapping[str, Measure]) -> dict[str, Metric]:
        """Measures with their intervals; of shares that are 0 or 1 throughout see :func:`exact`."""
        found = {name: one.metric(self.number, self.seed) for name, one in measures.items()}
        return {name: exact(metric) if name in SHARES else metric for name, metric in found.items()}


def exact(metric: Metric) -> Metric:
    """A share with an interval that has a width, where no resample of the patients can differ from 0 or 1.

    References
    ----------
    Clopper, Pearson: The use of confidence or fiducial limits illustrated in the case of the binomial,
    Biometrika 26 (1934), 404 - 413.
    """
    from statsmodels.stats.proportion import proportion_confint  # noqa: PLC0415 - slow to load

    if metric.low is None or metric.low != metric.high or metric.value not in (0.0, 1.0):
        return metric
    low, high = proportion_confint(round(metric.value * metric.n), metric.n, method="beta")
    return replace(metric, low=float(low), high=float(high))


def answerers(
    view: View, ratings: Ratings, reference: Reference, model: Said | None, draws: Draws
) -> tuple[Answerer, ...]:
    """Each reader, their mean, and the model."""
    found, measured = [], []
    for reader in ratings.readers:
        against = reference.without(reader, ratings.items)
        given = ratings.of_reader(reader)
        binary, several = (
            _binary(view, given, against.truth, ratings),
            _several(view, given, against.truth, ratings),
        )
        measured.append((binary, several))
        found.append(_answerer(reader, "reader", view, given, against, ratings, draws.figures(binary),
                               draws.figures(several)))  # fmt: skip
    if len(found) > 1:
        found.append(_mean(found, [one for one, _ in measured], [many for _, many in measured], draws))
    if model is not None and (model.given != NOT_READ).any():
        against = reference.stands(ratings.items)
        binary = _binary(view, model.given, against.truth, ratings, model.score(view))
        several = _several(view, model.given, against.truth, ratings, model.probabilities)
        found.append(_answerer(model.version, "model", view, model.given, against, ratings, draws.figures(binary),
                               draws.figures(several)))  # fmt: skip
    return tuple(one for one in found if one.items)


def levels(
    view: View, ratings: Ratings, reference: Reference, model: Said | None, draws: Draws
) -> tuple[Level, ...]:
    """The same by spinal level, where there is more than one."""
    places = [item.split(" ", 1)[1].split(":") for item in ratings.items]
    names = np.array([place[1] if place[0] == "level" else "" for place in places])
    found = []
    for name in sorted(set(names.tolist()) - {""}):
        kept = names == name
        part = Ratings(
            ratings.options, ratings.readers,
            tuple(np.array(ratings.items)[kept].tolist()), tuple(np.array(ratings.patients)[kept].tolist()),
            ratings.given[kept],
        )  # fmt: skip
        said = model and replace(model, given=model.given[kept], probabilities=model.probabilities[kept])
        found.append(Level(name, answerers(view, part, reference, said, draws)))
    return tuple(found) if len(found) > 1 else ()


def confusion(given: NDArray[np.int16], truth: NDArray[np.int16], options: int) -> tuple[tuple[int, ...], ...]:
    """(options, options) counts, the reference in the rows."""
    both = (given != NOT_READ) & (truth != NOT_READ)
    table = np.zeros((options, options), dtype=np.int64)
    np.add.at(table, (truth[both], given[both]), 1)
    return tuple(tuple(int(n) for n in row) for row in table)


def _answerer(
    name: str, kind: str, view: View, given: NDArray[np.int16], against: Against, ratings: Ratings,
    binary: Figures, several: Figures,
) -> Answerer:  # fmt: skip
    used = (given != NOT_READ) & (against.truth != NOT_READ)
    owners = {owner for owner, kept in zip(ratings.patients, used, strict=True) if kept}
    table = confusion(given, against.truth, len(view.options))
    return Answerer(name, kind, int(used.sum()), len(owners), against.counts(used), binary, several, table)


def _mean(
    found: Sequence[Answerer], binary: list[dict[str, Measure]], several: list[dict[str, Measure]], draws: Draws
) -> Answerer:
    """The mean of the readers' figures; where one reader's is undefined there is none."""
    tables = np.sum([one.confusion for one in found], axis=0)
    return Answerer(
        MEAN_READER, "mean", sum(one.items for one in found), max(one.patients for one in found), {},
        draws.figures(_averaged(binary)), draws.figures(_averaged(several)),
        tuple(tuple(int(n) for n in row) for row in tables),
    )  # fmt: skip


def _averaged(each: Sequence[Mapping[str, Measure]]) -> dict[str, Measure]:
    shared = [name for name in each[0] if all(name in one for one in each)]
    return {name: average([one[name] for one in each]) for name in shared}


def _binary(
    view: View, given: NDArray[np.int16], truth: NDArray[np.int16], ratings: Ratings,
    scores: FloatArray | None = None,
) -> dict[str, Measure]:  # fmt: skip
    """Figures of the binary view. The AUC is of the grades where there are, of ``scores`` where they are given."""
    if not view.positive:
        return {}
    said, right = view.binary(given), view.binary(truth)
    found = accuracy(said, right, ratings.patients, options=2, ordered=False)
    score = given.astype(np.float64) if scores is None else scores
    used = (said != NOT_READ) & (right != NOT_READ)
    if scores is not None or (view.ordered and "auc" in found):
        graded = auc(score[used], right[used] == 1, _owners(ratings, used))
        found = {name: one for name, one in found.items() if name != "auc"} | ({"auc": graded} if graded else {})
    kappa = _kappa(("negative", "positive"), said, right, ratings, Weights.NONE)
    return found | ({"kappa": kappa} if kappa else {})


def _several(
    view: View, given: NDArray[np.int16], truth: NDArray[np.int16], ratings: Ratings,
    probabilities: FloatArray | None = None,
) -> dict[str, Measure]:  # fmt: skip
    if len(view.options) < 3:
        return {}
    found = accuracy(
        given,
        truth,
        ratings.patients,
        options=len(view.options),
        ordered=view.ordered,
        probabilities=probabilities,
    )
    for name, weights in (("kappa", Weights.NONE), ("kappa_quadratic", Weights.QUADRATIC)):
        if weights is Weights.NONE or view.ordered:
            kappa = _kappa(view.options, given, truth, ratings, weights)
            found |= {name: kappa} if kappa else {}
    return found


def _kappa(
    options: tuple[str, ...],
    given: NDArray[np.int16],
    truth: NDArray[np.int16],
    ratings: Ratings,
    weights: Weights,
) -> Measure | None:
    two = Ratings(
        options, ("answer", REFERENCE), ratings.items, ratings.patients, np.stack([given, truth], axis=1)
    )
    return cohen_kappa(two, "answer", REFERENCE, weights)


def _owners(ratings: Ratings, used: BoolArray) -> tuple[Any, ...]:
    return tuple(owner for owner, kept in zip(ratings.patients, used, strict=True) if kept)
