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

EXACT = 1e-9
Cells = list[list[int | None]]


def withheld(rows: Sequence[Sequence[int]], *, sums: bool, few: int = FEW) -> Cells:
    """A table of counts with its row sums as the last column; withheld cells are None.

    Parameters
    ----------
    rows:
        (rows, columns) counts, without sums.
    sums:
        Whether the rows add up to totals that are told elsewhere by the same rule, as where each patient is in one
        row alone: a withheld cell must not follow from those either.
    few:
        The threshold.

    Returns
    -------
    list
        (rows, columns + 1); 0 is withheld only where nothing else is left, since it tells of nobody.
    """
    if not rows:
        return []
    inner = np.array(rows, dtype=np.int64).reshape(len(rows), -1)
    table = np.column_stack([inner, inner.sum(axis=1)])
    known = np.zeros(table.shape[1], dtype=bool)
    if sums:
        known = ~_hidden(table.sum(axis=0, keepdims=True), np.zeros_like(known), few)[0]
    hidden = _hidden(table, known, few)
    return [
        [None if gone else int(n) for n, gone in zip(*row, strict=True)] for row in zip(table, hidden, strict=True)
    ]


def _hidden(table: NDArray[np.int64], known: NDArray[np.bool_], few: int) -> NDArray[np.bool_]:
    """Which cells are withheld, where the totals of some columns are known."""
    hidden = (table > 0) & (table < few)
    while (told := _told(hidden, known)) is not None:
        place = _next(table, hidden, told, known)
        if place is None:
            break
        hidden[place] = True
    return hidden


def _told(hidden: NDArray[np.bool_], known: NDArray[np.bool_]) -> tuple[int, int] | None:
    """A withheld cell that the sums give away, or None."""
    places = np.argwhere(hidden)
    if not len(places):
        return None
    last = hidden.shape[1] - 1
    equations = [  # inner cells - their sum = 0
        [0 if r != row else -1 if c == last else 1 for r, c in places] for row in range(hidden.shape[0])
    ]
    equations += [[int(c == column) for _, c in places] for column in np.flatnonzero(known)]
    _, values, basis = np.linalg.svd(np.array(equations, dtype=float))
    rank = int((values > EXACT).sum())
    free = np.abs(basis[rank:]).max(axis=0, initial=0.0) if rank < len(places) else np.zeros(len(places))
    fixed = np.flatnonzero(free < EXACT)
    return (int(places[fixed[0]][0]), int(places[fixed[0]][1])) if len(fixed) else None


def _next(
    table: NDArray[np.int64], hidden: NDArray[np.bool_], told: tuple[int, int], known: NDArray[np.bool_]
) -> tuple[int, int] | None:
    """The cell to withhold besides: the smallest that is shown in the line that tells; sums and 0 come last."""
    row, column = told
    last = table.shape[1] - 1
    in_row = [(row, c) for c in range(last + 1)]
    in_column = [(r, column) for r in range(table.shape[0])] if known[column] else []
    alone = [line for line in (in_row, in_column) if sum(bool(hidden[place]) for place in line) == 1]
    for lines in (alone, (in_row, in_column), ([(int(r), int(c)) for r, c in np.ndindex(*table.shape)],)):
        shown = [place for line in lines for place in line if not hidden[place]]
        if shown:
            return min(shown, key=lambda place: (table[place] == 0, place[1] == last, int(table[place])))
    return None
