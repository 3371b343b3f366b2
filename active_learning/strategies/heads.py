"""What the heads of a view say together: the doubt of each case, in its most doubtful head.

As in :class:`data.records.Prediction`, a case is as doubtful as the most doubtful of its answers. Where a case was
asked nothing, its doubt is 0.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from active_learning.strategies.view import FloatArray, IntArray

NOT_ASKED = -1
"""The head of a case to which none speaks."""


@dataclass(frozen=True, eq=False, slots=True)
class Doubt:
    """(n,) doubt of each case, 0 to 1, and (n,) the head that it is of, :data:`NOT_ASKED` where none speaks."""

    scores: NDArray[np.float64]
    heads: IntArray


def doubt_of(
    heads: tuple[FloatArray, ...], size: int, measure: Callable[[FloatArray], NDArray[np.float64]]
) -> Doubt:
    """The largest of a measure over the heads.

    Parameters
    ----------
    heads:
        (n, classes) each, or (k, n, classes); cases with a NaN are passed over in that head.
    measure:
        Takes such an array of the cases that were asked and gives a number for each.
    """
    scores, of = np.zeros(size), np.full(size, NOT_ASKED, dtype=np.int64)
    for number, head in enumerate(heads):
        asked = asked_of(head)
        values = measure(head if asked.all() else head[..., asked, :])
        places = np.flatnonzero(asked)
        better = (values > scores[places]) | (of[places] == NOT_ASKED)
        scores[places[better]], of[places[better]] = values[better], number
    return Doubt(scores, of)


def asked_of(head: FloatArray) -> NDArray[np.bool_]:
    """(n,) whether a head, (n, classes) or (k, n, classes), speaks to each case."""
    members = head if head.ndim == 3 else head[None]
    return np.logical_not(np.asarray(np.isnan(members[:, :, 0]).any(axis=0)))
