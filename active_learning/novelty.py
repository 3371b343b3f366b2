"""How unlike the known cases a case is, by its features: what a model was not taught it cannot be trusted with.

Two scores, both larger for stranger cases, and what they mean: the share of known cases that are less strange. A
known case is scored without itself, so that its score is that of a case like any other. All work through features
(n, d) of any size in chunks; they may be a memory map.

References
----------
Lee, Lee, Lee, Shin: A simple unified framework for detecting out-of-distribution samples and adversarial attacks,
NeurIPS 2018 (Mahalanobis distance in a network's features).
Sun, Ming, Zhu, Li: Out-of-distribution detection with deep nearest neighbors, ICML 2022.
Ledoit, Wolf: A well-conditioned estimator for large-dimensional covariance matrices, J. Multivar. Anal. 88 (2004),
365 - 411.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from active_learning.strategies.distances import Floats, chunks, squared_distances
from active_learning.strategies.view import IntArray

FOLDS = 5
"""Parts of the known cases, each of which is scored by the covariance of the others."""
LEAST = 10
"""Known cases from which strangeness can be told."""
FLAT = 1e-8
"""Variance, in parts of the largest, below which a direction counts as having that much."""
Score: TypeAlias = Callable[[Floats], NDArray[np.float64]]


@dataclass(frozen=True, eq=False, slots=True)
class Novelty:
    """How strange cases are.

    Parameters
    ----------
    scores:
        (n,) distance from what is known, 0 or more.
    percentiles:
        (n,) share of the known cases that are less strange, 0 to 1.
    """

    scores: NDArray[np.float64]
    percentiles: NDArray[np.float64]


def mahalanobis(features: Floats, known: Floats, labels: IntArray | None = None) -> Novelty:
    """Mahalanobis distance to the nearest class of known cases, by one covariance within all classes.

    The covariance is shrunk towards a multiple of the unit matrix as far as Ledoit and Wolf advise, so that it can
    be turned round with fewer cases than features.

    Parameters
    ----------
    features, known:
        (n, d) and (m, d).
    labels:
        (m,) classes; None: one class.

    Raises
    ------
    ValueError
        Fewer than :data:`LEAST` known cases.
    """
    _enough(known)
    groups = np.zeros(len(known), dtype=np.int64) if labels is None else np.asarray(labels)
    fold, own = np.arange(len(known)) % FOLDS, np.empty(len(known))
    for number in range(FOLDS):
        left = fold == number
        own[left] = _to_classes(known[~left], groups[~left])(known[left])
    return _scored(features, known, own, _to_classes(known, groups))


def neighbour_distance(features: Floats, known: Floats, neighbour: int = 5) -> Novelty:
    """Distance of the direction of a case's features to the so-manieth nearest of known cases, 0 to 2.

    Features are divided by their length first, as Sun et al. do.

    Raises
    ------
    ValueError
        Fewer than :data:`LEAST` known cases, or no more than neighbours.
    """
    _enough(known)
    if not 1 <= neighbour < len(known):
        raise ValueError(f"neighbour {neighbour} of {len(known)} known cases: expected fewer, from 1")
    directions = _directions(known)

    def score(points: Floats, itself: int = 0) -> NDArray[np.float64]:
        """To the nearest but ``neighbour - 1``, and but the case itself where it is known."""
        place = neighbour - 1 + itself
        squares = squared_distances(_directions(points), directions)
        return np.sqrt(np.partition(squares, place, axis=1)[:, place].astype(np.float64))

    own = np.concatenate([score(known[part], itself=1) for part in chunks(len(known), len(known))])
    return _scored(features, known, own, score)


def in_words(percentile: float) -> str:
    """What a percentile says to a curator."""
    if percentile >= 1:
        return "stranger than every known case"
    return f"stranger than {100 * percentile:.0f} of 100 known cases"


def _scored(features: Floats, known: Floats, own: NDArray[np.float64], score: Score) -> Novelty:
    """Scores of cases, and their place among ``own``, the scores that known cases have without themselves."""
    scores = np.empty(len(features))
    for part in chunks(len(features), max(features.shape[1], len(known))):
        scores[part] = score(np.asarray(features[part], dtype=np.float32))
    return Novelty(scores, np.searchsorted(np.sort(own), scores, side="left") / len(known))


def _enough(known: Floats) -> None:
    if len(known) < LEAST:
        raise ValueError(f"{len(known)} known cases: expected {LEAST} or more")


def _to_classes(known: Floats, groups: IntArray) -> Score:
    from sklearn.covariance import ledoit_wolf  # noqa: PLC0415 - heavy

    given = known.astype(np.float64)
    _, group = np.unique(groups, return_inverse=True)
    means = np.array([given[group == one].mean(axis=0) for one in range(group.max() + 1)])
    covariance, _ = ledoit_wolf(given - means[group], assume_centered=True)
    values, vectors = np.linalg.eigh(covariance)
    floor = max(float(values.max()) * FLAT, FLAT)
    whitening = (vectors / np.sqrt(np.maximum(values, floor))).astype(np.float32)
    whitened = ((means - means[0]) @ whitening).astype(np.float32)
    origin = means[0].astype(np.float32)

    def score(points: Floats) -> NDArray[np.float64]:
        squares = squared_distances((points - origin) @ whitening, whitened)
        result: NDArray[np.float64] = np.sqrt(squares.min(axis=1).astype(np.float64))
        return result

    return score


def _directions(points: Floats) -> Floats:
    given = np.asarray(points, dtype=np.float32)
    lengths = np.sqrt(np.einsum("nd,nd->n", given, given))
    result: Floats = given / np.maximum(lengths, np.finfo(np.float32).tiny)[:, None]
    return result
