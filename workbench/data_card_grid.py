"""Tables of a data card: patients by part, small cells withheld."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from data.composition import UNKNOWN, Counted
from data.records import Part
from data.suppression import FEW, Cells, withheld
from workbench.language import _, number
from workbench.views.parts import words

WITHHELD = "*"
"""What stands for a cell that is withheld."""


@dataclass(frozen=True, slots=True)
class Grid:
    """A table of the card. Every cell is text already."""

    title: str
    heads: Sequence[str]
    rows: Sequence[Sequence[str]]


def patients(title: str, counted: Counted, names: Mapping[str, str] | None = None) -> Grid:
    """Patients by part for each value, small cells withheld; the last column adds a row up.

    A patient may be in several rows of some tables; withholding as if nobody were can only withhold more.
    """
    known = names or {}
    cells = withheld([[row[part] for part in Part] for row in counted.values()], sums=True)
    called = [_("not known") if value == UNKNOWN else known.get(value, value) for value in counted]
    return grid(title, called, cells)


def grid(title: str, names: Sequence[str], cells: Cells) -> Grid:
    """A table of patients by part; its last column is the sum of a row."""
    heads = [title, *(words.part(part) for part in Part), _("patients")]
    rows = [[name, *(WITHHELD if n is None else number(n) for n in row)]
            for name, row in zip(names, cells, strict=True)]  # fmt: skip
    return Grid(title, heads, rows)


def few(count: int) -> str:
    """A count of studies or patients; withheld where it is small."""
    return WITHHELD if 0 < count < FEW else number(count)
