"""From the parts' outputs to one probability: normalisers, calibration, the max rule.

Everything is fitted on validation patients. A patient counts once, however many studies there are.

References
----------
Platt: Probabilistic outputs for support vector machines, Advances in Large Margin Classifiers (1999), 61 - 74.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike, NDArray
from pydantic import BaseModel, ConfigDict

Z95 = 1.6449
"""The 95th percentile of a normal distribution, in standard deviations."""
STEEPNESS = 2.0
"""Of the logistic curve, per standard deviation: a normal study in the middle gets 0.04."""
LEAST_SD = 0.05
"""Of normal studies' scores; where the validation normals are fewer or more alike, this is taken."""
EDGE = 1e-6


class Normaliser(BaseModel):
    """Scores as 0 to 1: 0.5 at the 95th percentile of normal validation studies.

    1 / (1 + exp(-2 (z - 1.645))), z being the score in standard deviations from its mean over normal studies. The
    scores are logarithms of reconstruction errors, or logits: normal studies' are spread about evenly there.
    """

    model_config = ConfigDict(extra="forbid", frozen=True, use_attribute_docstrings=True)

    mean: float
    """Of normal validation studies' scores."""
    sd: float
    """Its standard deviation."""

    @classmethod
    def fit(cls, scores: ArrayLike, patients: Sequence[str]) -> Normaliser:
        """The normaliser of normal studies' scores."""
        given = np.asarray(scores, dtype=np.float64)
        weights = patient_weights(patients)
        mean = float(np.average(given, weights=weights))
        sd = float(np.sqrt(np.average((given - mean) ** 2, weights=weights)))
        return cls(mean=mean, sd=max(sd, LEAST_SD))

    def apply(self, scores: ArrayLike) -> NDArray[np.float64]:
        """Normalised scores, 0 to 1."""
        given = np.asarray(scores, dtype=np.float64)
        return sigmoid(STEEPNESS * ((given - self.mean) / self.sd - Z95))


class Platt(BaseModel):
    """A logistic curve through scores: sigmoid(slope * score + offset), with a slope above 0."""

    model_config = ConfigDict(extra="forbid", frozen=True, use_attribute_docstrings=True)

    slope: float = 1.0
    """Per unit of the score."""
    offset: float = 0.0
    """Of the logit."""

    @classmethod
    def fit(cls, scores: ArrayLike, positive: ArrayLike, patients: Sequence[str]) -> Platt:
        """The curve with the largest likelihood, held back by a unit prior on the slope of the standardised score.

        With one class only, or where a higher score does not mean pathology, the slope is next to nothing and the
        probability that of the class.
        """
        from sklearn.linear_model import LogisticRegression  # noqa: PLC0415 - heavy

        given, truth = np.asarray(scores, dtype=np.float64), np.asarray(positive, dtype=bool)
        weights = patient_weights(patients)
        share = float(np.clip(np.average(truth, weights=weights), 0.05, 0.95))
        centre = float(np.average(given, weights=weights))
        scale = max(float(np.sqrt(np.average((given - centre) ** 2, weights=weights))), 1e-9)
        nothing = cls(slope=1e-3 / scale, offset=float(np.log(share / (1 - share)) - 1e-3 * centre / scale))
        if truth.all() or not truth.any():
            return nothing
        found = LogisticRegression(C=1.0).fit(((given - centre) / scale)[:, None], truth, sample_weight=weights)
        slope = float(found.coef_[0, 0]) / scale
        return cls(slope=slope, offset=float(found.intercept_[0]) - slope * centre) if slope > 0 else nothing

    def apply(self, scores: ArrayLike) -> NDArray[np.float64]:
        """Probabilities of scores."""
        return sigmoid(self.slope * np.asarray(scores, dtype=np.float64) + self.offset)


def logarithms(errors: ArrayLike) -> NDArray[np.float64]:
    """The logarithms of reconstruction errors; of one that is 0, that of next to nothing."""
    result: NDArray[np.float64] = np.log(np.maximum(np.asarray(errors, dtype=np.float64), 1e-12))
    return result


def decision_score(anomaly: ArrayLike, suspicion: ArrayLike) -> NDArray[np.float64]:
    """The larger of the normalised reconstruction error and the classifier's normalised logit.

    Both are on the scale of normal studies, so that either part alone flags as many of those: by its probability
    a classifier that is not sure of anything would drown the reconstruction error.
    """
    return np.maximum(np.asarray(anomaly, dtype=np.float64), np.asarray(suspicion, dtype=np.float64))


def log_odds(share: ArrayLike) -> NDArray[np.float64]:
    """The logit of shares, 0 to 1."""
    kept = np.clip(np.asarray(share, dtype=np.float64), EDGE, 1 - EDGE)
    result: NDArray[np.float64] = np.log(kept / (1 - kept))
    return result


def sigmoid(logits: ArrayLike) -> NDArray[np.float64]:
    """1 / (1 + exp(-logit))."""
    from scipy.special import expit  # noqa: PLC0415 - heavy

    return np.asarray(expit(np.asarray(logits, dtype=np.float64)), dtype=np.float64)


def patient_weights(patients: Sequence[str]) -> NDArray[np.float64]:
    """1 over the number of items of the item's patient, so that each patient counts once."""
    _, index, counts = np.unique(np.asarray(patients, dtype=str), return_inverse=True, return_counts=True)
    weights: NDArray[np.float64] = 1.0 / counts[index]
    return weights
