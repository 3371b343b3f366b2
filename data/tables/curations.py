"""Curated sets by name: the rule, the flow and the studies, as they were drawn."""

from __future__ import annotations

import json
from dataclasses import dataclass

from data.curation.flow import Curated
from data.curation.rule import CurationRule
from data.curation.sets import curated_as_json, curated_from_json
from data.errors import ConflictError, NotFoundError
from data.seals import RowKey
from data.tables.base import Row, Table, dump, now


@dataclass(frozen=True, slots=True)
class KeptCuration:
    """A curated set of a task, and when it was drawn."""

    task: str
    curated: Curated
    created_at: str

    @property
    def name(self) -> str:
        """The set's name: that of its rule."""
        return self.curated.rule.name


class Curations(Table):
    """Curated sets of tasks."""

    def put(self, task: str, curated: Curated) -> KeptCuration:
        """Keep a set under its rule's name. The same rule's earlier set is replaced: studies may have come since.

        Raises
        ------
        ConflictError
            Another rule has that name.
        """
        name = curated.rule.name
        kept = KeptCuration(task, curated, now())
        with self._store.write() as db:
            self.check(task, curated.rule)
            db.execute(
                "INSERT OR REPLACE INTO curations VALUES (?, ?, ?, ?, ?)",
                (name, task, dump(curated.rule.as_json()), dump(curated_as_json(curated)), kept.created_at),
            )
            self._store.log.add(
                "curation.kept", name, [RowKey("curations", (task, name))], task=task,
                rule=curated.rule_digest, studies=len(curated.study_ids),
            )  # fmt: skip
        return kept

    def check(self, task: str, rule: CurationRule) -> None:
        """Refuse a rule whose name stands for another one.

        Raises
        ------
        ConflictError
            It does.
        """
        row = self._one("SELECT rule FROM curations WHERE task = ? AND name = ?", [task, rule.name])
        if row is not None and json.loads(row["rule"]) != json.loads(dump(rule.as_json())):
            raise ConflictError(
                "Another rule has that name.",
                given=rule.name,
                expected="a new name, or the rule that the name stands for",
                do="give the changed rule a name of its own: the set under the old one stays as it is",
            )

    def get(self, task: str, name: str) -> KeptCuration:
        """One set.

        Raises
        ------
        NotFoundError
            There is none of that name.
        CurationError
            It is damaged.
        """
        row = self._one("SELECT * FROM curations WHERE task = ? AND name = ?", [task, name])
        if row is None:
            raise NotFoundError(
                "There is no such curated set.",
                given=name,
                expected=", ".join(kept.name for kept in self.all(task)) or "the name of a set",
                do="list the sets with `consilium curate list`, or make one with `consilium curate run`",
            )
        return _kept(row)

    def all(self, task: str) -> list[KeptCuration]:
        """The sets of a task, the newest first."""
        rows = self._rows("SELECT * FROM curations WHERE task = ? ORDER BY created_at DESC, name", [task])
        return [_kept(row) for row in rows]


def _kept(row: Row) -> KeptCuration:
    return KeptCuration(row["task"], curated_from_json(json.loads(row["result"])), row["created_at"])
