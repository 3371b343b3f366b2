"""``consilium guideline ...``: how a task's cases are to be read, in writing."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from workbench.report import Json, reporting, table

app = typer.Typer(no_args_is_help=True, help="The written guideline of a task, version by version.")

Task = Annotated[str, typer.Argument(help="The clinical task.", show_default=False)]


@app.command()
def show(
    task: Task,
    version: Annotated[int | None, typer.Option(help="An earlier version; the newest without it.", min=1)] = None,
    as_json: Json = False,
) -> None:
    """Show a task's guideline; what is asked now is published first, where it changed."""
    with reporting(as_json) as report:
        from active_learning.guidelines import standing
        from data.home import Home
        from data.store import Store
        from models.task import get_task

        home, clinical = Home.default(), get_task(task)
        newest = standing(home, clinical)
        store = Store.of(home)
        shown = newest if version is None else store.guidelines.get(task, version)
        outdated = sorted(store.guidelines.outdated(task, shown.version))
        values = {
            "task": task, "version": shown.version, "newest": newest.version, "published_at": shown.created_at,
            "outdated_questions": outdated, "text": shown.text,
        }  # fmt: skip
        report.result(values, table=shown.text or f"{task} has no written guideline: publish one.")


@app.command()
def publish(
    task: Task,
    file: Annotated[Path, typer.Argument(help="The guideline, as Markdown in UTF-8.", show_default=False)],
    as_json: Json = False,
) -> None:
    """Make a text this home's guideline of a task. Reads that are asked for from now on name its version."""
    with reporting(as_json) as report:
        from active_learning import guidelines
        from data.errors import ConfigError
        from data.home import Home
        from models.task import get_task

        try:
            text = file.read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError) as error:
            raise ConfigError(
                "The guideline cannot be read.", given=f"{file}: {error}", expected="Markdown in UTF-8",
                do="name another file",
            ) from error  # fmt: skip
        made = guidelines.publish(Home.default(), get_task(task), text)
        values = {"task": task, "version": made.version, "published_at": made.created_at}
        report.result(values, table=table("Guideline", ["", ""], list(values.items())))
