"""How far readers' outlines agree, and which lesions they find."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence

import streamlit as st

from active_learning.detection_panel import Detected, DetectionPanel
from active_learning.mask_panel import Compared, MaskPanel
from active_learning.overview import Outlined
from data.records import Metric, Reader
from workbench.language import N_, _
from workbench.language import told as kept
from workbench.views.parts import words
from workbench.views.parts.agreement_plot import Dot, cell, dots
from workbench.views.parts.context import Here
from workbench.views.parts.download import Cell, csv_button
from workbench.views.parts.frame import show
from workbench.views.parts.markup import Html, table, tag, text, tone
from workbench.views.parts.plot import plot
from workbench.views.parts.reader_profiles import named
from workbench.views.parts.segments import segments

FIGURES = {"dice": N_("Dice"), "surface_dice": N_("Surface Dice"), "hd95_mm": N_("HD95, mm")}
_SIZES = ("volume_difference_abs_ml", "area_difference_abs_mm2", "size_difference_abs_pct")
_SIGNED = ("volume_difference_ml", "area_difference_mm2", "size_difference_pct")
_UNITS = {"ml": N_("ml"), "mm2": N_("mm²"), "pct": "%"}
_CSV = ("asked", "label", "first", "second", "figure", "value", "low", "high", "patients", "items")


def outlines(place: Here, overview: Outlined) -> None:
    """A row a label."""
    if not overview.outlines and not overview.detections:
        show(tone(_("Nobody has drawn anything yet."), "quiet"))
        return
    known = place.store.reads.readers()
    panels = [one for one in overview.outlines if one.figures]
    if panels:
        _panels(panels, known)
    for one in overview.detections:
        _detections(one, known)
    csv_button(f"outlines-{overview.round_id or overview.task}", _CSV, _csv(overview))


def _panels(panels: Sequence[MaskPanel], known: Sequence[Reader]) -> None:
    chosen = segments(_("Figure"), {name: _(figure) for name, figure in FIGURES.items()}, key="outlined")
    names = _names(panels)
    rows = [
        Dot(
            names[one.question, one.label],
            one.figures.get(chosen),
            _("{items} items, {patients} patients", items=one.items, patients=one.patients),
        )
        for one in panels
    ]
    unit = "mm" if chosen == "hd95_mm" else ""
    figure = _(FIGURES[chosen])
    plot(
        dots(rows, title=_("{figure}, mean over all pairs of readers", figure=figure.split(",")[0]), unit=unit),
        key="outlines plot",
        alt=_("{figure} by label, with intervals", figure=figure),
        heads=[_("Outlined"), _("Items"), _("Patients"), figure, _("95% from"), _("95% to")],
        rows=[
            [names[one.question, one.label], one.items, one.patients, *_ends(one.figures.get(chosen))]
            for one in panels
        ],
    )
    heads = [_("Outlined"), _("Items"), _("Patients"), *map(_, FIGURES.values()), _("Differ in size by")]
    body = [
        [names[one.question, one.label], one.items, one.patients,
         *(cell(one.figures.get(name)) for name in FIGURES), _size(one.figures, _SIZES)]
        for one in panels
    ]  # fmt: skip
    said = _("Over all pairs of readers. Surface Dice within {mm:g} mm. Where one of two drew nothing, Dice is 0 "
             "and there is no distance.", mm=panels[0].tolerance_mm)  # fmt: skip
    show(table(heads, body, numeric=(1, 2)), tag("p", said, cls="c-small c-quiet"))
    with st.expander(_("Each reader's outlines, and pairs")):
        for one in panels:
            show(
                tag("h3", names[one.question, one.label], cls="c-small"),
                _sides(one.readers, known),
                _sides(one.pairs, known),
            )


def _ends(metric: Metric | None) -> tuple[Cell, Cell, Cell]:
    return (None, None, None) if metric is None else (metric.value, metric.low, metric.high)


def _sides(sides: Sequence[Compared], known: Sequence[Reader]) -> Html:
    ids = {reader.reader_id for reader in known}
    body = []
    for one in sides:
        second = named(one.second, known) if one.second in ids else one.second
        body.append([named(one.first, known), second, one.items, one.one_empty or "—",
                     *(cell(one.figures.get(name)) for name in FIGURES), _size(one.figures, _SIGNED)])  # fmt: skip
    heads = ["", _("against"), _("Items"), _("Drawn by one alone"), *map(_, FIGURES.values()), _("Larger by")]
    return table(heads, body, numeric=(2, 3))


def _detections(one: DetectionPanel, known: Sequence[Reader]) -> None:
    whole = one.agreement
    said = _(
        "{what}: {studies} studies, {patients} patients; two readers find the same lesions in {share} (two "
        "lesions are one from an overlap of {overlap:g} on).",
        what=words.short(one.question),
        studies=one.studies,
        patients=one.patients,
        share=words.with_interval(whole.figures.get("agreement")),
        overlap=one.least_iou,
    )
    body = [
        [named(reader.first, known), reader.studies, *_found(reader),
         cell(reader.figures.get("sensitivity")), cell(reader.figures.get("false_positives_per_study")),
         cell(reader.figures.get("matched_dice"))]
        for reader in one.readers
    ]  # fmt: skip
    heads = [_("Reader"), _("Studies"), _("Found"), _("Found alone"), _("Missed"), _("Sensitivity"),
             _("False positives a study"), _("Dice of the matched")]  # fmt: skip
    show(tag("p", said, style="margin:8px 0 4px"), table(heads, body, numeric=(1, 2, 3, 4)),
         tag("p", _("Against the {what}.", what=kept(one.against)), cls="c-small c-quiet"))  # fmt: skip


def _found(one: Detected) -> tuple[int, int, int]:
    return one.matched, one.only_first, one.only_second


def _names(panels: Sequence[MaskPanel]) -> dict[tuple[str, str], str]:
    """What people see: a label alone where no other question has it."""
    seen = Counter(one.label or one.question for one in panels)
    return {
        (one.question, one.label): words.short(short if seen[short] == 1 else f"{one.question}: {short}")
        for one in panels
        for short in [one.label or one.question]
    }


def _size(figures: Mapping[str, Metric], names: Sequence[str]) -> Html:
    """The difference in ml, mm2 or percent, whichever there is first."""
    for name in names:
        if name in figures:
            return cell(figures[name], f" {_(_UNITS[name.rpartition('_')[2]])}")
    return text("—")


def _csv(overview: Outlined) -> Iterator[tuple[Cell, ...]]:
    for one in overview.outlines:
        for side in (*one.pairs, *one.readers):
            for name, m in side.figures.items():
                yield (
                    one.question,
                    one.label,
                    side.first,
                    side.second,
                    name,
                    m.value,
                    m.low,
                    m.high,
                    m.n,
                    side.items,
                )
    for found in overview.detections:
        for both in (*found.pairs, *found.readers):
            for name, m in both.figures.items():
                yield found.question, "", both.first, both.second, name, m.value, m.low, m.high, m.n, both.studies
