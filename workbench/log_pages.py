"""The log filtered and paged by the database: each filter is an index, so that a long log pages fast as well.

Times are looked up once as a range of sequences: entries are in the order of their times, unless the clock was set
back, and then those that the clock put outside of the range are left out.
"""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import date, timedelta
from typing import Any

from data.records import LogEntry
from data.schema_log import KIND, WHO
from data.store import Store
from workbench.study_log import sequences_of

PAGE = 50
"""Entries on a page."""
COUNTED = 10_000
"""So many matches are counted; of more it is said that there are more."""
CHUNK = 1000
"""Rows of a table that are read and written at once."""
COLUMNS = ("sequence", "at", "event", "subject", "detail", "digest")


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which entries. Empty text stands for all.

    Parameters
    ----------
    kind:
        What stands before the point of the event: ``round`` of ``round.opened``.
    who:
        The reader whom the entry names.
    study:
        A study's id, or a patient's pseudonym: every entry that names it, its reads, or wrote a row of it.
    subject:
        The id of the record that it happened to.
    since, until:
        Days, UTC, as ``2026-03-31``; both count.
    """

    kind: str = ""
    who: str = ""
    study: str = ""
    subject: str = ""
    since: str = ""
    until: str = ""

    def query(self) -> dict[str, str]:
        """The filter as query parameters; what is empty is left out."""
        return {name: value for name, value in asdict(self).items() if value}

    @classmethod
    def of_query(cls, query: Mapping[str, str]) -> Wanted:
        """The filter back from query parameters; a day that is none is passed over."""
        given = {name: query.get(name, "").strip() for name in ("kind", "who", "study", "subject")}
        return cls(**given, since=_day(query.get("since", "")), until=_day(query.get("until", "")))


def _day(given: str) -> str:
    try:
        return date.fromisoformat(given).isoformat()
    except ValueError:
        return ""


@dataclass(frozen=True, slots=True)
class LogPage:
    """Entries, the newest first.

    Parameters
    ----------
    total:
        How many there are in all.
    more:
        Whether there are more than ``total``: many matches are not counted to their end.
    older:
        Whether older ones follow.
    """

    entries: tuple[LogEntry, ...]
    start: int
    total: int
    more: bool
    older: bool


@dataclass(frozen=True, slots=True)
class _Where:
    sql: str
    values: Mapping[str, Any]


def page(store: Store, wanted: Wanted, *, start: int = 0, size: int = PAGE) -> LogPage:
    """One page of the log.

    Parameters
    ----------
    start:
        The place of the first entry, the newest of all being 0.
    """
    if not wanted.query():
        newest = store.log.head().sequence
        start = min(max(start, 0), max(newest - 1, 0) // size * size)
        rows = _rows(store, _Where("sequence <= :newest", {"newest": newest - start}), size + 1)
        return LogPage(tuple(rows[:size]), start, newest, False, len(rows) > size)
    where = _where(store, wanted)
    (counted,) = store.db.execute(
        f"SELECT count(*) FROM (SELECT 1 FROM log WHERE {where.sql} LIMIT :counted)",  # noqa: S608 - constants
        {**where.values, "counted": COUNTED + 1},
    ).fetchone()
    if counted <= COUNTED:
        start = min(max(start, 0), max(counted - 1, 0) // size * size)
    rows = _rows(store, where, size + 1, start)
    return LogPage(tuple(rows[:size]), start, min(counted, COUNTED), counted > COUNTED, len(rows) > size)


def kinds(store: Store) -> list[str]:
    """The kinds of event that there are, sorted; one look at the index each."""
    sql = f"SELECT {KIND} FROM log WHERE {KIND} > ? ORDER BY {KIND} LIMIT 1"  # noqa: S608 - constants
    found, row = list[str](), store.db.execute(sql, [""]).fetchone()
    while row is not None:
        found.append(row[0])
        row = store.db.execute(sql, [row[0]]).fetchone()
    return found


def table(store: Store, wanted: Wanted) -> Iterator[str]:
    """Every entry that a filter leaves as CSV, the newest first, in pieces; ``detail`` is JSON."""
    yield _written([COLUMNS])
    where = _where(store, wanted)
    below = store.log.head().sequence + 1
    while rows := _rows(
        store, _Where(f"{where.sql} AND sequence < :below", {**where.values, "below": below}), CHUNK
    ):
        below = rows[-1].sequence
        yield _written([(e.sequence, e.at, e.event, e.subject, json.dumps(dict(e.detail), ensure_ascii=False),
                         e.digest) for e in rows])  # fmt: skip


def _rows(store: Store, where: _Where, limit: int, start: int = 0) -> list[LogEntry]:
    """The sequences come from an index alone; only the entries of the page are read."""
    sql = f"""SELECT * FROM log WHERE sequence IN (
        SELECT sequence FROM log WHERE {where.sql} ORDER BY sequence DESC LIMIT :limit OFFSET :start)
        ORDER BY sequence DESC"""  # noqa: S608 - constants
    rows = store.db.query(sql, {**where.values, "limit": limit, "start": start})
    return [
        LogEntry(r["sequence"], r["at"], r["event"], r["subject"], json.loads(r["detail"]), r["seal"], r["digest"])
        for r in rows
    ]


def _where(store: Store, wanted: Wanted) -> _Where:
    clauses: list[str] = []
    values: dict[str, Any] = {}
    for name, column in (("kind", KIND), ("who", WHO), ("subject", "subject")):
        if given := getattr(wanted, name):
            clauses.append(f"{column} = :{name}")
            values[name] = given
    if wanted.study:
        clauses.append("sequence IN (SELECT value FROM json_each(:sequences))")
        values["sequences"] = json.dumps(_of_study(store, wanted.study))
    if wanted.since:
        clauses.append("sequence >= :first AND at >= :since")
        values |= {"since": wanted.since, "first": _edge(store, wanted.since, newer=True)}
    if wanted.until:
        after = (date.fromisoformat(wanted.until) + timedelta(days=1)).isoformat()
        clauses.append("sequence <= :last AND at < :after")
        values |= {"after": after, "last": _edge(store, after, newer=False)}
    return _Where(" AND ".join(clauses) or "1", values)


def _edge(store: Store, at: str, *, newer: bool) -> int:
    """The first entry from a time on, or the last before it; one that no sequence reaches where there is none."""
    if newer:
        row = store.db.execute(
            "SELECT sequence FROM log WHERE at >= ? ORDER BY at, sequence LIMIT 1", [at]
        ).fetchone()
        return int(row[0]) if row else store.log.head().sequence + 1
    row = store.db.execute(
        "SELECT sequence FROM log WHERE at < ? ORDER BY at DESC, sequence DESC LIMIT 1", [at]
    ).fetchone()
    return int(row[0]) if row else 0


def _of_study(store: Store, named: str) -> list[int]:
    """The entries of a study, or of all studies of a pseudonym."""
    rows = store.db.query(
        """SELECT study_id FROM studies WHERE study_id = :named UNION
        SELECT study_id FROM studies JOIN patients USING (patient_id) WHERE pseudonym = :named""",
        {"named": named},
    )
    studies = [row["study_id"] for row in rows] or [named]
    return sorted({sequence for study_id in studies for sequence in sequences_of(store, study_id)})


def _written(rows: Sequence[Sequence[object]]) -> str:
    stream = io.StringIO()
    csv.writer(stream).writerows(rows)
    return stream.getvalue()
