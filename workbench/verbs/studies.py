"""``consilium ingest``, ``studies`` and ``refusals``: what comes in."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Any

import typer

from workbench.report import Json, reporting, table

app = typer.Typer(no_args_is_help=True, help="Look at the studies that came in, and release held ones.")


def ingest(
    paths: Annotated[list[Path], typer.Argument(help="Files, folders or ZIP archives.", show_default=False)],
    task: Annotated[str | None, typer.Option(help="The task whose labels the table holds.")] = None,
    labels: Annotated[
        Path | None, typer.Option(help="A CSV with named columns: path, study or patient; labels.")
    ] = None,
    source: Annotated[str, typer.Option(help="A name in front of every patient id of this import.")] = "",
    workers: Annotated[int, typer.Option(help="Processes that decode.", min=1)] = 2,
    as_json: Json = False,
) -> None:
    """Take images in: DICOM, NIfTI, PNG, JPEG; content decides, not the name. A file comes in once."""
    with reporting(as_json) as report:
        from data.blobs import Blobs
        from data.home import Home
        from data.ingest import ingest as take_in
        from data.ingest import read_labels
        from data.store import Store
        from models.references import labels_of, record_references
        from models.task import discover, get_task

        clinical = get_task(task) if task else None
        known = None
        if labels is not None:
            known = labels_of(clinical, labels, Blobs.of(Home.default())) if clinical else read_labels(labels)
        given = [path.resolve() for path in paths]
        done = take_in(Home.default(), given, source=source, labels=known, workers=workers, progress=report.count)
        for each in discover().values():
            record_references(Store.of(Home.default()), each, done.studies)
        rows: list[tuple[str, object]] = [
            ("files given", done.files),
            ("came in", done.ingested),
            ("were there already", done.duplicates),
            ("studies", len(done.studies)),
            ("series, new or grown", done.series),
            ("studies held for a person", done.held),
            *((f"refused: {reason}", count) for reason, count in done.reasons.items()),
        ]
        values: dict[str, Any] = {
            "files": done.files,
            "ingested": done.ingested,
            "studies": len(done.studies),
            "series": done.series,
            "duplicates": done.duplicates,
            "refused": [{"path": r.path, "reason": r.reason, "message": r.message} for r in done.refused],
            "notes": list(done.notes),
        }
        if done.labels is not None:
            values["labels"] = asdict(done.labels)
            rows += [
                (f"labels: {name}", getattr(done.labels, name))
                for name in ("rows", "matched", "references", "annotations")
            ]
        report.result(values, table=table("Ingest", ["", ""], rows))
        for note in (*done.notes, *(done.labels.problems if done.labels else ())):
            report.say(f"[dim]{note}[/]")


@app.command("list")
def list_studies(
    text: Annotated[str, typer.Argument(help="What pseudonym, id, view or description must contain.")] = "",
    limit: Annotated[int, typer.Option(help="Studies at the most.", min=1)] = 50,
    as_json: Json = False,
) -> None:
    """List studies, the newest first."""
    with reporting(as_json) as report:
        from data.home import Home
        from data.store import Store

        store = Store.of(Home.default())
        found = store.studies.find(text=text, limit=limit)
        columns = ["study_id", "pseudonym", "part", "modality", "view", "series", "held"]
        rows = [
            (s.study_id, s.label, s.patient.part.value, s.modality, s.view, len(s.series), s.held) for s in found
        ]
        values = {
            "studies": [dict(zip(columns, row, strict=True)) for row in rows],
            "total": store.studies.count(text=text),
        }
        report.result(values, table=table("Studies", columns, rows))


@app.command()
def release(study_id: str, as_json: Json = False) -> None:
    """Release a held study, once somebody has seen that no identity is burnt into its picture."""
    with reporting(as_json) as report:
        from data.home import Home
        from data.store import Store

        Store.of(Home.default()).studies.update(study_id, held="")
        report.result({"study_id": study_id, "held": ""}, table=f"{study_id} may go to the readers.")


def export(
    task: Annotated[str, typer.Argument(help="The clinical task.")],
    out: Annotated[Path, typer.Option(help="The CSV file to write.")],
    version: Annotated[
        str | None, typer.Option(help="The model version; the champion where none is named.")
    ] = None,
    as_json: Json = False,
) -> None:
    """Write the predictions of a version as a CSV."""
    with reporting(as_json) as report:
        from data.home import Home
        from data.store import Store
        from models.task import get_task
        from workbench.exports import write_predictions
        from workbench.work import champion_of

        store = Store.of(Home.default())
        chosen = version or champion_of(store, get_task(task).name)
        rows = write_predictions(store, chosen, out)
        report.result(
            {"task": task, "version": chosen, "rows": rows, "path": str(out)}, table=f"{rows} rows in {out}"
        )
