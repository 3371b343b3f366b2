"""How undecided a model is, from its probabilities alone: 0 where it is certain, 1 where all classes are alike.

Every function takes probabilities (n, classes) with rows that sum to 1 and gives (n,). For two classes all three
put the cases in the same order.

References
----------
Settles: Active learning literature survey, University of Wisconsin - Madison TR 1648 (2009), section 3.1.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray


def least_confidence(probabilities: ArrayLike) -> NDArray[np.float64]:
    """1 - P(most probable class) over its maximum, 1 - 1 / classes."""
    given = _checked(probabilities)
    classes = given.shape[1]
    result: NDArray[np.float64] = (1 - given.max(axis=1)) * classes / (classes - 1)
    return result


def margin(probabilities: ArrayLike) -> NDArray[np.float64]:
    """1 - (P(most probable class) - P(second)).

    References
    ----------
    Scheffer, Decomain, Wrobel: Active hidden Markov models for information extraction, IDA 2001.
    """
    given = np.sort(_checked(probabilities), axis=1)
    result: NDArray[np.float64] = 1 - (given[:, -1] - given[:, -2])
    return result


def entropy(probabilities: ArrayLike) -> NDArray[np.float64]:
    """-sum p ln p over its maximum, ln(classes).

    References
    ----------
    Shannon: A mathematical theory of communication, Bell System Technical Journal 27 (1948), 379 - 423.
    """
    given = _checked(probabilities)
    logs = np.log(given, out=np.zeros_like(given), where=given > 0)
    result: NDArray[np.float64] = np.abs((given * logs).sum(axis=1)) / np.log(given.shape[1])
    return result


def _checked(probabilities: ArrayLike) -> NDArray[np.float64]:
    given = np.asarray(probabilities, dtype=np.float64)
    if given.ndim != 2 or given.shape[1] < 2:
        raise ValueError(f"probabilities of shape {given.shape}: expected (n, classes) with two classes or more")
    if given.size and (given.min() < 0 or not np.allclose(given.sum(axis=1), 1, atol=1e-3)):
        raise ValueError("probabilities: expected rows of numbers from 0 that sum to 1")
    return given
