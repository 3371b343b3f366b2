"""A table for other programs: the figures of the page as CSV."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Sequence

import streamlit as st

from workbench.language import _

Cell = str | int | float | None


def csv_button(name: str, heads: Sequence[str], rows: Iterable[Sequence[Cell]]) -> None:
    """A button that brings a table.

    Parameters
    ----------
    name:
        Of the file, without its ending.
    """
    stream = io.StringIO()
    writer = csv.writer(stream)
    writer.writerow(heads)
    writer.writerows(rows)
    st.download_button(_("Table (CSV)"), stream.getvalue(), f"{name}.csv", "text/csv", key=f"csv {name}",
                       type="tertiary", on_click="ignore")  # fmt: skip
