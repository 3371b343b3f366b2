"""Adjudication: one disputed case at a time, the answers side by side without names, the decision and its why."""

from __future__ import annotations

from collections.abc import Sequence

import streamlit as st

from active_learning.consensus import MIN_READS
from active_learning.pace import pace_s
from data.records import (
    WAITING,
    Job,
    Prediction,
    ReaderRole,
    ReadRequest,
)
from workbench.adjudicating import Case, asked, case_of, queue
from workbench.language import _, n_
from workbench.views.parts import decided, decision_form, draft, drawings, jobs, words
from workbench.views.parts.answers_compared import show_compared
from workbench.views.parts.context import Here, here
from workbench.views.parts.frame import empty, framed, header, note, section, show
from workbench.views.parts.markup import Html, bar, chip, image, tag, text, tone
from workbench.views.parts.rows import rows

CASE = "case"
"""The query parameter that names the case that is open, by its request; ``study`` names it by its study."""
_DECIDING, _JUST = "deciding", "just decided"


@framed
def page() -> None:
    """Show the adjudicator's cases; the curator sees everybody's, and decides none."""
    place = here()
    if place.reader is not None and place.reader.role != ReaderRole.ADJUDICATOR:
        header(_("Adjudication"), tag("span", _(place.task.title), cls="c-quiet"))
        empty(_("Disputed cases are for adjudicators"), _("You read cases under “My reading”."),
              "consilium readers add NAME --adjudicator")  # fmt: skip
        return
    requests = queue(place.store, place.task.name, place.reader.reader_id if place.reader else None)
    waiting = [r for r in requests if r.state in WAITING]
    done = len(requests) - len(waiting)
    left = _left(place, len(waiting))
    counted = _("{done} of {total} decided", done=done, total=len(requests))
    header(_("Adjudication"), tag("span", _(place.task.title), cls="c-quiet"),
           tag("span", f"{counted} · {left}" if requests else ""))  # fmt: skip
    if not requests:
        empty(_("No disputed case"),
              _("What the readers of a round do not agree on comes here once the consensus is formed."),
              f"consilium round close {place.task.name}")  # fmt: skip
        return
    show(bar(done / len(requests), cls="c-wide c-model"))
    current = _current(requests)
    _strip(place, requests, current)
    _case(place, current, requests)


def _left(place: Here, count: int) -> str:
    if not count:
        return _("nothing left")
    if place.reader is None:
        return n_("{n} waits", "{n} wait", count)
    taken = words.minutes(count * pace_s(place.store, place.task, place.reader.reader_id))
    return _("{minutes} left", minutes=taken)


def _current(requests: Sequence[ReadRequest]) -> ReadRequest:
    """The case that is open: the one that was named, until it has been decided; else the first that waits."""
    case, study = st.query_params.get(CASE), st.query_params.get("study")
    named = next((r for r in requests if r.request_id == case or (not case and r.study_id == study)), None)
    deciding = st.session_state.get(_DECIDING)
    if deciding and any(r.request_id == deciding and r.state not in WAITING for r in requests):
        del st.session_state[_DECIDING]
        st.session_state[_JUST] = deciding
        draft.forget(f"decide {deciding}")
        if named is not None and named.request_id == deciding:  # else another case was opened meanwhile
            st.query_params.pop(CASE, None)
            st.query_params.pop("study", None)
            named = None
    return named or requests[0]


def _open(request_id: str) -> None:
    st.query_params[CASE] = request_id
    st.session_state.pop(_JUST, None)
    st.rerun()


def _strip(place: Here, requests: Sequence[ReadRequest], current: ReadRequest) -> None:
    """The cases in a line, the open one marked."""
    labels, appealed = _labels(place, requests), _appealed(place)
    items = []
    for request in requests:
        now = request.request_id == current.request_id
        state = chip(_("waits")) if request.state in WAITING else chip(_(words.DECISIONS[request.state]), "good")
        if (request.round_id, request.study_id, request.reader_id) in appealed:
            state = chip(_("appealed"), "doubt")
        items.append(
            tag(
                "div",
                image(f"/api/studies/{request.study_id}/picture.png?size=80", alt="", cls="c-thumb"),
                tag("div", tag("b", labels.get(request.study_id, request.study_id)), tag("div", state)),
                data_open=request.request_id,
                cls="c-case c-now" if now else "c-case",
                aria_current="true" if now else "",
            )
        )
    opened = rows(tag("div", *items, cls="c-strip"), key="adjudication cases")
    if opened and opened != current.request_id:
        _open(opened)


def _appealed(place: Here) -> set[tuple[str, str, str]]:
    """(round, study, adjudicator) of the decisions that were appealed."""
    decisions = place.store.decisions.all(place.task.name)
    return {
        (d.round_id, d.study_id, d.reader_id) for d in decisions if place.store.decisions.appeal(d.decision_id)
    }


def _labels(place: Here, requests: Sequence[ReadRequest]) -> dict[str, str]:
    found = place.store.studies.find(study_ids=[r.study_id for r in requests])
    return {study.study_id: study.label for study in found}


def _case(place: Here, request: ReadRequest, requests: Sequence[ReadRequest]) -> None:
    case = case_of(place.store, place.blobs, place.task, request)
    study = place.store.studies.get(request.study_id)
    _just(place, requests)
    model = _model(place, case)
    shown = model if st.session_state.get(f"model {request.request_id}") else None
    left, right = st.columns([1.2, 1], gap="medium")
    with left:
        drawings.picture(place, case, study, shown, decision_form.chosen_before(place, case))
    with right:
        _head(case, study.label, requests)
        show(tag("p", _reason(place, case), style="margin:0"))
        if model is not None:
            st.toggle(_("Show the model's answer"), key=f"model {request.request_id}",
                      help=_("Off for each case, so that you look at it first."))  # fmt: skip
        show_compared(place.task.form, case, shown)
        _decision(place, case)


def _head(case: Case, label: str, requests: Sequence[ReadRequest]) -> None:
    index = next(i for i, r in enumerate(requests) if r.request_id == case.request.request_id)
    title, buttons = st.columns([1.2, 1], vertical_alignment="center")
    with title:
        show(tag("b", label, style="font-size:15px"), " ", chip(_("round {number}", number=case.round.number)))
    with buttons, st.container(horizontal=True, horizontal_alignment="right", gap="small"):
        if st.button(_("Previous"), disabled=index == 0, shortcut="k"):
            _open(requests[index - 1].request_id)
        if st.button(_("Next"), disabled=index == len(requests) - 1, shortcut="j"):
            _open(requests[index + 1].request_id)


def _just(place: Here, requests: Sequence[ReadRequest]) -> None:
    """That the case before is decided."""
    before = next((r for r in requests if r.request_id == st.session_state.get(_JUST)), None)
    if before is not None:
        label = _labels(place, [before]).get(before.study_id, before.study_id)
        note(_("{case} is decided.", case=label), "good")


def _reason(place: Here, case: Case) -> Html:
    """What is disputed, in a sentence."""
    split = [words.short(one.question.name) for one in asked(place.task.form, case.outcomes, {})]
    names = ", ".join(dict.fromkeys(split))
    count = len(case.voices)
    if count < MIN_READS:
        return text(_("Too few reads to agree on anything: {count}.", count=count))
    if not names:
        return text(_("Nothing is open in this case."))
    if case.own is None:
        return text(_("{count} readers do not agree on: {names}.", count=count, names=names))
    return text(_("{count} readers did not agree on: {names}.", count=count, names=names))


def _model(place: Here, case: Case) -> Prediction | None:
    """What the champion of the round said of the study, or the one of today."""
    found = place.store.versions.predictions_of(case.request.study_id)
    champion = place.champion
    for version in (case.round.champion, champion.version if champion else ""):
        prediction = next((p for p in found if p.version == version and p.task == place.task.name), None)
        if prediction is not None:
            return prediction
    return None


def _decision(place: Here, case: Case) -> None:
    """What was decided, and the form of whoever may decide."""
    request = case.request
    before = [d for d in case.decisions if place.reader is None or d.reader_id == request.reader_id or case.appeal]
    if before:
        section(_("Decided"))
        decided.of_case(place, before)
    if place.reader is None:
        if request.state in WAITING:
            show(tone(_("It waits for its adjudicator, who sees it as you do here: without names."), "quiet"))
        return
    if not case.may_decide:
        if case.appeal is None or case.own is not None:
            show(tone(_closed(case), "quiet"))
        return
    begun = jobs.latest_about(place.store, "case.decide", round_id=request.round_id, study_id=request.study_id,
                              reader_id=request.reader_id)  # fmt: skip
    if request.state in WAITING:
        section(_("Your decision"))
        _form(place, case, begun)
        return
    with st.expander(_("Decide otherwise")):
        _form(place, case, begun)


def _closed(case: Case) -> str:
    if case.own is not None and case.own.appeal_of:
        return _("It was decided on appeal: this decision is the last one.")
    if case.appeal is not None:
        return _("Your decision was appealed: another adjudicator has the case.")
    return _("The round is closed: the decision stands, unless somebody appeals.")


def _form(place: Here, case: Case, begun: Job | None) -> None:
    running = jobs.follow(place.home, begun, key=decision_form.key_of(case))
    filled = decision_form.fill_in(place, case)
    decision_form.decide(place, case, filled, running=running)
