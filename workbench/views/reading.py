"""My reading: at the left the queue of whoever sits there, at the right the open case and what can be done."""

from __future__ import annotations

from collections.abc import Sequence

import streamlit as st

from active_learning.pace import pace_s
from data.records import WAITING, Purpose, Reader, RequestState, RoundKind
from workbench.language import _
from workbench.views.parts import (
    decided,
    guideline,
    jobs,
    reading_arrivals,
    reading_case,
    reading_clock,
    reading_queue,
    words,
)
from workbench.views.parts.context import Here, here
from workbench.views.parts.frame import empty, framed, header, note, show
from workbench.views.parts.markup import bar, chip, join, reader_dot, table, tag
from workbench.views.parts.reading_queue import FIXED, SECOND_LOOK, Queue

__all__ = ["FIXED", "SECOND_LOOK", "page"]


@framed
def page() -> None:
    """Show the reader's queue and the open case; the curator sees how far everybody is."""
    place = here()
    if place.reader is None:
        _everybody(place)
        return
    came_back = "reading after" not in st.session_state
    queue = reading_queue.queue_of(place, place.reader.reader_id)
    _head(place, place.reader, queue)
    if queue.every:
        now = reading_queue.current(queue)
        reading_clock.opened(now.request_id, came_back=came_back)
        left, right = st.columns([1, 3.4], gap="medium")
        with left:
            reading_queue.show_queue(queue, now)
            reading_arrivals.arrivals(place, queue)
            _fetch(place, queue)
        with right:
            reading_case.show_case(place, queue, now)
    else:
        reading_arrivals.watch_own(place)
        empty(_("Nothing to read"), _("Cases appear here once a round has been sent to its readers."),
              f"consilium round open {place.task.name}")  # fmt: skip
    guideline.of_reader(place, place.reader.reader_id)
    _qualified(place, place.reader)
    _adjudicated(place, place.reader)


def _head(place: Here, reader: Reader, queue: Queue) -> None:
    """How far it is, and how long the rest takes at the reader's own pace."""
    requests = queue.cases or queue.first
    waiting = sum(r.state in WAITING for r in requests)
    numbers = [_("round {number}", number=r.number) for r in queue.rounds.values() if r.kind == RoundKind.QUERY]
    left = words.minutes(waiting * pace_s(place.store, place.task, reader.reader_id))
    done = len(requests) - waiting
    how_far = _("{done} of {total} read · {left} left", done=done, total=len(requests), left=left)
    if not waiting:
        how_far = _("{done} of {total} read · nothing left", done=done, total=len(requests))
    about = " · ".join([_(place.task.title), *numbers])
    header(_("My reading"), tag("span", about, cls="c-quiet"), tag("span", how_far if requests else ""))
    if requests:
        show(bar(done / len(requests), cls="c-wide c-model"))


# -- fetching --------------------------------------------------------------------------------------------------


def _fetch(place: Here, queue: Queue) -> None:
    """What was answered on the labelling server is fetched; the worker does so too, each minute."""
    rounds = sorted(r.round_id for r in queue.rounds.values() if r.kind == RoundKind.QUERY)
    steps = [{"round_id": r, "step": "pull", "reason": "", "force": False} for r in rounds]
    followed = [jobs.follow(place.home, jobs.latest(place.store, "round.step", **step)) for step in steps]
    if steps and st.button(_("Fetch answers"), disabled=any(followed),
                           help=_("Brings what you submitted in Label Studio.")):  # fmt: skip
        jobs.ask_all(place.home, "round.step", steps)
    if queue.first and place.reader is not None:
        about = {"task": place.task.name, "reader_id": place.reader.reader_id}
        running = jobs.follow(place.home, jobs.latest_about(place.store, "reader.qualify", **about))
        show(tag("p", _("Cases whose answers are known. Your reads count once enough of your answers meet them."),
                 cls="c-small c-quiet"))  # fmt: skip
        if st.button(_("Fetch and score"), disabled=running, key="score",
                     help=_("Brings what you submitted in Label Studio.")):  # fmt: skip
            jobs.ask(place.home, "reader.qualify", **about)


# -- qualification ---------------------------------------------------------------------------------------------


def _qualified(place: Here, reader: Reader) -> None:
    """How the newest qualification ended."""
    outcome = next(iter(place.store.qualifications.all(place.task.name, reader_id=reader.reader_id)), None)
    if outcome is None:
        return
    share = _("{share:.0%} of {answers} answers, {needed:.0%} are needed", share=outcome.score,
              answers=outcome.answers, needed=outcome.needed)  # fmt: skip
    if outcome.passed:
        said = (chip(_("qualified"), "good"), f" {share}, {words.day(outcome.created_at)}")
        show(tag("span", *said, cls="c-small"))
    else:
        note(_("The qualification was not passed: {share}.", share=share), "doubt")


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
    with st.expander(_("Decided by an adjudicator ({count})", count=len(cases))):
        for study_id, round_id in cases:
            show(tag("a", studies[study_id].label, href=f"/study?study={study_id}&task={place.task.name}"))
            decided.of_case(place, [d for d in seen if (d.study_id, d.round_id) == (study_id, round_id)])


# -- everybody -------------------------------------------------------------------------------------------------


def _everybody(place: Here) -> None:
    header(_("My reading"), tag("span", _(place.task.title), cls="c-quiet"))
    guideline.of_task(place)
    readers = place.store.reads.readers()
    if not readers:
        empty(_("No readers yet"), _("Readers answer a task's questions; a round needs some."),
              "consilium readers add NAME")  # fmt: skip
        return
    show(tag("p", _("Choose under “Reading as” who sits here. So far:"), cls="c-quiet"))
    show(table([_("Reader"), _("Role"), _("Waiting"), _("Read"), _("Skipped")],
               [_progress(place, reader, readers) for reader in readers], numeric=(2, 3, 4)))  # fmt: skip


def _progress(place: Here, reader: Reader, readers: Sequence[Reader]) -> list[object]:
    states = [r.state for r in place.store.reads.requests(reader_id=reader.reader_id, task=place.task.name)]
    return [
        join((reader_dot(reader.reader_id, readers), " ", words.reader_name(reader))),
        _(reader.role.value),
        states.count(RequestState.PUSHED) + states.count(RequestState.PLANNED),
        states.count(RequestState.ANSWERED),
        states.count(RequestState.SKIPPED),
    ]
