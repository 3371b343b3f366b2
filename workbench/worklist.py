"""The worklist: studies with the champion's answer and their state, searched, sorted and paged by the database."""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping
from dataclasses import asdict, dataclass
from enum import StrEnum
from typing import Any

from data.answers import Site, decode_value
from data.records import Part, QuestionPrediction
from data.store import Store

PAGE_SIZE = 50


class Standing(StrEnum):
    """How far a study is in a task."""

    IN_ROUND = "in round"
    """A reader has it, or will."""
    REFERENCE = "reference"
    """There is a reference standard."""
    READ = "read"
    """Somebody read it; nothing is agreed."""
    POOL = "pool"
    """Nobody was asked."""


class Sort(StrEnum):
    """The order of the rows."""

    NEWEST = "newest first"
    OLDEST = "oldest first"
    UNCERTAIN = "uncertain first"
    CERTAIN = "certain first"
    PSEUDONYM = "pseudonym"


_ORDER: Mapping[Sort, str] = {
    Sort.NEWEST: "ingested_at DESC, study_id",
    Sort.OLDEST: "ingested_at, study_id",
    Sort.UNCERTAIN: "uncertainty IS NULL, uncertainty DESC, study_id",
    Sort.CERTAIN: "uncertainty IS NULL, uncertainty, study_id",
    Sort.PSEUDONYM: "pseudonym, ingested_at, study_id",
}


@dataclass(frozen=True, slots=True)
class Filter:
    """Which studies, in which order. Empty text stands for all.

    Parameters
    ----------
    text:
        What pseudonym, study id, view or description must contain.
    answer:
        ``question=value`` of the champion's answer.
    held:
        Only studies that are held for a person.
    """

    text: str = ""
    answer: str = ""
    part: str = ""
    modality: str = ""
    view: str = ""
    standing: str = ""
    held: bool = False
    sort: str = Sort.NEWEST.value
    page: int = 1

    def query(self) -> dict[str, str]:
        """The filter as query parameters; what is as by default is left out."""
        plain = Filter()
        values = {name: value for name, value in asdict(self).items() if value != getattr(plain, name)}
        return {name: "1" if value is True else str(value) for name, value in values.items()}

    @classmethod
    def of_query(cls, query: Mapping[str, str]) -> Filter:
        """The filter back from query parameters; what does not fit is passed over."""
        plain = {name: query.get(name, "") for name in ("text", "answer", "part", "modality", "view")}
        standing, order = query.get("standing", ""), query.get("sort", "")
        page = query.get("page", "1")
        return cls(
            text=plain["text"],
            answer=plain["answer"],
            part=plain["part"],
            modality=plain["modality"],
            view=plain["view"],
            standing=standing if standing in set(Standing) else "",
            sort=order if order in set(Sort) else Sort.NEWEST.value,
            held=query.get("held") == "1",
            page=int(page) if page.isdecimal() and 0 < int(page) < 10**6 else 1,
        )


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
    """One page of rows, and how many there are in all."""

    rows: tuple[Row, ...]
    total: int
    number: int
    pages: int


_SELECT = """
WITH listed AS (
    SELECT s.study_id, p.pseudonym, p.part, s.modality, s.view, s.held, s.phantom, s.ingested_at, s.description,
        r.results, r.uncertainty,
        CASE
            WHEN EXISTS (SELECT 1 FROM requests q WHERE q.study_id = s.study_id AND q.task = :task
                AND q.state IN ('planned', 'pushed')) THEN 'in round'
            WHEN EXISTS (SELECT 1 FROM consensus c WHERE c.study_id = s.study_id AND c.task = :task
                AND c.value IS NOT NULL) THEN 'reference'
            WHEN EXISTS (SELECT 1 FROM reference_labels l WHERE l.study_id = s.study_id AND l.task = :task)
                THEN 'reference'
            WHEN EXISTS (SELECT 1 FROM annotations a WHERE a.study_id = s.study_id AND a.task = :task
                AND a.skipped = 0) THEN 'read'
            ELSE 'pool'
        END AS standing
    FROM studies s JOIN patients p USING (patient_id)
    LEFT JOIN predictions r ON r.study_id = s.study_id AND r.version = :version
)
"""


def _where(filtered: Filter, modalities: Collection[str] | None) -> tuple[str, dict[str, Any]]:
    clauses, values = ["1"], dict[str, Any]()
    if modalities is not None:
        clauses.append("modality IN (SELECT value FROM json_each(:modalities))")
        values["modalities"] = json.dumps(sorted(modalities))
    for name in ("part", "modality", "view", "standing"):
        if wanted := getattr(filtered, name):
            clauses.append(f"{name} = :{name}")
            values[name] = wanted
    if filtered.held:
        clauses.append("held <> ''")
    if filtered.text:
        clauses.append(
            "instr(lower(pseudonym || ' ' || study_id || ' ' || view || ' ' || description), :text) > 0"
        )
        values["text"] = filtered.text.lower()
    if "=" in filtered.answer:
        values["question"], values["answer"] = filtered.answer.split("=", 1)
        clauses.append(
            """EXISTS (SELECT 1 FROM json_each(results) AS one
            WHERE json_extract(one.value, '$.question') = :question
            AND CAST(json_extract(one.value, '$.value') AS TEXT) = :answer)"""
        )
    return " AND ".join(clauses), values


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
    where, values = _where(filtered, modalities)
    values |= {"task": task, "version": version}
    sql = f"{_SELECT} SELECT count(*) AS n FROM listed WHERE {where}"  # noqa: S608 - the clauses are constants
    total = int(next(iter(store.db.query(sql, values)))["n"])
    pages = max(1, -(-total // page_size))
    number = min(max(1, filtered.page), pages)
    order = _ORDER[Sort(filtered.sort)]
    sql = f"{_SELECT} SELECT * FROM listed WHERE {where} ORDER BY {order} LIMIT :limit OFFSET :offset"  # noqa: S608
    values |= {"limit": page_size, "offset": (number - 1) * page_size}
    return Page(tuple(_row(row) for row in store.db.query(sql, values)), total, number, pages)


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
    where, values = _where(filtered, modalities)
    values |= {"task": task, "version": version, "study": study_id}
    order = _ORDER[Sort(filtered.sort)]
    sql = f"""{_SELECT}, lined AS (SELECT study_id, lag(study_id) OVER w AS before, lead(study_id) OVER w AS after
        FROM listed WHERE {where} WINDOW w AS (ORDER BY {order}))
        SELECT before, after FROM lined WHERE study_id = :study"""  # noqa: S608
    row = next(iter(store.db.query(sql, values)), None)
    return (row["before"] or "", row["after"] or "") if row else ("", "")


def views(store: Store, modalities: Collection[str] | None = None) -> list[str]:
    """The views that occur."""
    sql = """SELECT DISTINCT view FROM studies WHERE view <> ''
        AND (:all OR modality IN (SELECT value FROM json_each(:modalities))) ORDER BY view"""
    values = {"all": int(modalities is None), "modalities": json.dumps(sorted(modalities or ()))}
    return [row["view"] for row in store.db.query(sql, values)]


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
