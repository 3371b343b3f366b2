"""``consilium agreement``: how far the readers of any table agree, without a project."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.table import Table

from workbench.report import Json, reporting

if TYPE_CHECKING:
    from active_learning.panel import Panel

COLUMNS = {
    "percent_agreement": "agreement",
    "fleiss_kappa": "Fleiss",
    "krippendorff_alpha": "alpha",
    "gwet_ac1": "AC1",
}
"""The figures that people see, and their headings; the JSON has all."""


def agreement(
    csv: Annotated[Path, typer.Option(help="A CSV file with a row for each read.", show_default=False)],
    case: Annotated[str, typer.Option(help="The column of the case.", show_default=False)],
    reader: Annotated[str, typer.Option(help="The column of the reader.", show_default=False)],
    label: Annotated[
        list[str], typer.Option(help="A column of answers; several may be named.", show_default=False)
    ],
    patient: Annotated[
        str, typer.Option(help="The column of the patient; each case is one without it.", show_default=False)
    ] = "",
    scale: Annotated[str, typer.Option(help="nominal, ordinal or interval.")] = "nominal",
    order: Annotated[str, typer.Option(help="The options in their order, with commas.", show_default=False)] = "",
    truth: Annotated[
        Path | None, typer.Option(help="A CSV file with the reference standard of each case.", show_default=False)
    ] = None,
    draws: Annotated[
        int, typer.Option(help="Resamples of the patients for an interval; 0 for none.", min=0)
    ] = 1000,
    as_json: Json = False,
) -> None:
    """Measure how far the readers of a table agree, and how well each meets a reference standard."""
    with reporting(as_json) as report:
        from active_learning.accuracy import reference_of
        from active_learning.agreement import Scale
        from active_learning.panel import panel
        from active_learning.rating_tables import read_ratings
        from data.errors import RatingsError

        if scale not in list(Scale):
            raise RatingsError("There is no such scale.", given=scale, expected=", ".join(Scale))
        options = [option.strip() for option in order.split(",") if option.strip()]
        table = read_ratings(
            csv, case=case, reader=reader, labels=label, patient=patient, order=options, truth=truth
        )
        panels = []
        for number, (name, ratings) in enumerate(table.ratings.items()):
            report.count(number, len(table.ratings), name)
            reference = reference_of(ratings, table.truth[name]) if truth is not None else None
            panels.append(panel(name, ratings, Scale(scale), reference=reference, draws=draws))
        for note in table.notes:
            report.say(note)
        report.result(
            {"labels": {one.label: one.as_dict() for one in panels}, "notes": list(table.notes)},
            table=_table(panels),
        )


def _table(panels: list[Panel]) -> Table:
    shown = Table(box=None)
    for head in ("label", "reads", "readers", *COLUMNS.values()):
        shown.add_column(head, justify="left" if head == "label" else "right", no_wrap=head != "label")
    for one in panels:
        figures = [_said(one.figures.get(name)) for name in COLUMNS]
        shown.add_row(one.label, str(one.reads), str(len(one.readers)), *figures)
    return shown


def _said(figure: Any) -> str:
    if figure is None:
        return "—"
    return f"{figure.value:.2f}" + ("" if figure.low is None else f" ({figure.low:.2f}, {figure.high:.2f})")
