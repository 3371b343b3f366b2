"""``consilium readers ...``: who reads the cases."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from workbench.report import Json, reporting, table

app = typer.Typer(no_args_is_help=True, help="The readers of the cases.")


@app.command("add")
def add_reader(
    reader_id: Annotated[str, typer.Argument(help="Lower-case letters, digits and -.")],
    name: Annotated[str, typer.Option(help="What people call the reader; no patient sees it.")] = "",
    adjudicator: Annotated[bool, typer.Option("--adjudicator", help="Decides disputed cases only.")] = False,
    as_json: Json = False,
) -> None:
    """Add a reader. The same one again changes nothing."""
    with reporting(as_json) as report:
        import re

        from data.errors import ConfigError
        from data.home import Home
        from data.records import Reader, ReaderRole
        from data.store import Store

        if not re.fullmatch(r"[a-z0-9][a-z0-9-]{0,39}", reader_id):
            raise ConfigError(
                "That is no id of a reader.", given=reader_id, expected="lower-case letters, digits and -"
            )
        role = ReaderRole.ADJUDICATOR if adjudicator else ReaderRole.READER
        kept = Store.of(Home.default()).reads.add_reader(Reader(reader_id, name or reader_id, role=role))
        report.result(
            {"reader": kept.reader_id, "name": kept.name, "role": kept.role.value},
            table=f"{kept.name} is a {kept.role}.",
        )


@app.command("list")
def list_readers(as_json: Json = False) -> None:
    """List the readers. Scripted ones are marked: they are no people."""
    with reporting(as_json) as report:
        from data.home import Home
        from data.store import Store

        found = Store.of(Home.default()).reads.readers()
        rows = [(r.reader_id, r.name, r.role.value, r.kind.value) for r in found]
        columns = ["reader", "name", "role", "kind"]
        values = {"readers": [dict(zip(columns, row, strict=True)) for row in rows]}
        report.result(values, table=table("Readers", columns, rows))


@app.command("report")
def report_study(
    task: Annotated[str, typer.Argument(help="The clinical task.", show_default=False)],
    out: Annotated[
        Path | None,
        typer.Option(help="The folder to write to; reading-study-TASK without it.", show_default=False),
    ] = None,
    round_: Annotated[
        str, typer.Option("--round", help="One round; all of the task's reads without it.", show_default=False)
    ] = "",
    as_json: Json = False,
) -> None:
    """Write a reading study: the panel, the reference standard, readers and model against it; HTML and CSV."""
    with reporting(as_json) as report:
        from active_learning.reading_study import reading_study
        from data.blobs import Blobs
        from data.home import Home
        from data.store import Store
        from models.task import get_task
        from workbench.reading_report import write_report
        from workbench.reading_tables import summary

        home, clinical = Home.default(), get_task(task)
        study = reading_study(Store.of(home), Blobs.of(home), clinical, round_id=round_, progress=report.progress)
        folder = (out or Path(f"reading-study-{clinical.name}")).resolve()
        written = write_report(study, folder)
        values = {
            "task": study.task,
            "round": study.round_id or None,
            "report": str(written[0]),
            "tables": [str(path) for path in written[1:]],
            "studies": study.studies,
            "patients": study.patients,
            "readers": [one.reader_id for one in study.readers],
            "version": study.version or None,
            "topics": summary(study),
        }
        shown = {
            "studies": study.studies, "patients": study.patients, "readers": len(study.readers),
            "model": study.version or "none", "report": written[0], "tables": f"{len(written) - 1} CSV files",
        }  # fmt: skip
        report.result(values, table=table(f"Reading study of {study.task}", ["", ""], list(shown.items())))
