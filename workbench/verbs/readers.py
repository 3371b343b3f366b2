"""``consilium readers ...``: who reads the cases."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from workbench.report import Json, reporting, table

if TYPE_CHECKING:
    from data import records

app = typer.Typer(no_args_is_help=True, help="The readers of the cases.")

Reader = Annotated[str, typer.Argument(help="The reader's id.", show_default=False)]


@app.command("add")
def add_reader(
    reader_id: Annotated[str, typer.Argument(help="Lower-case letters, digits and -.")],
    name: Annotated[str, typer.Option(help="What people call the reader; no patient sees it.")] = "",
    adjudicator: Annotated[bool, typer.Option("--adjudicator", help="Decides disputed cases only.")] = False,
    curator: Annotated[bool, typer.Option("--curator", help="Looks after rounds, and reads nothing.")] = False,
    experience: Annotated[
        float | None, typer.Option(help="Years of reading such examinations.", min=0, max=80)
    ] = None,
    as_json: Json = False,
) -> None:
    """Add a reader. The same one again changes nothing."""
    with reporting(as_json) as report:
        import re

        from data.errors import ConfigError
        from data.home import Home
        from data.records import Reader as Known
        from data.records import ReaderRole
        from data.store import Store

        if not re.fullmatch(r"[a-z0-9][a-z0-9-]{0,39}", reader_id):
            raise ConfigError(
                "That is no id of a reader.", given=reader_id, expected="lower-case letters, digits and -"
            )
        if adjudicator and curator:
            raise ConfigError(
                "A reader has one role.", given="adjudicator and curator", expected="one of them",
                do="add somebody else for the other",
            )  # fmt: skip
        role = ReaderRole.ADJUDICATOR if adjudicator else ReaderRole.CURATOR if curator else ReaderRole.READER
        reads = Store.of(Home.default()).reads
        kept = reads.add_reader(Known(reader_id, name or reader_id, role=role, experience_y=experience))
        if experience is not None:
            kept = reads.update_reader(reader_id, experience_y=experience)
        report.result(_as_dict(kept), table=f"{kept.name} is a {kept.role}.")


@app.command("change")
def change_reader(
    reader_id: Reader,
    experience: Annotated[
        float | None, typer.Option(help="Years of reading such examinations.", min=0, max=80)
    ] = None,
    active: Annotated[
        bool | None, typer.Option("--active/--inactive", help="Whether new reads may be asked of the reader.")
    ] = None,
    as_json: Json = False,
) -> None:
    """Change a reader's experience, or whether new reads may be asked; what was read stays."""
    with reporting(as_json) as report:
        from data.home import Home
        from data.store import Store

        kept = Store.of(Home.default()).reads.update_reader(reader_id, experience_y=experience, active=active)
        shown = _as_dict(kept)
        report.result(shown, table=table("Reader", ["", ""], list(shown.items())))


@app.command("qualify")
def qualify(
    reader_id: Reader,
    task: Annotated[str, typer.Argument(help="The clinical task.", show_default=False)],
    cases: Annotated[
        int | None, typer.Option(help="How many cases; as the task says without it.", min=1, show_default=False)
    ] = None,
    as_json: Json = False,
) -> None:
    """Send a reader cases whose answers are known; again, once they are read, it scores them."""
    with reporting(as_json) as report:
        from data.home import Home
        from workbench import work
        from workbench.jobs import Work

        done = dict(
            work.qualify(Work(Home.default(), report.progress), task=task, reader_id=reader_id, cases=cases)
        )
        report.result(done, table=table("Qualification", ["", ""], list(done.items())))


@app.command("list")
def list_readers(as_json: Json = False) -> None:
    """List the readers. Scripted ones are marked: they are no people."""
    with reporting(as_json) as report:
        from data.home import Home
        from data.store import Store

        found = Store.of(Home.default()).reads.readers()
        listed = [_as_dict(reader) for reader in found]
        columns = ["reader", "name", "role", "kind", "experience_y", "active"]
        rows = [tuple("" if one[name] is None else str(one[name]) for name in columns) for one in listed]
        report.result({"readers": listed}, table=table("Readers", columns, rows))


@app.command("report")
def report_study(
    task: Annotated[str, typer.Argument(help="The clinical task.", show_default=False)],
    out: Annotated[
        Path | None,
        typer.Option(help="The folder to write to; in the home's reports without it.", show_default=False),
    ] = None,
    round_: Annotated[
        str, typer.Option("--round", help="One round; all of the task's reads without it.", show_default=False)
    ] = "",
    language: Annotated[
        str, typer.Option(metavar="en|ru", help="The language of the page; the tables are the same in each.")
    ] = "en",
    as_json: Json = False,
) -> None:
    """Write a reading study: the panel, the reference standard, readers and model against it; HTML and CSV."""
    with reporting(as_json) as report:
        from active_learning.reading_study import reading_study
        from data.blobs import Blobs
        from data.errors import ConfigError
        from data.home import Home
        from data.store import Store
        from models.task import get_task
        from workbench.language import OFFERED, speaking
        from workbench.reading_report import folder_of, write_report
        from workbench.reading_tables import summary

        if language not in OFFERED:
            raise ConfigError(
                "There is no report in this language.", given=language, expected=", ".join(OFFERED),
                do="name one of these with --language",
            )  # fmt: skip
        home, clinical = Home.default(), get_task(task)
        study = reading_study(Store.of(home), Blobs.of(home), clinical, round_id=round_, progress=report.progress)
        with speaking(language):
            folder = out.resolve() if out else folder_of(home, clinical.name, round_, language)
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


def _as_dict(reader: records.Reader) -> dict[str, Any]:
    """A reader as JSON."""
    return {
        "reader": reader.reader_id, "name": reader.name, "role": reader.role.value, "kind": reader.kind.value,
        "experience_y": reader.experience_y, "active": reader.active,
    }  # fmt: skip
