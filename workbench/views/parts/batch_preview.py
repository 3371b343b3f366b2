"""A batch before it is opened: what it is made of, every case with its reason and minutes, and the button."""

from __future__ import annotations

from collections.abc import Mapping

import streamlit as st

from active_learning.proposal import Proposal
from data.records import Job, JobState, Part
from workbench.views.parts import answers, jobs, words
from workbench.views.parts.context import Here
from workbench.views.parts.frame import empty, section, show
from workbench.views.parts.markup import Html, chip, facts, image, join, table, tag
from workbench.views.parts.rows import rows
from workbench.views.places import go

PREVIEW, OPEN = "round.preview", "round.open"
MOST_SHOWN = 200
"""Cases that are listed; a larger batch says how many more there are."""
_KINDS: Mapping[str, str] = {
    "part": "Part",
    "reason": "Why",
    "site": "Site",
    "manufacturer": "Manufacturer",
}


def newest(place: Here) -> Job | None:
    """The newest preview of the task, unless a round was opened since."""
    job = jobs.latest_about(place.store, PREVIEW, task=place.task.name)
    last = place.store.rounds.latest(place.task.name)
    return None if job is None or (last is not None and last.opened_at > job.created_at) else job


def follow(place: Here) -> tuple[Job | None, bool]:
    """The newest preview, shown while it is made; and whether it is."""
    job = newest(place)
    return job, jobs.follow(place.home, job, key="preview")


def batch(place: Here, job: Job | None, *, running: bool) -> None:
    """The previewed batch, with the button that opens it."""
    if job is None or job.state != JobState.DONE:
        return
    proposal = Proposal.from_dict(job.result)
    if not proposal.cases:
        empty(
            "There is nothing to read", "No study is left that this plan would ask for.", "consilium ingest FOLDER"
        )
        return
    section(f"Preview · {words.moment(job.updated_at)}")
    left, right = st.columns([5, 1.2], gap="medium")
    with left:
        show(tag("b", f"{len(proposal.cases)} cases, {words.minutes(60 * proposal.minutes)} of reading"), " ",
             tag("span", _how(proposal), cls="c-quiet"), facts(_composition(place, proposal)))  # fmt: skip
    key = f"open previewed {place.task.name}"
    opens = right.button("Open this batch", type="primary", disabled=running, key=key, width="stretch")
    _cases(place, proposal)
    if opens:
        jobs.ask(place.home, OPEN, task=place.task.name, plan=dict(proposal.plan), batch=proposal.batch)


def way(name: str) -> str:
    """A way to choose, as people say it."""
    return words.short(name) if name else "most doubtful first"


def _how(proposal: Proposal) -> str:
    by = f"champion {proposal.champion}" if proposal.champion else words.NO_CHAMPION
    return f"{way(proposal.strategy)} · {by} · nothing is sent yet"


def _composition(place: Here, proposal: Proposal) -> list[tuple[str, Html]]:
    """What the batch is made of, a line a kind."""
    lines = []
    for kind, counts in proposal.composition().items():
        said = {_named(kind, name): count for name, count in counts.items()}
        name = _KINDS.get(kind) or words.short(kind).capitalize()
        lines.append((name, join((join((tag("span", n), " ", tag("b", c))) for n, c in said.items()), "  ·  ")))
    return lines


def _named(kind: str, name: str) -> str:
    if kind == "part":
        return words.PARTS[Part(name)]
    return name if kind in ("site", "manufacturer") else words.short(name)


def _cases(place: Here, proposal: Proposal) -> None:
    body = []
    for case in proposal.cases[:MOST_SHOWN]:
        item = case.item
        body.append([
            image(f"/api/studies/{item.study_id}/picture.png?size=80", alt="", cls="c-thumb"),
            tag("a", case.label, href=f"/study?study={item.study_id}"),
            join((chip(words.PURPOSES[item.purpose]), answers.mode_chip(item.mode)), " "),
            item.reason, f"{case.seconds / 60:.1f}",
        ])  # fmt: skip
    heads = ["", "Patient", "For", "Why", "Minutes"]
    shown = rows(table(heads, body, numeric=(4,), opens=[c.item.study_id for c in proposal.cases[:MOST_SHOWN]]),
                 key=f"previewed {place.task.name}")  # fmt: skip
    if len(proposal.cases) > MOST_SHOWN:
        show(tag("span", f"and {len(proposal.cases) - MOST_SHOWN} more", cls="c-quiet c-small"))
    if shown:
        go("study", study=shown)
