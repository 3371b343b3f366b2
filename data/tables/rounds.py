"""Rounds and their query batches."""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping, Sequence
from typing import Any

from data.errors import NotFoundError, RoundError
from data.records import BatchItem, Mode, Purpose, QueryBatch, Round, RoundKind, RoundState
from data.seals import RowKey
from data.tables.base import Row, Table, dump, now

ENDED = frozenset({RoundState.PROMOTED, RoundState.KEPT, RoundState.CANCELLED})


class Rounds(Table):
    """The turns of the loop."""

    def open(
        self,
        task: str,
        items: Sequence[BatchItem],
        plan: Mapping[str, Any],
        champion: str,
        *,
        kind: RoundKind = RoundKind.QUERY,
    ) -> Round:
        """Open the task's next round with its batch, in one transaction.

        Rounds that qualify a reader go beside the others: there may be several, and each is one reader's.

        Raises
        ------
        RoundError
            A round of the task is still open, or the batch is empty.
        """
        if not items:
            raise RoundError(
                "There is nothing to read.", given="an empty batch", expected="at least one study",
                do="ingest more studies",
            )  # fmt: skip
        with self._store.write() as db:
            last = self.latest(task, kind=kind)
            if kind == RoundKind.QUERY and last is not None and last.state not in ENDED:
                raise RoundError(
                    "A round of this task is still open.",
                    given=f"{last.round_id} is {last.state}",
                    expected="a round that was promoted, kept or cancelled",
                    do=f"finish it, or cancel it with `consilium round cancel {last.round_id}`",
                )
            number = (last.number if last else 0) + 1
            round_id = f"{task}-{'r' if kind == RoundKind.QUERY else 'q'}{number}"
            at = now()
            db.execute(
                "INSERT INTO rounds VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
                (round_id, task, number, RoundState.OPENED, dump(dict(plan)), champion, "", "{}", at, at, kind),
            )
            for position, item in enumerate(items):
                db.execute(
                    "INSERT INTO batch_items VALUES (?, ?, ?, ?, ?, ?, ?)",
                    (round_id, position, item.study_id, item.purpose, item.mode, item.score, item.reason),
                )
            rows = [RowKey("batch_items", (round_id, item.study_id)) for item in items]
            self._store.log.add(
                "round.opened", round_id, [RowKey("rounds", (round_id,)), *rows], studies=len(items),
                champion=champion,
            )  # fmt: skip
            return self.get(round_id)

    def move(
        self,
        round_id: str,
        state: RoundState,
        *,
        expected: Collection[RoundState],
        candidate: str | None = None,
        outcome: Mapping[str, Any] | None = None,
    ) -> Round:
        """Bring a round to a state. A round that is there already stays as it is.

        Raises
        ------
        RoundError
            It is in none of the expected states.
        """
        with self._store.write() as db:
            current = self.get(round_id)
            if current.state == state:
                return current
            if current.state not in expected:
                raise RoundError(
                    f"The round cannot become {state}.",
                    given=f"{round_id} is {current.state}",
                    expected=" or ".join(expected),
                    do=f"see `consilium round status {current.task}` for the next step",
                )
            values: dict[str, Any] = {"state": state, "updated_at": now()}
            if candidate is not None:
                values["candidate"] = candidate
            if outcome is not None:
                values["outcome"] = dump(dict(outcome))
            db.table("rounds").update(round_id, values)
            self._store.log.add(f"round.{state}", round_id, [RowKey("rounds", (round_id,))])
            return self.get(round_id)

    def get(self, round_id: str) -> Round:
        """One round.

        Raises
        ------
        NotFoundError
            There is none.
        """
        row = self._one("SELECT * FROM rounds WHERE round_id = ?", [round_id])
        if row is None:
            raise NotFoundError(
                "There is no such round.", given=round_id, expected="<task>-r<number>",
                do="list the rounds with `consilium round status TASK`",
            )  # fmt: skip
        return _round(row)

    def all(self, task: str | None = None, *, kind: RoundKind | None = RoundKind.QUERY) -> list[Round]:
        """The rounds, the newest first; of one task, or of all; of one kind, or of both."""
        rows = self._rows(
            """SELECT * FROM rounds WHERE (:task IS NULL OR task = :task) AND (:kind IS NULL OR kind = :kind)
            ORDER BY opened_at DESC""",
            {"task": task, "kind": kind},
        )
        return [_round(row) for row in rows]

    def first(self, task: str) -> Round | None:
        """The task's first round, or None."""
        rounds = self.all(task)
        return rounds[-1] if rounds else None

    def latest(self, task: str, *, kind: RoundKind = RoundKind.QUERY) -> Round | None:
        """The task's newest round, or None."""
        sql = "SELECT * FROM rounds WHERE task = ? AND kind = ? ORDER BY number DESC LIMIT 1"
        row = self._one(sql, [task, kind])
        return _round(row) if row else None

    def batch(self, round_id: str) -> QueryBatch:
        """What a round asked to be read, in its order."""
        rows = self._rows("SELECT * FROM batch_items WHERE round_id = ? ORDER BY position", [round_id])
        items = tuple(
            BatchItem(r["study_id"], Purpose(r["purpose"]), Mode(r["mode"]), r["score"], r["reason"]) for r in rows
        )
        return QueryBatch(round_id, self.get(round_id).task, items)

    def studies_asked(self, task: str) -> set[str]:
        """The studies that were in a batch of the task before, cancelled rounds left out."""
        rows = self._rows(
            """SELECT DISTINCT study_id FROM batch_items JOIN rounds USING (round_id)
            WHERE task = ? AND state <> 'cancelled' AND kind = 'query'""",
            [task],
        )
        return {row["study_id"] for row in rows}


def _round(row: Row) -> Round:
    return Round(
        round_id=row["round_id"],
        task=row["task"],
        number=row["number"],
        state=RoundState(row["state"]),
        plan=json.loads(row["plan"]),
        champion=row["champion"],
        candidate=row["candidate"],
        outcome=json.loads(row["outcome"]),
        opened_at=row["opened_at"],
        updated_at=row["updated_at"],
        kind=RoundKind(row["kind"]),
    )
