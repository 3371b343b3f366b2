"""The grid of grades on a page: read at a glance, and a way to the page on which a grade was measured."""

from __future__ import annotations

from collections.abc import Sequence

import streamlit as st

from active_learning.words import spoken
from data.records import Reader
from workbench.grades import LEFT, RIGHT, Cell, Column, Grid, votes
from workbench.language import NP_, _, p_
from workbench.theme import SHAPES, palette
from workbench.viewer.shown import Shown
from workbench.views.parts import words
from workbench.views.parts.context import Here
from workbench.views.parts.frame import show
from workbench.views.parts.markup import Html, join, tag
from workbench.views.parts.rows import rows

COLUMN = "column of the grid"
"""The context of short names."""
SHORT = (
    NP_("column of the grid", "foraminal"),
    NP_("column of the grid", "recess"),
    NP_("column of the grid", "central"),
)
SITE = "site"
"""The query parameter of the site that is looked at."""
Look = tuple[str, str, str]
"""A reader's name, hue and shape."""


def grid(place: Here, found: Grid, shown: Shown) -> None:
    """Show the grid; a cell that is chosen puts its site into the address."""
    looks = looks_of(shown, place.store.reads.readers())
    now = st.query_params.get(SITE, "")
    opened = rows(grid_html(found, looks, now), key="spine grid")
    if opened and opened != now:
        st.query_params[SITE] = opened
        st.rerun()
    show(_legend(found, looks, shown))


def looks_of(shown: Shown, readers: Sequence[Reader]) -> dict[int, Look]:
    """How each read is marked, by its place; where readers have no names, by their place in the case."""
    known = {reader.reader_id: (at, words.reader_name(reader)) for at, reader in enumerate(readers)}
    looks, hues = {}, palette().readers
    for number, (place, read) in enumerate(votes(shown.reads)):
        at, name = known.get(read.reader_id, (number, read.reader_id))
        if not shown.names:
            at, name = number, _("Reader {n}", n=number + 1)
        looks[place] = name, hues[at % len(hues)], SHAPES[at % len(SHAPES)]
    return looks


def grid_html(found: Grid, looks: dict[int, Look], now: str = "") -> Html:
    """The grid as a table; every cell is a button that opens its site.

    Parameters
    ----------
    now:
        The key of the site that is looked at.
    """
    sides = [_("right") if c.side == RIGHT else _("left") if c.side == LEFT else "" for c in found.columns]
    heads = [tag("th", _("Level"), scope="col")]
    for column, side in zip(found.columns, sides, strict=True):
        above = tag("span", side, cls="c-faint") if side else ""
        heads.append(tag("th", _head(column.question), " ", above, scope="col"))
    body = [
        tag("tr", tag("th", level, scope="row"), *(_cell(found, level, c, looks, now) for c in found.columns))
        for level in found.levels
    ]
    return tag("table", tag("thead", tag("tr", *heads)), tag("tbody", *body), cls="c-grid")


def _head(question: str) -> str:
    """A question's name, in its short form where the language has one."""
    name = spoken(question)
    short = p_(COLUMN, name)
    return words.short(question) if short == name else short


def _cell(found: Grid, level: str, column: Column, looks: dict[int, Look], now: str) -> Html:
    cell = found.cells.get((level, column))
    if cell is None:
        return tag("td")
    parts: list[object] = []
    if cell.model is not None:
        share = "" if cell.probability is None else tag("small", f"{cell.probability:.2f}")
        parts.append(tag("span", tag("b", cell.model), share, cls="c-cell-model"))
    if cell.marks:
        marks = (tag("span", looks[m.read][2], m.grade, style=f"color:{looks[m.read][1]}") for m in cell.marks)
        parts.append(tag("span", join(marks, " "), cls="c-cell-marks"))
    if cell.agreed is not None:
        parts.append(tag("span", f"= {cell.agreed}", cls="c-cell-agreed"))
    if cell.spread:
        parts.append(tag("span", "≠", cls="c-cell-split"))
    classes = ["c-cell", f"c-grade-{_shade(cell, len(found.scale))}"]
    classes += ["c-split"] if cell.spread else []
    classes += ["c-here"] if cell.site.key == now else []
    said = in_words(found, cell, looks)
    button = tag("button", *(parts or ["—"]), type="button", data_open=cell.site.key, cls=" ".join(classes),
                 title=said, aria_label=said, aria_pressed=str(cell.site.key == now).lower())  # fmt: skip
    return tag("td", button)


def _shade(cell: Cell, grades: int) -> int:
    """From 0 (none) to 3 (the highest grade)."""
    return 0 if cell.grade is None else round(3 * min(cell.grade, grades - 1) / max(grades - 1, 1))


def in_words(found: Grid, cell: Cell, looks: dict[int, Look]) -> str:
    """A cell as it is read out."""

    def called(grade: int) -> str:
        name = _(found.scale[grade]) if 0 <= grade < len(found.scale) else ""
        return f"{grade} {name}".strip()

    said = []
    if cell.model is not None:
        share = "" if cell.probability is None else f" (P = {cell.probability:.2f})"
        said.append(_("model {grade}", grade=called(cell.model)) + share)
    said += [f"{looks[m.read][0]} {called(m.grade)}" for m in cell.marks]
    said += [_("agreed {grade}", grade=called(cell.agreed))] if cell.agreed is not None else []
    said += [_("they differ")] if cell.spread else []
    said += [_("page {number}", number=cell.page + 1)] if cell.page is not None else []
    return f"{words.short(cell.question)} {words.site(cell.site)}: {', '.join(said) or _('nothing')}"


def _legend(found: Grid, looks: dict[int, Look], shown: Shown) -> Html:
    scale = " · ".join(f"{grade} {_(name)}" for grade, name in enumerate(found.scale))
    marks = [
        tag("span", tag("span", shape, style=f"color:{hue}"), f" {name}") for name, hue, shape in looks.values()
    ]
    if shown.prediction is not None:
        marks.insert(
            0, tag("span", tag("b", "0"), " ", _("{version}, P calibrated", version=shown.prediction.version))
        )
    if any(cell.agreed is not None for cell in found.cells.values()):
        marks.append(tag("span", "= ", _("agreed")))
    if any(cell.spread for cell in found.cells.values()):
        marks.append(tag("span", "≠ ", _("they differ")))
    return tag("div", tag("div", scale), tag("div", join(marks, " \u00a0 ")), cls="c-small c-quiet")
