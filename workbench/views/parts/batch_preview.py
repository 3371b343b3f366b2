"""A batch before it is opened: what it is made of, every case with its reason and minutes, and the button."""

from __future__ import annotations

from collections.abc import Mapping

import streamlit as st

from active_learning.proposal import Proposal
from data.records import Job, JobState, Part
from workbench.language import N_, _, n_, told
from workbench.views.parts import jobs, loop_cases, words
from workbench.views.parts.context import Here
from workbench.views.parts.frame import empty, section, show
from workbench.views.parts.markup import Html, facts, join, tag

PREVIEW, OPEN = "round.preview", "round.open"
_KINDS: Mapping[str, str] = {
    "part": N_("Part"),
    "reason": N_("Why"),
    "site": N_("Site"),
    "manufacturer": N_("Manufacturer"),
}


def newest(place: Here) -> Job | None:
    """The newest preview of the task, unless a round was opened since."""
    job = jobs.latest_about(place.store, PREVIEW, task=place.task.name)
    last = place.store.rounds.latest(place.task.name)
    return None if job is None or (last is not None and last.opened_at > job.created_at) else job


def batch(place: Here, job: Job | None, *, running: bool) -> None:
    """The previewed batch, with the button that opens it."""
    if job is None or job.state != JobState.DONE:
        return
    proposal = Proposal.from_dict(job.result)
    if not proposal.cases:
        empty(
            _("There is nothing to read"),
            _("No study is left that this plan would ask for."),
            "consilium ingest FOLDER",
        )
        return
    section(_("Preview · {when}", when=words.moment(job.updated_at)))
    left, right = st.columns([5, 1.2], gap="medium")
    with left:
        price = n_("{n} case, {minutes} of reading", "{n} cases, {minutes} of reading", len(proposal.cases),
                   minutes=words.minutes(60 * proposal.minutes))  # fmt: skip
        show(tag("b", price), " ",
             tag("span", _how(proposal), cls="c-quiet"), facts(_composition(place, proposal)))  # fmt: skip
    key = f"open previewed {place.task.name}"
    opens = right.button(_("Open this batch"), type="primary", disabled=running, key=key, width="stretch")
    loop_cases.sheet(place, proposal.items, key=f"previewed {place.task.name}",
                     seconds=[case.seconds for case in proposal.cases])  # fmt: skip
    if opens:
        jobs.ask(place.home, OPEN, task=place.task.name, plan=dict(proposal.plan), batch=proposal.batch)


def way(name: str) -> str:
    """A way to choose, as people say it."""
    return words.short(name) if name else _("most doubtful first")


def _how(proposal: Proposal) -> str:
    by = _("champion {version}", version=proposal.champion) if proposal.champion else _(words.NO_CHAMPION)
    return _("{way} · {by} · nothing is sent yet", way=way(proposal.strategy), by=by)


def _composition(place: Here, proposal: Proposal) -> list[tuple[str, Html]]:
    """What the batch is made of, a line a kind."""
    lines = []
    for kind, counts in proposal.composition().items():
        said = {_named(kind, name): count for name, count in counts.items()}
        name = _(_KINDS[kind]) if kind in _KINDS else words.short(kind).capitalize()
        lines.append((name, join((join((tag("span", n), " ", tag("b", c))) for n, c in said.items()), "  ·  ")))
    return lines


def _named(kind: str, name: str) -> str:
    if kind == "part":
        return words.part(Part(name))
    if kind == "reason":
        return told(words.short(name))
    return name if kind in ("site", "manufacturer") else words.short(name)
