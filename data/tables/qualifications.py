"""Qualifications: which readers have shown that they can read a task."""

from __future__ import annotations

from dataclasses import replace

from data.records import Qualification
from data.seals import RowKey
from data.tables.base import Row, Table, now


class Qualifications(Table):
    """The outcomes of qualification rounds."""

    def keep(self, outcome: Qualification) -> Qualification:
        """Keep an outcome; the round's earlier one is replaced."""
        kept = replace(outcome, created_at=outcome.created_at or now())
        with self._store.write() as db:
            db.execute(
                "INSERT OR REPLACE INTO qualifications VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
                (
                    kept.round_id, kept.task, kept.reader_id, kept.guideline, kept.score, kept.needed,
                    kept.answers, kept.created_at,
                ),
            )  # fmt: skip
            self._store.log.add(
                "reader.qualified" if kept.passed else "reader.not_qualified", kept.reader_id,
                [RowKey("qualifications", (kept.round_id,))], task=kept.task, score=round(kept.score, 4),
                needed=kept.needed, answers=kept.answers,
            )  # fmt: skip
        return kept

    def all(self, task: str, *, reader_id: str | None = None) -> list[Qualification]:
        """The outcomes of a task, the newest first; of one reader, or of all."""
        rows = self._rows(
            """SELECT * FROM qualifications WHERE task = :task AND (:reader IS NULL OR reader_id = :reader)
            ORDER BY created_at DESC""",
            {"task": task, "reader": reader_id},
        )
        return [_qualification(row) for row in rows]

    def passed(self, task: str, reader_id: str) -> Qualification | None:
        """The newest outcome that passed and whose guideline asks what is asked now; None where there is none."""
        for outcome in self.all(task, reader_id=reader_id):
            if outcome.passed and not self._store.guidelines.outdated(task, outcome.guideline):
                return outcome
        return None


def _qualification(row: Row) -> Qualification:
    return Qualification(
        task=row["task"],
        reader_id=row["reader_id"],
        guideline=row["guideline"],
        round_id=row["round_id"],
        score=row["score"],
        needed=row["needed"],
        answers=row["answers"],
        created_at=row["created_at"],
    )
