"""Small cells of a table withheld, and as many others as are needed so that none can be worked out from the sums.

The rule of statistical offices: a cell below a threshold is withheld (primary); where the sums of a row or column
then give it away, more cells are withheld (complementary), the smallest first. Source: L. Willenborg, T. de Waal,
Elements of Statistical Disclosure Control, Springer 2001, chapters 6 and 7.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

FEW = 5
"""Cells below this and above 0 are withheld."""

Cells = list[list[int | None]]


def withheld(rows: Sequence[Sequence[int]], *, sums: bool, few: int = FEW) -> Cells:
    """A table of counts with its row sums as the last column; withheld cells are None.

    Parameters
    ----------
    rows:
        (rows, columns) counts, without sums.
    sums:
        Whether the columns add up to known totals as well, so that a withheld cell must not follow from those.
    few:
        The threshold.

    Returns
    -------
    list
        (rows, columns + 1); 0 is never withheld at first, since it tells of nobody.
    """
    inner = np.array(rows, dtype=np.int64).reshape(len(rows), -1)
    table = np.column_stack([inner, inner.sum(axis=1)])
    hidden = (table > 0) & (table < few)
    while (told := _told(hidden, sums=sums)) is not None:
        hidden[_next(table, hidden, told, sums=sums)] = True
    return [
        [None if gone else int(n) for n, gone in zip(*row, strict=True)] for row in zip(table, hidden, strict=True)
    ]


def _told(hidden: NDArray[np.bool_], *, sums: bool) -> tuple[int, int] | None:
    """A withheld cell that the sums give away, or None."""
    places = np.argwhere(hidden)
    if not len(places):
        return None
    equations = []
    last = hidden.shape[1] - 1
    for row in range(hidden.shape[0]):  # inner cells - their sum = 0
        equations.append([0 if r != row else -1 if c == last else 1 for r, c in places])
    if sums:
        for column in range(last):
            equations.append([int(c == column) for _, c in places])
    matrix = np.array(equations, dtype=float)
    _, values, basis = np.linalg.svd(matrix)
    rank = int((values > 1e-9).sum())
    free = np.abs(basis[rank:]).max(axis=0, initial=0.0) if rank < len(places) else np.zeros(len(places))
    fixed = np.flatnonzero(free < 1e-9)
    return (int(places[fixed[0]][0]), int(places[fixed[0]][1])) if len(fixed) else None


def _next(
    table: NDArray[np.int64], hidden: NDArray[np.bool_], told: tuple[int, int], *, sums: bool
) -> tuple[int, int]:
    """The cell to withhold besides: the smallest that is shown in the row, or else in the column; 0 comes last."""
    row, column = told
    last = table.shape[1] - 1
    in_row = [(row, c) for c in range(last) if not hidden[row, c]]
    in_column = [(r, column) for r in range(table.shape[0]) if not hidden[r, column]] if sums else []
    shown_row = [place for place in in_row if table[place]]
    shown_column = [place for place in in_column if table[place]]
    for places in (shown_row + shown_column, in_row + in_column):
        if places:
            return min(places, key=lambda place: int(table[place]))
    rest = np.argwhere(~hidden)
    return int(rest[0][0]), int(rest[0][1])
