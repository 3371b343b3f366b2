"""Adjudicators' decisions, and the appeals against them."""

from __future__ import annotations

from dataclasses import replace

from data.errors import ConflictError, NotFoundError
from data.records import Appeal, Decision
from data.seals import RowKey
from data.tables.base import Row, Table, fresh_id, now


class Decisions(Table):
    """Who decided what of the disputed cases, and why."""

    def keep(self, decision: Decision) -> Decision:
        """Keep a decision. The same annotation with the same revision again changes nothing.

        Raises
        ------
        ConflictError
            It decides on an appeal that somebody else has decided on, or that nobody made.
        """
        with self._store.write() as db:
            for known in self.all(decision.task, round_id=decision.round_id, study_id=decision.study_id):
                if (known.annotation_id, known.revision) == (decision.annotation_id, decision.revision):
                    return known
                second = bool(decision.appeal_of) and known.appeal_of == decision.appeal_of
                if second and known.reader_id != decision.reader_id:
                    raise ConflictError(
                        "The appeal was decided.", given=decision.reader_id, expected="one decision on an appeal",
                        do="leave it: a case is appealed once",
                    )  # fmt: skip
            if decision.appeal_of and self.appeal(decision.appeal_of) is None:
                raise ConflictError(
                    "Nobody appealed against that decision.", given=decision.appeal_of, expected="an appeal",
                    do="appeal first",
                )  # fmt: skip
            kept = replace(
                decision,
                decision_id=decision.decision_id or fresh_id("dc"),
                created_at=decision.created_at or now(),
            )
            db.execute(
                "INSERT INTO decisions VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
                (
                    kept.decision_id, kept.task, kept.study_id, kept.round_id, kept.reader_id,
                    kept.annotation_id, kept.revision, kept.why, kept.appeal_of, kept.created_at,
                ),
            )  # fmt: skip
            self._store.log.add(
                "case.decided", kept.study_id, [RowKey("decisions", (kept.decision_id,))],
                decision=kept.decision_id, reader=kept.reader_id, appeal_of=kept.appeal_of,
            )  # fmt: skip
            return kept

    def all(self, task: str, *, round_id: str | None = None, study_id: str | None = None) -> list[Decision]:
        """The decisions of a task, the oldest first; of a round or study where one is named."""
        rows = self._rows(
            """SELECT * FROM decisions WHERE task = :task AND (:round IS NULL OR round_id = :round)
            AND (:study IS NULL OR study_id = :study) ORDER BY created_at, decision_id""",
            {"task": task, "round": round_id, "study": study_id},
        )
        return [_decision(row) for row in rows]

    def get(self, decision_id: str) -> Decision:
        """One decision.

        Raises
        ------
        NotFoundError
            There is none.
        """
        row = self._one("SELECT * FROM decisions WHERE decision_id = ?", [decision_id])
        if row is None:
            raise NotFoundError("There is no such decision.", given=decision_id, expected="the id of a decision")
        return _decision(row)

    def object(self, decision_id: str, *, reader_id: str, reason: str) -> Appeal:
        """Appeal against a decision.

        Raises
        ------
        ConflictError
            There was an appeal in this case already, or the reason is missing.
        """
        with self._store.write() as db:
            decision = self.get(decision_id)
            if decision.appeal_of or self.appeal(decision_id) is not None:
                raise ConflictError(
                    "This case was appealed already.", given=decision_id, expected="one appeal a case",
                    do="leave the decision as it stands",
                )  # fmt: skip
            if not reason.strip():
                raise ConflictError(
                    "An appeal needs a reason.", given="none", expected="a sentence", do="say what was overlooked"
                )
            made = Appeal(decision_id, reader_id, reason.strip(), now())
            db.execute(
                "INSERT INTO appeals VALUES (?, ?, ?, ?)", (decision_id, reader_id, made.reason, made.created_at)
            )
            self._store.log.add(
                "case.appealed", decision.study_id, [RowKey("appeals", (decision_id,))],
                decision=decision_id, reader=reader_id,
            )  # fmt: skip
            return made

    def appeal(self, decision_id: str) -> Appeal | None:
        """The appeal against a decision, or None."""
        row = self._one("SELECT * FROM appeals WHERE decision_id = ?", [decision_id])
        return Appeal(row["decision_id"], row["reader_id"], row["reason"], row["created_at"]) if row else None


def _decision(row: Row) -> Decision:
    return Decision(
        decision_id=row["decision_id"],
        task=row["task"],
        study_id=row["study_id"],
        round_id=row["round_id"],
        reader_id=row["reader_id"],
        annotation_id=row["annotation_id"],
        revision=row["revision"],
        why=row["why"],
        appeal_of=row["appeal_of"],
        created_at=row["created_at"],
    )
