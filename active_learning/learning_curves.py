"""How well labels were spent: learning curves, the labels that a quality needs, two ways of choosing compared.

A curve has a quality for each number of labels, once a seed. Two ways of choosing are compared on the same seeds
and the same test patients: in each resample seeds and patients are drawn together, and both curves are made of the
same draws, so that what both have in common leaves the difference.

References
----------
Guyon, Cawley, Dror, Lemaire: Results of the active learning challenge, JMLR W&CP 16 (2011), 19 - 45 (the area
under the learning curve).
Efron, Tibshirani: An Introduction to the Bootstrap (1993), chapters 8 and 13 (several sources of variation;
percentiles).
Barlow, Bartholomew, Bremner, Brunk: Statistical Inference under Order Restrictions (1972), chapter 1 (the closest
rising curve).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
from numpy.typing import ArrayLike, NDArray

from models.bootstrap import LEVEL, MAX_LEFT_OUT
from models.metrics import Measure

FloatArray: TypeAlias = NDArray[np.float64]

DRAWS = 1000
"""Resamples for an interval."""
NEVER = float("inf")
"""Labels that a quality needs which the curve does not reach."""


@dataclass(frozen=True, eq=False, slots=True)
class Curves:
    """One way of choosing, once a seed.

    Parameters
    ----------
    labels:
        (steps,) rising numbers of labels, or minutes of reading.
    values:
        (seeds, steps) the quality there, larger is better.
    drawn:
        (draws, seeds, steps) the same over resampled test patients; NaN where it is undefined. None: the test
        patients are taken as they are.
    """

    labels: FloatArray
    values: FloatArray
    drawn: FloatArray | None = None

    def __post_init__(self) -> None:
        steps = len(self.labels)
        if steps < 2 or np.any(np.diff(self.labels) <= 0):
            raise ValueError(f"labels {self.labels}: expected two or more rising numbers")
        if self.values.ndim != 2 or self.values.shape[1] != steps:
            raise ValueError(f"values of shape {self.values.shape}: expected (seeds, {steps})")
        if self.drawn is not None and self.drawn.shape[1:] != self.values.shape:
            raise ValueError(f"drawn of shape {self.drawn.shape}: expected (draws, {self.values.shape})")

    @property
    def middle(self) -> FloatArray:
        """(steps,) the mean over the seeds."""
        return np.asarray(self.values.mean(axis=0))


@dataclass(frozen=True, slots=True)
class Bounded:
    """A figure and its 95% interval; None for what cannot be had, such as labels that were never enough."""

    value: float | None
    low: float | None
    high: float | None


@dataclass(frozen=True, slots=True)
class Comparison:
    """One way of choosing held against another, mostly random, on the same seeds and patients.

    Parameters
    ----------
    aulc:
        The normalised area under the mean curve.
    aulc_gain:
        That less the other's.
    labels:
        Labels until the mean curve reaches the final quality of the other's, or the share of its rise asked for.
    labels_other:
        Labels that the other itself needs for it, by the same rule; no more than its last step.
    saved:
        1 - ``labels`` / ``labels_other``; below 0 where more are needed.
    saved_of_all:
        1 - ``labels`` / all labels of the other.
    """

    aulc: Bounded
    aulc_gain: Bounded
    labels: Bounded
    labels_other: Bounded
    saved: Bounded
    saved_of_all: Bounded


def area(labels: ArrayLike, values: ArrayLike) -> FloatArray:
    """The area under curves by trapezia over the width: the mean quality over the labels spent.

    Parameters
    ----------
    labels:
        (steps,).
    values:
        (..., steps).

    Returns
    -------
    (...,)
    """
    at = np.asarray(labels, dtype=np.float64)
    return np.asarray(np.trapezoid(np.asarray(values, dtype=np.float64), at, axis=-1) / (at[-1] - at[0]))


def rising(values: ArrayLike) -> FloatArray:
    """(..., steps) the closest curves, by least squares, that nowhere fall: one lucky step then reaches nothing.

    The max-min formula: at i, the largest over j <= i of the least over k >= i of the means of j to k.
    """
    given = np.asarray(values, dtype=np.float64)
    steps = given.shape[-1]
    sums = np.concatenate([np.zeros((*given.shape[:-1], 1)), np.cumsum(given, axis=-1)], axis=-1)
    first, last = np.arange(steps)[:, None], np.arange(steps)[None, :]
    width = np.where(last >= first, last - first + 1, 1)
    means = np.where(last >= first, (sums[..., None, 1:] - sums[..., :-1, None]) / width, np.inf)
    least = np.minimum.accumulate(means[..., ::-1], axis=-1)[..., ::-1]  # (..., j, i): over k >= i
    least = np.where(last >= first, least, -np.inf)
    return np.asarray(least.max(axis=-2))


def labels_to(labels: ArrayLike, values: ArrayLike, goal: ArrayLike) -> FloatArray:
    """Labels after which curves reach a quality, interpolated; :data:`NEVER` where they do not.

    Parameters
    ----------
    labels:
        (steps,).
    values:
        (..., steps); taken as :func:`rising` has them.
    goal:
        (...,) or one number. NaN gives NaN.

    Returns
    -------
    (...,)
    """
    at, wanted = np.asarray(labels, dtype=np.float64), np.asarray(goal, dtype=np.float64)
    smooth = rising(values)
    wanted = np.broadcast_to(wanted, smooth.shape[:-1])
    reached = smooth >= wanted[..., None] - 1e-12
    place = reached.argmax(axis=-1)
    before = np.maximum(place - 1, 0)
    low = np.take_along_axis(smooth, before[..., None], axis=-1)[..., 0]
    high = np.take_along_axis(smooth, place[..., None], axis=-1)[..., 0]
    with np.errstate(divide="ignore", invalid="ignore"):
        part = np.where(high > low, np.clip((wanted - low) / (high - low), 0, 1), 0.0)
    found = np.where(place > 0, at[before] + part * (at[place] - at[before]), at[0])
    undefined = np.isnan(wanted) | np.isnan(smooth).any(axis=-1)
    return np.asarray(np.where(undefined, np.nan, np.where(reached.any(axis=-1), found, NEVER)))


def resampled(
    labels: ArrayLike, measures: Sequence[Sequence[Measure]], *, draws: int = DRAWS, seed: int = 0
) -> Curves:
    """Curves with their qualities over resampled test patients.

    A patient has the same weight in all measures that it is in, and in the curves of every other call with the
    same patients and seed.

    Parameters
    ----------
    labels:
        (steps,).
    measures:
        One row a seed, one measure a step. Test patients may differ from seed to seed.
    """
    names = np.array(sorted({patient for row in measures for one in row for patient in one.patients}))
    weights = _weights(len(names), draws, seed)
    values = np.array([[one.value for one in row] for row in measures])
    drawn = np.empty((draws, *values.shape))
    for place, row in enumerate(measures):
        for step, one in enumerate(row):
            drawn[:, place, step] = one.statistic(weights[:, np.searchsorted(names, np.array(one.patients))])
    return Curves(np.asarray(labels, dtype=np.float64), values, drawn)


def compared(own: Curves, other: Curves, *, share: float = 1.0, seed: int = 0, draws: int = DRAWS) -> Comparison:
    """How one way of choosing stands against another, with paired intervals over seeds and patients.

    Parameters
    ----------
    own, other:
        With as many seeds, the same ones in the same order. Where both have ``drawn``, they must be of the same
        patients and as many draws; else the seeds alone are drawn.
    share:
        Of the other's rise from its first to its final quality that is to be reached: 1 is the final quality,
        where curves are flat and little noise is many labels.

    Raises
    ------
    ValueError
        The seeds or draws differ in number.
    """
    if len(own.values) != len(other.values):
        raise ValueError(f"{len(own.values)} and {len(other.values)} seeds: expected as many")
    if own.drawn is not None and other.drawn is not None:
        if len(own.drawn) != len(other.drawn):
            raise ValueError(f"{len(own.drawn)} and {len(other.drawn)} draws: expected as many")
        draws = len(own.drawn)
    seeds = len(own.values)
    chosen = np.random.default_rng((seed, 1)).integers(seeds, size=(draws, seeds))
    points = _figures(own.labels, own.middle, other.labels, other.middle, share)
    samples = _figures(own.labels, _drawn(own, chosen), other.labels, _drawn(other, chosen), share)
    return Comparison(*(_bounded(float(p), s) for p, s in zip(points, samples, strict=True)))


def _figures(
    own_labels: FloatArray, own: FloatArray, other_labels: FloatArray, other: FloatArray, share: float
) -> tuple[FloatArray, ...]:
    """The fields of a :class:`Comparison`, of curves (..., steps)."""
    smooth = rising(other)
    goal = smooth[..., 0] + share * (smooth[..., -1] - smooth[..., 0])
    needed, usual = labels_to(own_labels, own, goal), labels_to(other_labels, other, goal)
    aulc = area(own_labels, own)
    gain = aulc - area(other_labels, other)
    return aulc, gain, needed, usual, 1 - needed / usual, 1 - needed / other_labels[-1]


def _drawn(curves: Curves, chosen: NDArray[np.int64]) -> FloatArray:
    """(draws, steps) means over drawn seeds (draws, seeds), of drawn patients where they are there."""
    if curves.drawn is None:
        return np.asarray(curves.values[chosen].mean(axis=1))
    return np.asarray(np.take_along_axis(curves.drawn, chosen[:, :, None], axis=1).mean(axis=1))


def _bounded(value: float, samples: FloatArray) -> Bounded:
    """The percentile interval; bounds at infinity are None, as are all where too many resamples are undefined."""
    defined = samples[~np.isnan(samples)]
    if defined.size < (1 - MAX_LEFT_OUT) * samples.size:
        return Bounded(_finite(value), None, None)
    tail = (1 - LEVEL) / 2
    low = np.quantile(defined, tail, method="inverted_cdf")
    high = np.quantile(defined, 1 - tail, method="inverted_cdf")
    return Bounded(_finite(value), _finite(float(low)), _finite(float(high)))


def _finite(value: float) -> float | None:
    return value if np.isfinite(value) else None


def _weights(patients: int, draws: int, seed: int) -> FloatArray:
    """(draws, patients) how many times each patient is drawn."""
    drawn = np.random.default_rng((seed, 0)).integers(patients, size=(draws, patients))
    flat = (drawn + patients * np.arange(draws)[:, None]).ravel()
    return np.bincount(flat, minlength=draws * patients).reshape(draws, patients).astype(np.float64)
