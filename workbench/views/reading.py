"""My reading: the queue of whoever sits there, with links to where the reads are answered."""

from __future__ import annotations

from collections.abc import Sequence

import streamlit as st

from data.records import Mode, Reader, ReadRequest, RequestState, RoundState
from workbench.labelling import reading_link
from workbench.views.parts import answers, jobs, words
from workbench.views.parts.context import Here, here
from workbench.views.parts.frame import empty, framed, header, section, show
from workbench.views.parts.markup import Html, bar, chip, image, join, reader_dot, table, tag
from workbench.views.parts.rows import rows
from workbench.views.places import go

_OPEN = (RoundState.OPENED, RoundState.PUSHED, RoundState.READ)


@framed
def page() -> None:
    """Show the reader's queue; the curator sees how far everybody is."""
    place = here()
    if place.reader is None:
        _everybody(place)
        return
    open_rounds = {r.round_id: r for r in place.store.rounds.all(place.task.name) if r.state in _OPEN}
    requests = [
        request
        for request in place.store.reads.requests(reader_id=place.reader.reader_id, task=place.task.name)
        if request.round_id in open_rounds and request.state != RequestState.WITHDRAWN
    ]
    waiting = [r for r in requests if r.state in (RequestState.PLANNED, RequestState.PUSHED)]
    done = len(requests) - len(waiting)
    numbers = ", ".join(f"round {r.number}" for r in open_rounds.values())
    left = words.minutes(len(waiting) * _seconds(place)) + " left" if waiting else "nothing left"
    header(
        "My reading",
        tag("span", f"{place.task.title}{' · ' + numbers if numbers else ''}", cls="c-quiet"),
        tag("span", f"{done} of {len(requests)} read · {left}"),
    )
    if not requests:
        empty("Nothing to read", "Cases appear here once a round has been sent to its readers.",
              f"consilium round open {place.task.name}")  # fmt: skip
        return
    show(bar(done / len(requests), cls="c-wide c-model"))
    _fetch(place, sorted({r.round_id for r in requests}))
    _queue(place, waiting, done=[r for r in requests if r not in waiting])


def _seconds(place: Here) -> float:
    """Seconds a case: the median of what this reader took, or what the task expects."""
    name = place.reader.reader_id if place.reader else None
    taken = sorted(a.lead_time_s for a in place.store.reads.annotations(place.task.name, reader_id=name)
                   if a.lead_time_s)  # fmt: skip
    return taken[len(taken) // 2] if len(taken) >= 5 else place.task.config.reading.seconds_per_case


def _fetch(place: Here, round_ids: Sequence[str]) -> None:
    asked = [jobs.latest(place.store, "round.step", round_id=r, step="pull", reason="", force=False)
             for r in round_ids]  # fmt: skip
    followed = [jobs.follow(place.home, job) for job in asked]
    running = any(followed)
    with st.container(horizontal=True, vertical_alignment="center", gap="medium"):
        if st.button("Fetch answers", disabled=running, help="Brings what you submitted in Label Studio."):
            steps = [{"round_id": r, "step": "pull", "reason": "", "force": False} for r in round_ids]
            jobs.ask_all(place.home, "round.step", steps)
        if place.reader is not None:
            command = tag("code", f"consilium labelstudio login {place.reader.reader_id}")
            show(tag("span", "To sign in to Label Studio: ", command, cls="c-small c-quiet"))


def _queue(place: Here, waiting: Sequence[ReadRequest], done: Sequence[ReadRequest]) -> None:
    reasons = {
        item.study_id: item.reason
        for round_id in {r.round_id for r in (*waiting, *done)}
        for item in place.store.rounds.batch(round_id).items
    }
    labels = {s.study_id: s.label for s in
              place.store.studies.find(study_ids=[r.study_id for r in (*waiting, *done)])}  # fmt: skip
    for title, requests in (("To read", waiting), ("Read in this round", done)):
        if not requests:
            continue
        section(f"{title} ({len(requests)})")
        body = [_case(place, r, labels.get(r.study_id, r.study_id), reasons.get(r.study_id, "")) for r in requests]
        opened = rows(tag("div", *body, cls="c-queue"), key=f"queue {title}")
        if opened:
            go("study", study=opened)


def _case(place: Here, request: ReadRequest, label: str, reason: str) -> Html:
    """A line of the queue. An independent read shows neither model nor reason, nor why it was drawn."""
    why = reason if request.mode == Mode.ASSISTED else "without the model's answer"
    link = reading_link(place.home, place.store, request)
    state = request.state in (RequestState.ANSWERED, RequestState.SKIPPED)
    action = tag("a", "Change in Label Studio" if state else "Read in Label Studio", href=link, target="_blank")
    return tag(
        "div",
        image(f"/api/studies/{request.study_id}/picture.png?size=80", alt="", cls="c-thumb"),
        tag("div", tag("b", label), " ", answers.mode_chip(request.mode), tag("div", why, cls="c-small c-quiet")),
        tag("div", action if link else chip(words.REQUESTS[request.state])),
        data_open=request.study_id,
        style="cursor:pointer",
    )


def _everybody(place: Here) -> None:
    header("My reading", tag("span", place.task.title, cls="c-quiet"))
    readers = place.store.reads.readers()
    if not readers:
        empty("No readers yet", "Readers answer a task's questions; a round needs some.",
              "consilium readers add NAME")  # fmt: skip
        return
    show(tag("p", "Choose under “Reading as” who sits here. So far:", cls="c-quiet"))
    show(table(["Reader", "Role", "Waiting", "Read", "Skipped"],
               [_progress(place, reader, readers) for reader in readers], numeric=(2, 3, 4)))  # fmt: skip


def _progress(place: Here, reader: Reader, readers: Sequence[Reader]) -> list[object]:
    states = [r.state for r in place.store.reads.requests(reader_id=reader.reader_id, task=place.task.name)]
    return [
        join((reader_dot(reader.reader_id, readers), " ", words.reader_name(reader))),
        reader.role.value,
        states.count(RequestState.PUSHED) + states.count(RequestState.PLANNED),
        states.count(RequestState.ANSWERED),
        states.count(RequestState.SKIPPED),
    ]
