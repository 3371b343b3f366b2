"""Curation: a finding's training set by a rule, the flow of exclusions, and the reports behind them."""

from __future__ import annotations

from typing import Any

import streamlit as st

from data.curation.cues import Status
from data.curation.flow import Curated
from data.curation.rule import CurationRule
from data.curation.terms import load_terms
from data.errors import NotFoundError
from data.tables.curations import KeptCuration
from workbench.curating import TASK, config, marked_report, new_rule
from workbench.views.parts import jobs, words
from workbench.views.parts.choice import choose
from workbench.views.parts.context import Here, here
from workbench.views.parts.frame import empty, failures, framed, header, note, section, show
from workbench.views.parts.markup import Html, chip, facts, join, table, tag, tone
from workbench.views.parts.rows import rows

TONES = {Status.PRESENT: "wrong", Status.ABSENT: "good"}
"""The colours of matches; others are in doubt. The word behind a match says the same."""
MOST = 200
"""Rows of a list."""
SEXES = {"": "all", "F": "women", "M": "men"}
OPENED, WANTED = "curation report", "curation wanted"
"""The study whose report is open, and the set to show once it is drawn."""


@framed
def page() -> None:
    """Show a curated set, and make one."""
    place = here()
    kept = place.store.curations.all(TASK)
    said = f"training sets of {len(config().findings)} findings · {len(kept)} kept"
    header("Curation", tag("span", said, cls="c-quiet"))
    left, right = st.columns([1, 2.1], gap="large")
    with left:
        _make(place, {k.name: k for k in kept})
    with right:
        if not kept:
            empty("No set yet", "A set appears here once a rule has drawn it from reports and labels.",
                  "consilium curate run hearts --finding enlarged_heart")  # fmt: skip
            return
        by_name = {k.name: k for k in kept}
        if st.session_state.get(WANTED) in by_name:
            st.session_state["set"] = st.session_state.pop(WANTED)
        chosen = by_name[choose("Set", {name: name for name in by_name}, key="set", width=320)]
        _set(place, chosen)


def _make(place: Here, kept: dict[str, KeptCuration]) -> None:
    section("Make a set")
    running = jobs.follow(place.home, jobs.latest_about(place.store, "curate"))
    findings = {name: finding.title for name, finding in config().findings.items()}
    with st.form("rule", border=False):
        name = st.text_input("Name", placeholder="hearts-women", help="lower-case letters, digits, - and _")
        finding = st.selectbox("Finding", list(findings), format_func=findings.__getitem__)
        sex = st.segmented_control("Sex", list(SEXES), default="", format_func=SEXES.__getitem__, required=True)
        low, high = st.slider("Age, years", 0, 120, (0, 120))
        ratio = st.number_input("Negatives for each positive (0: all)", 0.0, 20.0, 1.0, 0.5)
        seed = st.number_input("Seed of the draw", 0, 2**31, 0)
        stated = st.checkbox("A negative report must say that the radiograph is normal")
        quality = st.checkbox("Leave out what is technically unfit", value=True)
        sent = st.form_submit_button("Draw and keep", type="primary", disabled=running)
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
            again = st.selectbox("A rule that is there", list(kept), width=200)
            if st.button("Draw again", disabled=running) and again is not None:
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
            chip(f"{len(curated.positives)} with", "accent"), " ", chip(f"{len(curated.negatives)} without")),
        facts([("drawn", words.moment(kept.created_at)), ("rule", _rule(curated.rule))]),
    )  # fmt: skip
    section("Flow of exclusions, studies")
    body = [
        [tag("span", step.title, cls="c-nowrap"), step.given, step.excluded or "", step.left,
         join((chip(f"{words.short(r.reason)}: {r.count}") for r in step.reasons), " ")]
        for step in curated.steps
    ]  # fmt: skip
    show(table(["Step", "In", "Left out", "Left", "Why"], body, numeric=(1, 2, 3)))
    section("By part")
    parts = [[words.PARTS[c.part], c.positives, c.negatives, c.patients] for c in curated.parts]
    show(tag("div", table(["Part", "With", "Without", "Patients"], parts, numeric=(1, 2, 3)), cls="c-narrow"))
    if curated.across_patients:
        note(f"{len(curated.across_patients)} pairs of near-duplicates belong to two patients.", "doubt")
    _left_out(place, curated)


def _rule(rule: CurationRule) -> str:
    """What a rule asks for, in words."""
    low, high = rule.age_y
    ages = f"{low or 0:g} to {high:g} years" if high is not None else f"{low:g} years or more" if low else ""
    ratio = rule.negatives_per_positive
    said = [
        " or ".join(SEXES[sex] for sex in rule.sexes),
        ages,
        ", ".join(rule.views),
        "; ".join(f"{words.short(q)} {' or '.join(a)}" for q, a in rule.quality.items()),
        f"without {len(rule.confounders)} confounders",
        "all negatives" if ratio is None else f"negatives for each positive: {ratio:g}",
        f"seed {rule.seed}",
    ]
    return " · ".join(part for part in said if part)


def _left_out(place: Here, curated: Curated) -> None:
    """The studies that a step left out, and the report of the one that is opened."""
    steps = {s.step.value: s.title for s in curated.steps if s.excluded}
    section("Left out")
    if not steps:
        show(tone("Nothing was left out.", "quiet"))
        return
    chosen = choose("Step", steps, key="step", width=320)
    gone = [one for one in curated.exclusions if one.step.value == chosen]
    labels = {s.study_id: s.label for s in place.store.studies.find(study_ids=[o.study_id for o in gone[:MOST]])}
    left, right = st.columns([1, 1.2], gap="medium")
    with left:
        body = [[labels.get(one.study_id, "deleted"), words.short(one.reason)] for one in gone[:MOST]]
        opened = rows(table(["Study", "Why"], body, opens=[one.study_id for one in gone[:MOST]]), key="gone")
        if len(gone) > MOST:
            show(tone(f"and {len(gone) - MOST} more", "quiet"))
        if opened:
            st.session_state[OPENED] = opened
    with right:
        study_id = st.session_state.get(OPENED, "")
        if study_id not in {one.study_id for one in gone}:
            study_id = gone[0].study_id
        _report(place, study_id, labels.get(study_id, "deleted"))


def _report(place: Here, study_id: str, label: str) -> None:
    """A report with its matches in colour and in words."""
    link = tag("a", label, href=f"/study?study={study_id}", target="_blank")
    show(tag("span", "Report of ", link, cls="c-small c-quiet"))
    try:
        found = marked_report(place.store, study_id)
    except NotFoundError:
        show(tone("No report is kept of this study.", "quiet"))
        return
    pieces: list[Html | str] = []
    for segment in found.segments:
        if segment.concept is None or segment.status is None:
            pieces.append(segment.text)
            continue
        look = TONES.get(segment.status, "doubt")
        said = f" ({words.short(segment.concept)}: {segment.status.value})"
        pieces.append(join((tag("b", segment.text, cls=f"c-{look}"), tag("span", said, cls="c-small c-quiet"))))
    show(tag("div", *pieces, cls="c-panel"))
