"""``consilium data-card``: what is in a home, as one page without identities."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from workbench.report import Json, reporting, table

ENDINGS = (".html", ".md")


def data_card(
    path: Annotated[Path, typer.Argument(help="The file to write, .html or .md.", show_default=False)],
    as_json: Json = False,
) -> None:
    """Write the data card: what is in, from where, labelled how, what was left out; small cells withheld."""
    with reporting(as_json) as report:
        from data.errors import ConfigError
        from data.home import Home
        from data.store import Store
        from workbench.data_card import data_card as make
        from workbench.data_card_text import html, markdown

        if path.suffix.lower() not in ENDINGS:
            raise ConfigError(
                "The data card is a page or a text.", given=path, expected="a file that ends in .html or .md",
                do="name such a file",
            )  # fmt: skip
        card = make(Store.of(Home.default()))
        draft = path.with_name(f".{path.name}.draft")
        try:
            draft.write_text(html(card) if path.suffix.lower() == ".html" else markdown(card), encoding="utf-8")
            draft.replace(path)
        except OSError as error:
            draft.unlink(missing_ok=True)
            raise ConfigError(
                "The data card cannot be written.", given=f"{path}: {error.strerror}",
                expected="a path that may be written",
            ) from error  # fmt: skip
        values = {"path": str(path), "made": card.made, "chapters": [one.title for one in card.chapters]}
        report.result(values, table=table("Data card", ["", ""], [("written to", path), ("made", card.made)]))
