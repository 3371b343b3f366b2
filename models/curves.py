"""What the plots of an evaluation need: ROC, precision, confusion, reliability and scores of a question."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from models.bootstrap import BoolArray, FloatArray, IntArray
from models.calibration import OperatingPoint, ReliabilityBin, calibration_gap, reliability, youden

ROC_POINTS = 200
"""Points of a curve that are kept at the most."""
SCORE_DIGITS = 6
"""To which the score of a patient is kept."""


@dataclass(frozen=True, slots=True)
class Curves:
    """The plots of one question, or of one finding.

    Parameters
    ----------
    options:
        The rows and columns of the confusion matrix.
    confusion:
        Counts: a row an option of the reference, a column an option of the prediction.
    roc:
        (1 - specificity, sensitivity), from (0, 0) to (1, 1); empty unless there are two options and both occur.
    operating_point:
        Where Youden's index is largest on these very patients: for the plot, not a threshold to work with.
    reliability:
        Of the positive option's probability; of the most probable option's where there are more than two.
    calibration_error:
        The mean gap of the reliability bins, 0 to 1.
    precision_recall:
        (recall, precision), from the highest threshold to the lowest; empty where ``roc`` is.
    scores, positive:
        A patient each, the lowest score first: the largest probability of the positive option among the patient's
        items, and whether any of them is positive in the reference. Empty unless there are two options, and in
        evaluations that were kept before.
    """

    options: tuple[str, ...]
    confusion: tuple[tuple[int, ...], ...]
    roc: tuple[tuple[float, float], ...] = ()
    operating_point: OperatingPoint | None = None
    reliability: tuple[ReliabilityBin, ...] = ()
    calibration_error: float | None = None
    precision_recall: tuple[tuple[float, float], ...] = ()
    scores: tuple[float, ...] = ()
    positive: tuple[bool, ...] = ()

    def as_dict(self) -> dict[str, Any]:
        """The curves as JSON."""
        raw = asdict(self)
        return raw | {
            "confusion": [list(row) for row in self.confusion],
            "roc": [list(point) for point in self.roc],
            "precision_recall": [list(point) for point in self.precision_recall],
            "scores": list(self.scores),
            "positive": list(self.positive),
        }

    @classmethod
    def from_dict(cls, raw: Mapping[str, Any]) -> Curves:
        """The curves back from JSON."""
        point = raw["operating_point"]
        return cls(
            tuple(raw["options"]),
            tuple(tuple(row) for row in raw["confusion"]),
            tuple((float(x), float(y)) for x, y in raw["roc"]),
            OperatingPoint(**point) if point else None,
            tuple(ReliabilityBin(**each) for each in raw["reliability"]),
            raw["calibration_error"],
            tuple((float(x), float(y)) for x, y in raw.get("precision_recall", ())),
            tuple(float(score) for score in raw.get("scores", ())),
            tuple(bool(one) for one in raw.get("positive", ())),
        )


def binary_curves(
    options: Sequence[str],
    scores: FloatArray,
    positive: BoolArray,
    predicted: BoolArray,
    patients: Sequence[str] | None = None,
) -> Curves:
    """The curves of two options, the second being the positive one; every array is (items,).

    Parameters
    ----------
    patients:
        The patient of each item; without them each item is of a patient of its own.
    """
    from sklearn.metrics import precision_recall_curve, roc_curve  # noqa: PLC0415 - heavy

    bins = reliability(scores, positive)
    roc: tuple[tuple[float, float], ...] = ()
    precise: tuple[tuple[float, float], ...] = ()
    point = None
    if positive.any() and not positive.all():
        false_rate, true_rate, _ = roc_curve(positive, scores)
        roc = _thinned(false_rate, true_rate)
        precision, recall, _ = precision_recall_curve(positive, scores, drop_intermediate=True)
        precise = _thinned(
            recall[-2::-1], precision[-2::-1]
        )  # without the end at recall 0, which no threshold has
        point = youden(scores, positive)
    matrix = _confusion(positive.astype(np.int64), predicted.astype(np.int64), 2)
    of_patients = _by_patient(scores, positive, patients)
    return Curves(tuple(options), matrix, roc, point, bins, calibration_gap(bins), precise, *of_patients)


def _thinned(across: FloatArray, up: FloatArray) -> tuple[tuple[float, float], ...]:
    """Not more than :data:`ROC_POINTS` of the points, the first and the last among them."""
    last = len(across) - 1
    kept = np.unique(np.linspace(0, last, min(last + 1, ROC_POINTS)).round().astype(int))
    return tuple((float(across[i]), float(up[i])) for i in kept)


def _by_patient(
    scores: FloatArray, positive: BoolArray, patients: Sequence[str] | None
) -> tuple[tuple[float, ...], tuple[bool, ...]]:
    names = np.arange(len(scores)) if patients is None else np.asarray(patients)
    found, of = np.unique(names, return_inverse=True)
    highest, any_positive = np.full(len(found), -np.inf), np.zeros(len(found), dtype=bool)
    np.maximum.at(highest, of, scores)
    np.logical_or.at(any_positive, of, positive)
    order = np.lexsort((any_positive, highest))
    return (tuple(round(float(highest[i]), SCORE_DIGITS) for i in order),
            tuple(bool(any_positive[i]) for i in order))  # fmt: skip


def several_curves(
    options: Sequence[str], probabilities: FloatArray, reference: IntArray, predicted: IntArray
) -> Curves:
    """The curves of several options; probabilities (items, options), the others (items,) indices."""
    bins = reliability(probabilities.max(axis=1), probabilities.argmax(axis=1) == reference)
    matrix = _confusion(reference, predicted, len(options))
    return Curves(tuple(options), matrix, reliability=bins, calibration_error=calibration_gap(bins))


def _confusion(reference: IntArray, predicted: IntArray, count: int) -> tuple[tuple[int, ...], ...]:
    from sklearn.metrics import confusion_matrix  # noqa: PLC0415 - heavy

    return tuple(tuple(int(n) for n in row) for row in confusion_matrix(reference, predicted, labels=range(count)))
