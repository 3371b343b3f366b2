"""``consilium tour``: screens of every page."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from workbench.report import Json, reporting


def tour(
    folder: Annotated[Path, typer.Argument(help="Where the pictures go.", show_default=False)],
    url: Annotated[str, typer.Option(help="Where this home is served.")] = "http://127.0.0.1:8501",
    as_json: Json = False,
) -> None:
    """Take screens of every page of this home, which is served, in each language and look; needs Chromium."""
    with reporting(as_json) as report:
        from data.home import Home
        from workbench.tour import shoot

        made = shoot(Home.default(), url, folder, progress=report.progress)
        values = {"folder": str(folder), "pictures": len(made)}
        report.result(values, table=f"{len(made)} pictures in {folder}; {folder / 'README.md'} shows them.")
