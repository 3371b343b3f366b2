"""Parts of the page Triage: alarms, what is watched, what became of the studies, subgroups."""

from __future__ import annotations

from collections.abc import Mapping

import streamlit as st

from active_learning.triage import SetOf
from active_learning.triage_run import TriageStatus, decision_on
from active_learning.triage_subgroups import Holds, by_subgroup
from active_learning.watch import FALSE_ALARM, LEAST_PATIENTS, ruling
from data.records import Job, Metric, Study, TriageLook, TriagePolicy, Watched, Way
from workbench.views.parts import words
from workbench.views.parts.context import Here
from workbench.views.parts.frame import failures, note, section, show
from workbench.views.parts.markup import Html, chip, facts, join, table, tag, tone

WATCHED: Mapping[Watched, str] = {
    Watched.AUDIT: "audits of cleared cases",
    Watched.SCORES: "scores of new patients",
    Watched.INPUTS: "images of new patients",
}
TONES: Mapping[Holds, str] = {Holds.YES: "good", Holds.NO: "wrong", Holds.OPEN: "doubt", Holds.FEW: ""}
WAYS: Mapping[Way, str] = {Way.CLEAR: "good", Way.READ: "", Way.ADJUDICATE: "doubt"}
LOOKS = 8
"""Rows of a list."""
SETS = 12
"""Prediction sets of a study that are shown."""


def share(metric: Metric | None) -> str:
    """A share with its interval, such as ``34.2% (29.7% to 38.9%)``."""
    if metric is None:
        return "—"
    spread = (
        "" if metric.low is None or metric.high is None else f" ({percent(metric.low)} to {percent(metric.high)})"
    )
    return f"{percent(metric.value)}{spread}"


def percent(value: float) -> str:
    """A share of 1 in percent, to three digits and no more than two places."""
    places = 0 if value >= 0.9995 else 1 if value >= 0.0995 else 2
    return f"{100 * value:.{places}f}%"


def way_chip(way: Way) -> Html:
    """What becomes of a study, as a chip."""
    return chip(way.value, WAYS[way])


def alarms(place: Here, found: TriageStatus) -> None:
    """The alarms that stop clearing, and how to lift them."""
    if not found.stopped:
        return
    listed = [tag("p", f"{WATCHED[a.watched].capitalize()}, {words.moment(a.raised_at)}: {a.sentence}")
              for a in found.stopped]  # fmt: skip
    note(join((tag("b", "Automatic clearing is stopped."), *listed)), "wrong")
    with st.form("resume", border=False), st.container(horizontal=True, vertical_alignment="bottom", gap="small"):
        reason = st.text_input("Why clearing may go on", placeholder="a sentence that the log keeps", width=480)
        if st.form_submit_button("Lift the alarm"):
            with failures():
                place.store.triage.resume(place.task.name, reason)
                st.rerun()


def watched(place: Here, found: TriageStatus) -> None:
    """What audits have shown, and the looks at drift."""
    section("Watched in use")
    seen, policy = found.audit, found.policy
    if seen is None or policy is None:
        return
    bar = 1 / FALSE_ALARM[Watched.AUDIT]
    miss = "nobody is read yet" if seen.miss is None else (
        f"{percent(seen.miss)} ({percent(seen.miss_low)} to {percent(seen.miss_high)}), "
        f"{percent(policy.miss)} promised"
    )  # fmt: skip
    left, right = st.columns([1, 1.5], gap="large")
    with left:
        show(facts([
            ("studies that stand as cleared", found.cleared),
            ("patients drawn for the audit", f"{seen.drawn}, {policy.audit_share:.0%} of the cleared by lot"),
            ("of them read", f"{seen.read}, {seen.pathological} with pathology"),
            ("miss rate that this means", miss),
            ("P(pathology | cleared) at all looks", " to ".join(map(percent, seen.omission_always))),
            ("evidence against the promise", f"{seen.evidence:.3g}; an alarm from {bar:.0f}"),
            ("due in the next round", f"{len(found.due)} audits"),
        ]))  # fmt: skip
    with right:
        if found.looks:
            heads = ["Look (UTC)", "At", "Seen"]
            rows = [[words.moment(one.at), WATCHED[one.watched], _seen(one)] for one in found.looks[:LOOKS]]
            show(table(heads, rows))
        else:
            said = f"No look yet: audits from the first one read on, new patients from {LEAST_PATIENTS} on."
            show(tone(said, "quiet"))


def _seen(one: TriageLook) -> str:
    told = one.figures
    if one.watched == Watched.AUDIT:
        return f"{told['pathological']:.0f} of {told['read']:.0f} with pathology, evidence {told['evidence']:.3g}"
    if one.watched == Watched.SCORES:
        return (f"{told['patients']:.0f} patients, stability index {told['stability_index']:.2f}, "
                f"p {told['p']:.2g} (alarm below {told['level']:.2g})")  # fmt: skip
    return (f"{told['unlike']:.0f} of {told['patients']:.0f} patients unlike any, "
            f"p {told['p']:.2g} (alarm below {told['level']:.2g})")  # fmt: skip


def outcome(job: Job) -> None:
    """What became of the unread studies when they were last decided on."""
    done = job.result
    counts = join((join((way_chip(way), f" {done[way.value]}")) for way in Way), " \u00a0 ")
    new = f"{done['newly_cleared']} cleared for the first time, {done['audits']} of them drawn for the audit"
    show(tag("p", counts), tag("p", f"{words.ago(job.updated_at)} with {done['version']}: {new}",
                               cls="c-small c-quiet"))  # fmt: skip
    rows = [[way_chip(Way(one["way"])), one["studies"], one["reason"]] for one in done["reasons"][:LOOKS]]
    if rows:
        show(tag("div", table(["Way", "Studies", "Reason"], rows, numeric=(1,)), cls="c-narrow"))


def subgroup_rows(place: Here, policy: TriagePolicy) -> list[list[object]]:
    """The miss rate in each subgroup."""
    cases = place.store.triage.cases(policy.policy_id)
    studies = {s.study_id: s for s in place.store.studies.find(study_ids=[c.study_id for c in cases])}
    groups = by_subgroup(policy, cases, studies, place.task.config.triage.subgroups)
    return [
        [f"{words.short(one.kind)}: {one.value}", one.patients, one.missed,
         "—" if one.bound is None else percent(one.bound), f"{one.cleared:.0%}",
         chip(one.holds.value, TONES[one.holds])]
        for one in groups
    ]  # fmt: skip


def decision(place: Here, study: Study) -> None:
    """What triage makes of a study, with its prediction sets; nothing where no operating point rules."""
    made = decision_on(place.home, place.task, study) if ruling(place.store, place.task.name) else None
    if made is None:
        return
    section("Triage")
    score = "" if made.score is None else f" · P(pathology) = {made.score:.3f}"
    show(tag("p", way_chip(made.way), f" {made.reason}", tag("span", score, cls="c-quiet")))
    told = [(_topic(one), " or ".join(words.short(o) for o in one.options) or "none fits") for one in made.sets]
    if told:
        coverage = place.task.config.triage.coverage
        more = f"; {len(told) - SETS} more are not shown" if len(told) > SETS else ""
        said = f"Prediction sets, which hold the right option of {coverage:.0%} of the patients with each{more}:"
        show(tag("p", said, cls="c-small c-quiet"), facts(told[:SETS]))


def _topic(one: SetOf) -> str:
    return " ".join(filter(None, (words.short(one.label or one.question), words.site(one.site))))


def earlier(place: Here, found: TriageStatus) -> None:
    """Earlier operating points, and alarms that were lifted."""
    ruling = found.policy.policy_id if found.policy else ""
    before = [p for p in place.store.triage.policies(place.task.name) if p.policy_id != ruling]
    lifted = [alarm for alarm in found.alarms if not alarm.stands]
    if lifted:
        section("Alarms that were lifted")
        rows = [[words.moment(a.raised_at), a.sentence, words.moment(a.lifted_at), a.reason] for a in lifted]
        show(table(["Raised (UTC)", "What was seen", "Lifted", "Why"], rows))
    if before:
        section("Earlier operating points")
        listed = [[p.version, words.moment(p.made_at), f"{p.miss:.1%} at {p.confidence:.0%}", f"{p.threshold:.4f}",
                   p.pathological, f"{p.cleared.value:.1%}"] for p in before[:LOOKS]]  # fmt: skip
        heads = ["Version", "Made (UTC)", "Promise", "Cleared below", "With pathology", "Reading saved"]
        show(tag("div", table(heads, listed, numeric=(3, 4, 5)), cls="c-narrow"))
