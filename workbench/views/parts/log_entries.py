"""A page of the log, turned by the address, and all that the filter leaves as a file."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from urllib.parse import urlencode

import streamlit as st

from data.records import LogEntry
from workbench.language import _, number
from workbench.log_pages import PAGE, LogPage, Wanted
from workbench.views.parts import words
from workbench.views.parts.context import Here
from workbench.views.parts.frame import show
from workbench.views.parts.markup import Html, chip, join, table, tag, tone

LONGEST = 80
"""Characters of a detail on the page; the whole is in its tooltip and in the file."""


def entries(place: Here, wanted: Wanted, found: LogPage, *, move: Callable[[int], None]) -> None:
    """Show a page of entries.

    Parameters
    ----------
    move:
        Called with the place of the first entry of another page.
    """
    if not found.entries:
        show(tone(_("No such entry. Study and subject are whole ids; days are of UTC."), "quiet"))
        return
    names = {one.reader_id: words.reader_name(one) for one in place.store.reads.readers()}
    heads = ["", _("When (UTC)"), _("Event"), _("Subject"), _("Reader"), _("Details"), _("Digest")]
    body = (_row(entry, names) for entry in found.entries)
    show(tag("div", table(heads, body, numeric=(0,)), cls="c-wide-table"))
    first, last = found.start + 1, found.start + len(found.entries)
    total = _("more than {total}", total=number(found.total)) if found.more else number(found.total)
    with st.container(horizontal=True, vertical_alignment="center", gap="small"):
        st.button(_("Newer"), disabled=found.start == 0, on_click=move, args=(found.start - PAGE,))
        st.button(_("Older"), disabled=not found.older, on_click=move, args=(found.start + PAGE,))
        show(tone(_("{first} to {last} of {total}", first=number(first), last=number(last), total=total), "quiet"))
    address = "/api/log.csv?" + urlencode(wanted.query())
    show(tag("a", _("All of these as a table (CSV)"), href=address, download="log.csv", cls="c-small"))


def _row(entry: LogEntry, names: Mapping[str, str]) -> list[object]:
    detail = {name: value for name, value in entry.detail.items() if value not in ("", [], None)}
    who = str(detail.pop("reader", "")) or (entry.subject if entry.event.startswith("reader.") else "")
    said = join((_said(name, value) for name, value in detail.items()), " ")
    return [
        tone(number(entry.sequence), "faint"),
        tag("span", words.moment(entry.at), cls="c-nowrap", title=entry.at),
        chip(entry.event),
        _subject(entry),
        names.get(who, who),
        tag("div", said, cls="c-small"),
        tag("span", entry.digest[:10], cls="c-mono c-faint", title=entry.digest),
    ]


def _subject(entry: LogEntry) -> Html:
    """The subject, with the way to all that happened to it."""
    return tag("a", entry.subject, href="/log?" + urlencode({"subject": entry.subject}), cls="c-mono c-nowrap")


def _said(name: str, value: object) -> Html:
    listed = ", ".join(map(str, value)) if isinstance(value, list) else str(value)
    short = listed if len(listed) <= LONGEST else f"{listed[: LONGEST - 1]}…"
    return tag("span", tone(f"{name} ", "faint"), short, title=listed if short != listed else "")
