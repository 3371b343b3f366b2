"""Log: what happened, the newest first, and whether anything was altered since."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import streamlit as st

from data.records import Job, LogEntry
from workbench.lineage_work import VERIFY
from workbench.views.parts import jobs, words
from workbench.views.parts.context import Here, here
from workbench.views.parts.frame import empty, framed, header, section, show
from workbench.views.parts.markup import Html, chip, join, table, tag, tone

PAGE = 50
"""Entries on a page."""
EVERYTHING = "everything"
_EVENT, _SUBJECT, _FROM = "log-event", "log-subject", "log-from"


@framed
def page() -> None:
    """Show the log of the home."""
    place = here()
    total = place.store.log.count()
    header("Log", tag("span", f"{total:,} entries, each chained to the one before", cls="c-quiet"))
    if not total:
        empty("Nothing has happened yet", "Entries come with studies, reads, versions and rounds.",
              "consilium ingest FOLDER")  # fmt: skip
        return
    _verification(place, total)
    section("Entries, the newest first")
    event, subject = _filters(place)
    matching = place.store.log.count(event=event or None, subject=subject or None)
    start = min(st.session_state.get(_FROM, 0), max(matching - 1, 0) // PAGE * PAGE)
    found = place.store.log.entries(event=event or None, subject=subject or None, limit=PAGE, offset=start)
    if not found:
        show(tone("No such entry. The subject is the whole id of a record.", "quiet"))
        return
    show(table(["", "When (UTC)", "Event", "Subject", "", "Digest"], map(_row, found), numeric=(0,)))
    _turn(start, len(found), matching)


def _verification(place: Here, total: int) -> None:
    """What the last verification found, and the way to ask for another."""
    last = jobs.latest_about(place.store, VERIFY)
    left, right = st.columns([5, 1.2], vertical_alignment="center")
    with left:
        if not jobs.follow(place.home, last) and last is not None and last.result:
            show(_state(last, total))
        elif last is None:
            show(
                tone("Not verified yet. ", "doubt"), "The same from a terminal: ", tag("code", "consilium verify")
            )
    if right.button("Verify now", type="primary", width="stretch"):
        jobs.ask(place.home, VERIFY)
    if last is not None and last.result.get("findings"):
        _findings(last.result)


def _state(last: Job, total: int) -> Html:
    result = last.result
    if result["sound"]:
        head = join((tone("● ", "good"), tag("b", "Nothing was altered")))
    else:
        head = join((tone("▲ ", "wrong"), tag("b", f"{result['found']} findings")))
    compared = f"{result['entries']:,} entries, {result['records']:,} records, {result['files']:,} files"
    since = total - int(result["newest"])
    later = f" · {since:,} {'entry' if since == 1 else 'entries'} since" if since > 0 else ""
    said = tag("div", f"{compared} compared {words.ago(last.updated_at)}{later}", cls="c-small c-quiet")
    return tag("div", head, said)


def _findings(result: Mapping[str, Any]) -> None:
    body = [
        [tag("span", one["where"], cls="c-mono"), tone(one["message"], "wrong"), one["given"], one["expected"],
         tag("span", one["do"], cls="c-quiet")]
        for one in result["findings"]
    ]  # fmt: skip
    show(table(["Where", "What is wrong", "Found", "Expected", "What to do"], body))
    if result["found"] > len(body):
        show(tone(f"and {result['found'] - len(body):,} more: run `consilium verify`", "quiet"))


def _filters(place: Here) -> tuple[str, str]:
    """The kind of event and the subject that are asked for; empty for all."""
    kinds = [EVERYTHING, *dict.fromkeys(event.partition(".")[0] for event in place.store.log.events())]
    left, right = st.columns([1, 2])
    st.session_state.setdefault(_SUBJECT, st.query_params.get("subject", ""))
    chosen = left.selectbox("Kind of event", kinds, key=_EVENT, on_change=_back)
    subject = right.text_input(
        "Subject", key=_SUBJECT, on_change=_back, placeholder="the id of a study, read, version or round"
    )
    return ("" if chosen == EVERYTHING else str(chosen)), subject.strip()


def _back() -> None:
    st.session_state[_FROM] = 0


def _move(start: int) -> None:
    st.session_state[_FROM] = start


def _turn(start: int, shown: int, matching: int) -> None:
    with st.container(horizontal=True, vertical_alignment="center", gap="small"):
        st.button("Newer", disabled=start == 0, on_click=_move, args=(max(start - PAGE, 0),))
        st.button("Older", disabled=start + shown >= matching, on_click=_move, args=(start + PAGE,))
        show(tone(f"{start + 1:,} to {start + shown:,} of {matching:,}", "quiet"))


def _row(entry: LogEntry) -> list[object]:
    said = join((_said(name, value) for name, value in entry.detail.items() if value not in ("", [], None)), " ")
    return [
        tone(f"{entry.sequence:,}", "faint"),
        tag("span", words.moment(entry.at), cls="c-nowrap"),
        chip(entry.event),
        tag("span", entry.subject, cls="c-mono"),
        tag("div", said, cls="c-small"),
        tag("span", entry.digest[:10], cls="c-mono c-faint", title=entry.digest),
    ]


def _said(name: str, value: object) -> Html:
    listed = ", ".join(map(str, value)) if isinstance(value, list) else str(value)
    short = listed if len(listed) <= 80 else f"{listed[:79]}…"
    return tag("span", tone(f"{name} ", "faint"), short, title=listed if short != listed else "")
