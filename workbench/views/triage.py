"""Triage: what is promised of the studies that need no reading, what it saves, and what watches over it."""

from __future__ import annotations

import streamlit as st

from active_learning.risk_control import needed
from active_learning.triage_plan import settled
from active_learning.triage_run import TriageStatus, status
from active_learning.triage_target import target_of
from data.records import JobState, TriagePolicy
from workbench.language import _, n_
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
        header(_("Triage"), tag("span", _(place.task.title), cls="c-quiet"))
        empty(_("No model yet"),
              _("Once the task has a champion, its scores can clear studies that need no reading."),
              f"consilium train {place.task.name}")  # fmt: skip
        return
    target = target_of(place.task)
    found = status(place.home, place.task)
    either = _(" or ")
    counts = "; ".join(f"{either.join(map(words.short, options))} ({words.short(name)})"
                       for name, options in target.items() if len(options) < 5)  # fmt: skip
    said = _("{task} · counts as pathology: {what}", task=_(place.task.title), what=counts or _("any finding"))
    header(_("Triage"), tag("span", said, cls="c-quiet"))
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
    missing, here_ = wanted - pathological, place.champion.version if place.champion else ""
    take = (
        n_("{n} more patient with pathology is needed: {pathological} of the {patients} calibration patients "
           "show it, and {wanted} are the fewest. Rounds draw calibration patients at random and have them read.",
           "{n} more patients with pathology are needed: {pathological} of the {patients} calibration patients "
           "show it, and {wanted} are the fewest. Rounds draw calibration patients at random and have them read.",
           missing, pathological=pathological, patients=patients, wanted=wanted)
        if missing > 0
        else _("{pathological} of the {patients} calibration patients show pathology: enough to make one.",
               pathological=pathological, patients=patients)
    )  # fmt: skip
    promised = _("It promises that of the patients with pathology at most {miss:.1%} are cleared.",
                 miss=settings.miss)  # fmt: skip
    empty(_("No operating point for {version} yet", version=here_), f"{promised} {take}",
          f"consilium triage plan {place.task.name} --miss {settings.miss:g}")  # fmt: skip


def _promise(policy: TriagePolicy, *, stopped: bool) -> None:
    """The one sentence that everything else stands for."""
    sentence = _("Of the patients with pathology at most {miss:.1%} are cleared, with {confidence:.0%} confidence "
                 "over the draw of the {pathological} pathological calibration patients.", miss=policy.miss,
                 confidence=policy.confidence, pathological=policy.pathological)  # fmt: skip
    saved = _("It saves {share} of the reading.", share=triage_parts.share(policy.cleared))
    note(join((tag("b", sentence), " ", saved)), "" if stopped else "good")


def _point(place: Here, policy: TriagePolicy) -> None:
    """The operating point beside the scores that it came from."""
    section(_("Operating point, from the calibration patients"))
    left, right = st.columns([1, 1.5], gap="large")
    with left:
        show(facts(_of_point(policy)))
        show(tag("p", _("A patient with several studies counts as missed if any study with pathology is cleared. "
                        "Studies of validation, calibration and test patients are never cleared."),
                 cls="c-small c-quiet"))  # fmt: skip
    with right:
        cases = place.store.triage.cases(policy.policy_id)
        plot(triage_plot.scores(policy, cases), key="triage scores",
             alt=_("Scores of the calibration patients' studies, with the operating point"),
             heads=[_("P(pathology)"), _("Reference standard")], rows=triage_plot.score_rows(cases))  # fmt: skip


def _of_point(policy: TriagePolicy) -> list[tuple[str, object]]:
    expected = "—" if policy.expected is None else _("{share:.4f}, bounds the mean alone: not used",
                                                     share=policy.expected)  # fmt: skip
    prevalence = (_("{share:.1%}, as stated", share=policy.prevalence) if policy.stated
                  else _("{share:.1%}, as in the calibration patients", share=policy.prevalence))  # fmt: skip
    missed = _("{missed} of {pathological}", missed=policy.missed, pathological=policy.pathological)
    if policy.unsettled:
        missed = _("{missed} of {pathological}, and {unsettled} without a settled answer", missed=policy.missed,
                   pathological=policy.pathological, unsettled=policy.unsettled)  # fmt: skip
    bound = _("{share} at {confidence:.0%}, exact", share=triage_parts.percent(policy.bound),
              confidence=policy.confidence)  # fmt: skip
    saved = _("{share}, n = {patients} patients", share=triage_parts.share(policy.cleared),
              patients=policy.cleared.n)  # fmt: skip
    return [
        (_("cleared below"), tag("b", _("P(pathology) {threshold:.4f}", threshold=policy.threshold))),
        (_("upper bound of misses"), bound),
        (_("would be cleared with pathology"), missed),
        (_("reading saved"), saved),
        (_("P(pathology | cleared)"), triage_parts.share(policy.omission)),
        (_("at a prevalence of"), prevalence),
        (_("conformal risk control"), expected),
        (_("holds for"), policy.version),
        (_("made"), words.moment(policy.made_at)),
    ]


def _decide(place: Here, found: TriageStatus) -> None:
    """Make an operating point, and decide on the unread studies."""
    section(_("Decide"))
    settings = place.task.config.triage
    planning = jobs.follow(place.home, jobs.latest_about(place.store, PLAN, task=place.task.name), key="plan")
    latest = jobs.latest_about(place.store, RUN, task=place.task.name)
    running = jobs.follow(place.home, latest, key="run")
    with st.container(horizontal=True, vertical_alignment="bottom", gap="small"):
        miss = st.number_input(_("Cleared of the pathological, % at most"), 0.1, 50.0, 100 * settings.miss, 0.5,
                               format="%.1f", key="triage miss", width=240)  # fmt: skip
        confidence = st.number_input(_("Confidence, %"), 50.0, 99.9, 100 * settings.confidence, 1.0, format="%.1f",
                                     key="triage confidence", width=140)  # fmt: skip
        if st.button(_("Make the operating point"), disabled=planning):
            jobs.ask(place.home, PLAN, task=place.task.name, miss=round(miss / 100, 6),
                     confidence=round(confidence / 100, 6))  # fmt: skip
        if st.button(_("Decide on the unread studies"), type="primary", disabled=running or found.policy is None):
            jobs.ask(place.home, RUN, task=place.task.name)
    if latest is not None and latest.state == JobState.DONE:
        triage_parts.outcome(latest)


def _subgroups(place: Here, policy: TriagePolicy) -> None:
    with failures():
        rows = triage_parts.subgroup_rows(place, policy)
        if not rows:
            return
        section(_("By subgroup, where the calibration patients say enough"))
        heads = [_("Subgroup"), _("With pathology"), _("Would be cleared"), _("Upper bound"), _("Cleared of all"),
                 _("Promise")]  # fmt: skip
        show(tag("div", table(heads, rows, numeric=(1, 2, 3, 4)), cls="c-narrow"))
        show(tone(_("Not assessable: fewer than {fewest} patients with pathology. The bounds stand each for "
                    "itself.", fewest=needed(policy.miss, policy.confidence)), "quiet"))  # fmt: skip
