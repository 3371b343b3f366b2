"""The worklist's rows, kept beside the records: which study of a task stands where, by which keys it is sorted.

A *facet* is what rows are filtered by: one row of ``worklist_facets`` for each combination that occurs, with the
number of its rows; so a filter is a set of facets, and counting adds up numbers.
"""

from __future__ import annotations

import json
import time
from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from data.tables.base import Row, Table
from data.tables.worklist_blocks import SORTS, Blocks, Kept

if TYPE_CHECKING:
    from data.store import Store

CHUNK = 500
"""Rows that are brought up to date in one transaction."""
LAST = 9.0
"""Sort key of what has no uncertainty: after all that have."""
_FACET = ("part", "modality", "view", "held", "phantom", "standing", "answers")


@dataclass(frozen=True, slots=True)
class Facet:
    """A combination of what rows are filtered by, and how many rows have it.

    Parameters
    ----------
    answers:
        ``question=value`` of each plain answer of the champion.
    """

    facet: int
    part: str
    modality: str
    view: str
    held: bool
    phantom: bool
    standing: str
    answers: frozenset[str]
    rows: int


_NOW = """
SELECT s.study_id, p.pseudonym, p.part, s.modality, s.view, s.held, s.phantom, s.ingested_at,
    s.description, r.results, r.uncertainty,
    CASE
        WHEN EXISTS (SELECT 1 FROM requests q WHERE q.study_id = s.study_id AND q.task = :task
            AND q.state IN ('planned', 'pushed')) THEN 'in round'
        WHEN EXISTS (SELECT 1 FROM consensus c WHERE c.study_id = s.study_id AND c.task = :task
            AND c.value IS NOT NULL) THEN 'reference'
        WHEN EXISTS (SELECT 1 FROM reference_labels l WHERE l.study_id = s.study_id AND l.task = :task)
            THEN 'reference'
        WHEN EXISTS (SELECT 1 FROM annotations a WHERE a.study_id = s.study_id AND a.task = :task
            AND a.skipped = 0 AND a.withdrawn = 0 AND NOT EXISTS (SELECT 1 FROM annotations w
                WHERE w.annotation_id = a.annotation_id AND w.revision > a.revision AND w.withdrawn = 1))
            THEN 'read'
        ELSE 'pool'
    END AS standing
FROM json_each(:studies) AS asked JOIN studies s ON s.study_id = asked.value
JOIN patients p USING (patient_id)
LEFT JOIN predictions r ON r.study_id = s.study_id AND r.version = :version
"""


class Worklists(Table):
    """The rows of every task's worklist.

    Parameters
    ----------
    blocks:
        How many of them lie where in each sort.
    """

    def __init__(self, store: Store) -> None:
        super().__init__(store)
        self.blocks = Blocks(store)

    def register(self, task: str, modalities: Collection[str] | None, version: str) -> None:
        """Say whose worklist is looked at: a task's, with studies of these modalities and a version's answers.

        What differs from the last time makes all its rows due.

        Parameters
        ----------
        modalities:
            None for all.
        version:
            Empty for none.
        """
        said = "" if modalities is None else json.dumps(sorted(modalities))
        known = self._store.db.execute(
            "SELECT modalities, version FROM worklist_tasks WHERE task = ?", [task]
        ).fetchone()
        if known == (said, version):
            return
        with self._store.write() as db:
            db.execute("INSERT OR REPLACE INTO worklist_tasks VALUES (?, ?, ?)", [task, said, version])
            db.execute("INSERT OR IGNORE INTO worklist_dirty SELECT ?, study_id FROM studies", [task])

    def refresh(self, task: str, *, limit_s: float) -> int:
        """Bring rows up to date for about so long; returns how many are still due."""
        end = time.monotonic() + limit_s
        registered = self._store.db.execute(
            "SELECT modalities, version FROM worklist_tasks WHERE task = ?", [task]
        ).fetchone()
        if registered is None:
            return 0
        modalities = frozenset(json.loads(registered[0])) if registered[0] else None
        due = "SELECT study_id FROM worklist_dirty WHERE task = ? LIMIT ?"
        while self._store.db.execute(due, [task, 1]).fetchone():
            with self._store.write() as db:
                studies = [study_id for (study_id,) in db.execute(due, [task, CHUNK])]
                self._bring_up(task, studies, modalities, registered[1])
                db.conn.executemany(
                    "DELETE FROM worklist_dirty WHERE task = ? AND study_id = ?", [(task, s) for s in studies]
                )
            if time.monotonic() >= end:
                break
        return self.due(task)

    def due(self, task: str) -> int:
        """How many rows are not up to date."""
        return int(
            self._store.db.execute("SELECT count(*) FROM worklist_dirty WHERE task = ?", [task]).fetchone()[0]
        )

    def facets(self, task: str) -> list[Facet]:
        """The combinations that occur."""
        sql = f"SELECT facet, rows, {', '.join(_FACET)} FROM worklist_facets WHERE task = ? AND rows > 0"  # noqa: S608
        return [
            Facet(r["facet"], r["part"], r["modality"], r["view"], bool(r["held"]), bool(r["phantom"]),
                  r["standing"], frozenset(json.loads(r["answers"])), r["rows"])
            for r in self._rows(sql, [task])
        ]  # fmt: skip

    def now(self, task: str, version: str, studies: Sequence[str]) -> dict[str, Row]:
        """What the records say of studies, by id: pseudonym, part, modality, standing, a version's results ..."""
        asked = {"task": task, "version": version, "studies": json.dumps(list(studies))}
        return {r["study_id"]: r for r in self._rows(_NOW, asked)}

    def forget(self, studies: Collection[str]) -> None:
        """Take out what is kept of studies that were deleted: their rows in every task, and their words."""
        tasks = [r["task"] for r in self._rows("SELECT task FROM worklist_tasks")]
        with self._store.write() as db:
            for study_id in studies:
                found = db.execute("SELECT number, words FROM worklist_studies WHERE study_id = ?", [study_id])
                for number, words in found.fetchall():
                    for task in tasks:
                        row = self._kept(task, number)
                        if row is None:
                            continue
                        db.execute("UPDATE worklist_facets SET rows = rows - 1 WHERE facet = ?", [row.facet])
                        db.execute("DELETE FROM worklist_rows WHERE task = ? AND number = ?", [task, number])
                        self.blocks.move(task, [row], [])
                    db.execute("INSERT INTO worklist_words (worklist_words, rowid, words) VALUES ('delete', ?, ?)",
                               [number, words])  # fmt: skip
                    db.execute("DELETE FROM worklist_studies WHERE number = ?", [number])
                db.execute("DELETE FROM worklist_dirty WHERE study_id = ?", [study_id])

    # -- keeping -------------------------------------------------------------------------------------------

    def _bring_up(
        self, task: str, studies: Sequence[str], modalities: frozenset[str] | None, version: str
    ) -> None:
        """Put the rows of these studies as the records are now; inside a transaction."""
        known = self.now(task, version, studies)
        self.forget([study_id for study_id in studies if study_id not in known])
        records = {s: r for s, r in known.items() if modalities is None or r["modality"] in modalities}
        numbers = self._numbered(studies, records)
        db = self._store.db.conn
        gone, come = [], []
        for study_id in studies:
            number = numbers.get(study_id)
            if number is None:
                continue
            before = self._kept(task, number)
            record = records.get(study_id)
            after = None if record is None else Kept(number, self._facet(task, record), _keys(record))
            if after == before:
                continue
            if before is not None:
                gone.append(before)
            if after is None:
                db.execute("DELETE FROM worklist_rows WHERE task = ? AND number = ?", [task, number])
                continue
            come.append(after)
            db.execute(
                f"INSERT OR REPLACE INTO worklist_rows (task, number, facet, {', '.join(SORTS)}) "  # noqa: S608
                "VALUES (?, ?, ?, ?, ?, ?, ?)", [task, number, after.facet, *after.keys],
            )  # fmt: skip
        moved = Counter(row.facet for row in come)
        moved.subtract(row.facet for row in gone)
        db.executemany("UPDATE worklist_facets SET rows = rows + ? WHERE facet = ?",
                       [(change, facet) for facet, change in moved.items() if change])  # fmt: skip
        self.blocks.move(task, gone, come)

    def _kept(self, task: str, number: int) -> Kept | None:
        """A row as it is kept now."""
        sql = f"SELECT facet, {', '.join(SORTS)} FROM worklist_rows WHERE task = ? AND number = ?"  # noqa: S608
        row = self._store.db.execute(sql, [task, number]).fetchone()
        return None if row is None else Kept(number, row[0], tuple(row[1:]))

    def _numbered(self, studies: Sequence[str], records: Mapping[str, Row]) -> dict[str, int]:
        """Study -> its number; new ones get one, with the words by which they are found."""
        db = self._store.db.conn
        sql = """SELECT study_id, number, words FROM worklist_studies
            WHERE study_id IN (SELECT value FROM json_each(?))"""
        known = {study_id: (number, words) for study_id, number, words in db.execute(sql, [json.dumps(studies)])}
        numbers = {study_id: number for study_id, (number, _) in known.items()}
        for study_id, record in records.items():
            words = " ".join((record["pseudonym"], study_id, record["view"], record["description"])).lower()
            if study_id not in known:
                cursor = db.execute(
                    "INSERT INTO worklist_studies (study_id, words) VALUES (?, ?)", [study_id, words]
                )
                numbers[study_id] = int(cursor.lastrowid or 0)
                db.execute("INSERT INTO worklist_words (rowid, words) VALUES (?, ?)", [numbers[study_id], words])
            elif known[study_id][1] != words:
                self._reword(numbers[study_id], known[study_id][1], words)
        return numbers

    def _reword(self, number: int, before: str, words: str) -> None:
        db = self._store.db.conn
        db.execute("INSERT INTO worklist_words (worklist_words, rowid, words) VALUES ('delete', ?, ?)",
                   [number, before])  # fmt: skip
        db.execute("UPDATE worklist_studies SET words = ? WHERE number = ?", [words, number])
        db.execute("INSERT INTO worklist_words (rowid, words) VALUES (?, ?)", [number, words])

    def _facet(self, task: str, record: Row) -> int:
        said = {**record, "held": int(bool(record["held"])), "answers": json.dumps(answers_of(record["results"]))}
        values = [said[name] for name in _FACET]
        db = self._store.db.conn
        where = " AND ".join(f"{name} = ?" for name in _FACET)
        found = db.execute(f"SELECT facet FROM worklist_facets WHERE task = ? AND {where}", [task, *values])  # noqa: S608
        row = found.fetchone()
        if row is not None:
            return int(row[0])
        cursor = db.execute(
            f"INSERT INTO worklist_facets (task, {', '.join(_FACET)}, rows) VALUES (?, ?, ?, ?, ?, ?, ?, ?, 0)",  # noqa: S608
            [task, *values],
        )
        return int(cursor.lastrowid or 0)


def _keys(record: Row) -> tuple[str | float, ...]:
    """The keys of a row, in the order of :data:`SORTS`."""
    doubt = record["uncertainty"]
    certain, uncertain = (LAST, LAST) if doubt is None else (float(doubt), -float(doubt))
    return (record["ingested_at"], certain, uncertain, f"{record['pseudonym']} {record['ingested_at']}")


def answers_of(results: str | None) -> list[str]:
    """The plain answers of a kept prediction as ``question=value``, sorted, each once."""
    kept: Iterable[Mapping[str, Any]] = json.loads(results or "[]")
    return sorted({f"{r['question']}={r['value']}" for r in kept if isinstance(r["value"], str | int)})
