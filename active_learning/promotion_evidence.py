"""The evidence of one comparison: a metric of candidate and champion on the same patients, and their difference.

The standard error comes from the bootstrap over patients; the interval is Student's, so that it can be had at any
level from few resamples. At the levels that repeated looks ask for, a percentile interval would rest on the one or
two most extreme of a thousand. How often either promotes a version that is no better: ``benchmarks/promotion.py``.

References
----------
Efron, Tibshirani: An Introduction to the Bootstrap (1993), chapters 6 and 12.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping
from dataclasses import asdict, dataclass, replace
from typing import Any

import numpy as np

from models import delong
from models.bootstrap import (
    LEVEL,
    MAX_LEFT_OUT,
    BoolArray,
    Statistic,
    count_patients,
    replicates,
    subtracted,
)
from models.metrics import Measure

MIN_PATIENTS = 20
"""Patients below which nothing is concluded."""
MIN_A_CLASS = 5
"""Patients of every class that the metric needs, below which nothing is concluded."""


@dataclass(frozen=True, slots=True)
class Draws:
    """How the patients are resampled, and below how many of them nothing is concluded.

    A standard error needs few resamples; with 500 it is known to 3%.
    """

    resamples: int = 500
    seed: int = 0
    min_patients: int = MIN_PATIENTS


DRAWS = Draws()


@dataclass(frozen=True, slots=True)
class Difference:
    """Candidate - champion; above 0 the candidate is better.

    Parameters
    ----------
    low, high:
        Bounds of the interval; None where it cannot be had.
    n:
        Patients.
    level:
        Coverage of the interval, 0 to 1.
    error:
        Standard error; None where it cannot be had.
    """

    value: float
    low: float | None
    high: float | None
    n: int
    level: float = LEVEL
    error: float | None = None

    def at(self, level: float) -> Difference:
        """The same with the interval of another level."""
        if self.error is None:
            return replace(self, level=level)
        reach = _quantile(level, self.n) * self.error
        return replace(self, low=self.value - reach, high=self.value + reach, level=level)

    def as_dict(self) -> dict[str, Any]:
        """The difference as JSON."""
        return asdict(self)

    @classmethod
    def from_dict(cls, raw: Mapping[str, Any]) -> Difference:
        """The difference back from JSON."""
        return cls(**raw)


@dataclass(frozen=True, slots=True)
class Pair:
    """One metric of both versions on the same answers.

    Parameters
    ----------
    name:
        The metric, as :mod:`models.evaluation` names it.
    champion, candidate:
        Its items belong to patients. The items may differ where masks are measured, the patients do not.
    smaller_is_better:
        Whether the metric counts errors; the difference is turned round then.
    """

    name: str
    champion: Measure
    candidate: Measure
    smaller_is_better: bool = False

    @property
    def patients(self) -> tuple[str, ...]:
        """Of the candidate's items and then the champion's."""
        return (*self.candidate.patients, *self.champion.patients)

    @property
    def n(self) -> int:
        """Patients."""
        return count_patients(self.patients)

    @property
    def value(self) -> float:
        """The difference over all items."""
        gained = self.candidate.value - self.champion.value
        return -gained if self.smaller_is_better else gained

    @property
    def required(self) -> list[BoolArray]:
        """The classes that either side needs, over the items of :attr:`patients`."""
        return _both(self.candidate, self.champion)

    def of(self, patients: Mapping[str, str]) -> Pair:
        """The same with the items' owners renamed; see :meth:`models.metrics.Measure.of`."""
        return replace(self, champion=self.champion.of(patients), candidate=self.candidate.of(patients))

    def within(self, owners: Collection[str]) -> Pair:
        """Over the items of these owners alone."""
        sides = [
            side.within(np.array([owner in owners for owner in side.patients], dtype=bool))
            for side in (self.champion, self.candidate)
        ]
        return replace(self, champion=sides[0], candidate=sides[1])


def weigh(pair: Pair, level: float, draws: Draws) -> Difference:
    """The difference of a pair with its interval: paired, over resampled patients.

    The standard error of the resamples is scaled by ``sqrt(n / (n - 1))``, since a resample varies about the
    sample and not about the truth; for a mean this is Student's paired interval.

    Parameters
    ----------
    level:
        Coverage, 0 to 1.
    """
    one, other = pair.candidate, pair.champion
    subtract: Statistic = subtracted(one.statistic, other.statistic, len(one.patients))
    n = pair.n
    values = replicates(subtract, pair.patients, draws.resamples, draws.seed, required=pair.required)
    if values.size < max(2, draws.resamples * (1 - MAX_LEFT_OUT)) or not math.isfinite(pair.value):
        return Difference(pair.value if math.isfinite(pair.value) else 0.0, None, None, n, level)
    error = float(values.std(ddof=1)) * math.sqrt(n / (n - 1))
    return Difference(pair.value, None, None, n, level, error).at(level)


def by_delong(pair: Pair, level: float) -> Difference | None:
    """The same difference by DeLong's closed form, with the normal interval that it is published with.

    None unless it is an area under one ROC curve and each patient gave one item.
    """
    first, second = pair.candidate.ranked, pair.champion.ranked
    owners = pair.candidate.patients
    if first is None or second is None or owners != pair.champion.patients or count_patients(owners) < len(owners):
        return None
    found = delong.areas(np.stack([first.scores, second.scores]), first.positive)
    if found is None:
        return None
    value, error = found.difference(0, 1)
    reach = _quantile(level, None) * error
    return Difference(value, value - reach, value + reach, len(owners), level, error)


def shortage(pair: Pair, min_patients: int = MIN_PATIENTS) -> str:
    """What is missing for any conclusion; empty where nothing is."""
    if pair.n < min_patients:
        return f"{pair.n} test patients with a reference and both answers, {min_patients} are needed"
    of_class = [
        count_patients([p for p, inside in zip(pair.patients, group, strict=True) if inside])
        for group in pair.required
    ]
    if min(of_class, default=MIN_A_CLASS) < MIN_A_CLASS:
        return f"{min(of_class)} test patients of the rarest class, {MIN_A_CLASS} are needed"
    if not math.isfinite(pair.value):
        return "the metric is undefined"
    return ""


def _quantile(level: float, n: int | None) -> float:
    """Of Student's t with n - 1 degrees of freedom, or of the normal distribution where n is None."""
    from scipy.stats import norm, t  # noqa: PLC0415 - slow to load

    tail = (1 - level) / 2
    return float(norm.isf(tail) if n is None else t.isf(tail, max(n - 1, 1)))


def _both(first: Measure, second: Measure) -> list[BoolArray]:
    """The classes that either needs, over the items of the first and then the second."""
    before = [np.concatenate([g, np.zeros(len(second.patients), dtype=bool)]) for g in first.required]
    after = [np.concatenate([np.zeros(len(first.patients), dtype=bool), g]) for g in second.required]
    return [*before, *after]
