"""One study: its pictures at the left; at its side the model's answers, the readers', and where they come from."""

from __future__ import annotations

from collections.abc import Sequence

import streamlit as st

from data.records import Prediction, Study
from workbench.blindness import Sight
from workbench.grades import page_of
from workbench.language import _
from workbench.viewer.shown import Shown
from workbench.views.parts import study_actions, study_choice, study_side, viewer, words
from workbench.views.parts.context import Here, here
from workbench.views.parts.frame import empty, framed, header
from workbench.views.parts.markup import chip, join, tag
from workbench.views.parts.spine_grid import SITE
from workbench.views.parts.study_choice import Chosen
from workbench.views.places import go
from workbench.worklist import neighbours
from workbench.worklist_filter import Filter


@framed
def page() -> None:
    """Show the study that ``?study=`` names."""
    place = here()
    study_id = st.query_params.get("study", "")
    if not study_id:
        header(_("Study"))
        empty(_("No study is chosen"), _("Open one in the worklist, or name it in the address: /study?study=ID"))
        if st.button(_("To the worklist"), type="primary"):
            go("worklist")
        return
    study = place.store.studies.get(study_id)
    sight = place.blindness.sight(study.study_id, study.patient.part)
    following = _head(place, study, sight)
    predictions = _predictions(place, study, sight)
    others = _others(place, study)
    now = study_choice.chosen(place, study, predictions, others)
    shown = _shown(place, study, sight, now)
    left, right = st.columns([1.55, 1], gap="medium")
    with left:
        study_choice.controls(now, predictions, study, others)
        _picture(place, study, sight, now, shown, following)
    with right:
        study_actions.follow(place, study, sight)
        own = [other for other in others if other.patient.patient_id == study.patient.patient_id]
        study_side.side(place, study, sight, now, shown, predictions, own)


def _predictions(place: Here, study: Study, sight: Sight) -> list[Prediction]:
    """Those of the task that may be seen, the newest first."""
    found = place.store.versions.predictions_of(study.study_id) if sight.model else []
    return [p for p in found if p.task == place.task.name]


def _others(place: Here, study: Study) -> list[Study]:
    """The patient's other studies; for the curator another patient's, too, where the address names one."""
    found = place.store.studies.find(patient_id=study.patient.patient_id)
    others = [other for other in found if other.study_id != study.study_id]
    others.sort(key=lambda other: (other.study_date, other.ingested_at), reverse=True)
    named = st.query_params.get(study_choice.BESIDE, "")
    if place.reader is None and named and named not in {study.study_id, *(o.study_id for o in others)}:
        others += place.store.studies.find(study_ids=[named])
    return others


def _shown(place: Here, study: Study, sight: Sight, now: Chosen) -> Shown:
    champion = place.champion
    version = now.shown.version if now.shown else champion.version if champion else ""
    return study_choice.drawn(place, study, sight, version, alone=now.other is not None)


def _picture(
    place: Here, study: Study, sight: Sight, now: Chosen, shown: Shown, following: Sequence[Study]
) -> None:
    """The viewer; a site of the grid brings the page on which it was measured."""
    beside = None
    if now.beside is not None:
        seen = place.blindness.sight(now.beside.study_id, now.beside.patient.part)
        version = now.shown.version if now.shown else ""
        beside = now.beside, study_choice.drawn(place, now.beside, seen, version)
    elif now.other is not None:
        beside = study, study_choice.drawn(place, study, sight, now.other.version, alone=True)
    key, at = "viewer", study_choice.site_named(place.task.form, st.query_params.get(SITE, ""))
    page = page_of(now.shown, at) if at is not None else None
    if at is not None and page is not None:
        key = f"viewer-{at.slug.replace('__', '-')}"
    viewer.picture(place, study, study_choice.on_page(shown, page), beside=beside, key=key, prefetch=following)


def _head(place: Here, study: Study, sight: Sight) -> list[Study]:
    """The head with its buttons. Returns the study that comes next in the worklist, if there is one."""
    filtered = Filter.of_query(st.query_params)
    if place.reader is not None and filtered.of_model:  # an address that a reader may not walk by
        filtered = Filter()
    champion = place.champion
    before, after = neighbours(
        place.store, place.task.name, champion.version if champion else "", filtered, study.study_id,
        modalities=place.task.modalities,
    )  # fmt: skip
    age = _("{years:.0f} y", years=study.age_y) if study.age_y is not None else ""
    said = " · ".join(part for part in (study.modality, study.view, age, study.sex) if part)
    marks = [chip(words.part(study.patient.part))]
    marks += [chip(_("phantom"))] if study.phantom else []
    marks += [chip(_("held"), "doubt")] if study.held else []
    title, buttons = st.columns([2.6, 2.4], vertical_alignment="bottom")
    with title:
        header(study.label, tag("span", said, " ", join(marks, " "), cls="c-quiet"))
    with buttons, st.container(horizontal=True, horizontal_alignment="right", gap="small"):
        study_actions.actions(place, study, sight)
        if st.button(_("Worklist")):
            go("worklist", **filtered.query())
        if st.button(_("Previous"), disabled=not before, shortcut="k"):
            go("study", study=before, **filtered.query())
        if st.button(_("Next"), disabled=not after, shortcut="j"):
            go("study", study=after, **filtered.query())
    return place.store.studies.find(study_ids=[after]) if after else []
