"""A consensus that pools what labels and readers have in common: severities on a line, and readers' thresholds.

Each item shows an option to some degree, its severity. A reader says the option the likelier the farther the
severity lies above the reader's own threshold; this is Rasch's model, readers in the place of questions. It says
what Dawid and Skene's classes cannot: that readers err on the same items, those near the threshold, so that their
errors do not speak independently. Where all readers read an item, the number of those who say an option is all
that counts; where some do, it counts who they are.

The reads alone cannot tell where the reference draws its line. It is drawn where the reference says the option as
often as the readers do on the whole: readers as a group neither over-call nor under-call. The probability of an
option is that of a severity above this line.

Thresholds are shrunk towards what the reader does at other labels and what readers do on the whole; how much is
estimated from the reads (empirical Bayes, by Laplace's approximation), so that few reads suffice. A model's
probabilities move the expected severity of an item; how far is estimated as well. More than two options are taken
one against the rest.

References
----------
Rasch: Probabilistic Models for Some Intelligence and Attainment Tests (1960).
Qu, Tan, Kutner: Random effects models in latent class analysis for evaluating accuracy of diagnostic tests,
Biometrics 52 (1996), 797 - 810 (dependence of tests given the truth).
MacKay: Bayesian interpolation, Neural Computation 4 (1992), 415 - 447 (the widths of the priors).
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from active_learning.crowd import Estimate, judged
from active_learning.ratings import NOT_READ, Ratings
from models.bootstrap import FloatArray

GRID = np.linspace(-6, 6, 61)
"""Severities in standard deviations, over which everything is summed."""
MEAN, SPREAD, MODEL, READERS = 0, 1, 2, 3
"""Columns of the parameters; from the last on how far each reader's threshold lies below the common one."""
ROUNDS = 6
"""Of the widths of the priors; they move by less than a hundredth thereafter."""
LEAST = 1e-6
BELIEFS = 4
"""For how many estimates a prior's first width stands."""
NOISE = math.log(math.pi / math.sqrt(3))
"""Before any read severities are thought to vary as much as one reader's noise, which is logistic ..."""
VARIES = 0.5
"""... by a factor of e up or down from label to label, two deviations of its logarithm ..."""
APART = 1.0
"""... and thresholds by an odds ratio of e: one deviation, of the readers and of a reader's labels."""


@dataclass(frozen=True, slots=True, eq=False)
class _Reads:
    """One option of one label: every pattern of reads once.

    Parameters
    ----------
    yes, no:
        (patterns, readers) 1 where the reader said the option, or another one.
    count:
        (patterns,) items.
    model:
        (patterns,) the model's logit, of mean 0 and deviation 1; 0 where it said nothing.
    pattern:
        (items,) the pattern of each item.
    """

    yes: FloatArray
    no: FloatArray
    count: FloatArray
    model: FloatArray
    pattern: NDArray[np.int64]


@dataclass(frozen=True, slots=True, eq=False)
class _Priors:
    """Normal priors: centres (columns,) and deviations (columns,), and how far apart the readers' centres lie."""

    centre: FloatArray
    width: FloatArray
    between: float


def pooled(ratings: Mapping[str, Ratings], model: Mapping[str, FloatArray] | None = None) -> dict[str, Estimate]:
    """The truth of several labels, from all of their reads at once.

    Parameters
    ----------
    ratings:
        By label. Readers are the same persons where they have the same name.
    model:
        By label, where there is one: (items, options) calibrated probabilities; NaN where the model said nothing.

    Returns
    -------
    dict
        By label, as :class:`active_learning.crowd.Estimate`.
    """
    readers = sorted({name for one in ratings.values() for name in one.readers})
    keys = [
        (label, option)
        for label, one in ratings.items()
        for option in range(1 if len(one.options) == 2 else 0, len(one.options))
        if _told_apart(one, option)
    ]
    reads = [_reads(ratings[label], option, readers, (model or {}).get(label)) for label, option in keys]
    found = dict(zip(keys, _probabilities(reads, len(readers)), strict=True)) if keys else {}
    return {label: _estimate(label, one, found) for label, one in ratings.items()}


def _told_apart(ratings: Ratings, option: int) -> bool:
    """Some reads said the option, and some another one."""
    said = ratings.given[ratings.given != NOT_READ]
    return bool((said == option).any() and (said != option).any())


def _estimate(label: str, ratings: Ratings, found: Mapping[tuple[str, int], FloatArray]) -> Estimate:
    """The options' probabilities put together; an option that nobody said, or everybody, by its share."""
    counts = ratings.counts()
    shares = counts.sum(axis=0) / max(counts.sum(), 1)
    chances = np.tile(shares, (len(counts), 1))
    if len(ratings.options) == 2 and (label, 1) in found:
        chances = np.column_stack([1 - found[label, 1], found[label, 1]])
    else:
        for option in range(len(ratings.options)):
            if (label, option) in found:
                chances[:, option] = found[label, option]
    chances = np.maximum(chances, 0) / np.maximum(chances.sum(axis=1, keepdims=True), LEAST)
    chances[counts.sum(axis=1) == 0] = np.nan
    return judged(ratings, chances)


def _reads(ratings: Ratings, option: int, readers: Sequence[str], model: FloatArray | None) -> _Reads:
    """An option against the rest, with the readers of all labels as columns."""
    columns = np.searchsorted(np.array(readers), np.array(ratings.readers))
    said = np.full((len(ratings.items), len(readers)), NOT_READ, dtype=np.int8)
    said[:, columns] = np.where(ratings.given == NOT_READ, NOT_READ, ratings.given == option)
    if model is None:
        kinds, pattern = np.unique(said, axis=0, return_inverse=True)
        logits: FloatArray = np.zeros(len(kinds))
    else:
        kinds, pattern, logits = said, np.arange(len(said)), _logits(model[:, option])
    yes, no = (kinds == 1).astype(np.float64), (kinds == 0).astype(np.float64)
    pattern = pattern.reshape(-1)
    return _Reads(yes, no, np.bincount(pattern).astype(np.float64), logits, pattern)


def _logits(chances: FloatArray) -> FloatArray:
    """Logits of mean 0 and deviation 1; 0 where there are none or all are alike."""
    with np.errstate(invalid="ignore"):
        kept = np.clip(chances, LEAST, 1 - LEAST)
        logits: FloatArray = np.log(kept / (1 - kept))
    known = np.isfinite(logits)
    deviation = float(logits[known].std()) if known.any() else 0.0
    if deviation < LEAST:
        return np.zeros(len(logits))
    return np.asarray(np.where(known, (logits - logits[known].mean()) / deviation, 0.0))


def _probabilities(reads: Sequence[_Reads], readers: int) -> list[FloatArray]:
    """(items,) for each: the probability that its reference is the option."""
    values, priors = _start(reads, readers), _first(readers)
    for _ in range(ROUNDS):
        values = _fitted(reads, values, priors)
        priors = _widths(reads, values, priors)
    values = _fitted(reads, values, priors)
    return [_above(one, row) for one, row in zip(reads, values, strict=True)]


def _start(reads: Sequence[_Reads], readers: int) -> FloatArray:
    values = np.zeros((len(reads), READERS + readers))
    for row, one in zip(values, reads, strict=True):
        yes, no = (float((part * one.count[:, None]).sum()) for part in (one.yes, one.no))
        row[MEAN], row[SPREAD] = 2 * math.log((yes + 0.5) / (no + 0.5)), NOISE
    return values


def _first(readers: int) -> _Priors:
    centre, width = np.zeros(READERS + readers), np.ones(READERS + readers)
    centre[SPREAD] = NOISE
    width[:READERS] = 10.0, VARIES, 1.0
    width[READERS:] = APART
    return _Priors(centre, width, APART)


def _fitted(reads: Sequence[_Reads], values: FloatArray, priors: _Priors) -> FloatArray:
    """The likeliest parameters (labels, columns) under the priors."""
    from scipy.optimize import minimize  # noqa: PLC0415 - slow to load

    def loss(flat: FloatArray) -> tuple[float, FloatArray]:
        given = flat.reshape(values.shape)
        parts = [_slope(one, row) for one, row in zip(reads, given, strict=True)]
        apart = (given - priors.centre) / priors.width
        slope = np.stack([each for _, each in parts]) - apart / priors.width
        return float((apart**2).sum() / 2 - sum(total for total, _ in parts)), -slope.ravel()

    free: list[tuple[float | None, float | None]] = [(None, None)] * values.shape[1]
    free[MODEL] = (0.0, None)
    found = minimize(loss, values.ravel(), jac=True, method="L-BFGS-B", bounds=free * len(values))
    return np.asarray(found.x.reshape(values.shape), dtype=np.float64)


def _posterior(one: _Reads, row: FloatArray) -> tuple[FloatArray, FloatArray, FloatArray]:
    """(patterns, grid) of each severity, (patterns,) log evidence, (readers, grid) how often each says it."""
    logit = row[MEAN] + math.exp(row[SPREAD]) * GRID + row[READERS:, None]
    says = -np.logaddexp(0, -logit)
    joint = one.yes @ says + one.no @ (says - logit) - (GRID - row[MODEL] * one.model[:, None]) ** 2 / 2
    top = joint.max(axis=1, keepdims=True)
    joint = np.exp(joint - top)
    total = joint.sum(axis=1, keepdims=True)
    return joint / total, (top + np.log(total))[:, 0], np.exp(says)


def _slope(one: _Reads, row: FloatArray) -> tuple[float, FloatArray]:
    """The log evidence of the reads, and its derivatives (columns,)."""
    posterior, evidence, says = _posterior(one, row)
    weighed = posterior * one.count[:, None]
    said_yes, said_no = one.yes.T @ weighed, one.no.T @ weighed
    missed = said_yes - (said_yes + said_no) * says  # (readers, grid)
    pull = missed.sum(axis=0)
    slope = np.empty_like(row)
    slope[MEAN], slope[SPREAD] = pull.sum(), math.exp(row[SPREAD]) * (pull @ GRID)
    slope[MODEL] = ((posterior @ GRID - row[MODEL] * one.model) * one.model * one.count).sum()
    slope[READERS:] = missed.sum(axis=1)
    return float(one.count @ evidence), slope


def _widths(reads: Sequence[_Reads], values: FloatArray, priors: _Priors) -> _Priors:
    """The priors' centres and widths again, from how far the parameters lie apart beyond their uncertainty."""
    unsure = _variances(reads, values, priors)
    readers, labels = values.shape[1] - READERS, len(values)
    centre, width, between = priors.centre.copy(), priors.width.copy(), priors.between
    centre[SPREAD] = (values[:, SPREAD].sum() + BELIEFS * NOISE) / (labels + BELIEFS)
    width[SPREAD] = _width(values[:, SPREAD] - centre[SPREAD], unsure[:, SPREAD], VARIES)
    own = slice(READERS, None)
    if labels > 1:
        near, far = width[READERS] ** 2, between**2
        centre[own] = values[:, own].sum(axis=0) / (labels + near / far)
        between = _width(centre[own], np.full(readers, 1 / (labels / near + 1 / far)), APART)
    width[own] = _width(values[:, own] - centre[own], unsure[:, own], APART)
    return _Priors(centre, width, between)


def _width(apart: FloatArray, unsure: FloatArray, first: float) -> float:
    """The deviation of a prior, from how far estimates lie from its centre and how unsure each is."""
    return math.sqrt(((apart**2 + unsure).sum() + BELIEFS * first**2) / (apart.size + BELIEFS))


def _variances(reads: Sequence[_Reads], values: FloatArray, priors: _Priors, step: float = 1e-4) -> FloatArray:
    """(labels, columns) variances of the parameters, from the curvature at their likeliest values."""
    columns = values.shape[1]
    curve: FloatArray = np.empty((len(values), columns, columns))
    for column in range(columns):
        moved = [values.copy(), values.copy()]
        moved[0][:, column] += step
        moved[1][:, column] -= step
        up, down = (np.stack([_slope(one, row)[1] for one, row in zip(reads, m, strict=True)]) for m in moved)
        curve[:, :, column] = (down - up) / (2 * step)
    curve = np.asarray((curve + curve.transpose(0, 2, 1)) / 2 + np.diag(1 / priors.width**2))
    strengths, vectors = np.linalg.eigh(curve)
    strengths = np.maximum(strengths, 1 / priors.width.max() ** 2)
    return np.asarray(np.einsum("lik,lk->li", vectors**2, 1 / strengths))


def _above(one: _Reads, row: FloatArray) -> FloatArray:
    """(items,) the probability of a severity above the reference's line, which is drawn as the module says."""
    posterior, _, says = _posterior(one, row)
    read = (one.yes + one.no).sum(axis=1) > 0
    mass = one.count[read] @ posterior[read] / one.count[read].sum()
    judges = (one.yes + one.no).any(axis=0)
    wanted = float(mass @ says[judges].mean(axis=0))
    beyond = mass[::-1].cumsum()[::-1] - mass  # above each severity of the grid
    share = np.clip((wanted - beyond) / np.maximum(mass, np.finfo(np.float64).tiny), 0, 1)
    return np.asarray((posterior @ share)[one.pattern], dtype=np.float64)
