"""What was submitted on the labelling server shows by itself, and the next case opens."""

from __future__ import annotations

from functools import partial

import streamlit as st

from data.records import WAITING, ReadRequest
from workbench.language import _
from workbench.views.parts import reading_clock
from workbench.views.parts.choice import switch
from workbench.views.parts.context import Here
from workbench.views.parts.reading_queue import Queue, current, done_last, note_done, open_case
from workbench.views.parts.watch import watch

LOOK_S = 0.5
"""How often the records are looked at."""
GO_ON = "on"
"""The key, and query parameter, of the switch."""
_OPEN = "reading open"


def arrivals(place: Here, queue: Queue) -> None:
    """Look for reads that come in; go on from the open case once its answer is there."""
    on = switch(_("Go on to the next case by itself"), key=GO_ON, default=True)
    now = current(queue)
    came = _arrived(queue)
    st.session_state[_OPEN] = now.request_id if now.state in WAITING else ""
    watch_own(place)
    if came is not None:
        reading_clock.clock().answered(came.request_id)
        note_done("arrived", came.request_id)
        following = queue.following(came)
        open_case((following[0] if on and following else came).request_id)


def _arrived(queue: Queue) -> ReadRequest | None:
    """The case that was open and waited, and whose answer has come from the labelling server since."""
    before = queue.request(st.session_state.get(_OPEN, ""))
    if before is None or before.state in WAITING:
        return None
    given_here = ("accepted", "given", "skipped")
    what, which = done_last(queue)
    return None if which == before and what in given_here else before


def watch_own(place: Here) -> None:
    """Draw the page anew as soon as something of its reader comes, changes or is sent."""
    if place.reader is not None:
        state = partial(place.store.reads.state_of, place.task.name, place.reader.reader_id)
        seen = place.store.log.head().sequence
        watch(place.store, state, seen=seen, shown=state(), key="own reads", every_s=LOOK_S)
