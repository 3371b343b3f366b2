"""A plot as every page shows it: the picture, its figures as a table, and both as files."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import TYPE_CHECKING

import streamlit as st

from workbench.language import _, n_
from workbench.views.parts.charts import CONFIG
from workbench.views.parts.download import Cell, csv_button
from workbench.views.parts.frame import show
from workbench.views.parts.markup import table, tag
from workbench.views.parts.plot_files import picture_buttons

if TYPE_CHECKING:
    import plotly.graph_objects as go

MOST_ROWS = 200
"""Rows of the table on the page; the file holds all."""


def plot(figure: go.Figure, *, key: str, alt: str, heads: Sequence[str], rows: Sequence[Sequence[Cell]]) -> None:
    """Show a plot with its table and its downloads: PNG and SVG in the light look, for print, and CSV.

    Parameters
    ----------
    key:
        Names it on the page, and its files.
    alt:
        What it shows, in a sentence, for those who do not see it.
    heads, rows:
        The figures that are drawn.
    """
    name = file_name(key)
    with st.container(key=f"plot-{name}", gap=None):
        st.plotly_chart(figure, theme=None, config=CONFIG, key=key, alt=alt)
        with st.popover(_("Table and files"), type="tertiary"):
            show(tag("p", alt, cls="c-small c-quiet"))
            with st.container(horizontal=True, gap="small"):
                picture_buttons(name, f"plot-{name}")
                csv_button(name, heads, rows)
            numeric = [i for i in range(len(heads)) if all(_number(row[i]) for row in rows)]
            shown = [[_said(cell) for cell in row] for row in rows[:MOST_ROWS]]
            show(tag("div", table(heads, shown, numeric=numeric), cls="c-figures", tabindex="0", role="region",
                     aria_label=_("Table")))  # fmt: skip
            if left := len(rows) - len(shown):
                show(tag("p", n_("{n} more row is in the file.", "{n} more rows are in the file.", left),
                         cls="c-small c-quiet"))  # fmt: skip


def file_name(key: str) -> str:
    """A plot's key as the name of a file, without an ending."""
    return re.sub(r"[^\w-]+", "-", key, flags=re.ASCII).strip("-") or "plot"


def _number(cell: Cell) -> bool:
    return cell is None or isinstance(cell, int | float)


def _said(cell: Cell) -> str:
    """A figure as a table shows it; the file has all its digits."""
    if cell is None:
        return "—"
    return f"{cell:.4g}" if isinstance(cell, float) else str(cell)
