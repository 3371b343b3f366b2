"""Scans: files that were uploaded for a patient, and the studies that they became."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from data.errors import NotFoundError
from data.tables.base import Row, Table, dump, fresh_id, now


class ScanState(StrEnum):
    """How far an upload is."""

    WAITING = "waiting"
    """The worker has not taken it in yet."""
    READY = "ready"
    """Its study is here."""
    REFUSED = "refused"
    """It cannot come in; ``Scan.problem`` says why."""


@dataclass(frozen=True, slots=True)
class Scan:
    """An uploaded file.

    Parameters
    ----------
    card_id:
        The patient's card; empty while nobody was named and the file was not read.
    study_id:
        The study that it became; empty before.
    task:
        The clinical task that it is meant for; empty before it is known.
    file_name:
        As it was uploaded; it may identify.
    original:
        The blob of the very bytes.
    problem:
        Why it was refused: error, given, expected, do.
    """

    scan_id: str
    card_id: str
    study_id: str
    task: str
    description: str
    file_name: str
    original: str
    size_bytes: int
    state: ScanState
    problem: Mapping[str, str] = field(default_factory=dict)
    created_at: str = ""
    updated_at: str = ""


class Scans(Table):
    """What was uploaded."""

    def add(
        self, *, card_id: str, task: str, description: str, file_name: str, original: str, size_bytes: int
    ) -> Scan:
        """Note an upload that waits.

        The same bytes for the same card, or for nobody by name, are one scan, unless they were refused before.
        """
        with self._store.write() as db:
            row = self._one(
                """SELECT * FROM scans WHERE original = :original AND state <> 'refused'
                AND (:card = '' OR card_id = :card) ORDER BY created_at LIMIT 1""",
                {"original": original, "card": card_id},
            )
            if row is not None:
                return _scan(row)
            scan_id, at = fresh_id("sc"), now()
            db.execute(
                "INSERT INTO scans VALUES (?, ?, NULL, ?, ?, ?, ?, ?, 'waiting', '{}', ?, ?)",
                (scan_id, card_id or None, task, description, file_name, original, size_bytes, at, at),
            )
            self._store.log.add("scan.uploaded", scan_id, bytes=size_bytes)
            return self.get(scan_id)

    def take(self, scan_id: str, *, card_id: str, study_id: str, task: str) -> bool:
        """The scan became a study. False: it was deleted, or settled before."""
        return self._settle(scan_id, ScanState.READY, card_id=card_id, study_id=study_id, task=task)

    def refuse(self, scan_id: str, problem: Mapping[str, str]) -> bool:
        """The scan cannot come in. False: it was deleted, or settled before."""
        return self._settle(scan_id, ScanState.REFUSED, problem=dump(dict(problem)))

    def _settle(self, scan_id: str, state: ScanState, **columns: str) -> bool:
        with self._store.write() as db:
            if self._one("SELECT 1 FROM scans WHERE scan_id = ? AND state = 'waiting'", [scan_id]) is None:
                return False
            db.table("scans").update(scan_id, {"state": state, "updated_at": now(), **columns})
            self._store.log.add(f"scan.{state}", scan_id, study=columns.get("study_id", ""))
            return True

    def describe(self, scan_id: str, description: str) -> Scan:
        """Write a scan's description.

        Raises
        ------
        NotFoundError
            There is no such scan.
        """
        with self._store.write() as db:
            self.get(scan_id)
            db.table("scans").update(scan_id, {"description": description, "updated_at": now()})
            self._store.log.add("scan.described", scan_id)
            return self.get(scan_id)

    def get(self, scan_id: str) -> Scan:
        """One scan.

        Raises
        ------
        NotFoundError
            There is none.
        """
        row = self._one("SELECT * FROM scans WHERE scan_id = ?", [scan_id])
        if row is None:
            raise NotFoundError(
                "There is no such scan.", given=scan_id, expected="the id of an upload, sc-...",
                do="list the scans with GET /api/scans",
            )  # fmt: skip
        return _scan(row)

    def is_there(self, scan_id: str) -> bool:
        """Whether there is such a scan."""
        return self._one("SELECT 1 FROM scans WHERE scan_id = ?", [scan_id]) is not None

    def names(self, original: str) -> bool:
        """Whether a scan has these bytes, named as the blob that they are."""
        return self._one("SELECT 1 FROM scans WHERE original = ?", [original]) is not None

    def find(
        self, *, card_id: str | None = None, study_id: str | None = None, limit: int = -1, offset: int = 0
    ) -> list[Scan]:
        """Scans, the newest first; of a card or study, or of all. No limit below 0."""
        rows = self._rows(
            """SELECT * FROM scans WHERE (:card IS NULL OR card_id = :card)
            AND (:study IS NULL OR study_id = :study)
            ORDER BY created_at DESC, scan_id LIMIT :limit OFFSET :offset""",
            {"card": card_id, "study": study_id, "limit": limit, "offset": offset},
        )
        return [_scan(row) for row in rows]

    def count(self, *, card_id: str | None = None) -> int:
        """How many scans there are; of a card, or of all."""
        sql = "SELECT count(*) AS n FROM scans WHERE :card IS NULL OR card_id = :card"
        row = self._one(sql, {"card": card_id})
        return int(row["n"]) if row else 0


def _scan(row: Row) -> Scan:
    return Scan(
        scan_id=row["scan_id"],
        card_id=row["card_id"] or "",
        study_id=row["study_id"] or "",
        task=row["task"],
        description=row["description"],
        file_name=row["file_name"],
        original=row["original"],
        size_bytes=row["size_bytes"],
        state=ScanState(row["state"]),
        problem=json.loads(row["problem"]),
        created_at=row["created_at"],
        updated_at=row["updated_at"],
    )
