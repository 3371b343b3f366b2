"""``consilium labels ...``: labels that came without readers."""

from __future__ import annotations

from dataclasses import asdict
from typing import Annotated

import typer

from workbench.report import Json, reporting, table

app = typer.Typer(no_args_is_help=True, help="Labels that came without readers.")


@app.command()
def suspects(
    task: Annotated[str, typer.Argument(help="The clinical task.", show_default=False)],
    profile: Annotated[str, typer.Option(help="The profile that is trained in each fold.")] = "demo",
    folds: Annotated[int, typer.Option(help="How many folds of patients.", min=2)] = 4,
    max_steps: Annotated[int | None, typer.Option(help="Steps of each network at the most.", min=1)] = None,
    as_json: Json = False,
) -> None:
    """Name the training patients' labels that are likely wrong, by models that have not seen the patient."""
    with reporting(as_json) as report:
        from active_learning.suspect_labels import suspect_labels
        from data.blobs import Blobs
        from data.home import Home
        from data.store import Store
        from models.crossfit import out_of_fold
        from models.task import get_task

        home, clinical = Home.default(), get_task(task)
        found = out_of_fold(
            Store.of(home),
            Blobs.of(home),
            clinical,
            profile,
            folds=folds,
            scratch=home.path / "scratch" / "crossfit",
            max_steps=max_steps,
            progress=report.progress,
        )
        suspected = suspect_labels(found, clinical.form)
        columns = ["study_id", "question", "site", "label", "given", "likely", "probability", "reason"]
        values = {
            "task": task,
            "profile": profile,
            "folds": folds,
            "studies": len(found.examples),
            "suspects": [asdict(one) for one in suspected],
        }
        rows = [tuple(str(asdict(one)[name]) for name in columns) for one in suspected]
        report.result(values, table=table("Labels that are likely wrong", columns, rows))
