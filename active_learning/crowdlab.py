"""CROWDLAB: the readers' votes and the model's probabilities averaged, each with the weight that agreement earns.

References
----------
Goh, Tkachenko, Mueller: CROWDLAB: supervised learning to infer consensus labels and quality scores for data with
multiple annotators (2022), arXiv:2210.06812, sections 3 and 4. In its words: s_j is :attr:`_Agreed.readers`, P is
:attr:`_Agreed.consensus`, the error of the most likely class is :attr:`_Agreed.commonest`.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from active_learning.crowd import Estimate, SparseReads, judged
from active_learning.ratings import Ratings
from models.bootstrap import FloatArray

LEAST = 1e-6
"""The least weight of a reader or a model, and the least error of the commonest option."""


@dataclass(frozen=True, slots=True, eq=False)
class _Agreed:
    """How far everybody agrees.

    Parameters
    ----------
    consensus:
        The share of the reads of an item that meet its consensus, over items with several reads.
    commonest:
        How often the commonest consensus would be wrong for an item.
    readers:
        (readers,) how often another reader of an item says the same.
    right:
        (readers,) how often a reader meets the consensus, over items with several reads.
    """

    consensus: float
    commonest: float
    readers: FloatArray
    right: FloatArray


def crowdlab(ratings: Ratings, model: FloatArray | None = None) -> Estimate:
    """The consensus of best quality, with the quality of each reader.

    Parameters
    ----------
    model:
        (items, options) probabilities by a model that did not learn from these items' reads. Where a row is NaN
        the readers alone count. Without a model the shares of the options among all reads stand for it, which has
        next to no weight: the readers' votes are then weighed by their agreement alone.
    """
    estimate, _ = weighed(ratings, model)
    return estimate


def weighed(ratings: Ratings, model: FloatArray | None = None) -> tuple[Estimate, FloatArray]:
    """As :func:`crowdlab`, with (readers + 1,) the weights that were earned, the model's last."""
    reads, counts = SparseReads.of(ratings), ratings.counts()
    chances = np.tile(counts.sum(axis=0) / max(counts.sum(), 1), (len(counts), 1)) if model is None else model
    voted = _majority(counts, chances)
    first, _, _ = _averaged(reads, counts, chances, voted)
    best = np.where(_tied(first), voted, np.nan_to_num(first).argmax(axis=1)).astype(np.int64)
    truth, weights, agreed = _averaged(reads, counts, chances, best)
    truth[counts.sum(axis=1) == 0] = np.nan
    quality = _quality(reads, truth, weights, agreed)
    return Estimate(truth, judged(ratings, truth).confusion, quality, 1), weights


def _averaged(
    reads: SparseReads, counts: NDArray[np.int64], chances: FloatArray, consensus: NDArray[np.int64]
) -> tuple[FloatArray, FloatArray, _Agreed]:
    """(items, options) probabilities, (readers + 1,) weights with the model's last, and the agreement behind."""
    agreed, number = _agreed(reads, counts, consensus), counts.sum(axis=1)
    known = np.isfinite(chances).all(axis=1)
    judging = (number > 1) & known
    missed = float(np.mean(chances[judging].argmax(axis=1) != consensus[judging])) if judging.any() else 1.0
    trusted = max(1 - missed / agreed.commonest, LEAST) * math.sqrt(number[number > 0].mean())
    weights = np.maximum(1 - (1 - agreed.readers) / agreed.commonest, LEAST)
    other = (1 - agreed.consensus) / max(reads.options - 1, 1)
    says = np.full((reads.options, reads.options), other)
    np.fill_diagonal(says, agreed.consensus)
    votes = np.column_stack([np.kron(weights[:, None], says), np.repeat(weights, reads.options)])
    summed = np.asarray(reads.matrix() @ votes)  # (items, options, and their weight)
    summed[known, :-1] += chances[known] * trusted
    total = summed[:, -1] + trusted * known
    with np.errstate(divide="ignore", invalid="ignore"):
        return summed[:, :-1] / total[:, None], np.append(weights, trusted), agreed


def _agreed(reads: SparseReads, counts: NDArray[np.int64], consensus: NDArray[np.int64]) -> _Agreed:
    number = counts.sum(axis=1)
    several = number > 1
    if not several.any():
        return _Agreed(1.0, LEAST, np.ones(reads.readers), np.full(reads.readers, np.nan))
    use = several[reads.item]
    item, reader, said = reads.item[use], reads.reader[use], reads.said[use]
    meets = (said == consensus[item]).astype(np.float64)
    same, others = counts[item, said] - 1, number[item] - 1

    def by_reader(values: NDArray[Any]) -> FloatArray:
        return np.asarray(np.bincount(reader, weights=values, minlength=reads.readers))

    with np.errstate(divide="ignore", invalid="ignore"):
        shares = np.bincount(item, weights=meets, minlength=reads.items)[several] / number[several]
        readers = by_reader(same) / by_reader(others)
        right = by_reader(meets) / by_reader(np.ones(len(item)))
    alone = ~np.isfinite(readers)
    readers[alone] = readers[~alone].mean()
    chosen = consensus[several]
    commonest = np.bincount(chosen).argmax()
    return _Agreed(float(shares.mean()), max(float(np.mean(chosen != commonest)), LEAST), readers, right)


def _majority(counts: NDArray[np.int64], chances: FloatArray) -> NDArray[np.int64]:
    """(items,) the option of most votes; of tied ones the model's likelier, and then the one seldom said."""
    top = counts == counts.max(axis=1, keepdims=True)
    likely = np.where(top, np.nan_to_num(chances, nan=0.0), -1.0)
    left = likely == likely.max(axis=1, keepdims=True)
    seldom = np.where(left, -counts.sum(axis=0), -np.inf)
    return np.asarray(seldom.argmax(axis=1), dtype=np.int64)


def _tied(truth: FloatArray) -> NDArray[np.bool_]:
    known = np.nan_to_num(truth)
    return np.asarray((known == known.max(axis=1, keepdims=True)).sum(axis=1) > 1)


def _quality(reads: SparseReads, truth: FloatArray, weights: FloatArray, agreed: _Agreed) -> FloatArray:
    """(readers,) the mean probability of a reader's answers, and the agreement with the consensus, weighed."""
    number = np.bincount(reads.reader, minlength=reads.readers)
    with np.errstate(divide="ignore", invalid="ignore"):
        believed = np.bincount(reads.reader, truth[reads.item, reads.said], minlength=reads.readers) / number
    share = len(reads.item) / max(len(np.unique(reads.item)), 1) / reads.readers
    trust = weights[-1] / (weights[-1] + weights[:-1].sum() * share)
    return np.asarray(trust * believed + (1 - trust) * agreed.right, dtype=np.float64)
