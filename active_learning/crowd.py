"""What several readers' answers say of the truth: from ratings to probabilities and readers' quality.

Pure functions. Every estimate names each item's probability by option and each reader's confusion of options, so
that estimates can be compared and read. Reads are held as a sparse table: a million of them take seconds.

References
----------
Dawid, Skene: Maximum likelihood estimation of observer error-rates using the EM algorithm, Applied Statistics 28
(1979), 20 - 28.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from active_learning.ratings import NOT_READ, Ratings
from models.bootstrap import FloatArray

EPSILON = 1e-10
"""The least probability of an answer, so that one read cannot exclude an option."""
MOST_STEPS = 100
TOLERANCE = 1e-5
"""The gain of the likelihood per read below which it has converged, in bits."""


@dataclass(frozen=True, slots=True, eq=False)
class Estimate:
    """What the truth of each item is thought to be.

    Parameters
    ----------
    probabilities:
        (items, options), rows sum to 1; NaN for items that nobody read.
    confusion:
        (readers, options, options): the probability that a reader says the second option where the first is true.
        NaN where a reader was never seen with it.
    quality:
        (readers,) the probability that a reader's answer is right, over the options as often as they are true.
    steps:
        Rounds of the algorithm; 0 where there are none.
    """

    probabilities: FloatArray
    confusion: FloatArray
    quality: FloatArray
    steps: int = 0

    @property
    def labels(self) -> NDArray[np.int16]:
        """(items,) the likeliest option, :data:`active_learning.ratings.NOT_READ` where it is not one alone."""
        known = np.nan_to_num(self.probabilities, nan=0.0)
        top = known.max(axis=1, initial=0.0)
        alone = (np.isclose(known, top[:, None], rtol=0, atol=1e-12)).sum(axis=1) == 1
        return np.where(alone & (top > 0), known.argmax(axis=1), NOT_READ).astype(np.int16)


@dataclass(frozen=True, slots=True, eq=False)
class SparseReads:
    """The reads that there are, item after item.

    Parameters
    ----------
    items, readers, options:
        How many there are.
    item, reader, said:
        (reads,) their numbers.
    """

    items: int
    readers: int
    options: int
    item: NDArray[np.int64]
    reader: NDArray[np.int64]
    said: NDArray[np.int64]

    @classmethod
    def of(cls, ratings: Ratings) -> SparseReads:
        """Of a table with gaps."""
        item, reader = np.nonzero(ratings.given != NOT_READ)
        said = ratings.given[item, reader].astype(np.int64)
        return cls(len(ratings.items), len(ratings.readers), len(ratings.options), item, reader, said)

    def matrix(self) -> Any:
        """(items, readers * options) a sparse matrix with 1 where a reader said an option of an item."""
        from scipy import sparse  # noqa: PLC0415 - slow to load

        borders = np.concatenate([[0], np.bincount(self.item, minlength=self.items).cumsum()])
        shape = (self.items, self.readers * self.options)
        return sparse.csr_array((np.ones(len(self.item)), self.reader * self.options + self.said, borders), shape)


def majority_vote(ratings: Ratings) -> Estimate:
    """The share of the readers of an item who gave each option."""
    return judged(ratings, _shares(ratings))


def dawid_skene(
    ratings: Ratings, *, smoothing: float = 0.0, steps: int = MOST_STEPS, tolerance: float = TOLERANCE
) -> Estimate:
    """Dawid and Skene's model by expectation maximisation: every reader confuses options in a way of their own.

    Parameters
    ----------
    smoothing:
        Reads of each option, by each reader and true option, that are imagined beside those that there are. 0 is
        the model as published; few reads want some.
    """
    table = SparseReads.of(ratings)
    readers, options = table.readers, table.options
    reads, number = table.matrix(), len(table.item)
    truth = np.nan_to_num(_shares(ratings), nan=1 / options)
    read = np.asarray(ratings.counts().sum(axis=1) > 0)
    before, step = -np.inf, 0
    confusion = _confusion(reads, truth, readers, options, smoothing)
    prior = truth[read].mean(axis=0)
    for step in range(1, steps + 1):  # noqa: B007 - it is told
        likely = reads @ np.log2(confusion).reshape(readers * options, options) + np.log2(
            np.maximum(prior, EPSILON)
        )
        truth = np.exp2(likely - likely.max(axis=1, keepdims=True))
        truth /= truth.sum(axis=1, keepdims=True)
        prior = truth[read].mean(axis=0)
        confusion = _confusion(reads, truth, readers, options, smoothing)
        now = _bound(reads, truth[read], confusion, prior, read) / max(number, 1)
        if now - before < tolerance:
            break
        before = now
    truth[~read] = np.nan
    seen = confusion.transpose(0, 2, 1)  # (readers, true, said)
    return Estimate(truth, seen, _quality(seen, prior), step)


def _bound(
    reads: Any, truth: FloatArray, confusion: FloatArray, prior: FloatArray, read: NDArray[np.bool_]
) -> float:
    """The evidence lower bound, in bits."""
    logs = np.log2(confusion).reshape(-1, confusion.shape[-1])
    joint = (reads @ logs)[read] + np.log2(np.maximum(prior, EPSILON))
    entropy = -(truth * np.log2(np.maximum(truth, np.finfo(float).tiny))).sum()
    return float((truth * joint).sum() + entropy)


def _confusion(reads: Any, truth: FloatArray, readers: int, options: int, smoothing: float) -> FloatArray:
    """(readers, said, true): the share of a reader's reads of a true option that said each."""
    counts = np.asarray(reads.T @ truth).reshape(readers, options, options) + smoothing
    counts = np.maximum(counts, EPSILON)
    return np.asarray(counts / counts.sum(axis=1, keepdims=True))


def judged(ratings: Ratings, truth: FloatArray) -> Estimate:
    """Readers' confusion and quality where the truth's probabilities are given."""
    reads = SparseReads.of(ratings)
    counts = np.asarray(reads.matrix().T @ np.nan_to_num(truth, nan=0.0))  # (readers * said, true)
    counts = counts.reshape(reads.readers, reads.options, reads.options).transpose(0, 2, 1)
    total = counts.sum(axis=2, keepdims=True)
    with np.errstate(divide="ignore", invalid="ignore"):
        confusion = counts / total
        quality = np.einsum("rtt->r", counts) / counts.sum(axis=(1, 2))
    return Estimate(truth, confusion, quality)


def _quality(confusion: FloatArray, prior: FloatArray) -> FloatArray:
    return np.asarray(np.einsum("rtt,t->r", confusion, prior), dtype=np.float64)


def _shares(ratings: Ratings) -> FloatArray:
    counts = ratings.counts().astype(np.float64)
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.asarray(counts / counts.sum(axis=1, keepdims=True))
