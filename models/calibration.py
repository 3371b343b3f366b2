"""Calibration: probabilities that mean what they say, how far they are from it, and the operating point.

Temperatures and operating points are fitted on validation patients, never on those that a version is measured on.

References
----------
Guo, Pleiss, Sun, Weinberger: On calibration of modern neural networks, ICML 2017 (temperature scaling, ECE).
Youden: Index for rating diagnostic tests, Cancer 3 (1950), 32 - 35.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

BOUNDS = (0.05, 20.0)
"""Between which temperatures are sought."""


@dataclass(frozen=True, slots=True)
class ReliabilityBin:
    """Predictions of about the same probability: their mean, how often it came true, and how many there are."""

    predicted: float
    observed: float
    count: int


@dataclass(frozen=True, slots=True)
class OperatingPoint:
    """A threshold: positive where the score is at least it.

    Sensitivity and specificity are those on the examples that it was chosen on; None where they had one class.
    """

    threshold: float
    sensitivity: float | None
    specificity: float | None


def apply_temperature(logits: ArrayLike, temperature: float) -> NDArray[np.float64]:
    """Probabilities softmax(logits / temperature).

    Parameters
    ----------
    logits:
        (n, classes). A single logit z of a binary output stands as the row (0, z).
    temperature:
        Above 0; more than 1 makes the probabilities less extreme.

    Returns
    -------
    NDArray
        (n, classes), each row summing to 1.

    Raises
    ------
    ValueError
        The temperature is not above 0.
    """
    if not temperature > 0:
        raise ValueError(f"temperature {temperature}: expected a number above 0")
    scaled = np.asarray(logits, dtype=np.float64) / temperature
    powers = np.exp(scaled - scaled.max(axis=-1, keepdims=True))
    result: NDArray[np.float64] = powers / powers.sum(axis=-1, keepdims=True)
    return result


def fit_temperature(logits: ArrayLike, labels: ArrayLike) -> float:
    """The temperature with the least negative log-likelihood (Guo et al., section 4.2).

    Parameters
    ----------
    logits:
        (n, classes).
    labels:
        (n,) indices of the right classes.

    Returns
    -------
    float
        Between :data:`BOUNDS`. 1.0 where nothing can be learnt: no examples, logits that are not finite or the
        same for all classes, labels of one class, or no error at all (then the likelihood has no maximum).
    """
    from scipy.optimize import minimize_scalar  # noqa: PLC0415 - heavy

    given = np.asarray(logits, dtype=np.float64)
    right = np.asarray(labels, dtype=np.int64)
    if given.size == 0 or not np.isfinite(given).all() or np.unique(right).size < 2:
        return 1.0
    own = np.take_along_axis(given, right[:, None], axis=1)[:, 0]
    if np.ptp(given, axis=1).max() == 0 or (own >= given.max(axis=1)).all():
        return 1.0

    def loss(log_temperature: float) -> float:
        scaled = given / np.exp(log_temperature)
        top = scaled.max(axis=1)
        total = np.log(np.exp(scaled - top[:, None]).sum(axis=1)) + top
        return float(np.mean(total - own / np.exp(log_temperature)))

    low, high = np.log(BOUNDS)
    found = minimize_scalar(loss, bounds=(low, high), method="bounded", options={"xatol": 1e-6})
    return float(np.exp(found.x))


def reliability(probabilities: ArrayLike, happened: ArrayLike, *, bins: int = 10) -> tuple[ReliabilityBin, ...]:
    """Predicted against observed in bins of equal width; empty bins are left out.

    Parameters
    ----------
    probabilities:
        (n,) of an event, 0 to 1.
    happened:
        (n,) whether it came true.
    """
    predicted = np.asarray(probabilities, dtype=np.float64)
    observed = np.asarray(happened, dtype=bool)
    place = np.minimum((predicted * bins).astype(np.int64), bins - 1)
    found = []
    for index in np.unique(place):
        inside = place == index
        found.append(
            ReliabilityBin(
                float(predicted[inside].mean()), float(observed[inside].mean()), int(np.count_nonzero(inside))
            )
        )
    return tuple(found)


def expected_calibration_error(probabilities: ArrayLike, labels: ArrayLike, *, bins: int = 10) -> float:
    """The gap between the confidence of the most probable class and how often it is right (Guo et al., eq. 3).

    Parameters
    ----------
    probabilities:
        (n, classes).
    labels:
        (n,) indices of the right classes.

    Returns
    -------
    float
        0 (calibrated) to 1; 0.0 without examples.
    """
    given = np.asarray(probabilities, dtype=np.float64)
    right = np.asarray(labels, dtype=np.int64)
    if right.size == 0:
        return 0.0
    return calibration_gap(reliability(given.max(axis=1), given.argmax(axis=1) == right, bins=bins))


def calibration_gap(bins: tuple[ReliabilityBin, ...]) -> float:
    """The mean gap between predicted and observed over bins, each counting by its size; 0.0 without bins."""
    total = sum(b.count for b in bins)
    return sum(b.count * abs(b.predicted - b.observed) for b in bins) / total if total else 0.0


def youden(scores: ArrayLike, labels: ArrayLike) -> OperatingPoint:
    """The threshold with the largest sensitivity + specificity - 1, the highest of several that are as good.

    Parameters
    ----------
    scores:
        (n,), larger for positives.
    labels:
        (n,) whether each is positive.

    Returns
    -------
    OperatingPoint
        Its threshold is one of the scores. With one class only it is 0.5, without sensitivity and specificity.
    """
    given = np.asarray(scores, dtype=np.float64)
    positive = np.asarray(labels, dtype=bool)
    if positive.all() or not positive.any():
        return OperatingPoint(0.5, None, None)
    thresholds = np.unique(given)
    hits = np.sort(given[positive])
    misses = np.sort(given[~positive])
    sensitivity = 1 - np.searchsorted(hits, thresholds, side="left") / hits.size
    specificity = np.searchsorted(misses, thresholds, side="left") / misses.size
    gain = sensitivity + specificity
    best = int(np.flatnonzero(gain >= gain.max() - 1e-12)[-1])
    return OperatingPoint(float(thresholds[best]), float(sensitivity[best]), float(specificity[best]))
