"""Models: the champion and a candidate side by side, what their comparison rests on, promotion and roll back."""

from __future__ import annotations

from collections.abc import Mapping

import streamlit as st

from data.records import ModelVersion, Part, Round
from models.config import ProfileName
from models.evaluation import Evaluation
from workbench.language import _, n_, told
from workbench.views.parts import (
    jobs,
    model_figures,
    model_plots,
    model_threshold,
    promotion_decide,
    promotion_drift,
    promotion_evidence,
    words,
)
from workbench.views.parts.choice import choose
from workbench.views.parts.context import Here, here
from workbench.views.parts.frame import empty, framed, header, section, show
from workbench.views.parts.markup import Html, chip, join, table, tag


@framed
def page() -> None:
    """Show the champion, and a version beside it."""
    place = here()
    versions, champion = place.store.versions.all(place.task.name), place.champion
    counted = n_("{n} version", "{n} versions", len(versions))
    header(_("Models"), tag("span", f"{_(place.task.title)} · {counted}", cls="c-quiet"))
    if not versions:
        empty(_("No version yet"), _("A version appears here once the task was trained."),
              f"consilium train {place.task.name}")  # fmt: skip
        _train(place)
        return
    said = st.container()
    candidate, topic, measured = _choices(place, versions, champion)
    compared = _compared(place, candidate)
    with said:
        promotion_decide.sentence(place, candidate, compared)
    _sides(place, [side for side in (champion, candidate) if side is not None], champion, measured, topic)
    if topic:
        model_threshold.thresholds(place, measured, topic)
    if measured:
        section(_("Figures on the locked test patients, 95% intervals over patients"))
        left, right = st.columns([1.3, 1], gap="medium")
        with left:
            model_figures.of_question(measured, topic)
        with right:
            model_figures.overall(measured)
    if compared is not None:
        promotion_evidence.evidence(compared, place.task.primary, place.task.config.promotion)
    promotion_drift.drift(place)
    _train(place)
    _history(place)


def evaluation(place: Here, version: str) -> Evaluation | None:
    """How a version does on the locked test patients, as it was kept."""
    raw = place.store.versions.evaluation(version, Part.TEST)
    return None if raw is None else Evaluation.from_dict(raw)


def _choices(
    place: Here, versions: list[ModelVersion], champion: ModelVersion | None
) -> tuple[ModelVersion | None, str, dict[str, Evaluation]]:
    """The version beside the champion, the question, and how both versions were measured."""
    others = {v.version: v for v in versions if champion is None or v.version != champion.version}
    candidate = None
    with st.container(horizontal=True, gap="small"):
        if others:
            candidate = others[choose(_("Beside the champion"), {name: name for name in others}, key="beside",
                                      width=280)]  # fmt: skip
        sides = [side for side in (champion, candidate) if side is not None]
        measured = {s.version: e for s in sides if (e := evaluation(place, s.version)) is not None}
        topics = {one: model_figures.name_of(one) for one in model_plots.topics(measured)}
        topic = choose(_("Question"), topics, key="question", width=360) if topics else ""
    return candidate, topic, measured


def _compared(place: Here, candidate: ModelVersion | None) -> Round | None:
    """The round that compared the candidate or, where none did, the one that compared the champion."""
    compared = {r.candidate: r for r in reversed(place.store.rounds.all(place.task.name)) if r.outcome}
    names = [version.version for version in (candidate, place.champion) if version is not None]
    return next((compared[name] for name in names if name in compared), None)


def _sides(
    place: Here,
    sides: list[ModelVersion],
    champion: ModelVersion | None,
    measured: Mapping[str, Evaluation],
    topic: str,
) -> None:
    """The champion at the left, the candidate at the right: who they are, and their plots."""
    for column, side in zip(st.columns(2, gap="medium"), sides, strict=False):
        found = measured.get(side.version)
        leads = champion is not None and champion.version == side.version
        with column:
            show(_heading(side, found, leads=leads))
            if found is None:
                _measure(place, side)
            elif topic:
                model_plots.plots(side.version, found, topic)


def _heading(version: ModelVersion, found: Evaluation | None, *, leads: bool) -> Html:
    role = chip(_("champion"), "accent") if leads else chip(_("candidate"))
    tiny = version.profile == ProfileName.TINY
    warned = chip(_("tiny: tests the machinery, no figures to trust"), "doubt") if tiny else ""
    origin = version.round_id or _("trained by hand")
    told_of = [_("profile {profile}", profile=version.profile), words.moment(version.created_at), origin]
    told_of += [_("replaces {version}", version=version.parent)] if version.parent else []
    told_of.append(_("not measured yet") if found is None else
                   _("{patients} test patients, {studies} studies", patients=found.patients,
                     studies=found.studies))  # fmt: skip
    return join((
        tag("div", tag("b", version.version), " ", role, " ", warned),
        tag("div", " · ".join(told_of), cls="c-small c-quiet"),
    ))  # fmt: skip


def _measure(place: Here, version: ModelVersion) -> None:
    running = jobs.follow(place.home, jobs.latest_about(place.store, "evaluate", version=version.version))
    if st.button(_("Measure on the test patients"), key=f"measure {version.version}", disabled=running):
        jobs.ask(place.home, "evaluate", task=place.task.name, version=version.version)


def _train(place: Here) -> None:
    section(_("Train by hand"))
    running = jobs.follow(place.home, jobs.latest_about(place.store, "train", task=place.task.name))
    with st.container(horizontal=True, vertical_alignment="bottom", gap="small"):
        profile = st.selectbox(
            _("Profile"), [p.value for p in ProfileName], index=1, key="train profile", width=160
        )
        if st.button(_("Train"), disabled=running):
            jobs.ask(place.home, "train", task=place.task.name, profile=profile)


def _history(place: Here) -> None:
    history = place.store.versions.championships(place.task.name)
    if history:
        section(_("Champions, the newest first"))
        rows = [[c.version, words.moment(c.at), told(c.reason)] for c in history]
        show(table([_("Version"), _("Since (UTC)"), _("Why")], rows))
