"""Log: what happened, the newest first, and whether anything was altered since."""

from __future__ import annotations

import streamlit as st

from workbench import log_pages
from workbench.language import _, n_
from workbench.views.parts import log_entries, log_filter, log_verification
from workbench.views.parts.context import here
from workbench.views.parts.frame import empty, framed, header, section
from workbench.views.parts.markup import tag

FROM = "from"
"""The query parameter of the first entry that is shown, from 0."""


@framed
def page() -> None:
    """Show the log of the home."""
    place = here()
    total = place.store.log.head().sequence
    said = n_("{n} entry, each chained to the one before", "{n} entries, each chained to the one before", total)
    header(_("Log"), tag("span", said, cls="c-quiet"))
    if not total:
        empty(_("Nothing has happened yet"), _("Entries come with studies, reads, versions and rounds."),
              "consilium ingest FOLDER")  # fmt: skip
        return
    log_verification.verification(place, total)
    section(_("Entries, the newest first"))
    wanted = log_filter.wanted(place, changed=_back)
    given = st.query_params.get(FROM, "")
    start = int(given) // log_pages.PAGE * log_pages.PAGE if given.isdecimal() and int(given) < 10**9 else 0
    found = log_pages.page(place.store, wanted, start=start)
    log_entries.entries(place, wanted, found, move=_move)


def _back() -> None:
    _move(0)


def _move(start: int) -> None:
    if start > 0:
        st.query_params[FROM] = str(start)
    else:
        st.query_params.pop(FROM, None)
