"""Data, the data card: as it is, and as a file."""

from __future__ import annotations

import streamlit as st

from data.holdings import Holdings
from workbench.data_card import Chapter
from workbench.data_card_text import html, markdown
from workbench.language import _
from workbench.views.parts import data_counts
from workbench.views.parts.context import Here
from workbench.views.parts.data_overview import nothing
from workbench.views.parts.frame import section, show
from workbench.views.parts.markup import table, tag, tone


def card(place: Here, found: Holdings) -> None:
    """Show the card, and bring it as HTML and Markdown."""
    if not found.studies:
        nothing()
        return
    made = data_counts.card(place)
    with st.container(horizontal=True, vertical_alignment="center", gap="small"):
        st.download_button(_("Data card (HTML)"), html(made), "data-card.html", "text/html", type="primary",
                           on_click="ignore", key="card html")  # fmt: skip
        st.download_button(_("Data card (Markdown)"), markdown(made), "data-card.md", "text/markdown",
                           on_click="ignore", key="card markdown")  # fmt: skip
        show(tone(_("No identity is in it. The same from a terminal:"), "quiet"), " ",
             tag("code", "consilium data-card data-card.html"))  # fmt: skip
    with st.container(key="data-card"):
        for chapter in made.chapters:
            _chapter(chapter)


def _chapter(chapter: Chapter) -> None:
    section(chapter.title)
    parts = [tag("p", sentence, cls="c-small") for sentence in chapter.sentences]
    for grid in chapter.grids:
        numeric = range(1, len(grid.heads))
        parts.append(table(grid.heads, grid.rows, numeric=numeric) if grid.rows else tone("—", "faint"))
    parts += [tag("ul", *(tag("li", item) for item in chapter.items))] if chapter.items else []
    show(tag("div", *parts, cls="c-datacard"))
