"""What the plots of an evaluation need: ROC, confusion matrix, operating point and reliability of a question."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from models.bootstrap import BoolArray, FloatArray, IntArray
from models.calibration import OperatingPoint, ReliabilityBin, calibration_gap, reliability, youden

ROC_POINTS = 200
"""Points of a ROC curve that are kept at the most."""


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
    """

    options: tuple[str, ...]
    confusion: tuple[tuple[int, ...], ...]
    roc: tuple[tuple[float, float], ...] = ()
    operating_point: OperatingPoint | None = None
    reliability: tuple[ReliabilityBin, ...] = ()
    calibration_error: float | None = None

    def as_dict(self) -> dict[str, Any]:
        """The curves as JSON."""
        raw = asdict(self)
        return raw | {
            "confusion": [list(row) for row in self.confusion],
            "roc": [list(point) for point in self.roc],
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
        )


def binary_curves(options: Sequence[str], scores: FloatArray, positive: BoolArray, predicted: BoolArray) -> Curves:
    """The curves of two options, the second being the positive one; every array is (items,)."""
    from sklearn.metrics import roc_curve  # noqa: PLC0415 - heavy

    bins = reliability(scores, positive)
    roc: tuple[tuple[float, float], ...] = ()
    point = None
    if positive.any() and not positive.all():
        false_rate, true_rate, _ = roc_curve(positive, scores)
        last = len(false_rate) - 1
        kept = np.unique(np.linspace(0, last, min(last + 1, ROC_POINTS)).round().astype(int))
        roc = tuple((float(false_rate[i]), float(true_rate[i])) for i in kept)
        point = youden(scores, positive)
    matrix = _confusion(positive.astype(np.int64), predicted.astype(np.int64), 2)
    return Curves(tuple(options), matrix, roc, point, bins, calibration_gap(bins))


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
