"""Health: is everything running, and on which version; the part in need comes first, with what to do."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import groupby

import streamlit as st

from data.records import Job, JobState
from workbench.health import PartHealth, check
from workbench.language import N_, _, n_, number, told
from workbench.views.parts import jobs, words
from workbench.views.parts.context import Here, here
from workbench.views.parts.frame import framed, header, section, show
from workbench.views.parts.markup import Html, bar, coded, join, table, tag, tone
from workbench.views.parts.segments import segments

_TONES = {JobState.FAILED: "wrong", JobState.DONE: "good", JobState.CANCELLED: "faint"}
MARKS: Mapping[JobState, str] = {
    JobState.FAILED: "▲",
    JobState.DONE: "●",
    JobState.CANCELLED: "○",
    JobState.RUNNING: "▶",
    JobState.WAITING: "…",
}
SHOWN: Mapping[str, tuple[str, tuple[JobState, ...]]] = {
    "all": (N_("All"), tuple(JobState)),
    "now": (N_("Waiting and running"), (JobState.WAITING, JobState.RUNNING)),
    "failed": (N_("Failed"), (JobState.FAILED,)),
}
NEWEST, LOOKED_AT = 30, 300
"""Rows of work that are listed, and pieces of work that these may stand for."""


@framed
def page() -> None:
    """Show the parts and the background work."""
    place = here()
    parts = check(place.home)
    ill = sum(not part.ok for part in parts)
    said = tone(_("everything runs"), "good")
    if ill:
        needed = n_("{n} of {total} parts needs you", "{n} of {total} parts need you", ill, total=len(parts))
        said = tone(f"▲ {needed}", "wrong")
    header(_("Health"), tag("span", said))
    show(tag("div", *map(_part, parts), cls="c-panel", style="padding:0"))
    for part in parts:
        _mended(place, part)
    link = tag("a", _("versions of all parts, addresses and folders"), href="/settings?show=versions")
    show(tag("p", _("The same from a terminal:"), " ", tag("code", "consilium health"), " · ", link,
             cls="c-small c-quiet"))  # fmt: skip
    _work(place)


def _mended(place: Here, part: PartHealth) -> None:
    """The button of what background work can mend, and how far that is."""
    if part.ok or not part.work:
        return
    job = jobs.latest(place.store, part.work)
    if not jobs.follow(place.home, job) and st.button(_("Start {part}", part=_(part.name)), type="primary"):
        jobs.ask(place.home, part.work)


def _part(part: PartHealth) -> Html:
    mark = tone("●", "good") if part.ok else tone("▲", "wrong")
    said = join((told(part.detail), "" if part.ok else tag("div", coded(told(part.do)), cls="c-quiet")))
    return tag("div", mark, tag("b", _(part.name)), tag("div", said), cls="c-status")


def _work(place: Here) -> None:
    left, right = st.columns([6, 1], vertical_alignment="bottom")
    with left:
        section(_("Background work, the newest first"))
    if right.button(_("Refresh"), width="stretch"):
        st.rerun()
    chosen = segments(_("Which work"), {key: _(title) for key, (title, states) in SHOWN.items()}, key="work")
    found = place.store.jobs.all(states=SHOWN[chosen][1], limit=LOOKED_AT)
    listed = [list(alike) for _key, alike in groupby(found, _alike)][:NEWEST]
    if not listed:
        show(tone(_("No work of this kind.") if chosen != "all" else _("No work yet."), "quiet"))
        return
    heads = [_("Work"), _("State"), _("Done"), "", _("When (UTC)")]
    show(tag("div", table(heads, map(_row, listed)), cls="c-wide-table"))
    failed = [alike[0] for alike in listed if alike[0].state == JobState.FAILED]
    if failed:
        label = n_("What went wrong ({n})", "What went wrong ({n})", len(failed))
        with st.expander(label, expanded=chosen == "failed"):
            for job in failed[:5]:
                jobs.follow(place.home, job)


def _alike(job: Job) -> tuple[str, ...]:
    """The same for pieces of work that one row tells of when they follow each other: done, and of one name."""
    return (job.kind, jobs.name_of(job)) if job.state == JobState.DONE else (job.job_id,)


def _about(job: Job) -> str:
    """The round or the task that a piece of work is for; empty for none."""
    return str(job.arguments.get("round_id") or job.arguments.get("task") or "")


def _row(alike: Sequence[Job]) -> list[object]:
    """Work of one name: the newest piece, what it was for if all of it was, and how many there were."""
    job, about = alike[0], {_about(job) for job in alike}
    count = f"× {number(len(alike))}" if len(alike) > 1 else ""
    state = f"{MARKS[job.state]} {_(words.JOB_STATES[job.state])}"
    return [
        join((jobs.name_of(job), tone(about.pop() if len(about) == 1 else "", "quiet"), count), " "),
        tag("span", tone(state, _TONES.get(job.state, "quiet")), cls="c-nowrap"),
        tag("span", bar(job.progress), f"{job.progress:.0%}", cls="c-nowrap"),
        told(job.error.get("error") or job.message),
        tag("span", words.moment(job.updated_at), cls="c-nowrap"),
    ]
