"""What the knobs of a task's configuration mean, as pages and the catalogue have it."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping

from pydantic import BaseModel

from workbench.language import N_

TABLES: Mapping[str, str] = {
    "reading": N_("Reading"),
    "triage": N_("Triage"),
    "promotion": N_("Promotion"),
}
"""The tables of a configuration whose knobs are documented, with their titles."""
CALIBRATIONS = (N_("temperature"), N_("isotonic"))
"""What a stage's ``calibration`` may be."""
MARKS = re.compile(r":\w+:`([^`]*)`|``([^`]*)``")


def meanings(settings: type[BaseModel]) -> Iterator[tuple[str, str]]:
    """Each knob of a table with what it means; empty where nothing is said of it."""
    for name, field in settings.model_fields.items():
        yield name, meaning(field.description or "")


def meaning(docs: str) -> str:
    """A docstring without its marks, on one line."""
    return " ".join(MARKS.sub(lambda found: found[1] or found[2], docs).split())
