"""The bootstrap over patients: how far a figure would move had other patients come.

Several images of one patient are not independent, so patients are drawn, with all that belongs to them. A
statistic is given weights, how many times each item was drawn, for many resamples at once.

References
----------
Efron, Tibshirani: An Introduction to the Bootstrap (1993), chapter 13 (percentile interval).
Field, Welsh: Bootstrapping clustered data, J. R. Stat. Soc. B 69 (2007), 369 - 390 (the cluster bootstrap).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

FloatArray: TypeAlias = NDArray[np.float64]
BoolArray: TypeAlias = NDArray[np.bool_]
IntArray: TypeAlias = NDArray[np.int64]

Statistic: TypeAlias = Callable[[FloatArray], FloatArray]
"""Weights (resamples, items) -> values (resamples,), NaN where the statistic is undefined."""

LEVEL = 0.95
"""Coverage of the intervals, unless another one is asked for."""
MAX_LEFT_OUT = 0.1
"""Share of the resamples in which a statistic may be undefined; beyond it there is no interval."""
MIN_PATIENTS = 2
"""Patients that are needed in all, and of every class that a statistic needs."""
CELLS = 4_000_000
"""Weights that are held in memory at a time."""


@dataclass(frozen=True, slots=True)
class Interval:
    """An interval. Bounds are None where it cannot be had; ``kept`` is the share of resamples that count."""

    low: float | None
    high: float | None
    kept: float


NO_INTERVAL = Interval(None, None, 0.0)


def count_patients(patients: Sequence[str]) -> int:
    """How many different patients the items belong to."""
    return len(set(patients))


def interval(
    statistic: Statistic,
    patients: Sequence[str],
    n: int = 1000,
    seed: int = 0,
    *,
    required: Sequence[BoolArray] = (),
) -> Interval:
    """The 95% percentile interval of a statistic over resampled patients.

    The same seed gives the same interval, in whatever order the items of a patient stand.

    Parameters
    ----------
    statistic:
        See :data:`Statistic`.
    patients:
        The patient of each item.
    n:
        Resamples.
    required:
        For each class that the statistic needs, which items (items,) belong to it.

    Returns
    -------
    Interval
        Without bounds if there are fewer than two patients in all or of a required class, or if the statistic is
        undefined in more than a tenth of the resamples. Other undefined resamples are left out.
    """
    defined = replicates(statistic, patients, n, seed, required=required)
    kept = defined.size / max(n, 1)
    if defined.size == 0 or kept < 1 - MAX_LEFT_OUT:
        return Interval(None, None, kept)
    tail = (1 - LEVEL) / 2
    low, high = np.quantile(defined, [tail, 1 - tail])
    return Interval(float(low), float(high), kept)


def replicates(
    statistic: Statistic,
    patients: Sequence[str],
    n: int = 1000,
    seed: int = 0,
    *,
    required: Sequence[BoolArray] = (),
) -> FloatArray:
    """The statistic in each resample of the patients in which it is defined: (up to n,) values.

    None at all where there are fewer than two patients in all or of a required class. Parameters as in
    :func:`interval`.
    """
    names, index = np.unique(np.asarray(patients, dtype=str), return_inverse=True)
    groups = [np.ones(len(index), dtype=bool), *required]
    if n < 1 or any(np.unique(index[group]).size < MIN_PATIENTS for group in groups):
        return np.empty(0)
    draws = _draws(len(names), n, seed, rows=max(1, CELLS // len(index)))
    values = np.concatenate([statistic(counts[:, index]) for counts in draws])
    defined: FloatArray = values[np.isfinite(values)]
    return defined


def difference(
    first: Statistic,
    second: Statistic,
    first_patients: Sequence[str],
    second_patients: Sequence[str],
    n: int = 1000,
    seed: int = 0,
    *,
    required: Sequence[BoolArray] = (),
) -> Interval:
    """The interval of ``first - second`` when both are computed on the same drawn patients: a paired comparison.

    Parameters
    ----------
    first_patients, second_patients:
        The patient of each item of either statistic. The items may differ; a patient's weight is the same in both.
    required:
        As in :func:`interval`, over the items of the first and then those of the second.
    """
    statistic = subtracted(first, second, len(first_patients))
    return interval(statistic, [*first_patients, *second_patients], n, seed, required=required)


def subtracted(first: Statistic, second: Statistic, border: int) -> Statistic:
    """``first - second`` over the ``border`` items of the first and then those of the second."""

    def subtract(weights: FloatArray) -> FloatArray:
        return first(weights[:, :border]) - second(weights[:, border:])

    return subtract


def _draws(patients: int, n: int, seed: int, *, rows: int) -> Iterator[FloatArray]:
    """How many times each patient is drawn: (up to ``rows``, patients) at a time, ``n`` rows in all."""
    generator = np.random.default_rng(seed)
    for start in range(0, n, rows):
        count = min(rows, n - start)
        drawn = generator.integers(patients, size=(count, patients)) + patients * np.arange(count)[:, None]
        yield np.bincount(drawn.ravel(), minlength=count * patients).reshape(count, patients).astype(np.float64)
