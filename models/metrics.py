"""The figures by which versions are measured: a point value by scikit-learn, and the same over many resamples.

Each :class:`Measure` carries both. The weighted forms below take weights (resamples, items) and give
(resamples,); with all weights 1 they equal scikit-learn's values.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from data.records import Metric
from models.bootstrap import BoolArray, FloatArray, IntArray, Statistic, count_patients, interval


@dataclass(frozen=True, slots=True)
class Ranked:
    """What an area under the ROC curve is of: scores (items,), and which items are positive (items,)."""

    scores: FloatArray
    positive: BoolArray


@dataclass(frozen=True, slots=True)
class Measure:
    """A metric over items that belong to patients.

    Parameters
    ----------
    value:
        Over all items.
    statistic:
        The same over weighted items.
    patients:
        The patient of each item.
    required:
        For each class without which it is undefined, which items (items,) belong to it.
    ranked:
        What it is of, where it is the area under one ROC curve.
    """

    value: float
    statistic: Statistic
    patients: tuple[str, ...]
    required: tuple[BoolArray, ...] = ()
    ranked: Ranked | None = None

    def metric(self, n_bootstrap: int, seed: int) -> Metric:
        """The value with its 95% interval over patients."""
        bounds = interval(self.statistic, self.patients, n_bootstrap, seed, required=self.required)
        return Metric(self.value, bounds.low, bounds.high, count_patients(self.patients))

    def of(self, patients: Mapping[str, str]) -> Measure:
        """The same measure with each item's patient renamed, for example from its study to its patient."""
        return replace(self, patients=tuple(patients[name] for name in self.patients))

    def within(self, inside: BoolArray) -> Measure:
        """The measure over some of its items (items,) alone; its value is NaN where it is undefined there.

        What the measure is a mean over stays the same: a class that is missing among them makes it undefined.
        """
        kept = tuple(patient for patient, take in zip(self.patients, inside, strict=True) if take)

        def scattered(weights: FloatArray) -> FloatArray:
            whole = np.zeros((len(weights), len(inside)))
            whole[:, inside] = weights
            return self.statistic(whole)

        statistic: Statistic = scattered
        ranked = None
        if self.ranked is not None:
            ranked = Ranked(self.ranked.scores[inside], self.ranked.positive[inside])
            statistic = weighted_auc(ranked.scores, ranked.positive)  # the same, from fewer items
        value = float(statistic(np.ones((1, len(kept))))[0])
        return Measure(value, statistic, kept, tuple(group[inside] for group in self.required), ranked)


def weighted_mean(values: FloatArray) -> Statistic:
    """The mean of the items' values (items,)."""

    def statistic(weights: FloatArray) -> FloatArray:
        return _divide(weights @ values, weights.sum(axis=1))

    return statistic


def weighted_auc(scores: FloatArray, positive: BoolArray) -> Statistic:
    """The area under the ROC curve: how often a positive item scores above a negative one, ties counting half.

    The Mann-Whitney form, from ranks: the negatives are sorted once, and every resample needs one cumulative sum.

    Parameters
    ----------
    scores, positive:
        (items,) each.

    References
    ----------
    Hanley, McNeil: The meaning and use of the area under a ROC curve, Radiology 143 (1982), 29 - 36.
    """
    above = np.flatnonzero(positive)
    below = np.flatnonzero(~positive)
    below = below[np.argsort(scores[below], kind="stable")]
    first = np.searchsorted(scores[below], scores[above], side="left")  # negatives that score less
    last = np.searchsorted(scores[below], scores[above], side="right")  # ... less or the same

    def statistic(weights: FloatArray) -> FloatArray:
        won = np.zeros((len(weights), below.size + 1))
        np.cumsum(weights[:, below], axis=1, out=won[:, 1:])
        positives = weights[:, above]
        wins = np.einsum("ri,ri->r", positives, won[:, first] + won[:, last]) / 2
        return _divide(wins, positives.sum(axis=1) * won[:, -1])

    return statistic


def weighted_f1(reference: IntArray, given: IntArray, classes: Sequence[int]) -> Statistic:
    """The mean of F1 over classes; undefined where one of them is missing in the resample's reference."""
    true = np.stack([reference == c for c in classes], axis=1)  # (items, classes)
    said = np.stack([given == c for c in classes], axis=1)

    def statistic(weights: FloatArray) -> FloatArray:
        support = weights @ true
        both = weights @ (true & said)
        f1 = _divide(2 * both, support + weights @ said)
        values: FloatArray = np.where(support > 0, f1, np.nan).mean(axis=1)
        return values

    return statistic


def weighted_kappa(reference: IntArray, given: IntArray, levels: int) -> Statistic:
    """Cohen's kappa with quadratic weights over ordered levels.

    References
    ----------
    Cohen: Weighted kappa, Psychological Bulletin 70 (1968), 213 - 220.
    """
    pairs = np.eye(levels * levels)[reference * levels + given]  # (items, levels * levels)
    grid = np.arange(levels)
    cost = (grid[:, None] - grid[None, :]).astype(np.float64) ** 2

    def statistic(weights: FloatArray) -> FloatArray:
        table = (weights @ pairs).reshape(-1, levels, levels)
        rows, columns = table.sum(axis=2), table.sum(axis=1)
        expected = np.einsum("ri,rj,ij->r", rows, columns, cost)
        return 1 - _divide(np.einsum("rij,ij->r", table, cost) * table.sum(axis=(1, 2)), expected)

    return statistic


def mean_of(statistics: Sequence[Statistic]) -> Statistic:
    """The mean of several statistics of the same items; undefined where one of them is."""

    def statistic(weights: FloatArray) -> FloatArray:
        values: FloatArray = np.mean([each(weights) for each in statistics], axis=0)
        return values

    return statistic


def average(measures: Sequence[Measure]) -> Measure:
    """The mean of several measures, each over its own items: one draw of patients weighs the items of all."""
    borders = np.cumsum([0, *(len(m.patients) for m in measures)])
    spans = [slice(int(a), int(b)) for a, b in itertools.pairwise(borders)]

    def statistic(weights: FloatArray) -> FloatArray:
        values = [m.statistic(weights[:, span]) for m, span in zip(measures, spans, strict=True)]
        middle: FloatArray = np.mean(values, axis=0)
        return middle

    required = []
    for measure, span in zip(measures, spans, strict=True):
        for group in measure.required:
            whole = np.zeros(borders[-1], dtype=bool)
            whole[span] = group
            required.append(whole)
    value = float(np.mean([m.value for m in measures]))
    return Measure(value, statistic, tuple(p for m in measures for p in m.patients), tuple(required))


def mean(values: FloatArray, patients: Sequence[str], where: BoolArray | None = None) -> Measure | None:
    """The mean of values (items,) over all items or some; None where there is none."""
    chosen = np.ones(len(values), dtype=bool) if where is None else where
    if not chosen.any():
        return None
    kept = values[chosen].astype(np.float64)
    of = tuple(patient for patient, take in zip(patients, chosen, strict=True) if take)
    return Measure(float(kept.mean()), weighted_mean(kept), of)


def auc(scores: FloatArray, positive: BoolArray, patients: Sequence[str]) -> Measure | None:
    """The area under the ROC curve; None where there is one class only."""
    from sklearn.metrics import roc_auc_score  # noqa: PLC0415 - heavy

    if positive.all() or not positive.any():
        return None
    value = float(roc_auc_score(positive, scores))
    ranked = Ranked(scores, positive)
    return Measure(value, weighted_auc(scores, positive), tuple(patients), (positive, ~positive), ranked)


def macro_auc(probabilities: FloatArray, reference: IntArray, patients: Sequence[str]) -> Measure | None:
    """The mean over classes of one class against the rest; classes that the reference lacks are left out.

    Parameters
    ----------
    probabilities:
        (items, classes).
    reference:
        (items,) indices of classes.
    """
    found = [auc(probabilities[:, c], reference == c, patients) for c in np.unique(reference)]
    each = [measure for measure in found if measure is not None]
    if not each:
        return None
    required = tuple(group for measure in each for group in measure.required)
    value = float(np.mean([m.value for m in each]))
    return Measure(value, mean_of([m.statistic for m in each]), tuple(patients), required)


def f1(reference: IntArray, given: IntArray, patients: Sequence[str], *, classes: Sequence[int]) -> Measure | None:
    """The mean of F1 over those of the classes that the reference holds; None where it holds none."""
    from sklearn.metrics import f1_score  # noqa: PLC0415 - heavy

    present = [c for c in classes if (reference == c).any()]
    if not present:
        return None
    value = float(f1_score(reference, given, labels=present, average="macro", zero_division=0))
    required = tuple(reference == c for c in present)
    return Measure(value, weighted_f1(reference, given, present), tuple(patients), required)


def kappa(reference: IntArray, given: IntArray, patients: Sequence[str], *, levels: int) -> Measure | None:
    """Cohen's quadratic kappa; None where both say one and the same level throughout."""
    from sklearn.metrics import cohen_kappa_score  # noqa: PLC0415 - heavy

    if np.unique(np.concatenate([reference, given])).size < 2:
        return None
    value = float(cohen_kappa_score(reference, given, labels=list(range(levels)), weights="quadratic"))
    if not math.isfinite(value):
        return None
    return Measure(value, weighted_kappa(reference, given, levels), tuple(patients))


def log_loss(probabilities: FloatArray, reference: IntArray, patients: Sequence[str]) -> Measure:
    """The mean of -ln P(reference), probabilities (items, classes) clipped as scikit-learn clips them."""
    from sklearn.metrics import log_loss as sklearn_log_loss  # noqa: PLC0415 - heavy

    value = float(sklearn_log_loss(reference, probabilities, labels=list(range(probabilities.shape[1]))))
    tiny = np.finfo(np.float64).eps
    chosen = np.clip(probabilities[np.arange(len(reference)), reference], tiny, 1 - tiny)
    return Measure(value, weighted_mean(-np.log(chosen)), tuple(patients))


def _divide(numerator: FloatArray, denominator: FloatArray) -> FloatArray:
    """The quotient, NaN where the denominator is 0."""
    result = np.full(np.broadcast(numerator, denominator).shape, np.nan)
    quotient: FloatArray = np.divide(numerator, denominator, out=result, where=denominator != 0)
    return quotient
