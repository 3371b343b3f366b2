"""The four recommended thresholds of the decision score, and what each costs on the validation patients.

References
----------
Youden: Index for rating diagnostic tests, Cancer 3 (1950), 32 - 35.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict

from models.bootstrap import BoolArray, FloatArray, interval
from models.calibration import youden
from models.metrics import weighted_mean

SENSITIVITY = 0.95
"""That one of the thresholds must reach."""
USELESS_SPECIFICITY = 0.05
"""A threshold is useless where the lower end of its specificity's interval is below it,"""
USELESS_FLAGGED = 0.95
"""... or where it flags more than this share of all studies."""
RESAMPLES = 1000
BINS = 20
"""Of the histograms of the decision score, from 0 to 1."""


class Rate(BaseModel):
    """A share with its 95% interval over patients; None where it cannot be had."""

    model_config = ConfigDict(extra="forbid", frozen=True, use_attribute_docstrings=True)

    value: float | None
    """On the validation patients."""
    low: float | None
    """Lower end of the interval."""
    high: float | None
    """Upper end of the interval."""


class Threshold(BaseModel):
    """A recommended threshold: flagged where the decision score is at least it."""

    model_config = ConfigDict(extra="forbid", frozen=True, use_attribute_docstrings=True)

    rule: str
    """``f1``, ``youden``, ``sensitivity`` or ``median``."""
    value: float
    """Of the decision score."""
    sensitivity: Rate
    """At this very threshold."""
    specificity: Rate
    """At this very threshold."""
    flagged: Rate
    """Share of all studies that are flagged."""
    useless: bool
    """Whether it flags nearly everything."""
    sentence: str
    """What people must know of it."""


class Distributions(BaseModel):
    """Histograms of the decision score in bins of equal width from 0 to 1."""

    model_config = ConfigDict(extra="forbid", frozen=True, use_attribute_docstrings=True)

    normal: tuple[int, ...]
    """Counts of normal studies."""
    pathology: tuple[int, ...]
    """Counts of studies with pathology."""


def distributions(scores: FloatArray, positive: BoolArray) -> Distributions:
    """The histograms of the two classes; each array is (studies,)."""
    counts = [np.histogram(scores[group], bins=BINS, range=(0, 1))[0] for group in (~positive, positive)]
    return Distributions(normal=tuple(int(c) for c in counts[0]), pathology=tuple(int(c) for c in counts[1]))


def recommended(
    scores: FloatArray, positive: BoolArray, patients: Sequence[str], *, resamples: int = RESAMPLES, seed: int = 0
) -> tuple[Threshold, ...]:
    """The thresholds by F1, Youden's index, sensitivity and median.

    Parameters
    ----------
    scores, positive, patients:
        (studies,): decision score, whether there is pathology, and the patient.

    Returns
    -------
    tuple
        Those that can be had: with one class only, the median alone.
    """
    chosen = {"median": float(np.median(scores))}
    if positive.any() and not positive.all():
        chosen = {
            "f1": best_f1(scores, positive),
            "youden": youden(scores, positive).threshold,
            "sensitivity": highest_with_sensitivity(scores, positive, SENSITIVITY),
            **chosen,
        }
    return tuple(
        _measured(rule, value, scores, positive, patients, resamples, seed) for rule, value in chosen.items()
    )


def best_f1(scores: FloatArray, positive: BoolArray) -> float:
    """The score with the largest F1 as threshold, the highest of several."""
    thresholds = np.unique(scores)
    hits = len(scores[positive]) - np.searchsorted(np.sort(scores[positive]), thresholds, side="left")
    flagged = len(scores) - np.searchsorted(np.sort(scores), thresholds, side="left")
    f1 = 2 * hits / (flagged + int(positive.sum()))
    return float(thresholds[np.flatnonzero(f1 >= f1.max() - 1e-12)[-1]])


def highest_with_sensitivity(scores: FloatArray, positive: BoolArray, sensitivity: float) -> float:
    """The highest score that flags at least this share of the positives."""
    own: NDArray[np.float64] = np.sort(scores[positive])[::-1]
    return float(own[int(np.ceil(sensitivity * len(own) - 1e-9)) - 1])


def _measured(
    rule: str,
    value: float,
    scores: FloatArray,
    positive: BoolArray,
    patients: Sequence[str],
    resamples: int,
    seed: int,
) -> Threshold:
    flagged = scores >= value
    sensitivity = _rate(flagged, positive, patients, resamples, seed)
    specificity = _rate(~flagged, ~positive, patients, resamples, seed)
    share = _rate(flagged, np.ones(len(scores), dtype=bool), patients, resamples, seed)
    useless = (specificity.low is not None and specificity.low < USELESS_SPECIFICITY) or (
        share.value is not None and share.value > USELESS_FLAGGED
    )
    return Threshold(
        rule=rule, value=value, sensitivity=sensitivity, specificity=specificity, flagged=share, useless=useless,
        sentence=_sentence(value, sensitivity, specificity, share, useless),
    )  # fmt: skip


def _rate(right: BoolArray, among: BoolArray, patients: Sequence[str], resamples: int, seed: int) -> Rate:
    """The share of those among whom it is asked, with the bootstrap over their patients."""
    if not among.any():
        return Rate(value=None, low=None, high=None)
    values = right[among].astype(np.float64)
    own = [patient for patient, asked in zip(patients, among, strict=True) if asked]
    bounds = interval(weighted_mean(values), own, resamples, seed)
    return Rate(value=float(values.mean()), low=bounds.low, high=bounds.high)


def _sentence(value: float, sensitivity: Rate, specificity: Rate, flagged: Rate, useless: bool) -> str:
    said = (
        f"At {value:.3f} it flags {_words(flagged)} of all studies; sensitivity {_words(sensitivity)}, "
        f"specificity {_words(specificity)}."
    )
    if useless:
        said += " It is useless for sorting out normal studies: it flags nearly everything, or may."
    return said


def _words(rate: Rate) -> str:
    if rate.value is None:
        return "not known"
    if rate.low is None or rate.high is None:
        return f"{rate.value:.2f}"
    return f"{rate.value:.2f} (95% CI {rate.low:.2f} to {rate.high:.2f})"
