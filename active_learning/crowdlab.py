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

import numpy as np
from numpy.typing import NDArray

from active_learning.crowd import Estimate, judged
from active_learning.ratings import NOT_READ, Ratings
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
        (items, options) probabilities by a model that did not learn from these items' reads. Where a row is NaN the
        readers alone count. Without a model the shares of the options among all reads stand for it, which has next
        to no weight: the readers' votes are then weighed by their agreement alone.
    """
    counts = ratings.counts()
    read = counts.sum(axis=1) > 0
    chances = np.tile(counts.sum(axis=0) / max(counts.sum(), 1), (len(counts), 1)) if model is None else model
    voted = _majority(counts, chances)
    first, _, _ = _averaged(ratings, chances, voted)
    best = np.where(_tied(first), voted, np.nan_to_num(first).argmax(axis=1)).astype(np.int64)
    truth, weights, agreed = _averaged(ratings, chances, best)
    truth[~read] = np.nan
    estimate = judged(ratings, truth)
    return Estimate(truth, estimate.confusion, _quality(ratings, truth, weights, agreed), 1)


def _averaged(
    ratings: Ratings, chances: FloatArray, consensus: NDArray[np.int64]
) -> tuple[FloatArray, FloatArray, _Agreed]:
    """(items, options) probabilities, (readers + 1,) weights with the model's last, and the agreement behind."""
    options, given = len(ratings.options), ratings.given
    agreed = _agreed(ratings, consensus)
    several = (given != NOT_READ).sum(axis=1) > 1
    known = np.isfinite(chances).all(axis=1)
    judging = several & known
    missed = np.mean(chances[judging].argmax(axis=1) != consensus[judging]) if judging.any() else 1.0
    number = (given != NOT_READ).sum(axis=1)
    trusted = max(1 - float(missed) / agreed.commonest, LEAST) * math.sqrt(number[number > 0].mean())
    weights = np.maximum(1 - (1 - agreed.readers) / agreed.commonest, LEAST)
    other = (1 - agreed.consensus) / max(options - 1, 1)
    total = np.where(known, trusted, 0.0) + (given != NOT_READ) @ weights
    truth = np.where(known[:, None], np.nan_to_num(chances) * trusted, 0.0)
    for option in range(options):
        says = np.where(given == option, agreed.consensus, other)
        truth[:, option] += np.where(given == NOT_READ, 0.0, says) @ weights
    with np.errstate(divide="ignore", invalid="ignore"):
        return truth / total[:, None], np.append(weights, trusted), agreed


def _agreed(ratings: Ratings, consensus: NDArray[np.int64]) -> _Agreed:
    given, counts = ratings.given, ratings.counts()
    number = counts.sum(axis=1)
    several = number > 1
    read = given != NOT_READ
    meets = read & (given == consensus[:, None])
    with np.errstate(divide="ignore", invalid="ignore"):
        shares = meets[several].sum(axis=1) / number[several]
        same = np.where(read, np.take_along_axis(counts, np.maximum(given, 0).astype(np.int64), axis=1) - 1, 0)
        readers = same[several].sum(axis=0) / (read[several] * (number[several, None] - 1)).sum(axis=0)
        right = meets[several].sum(axis=0) / read[several].sum(axis=0)
    alone = ~np.isfinite(readers)
    readers[alone] = readers[~alone].mean() if not alone.all() else 1.0
    chosen = consensus[several]
    commonest = np.bincount(chosen, minlength=counts.shape[1]).argmax() if several.any() else 0
    return _Agreed(
        float(shares.mean()) if several.any() else 1.0,
        max(float(np.mean(chosen != commonest)) if several.any() else 0.0, LEAST),
        readers,
        right,
    )


def _majority(counts: NDArray[np.int64], chances: FloatArray) -> NDArray[np.int64]:
    """(items,) the option of most votes; of tied ones the model's likelier, and then the one that is seldom said."""
    top = counts == counts.max(axis=1, keepdims=True)
    likely = np.where(top, np.nan_to_num(chances, nan=0.0), -1.0)
    left = likely == likely.max(axis=1, keepdims=True)
    seldom = np.where(left, -counts.sum(axis=0), -np.inf)
    return np.asarray(seldom.argmax(axis=1), dtype=np.int64)


def _tied(truth: FloatArray) -> NDArray[np.bool_]:
    known = np.nan_to_num(truth)
    return np.asarray((known == known.max(axis=1, keepdims=True)).sum(axis=1) > 1)


def _quality(ratings: Ratings, truth: FloatArray, weights: FloatArray, agreed: _Agreed) -> FloatArray:
    """(readers,) the mean probability of a reader's answers, and the agreement with the consensus, weighed."""
    read = ratings.given != NOT_READ
    right = np.take_along_axis(truth, np.maximum(ratings.given, 0).astype(np.int64), axis=1)
    with np.errstate(divide="ignore", invalid="ignore"):
        believed = np.where(read, np.nan_to_num(right), 0.0).sum(axis=0) / read.sum(axis=0)
    number = read.sum(axis=1)
    share = number[number > 0].mean() / len(ratings.readers)
    trust = weights[-1] / (weights[-1] + weights[:-1].sum() * share)
    return np.asarray(trust * believed + (1 - trust) * agreed.right, dtype=np.float64)
