"""How far the readers of a round agree, question by question."""

from __future__ import annotations

import streamlit as st

from active_learning.agreement import Scale, band
from active_learning.panel import panel
from active_learning.ratings import ratings_of
from data.answers import Grade
from data.records import Metric, Round
from workbench.views.parts import words
from workbench.views.parts.context import Here
from workbench.views.parts.frame import section, show
from workbench.views.parts.markup import table, tag

HEADS = ("Asked", "Reads", "Readers agree", "Fleiss' kappa", "Krippendorff's alpha", "Gwet's AC1")
DRAWS = 500
"""Resamples of the patients for an interval."""


def of_round(place: Here, current: Round) -> None:
    """A table of the independent reads of a round; nothing where no case has two."""
    reads = place.store.reads.annotations(place.task.name, round_id=current.round_id)
    stamp = max(((a.created_at, a.revision) for a in reads), default=("", 0))
    rows = _rows(place, str(place.home.path), current.round_id, f"{len(reads)} {stamp}")
    if rows:
        section("Agreement")
        show(
            table(list(HEADS), [list(row) for row in rows], numeric=(1,)),
            tag("p", "Independent reads alone, with 95% intervals over patients.", cls="c-small c-quiet"),
        )


@st.cache_data(show_spinner=False, max_entries=64)
def _rows(_place: Here, home: str, round_id: str, stamp: str) -> list[tuple[str, ...]]:
    """The rows; home and round are the cache's key, and ``stamp``, which changes when a read comes or changes."""
    form, store = _place.task.form, _place.store
    reads = store.reads.annotations(_place.task.name, round_id=round_id)
    studies = store.studies.find(study_ids={read.study_id for read in reads})
    owners = {study.study_id: study.patient.patient_id for study in studies}
    rows = []
    for (question, label), ratings in ratings_of(reads, form, patients=owners).items():
        scale = Scale.ORDINAL if isinstance(form[question].kind, Grade) else Scale.NOMINAL
        found = panel(label or question, ratings, scale, draws=DRAWS)
        if found.several:
            figures = [found.figures.get(name) for name in ("fleiss_kappa", "krippendorff_alpha", "gwet_ac1")]
            share = found.figures["percent_agreement"]
            said = words.short(label or question)
            rows.append((said, str(found.reads), f"{100 * share.value:.0f}%", *map(_told, figures)))
    return rows


def _told(figure: Metric | None) -> str:
    if figure is None:
        return "—"
    spread = "" if figure.low is None else f" ({figure.low:.2f} to {figure.high:.2f})"
    return f"{figure.value:.2f}{spread}, {band(figure.value)}"
