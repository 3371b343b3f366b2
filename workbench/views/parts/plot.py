"""A plot as every page shows it: the picture, its figures as a table, and both as files."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import streamlit as st

from workbench.language import _
from workbench.views.parts.charts import CONFIG
from workbench.views.parts.download import Cell, csv_button
from workbench.views.parts.frame import show
from workbench.views.parts.markup import table

if TYPE_CHECKING:
    import plotly.graph_objects as go


def plot(figure: go.Figure, *, key: str, alt: str, heads: Sequence[str], rows: Sequence[Sequence[Cell]]) -> None:
    """Show a plot with its table and its downloads.

    Parameters
    ----------
    key:
        Names it on the page, and its files.
    alt:
        What it shows, in a sentence, for those who do not see it.
    heads, rows:
        The figures that are drawn.
    """
    st.plotly_chart(figure, theme=None, config=CONFIG, key=key, alt=alt)
    with st.popover(_("Table and files"), type="tertiary"):
        numeric = [i for i in range(len(heads)) if all(isinstance(row[i], int | float) for row in rows)]
        show(table(heads, [["—" if cell is None else cell for cell in row] for row in rows], numeric=numeric))
        csv_button(key, heads, rows)
