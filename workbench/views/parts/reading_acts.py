"""What a reader does with a case: take the model's answer over, correct or give it elsewhere, skip, take back."""

from __future__ import annotations

from collections.abc import Callable

import streamlit as st

from active_learning.accepting import READABLE, Accepting, Lack, Offer
from data.records import WAITING, Mode, ReadRequest, RequestState
from workbench.labelling import reading_link
from workbench.language import N_, _
from workbench.views.parts import draft, reading_clock, words
from workbench.views.parts.context import Here
from workbench.views.parts.frame import failures, show
from workbench.views.parts.key_link import key_link
from workbench.views.parts.markup import tag, tone
from workbench.views.parts.reading_queue import Queue, done_last, note_done, open_case

LEAST_S = 1.0
"""A key that is held down, or pressed twice, does not accept a case that nobody has seen."""
_SKIPPING = "reading skips"
_SAID = {
    "accepted": N_("{label}: the model's answer is your read now. U takes it back."),
    "given": N_("{label}: your grades are kept. U takes them back."),
    "skipped": N_("{label} is skipped. U takes it back."),
    "arrived": N_("{label}: your answer has come in. U takes it back."),
    "taken back": N_("{label} waits again."),
}

LACKS = {
    Lack.SILENT: N_("The model has said nothing of this study: there is nothing to accept."),
    Lack.OPEN: N_("The model's answer cannot be accepted as it is, it leaves open: {questions}."),
    Lack.UNFIT: N_("The model's answer does not fit the questions of today: it cannot be accepted."),
}


def just(queue: Queue) -> None:
    """What was done last, in a sentence."""
    what, request = done_last(queue)
    if request is not None and what in _SAID:
        show(tag("span", _(_SAID[what], label=queue.label(request)), cls="c-small c-good", role="status"))


def acts(place: Here, queue: Queue, now: ReadRequest, offer: Offer) -> None:
    """The buttons of a case, each with its key; why the model's answer cannot be taken over is said."""
    waits = now.state == RequestState.PUSHED
    if st.session_state.get(_SKIPPING) == now.request_id and waits:
        _skip(place, queue, now)
        return
    chosen: Callable[[], None] | None = None
    with st.container(horizontal=True, vertical_alignment="center", gap="small", key="reading acts"):
        can = waits and bool(offer.version) and not offer.lack
        if can and st.button(_("Accept"), type="primary", shortcut="a", key=f"reading accept {now.request_id}",
                             help=_("The model's answer becomes your own read.")):  # fmt: skip
            chosen = lambda: _accept(place, queue, now)  # noqa: E731 - done below the buttons, with its error
        _elsewhere(place, queue, now)
        if waits and st.button(_("Skip"), shortcut="s", key="reading skip"):
            st.session_state[_SKIPPING] = now.request_id
            st.rerun()
        back = _to_take_back(queue, now)
        if back is not None:
            said = _("Take back") if back == now else _("Undo {label}", label=queue.label(back))
            if st.button(said, shortcut="u", key="reading back"):
                chosen = lambda: _take_back(place, back)  # noqa: E731
    if offer.lack in LACKS:
        open_ = ", ".join(words.short(name) for name in offer.open_questions)
        show(tag("span", _(LACKS[offer.lack], questions=open_), cls="c-small c-quiet"))
    if now.state == RequestState.PLANNED:
        show(tone(_("This case has not been sent to you yet."), "quiet"))
    if chosen is not None:
        with failures():
            chosen()


def _elsewhere(place: Here, queue: Queue, now: ReadRequest) -> None:
    """The way to the labelling server, where answers are given and corrected."""
    link = "" if now.request_id in queue.settled else reading_link(place.home, now)
    if not link:
        return
    names = {Mode.ASSISTED: _("Correct in Label Studio"), Mode.INDEPENDENT: _("Read in Label Studio")}
    said = names[now.mode] if now.state in WAITING else _("Change in Label Studio")
    key_link(said, link, letter="c", key="reading elsewhere")


def _to_take_back(queue: Queue, now: ReadRequest) -> ReadRequest | None:
    """What U takes back: the open case where it was given, else what was given last in this visit."""

    def may(request: ReadRequest | None) -> bool:
        return (
            request is not None
            and request.request_id in queue.reads
            and request.request_id not in queue.settled
            and queue.rounds[request.round_id].state in READABLE
        )

    _what, last = done_last(queue)
    return now if may(now) else last if may(last) else None


def _accept(place: Here, queue: Queue, now: ReadRequest) -> None:
    took = reading_clock.took(now.request_id)
    if took is not None and took < LEAST_S:
        show(tone(_("Look at the case first: nothing was accepted."), "doubt"))
        return
    Accepting(place.home, place.task).accept(now.request_id, now.reader_id, lead_time_s=took)
    given(queue, now, "accepted")


def given(queue: Queue, now: ReadRequest, what: str) -> None:
    """Note it, and go on to the next case that waits."""
    reading_clock.clock().answered(now.request_id)
    note_done(what, now.request_id)
    following = queue.following(now)
    open_case((following[0] if following else now).request_id)


def _take_back(place: Here, request: ReadRequest) -> None:
    Accepting(place.home, place.task).take_back(request.request_id, request.reader_id)
    reading_clock.clock().answered(request.request_id)
    note_done("taken back", request.request_id)
    open_case(request.request_id)


def _skip(place: Here, queue: Queue, now: ReadRequest) -> None:
    """The reason, and the button. What was typed outlives an error and another page."""
    beginning = f"skip {now.request_id}"
    key = draft.restored(f"{beginning} why")
    why = st.text_input(_("Why it cannot be read"), key=key, on_change=draft.note, args=(key,),
                        placeholder=_("stays beside the read, for whoever looks after the round"))  # fmt: skip
    with st.container(horizontal=True, gap="small"):
        pressed = st.button(_("Skip this case"), type="primary", key="reading skip now")
        if st.button(_("Do not skip"), key="reading skip not"):
            del st.session_state[_SKIPPING]
            st.rerun()
    if pressed:
        with failures():
            took = reading_clock.took(now.request_id)
            Accepting(place.home, place.task).skip(now.request_id, now.reader_id, why or "", lead_time_s=took)
            del st.session_state[_SKIPPING]
            draft.forget(beginning)
            given(queue, now, "skipped")
