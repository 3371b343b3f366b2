"""Isotonic calibration: a probability is put where cases of that probability turned out, by a rising curve.

It mends what one temperature cannot, such as a model that is too sure at one end alone, and needs more examples.
It is fitted on validation patients, kept as plain numbers, and applied as a pure function.

References
----------
Zadrozny, Elkan: Transforming classifier scores into accurate multiclass probability estimates, KDD 2002 (each
class against the others, made to sum to 1 again).
Niculescu-Mizil, Caruana: Predicting good probabilities with supervised learning, ICML 2005 (how many examples it
needs).
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike, NDArray
from pydantic import BaseModel, ConfigDict

from data.errors import TrainingError

LEAST = 200
"""Examples from which it is fitted; below, a temperature is the safer choice."""
LEAST_EACH = 20
"""Examples that are, and as many that are not, of the class."""


class Curve(BaseModel):
    """A rising line through (score, chance); level outside of it."""

    model_config = ConfigDict(extra="forbid", frozen=True, use_attribute_docstrings=True)

    scores: tuple[float, ...]
    """Probabilities as the model gives them, rising."""
    chances: tuple[float, ...]
    """How often it came true there, never falling; none is 0 or 1."""

    def apply(self, scores: ArrayLike) -> NDArray[np.float64]:
        """The chances of scores of any shape."""
        return np.interp(np.asarray(scores, dtype=np.float64), self.scores, self.chances)


def fit_curve(scores: ArrayLike, happened: ArrayLike) -> Curve:
    """The curve with the least squared error.

    Chances stay 1 / (n + 2) away from 0 and 1: n examples cannot tell of something that never happens.

    Parameters
    ----------
    scores:
        (n,) probabilities of an event.
    happened:
        (n,) whether it came true.

    Raises
    ------
    TrainingError
        Too few examples (:func:`refuse_too_few`).
    """
    from sklearn.isotonic import IsotonicRegression  # noqa: PLC0415 - heavy

    given, came = np.asarray(scores, dtype=np.float64), np.asarray(happened, dtype=bool)
    refuse_too_few(came)
    edge = 1 / (came.size + 2)
    found = IsotonicRegression(y_min=edge, y_max=1 - edge, out_of_bounds="clip").fit(given, came)
    return Curve(scores=tuple(found.X_thresholds_.tolist()), chances=tuple(found.y_thresholds_.tolist()))


def refuse_too_few(happened: ArrayLike) -> None:
    """Refuse to fit a curve to so few examples, (n,) true or false each.

    Raises
    ------
    TrainingError
        There are fewer than :data:`LEAST`, or :data:`LEAST_EACH` of one kind.
    """
    came = np.asarray(happened, dtype=bool)
    if came.size < LEAST or not LEAST_EACH <= came.sum() <= came.size - LEAST_EACH:
        raise TrainingError(
            "There are too few validation examples for an isotonic calibration.",
            given=f"{came.size} examples, {int(came.sum())} of them of the class",
            expected=f"{LEAST} or more, with {LEAST_EACH} of the class and {LEAST_EACH} of others",
            do='set calibration = "temperature" for the stage, or have more validation patients read',
        )


def apply_curves(probabilities: ArrayLike, curves: Sequence[Curve]) -> NDArray[np.float64]:
    """Probabilities of exclusive classes, each by its curve, made to sum to 1.

    Parameters
    ----------
    probabilities:
        (n, classes).
    curves:
        One a class; or one alone, of the second of two classes.
    """
    given = np.asarray(probabilities, dtype=np.float64)
    if len(curves) == 1 and given.shape[1] == 2:
        second = curves[0].apply(given[:, 1])
        return np.column_stack([1 - second, second])
    if len(curves) != given.shape[1]:
        raise ValueError(f"{len(curves)} curves of {given.shape[1]} classes: expected one each")
    each = np.column_stack([curve.apply(column) for curve, column in zip(curves, given.T, strict=True)])
    result: NDArray[np.float64] = each / each.sum(axis=1, keepdims=True)
    return result
