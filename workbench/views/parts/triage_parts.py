"""Parts of the page Triage: alarms, what is watched, what became of the studies, subgroups."""

from __future__ import annotations

from collections.abc import Mapping

import streamlit as st

from active_learning.triage import SetOf
from active_learning.triage_run import TriageStatus, decision_on
from active_learning.triage_subgroups import Holds, by_subgroup
from active_learning.watch import FALSE_ALARM, LEAST_PATIENTS, ruling
from data.records import Job, Metric, Study, TriageLook, TriagePolicy, Watched, Way
from workbench.language import N_, NP_, _, n_, p_, told
from workbench.views.parts import words
from workbench.views.parts.context import Here
from workbench.views.parts.frame import failures, note, section, show
from workbench.views.parts.markup import Html, chip, facts, join, table, tag, tone

WATCHED: Mapping[Watched, str] = {
    Watched.AUDIT: N_("audits of cleared cases"),
    Watched.SCORES: N_("scores of new patients"),
    Watched.INPUTS: N_("images of new patients"),
}
TONES: Mapping[Holds, str] = {Holds.YES: "good", Holds.NO: "wrong", Holds.OPEN: "doubt", Holds.FEW: ""}
HOLDS: Mapping[Holds, str] = {
    Holds.YES: N_("holds"),
    Holds.NO: N_("exceeded"),
    Holds.OPEN: N_("open"),
    Holds.FEW: N_("not assessable"),
}
WAY_WORDS: Mapping[Way, str] = {
    Way.CLEAR: NP_("to do", "clear"),
    Way.READ: NP_("to do", "read"),
    Way.ADJUDICATE: NP_("to do", "adjudicate"),
}
"""What is to be done with a study; each is translated as what is ``to do``."""
KINDS: Mapping[str, str] = {"sex": N_("sex"), "age": N_("age"), "view": N_("view"), "modality": N_("modality"),
                            "source": N_("source"), "manufacturer": N_("manufacturer")}  # fmt: skip
WAYS: Mapping[Way, str] = {Way.CLEAR: "good", Way.READ: "", Way.ADJUDICATE: "doubt"}
LOOKS = 8
"""Rows of a list."""
SETS = 12
"""Prediction sets of a study that are shown."""


def share(metric: Metric | None) -> str:
    """A share with its interval, such as ``34.2% (29.7% to 38.9%)``."""
    if metric is None:
        return "—"
    if metric.low is None or metric.high is None:
        return percent(metric.value)
    return _("{share} ({low} to {high})", share=percent(metric.value), low=percent(metric.low),
             high=percent(metric.high))  # fmt: skip


def percent(value: float) -> str:
    """A share of 1 in percent, to three digits and no more than two places."""
    places = 0 if value >= 0.9995 else 1 if value >= 0.0995 else 2
    return f"{100 * value:.{places}f}%"


def way_chip(way: Way) -> Html:
    """What becomes of a study, as a chip."""
    return chip(p_("to do", WAY_WORDS[way]), WAYS[way])


def alarms(place: Here, found: TriageStatus) -> None:
    """The alarms that stop clearing, and how to lift them."""
    if not found.stopped:
        return
    listed = [tag("p", f"{_(WATCHED[a.watched]).capitalize()}, {words.moment(a.raised_at)}: {told(a.sentence)}")
              for a in found.stopped]  # fmt: skip
    note(join((tag("b", _("Automatic clearing is stopped.")), *listed)), "wrong")
    with st.form("resume", border=False), st.container(horizontal=True, vertical_alignment="bottom", gap="small"):
        reason = st.text_input(
            _("Why clearing may go on"), placeholder=_("a sentence that the log keeps"), width=480
        )
        if st.form_submit_button(_("Lift the alarm")):
            with failures():
                place.store.triage.resume(place.task.name, reason)
                st.rerun()


def watched(place: Here, found: TriageStatus) -> None:
    """What audits have shown, and the looks at drift."""
    section(_("Watched in use"))
    seen, policy = found.audit, found.policy
    if seen is None or policy is None:
        return
    bar = 1 / FALSE_ALARM[Watched.AUDIT]
    miss = _("nobody is read yet") if seen.miss is None else _(
        "{share} ({low} to {high}), {promised} promised", share=percent(seen.miss), low=percent(seen.miss_low),
        high=percent(seen.miss_high), promised=percent(policy.miss),
    )  # fmt: skip
    drawn = _("{n} patients, {share:.0%} of the cleared by lot", n=seen.drawn, share=policy.audit_share)
    evidence = _("{evidence:.3g}; an alarm from {bar:.0f}", evidence=seen.evidence, bar=bar)
    always = _(" to ").join(map(percent, seen.omission_always))
    left, right = st.columns([1, 1.5], gap="large")
    with left:
        show(facts([
            (_("studies that stand as cleared"), found.cleared),
            (_("drawn for the audit"), drawn),
            (_("of them read"), _("{read}, {pathological} with pathology", read=seen.read,
                                  pathological=seen.pathological)),
            (_("miss rate that this means"), miss),
            (_("P(pathology | cleared) at all looks"), always),
            (_("evidence against the promise"), evidence),
            (_("due in the next round"), n_("{n} audit", "{n} audits", len(found.due))),
        ]))  # fmt: skip
    with right:
        if found.looks:
            heads = [_("Look (UTC)"), _("At"), _("Seen")]
            rows = [[words.moment(one.at), _(WATCHED[one.watched]), _seen(one)] for one in found.looks[:LOOKS]]
            show(table(heads, rows))
        else:
            said = _("No look yet: audits from the first one read on, new patients from {fewest} on.",
                     fewest=LEAST_PATIENTS)  # fmt: skip
            show(tone(said, "quiet"))


def _seen(one: TriageLook) -> str:
    figures = dict(one.figures)
    if one.watched == Watched.AUDIT:
        return _("{pathological:.0f} of {read:.0f} with pathology, evidence {evidence:.3g}", **figures)
    if one.watched == Watched.SCORES:
        return _("{patients:.0f} patients, stability index {stability_index:.2f}, p {p:.2g} (alarm below "
                 "{level:.2g})", **figures)  # fmt: skip
    return _("{unlike:.0f} of {patients:.0f} patients unlike any, p {p:.2g} (alarm below {level:.2g})", **figures)


def outcome(job: Job) -> None:
    """What became of the unread studies when they were last decided on."""
    done = job.result
    counts = join((join((way_chip(way), f" {done[way.value]}")) for way in Way), " \u00a0 ")
    said = _("{ago} with {version}: {cleared} cleared for the first time, {audits} of them drawn for the audit",
             ago=words.ago(job.updated_at), version=done["version"], cleared=done["newly_cleared"],
             audits=done["audits"])  # fmt: skip
    show(tag("p", counts), tag("p", said, cls="c-small c-quiet"))
    rows = [[way_chip(Way(one["way"])), one["studies"], told(one["reason"])] for one in done["reasons"][:LOOKS]]
    if rows:
        show(tag("div", table([_("Way"), _("Studies"), _("Reason")], rows, numeric=(1,)), cls="c-narrow"))


def subgroup_rows(place: Here, policy: TriagePolicy) -> list[list[object]]:
    """The miss rate in each subgroup."""
    cases = place.store.triage.cases(policy.policy_id)
    studies = {s.study_id: s for s in place.store.studies.find(study_ids=[c.study_id for c in cases])}
    groups = by_subgroup(policy, cases, studies, place.task.config.triage.subgroups)
    return [
        [f"{_(KINDS.get(one.kind, one.kind))}: {told(one.value)}", one.patients, one.missed,
         "—" if one.bound is None else percent(one.bound), f"{one.cleared:.0%}",
         chip(_(HOLDS[one.holds]), TONES[one.holds])]
        for one in groups
    ]  # fmt: skip


def decision(place: Here, study: Study) -> None:
    """What triage makes of a study, with its prediction sets; nothing where no operating point rules."""
    made = decision_on(place.home, place.task, study) if ruling(place.store, place.task.name) else None
    if made is None:
        return
    section(_("Triage"))
    score = "" if made.score is None else " · " + _("P(pathology) = {score:.3f}", score=made.score)
    show(tag("p", way_chip(made.way), f" {told(made.reason)}", tag("span", score, cls="c-quiet")))
    either = _(" or ")
    sets = [(_topic(one), either.join(words.short(o) for o in one.options) or _("none fits")) for one in made.sets]
    if sets:
        said = _("Prediction sets, which hold the right option of {share:.0%} of the patients with each:",
                 share=place.task.config.triage.coverage)  # fmt: skip
        show(tag("p", said, cls="c-small c-quiet"), facts(sets[:SETS]))
        if len(sets) > SETS:
            show(tag("p", n_("{n} more is not shown.", "{n} more are not shown.", len(sets) - SETS),
                     cls="c-small c-quiet"))  # fmt: skip


def _topic(one: SetOf) -> str:
    return " ".join(filter(None, (words.short(one.label or one.question), words.site(one.site))))


def earlier(place: Here, found: TriageStatus) -> None:
    """Earlier operating points, and alarms that were lifted."""
    ruling = found.policy.policy_id if found.policy else ""
    before = [p for p in place.store.triage.policies(place.task.name) if p.policy_id != ruling]
    lifted = [alarm for alarm in found.alarms if not alarm.stands]
    if lifted:
        section(_("Alarms that were lifted"))
        rows = [[words.moment(a.raised_at), told(a.sentence), words.moment(a.lifted_at), a.reason] for a in lifted]
        show(table([_("Raised (UTC)"), _("What was seen"), _("Lifted"), _("Why")], rows))
    if before:
        section(_("Earlier operating points"))
        listed = []
        for p in before[:LOOKS]:
            promised = _("{miss:.1%} at {confidence:.0%}", miss=p.miss, confidence=p.confidence)
            listed.append([p.version, words.moment(p.made_at), promised, f"{p.threshold:.4f}", p.pathological,
                           f"{p.cleared.value:.1%}"])  # fmt: skip
        heads = [_("Version"), _("Made (UTC)"), _("Promise"), _("Cleared below"), _("With pathology"),
                 _("Reading saved")]  # fmt: skip
        show(tag("div", table(heads, listed, numeric=(3, 4, 5)), cls="c-narrow"))
