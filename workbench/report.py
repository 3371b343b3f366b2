"""How a verb of the command line speaks: progress to standard error, the result to standard output.

With ``--json`` the last line of standard output is one JSON object and nothing else stands there. The exit code is
0, or 1 for an error of the user's; wrong usage is 2 (typer's own).
"""

from __future__ import annotations

import contextlib
import json
import logging
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Annotated, Any

import typer
from rich.console import Console, RenderableType
from rich.progress import BarColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn
from rich.table import Table

from data.errors import ConsiliumError

Json = Annotated[bool, typer.Option("--json", help="Print one JSON object as the last line, and nothing else.")]

console = Console(stderr=True, highlight=False)


class Report:
    """One verb's output.

    Parameters
    ----------
    as_json:
        Whether scripts read it.
    """

    def __init__(self, *, as_json: bool) -> None:
        self.as_json = as_json
        self._stdout = sys.stdout
        self._progress: Progress | None = None
        self._bar: Any = None
        self._noted = 0.0

    def result(self, values: Mapping[str, Any], *, table: RenderableType | None = None) -> None:
        """The verb's result: the JSON object, or what people see in its place."""
        self.stop_progress()
        if self.as_json:
            self._stdout.write(json.dumps(values, ensure_ascii=False, default=str) + "\n")
            self._stdout.flush()
        elif table is not None:
            Console(file=self._stdout, highlight=False).print(table)

    def progress(self, share: float, words: str) -> None:
        """Show how far the work is, on standard error."""
        if not console.is_terminal:
            if time.monotonic() - self._noted > 5 or share >= 1:
                self._noted = time.monotonic()
                console.print(f"{share:5.0%} {words}", style="dim")
            return
        if self._progress is None:
            self._progress = Progress(
                SpinnerColumn(),
                TextColumn("{task.description}"),
                BarColumn(),
                TimeElapsedColumn(),
                console=console,
            )
            self._progress.start()
            self._bar = self._progress.add_task(words, total=1.0)
        self._progress.update(self._bar, completed=share, description=words)

    def count(self, done: int, of: int, words: str) -> None:
        """Progress as a count."""
        self.progress(done / max(of, 1), words)

    def say(self, words: str) -> None:
        """A line for people, on standard error."""
        self.stop_progress()
        console.print(words)

    def stop_progress(self) -> None:
        """Take the bar away."""
        if self._progress is not None:
            self._progress.stop()
            self._progress = None


class Told(Report):
    """Output of work that another program follows: progress goes to a call, words go nowhere."""

    def __init__(self, follow: Callable[[float, str], None]) -> None:
        super().__init__(as_json=True)
        self._follow = follow

    def progress(self, share: float, words: str) -> None:
        """Hand on how far the work is."""
        self._follow(share, words)

    def say(self, words: str) -> None:
        """Nobody reads along."""


@contextlib.contextmanager
def reporting(as_json: bool) -> Iterator[Report]:
    """Run a verb: an error of the user's becomes an object or three lines, and exit code 1."""
    logging.basicConfig(stream=sys.stderr, level=logging.WARNING, format="%(levelname)s %(name)s: %(message)s")
    report = Report(as_json=as_json)
    try:
        with contextlib.redirect_stdout(sys.stderr):
            yield report
    except ConsiliumError as error:
        report.stop_progress()
        if as_json:
            report.result(error.as_dict())
        else:
            console.print(f"[bold red]{error.message}[/]")
            for name in ("given", "expected", "do"):
                if said := getattr(error, name):
                    console.print(f"  [dim]{name}:[/] {said}", markup=True, soft_wrap=True)
        raise typer.Exit(1) from error
    finally:
        report.stop_progress()


def table(title: str, columns: Sequence[str], rows: Sequence[Sequence[object]]) -> Table:
    """A table for people."""
    made = Table(title=title, title_justify="left", show_edge=False, header_style="bold")
    for column in columns:
        made.add_column(column)
    for row in rows:
        made.add_row(*(str(cell) for cell in row))
    return made
