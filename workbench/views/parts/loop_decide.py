"""The end of a round: the comparison and its decision, giving up, and the rounds that ended."""

from __future__ import annotations

from collections.abc import Mapping

import streamlit as st

from active_learning.rounds import NEXT_STEP
from data.records import OPEN_ROUND, Round, RoundState
from workbench.language import N_, _, told
from workbench.views.parts import words
from workbench.views.parts.context import Here
from workbench.views.parts.frame import note, show
from workbench.views.parts.loop_row import ask
from workbench.views.parts.loop_standing import Standing
from workbench.views.parts.markup import Html, join, table, tag, tone

ENDS: Mapping[RoundState, str] = {
    RoundState.PROMOTED: N_("promoted"),
    RoundState.KEPT: N_("champion kept"),
    RoundState.CANCELLED: N_("given up"),
}


def decide(standing: Standing, *, running: bool) -> None:
    """Show how the candidate compared, and the form of the decision."""
    current = standing.current
    assert current is not None  # noqa: S101 - shown only of a round that was compared
    better = bool(current.outcome.get("better"))
    note(join((told(str(current.outcome.get("sentence", ""))), " ", _evidence(standing.place))),
         "good" if better else "doubt")  # fmt: skip
    with st.form(f"decide {current.round_id}", border=False):
        reason = st.text_input(_("Why"), placeholder=_("a sentence that the log keeps"))
        left, right, _rest = st.columns([1, 1, 3])
        promote = left.form_submit_button(_("Promote {version}", version=current.candidate),
                                          type="primary" if better else "secondary",
                                          disabled=running, width="stretch")  # fmt: skip
        keep = right.form_submit_button(_("Keep the champion"), type="secondary" if better else "primary",
                                        disabled=running or better, width="stretch")  # fmt: skip
    if promote and not reason.strip():
        note(_("A promotion needs a reason. Say why in a sentence."), "wrong")
    elif promote:
        ask(standing, "promote", reason=reason.strip(), force=not better)
    elif keep:
        ask(standing, "promote", reason=reason.strip())


def _evidence(place: Here) -> Html:
    return tag("a", _("See the evidence on Models"), href=f"/models?task={place.task.name}", target="_self")


def give_up(standing: Standing, *, running: bool) -> None:
    """Offer to give the round up."""
    current = standing.current
    assert current is not None  # noqa: S101
    if current.state not in OPEN_ROUND:
        show(tone(_("The round has its consensus: it can be finished, not given up."), "quiet"))
        return
    note(_("Answers that came are kept; unread cases are taken off the labelling server."), "doubt")
    sure = st.checkbox(_("I want to give this round up"), key=f"sure {current.round_id}")
    if st.button(_(words.BUTTONS["cancel"]), key=f"cancel {current.round_id}", disabled=running or not sure):
        ask(standing, "cancel")


def ended(place: Here, latest: Round | None) -> None:
    """Say how the last round ended."""
    if latest is None:
        return
    said = {
        RoundState.PROMOTED: _("Round {n}: {version} became champion.", n=latest.number, version=latest.candidate),
        RoundState.KEPT: _("Round {n}: the champion stayed.", n=latest.number),
        RoundState.CANCELLED: _("Round {n} was given up.", n=latest.number),
    }.get(latest.state, "")
    why = told(str(latest.outcome.get("sentence", "")))
    link = (" ", _evidence(place)) if why else ()
    show(tag("p", said, " ", why, *link, cls="c-small c-quiet"))


def history(place: Here) -> None:
    """Show the rounds that ended."""
    past = [r for r in place.store.rounds.all(place.task.name) if r.state not in NEXT_STEP]
    if not past:
        return
    with st.expander(_("Rounds that ended ({n})", n=len(past))):
        body = [[r.number, _(ENDS.get(r.state, r.state.value)), r.champion or "—", r.candidate or "—",
                 told(str(r.outcome.get("sentence", ""))), words.day(r.updated_at)] for r in past]  # fmt: skip
        heads = [_("Round"), _("End"), _("Champion then"), _("Candidate"), _("Comparison"), _("Ended")]
        show(table(heads, body))
