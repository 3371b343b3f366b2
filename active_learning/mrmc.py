"""Several readers, many cases: whether modalities differ, and whether a model differs from the readers.

Obuchowski and Rockette's analysis of variance of a figure of merit (AUC, sensitivity, specificity) with Hillis'
degrees of freedom: readers and patients are both random, so that a result holds for other readers and other
patients. Every reader reads every case (a fully crossed design; :func:`crossed` finds the largest part that is).
Error covariances come from the jackknife over patients, so that several cases of one patient count as one.

References
----------
Obuchowski, Rockette: Hypothesis testing of diagnostic accuracy for multiple readers and multiple tests: an ANOVA
approach with dependent observations, Commun. Stat. Simul. 24 (1995), 285 - 308.
Hillis: A comparison of denominator degrees of freedom methods for multiple observer ROC analysis, Stat. Med. 26
(2007), 596 - 619 (the degrees of freedom, of one modality as well).
Hillis: A marginal-mean ANOVA approach for analyzing multireader multicase radiological imaging data, Stat. Med. 33
(2014), 330 - 360 (covariances below 0 are taken as 0).
Chakraborty: Observer Performance Methods for Diagnostic Imaging (2017), chapter 22 (a model beside readers: the
differences as a single modality).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

import numpy as np
from numpy.typing import NDArray

from models.bootstrap import CELLS, LEVEL, MIN_PATIENTS, BoolArray, FloatArray, Statistic
from models.metrics import weighted_auc, weighted_mean

NO_TRUTH = -1
MIN_READERS = 2


class Merit(StrEnum):
    """The figure of merit of a reader."""

    AUC = "auc"
    SENSITIVITY = "sensitivity"
    SPECIFICITY = "specificity"


@dataclass(frozen=True, slots=True)
class Estimate:
    """A mean over readers, or a difference of two, with its 95% interval, Student's t and P of its being 0."""

    value: float
    low: float
    high: float
    error: float
    df: float
    t: float
    p: float


@dataclass(frozen=True, slots=True)
class Modalities:
    """Two modalities or more, read by the same readers.

    Parameters
    ----------
    merits:
        (modalities, readers).
    ms_t, ms_r, ms_tr:
        Mean squares of modality, reader and their interaction.
    variance, cov1, cov2, cov3:
        Error variance; covariances of one reader in two modalities, of two readers in one, of two in two.
    f, df1, df2, p:
        The test that all modalities are alike.
    means:
        Of each modality, from its own reads alone.
    differences:
        (first, second, estimate of first - second) for each pair of modalities.
    """

    merit: Merit
    merits: tuple[tuple[float, ...], ...]
    ms_t: float
    ms_r: float
    ms_tr: float
    variance: float
    cov1: float
    cov2: float
    cov3: float
    f: float
    df1: int
    df2: float
    p: float
    means: tuple[Estimate, ...]
    differences: tuple[tuple[int, int, Estimate], ...]


@dataclass(frozen=True, slots=True)
class Standalone:
    """A model beside a group of readers, on the same cases.

    Parameters
    ----------
    model, readers:
        The model's figure and each reader's. Where readers are held against references of their own, the model's
        is the mean over those.
    difference:
        Model less the mean of the readers.
    ms_r, variance, cov2:
        Mean square of the readers' differences from the model; their error variance and covariance.
    """

    merit: Merit
    model: float
    readers: tuple[float, ...]
    difference: Estimate
    ms_r: float
    variance: float
    cov2: float


def compare_modalities(
    scores: FloatArray, truth: NDArray[np.int64], patients: Sequence[str], merit: Merit
) -> Modalities | None:
    """Whether modalities differ; None where too few patients hold each class, or nothing varies.

    Parameters
    ----------
    scores:
        (modalities, readers, cases): two or more of either. Of any scale for AUC; 1 (positive) or 0 otherwise.
    truth:
        (cases,) 1 or 0; or (readers, cases) where each reader has a reference of the own, with :data:`NO_TRUTH`
        where it has none.
    patients:
        The patient of each case.
    """
    kinds, number, cases = scores.shape
    flat = scores.reshape(kinds * number, cases)
    truths = np.tile(np.broadcast_to(truth, (number, cases)), (kinds, 1))
    found = _jackknifed(flat, truths, patients, merit)
    if found is None or kinds < 2 or number < MIN_READERS:
        return None
    table, cov = found[0].reshape(kinds, number), found[1].reshape(kinds, number, kinds, number)
    middle = table.mean()
    by_kind, by_reader = table.mean(axis=1), table.mean(axis=0)
    ms_t = float(number * ((by_kind - middle) ** 2).sum() / (kinds - 1))
    ms_r = float(kinds * ((by_reader - middle) ** 2).sum() / (number - 1))
    apart = table - by_kind[:, None] - by_reader[None, :] + middle
    ms_tr = float((apart**2).sum() / ((kinds - 1) * (number - 1)))
    variance, cov1, cov2, cov3 = _covariances(cov)
    spread = ms_tr + number * max(cov2 - cov3, 0.0)
    if spread <= 0:
        return None
    df1, df2 = kinds - 1, _df(spread, ms_tr, (kinds - 1) * (number - 1))
    pairs = [(i, j) for i in range(kinds) for j in range(i + 1, kinds)]
    return Modalities(
        merit, tuple(tuple(map(float, row)) for row in table), ms_t, ms_r, ms_tr, variance, cov1, cov2, cov3,
        ms_t / spread, df1, df2, _p_of_f(ms_t / spread, df1, df2),
        tuple(_mean(table[i], _covariances(cov[i : i + 1, :, i : i + 1, :])[2]) for i in range(kinds)),
        tuple((i, j, _estimate(float(by_kind[i] - by_kind[j]), math.sqrt(2 / number * spread), df2))
              for i, j in pairs),
    )  # fmt: skip


def compare_standalone(
    readers: FloatArray, model: FloatArray, truth: NDArray[np.int64], patients: Sequence[str], merit: Merit
) -> Standalone | None:
    """Whether a model differs from the readers; None where too few patients hold each class, or nothing varies.

    The differences of the readers from the model are one modality. The jackknife of the differences holds what
    readers and model have in common by seeing the same cases; the model itself is no draw from other models.

    Parameters
    ----------
    readers:
        (readers, cases), two readers or more; see :func:`compare_modalities`.
    model:
        (cases,).
    truth, patients:
        As in :func:`compare_modalities`.
    """
    number, cases = readers.shape
    truths = np.broadcast_to(truth, (number, cases))
    both = np.concatenate([readers, np.broadcast_to(model, (number, cases))])
    found = _jackknifed(both, np.tile(truths, (2, 1)), patients, merit)
    if found is None or number < MIN_READERS:
        return None
    merits, cov = found
    turn = np.hstack([-np.eye(number), np.eye(number)])  # (readers, 2 readers): model less reader
    apart, spread = turn @ merits, turn @ cov @ turn.T
    variance, _, cov2, _ = _covariances(spread.reshape(1, number, 1, number))
    estimate = _mean(apart, cov2)
    if not math.isfinite(estimate.t):
        return None
    return Standalone(
        merit, float(merits[number:].mean()), tuple(map(float, merits[:number])), estimate,
        float(apart.var(ddof=1)), variance, cov2,
    )  # fmt: skip


def crossed(read: BoolArray) -> tuple[tuple[int, ...], BoolArray]:
    """The largest part of a study in which every reader read every case.

    Readers are left out one at a time, the one with the fewest reads first; of the designs met on the way the one
    with the most reads is taken, and of equal ones that with more readers.

    Parameters
    ----------
    read:
        (readers, cases).

    Returns
    -------
    tuple[tuple[int, ...], BoolArray]
        The readers' indices, and (cases,) which cases all of them read. No reader where two share no case.
    """
    left = list(range(len(read)))
    best: tuple[int, tuple[int, ...]] = (0, ())
    while len(left) >= MIN_READERS:
        size = len(left) * int(read[left].all(axis=0).sum())
        if size > best[0]:
            best = size, tuple(left)
        left.remove(min(left, key=lambda index: (int(read[index].sum()), -index)))
    chosen = best[1]
    shared = np.asarray(read[list(chosen)].all(axis=0), dtype=np.bool_)
    return chosen, shared if chosen else np.zeros_like(shared)


def _jackknifed(
    scores: FloatArray, truths: NDArray[np.int64], patients: Sequence[str], merit: Merit
) -> tuple[FloatArray, FloatArray] | None:
    """Figures (k,) of the rows (k, cases), and their covariances (k, k) over the patients that the merit needs."""
    of = np.asarray(patients, dtype=str)
    wanted = {Merit.AUC: (1, 0), Merit.SENSITIVITY: (1,), Merit.SPECIFICITY: (0,)}[merit]
    if any(np.unique(of[truth == kind]).size < MIN_PATIENTS for truth in truths for kind in wanted):
        return None
    kept = np.isin(truths, wanted).any(axis=0)
    names, index = np.unique(of[kept], return_inverse=True)
    statistics = [
        _merit(row, truth, np.isin(truth, wanted), merit)
        for row, truth in zip(scores[:, kept], truths[:, kept], strict=True)
    ]
    figures = np.array([statistic(np.ones((1, len(index))))[0] for statistic in statistics])
    without = np.empty((len(names), len(statistics)))
    rows = max(1, CELLS // len(index))
    for start in range(0, len(names), rows):
        block = np.arange(start, min(start + rows, len(names)))
        weights = (index[None, :] != block[:, None]).astype(np.float64)
        without[block] = np.stack([statistic(weights) for statistic in statistics], axis=1)
    apart = without - without.mean(axis=0)
    return figures, np.asarray((len(names) - 1) / len(names) * apart.T @ apart)


def _merit(scores: FloatArray, truth: NDArray[np.int64], used: BoolArray, merit: Merit) -> Statistic:
    """A figure of merit as a function of weights (rows, cases)."""
    chosen = scores[used]
    if merit is Merit.AUC:
        of = weighted_auc(chosen, truth[used] == 1)
    else:
        of = weighted_mean(chosen if merit is Merit.SENSITIVITY else 1 - chosen)
    return lambda weights: of(weights[:, used])


def _covariances(cov: FloatArray) -> tuple[float, float, float, float]:
    """Mean error variance, and means of covariances 1 to 3, of (modalities, readers, modalities, readers)."""
    kinds, number = cov.shape[:2]
    same_kind = np.eye(kinds, dtype=bool)[:, None, :, None]
    same_reader = np.eye(number, dtype=bool)[None, :, None, :]

    def middle(where: BoolArray) -> float:
        chosen = cov[np.broadcast_to(where, cov.shape)]
        return float(chosen.mean()) if chosen.size else 0.0

    return (
        middle(same_kind & same_reader), middle(~same_kind & same_reader), middle(same_kind & ~same_reader),
        middle(~same_kind & ~same_reader),
    )  # fmt: skip


def _mean(merits: FloatArray, cov2: float) -> Estimate:
    """The mean over the readers of one modality."""
    number = len(merits)
    ms_r = float(merits.var(ddof=1))
    spread = ms_r + number * max(cov2, 0.0)
    return _estimate(float(merits.mean()), math.sqrt(spread / number), _df(spread, ms_r, number - 1))


def _df(spread: float, mean_square: float, degrees: int) -> float:
    """Hillis' degrees of freedom; infinite where readers differ by nothing but the cases."""
    return math.inf if mean_square <= 0 else spread**2 / (mean_square**2 / degrees)


def _estimate(value: float, error: float, df: float) -> Estimate:
    from scipy import stats  # noqa: PLC0415 - slow to load

    if error <= 0:
        return Estimate(value, value, value, 0.0, df, math.nan, math.nan)
    curve = stats.norm if math.isinf(df) else stats.t(df)
    half = float(curve.ppf((1 + LEVEL) / 2)) * error
    t = value / error
    return Estimate(value, value - half, value + half, error, df, t, float(2 * curve.sf(abs(t))))


def _p_of_f(f: float, df1: int, df2: float) -> float:
    from scipy import stats  # noqa: PLC0415 - slow to load

    return float(stats.chi2.sf(df1 * f, df1) if math.isinf(df2) else stats.f.sf(f, df1, df2))
