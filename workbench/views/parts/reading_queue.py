"""A reader's queue: what waits and what was read, in the order of the batch, and which case is open."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import NoReturn
from urllib.parse import urlencode

import streamlit as st

from active_learning.desk import fixed
from active_learning.reader_reasons import in_short
from data.records import (
    OPEN_ROUND,
    WAITING,
    Annotation,
    Mode,
    Purpose,
    ReadRequest,
    RequestState,
    Round,
    RoundKind,
    Study,
)
from workbench.language import N_, _, told
from workbench.views.parts import answers, words
from workbench.views.parts.context import SEAT, TASK, Here
from workbench.views.parts.frame import section
from workbench.views.parts.markup import Html, chip, image, tag, tone
from workbench.views.parts.rows import rows

CASE = "case"
"""The query parameter that names the case that is open, by its request."""
SECOND_LOOK = N_("the model's answer beside your own; your first answer stays")
FIXED = N_("fixed since the model's answer was shown")
_JUST = "reading just"
_VIEW = ("at", "of")
"""What the viewer keeps in the address, of one case."""


@dataclass(frozen=True, slots=True)
class Queue:
    """What is asked of a reader in the open rounds of a task.

    Parameters
    ----------
    first:
        The cases of a qualification, which come before a reader's reads count.
    cases:
        Those of the round, in the order of the batch; hidden second reads stand among the others.
    rounds, studies:
        By id.
    reads:
        What was given, by request.
    reasons:
        Why a study is in its batch, by round and study.
    settled:
        The requests whose answer is fixed.
    """

    first: tuple[ReadRequest, ...]
    cases: tuple[ReadRequest, ...]
    rounds: Mapping[str, Round]
    studies: Mapping[str, Study]
    reads: Mapping[str, Annotation]
    reasons: Mapping[tuple[str, str], str]
    settled: frozenset[str]

    @property
    def parts(self) -> list[tuple[str, tuple[ReadRequest, ...]]]:
        """The queue as it is shown: titles with their requests, none of them empty."""
        waiting, done = _split(self.cases)
        first_waiting, first_done = _split(self.first)
        passed = _("Qualification ({done} of {total} read)", done=len(first_done), total=len(self.first))
        shown = [
            (passed, first_waiting + first_done),
            (_("To read ({count})", count=len(waiting)), waiting),
            (_("Read in this round ({count})", count=len(done)), done),
        ]
        return [(title, requests) for title, requests in shown if requests]

    @property
    def every(self) -> list[ReadRequest]:
        """All of it, in the order in which it is shown."""
        return [request for _title, requests in self.parts for request in requests]

    def label(self, request: ReadRequest) -> str:
        """The pseudonym that a case goes by."""
        study = self.studies.get(request.study_id)
        return study.label if study is not None else request.study_id

    def request(self, request_id: str) -> ReadRequest | None:
        """A request of the queue by its id."""
        return next((r for r in self.every if r.request_id == request_id), None)

    def following(self, request: ReadRequest) -> list[ReadRequest]:
        """The cases that wait after one, then those that wait before it."""
        every = self.every
        at = next((i for i, r in enumerate(every) if r.request_id == request.request_id), -1)
        return [r for r in (*every[at + 1 :], *every[: max(at, 0)]) if r.state in WAITING]


def _split(requests: Iterable[ReadRequest]) -> tuple[tuple[ReadRequest, ...], tuple[ReadRequest, ...]]:
    """What waits, and what was read."""
    given = tuple(requests)
    return tuple(r for r in given if r.state in WAITING), tuple(r for r in given if r.state not in WAITING)


def queue_of(place: Here, reader_id: str) -> Queue:
    """The queue of a reader; adjudications have a page of their own."""
    store, task = place.store, place.task.name
    rounds = {r.round_id: r for r in store.rounds.all(task, kind=None) if r.state in OPEN_ROUND}
    asked = [
        r
        for r in store.reads.requests(reader_id=reader_id, task=task)
        if r.round_id in rounds and r.state != RequestState.WITHDRAWN and r.purpose != Purpose.ADJUDICATION
    ]
    kinds = {name: rounds[name].kind for name in rounds}
    return Queue(
        tuple(r for r in asked if kinds[r.round_id] == RoundKind.QUALIFICATION),
        tuple(r for r in asked if kinds[r.round_id] == RoundKind.QUERY),
        {name: rounds[name] for name in dict.fromkeys(r.round_id for r in asked)},
        {s.study_id: s for s in store.studies.find(study_ids=[r.study_id for r in asked])},
        {a.request_id: a for a in store.reads.annotations(task, reader_id=reader_id) if a.request_id},
        {
            (name, item.study_id): item.reason
            for name in dict.fromkeys(r.round_id for r in asked)
            for item in store.rounds.batch(name).items
        },
        frozenset(fixed(asked)),
    )


def current(queue: Queue) -> ReadRequest:
    """The case that is open: the one that the address names, else the first that waits."""
    every, named = queue.every, st.query_params.get(CASE)
    waiting = next((r for r in every if r.state in WAITING), every[0])
    return next((r for r in every if r.request_id == named), waiting)


def open_case(request_id: str) -> NoReturn:
    """Go to a case."""
    st.query_params[CASE] = request_id
    for name in _VIEW:
        st.query_params.pop(name, None)
    st.rerun()


def note_done(what: str, request_id: str) -> None:
    """Remember what was done last in this visit, and with which request."""
    st.session_state[_JUST] = (what, request_id)


def done_last(queue: Queue) -> tuple[str, ReadRequest | None]:
    """What was done last in this visit, and with which request; None where nothing was, or it is asked no more."""
    what, request_id = st.session_state.get(_JUST, ("", ""))
    return what, queue.request(request_id)


def why(queue: Queue, request: ReadRequest) -> tuple[str, str]:
    """Why a case is there, where that gives nothing away: in few words, and with figures for a tooltip."""
    if request.purpose == Purpose.SECOND_LOOK:
        return _(SECOND_LOOK), _(SECOND_LOOK)
    if request.mode == Mode.ASSISTED:
        found = in_short(queue.reasons.get((request.round_id, request.study_id), ""))
        return told(found.words), told(found.whole or found.words)
    return _("without the model's answer"), _("without the model's answer")


def show_queue(queue: Queue, now: ReadRequest) -> None:
    """The queue, the open case marked. A hidden second read looks like any other independent one."""
    for number, (title, requests) in enumerate(queue.parts):
        section(title)
        body = [_case(queue, request, now=request.request_id == now.request_id) for request in requests]
        opened = rows(tag("div", *body, cls="c-cases"), key=f"queue {number}")
        if opened and opened != now.request_id:
            open_case(opened)


def _case(queue: Queue, request: ReadRequest, *, now: bool) -> Html:
    """A line of the queue. An independent read shows neither model nor reason, nor why it was drawn."""
    kept = {name: str(st.session_state[name]) for name in (TASK, SEAT) if st.session_state.get(name)}
    read, (said, whole) = queue.reads.get(request.request_id), why(queue, request)
    return tag(
        "a",
        image(f"/api/studies/{request.study_id}/picture.png?size=80", alt="", cls="c-thumb"),
        tag("span", tag("b", queue.label(request)), " ", answers.mode_chip(request.mode), " ",
            _state(request, read), tag("small", said, title=whole), _remark(queue, request, read)),
        href=f"/reading?{urlencode({**kept, CASE: request.request_id})}",
        data_open=request.request_id,
        cls="c-now" if now else "",
        aria_current="true" if now else "",
    )  # fmt: skip


def _state(request: ReadRequest, read: Annotation | None) -> Html | str:
    """What became of a case, in a word; nothing while it waits on the server."""
    if request.state == RequestState.PUSHED:
        return ""
    if request.state == RequestState.SKIPPED or (read is not None and read.skipped):
        return chip(_(words.REQUESTS[RequestState.SKIPPED]), "doubt")
    tones = {RequestState.ANSWERED: "good"}
    return chip(_(words.REQUESTS[request.state]), tones.get(request.state, ""))


def _remark(queue: Queue, request: ReadRequest, read: Annotation | None) -> Html:
    if request.request_id in queue.settled:
        return tag("small", tone(_(FIXED), "quiet"))
    return tag("small", _("You wrote: “{remark}”", remark=read.remark)) if read and read.remark else Html("")


def neighbours(every: Sequence[ReadRequest], now: ReadRequest) -> tuple[ReadRequest | None, ReadRequest | None]:
    """The cases before and after one."""
    at = next(i for i, r in enumerate(every) if r.request_id == now.request_id)
    return every[at - 1] if at else None, every[at + 1] if at + 1 < len(every) else None
