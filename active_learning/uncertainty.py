"""How undecided a model is, from its probabilities alone: 0 where it is certain, 1 where it could not be less so.

``least_confidence``, ``margin``, ``entropy`` and ``ordinal_spread`` take the probabilities of one model,
(n, classes) with rows that sum to 1. ``bald`` and ``augmentation_variance`` take those of k models, dropout passes
or augmented copies, (k, n, classes). All give (n,), work through any number of cases in chunks, and take float32
and float64 as they are. For two classes the first three put the cases in the same order. Of outlines:
:mod:`models.mask_uncertainty`.

References
----------
Settles: Active learning literature survey, University of Wisconsin - Madison TR 1648 (2009), section 3.1.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import ArrayLike, NDArray

FloatArray: TypeAlias = NDArray[np.floating]
CHUNK = 65_536
"""Probabilities of a class that are worked on at once: a few of such columns stay in the processor's cache."""
TOLERANCE = 1e-3
"""How far from 1 the probabilities of a case may sum."""


def least_confidence(probabilities: ArrayLike) -> NDArray[np.float64]:
    """1 - P(most probable class) over its maximum, 1 - 1 / classes."""

    def doubt(columns: FloatArray) -> FloatArray:
        classes = len(columns)
        result: FloatArray = (1 - columns.max(axis=0)) * (classes / (classes - 1))
        return result

    return _of_one(probabilities, doubt)


def margin(probabilities: ArrayLike) -> NDArray[np.float64]:
    """1 - (P(most probable class) - P(second)).

    References
    ----------
    Scheffer, Decomain, Wrobel: Active hidden Markov models for information extraction, IDA 2001.
    """

    def doubt(columns: FloatArray) -> FloatArray:
        first, second = np.maximum(columns[0], columns[1]), np.minimum(columns[0], columns[1])
        for column in columns[2:]:
            second = np.maximum(second, np.minimum(first, column))
            first = np.maximum(first, column)
        result: FloatArray = 1 - (first - second)
        return result

    return _of_one(probabilities, doubt)


def entropy(probabilities: ArrayLike) -> NDArray[np.float64]:
    """-sum p ln p over its maximum, ln(classes).

    References
    ----------
    Shannon: A mathematical theory of communication, Bell System Technical Journal 27 (1948), 379 - 423.
    """
    return _of_one(probabilities, lambda columns: _entropy(columns) / np.log(len(columns)))


def ordinal_spread(probabilities: ArrayLike) -> NDArray[np.float64]:
    """The standard deviation of a graded level 0, 1, ... classes - 1 over its maximum, (classes - 1) / 2.

    Doubt between neighbouring grades counts less than doubt between the ends of the scale, which entropy takes for
    the same. The maximum is Popoviciu's: half the chance at either end.
    """

    def doubt(columns: FloatArray) -> FloatArray:
        levels = np.arange(len(columns), dtype=columns.dtype)
        mean = levels @ columns
        square = ((levels[:, None] - mean) ** 2 * columns).sum(axis=0)
        result: FloatArray = np.sqrt(square) * (2 / (len(columns) - 1))
        return result

    return _of_one(probabilities, doubt)


def bald(members: ArrayLike) -> NDArray[np.float64]:
    """What a case's answer would tell of the model: the entropy of the mean less the mean entropy of the members.

    The same for dropout passes and for the members of a deep ensemble. 0 where all members say the same, however
    undecided; divided by its maximum, ln(min(k, classes)), reached where members are certain and evenly split.

    Parameters
    ----------
    members:
        (k, n, classes), k of at least 2.

    References
    ----------
    Houlsby, Huszar, Ghahramani, Lengyel: Bayesian active learning for classification and preference learning,
    arXiv 1112.5745 (2011).
    Gal, Islam, Ghahramani: Deep Bayesian active learning with image data, ICML 2017.
    """

    def doubt(columns: FloatArray) -> FloatArray:
        single = sum(_entropy(columns[:, k]) for k in range(columns.shape[1])) / columns.shape[1]
        joint = _entropy(columns.mean(axis=1))
        most = np.log(min(columns.shape[0], columns.shape[1]))
        result: FloatArray = np.maximum(joint - single, 0) / most
        return result

    return _of_several(members, doubt)


def augmentation_variance(passes: ArrayLike) -> NDArray[np.float64]:
    """How far the probabilities vary over augmented copies of a case (flips, shifts) at the time of testing.

    The variance over the copies (population), summed over the classes, over its bound, 1 - 1 / classes.

    Parameters
    ----------
    passes:
        (k, n, classes), k of at least 2.

    References
    ----------
    Wang, Li, Aertsen, Deprest, Ourselin, Vercauteren: Aleatoric uncertainty estimation with test-time augmentation
    for medical image segmentation with convolutional neural networks, Neurocomputing 338 (2019), 34 - 45.
    """

    def doubt(columns: FloatArray) -> FloatArray:
        classes = len(columns)
        result: FloatArray = columns.var(axis=1).sum(axis=0) * (classes / (classes - 1))
        return result

    return _of_several(passes, doubt)


def _entropy(columns: FloatArray) -> FloatArray:
    """-sum p ln p over the first axis; 0 ln 0 = 0."""
    logs = np.log(np.maximum(columns, np.finfo(columns.dtype).tiny))
    result: FloatArray = np.abs(np.einsum("c...,c...->...", columns, logs))
    return result


def _of_one(probabilities: ArrayLike, doubt: Callable[[FloatArray], FloatArray]) -> NDArray[np.float64]:
    given = np.asarray(probabilities)
    if given.ndim != 2 or given.shape[1] < 2:
        raise ValueError(f"probabilities of shape {given.shape}: expected (n, classes) with two classes or more")
    return _in_chunks(given[None], lambda columns: doubt(columns[:, 0]))


def _of_several(members: ArrayLike, doubt: Callable[[FloatArray], FloatArray]) -> NDArray[np.float64]:
    given = np.asarray(members)
    if given.ndim != 3 or given.shape[0] < 2 or given.shape[2] < 2:
        raise ValueError(f"members of shape {given.shape}: expected (k, n, classes), two or more of k and classes")
    return _in_chunks(given, doubt)


def _in_chunks(given: NDArray[Any], doubt: Callable[[FloatArray], FloatArray]) -> NDArray[np.float64]:
    """``doubt`` of (classes, k, rows), which is laid out so that every step runs along the rows."""
    members, cases, _ = given.shape
    result = np.empty(cases, dtype=np.float64)
    rows = max(1, CHUNK // members)
    kind = np.float32 if given.dtype == np.float32 else np.float64
    for start in range(0, cases, rows):
        part = slice(start, start + rows)
        columns: FloatArray = np.ascontiguousarray(np.moveaxis(given[:, part], 2, 0), dtype=kind)
        if not (columns.min() >= 0 and np.abs(columns.sum(axis=0) - 1).max() <= TOLERANCE):
            raise ValueError("probabilities: expected rows of numbers from 0 that sum to 1")
        result[part] = np.clip(doubt(columns), 0, 1)
    return result
