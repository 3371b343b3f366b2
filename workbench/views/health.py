"""Health: is everything running, and on which version; the part in need comes first, with what to do."""

from __future__ import annotations

import streamlit as st

from data.records import JobState
from workbench.health import check
from workbench.views.parts import jobs, words
from workbench.views.parts.context import here
from workbench.views.parts.frame import framed, header, section, show
from workbench.views.parts.markup import Html, bar, join, table, tag, text, tone

_TONES = {JobState.FAILED: "wrong", JobState.DONE: "good", JobState.CANCELLED: "faint"}


@framed
def page() -> None:
    """Show the parts and the background work."""
    place = here()
    parts = check(place.home)
    ill = sum(not part.ok for part in parts)
    header("Health", tag("span", "everything runs" if not ill else f"{ill} of {len(parts)} parts need you",
                         cls="c-good" if not ill else "c-wrong"))  # fmt: skip
    lines = []
    for part in parts:
        mark = tone("●", "good") if part.ok else tone("▲", "wrong")
        said = join((part.detail, "" if part.ok else tag("div", _command(part.do), cls="c-quiet")))
        lines.append(tag("div", mark, tag("b", part.name), tag("div", said), cls="c-status"))
    show(tag("div", *lines, cls="c-panel", style="padding:0"))
    left, right = st.columns([6, 1], vertical_alignment="bottom")
    with left:
        section("Background work, the newest first")
    if right.button("Refresh", width="stretch"):
        st.rerun()
    found = place.store.jobs.all(limit=30)
    if not found:
        show(tone("No work yet.", "quiet"))
    body = [
        [words.JOBS.get(job.kind, job.kind), tone(words.JOB_STATES[job.state], _TONES.get(job.state, "quiet")),
         join((bar(job.progress), f"{100 * job.progress:.0f}%")), job.error.get("error") or job.message,
         words.moment(job.updated_at)]
        for job in found
    ]  # fmt: skip
    if body:
        show(table(["Work", "State", "", "", "When (UTC)"], body))
    failed = [job for job in found if job.state == JobState.FAILED]
    if failed:
        with st.expander(f"What went wrong ({len(failed)})"):
            for job in failed[:5]:
                jobs.follow(place.home, job)


def _command(do: str) -> Html:
    pieces = do.split("`")
    return join(tag("code", piece) if index % 2 else text(piece) for index, piece in enumerate(pieces))
