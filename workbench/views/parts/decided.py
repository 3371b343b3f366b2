"""What adjudicators decided of a study, why, and the one appeal that there may be against it."""

from __future__ import annotations

from collections.abc import Sequence

import streamlit as st

from data.answers import MaskValue
from data.records import Appeal, Decision, Reader
from workbench.adjudicating import may_appeal
from workbench.language import N_, _
from workbench.views.parts import answers, draft, jobs, words
from workbench.views.parts.context import Here
from workbench.views.parts.frame import note, section, show
from workbench.views.parts.markup import Html, chip, facts, tag, tone

FIRST, SECOND = N_("Decision"), N_("Decision on the appeal")


def of_study(place: Here, study_id: str) -> None:
    """The decisions of a study in all rounds, as a part of its page; nothing where there is none."""
    decisions = place.store.decisions.all(place.task.name, study_id=study_id)
    if not decisions:
        return
    section(_("Adjudication"))
    for round_id in dict.fromkeys(d.round_id for d in decisions):
        of_case(place, [d for d in decisions if d.round_id == round_id])


def of_case(place: Here, decisions: Sequence[Decision]) -> None:
    """The decisions of one case, the oldest first, the appeal, and the way to appeal for whoever may."""
    first = next((d for d in reversed(decisions) if not d.appeal_of), None)
    second = next((d for d in reversed(decisions) if d.appeal_of), None)
    if first is None:
        return
    appeals = [a for d in decisions if (a := place.store.decisions.appeal(d.decision_id))]
    show(_told(place, FIRST, first))
    for appeal in appeals:
        show(_objection(place, appeal, decided=second is not None))
    if second is not None:
        show(_told(place, SECOND, second))
    if not appeals:
        _appeal(place, first)


def sentence(place: Here, decision: Decision) -> str:
    """The answers of a decision in a line; outlines by their labels."""
    reads = place.store.reads.annotations(place.task.name, study_id=decision.study_id, every_revision=True)
    given = next(
        (r for r in reads if (r.annotation_id, r.revision) == (decision.annotation_id, decision.revision)), None
    )
    if given is None:
        return "—"
    plain = [a for a in given.answers if not isinstance(a.value, MaskValue)]
    parts = [answers.reader_answers(place.task.form, plain)] if plain else []
    drawn = {label for a in given.answers if isinstance(a.value, MaskValue) for label, _ in a.value.masks}
    if len(plain) < len(given.answers):
        labels = ", ".join(words.short(label) for label in sorted(drawn)) or _("nothing")
        parts.append(_("outlined: {labels}", labels=labels))
    return " · ".join(parts)


def _told(place: Here, title: str, decision: Decision) -> Html:
    pairs: list[tuple[str, object]] = [
        (_("answer"), sentence(place, decision)),
        (_("why"), decision.why or "—"),
        (_("when"), _("{moment} UTC", moment=words.moment(decision.created_at))),
    ]
    if place.reader is None:
        pairs.append((_("by"), _named(place, decision.reader_id)))
    return tag("div", tag("b", _(title)), facts(pairs), style="margin-bottom:6px")


def _objection(place: Here, appeal: Appeal, *, decided: bool) -> Html:
    state = chip(_("decided"), "good") if decided else chip(_("another adjudicator has the case"), "doubt")
    pairs: list[tuple[str, object]] = [
        (_("why"), appeal.reason), (_("when"), _("{moment} UTC", moment=words.moment(appeal.created_at))),
    ]  # fmt: skip
    if place.reader is None:
        pairs.append((_("by"), _named(place, appeal.reader_id) if appeal.reader_id else _(words.CURATOR)))
    return tag("div", tag("b", _("Appeal")), " ", state, facts(pairs), style="margin-bottom:6px")


def _named(place: Here, reader_id: str) -> str:
    known: Reader | None = next((r for r in place.store.reads.readers() if r.reader_id == reader_id), None)
    return words.reader_name(known) if known else reader_id


def _appeal(place: Here, decision: Decision) -> None:
    """The way to appeal, where whoever sits there may."""
    who = None if place.reader is None else place.reader.reader_id
    if not may_appeal(place.store, decision, who):
        return
    begun = jobs.latest_about(place.store, "case.appeal", decision_id=decision.decision_id)
    with st.expander(_("Appeal"), expanded=begun is not None):
        once = _("A case is appealed once. Another adjudicator then decides, and that decision stands.")
        show(tone(once, "quiet"))
        running = jobs.follow(place.home, begun, key=f"appeal {decision.decision_id}")
        key = draft.restored(f"appeal {decision.decision_id}")
        reason = st.text_area(_("What was overlooked"), key=key, height=68, on_change=draft.note, args=(key,))
        if st.button(_("Appeal"), key=f"appeal now {decision.decision_id}", disabled=running):
            if not reason.strip():
                note(_("An appeal needs a reason. Say what was overlooked."), "wrong")
                return
            jobs.ask(place.home, "case.appeal", decision_id=decision.decision_id, reader_id=who or "",
                     reason=reason.strip())  # fmt: skip
