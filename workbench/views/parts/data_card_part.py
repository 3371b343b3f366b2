"""Data, the data card: made in the background, then as it is and as a file."""

from __future__ import annotations

import streamlit as st

from data.holdings import Holdings
from data.records import Job
from data.suppression import FEW
from workbench.data_card import Card, Chapter
from workbench.data_card_text import html, markdown
from workbench.data_card_work import CARD
from workbench.language import _, language, n_
from workbench.views.parts import jobs, words
from workbench.views.parts.context import Here
from workbench.views.parts.data_overview import nothing
from workbench.views.parts.frame import section, show
from workbench.views.parts.markup import Html, join, table, tag, tone


def card(place: Here, found: Holdings) -> None:
    """Show the newest card in the language of the page, bring it as HTML and Markdown, and make it anew."""
    if not found.studies:
        nothing()
        return
    last = jobs.latest(place.store, CARD, language=language())
    running = last is not None and last.state in jobs.RUNNING
    shown = _made(jobs.latest_done(place.store, CARD, language=language()))
    with st.container(horizontal=True, vertical_alignment="center", gap="small"):
        if shown is not None:
            _files(shown)
        said = _("Make the data card") if shown is None else _("Make it anew")
        if st.button(said, type="primary" if shown is None else "secondary", disabled=running, key="card make"):
            jobs.ask(place.home, CARD, language=language())
    jobs.follow(place.home, last, key="card")
    show(_standing(place, shown))
    if shown is not None:
        with st.container(key="data-card"):
            for chapter in shown.chapters:
                _chapter(chapter)


def _made(job: Job | None) -> Card | None:
    """The newest card that was made; it stays while the next one is made. None for one of another form."""
    try:
        return Card.from_dict(job.result) if job is not None else None
    except (KeyError, TypeError):
        return None


def _files(made: Card) -> None:
    st.download_button(_("Data card (HTML)"), html(made), "data-card.html", "text/html", type="primary",
                       on_click="ignore", key="card html")  # fmt: skip
    st.download_button(_("Data card (Markdown)"), markdown(made), "data-card.md", "text/markdown",
                       on_click="ignore", key="card markdown")  # fmt: skip


def _standing(place: Here, made: Card | None) -> Html:
    """From when the card is, what was written since, and the way without this page."""
    terminal = (tone(_("No identity is in it. The same from a terminal:"), "quiet"), " ",
                tag("code", "consilium data-card data-card.html"))  # fmt: skip
    if made is None:
        what = _("It tells what is in, from where, labelled how, what was left out, and where it ends; cells of "
                 "fewer than {few} patients are withheld.", few=FEW)  # fmt: skip
        return join((tone("○ ", "doubt"), tone(_("Not made yet."), "doubt"), " ", tag("p", what), *terminal))
    (since,) = place.store.db.execute(
        "SELECT count(*) FROM log WHERE sequence > ? AND event NOT LIKE 'job.%'", [made.newest]
    ).fetchone()
    fresh = tone("● ", "good") if not since else tone("○ ", "doubt")
    later = n_("{n} entry was written to the log since: make it anew.",
               "{n} entries were written to the log since: make it anew.", since) if since else ""  # fmt: skip
    said = [_("made {when}", when=words.ago(made.made)), later]
    return join((fresh, join([part for part in said if part], " · "), " · ", *terminal))


def _chapter(chapter: Chapter) -> None:
    section(chapter.title)
    parts = [tag("p", sentence, cls="c-small") for sentence in chapter.sentences]
    for grid in chapter.grids:
        numeric = range(1, len(grid.heads))
        parts.append(table(grid.heads, grid.rows, numeric=numeric) if grid.rows else tone("—", "faint"))
    parts += [tag("ul", *(tag("li", item) for item in chapter.items))] if chapter.items else []
    show(tag("div", *parts, cls="c-datacard"))
