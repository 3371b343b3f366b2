"""Curation: a finding's training set by a rule, the flow of exclusions, and the reports behind them."""

from __future__ import annotations

from typing import Any

import streamlit as st

from data.curation.flow import Curated
from data.curation.rule import CurationRule
from data.curation.terms import load_terms
from data.errors import NotFoundError
from data.tables.curations import KeptCuration
from workbench.curating import TASK, config, marked_report, new_rule
from workbench.language import N_, _, n_
from workbench.views.parts import jobs, words
from workbench.views.parts.choice import choose
from workbench.views.parts.context import Here, here
from workbench.views.parts.curation_words import STEPS, reason
from workbench.views.parts.frame import empty, failures, framed, header, note, section, show
from workbench.views.parts.markup import chip, facts, join, table, tag, tone
from workbench.views.parts.rows import rows
from workbench.views.parts.study_report import marked

MOST = 200
"""Rows of a list."""
SEXES = {"": N_("all"), "F": N_("women"), "M": N_("men")}
OPENED, WANTED = "curation report", "curation wanted"
"""The study whose report is open, and the set to show once it is drawn."""


@framed
def page() -> None:
    """Show a curated set, and make one."""
    place = here()
    kept = place.store.curations.all(TASK)
    findings = n_("training sets of {n} finding", "training sets of {n} findings", len(config().findings))
    counted = _("{n} kept", n=len(kept))
    header(_("Curation"), tag("span", f"{findings} · {counted}", cls="c-quiet"))
    left, right = st.columns([1, 2.1], gap="large")
    with left:
        _make(place, {k.name: k for k in kept})
    with right:
        if not kept:
            empty(_("No set yet"), _("A set appears here once a rule has drawn it from reports and labels."),
                  "consilium curate run hearts --finding enlarged_heart")  # fmt: skip
            return
        by_name = {k.name: k for k in kept}
        if st.session_state.get(WANTED) in by_name:
            st.session_state["set"] = st.session_state.pop(WANTED)
        chosen = by_name[choose(_("Set"), {name: name for name in by_name}, key="set", width=320)]
        _set(place, chosen)


def _make(place: Here, kept: dict[str, KeptCuration]) -> None:
    section(_("Make a set"))
    running = jobs.follow(place.home, jobs.latest_about(place.store, "curate"))
    findings = {name: _(finding.title) for name, finding in config().findings.items()}
    with st.form("rule", border=False):
        name = st.text_input(_("Name"), placeholder="hearts-women", help=_("lower-case letters, digits, - and _"))
        finding = st.selectbox(_("Finding"), list(findings), format_func=findings.__getitem__)
        sex = st.segmented_control(_("Sex"), list(SEXES), default="", required=True,
                                   format_func=lambda one: _(SEXES[one]))  # fmt: skip
        low, high = st.slider(_("Age, years"), 0, 120, (0, 120))
        ratio = st.number_input(_("Negatives for each positive (0: all)"), 0.0, 20.0, 1.0, 0.5)
        seed = st.number_input(_("Seed of the draw"), 0, 2**31, 0)
        stated = st.checkbox(_("A negative report must say that the radiograph is normal"))
        quality = st.checkbox(_("Leave out what is technically unfit"), value=True)
        sent = st.form_submit_button(_("Draw and keep"), type="primary", disabled=running)
    if sent and finding is not None:
        with failures():
            changes: dict[str, Any] = {"sexes": (sex,) if sex else (), "normal_statement": stated,
                                       "seed": int(seed), "negatives_per_positive": ratio or None}  # fmt: skip
            if (low, high) != (0, 120):
                changes["age_y"] = (float(low) if low else None, float(high) if high < 120 else None)
            if not quality:
                changes["quality"] = {}
            _ask(place, new_rule(name.strip(), finding, load_terms(), **changes))
    if kept:
        with st.container(horizontal=True, vertical_alignment="bottom", gap="small"):
            again = st.selectbox(_("A rule that is there"), list(kept), width=200)
            if st.button(_("Draw again"), disabled=running) and again is not None:
                _ask(place, kept[again].curated.rule)


def _ask(place: Here, rule: CurationRule) -> None:
    """Refuse a name that stands for another rule at once; else ask for the work."""
    place.store.curations.check(TASK, rule)
    st.session_state[WANTED] = rule.name
    jobs.ask(place.home, "curate", rule=rule.as_json())


def _set(place: Here, kept: KeptCuration) -> None:
    curated = kept.curated
    show(
        tag("div", tag("b", words.short(curated.rule.finding)), " ",
            chip(_("{n} with", n=len(curated.positives)), "accent"), " ",
            chip(_("{n} without", n=len(curated.negatives)))),
        facts([(_("drawn"), words.moment(kept.created_at)), (_("rule"), _rule(curated.rule))]),
    )  # fmt: skip
    section(_("Flow of exclusions, studies"))
    body = [
        [tag("span", _(STEPS[step.step]), cls="c-nowrap"), step.given, step.excluded or "", step.left,
         join((chip(f"{reason(r.reason)}: {r.count}") for r in step.reasons), " ")]
        for step in curated.steps
    ]  # fmt: skip
    show(table([_("Step"), _("In"), _("Left out"), _("Left"), _("Why")], body, numeric=(1, 2, 3)))
    section(_("By part"))
    parts = [[words.part(c.part), c.positives, c.negatives, c.patients] for c in curated.parts]
    heads = [_("Part"), _("With"), _("Without"), _("Patients")]
    show(tag("div", table(heads, parts, numeric=(1, 2, 3)), cls="c-narrow"))
    if curated.across_patients:
        pairs = n_(
            "{n} pair of near-duplicates belongs to two patients.",
            "{n} pairs of near-duplicates belong to two patients.",
            len(curated.across_patients),
        )
        note(pairs, "doubt")
    _left_out(place, curated)


def _rule(rule: CurationRule) -> str:
    """What a rule asks for, in words."""
    low, high = rule.age_y
    ages = _("{low:g} to {high:g} years", low=low or 0, high=high) if high is not None else (
        _("{low:g} years or more", low=low) if low else "")  # fmt: skip
    ratio = rule.negatives_per_positive
    said = [
        ", ".join(_(SEXES[sex]) for sex in rule.sexes),
        ages,
        ", ".join(rule.views),
        "; ".join(f"{words.short(q)}: {', '.join(map(words.short, a))}" for q, a in rule.quality.items()),
        n_("without {n} confounder", "without {n} confounders", len(rule.confounders)),
        _("all negatives") if ratio is None else _("negatives for each positive: {ratio:g}", ratio=ratio),
        _("seed {seed}", seed=rule.seed),
    ]
    return " · ".join(part for part in said if part)


def _left_out(place: Here, curated: Curated) -> None:
    """The studies that a step left out, and the report of the one that is opened."""
    steps = {s.step.value: _(STEPS[s.step]) for s in curated.steps if s.excluded}
    section(_("Left out"))
    if not steps:
        show(tone(_("Nothing was left out."), "quiet"))
        return
    chosen = choose(_("Step"), steps, key="step", width=320)
    gone = [one for one in curated.exclusions if one.step.value == chosen]
    labels = {s.study_id: s.label for s in place.store.studies.find(study_ids=[o.study_id for o in gone[:MOST]])}
    left, right = st.columns([1, 1.2], gap="medium")
    with left:
        body = [[labels.get(one.study_id, _("deleted")), reason(one.reason)] for one in gone[:MOST]]
        opened = rows(table([_("Study"), _("Why")], body, opens=[one.study_id for one in gone[:MOST]]), key="gone")
        if len(gone) > MOST:
            show(tone(_("and {n} more", n=len(gone) - MOST), "quiet"))
        if opened:
            st.session_state[OPENED] = opened
    with right:
        study_id = st.session_state.get(OPENED, "")
        if study_id not in {one.study_id for one in gone}:
            study_id = gone[0].study_id
        _report(place, study_id, labels.get(study_id, _("deleted")))


def _report(place: Here, study_id: str, label: str) -> None:
    """A report with its matches in colour and in words."""
    link = tag("a", label, href=f"/study?study={study_id}", target="_blank")
    show(tag("span", _("Report"), " · ", link, cls="c-small c-quiet"))
    try:
        found = marked_report(place.store, study_id)
    except NotFoundError:
        show(tone(_("No report is kept of this study."), "quiet"))
        return
    show(marked(found))
