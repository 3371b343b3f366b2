"""One study: its picture at the left; at its side the model's answers, the readers', and where they come from."""

from __future__ import annotations

from collections.abc import Sequence

import streamlit as st

from data.records import Prediction, Study
from models.versions import caution
from workbench.blindness import Sight
from workbench.viewer.shown import Shown, seen
from workbench.views.parts import answers, growth, lineage, record, triage_parts, viewer, words
from workbench.views.parts.context import Here, here
from workbench.views.parts.frame import empty, failures, framed, header, note, section, show
from workbench.views.parts.markup import bar, chip, facts, join, table, tag, tone
from workbench.views.places import go
from workbench.worklist import Filter, neighbours


@framed
def page() -> None:
    """Show the study that ``?study=`` names."""
    place = here()
    study_id = st.query_params.get("study", "")
    if not study_id:
        empty("No study is chosen", "Open one in the worklist, or name it in the address: /study?study=ID")
        if st.button("To the worklist", type="primary"):
            go("worklist")
        return
    study = place.store.studies.get(study_id)
    sight = place.blindness.sight(study.study_id, study.patient.part)
    _head(place, study)
    predictions = [p for p in place.store.versions.predictions_of(study_id) if p.task == place.task.name]
    champion = place.champion
    shown = next((p for p in predictions if champion and p.version == champion.version), None)
    shown = (shown or next(iter(predictions), None)) if sight.model else None
    left, right = st.columns([1.55, 1], gap="medium")
    with left:
        viewer.picture(place, study, _shown(place, study, sight))
    with right:
        _side(place, study, sight, shown, predictions if sight.model else [])


def _shown(place: Here, study: Study, sight: Sight) -> Shown:
    """What is drawn over the pictures."""
    version = place.champion.version if place.champion else ""
    own = place.reader.reader_id if place.reader else ""
    return seen(place.store, place.task.name, version, study, sight, own=own)


def _head(place: Here, study: Study) -> None:
    filtered = Filter.of_query(st.query_params)
    champion = place.champion
    before, after = neighbours(
        place.store, place.task.name, champion.version if champion else "", filtered, study.study_id,
        modalities=place.task.modalities,
    )  # fmt: skip
    about = [study.modality, study.view, f"{study.age_y:.0f} y" if study.age_y is not None else "", study.sex]
    said = " · ".join(part for part in about if part)
    marks = [chip(words.PARTS[study.patient.part])]
    marks += [chip("phantom")] if study.phantom else []
    marks += [chip("held", "doubt")] if study.held else []
    title, buttons = st.columns([4, 1.7], vertical_alignment="bottom")
    with title:
        header(study.label, tag("span", said, " ", join(marks, " "), cls="c-quiet"))
    with buttons, st.container(horizontal=True, horizontal_alignment="right", gap="small"):
        if st.button("Worklist"):
            go("worklist", **filtered.query())
        if st.button("Previous", disabled=not before, shortcut="k"):
            go("study", study=before, **filtered.query())
        if st.button("Next", disabled=not after, shortcut="j"):
            go("study", study=after, **filtered.query())


def _side(
    place: Here, study: Study, sight: Sight, shown: Prediction | None, predictions: Sequence[Prediction]
) -> None:
    if study.held:
        record.hold(place, study)
    if sight.why:
        note(sight.why)
    if sight.model:
        section("Model's answer")
        _model(place, shown)
        if shown is not None:
            _caution(place, study, shown)
            growth.since(place, study, shown)
        triage_parts.decision(place, study)
        _reason(place, study)
    record.readers(place, study, sight)
    if sight.others:
        record.consensus(place, study)
    if len(predictions) > 1:
        section("Versions over time")
        _versions(place, predictions)
    section("Lineage")
    record.lineage(place, study)
    lineage.where_from(place, study)


def _model(place: Here, shown: Prediction | None) -> None:
    if shown is None:
        champion = place.champion
        missing = "No version has predicted this study." if champion else "The task has no champion yet."
        command = f"consilium {'predict' if champion else 'train'} {place.task.name}"
        show(tone(missing, "quiet"), " ", tag("code", command))
        return
    champion = place.champion
    role = "champion" if champion and champion.version == shown.version else "not the champion"
    doubt = join((bar(shown.uncertainty), f"{shown.uncertainty:.2f}"))
    show(
        answers.model_answers(place.task.form, shown),
        facts([("version", join((shown.version, " ", chip(role)))), ("uncertainty", doubt),
               ("predicted", words.moment(shown.created_at))]),
    )  # fmt: skip
    if shown.measured:
        show(answers.measured(shown))


def _caution(place: Here, study: Study, shown: Prediction) -> None:
    """That the version knows phantoms alone; a version whose files are damaged says so here, and hides no more."""
    with failures():
        said = caution(place.blobs, place.store.versions.get(shown.version), study)
        if said:
            note(said, "doubt")


def _reason(place: Here, study: Study) -> None:
    """Why it is, or was, in a batch."""
    for current in place.store.rounds.all(place.task.name):
        found = next((i for i in place.store.rounds.batch(current.round_id).items if i.study_id == study.study_id),
                     None)  # fmt: skip
        if found is not None:
            section("Why it is in the queue")
            chips = join((chip(f"round {current.number}"), chip(words.PURPOSES[found.purpose]),
                          answers.mode_chip(found.mode)), " ")  # fmt: skip
            show(tag("p", found.reason, style="margin:2px 0 6px"), chips)
            return


def _versions(place: Here, predictions: Sequence[Prediction]) -> None:
    rows = [
        [
            tag("span", p.version, cls="c-nowrap"),
            answers.in_line(place.task.form, p.results),
            f"{p.uncertainty:.2f}",
            tag("span", words.day(p.created_at), cls="c-nowrap"),
        ]
        for p in predictions
    ]
    show(table(["Version", "Answer, P calibrated", "Uncertainty", "Made"], rows))
