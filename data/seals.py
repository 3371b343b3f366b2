"""Seals: digests that fix what rows of records hold, kept under the entry of the log that told of them.

An entry's ``seal`` is a digest over the seals of its rows, and the entry is in the chain; so neither a row nor its
seal can change without being found. A row that is gone has an empty seal under the entry of its deletion.
"""

from __future__ import annotations

import hashlib
import json
import sqlite3
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass

from data.chain import Cell, Chain


@dataclass(frozen=True, slots=True)
class Sealed:
    """A table whose rows are sealed.

    Parameters
    ----------
    keys:
        The columns that name a row; none of them may identify a patient.
    columns:
        What is sealed besides. A column that a later migration adds is put at the end: an older seal is of the
        columns that there were.
    of_study:
        A condition that finds a study's rows by ``:ids``, a JSON array of study ids; empty where it has none.
    """

    keys: tuple[str, ...]
    columns: tuple[str, ...]
    of_study: str = "study_id IN (SELECT value FROM json_each(:ids))"


_DECIDED = (
    "decision_id IN (SELECT decision_id FROM decisions WHERE study_id IN (SELECT value FROM json_each(:ids)))"
)

TABLES: Mapping[str, Sealed] = {
    "patients": Sealed(("pseudonym",), ("patient_id", "part"), ""),
    "studies": Sealed(
        ("study_id",),
        (
            "patient_id", "modality", "view", "sex", "age_y", "study_date", "description", "held", "phantom",
            "ingested_at",
        ),
    ),
    "series": Sealed(
        ("series_id",),
        ("study_id", "modality", "layout", "shape", "pixels", "spacing_mm", "affine", "window", "attributes"),
    ),
    "reference_labels": Sealed(("task", "study_id", "question", "site"), ("value", "source")),
    "reports": Sealed(("study_id",), ("text", "source")),
    "readers": Sealed(("reader_id",), ("name", "kind", "role", "experience_y", "active"), ""),
    "guidelines": Sealed(("task", "version"), ("text", "questions", "created_at"), ""),
    "qualifications": Sealed(
        ("round_id",), ("task", "reader_id", "guideline", "score", "needed", "answers", "created_at"), ""
    ),
    "rounds": Sealed(
        ("round_id",),
        (
            "task", "number", "state", "plan", "champion", "candidate", "outcome", "opened_at", "updated_at",
            "kind",
        ),
        "",
    ),
    "batch_items": Sealed(("round_id", "study_id"), ("position", "purpose", "mode", "score", "reason")),
    "annotations": Sealed(
        ("annotation_id", "revision"),
        (
            "task", "study_id", "reader_id", "mode", "purpose", "request_id", "round_id", "answers", "raw",
            "skipped", "lead_time_s", "created_at", "guideline", "remark", "accepted", "withdrawn",
        ),
    ),
    "consensus": Sealed(
        ("task", "study_id", "round_id", "question", "site"),
        (
            "state", "value", "method", "support", "annotations", "created_at", "probability", "quality",
            "guideline",
        ),
    ),
    "decisions": Sealed(
        ("decision_id",),
        (
            "task", "study_id", "round_id", "reader_id", "annotation_id", "revision", "why", "appeal_of",
            "created_at",
        ),
    ),
    "appeals": Sealed(("decision_id",), ("reader_id", "reason", "created_at"), _DECIDED),
    "versions": Sealed(
        ("version",), ("task", "number", "profile", "manifest", "parent", "round_id", "created_at"), ""
    ),
    "champions": Sealed(("sequence",), ("task", "version", "reason", "at"), ""),
    "evaluations": Sealed(("version", "part"), ("result", "at"), ""),
    "predictions": Sealed(("version", "study_id"), ("task", "results", "uncertainty", "created_at", "measured")),
    "curations": Sealed(("task", "name"), ("rule", "result", "created_at"), ""),
}  # fmt: skip
"""Everything that a prediction, a training set or a decision can be followed to."""


@dataclass(frozen=True, slots=True)
class RowKey:
    """A row of a sealed table, by the values of its key columns."""

    table: str
    key: tuple[str | int, ...]

    @property
    def text(self) -> str:
        """The key as text: a JSON array."""
        return json.dumps(self.key, ensure_ascii=False)


@dataclass(frozen=True, slots=True)
class Seal:
    """A row's digest.

    Parameters
    ----------
    key:
        As :attr:`RowKey.text`.
    width:
        How many columns it is of, the key's included; 0 where the row is gone.
    digest:
        64 hexadecimal digits; empty where the row is gone.
    """

    table: str
    key: str
    width: int
    digest: str


def rows_of_studies(db: sqlite3.Connection, study_ids: Collection[str]) -> list[RowKey]:
    """The rows of sealed tables that belong to studies."""
    ids = json.dumps(sorted(study_ids))
    return [
        RowKey(name, tuple(row))
        for name, table in TABLES.items()
        if table.of_study
        for row in db.execute(f"SELECT {', '.join(table.keys)} FROM {name} WHERE {table.of_study}", {"ids": ids})  # noqa: S608
    ]


def seal_rows(db: sqlite3.Connection, chain: Chain, rows: Iterable[RowKey]) -> list[Seal]:
    """The seals of rows as they are in the database now, sorted, each once."""
    found = []
    for row in dict.fromkeys(rows):
        table = TABLES[row.table]
        columns = (*table.keys, *table.columns)
        where = " AND ".join(f"{name} = ?" for name in table.keys)
        cells = db.execute(f"SELECT {', '.join(columns)} FROM {row.table} WHERE {where}", row.key).fetchone()  # noqa: S608
        if cells is None:
            found.append(Seal(row.table, row.text, 0, ""))
        else:
            found.append(Seal(row.table, row.text, len(columns), chain.seal(row.table, *cells)))
    return sorted(found, key=lambda seal: (seal.table, seal.key))


def together(seals: Iterable[Seal]) -> str:
    """The digest over seals, in the order of table and key: 64 hexadecimal digits; empty where there are none."""
    digest, any_ = hashlib.sha256(), False
    for seal in seals:
        any_ = True
        digest.update(json.dumps([seal.table, seal.key, seal.width, seal.digest]).encode() + b"\n")
    return digest.hexdigest() if any_ else ""


def columns_of(name: str, width: int) -> tuple[str, ...]:
    """The first columns of a sealed table, its key first."""
    table = TABLES[name]
    return (*table.keys, *table.columns)[:width]


def seal_table(db: sqlite3.Connection, chain: Chain, name: str) -> Iterator[Seal]:
    """The seals of every row of a table, in no order."""
    table = TABLES[name]
    columns = (*table.keys, *table.columns)
    for cells in db.execute(f"SELECT {', '.join(columns)} FROM {name}"):  # noqa: S608 - constant tables
        key: tuple[Cell, ...] = cells[: len(table.keys)]
        text = json.dumps(key, ensure_ascii=False)
        yield Seal(name, text, len(columns), chain.seal(name, *cells))
