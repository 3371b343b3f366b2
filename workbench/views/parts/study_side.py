"""What stands beside a study's pictures: the answer first, where it all comes from last."""

from __future__ import annotations

from collections.abc import Sequence

import streamlit as st

from active_learning.reader_reasons import InShort, in_short
from data.records import Prediction, Study
from models.versions import caution
from workbench.blindness import Sight
from workbench.grades import grid_of
from workbench.language import _, n_, told
from workbench.viewer.shown import Shown
from workbench.views.parts import (
    answers,
    growth,
    lineage,
    record,
    spine_grid,
    study_log,
    study_report,
    study_standard,
    study_versions,
    triage_parts,
    words,
)
from workbench.views.parts.conformal_sets import Sets, sets_for
from workbench.views.parts.context import Here
from workbench.views.parts.frame import failures, note, section, show
from workbench.views.parts.markup import bar, chip, facts, join, tag, tone
from workbench.views.parts.study_choice import Chosen

MANY = 12
"""Measurements from which on they are folded."""


def side(
    place: Here, study: Study, sight: Sight, now: Chosen, shown: Shown, predictions: Sequence[Prediction],
    others: Sequence[Study],
) -> None:  # fmt: skip
    """Everything that may be known of a study.

    Parameters
    ----------
    now:
        What the address names.
    shown:
        What is drawn over its pictures.
    predictions:
        Those that may be seen, the newest first.
    others:
        The patient's other studies, the newest first.
    """
    if study.held:
        record.held(place, study)
    if sight.why:
        note(_(sight.why))
    _answer(place, study, sight, now.shown, shown)
    if now.other is not None:
        section(_("{version}, beside it", version=now.other.version))
        show(answers.model_answers(place.task.form, now.other, sets_for(place.store, place.task.form, now.other)))
    if sight.model:
        _reason(place, study)
        triage_parts.decision(place, study)
    if now.shown is not None:
        _measured(now.shown)
        growth.since(place, study, now.shown)
    record.readers(place, study, sight)
    study_versions.versions(place, predictions, now.shown)
    study_report.report(place, study)
    if sight.others:
        study_standard.standard(place, study)
    _others(study, others)
    lineage.origin(study)
    lineage.where_from(place, study)
    study_log.history(place, study)


def _answer(place: Here, study: Study, sight: Sight, prediction: Prediction | None, shown: Shown) -> None:
    grid = grid_of(place.task.form, shown)
    if sight.model:
        section(_("Model's answer"))
        if prediction is None:
            _missing(place)
    if grid is not None:
        if not sight.model:
            section(_("Your grades"))
        spine_grid.grid(place, grid, shown)
    if prediction is None:
        return
    champion = place.champion
    sets = sets_for(place.store, place.task.form, prediction)
    role = _("champion") if champion and champion.version == prediction.version else _("not the champion")
    doubt = join((bar(prediction.uncertainty), f"{prediction.uncertainty:.2f}"))
    show(
        answers.model_answers(place.task.form, prediction, sets, without=grid.questions if grid else ()),
        facts([(_("version"), join((prediction.version, " ", chip(role)))), (_("uncertainty"), doubt),
               (_("predicted"), words.moment(prediction.created_at))]),
    )  # fmt: skip
    _sets(place, prediction, sets)
    _caution(place, study, prediction)


def _missing(place: Here) -> None:
    champion = place.champion
    missing = _("No version has predicted this study.") if champion else _("The task has no champion yet.")
    command = f"consilium {'predict' if champion else 'train'} {place.task.name}"
    show(tone(missing, "quiet"), " ", tag("code", command))


def _sets(place: Here, prediction: Prediction, sets: Sets) -> None:
    """Where the sets stand, or how they are got."""
    asked = {question for question, _label, _site in sets.by_topic}
    grid_only = [r for r in prediction.results if r.question in asked and r.site.key.startswith("level:")]
    if not sets:
        said = _("No prediction sets: none were calibrated for this version.")
        show(tag("div", tone(said, "quiet"), " ", tag("code", f"consilium triage plan {place.task.name}"),
                 cls="c-small"))  # fmt: skip
    elif grid_only:
        with st.expander(_("Prediction sets, level by level")):
            pairs = [(answers.where(r.question, words.site(r.site)), sets.told(r.question, r.site))
                     for r in grid_only]  # fmt: skip
            show(facts(pairs))


def _caution(place: Here, study: Study, prediction: Prediction) -> None:
    """That the version knows phantoms alone; a version whose files are damaged says so here, and hides no more."""
    with failures():
        said = caution(place.blobs, place.store.versions.get(prediction.version), study)
        if said:
            note(told(said), "doubt")


def _reason(place: Here, study: Study) -> None:
    """Why it is, or was, in a batch."""
    for current in place.store.rounds.all(place.task.name):
        batch = place.store.rounds.batch(current.round_id)
        found = next((item for item in batch.items if item.study_id == study.study_id), None)
        if found is not None:
            section(_("Why it is in the queue"))
            chips = join((chip(_("round {number}", number=current.number)), chip(_(words.PURPOSES[found.purpose])),
                          answers.mode_chip(found.mode)), " ")  # fmt: skip
            short = in_short(found.reason) if place.reader else InShort(found.reason, "")
            show(tag("p", told(short.words), title=told(short.whole), style="margin:2px 0 6px"), chips)
            return


def _measured(prediction: Prediction) -> None:
    if not prediction.measured:
        return
    section(_("Measurements"))
    if len(prediction.measured) <= MANY:
        show(answers.measured(prediction))
        return
    with st.expander(n_("{n} measurement", "{n} measurements", len(prediction.measured))):
        show(answers.measured(prediction))


def _others(study: Study, others: Sequence[Study]) -> None:
    """The patient's earlier and later studies; the choice above the pictures puts one beside."""
    if not others:
        return
    section(_("Other studies of the patient"))
    rows = [
        tag("div", tag("a", f"{other.modality} {other.view}".strip(), href=f"/study?study={other.study_id}"), " ",
            tag("span", growth.apart(study, other), cls="c-quiet"))
        for other in others
    ]  # fmt: skip
    show(*rows, tag("p", _("“Beside it” above the pictures shows one beside this study."), cls="c-small c-quiet"))
