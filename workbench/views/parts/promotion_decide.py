"""Promotion and roll back, each with a reason that the log keeps; or why there is nothing to promote."""

from __future__ import annotations

import streamlit as st

from data.records import ModelVersion, Round, RoundState
from workbench.language import _, told
from workbench.views.parts import jobs
from workbench.views.parts.context import Here
from workbench.views.parts.frame import failures, note, show
from workbench.views.parts.markup import join, tag

STEP = "round.step"


def sentence(place: Here, candidate: ModelVersion | None, compared: Round | None) -> None:
    """One sentence: how the candidate compared; beside it promotion, roll back, and why not."""
    left, right = st.columns([3.2, 1], gap="medium", vertical_alignment="center")
    with left:
        _said(compared)
    with right, st.container(horizontal=True, horizontal_alignment="right", gap="small"):
        if candidate is not None:
            with st.popover(_("Promote…"), width="content"):
                _promotion(place, candidate, compared)
        earlier = _earlier(place)
        if earlier is not None:
            with st.popover(_("Roll back…"), width="content"):
                _rollback(place, earlier)
    waiting = None if candidate is None else _waiting(place, candidate)
    if waiting is not None:
        jobs.follow(place.home, jobs.latest_about(place.store, STEP, round_id=waiting.round_id), key="promote")
    if candidate is not None and (why := _why_not(candidate, compared)):
        show(tag("p", why, cls="c-small c-doubt"))


def _said(compared: Round | None) -> None:
    if compared is None:
        note(_("No round has compared a version with another yet."))
        return
    who = _("Round {number}, {candidate} against {champion}:", number=compared.number,
            candidate=compared.candidate, champion=compared.champion or _("none"))  # fmt: skip
    better = bool(compared.outcome.get("better"))
    note(
        join((tag("b", who), " ", told(str(compared.outcome.get("sentence", ""))))), "good" if better else "doubt"
    )


def _why_not(candidate: ModelVersion, compared: Round | None) -> str:
    """Why a promotion rests on nothing but its reason; empty where a comparison speaks for it."""
    if compared is None or compared.candidate != candidate.version:
        return _("{version} was not compared with the champion on the locked test patients: nothing but your "
                 "reason would speak for it.", version=candidate.version)  # fmt: skip
    if not compared.outcome.get("better"):
        return _("The comparison does not show that {version} is better. Promoted all the same, the log says so.",
                 version=candidate.version)  # fmt: skip
    return ""


def _promotion(place: Here, candidate: ModelVersion, compared: Round | None) -> None:
    if why := _why_not(candidate, compared):
        note(why, "doubt")
    show(tag("p", _("{version} becomes champion: it answers in demo and API from then on. It can be rolled back.",
                    version=candidate.version), cls="c-small c-quiet"))  # fmt: skip
    label = _("Promote {version}", version=candidate.version)
    if (reason := _reason("promote", label)) is not None:
        with failures():
            _promote(place, candidate, reason)


def _rollback(place: Here, earlier: str) -> None:
    show(tag("p", _("{version} becomes champion again: it answers in demo and API from then on.",
                    version=earlier), cls="c-small c-quiet"))  # fmt: skip
    if (reason := _reason("rollback", _("Roll back to {version}", version=earlier))) is not None:
        from workbench.work import loop  # noqa: PLC0415 - loads the loop

        with failures():
            loop(place.home, place.task.name).rollback(reason)
            st.rerun()


def _reason(key: str, label: str) -> str | None:
    """Ask why; the reason once it is given and the button was pressed."""
    with st.form(f"decide {key}", border=False):
        reason = st.text_input(_("Why"), placeholder=_("a sentence that the log keeps"), key=f"why {key}")
        pressed = st.form_submit_button(label, width="stretch")
    if not pressed:
        return None
    if not reason.strip():
        note(_("Say why in a sentence; nothing was changed."), "wrong")
        return None
    return reason.strip()


def _earlier(place: Here) -> str | None:
    history = place.store.versions.championships(place.task.name)
    return next((c.version for c in history[1:] if c.version != history[0].version), None)


def _waiting(place: Here, candidate: ModelVersion) -> Round | None:
    """The round that waits for the decision on a candidate."""
    rounds = place.store.rounds.all(place.task.name)
    return next((r for r in rounds if r.candidate == candidate.version and r.state == RoundState.COMPARED), None)


def _promote(place: Here, candidate: ModelVersion, reason: str) -> None:
    """Through the round that waits for the decision, where there is one; else by hand."""
    waiting = _waiting(place, candidate)
    if waiting is not None:
        jobs.ask(place.home, STEP, round_id=waiting.round_id, step="promote", reason=reason,
                 force=not waiting.outcome.get("better"))  # fmt: skip
        return
    place.store.versions.crown(place.task.name, candidate.version, reason)
    st.rerun()
