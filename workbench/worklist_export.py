"""The worklist as a table for other programs: every row that a filter leaves, in its order, as it is read."""

from __future__ import annotations

import csv
import io
from collections.abc import Collection, Iterator

from data.answers import encode_value
from data.records import QuestionPrediction
from data.store import Store
from workbench.worklist import Row, rows_of, selected
from workbench.worklist_filter import ORDERS, Filter, Sort

COLUMNS = (
    "study", "patient", "part", "modality", "view", "state", "held", "phantom", "came_in", "version",
    "uncertainty", "answers",
)  # fmt: skip
CHUNK = 500
"""Rows that are read and written at once; no more are in memory."""


def table(
    store: Store, task: str, version: str, filtered: Filter, *, modalities: Collection[str] | None = None
) -> Iterator[str]:
    """The table as CSV, in pieces; patients by pseudonym. The filter's page has no say in it.

    Parameters
    ----------
    version:
        Whose answers are written, as ``question[@site]=value (probability)``; empty for none.
    """
    yield _written([COLUMNS])
    found = selected(store, task, version, filtered, modalities=modalities)
    for numbers in found.in_chunks(ORDERS[Sort(filtered.sort)], CHUNK):
        yield _written([_cells(row, version) for row in rows_of(store, task, version, numbers)])


def _cells(row: Row, version: str) -> tuple[object, ...]:
    said = " | ".join(_said(result) for result in row.results)
    return (row.study_id, row.pseudonym, row.part.value, row.modality, row.view, row.standing.value, row.held,
            int(row.phantom), row.ingested_at, version if row.results else "",
            "" if row.uncertainty is None else f"{row.uncertainty:.6f}", said)  # fmt: skip


def _said(result: QuestionPrediction) -> str:
    name = result.question if result.site.key == "study" else f"{result.question}@{result.site.key}"
    value = encode_value(result.value)
    if isinstance(value, dict):
        value = ",".join(value.get("findings") or value.get("masks") or ())
    share = result.probabilities.get(str(value))
    return f"{name}={value}" + ("" if share is None else f" ({share:.4f})")


def _written(rows: Collection[Collection[object]]) -> str:
    stream = io.StringIO()
    csv.writer(stream).writerows(rows)
    return stream.getvalue()
