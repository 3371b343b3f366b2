"""The worklist: studies with the champion's answer and their state, searched, sorted and paged by the database."""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from data.answers import Site, decode_value
from data.records import Part, QuestionPrediction
from data.store import Store
from data.tables.worklist import Facet
from workbench.worklist_filter import ORDERS, PAGE_SIZE, Filter, Sort, Standing
from workbench.worklist_rows import Selected
from workbench.worklist_ways import select

REFRESH_S = 0.06
"""How long a look at the worklist brings rows up to date, at the most; the worker does the rest."""
SOON, SOON_S = 3000, 2.0
"""So few rows are brought up to date at once, which takes less than that."""


@dataclass(frozen=True, slots=True)
class Row:
    """A study as the worklist shows it. ``results`` are the champion's; empty where it did not predict."""

    study_id: str
    pseudonym: str
    part: Part
    modality: str
    view: str
    held: str
    phantom: bool
    ingested_at: str
    standing: Standing
    results: tuple[QuestionPrediction, ...]
    uncertainty: float | None


@dataclass(frozen=True, slots=True)
class Page:
    """One page of rows, and how many there are in all.

    Parameters
    ----------
    more:
        Whether there are more than ``total``: a search or a range that fits very many is not counted to its end.
    due:
        Rows that are not up to date yet, after much was written at once.
    """

    rows: tuple[Row, ...]
    total: int
    number: int
    pages: int
    more: bool = False
    due: int = 0


def ready(store: Store, task: str, version: str, modalities: Collection[str] | None) -> int:
    """Bring a task's rows up to date, few of them at once, many for a moment; returns how many are still due."""
    store.worklists.register(task, modalities, version)
    few = store.worklists.due(task) <= SOON
    return store.worklists.refresh(task, limit_s=SOON_S if few else REFRESH_S)


def _selected(store: Store, task: str, filtered: Filter, *, reach: int = 0) -> Selected:
    facets = store.worklists.facets(task)
    wanted = [facet for facet in facets if _fits(facet, filtered)]
    every = sum(facet.rows for facet in facets)
    return select(store, task, wanted, every, filtered.text.lower(), filtered.span, reach)


def _fits(facet: Facet, filtered: Filter) -> bool:
    named = ("part", "modality", "view", "standing")
    return (
        all(getattr(filtered, name) in ("", getattr(facet, name)) for name in named)
        and (facet.held or not filtered.held)
        and ("=" not in filtered.answer or filtered.answer in facet.answers)
    )


def worklist(
    store: Store,
    task: str,
    version: str,
    filtered: Filter,
    *,
    modalities: Collection[str] | None = None,
    page_size: int = PAGE_SIZE,
) -> Page:
    """One page of the worklist of a task.

    Parameters
    ----------
    version:
        Whose answers are shown; empty for none.
    modalities:
        Only studies of these; None for all.
    """
    due = ready(store, task, version, modalities)
    with store.snapshot():
        found = _selected(store, task, filtered, reach=filtered.page * page_size)
        pages = max(1, -(-found.total // page_size))
        number = min(max(1, filtered.page), pages)
        numbers = found.page(ORDERS[Sort(filtered.sort)], (number - 1) * page_size, page_size)
        rows = tuple(rows_of(store, task, version, numbers))
    return Page(rows, found.total, number, pages, found.more, due)


def selected(
    store: Store, task: str, version: str, filtered: Filter, *, modalities: Collection[str] | None = None
) -> Selected:
    """Every row that a filter leaves; the parameters are those of :func:`worklist`."""
    ready(store, task, version, modalities)
    return _selected(store, task, filtered)


def rows_of(store: Store, task: str, version: str, numbers: Sequence[int]) -> list[Row]:
    """The rows of numbers, in their order, as the records are now."""
    studies = _studies(store, numbers)
    known = store.worklists.now(task, version, studies)
    return [_row(known[study_id]) for study_id in studies if study_id in known]


def neighbours(
    store: Store,
    task: str,
    version: str,
    filtered: Filter,
    study_id: str,
    *,
    modalities: Collection[str] | None = None,
) -> tuple[str, str]:
    """The studies before and after one in the worklist; empty where there is none."""
    ready(store, task, version, modalities)
    row = store.db.execute("SELECT number FROM worklist_studies WHERE study_id = ?", [study_id]).fetchone()
    if row is None:
        return "", ""
    before, after = _selected(store, task, filtered).beside(ORDERS[Sort(filtered.sort)], row[0])
    return _study(store, before), _study(store, after)


def _study(store: Store, number: int | None) -> str:
    return next(iter(_studies(store, [number])), "") if number is not None else ""


def _studies(store: Store, numbers: Sequence[int]) -> list[str]:
    """The studies of numbers, in their order."""
    sql = "SELECT number, study_id FROM worklist_studies WHERE number IN (SELECT value FROM json_each(?))"
    known = dict(store.db.execute(sql, [json.dumps(list(numbers))]).fetchall())
    return [known[number] for number in numbers if number in known]


def views(store: Store, task: str) -> list[str]:
    """The views that occur among a task's studies; see :func:`ready`."""
    return sorted({facet.view for facet in store.worklists.facets(task)} - {""})


def _row(row: Mapping[str, Any]) -> Row:
    results = tuple(
        QuestionPrediction(
            r["question"], Site(r["site"]), decode_value(r["value"]), r["probabilities"], r["uncertainty"]
        )
        for r in json.loads(row["results"] or "[]")
    )
    return Row(
        study_id=row["study_id"],
        pseudonym=row["pseudonym"],
        part=Part(row["part"]),
        modality=row["modality"],
        view=row["view"],
        held=row["held"],
        phantom=bool(row["phantom"]),
        ingested_at=row["ingested_at"],
        standing=Standing(row["standing"]),
        results=results,
        uncertainty=row["uncertainty"],
    )
