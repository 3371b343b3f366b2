"""The append-only log of what happened. No entry holds an identity."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from data.records import LogEntry
from data.tables.base import Table, dump, now


class Log(Table):
    """Entries in the order in which they were written."""

    def add(self, event: str, subject: str, **detail: Any) -> None:
        """Write an entry, in the transaction that is open or in one of its own.

        Parameters
        ----------
        event:
            What happened, such as ``round.opened``.
        subject:
            The id of the record that it happened to.
        detail:
            What else is worth knowing, as JSON; nothing that names a patient.
        """
        with self._store.write() as db:
            db.table("log").insert({"at": now(), "event": event, "subject": subject, "detail": dump(detail)})

    def entries(self, *, subject: str | None = None, limit: int = 100) -> list[LogEntry]:
        """The newest entries first; of one subject, or of all."""
        where = "WHERE subject = :subject" if subject else ""
        rows = self._rows(
            f"SELECT * FROM log {where} ORDER BY sequence DESC LIMIT :limit",  # noqa: S608 - a constant clause
            {"subject": subject, "limit": limit},
        )
        return [self._entry(row) for row in rows]

    @staticmethod
    def _entry(row: Mapping[str, Any]) -> LogEntry:
        return LogEntry(row["sequence"], row["at"], row["event"], row["subject"], json.loads(row["detail"]))
