"""Readers: who reads, how far and how fast, who has shown that they can; new readers, and what may change."""

from __future__ import annotations

import re
from collections.abc import Sequence
from statistics import median

import streamlit as st

from active_learning.plan import RoundPlan
from data.errors import ConfigError
from data.records import (
    OPEN_ROUND,
    WAITING,
    Reader,
    ReaderRole,
    ReadRequest,
    RequestState,
    RoundKind,
)
from models.task import ClinicalTask
from workbench.language import N_, _, n_
from workbench.order import in_order
from workbench.views.parts import jobs, words
from workbench.views.parts.context import Here, here
from workbench.views.parts.frame import empty, failures, framed, header, note, show
from workbench.views.parts.markup import Html, chip, join, reader_dot, table, tag, tone

ROLE_NAMES = {
    ReaderRole.READER: N_("reader"),
    ReaderRole.ADJUDICATOR: N_("adjudicator"),
    ReaderRole.CURATOR: N_("curator"),
}
IDENTIFIER = r"[a-z0-9][a-z0-9-]{0,39}"
ROLES = {
    ReaderRole.READER: N_("reader: answers the cases of a round"),
    ReaderRole.ADJUDICATOR: N_("adjudicator: decides disputed cases, reads no others"),
    ReaderRole.CURATOR: N_("curator: looks after rounds, reads nothing"),
}


@framed
def page() -> None:
    """Show the registry, and what can be done with it."""
    place = here()
    readers = place.store.reads.readers()
    said = _("{task} · numbers of this task", task=_(place.task.title))
    header(_("Readers"), tag("span", said, cls="c-quiet"))
    if readers:
        _registry(place, readers)
    else:
        empty(_("No readers yet"), _("A round asks readers; add at least as many as read each case."),
              "consilium readers add NAME")  # fmt: skip
    _saved()
    left, middle, right = st.columns(3, gap="medium")
    with left:
        _add(place)
    if readers:
        with middle:
            _change(place, readers)
        with right:
            _qualify(place, readers)


# -- the registry ----------------------------------------------------------------------------------------------


def _registry(place: Here, readers: Sequence[Reader]) -> None:
    body = [_row(place, reader, readers) for reader in readers]
    heads = [_("Reader"), _("Role"), _("Experience"), _("Active"), _("Waiting"), _("Read"), _("Skipped"),
             _("Median a case"), _("Qualification")]  # fmt: skip
    show(tag("div", table(heads, body, numeric=(2, 4, 5, 6, 7)), style="overflow-x:auto"))


def _row(place: Here, reader: Reader, readers: Sequence[Reader]) -> list[object]:
    requests = place.store.reads.requests(reader_id=reader.reader_id, task=place.task.name)
    states = [request.state for request in requests]
    reads = place.store.reads.annotations(place.task.name, reader_id=reader.reader_id)
    taken = [read.lead_time_s for read in reads if read.lead_time_s]
    name = join((reader_dot(reader.reader_id, readers), " ", words.reader_name(reader)))
    years = "—" if reader.experience_y is None else _("{years:g} y", years=reader.experience_y)
    return [
        join((name, tag("div", reader.reader_id, cls="c-small c-faint c-mono"))),
        _(ROLE_NAMES[reader.role]),
        years,
        tone(_("active"), "good") if reader.active else tone(_("no longer"), "quiet"),
        sum(state in WAITING for state in states),
        states.count(RequestState.ANSWERED),
        states.count(RequestState.SKIPPED),
        _("{n:.0f} s", n=median(taken)) if taken else "—",
        _qualifications(place, reader, requests) if reader.role == ReaderRole.READER else "—",
    ]


def _qualifications(place: Here, reader: Reader, requests: Sequence[ReadRequest]) -> Html:
    """How the reader stands in this task, and in the others in which there is an outcome."""
    parts = [_standing(place, reader, place.task, requests)]
    for task in in_order(place.store).values():
        if task.name != place.task.name and place.store.qualifications.all(task.name, reader_id=reader.reader_id):
            parts.append(tag("div", f"{_(task.title)}: ", _standing(place, reader, task), cls="c-small"))
    return join(parts)


def _standing(place: Here, reader: Reader, task: ClinicalTask, requests: Sequence[ReadRequest] = ()) -> Html:
    outcomes = place.store.qualifications.all(task.name, reader_id=reader.reader_id)
    open_ = {
        r.round_id
        for r in place.store.rounds.all(task.name, kind=RoundKind.QUALIFICATION)
        if r.state in OPEN_ROUND
    }
    own = [r for r in requests if r.round_id in open_ and r.state != RequestState.WITHDRAWN]
    if own:
        done = sum(r.state not in WAITING for r in own)
        return join((chip(_("being read"), "accent"), " ", _("{done} of {total}", done=done, total=len(own))))
    passed = place.store.qualifications.passed(task.name, reader.reader_id)
    shown = passed or next(iter(outcomes), None)
    if shown is None:
        asked = task.config.reading.qualification_cases
        if not asked:
            return tone(_("not asked for"), "quiet")
        return join((chip(_("not yet"), "doubt"), " ", n_("{n} case", "{n} cases", asked)))
    figure = n_("{share:.0%} of {n} answer", "{share:.0%} of {n} answers", shown.answers, share=shown.score)
    if passed is not None:
        return join((chip(_("passed"), "good"), " ", figure))
    if shown.passed:  # by a guideline whose questions have changed since
        return join((chip(_("outdated"), "doubt"), " ", figure))
    return join((chip(_("not passed"), "wrong"), " ", figure))


# -- what can be done ------------------------------------------------------------------------------------------


def _saved() -> None:
    """What was done last."""
    said = st.session_state.pop("readers saved", "")
    if said:
        note(said, "good")


def _done(said: str) -> None:
    st.session_state["readers saved"] = said
    st.rerun()


def _add(place: Here) -> None:
    """The form is empty again once somebody was added; what was typed stays where that failed."""
    turn = st.session_state.setdefault("readers added", 0)
    with st.form("add reader"):
        show(tag("b", _("Add a reader")))
        reader_id = st.text_input(_("Id"), placeholder=_("lower-case letters, digits and -"), max_chars=40,
                                  key=f"new id {turn}")  # fmt: skip
        name = st.text_input(_("Name"), placeholder=_("what people call the reader"), key=f"new name {turn}")
        role = st.selectbox(_("Role"), list(ROLES), format_func=lambda one: _(ROLES[one]), key=f"new role {turn}")
        years = st.number_input(_("Experience, years"), 0.0, 80.0, None, 0.5, format="%.1f",
                                placeholder=_("not known"), key=f"new years {turn}")  # fmt: skip
        if not st.form_submit_button(_("Add"), type="primary"):
            return
    with failures():
        given = reader_id.strip()
        if not re.fullmatch(IDENTIFIER, given):
            raise ConfigError("That is no id of a reader.", given=given or _("nothing"),
                              expected="lower-case letters, digits and -", do="choose another id")  # fmt: skip
        if any(known.reader_id == given for known in place.store.reads.readers()):
            raise ConfigError("A reader with this id is there already.", given=given, expected="a new id",
                              do="choose another id, or change the one that is there")  # fmt: skip
        kept = place.store.reads.add_reader(Reader(given, name.strip() or given, role=role, experience_y=years))
        st.session_state["readers added"] = turn + 1
        _done(_("{name} is added as {role}.", name=kept.name, role=_(ROLE_NAMES[kept.role])))


def _change(place: Here, readers: Sequence[Reader]) -> None:
    with st.container(border=True):
        show(tag("b", _("Change a reader")))
        reader = _choose(readers, key="change who")
        name = reader.reader_id
        years = st.number_input(_("Experience, years"), 0.0, 80.0, reader.experience_y, 0.5, format="%.1f",
                                key=f"years {name}", placeholder=_("not known"))  # fmt: skip
        active = st.toggle(_("New reads may be asked"), value=reader.active, key=f"active {name}")
        show(tone(_("Role and kind stay: what has been read cannot change hands."), "quiet"))
        same = (years, active) == (reader.experience_y, reader.active)
        if st.button(_("Save"), key="save reader", disabled=same):
            with failures():
                place.store.reads.update_reader(reader.reader_id, experience_y=years, active=active)
                _done(_("{name} is changed.", name=reader.name))


def _qualify(place: Here, readers: Sequence[Reader]) -> None:
    """Send a reader cases whose answers are known; where they were sent, fetch and score them."""
    known = [r for r in readers if r.role == ReaderRole.READER and r.active]
    if not known:
        return
    with st.container(border=True):
        show(tag("b", _("Qualification")))
        reader = _choose(known, key="qualify who")
        about = {"task": place.task.name, "reader_id": reader.reader_id}
        sent = any(
            r.state in OPEN_ROUND and RoundPlan.from_dict(r.plan).readers == (reader.reader_id,)
            for r in place.store.rounds.all(place.task.name, kind=RoundKind.QUALIFICATION)
        )
        wanted = place.task.config.reading.qualification_cases or 10
        cases = st.number_input(_("Cases whose answers are known"), 1, 500, wanted, disabled=sent)
        needed = _("{share:.0%} of the answers must meet the reference.",
                   share=place.task.config.reading.qualification_needed)  # fmt: skip
        show(tone(needed, "quiet"))
        running = jobs.follow(place.home, jobs.latest_about(place.store, "reader.qualify", **about), key="qualify")
        label = _("Fetch and score") if sent else _("Send the qualification")
        if st.button(label, type="primary", disabled=running, key="qualify now"):
            jobs.ask(place.home, "reader.qualify", **about, **({} if sent else {"cases": int(cases)}))


def _choose(readers: Sequence[Reader], *, key: str) -> Reader:
    names = {reader.reader_id: words.reader_name(reader) for reader in readers}
    chosen = st.selectbox(_("Reader"), list(names), format_func=names.__getitem__, key=key)
    return next(reader for reader in readers if reader.reader_id == chosen)
