"""My reading: the queue of whoever sits there, with links to where the reads are answered."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import streamlit as st

from active_learning.pace import pace_s
from data.records import (
    OPEN_ROUND,
    WAITING,
    Annotation,
    Mode,
    Purpose,
    Reader,
    ReadRequest,
    RequestState,
    Round,
    RoundKind,
)
from workbench.labelling import reading_link
from workbench.views.parts import answers, decided, guideline, jobs, words
from workbench.views.parts.context import Here, here
from workbench.views.parts.frame import empty, framed, header, note, section, show
from workbench.views.parts.markup import Html, bar, chip, image, join, reader_dot, table, tag, tone
from workbench.views.parts.rows import rows
from workbench.views.places import go

SECOND_LOOK = "the model's answer beside your own; your first answer stays"
FIXED = "fixed since the model's answer was shown"


@framed
def page() -> None:
    """Show the reader's queue; the curator sees how far everybody is."""
    place = here()
    if place.reader is None:
        _everybody(place)
        return
    rounds = {r.round_id: r for r in place.store.rounds.all(place.task.name, kind=None) if r.state in OPEN_ROUND}
    requests = [
        request
        for request in place.store.reads.requests(reader_id=place.reader.reader_id, task=place.task.name)
        if request.round_id in rounds
        and request.state != RequestState.WITHDRAWN
        and request.purpose != Purpose.ADJUDICATION
    ]
    first = [r for r in requests if rounds[r.round_id].kind == RoundKind.QUALIFICATION]
    queue = [r for r in requests if rounds[r.round_id].kind == RoundKind.QUERY]
    _head(place, queue or first, [rounds[r] for r in dict.fromkeys(q.round_id for q in requests)])
    guideline.of_reader(place, place.reader.reader_id)
    _qualified(place, place.reader)
    if first:
        _qualification(place, place.reader, first)
    if queue:
        _round(place, queue)
    elif not first:
        empty("Nothing to read", "Cases appear here once a round has been sent to its readers.",
              f"consilium round open {place.task.name}")  # fmt: skip
    _adjudicated(place, place.reader)


def _head(place: Here, requests: Sequence[ReadRequest], rounds: Sequence[Round]) -> None:
    waiting = sum(r.state in WAITING for r in requests)
    numbers = ", ".join(f"round {r.number}" for r in rounds if r.kind == RoundKind.QUERY)
    reader_id = place.reader.reader_id if place.reader else None
    pace = pace_s(place.store, place.task, reader_id)
    left = f"{words.minutes(waiting * pace)} left" if waiting else "nothing left"
    header(
        "My reading",
        tag("span", f"{place.task.title}{' · ' + numbers if numbers else ''}", cls="c-quiet"),
        tag("span", f"{len(requests) - waiting} of {len(requests)} read · {left}"),
    )


def _round(place: Here, requests: Sequence[ReadRequest]) -> None:
    waiting = [r for r in requests if r.state in WAITING]
    show(bar((len(requests) - len(waiting)) / len(requests), cls="c-wide c-model"))
    _fetch(place, sorted({r.round_id for r in requests}))
    _queue(place, waiting, done=[r for r in requests if r not in waiting])


# -- qualification ---------------------------------------------------------------------------------------------


def _qualified(place: Here, reader: Reader) -> None:
    """How the newest qualification ended."""
    outcome = next(iter(place.store.qualifications.all(place.task.name, reader_id=reader.reader_id)), None)
    if outcome is None:
        return
    share = f"{100 * outcome.score:.0f}% of {outcome.answers} answers, {100 * outcome.needed:.0f}% are needed"
    if outcome.passed:
        show(tag("span", chip("qualified", "good"), f" {share}, {words.day(outcome.created_at)}", cls="c-small"))
    else:
        note(f"The qualification was not passed: {share}.", "doubt")


def _qualification(place: Here, reader: Reader, requests: Sequence[ReadRequest]) -> None:
    """The cases that come before a reader's reads count."""
    waiting = [r for r in requests if r.state in WAITING]
    done = len(requests) - len(waiting)
    section(f"Qualification ({done} of {len(requests)} read)")
    show(bar(done / len(requests), cls="c-wide c-model"),
         tag("p", "Cases whose answers are known. Your reads count once enough of your answers meet them.",
             cls="c-small c-quiet"))  # fmt: skip
    about = {"task": place.task.name, "reader_id": reader.reader_id}
    running = jobs.follow(place.home, jobs.latest_about(place.store, "reader.qualify", **about))
    if st.button("Fetch and score", disabled=running, help="Brings what you submitted in Label Studio.",
                 key="score"):  # fmt: skip
        jobs.ask(place.home, "reader.qualify", **about)
    _queue(place, waiting, done=[r for r in requests if r not in waiting], key="qualification")


# -- the queue -------------------------------------------------------------------------------------------------


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


def _queue(
    place: Here, waiting: Sequence[ReadRequest], done: Sequence[ReadRequest], *, key: str = "queue"
) -> None:
    """The cases in the order of the queue. A hidden second read looks like any other independent one."""
    every = (*waiting, *done)
    reasons = {
        item.study_id: item.reason
        for round_id in {r.round_id for r in every}
        for item in place.store.rounds.batch(round_id).items
    }
    labels = {s.study_id: s.label for s in place.store.studies.find(study_ids=[r.study_id for r in every])}
    reader_id = place.reader.reader_id if place.reader else None
    reads = {a.request_id: a for a in place.store.reads.annotations(place.task.name, reader_id=reader_id)}
    looked = {(r.round_id, r.study_id) for r in every if r.purpose == Purpose.SECOND_LOOK}
    for title, requests in (("To read", waiting), ("Read in this round", done)):
        if not requests:
            continue
        section(f"{title} ({len(requests)})")
        body = [_case(place, r, labels.get(r.study_id, r.study_id), _why(r, reasons), reads,
                      fixed=r.purpose == Purpose.ACQUISITION and (r.round_id, r.study_id) in looked)
                for r in requests]  # fmt: skip
        opened = rows(tag("div", *body, cls="c-queue"), key=f"{key} {title}")
        if opened:
            go("study", study=opened)


def _why(request: ReadRequest, reasons: Mapping[str, str]) -> str:
    """Why a case is there, where that gives nothing away."""
    if request.purpose == Purpose.SECOND_LOOK:
        return SECOND_LOOK
    return reasons.get(request.study_id, "") if request.mode == Mode.ASSISTED else "without the model's answer"


def _case(
    place: Here, request: ReadRequest, label: str, why: str, reads: Mapping[str, Annotation], *, fixed: bool
) -> Html:
    """A line of the queue. An independent read shows neither model nor reason, nor why it was drawn."""
    link = "" if fixed else reading_link(place.home, place.store, request)
    state = request.state in (RequestState.ANSWERED, RequestState.SKIPPED)
    action = tag("a", "Change in Label Studio" if state else "Read in Label Studio", href=link, target="_blank")
    read = reads.get(request.request_id)
    skipped = chip(words.REQUESTS[RequestState.SKIPPED], "doubt") if read is not None and read.skipped else ""
    remark = tag("div", f"You wrote: “{read.remark}”", cls="c-small c-quiet") if read and read.remark else ""
    return tag(
        "div",
        image(f"/api/studies/{request.study_id}/picture.png?size=80", alt="", cls="c-thumb"),
        tag("div", tag("b", label), " ", answers.mode_chip(request.mode), " ", skipped,
            tag("div", why, cls="c-small c-quiet"), remark),
        tag("div", action if link else tone(FIXED, "quiet") if fixed else chip(words.REQUESTS[request.state])),
        data_open=request.study_id,
        style="cursor:pointer",
    )  # fmt: skip


# -- what was decided ------------------------------------------------------------------------------------------


def _adjudicated(place: Here, reader: Reader) -> None:
    """Cases of the reader that an adjudicator decided, once their round is closed; each can be appealed once."""
    own = {a.study_id for a in place.store.reads.annotations(place.task.name, reader_id=reader.reader_id)
           if not a.skipped and a.purpose != Purpose.ADJUDICATION}  # fmt: skip
    decisions = [d for d in place.store.decisions.all(place.task.name) if d.study_id in own]
    studies = {s.study_id: s for s in place.store.studies.find(study_ids={d.study_id for d in decisions})}
    blindness = place.blindness
    seen = [d for d in decisions if d.study_id in studies
            and blindness.sight(d.study_id, studies[d.study_id].patient.part).others]  # fmt: skip
    cases = dict.fromkeys((d.study_id, d.round_id) for d in reversed(seen))
    if not cases:
        return
    with st.expander(f"Decided by an adjudicator ({len(cases)})"):
        for study_id, round_id in cases:
            show(tag("a", studies[study_id].label, href=f"/study?study={study_id}&task={place.task.name}"))
            decided.of_case(place, [d for d in seen if (d.study_id, d.round_id) == (study_id, round_id)])


# -- everybody -------------------------------------------------------------------------------------------------


def _everybody(place: Here) -> None:
    header("My reading", tag("span", place.task.title, cls="c-quiet"))
    guideline.of_task(place)
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
