"""Data, what is in: patients by part, classes by part, studies by modality and view."""

from __future__ import annotations

from collections.abc import Sequence

import streamlit as st

from data.holdings import MEASURED, ClassCount, Holdings
from data.records import Part
from workbench.language import _, n_, number
from workbench.theme import palette
from workbench.views.parts import charts, data_counts, words
from workbench.views.parts.context import Here
from workbench.views.parts.download import Cell
from workbench.views.parts.frame import empty, section, show
from workbench.views.parts.markup import table, tag, tone
from workbench.views.parts.plot import plot

SCARCE = 5
"""A class with fewer patients in a part cannot be judged there."""


def overview(place: Here, found: Holdings) -> None:
    """Show what came in, in numbers."""
    if not found.studies:
        nothing()
        return
    _parts(found)
    section(_("Reference standard: {task}", task=_(place.task.title)))
    counted = data_counts.classes(place)
    if counted:
        _classes(place, counted)
    else:
        show(tone(_("No labels yet. They come with an import, or from the readers' consensus:"), "quiet"), " ",
             tag("code", "consilium ingest FOLDER --labels labels.csv"))  # fmt: skip
    _views(place)


def nothing() -> None:
    """What belongs here."""
    empty(_("No studies yet"), _("DICOM, NIfTI, PNG, JPEG, ZIPs of these, or folders of them."),
          "consilium ingest FOLDER")  # fmt: skip


def colours() -> dict[str, str]:
    """The colour of each part, by its name in the language of the page."""
    look = palette()
    shades = (look.accent, look.readers[4 % len(look.readers)], look.doubt, look.good)
    return {words.part(part): shade for part, shade in zip(Part, shades, strict=True)}


def _parts(found: Holdings) -> None:
    section(_("Patients by part, from the day they come in"))
    names = {part: words.part(part) for part in Part}
    rows: list[list[Cell]] = [[names[part], n, n / max(found.patients, 1)] for part, n in found.parts.items()]
    plot(
        charts.counts({_("patients"): {names[part]: n for part, n in found.parts.items()}}, colours=colours()),
        key="parts", alt=_("Patients by part."), heads=[_("Part"), _("Patients"), _("Share")], rows=rows,
    )  # fmt: skip


def class_name(place: Here, one: ClassCount) -> str:
    """A class as people read it: the question and the answer."""
    asked = words.asked(place.task.form, one.question)
    said = words.value(asked.kind, one.value) if asked else str(one.value)
    return _("{question}: {answer}", question=words.short(one.question), answer=said)


def _classes(place: Here, counted: Sequence[ClassCount]) -> None:
    names = {part: words.part(part) for part in Part}
    drawn = {class_name(place, one): {names[p]: n for p, n in one.studies_by_part.items()} for one in counted}
    rows: list[list[Cell]] = [
        [class_name(place, one), one.studies, *one.studies_by_part.values(), *one.parts.values()]
        for one in counted
    ]
    heads = [_("Class"), _("Studies"),
             *(_("Studies, {part}", part=name) for name in names.values()),
             *(_("Patients, {part}", part=name) for name in names.values())]  # fmt: skip
    plot(charts.counts(drawn, colours=colours()), key="classes",
         alt=_("Studies of the reference standard by class and part."), heads=heads, rows=rows)  # fmt: skip
    _scarce(place, counted)


def _scarce(place: Here, counted: Sequence[ClassCount]) -> None:
    """The classes with too few patients to measure on."""
    scarce = [one for one in counted if any(one.parts[part] < SCARCE for part in MEASURED)]
    if not scarce:
        return
    said = n_("{n} class has fewer than {few} patients to measure on",
              "{n} classes have fewer than {few} patients to measure on", len(scarce), few=SCARCE)  # fmt: skip
    with st.expander(f"▲ {said}"):
        body = [[class_name(place, one), *(number(one.parts[part]) for part in MEASURED)] for one in scarce]
        heads = [_("Class"), *(_("Patients, {part}", part=words.part(part)) for part in MEASURED)]
        show(tag("div", table(heads, body, numeric=(1, 2)), cls="c-narrow"))


def _views(place: Here) -> None:
    section(_("Studies by modality and view"))
    body = [
        [one.modality, one.view or "—", number(one.studies), *(number(n) for n in one.parts.values()),
         number(one.held) if one.held else ""]
        for one in data_counts.by_view(place)
    ]  # fmt: skip
    heads = [_("Modality"), _("View"), _("Studies"),
             *(_("Patients, {part}", part=words.part(part)) for part in Part), _("Held")]  # fmt: skip
    show(tag("div", table(heads, body, numeric=(2, 3, 4, 5, 6, 7)), cls="c-wide-table"))
