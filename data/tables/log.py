"""The append-only log of what happened, chained by digests. No entry holds an identity."""

from __future__ import annotations

import json
import logging
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from data.chain import Anchor, Chain, Head
from data.errors import StoreError
from data.records import LogEntry
from data.schema_lineage import GUARDS
from data.seals import TABLES, RowKey, Seal, seal_rows, seal_table, together
from data.tables.base import Row, Table, dump, now

if TYPE_CHECKING:
    from data.store import Store

PIECE = 10_000
"""Entries that are chained at a time when an older log is brought up."""

_log = logging.getLogger(__name__)


class Log(Table):
    """Entries in the order in which they were written.

    Parameters
    ----------
    chain:
        The digests of the home.
    anchor:
        Where the newest digest is kept besides.
    """

    def __init__(self, store: Store, chain: Chain, anchor: Anchor) -> None:
        super().__init__(store)
        self.chain = chain
        self.anchor = anchor

    def add(self, event: str, subject: str, sealing: Iterable[RowKey] = (), /, **detail: Any) -> None:
        """Write an entry, in the transaction that is open or in one of its own.

        Parameters
        ----------
        event:
            What happened, such as ``round.opened``.
        subject:
            The id of the record that it happened to.
        sealing:
            The rows that were written or deleted with it: their content is fixed by the entry. Those that are gone
            when the entry is written are noted as gone.
        detail:
            What else is worth knowing, as JSON; nothing that names a patient.
        """
        with self._store.write() as db:
            before = self.head()
            sequence = before.sequence + 1
            seals = seal_rows(db.conn, self.chain, sealing)
            said = (now(), event, subject, dump(detail), together(seals))
            digest = self.chain.link(before.digest, sequence, *said)
            db.conn.execute("INSERT INTO log VALUES (?, ?, ?, ?, ?, ?, ?)", (sequence, *said, digest))
            db.conn.executemany(
                "INSERT INTO seals VALUES (?, ?, ?, ?, ?)",
                [(sequence, s.table, s.key, s.width, s.digest) for s in seals],
            )
            self._store.reached(before, Head(sequence, digest))

    def head(self) -> Head:
        """The newest entry's sequence and digest; those of the genesis where there is no entry."""
        row = self._store.db.conn.execute(
            "SELECT sequence, digest FROM log ORDER BY sequence DESC LIMIT 1"
        ).fetchone()
        return Head(*row) if row else self.chain.genesis

    def settle(self, before: Head, head: Head) -> None:
        """Bring the anchor up after a commit. What keeps it from that is for :mod:`data.verifying` to tell."""
        try:
            if not self.anchor.advance(before, head, self.digest_of):
                _log.warning("The log does not hold what its head names: run `consilium verify`.")
        except (StoreError, OSError) as error:
            _log.warning("The head of the log was not kept (%s): run `consilium verify`.", error)

    def digest_of(self, sequence: int) -> str | None:
        """The digest of an entry; the genesis' for 0, None where there is no such entry."""
        if not sequence:
            return self.chain.genesis.digest
        row = self._one("SELECT digest FROM log WHERE sequence = ?", [sequence])
        return row["digest"] if row else None

    def bring_up(self) -> None:
        """Give a home its anchor, and chain a log that is older than the chain, once, with a seal of every record.

        Only the caller that has the database to itself may ask for it. A log that is chained already and has lost
        its anchor gets none: that is for a person to see.
        """
        newest = self.head()
        if newest.sequence and newest.digest:
            return
        if not self.anchor.exists():
            self.anchor.create(self.chain.genesis)
        if self.anchor.read() == self.chain.genesis and (newest.sequence or self._anything()):
            with self._store.write():
                entries = self._chain_all()
                self._seal_all(entries)

    def _anything(self) -> bool:
        """Whether there are records that no entry tells of."""
        return any(self._one(f"SELECT 1 FROM {name} LIMIT 1") for name in TABLES)  # noqa: S608 - constant tables

    def _chain_all(self) -> int:
        db = self._store.db.conn
        db.execute("DROP TRIGGER log_is_fixed")
        before, entries = self.chain.genesis, 0
        while rows := db.execute(
            """SELECT sequence, at, event, subject, detail, seal FROM log WHERE sequence > ?
            ORDER BY sequence LIMIT ?""",
            (before.sequence, PIECE),
        ).fetchall():
            digests = []
            for sequence, *said in rows:
                before = Head(sequence, self.chain.link(before.digest, sequence, *said))
                digests.append((before.digest, sequence))
            db.executemany("UPDATE log SET digest = ? WHERE sequence = ?", digests)
            entries += len(rows)
        db.execute(GUARDS["log_is_fixed"])
        return entries

    def _seal_all(self, entries: int) -> None:
        db = self._store.db.conn
        before = self.head()
        sequence = before.sequence + 1
        for name in TABLES:
            seals = ((sequence, s.table, s.key, s.width, s.digest) for s in seal_table(db, self.chain, name))
            db.executemany("INSERT INTO seals VALUES (?, ?, ?, ?, ?)", seals)
        (records,) = db.execute("SELECT count(*) FROM seals WHERE sequence = ?", (sequence,)).fetchone()
        said = (
            now(), "log.chained", "log", dump({"entries": entries, "records": records}),
            together(self._seals(sequence)),
        )  # fmt: skip
        digest = self.chain.link(before.digest, sequence, *said)
        db.execute("INSERT INTO log VALUES (?, ?, ?, ?, ?, ?, ?)", (sequence, *said, digest))
        self._store.reached(self.chain.genesis, Head(sequence, digest))

    def _seals(self, sequence: int) -> Iterable[Seal]:
        rows = self._store.db.conn.execute(
            "SELECT record, key, width, digest FROM seals WHERE sequence = ? ORDER BY record, key", (sequence,)
        )
        return (Seal(*row) for row in rows)

    def entries(
        self, *, subject: str | None = None, event: str | None = None, limit: int = 100, offset: int = 0
    ) -> list[LogEntry]:
        """The newest entries first.

        Parameters
        ----------
        subject:
            Only those of this subject.
        event:
            Only those whose event is this one, or is of this kind: ``round`` finds ``round.opened``.
        limit, offset:
            The page.
        """
        where, parameters = _where(subject, event)
        rows = self._rows(
            f"SELECT * FROM log {where} ORDER BY sequence DESC LIMIT :limit OFFSET :offset",  # noqa: S608 - constants
            {**parameters, "limit": limit, "offset": offset},
        )
        return [_entry(row) for row in rows]

    def count(self, *, subject: str | None = None, event: str | None = None) -> int:
        """How many entries :meth:`entries` would give without a page."""
        where, parameters = _where(subject, event)
        row = self._one(f"SELECT count(*) AS n FROM log {where}", parameters)  # noqa: S608 - constants
        return int(row["n"]) if row else 0

    def events(self) -> list[str]:
        """The events that there are, sorted."""
        return [row["event"] for row in self._rows("SELECT DISTINCT event FROM log ORDER BY event")]


def _where(subject: str | None, event: str | None) -> tuple[str, dict[str, Any]]:
    clauses = ["subject = :subject"] if subject else []
    if event:
        clauses.append("(event = :event OR (event > :event || '.' AND event < :event || '/'))")
    return ("WHERE " + " AND ".join(clauses) if clauses else ""), {"subject": subject, "event": event}


def _entry(row: Row) -> LogEntry:
    return LogEntry(
        row["sequence"], row["at"], row["event"], row["subject"], json.loads(row["detail"]), row["seal"],
        row["digest"],
    )  # fmt: skip
