"""Triage: what is promised of the studies that need no reading, what it saves, and what watches over it."""

from __future__ import annotations

import streamlit as st

from active_learning.risk_control import needed
from active_learning.triage_plan import settled
from active_learning.triage_run import TriageStatus, status
from active_learning.triage_target import target_of
from data.records import JobState, TriagePolicy
from workbench.language import _
from workbench.triage_work import PLAN, RUN
from workbench.views.parts import jobs, triage_parts, triage_plot, words
from workbench.views.parts.context import Here, here
from workbench.views.parts.frame import empty, failures, framed, header, note, section, show
from workbench.views.parts.markup import facts, join, table, tag, tone
from workbench.views.parts.plot import plot


@framed
def page() -> None:
    """Show the operating point that rules, and how it came; make another; run it; lift alarms."""
    place = here()
    if place.champion is None:
        header("Triage", tag("span", place.task.title, cls="c-quiet"))
        empty("No model yet", "Once the task has a champion, its scores can clear studies that need no reading.",
              f"consilium train {place.task.name}")  # fmt: skip
        return
    target = target_of(place.task)
    found = status(place.home, place.task)
    counts = "; ".join(f"{' or '.join(map(words.short, options))} ({words.short(name)})"
                       for name, options in target.items() if len(options) < 5)  # fmt: skip
    said = f"{place.task.title} · counts as pathology: {counts or 'any finding'}"
    header("Triage", tag("span", said, cls="c-quiet"))
    triage_parts.alarms(place, found)
    if found.policy is None:
        _none_yet(place)
    else:
        _promise(found.policy, stopped=bool(found.stopped))
        _point(place, found.policy)
    _decide(place, found)
    if found.policy is not None:
        triage_parts.watched(place, found)
        _subgroups(place, found.policy)
    triage_parts.earlier(place, found)


def _none_yet(place: Here) -> None:
    """What an operating point takes, and how far the calibration set is."""
    settings = place.task.config.triage
    patients, pathological = settled(place.store, place.task)
    wanted = needed(settings.miss, settings.confidence)
    missing = wanted - pathological
    take = (
        f"{missing} more patients with pathology are needed: {pathological} of the {patients} calibration patients"
        f" show it, and {wanted} are the fewest. Rounds draw calibration patients at random and have them read."
        if missing > 0
        else f"{pathological} of the {patients} calibration patients show pathology: enough to make one."
    )
    empty(f"No operating point for {place.champion.version if place.champion else ''} yet",
          f"It promises that of the patients with pathology at most {settings.miss:.1%} are cleared. {take}",
          f"consilium triage plan {place.task.name} --miss {settings.miss:g}")  # fmt: skip


def _promise(policy: TriagePolicy, *, stopped: bool) -> None:
    """The one sentence that everything else stands for."""
    sentence = (
        f"Of the patients with pathology at most {policy.miss:.1%} are cleared, with {policy.confidence:.0%} "
        f"confidence over the draw of the {policy.pathological} pathological calibration patients."
    )
    saved = f"It saves {triage_parts.share(policy.cleared)} of the reading."
    note(join((tag("b", sentence), " ", saved)), "" if stopped else "good")


def _point(place: Here, policy: TriagePolicy) -> None:
    """The operating point beside the scores that it came from."""
    section("Operating point, from the calibration patients")
    left, right = st.columns([1, 1.5], gap="large")
    expected = "—" if policy.expected is None else f"{policy.expected:.4f}, bounds the mean alone: not used"
    prevalence = f"{policy.prevalence:.1%}, {'as stated' if policy.stated else 'as in the calibration patients'}"
    missed = f"{policy.missed} of {policy.pathological}"
    if policy.unsettled:
        missed += f", and {policy.unsettled} without a settled answer"
    with left:
        show(facts([
            ("cleared below", tag("b", f"P(pathology) {policy.threshold:.4f}")),
            ("upper bound of misses", f"{triage_parts.percent(policy.bound)} at {policy.confidence:.0%}, exact"),
            ("would be cleared with pathology", missed),
            ("reading saved", f"{triage_parts.share(policy.cleared)}, n = {policy.cleared.n} patients"),
            ("P(pathology | cleared)", triage_parts.share(policy.omission)),
            ("at a prevalence of", prevalence),
            ("conformal risk control", expected),
            ("holds for", policy.version),
            ("made", words.moment(policy.made_at)),
        ]))  # fmt: skip
        show(
            tag(
                "p",
                "A patient with several studies counts as missed if any study with pathology is cleared. "
                "Studies of validation, calibration and test patients are never cleared.",
                cls="c-small c-quiet",
            )
        )
    with right:
        cases = place.store.triage.cases(policy.policy_id)
        plot(triage_plot.scores(policy, cases), key="triage scores",
             alt=_("Scores of the calibration patients' studies, with the operating point"),
             heads=[_("P(pathology)"), _("Reference standard")], rows=triage_plot.score_rows(cases))  # fmt: skip


def _decide(place: Here, found: TriageStatus) -> None:
    """Make an operating point, and decide on the unread studies."""
    section("Decide")
    settings = place.task.config.triage
    planning = jobs.follow(place.home, jobs.latest_about(place.store, PLAN, task=place.task.name), key="plan")
    latest = jobs.latest_about(place.store, RUN, task=place.task.name)
    running = jobs.follow(place.home, latest, key="run")
    with st.container(horizontal=True, vertical_alignment="bottom", gap="small"):
        miss = st.number_input("Cleared of the pathological, % at most", 0.1, 50.0, 100 * settings.miss, 0.5,
                               format="%.1f", key="triage miss", width=240)  # fmt: skip
        confidence = st.number_input("Confidence, %", 50.0, 99.9, 100 * settings.confidence, 1.0, format="%.1f",
                                     key="triage confidence", width=140)  # fmt: skip
        if st.button("Make the operating point", disabled=planning):
            jobs.ask(place.home, PLAN, task=place.task.name, miss=round(miss / 100, 6),
                     confidence=round(confidence / 100, 6))  # fmt: skip
        if st.button("Decide on the unread studies", type="primary", disabled=running or found.policy is None):
            jobs.ask(place.home, RUN, task=place.task.name)
    if latest is not None and latest.state == JobState.DONE:
        triage_parts.outcome(latest)


def _subgroups(place: Here, policy: TriagePolicy) -> None:
    with failures():
        rows = triage_parts.subgroup_rows(place, policy)
        if not rows:
            return
        section("By subgroup, where the calibration patients say enough")
        heads = ["Subgroup", "With pathology", "Would be cleared", "Upper bound", "Cleared of all", "Promise"]
        show(tag("div", table(heads, rows, numeric=(1, 2, 3, 4)), cls="c-narrow"))
        show(tone(f"Not assessable: fewer than {needed(policy.miss, policy.confidence)} patients with pathology. "
                  "The bounds stand each for itself.", "quiet"))  # fmt: skip
