"""How far readers agree, question by question: as a table of a round, and as a plot of all that was measured."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence

import streamlit as st

from active_learning.agreement import Scale
from active_learning.overview import Asked, Overview
from active_learning.panel import Figures, panel
from active_learning.ratings import ratings_of
from data.answers import Grade
from data.records import Metric, Round
from workbench.language import N_, _, language, n_
from workbench.theme import palette
from workbench.views.parts import words
from workbench.views.parts.agreement_plot import Dot, banded, cell, dot_heads, dot_rows, dots
from workbench.views.parts.choice import switch
from workbench.views.parts.context import Here
from workbench.views.parts.download import Cell, csv_button
from workbench.views.parts.frame import section, show
from workbench.views.parts.markup import Html, table, tag, tone
from workbench.views.parts.plot import plot
from workbench.views.parts.segments import segments

HEADS = (N_("Asked"), N_("Reads"), N_("Readers agree"), N_("Fleiss' kappa"), N_("Krippendorff's alpha"),
         N_("Gwet's AC1"))  # fmt: skip
DRAWS = 500
"""Resamples of the patients for an interval."""
COEFFICIENTS = {
    "krippendorff_alpha": N_("Krippendorff's alpha"), "fleiss_kappa": N_("Fleiss' kappa"),
    "gwet_ac1": N_("Gwet's AC1"), "percent_agreement": N_("Percent agreement"),
}  # fmt: skip
_CSV = ("reads", "asked", "level", "figure", "value", "low", "high", "patients", "items",
        "items_with_several_reads", "answers")  # fmt: skip


def of_round(place: Here, current: Round) -> None:
    """A table of the independent reads of a round; nothing where no case has two."""
    reads = place.store.reads.annotations(place.task.name, round_id=current.round_id)
    stamp = max(((a.created_at, a.revision) for a in reads), default=("", 0))
    rows = _rows(place, str(place.home.path), current.round_id, f"{len(reads)} {stamp}", language())
    if rows:
        section(_("Agreement"))
        show(
            table([_(head) for head in HEADS], [list(row) for row in rows], numeric=(1,)),
            tag("p", _("Independent reads alone, with 95% intervals over patients."), cls="c-small c-quiet"),
        )


@st.cache_data(show_spinner=False, max_entries=64)
def _rows(_place: Here, home: str, round_id: str, stamp: str, spoken: str) -> list[tuple[str, ...]]:
    """The rows; home, round and language are the cache's key, and ``stamp``, which changes when a read does."""
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
            rows.append((said, str(found.reads), f"{100 * share.value:.0f}%", *map(_banded, figures)))
    return rows


def measured(overview: Overview) -> None:
    """The plot of one coefficient, a row a question, with its table and what was read with the model in view."""
    section(_("Agreement of the readers, 95% intervals over patients"))
    several = [one for one in overview.asked if one.panel.several]
    if not several:
        show(tone(_("No case has two independent reads yet: there is nothing to agree on."), "quiet"))
        return
    names = names_of(overview.asked)
    named = {name: _(words_) for name, words_ in COEFFICIENTS.items()}
    chosen = segments(_("Coefficient"), named, key="coefficient", default="krippendorff_alpha")
    levels = any(one.levels for one in several) and switch(_("Level by level"), key="levels")
    rows = [row for one in several for row in _dots(one, names[one.view.name], chosen, levels=levels)]
    banded = chosen != "percent_agreement"
    plot(dots(rows, bands=banded, title=_(COEFFICIENTS[chosen])), key="agreement",
         alt=_("{figure} by question, with intervals", figure=_(COEFFICIENTS[chosen])),
         heads=dot_heads(_("Question")), rows=dot_rows(rows))  # fmt: skip
    if any(row.metric is None for row in rows):
        show(tag("p", _("— where every answer was the same: a coefficient beyond chance is undefined there."),
                 cls="c-small c-quiet"))  # fmt: skip
    with st.expander(n_("Table ({n} row)", "Table ({n} rows)", len(rows))):
        show(_table(several, names, levels=levels))
        csv_button(f"agreement-{overview.round_id or overview.task}", _CSV, _csv(overview))
    _assisted(overview, names)


def _dots(one: Asked, name: str, chosen: str, *, levels: bool) -> list[Dot]:
    """The row of a question, and below it a row a level where they are asked for."""
    below = [
        Dot(f"{name} {level}", figures.get(chosen), _("both sides together"), palette().quiet)
        for level, figures in one.levels.items()
        if levels
    ]
    return [Dot(name, one.panel.figures.get(chosen), _about(one, chosen)), *below]


def names_of(asked: Sequence[Asked]) -> dict[str, str]:
    """By the view's name, what people see: a finding alone where no other question has it."""
    seen = Counter(one.view.label or one.view.question for one in asked)
    return {
        one.view.name: words.short(short if seen[short] == 1 else f"{one.view.question}: {short}")
        for one in asked
        for short in [one.view.label or one.view.question]
    }


def _about(one: Asked, chosen: str) -> str:
    found = one.panel
    metric = found.figures.get(chosen)
    called = "" if metric is None or chosen == "percent_agreement" else f"{banded(metric.value)}<br>"
    return called + _("{reads} reads of {items} items, {patients} patients", reads=found.reads, items=found.items,
                      patients=found.patients)  # fmt: skip


def _assisted(overview: Overview, names: dict[str, str]) -> None:
    shown = [one for one in overview.assisted if one.panel.several]
    if not shown:
        return
    with st.expander(_("Read with the model's answer in view ({n} rows)", n=len(shown))):
        show(
            tag("p", _("These reads count for no figure above: a shown answer pulls readers together, and towards "
                       "the model."), cls="c-small c-quiet"),
            _table(shown, names | names_of(shown), levels=False),
        )  # fmt: skip


def _table(asked: Sequence[Asked], names: dict[str, str], *, levels: bool) -> Html:
    heads = [_("Asked"), _("Items"), _("Answers"), _("Not given"), _("Patients"), *map(_, COEFFICIENTS.values())]
    body = []
    for one in asked:
        found, name = one.panel, names[one.view.name]
        body.append([name, found.several, found.reads, found.gaps, found.patients, *_cells(found.figures)])
        for level, figures in one.levels.items() if levels else ():
            patients = max((metric.n for metric in figures.values()), default=0)
            body.append([tag("span", f"{name} {level}", cls="c-quiet"), "", "", "", patients, *_cells(figures)])
    return table(heads, body, numeric=(1, 2, 3, 4))


def _cells(figures: Figures) -> list[Html]:
    found = [(name, figures.get(name)) for name in COEFFICIENTS]
    return [
        cell(m, "" if m is None or name == "percent_agreement" else f", {banded(m.value)}") for name, m in found
    ]


def _csv(overview: Overview) -> Iterator[tuple[Cell, ...]]:
    for mode, asked in (("independent", overview.asked), ("assisted", overview.assisted)):
        for one in asked:
            counts = one.panel.items, one.panel.several, one.panel.reads
            for name, m in one.panel.figures.items():
                yield mode, one.view.name, "", name, m.value, m.low, m.high, m.n, *counts
            for level, figures in one.levels.items():
                for name, m in figures.items():
                    yield mode, one.view.name, level, name, m.value, m.low, m.high, m.n, None, None, None


def _banded(figure: Metric | None) -> str:
    return "—" if figure is None else f"{words.with_interval(figure)}, {banded(figure.value)}"
