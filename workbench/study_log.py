"""Every entry of the log that is about a study: those that name it, and those that wrote a row of it."""

from __future__ import annotations

import json
from collections.abc import Collection

from data.records import LogEntry
from data.seals import rows_of_studies
from data.store import Store

STUDY_EVENTS = frozenset({"study.ingested", "study.held", "study.released", "study.updated", "series.grown"})
"""Those that say nothing of answers or of readers."""
_WHERE = """sequence IN (SELECT value FROM json_each(:all))
    AND (:events IS NULL OR event IN (SELECT value FROM json_each(:events)))"""


def entries_of(
    store: Store, study_id: str, *, among: Collection[str] | None = None, limit: int = 20, offset: int = 0
) -> tuple[list[LogEntry], int]:
    """The entries of a study, the newest first, and how many there are in all.

    Parameters
    ----------
    among:
        Only these events; None for all.
    limit, offset:
        The page.
    """
    sequences = sequences_of(store, study_id)
    given = {"all": json.dumps(sequences), "events": None if among is None else json.dumps(sorted(among))}
    (row,) = store.db.query(f"SELECT count(*) AS n FROM log WHERE {_WHERE}", given)  # noqa: S608 - constants
    rows = store.db.query(
        f"SELECT * FROM log WHERE {_WHERE} ORDER BY sequence DESC LIMIT :limit OFFSET :offset",  # noqa: S608
        {**given, "limit": limit, "offset": offset},
    )
    found = [
        LogEntry(r["sequence"], r["at"], r["event"], r["subject"], json.loads(r["detail"]), r["seal"], r["digest"])
        for r in rows
    ]
    return found, int(row["n"])


def sequences_of(store: Store, study_id: str) -> list[int]:
    """Its entries: by subject (the study, its reads, what was asked of readers), and by the rows they fixed."""
    db = store.db
    named = {study_id, *(row["series_id"] for row in _of(store, "series", "series_id", study_id))}
    named |= {row["annotation_id"] for row in _of(store, "annotations", "annotation_id", study_id)}
    named |= {row["request_id"] for row in _of(store, "requests", "request_id", study_id)}
    by_subject = db.query(
        "SELECT sequence FROM log WHERE subject IN (SELECT value FROM json_each(?))", [json.dumps(sorted(named))]
    )
    rows = [[key.table, key.text] for key in rows_of_studies(db.conn, [study_id])]
    by_row = db.query(
        """SELECT s.sequence FROM json_each(?) AS j JOIN seals AS s
        ON s.record = json_extract(j.value, '$[0]') AND s.key = json_extract(j.value, '$[1]')""",
        [json.dumps(rows)],
    )
    return sorted({row["sequence"] for found in (by_subject, by_row) for row in found})


def _of(store: Store, table: str, column: str, study_id: str) -> list[dict[str, str]]:
    sql = f"SELECT {column} FROM {table} WHERE study_id = ?"  # noqa: S608 - constants
    return list(store.db.query(sql, [study_id]))
