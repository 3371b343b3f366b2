"""Whether anything was changed behind the log's back: entries, the head, the records that they seal, and files.

Everything is read once, in order, from one state of the database, so that memory does not grow with the log and
others go on writing meanwhile. Text is read as bytes: a byte that is no text any more is a difference like others.
"""

from __future__ import annotations

import sqlite3
from contextlib import closing
from itertools import groupby
from pathlib import Path
from urllib.parse import quote

from data.blobs import Blobs
from data.chain import Head
from data.errors import ConflictError, StoreError
from data.schema_lineage import GUARDS
from data.seals import Seal, together
from data.store import Store
from data.verifying_records import compare_files, compare_records, find_missing
from data.verifying_walk import EVERY, MOST, Finding, Progress, Verified, Walk, text

__all__ = ["MOST", "Finding", "Verified", "accept_loss", "verify"]

ACCEPT = (
    "restore the whole home from a copy; if there is none, `consilium verify --accept REASON` goes on from here, "
    "and the log says so"
)


def verify(
    store: Store, blobs: Blobs, *, pixels: bool = False, progress: Progress = lambda share, words: None
) -> Verified:
    """Compare the log with its chain and its head, and the records and files with the log.

    Parameters
    ----------
    pixels:
        Whether to read the pixels of every series as well; without it they must only be there. All other files
        (manifests, weights, raw answers, masks) are read always.
    """
    anchor, unread = None, ""
    try:
        anchor = store.log.anchor.read()  # before the state that is walked: it can be behind that and never ahead
    except StoreError as error:
        unread = error.given
    with closing(_connection(store.path)) as db:
        walk = Walk(store, blobs, db, pixels, progress)
        head, kept = store.log.chain.genesis, None
        try:
            db.execute("BEGIN")
            _guards(walk)
            head, kept = _entries(walk, anchor)
            compare_records(walk)
            find_missing(walk)
            compare_files(walk)
        except sqlite3.Error as error:
            walk.find(
                "database", store.path.name, "The database file is damaged.", error, "a file that SQLite can read"
            )
        else:
            _head(walk, anchor, unread, head, kept)
    behind = max(head.sequence - anchor.sequence, 0) if anchor else 0
    return Verified(walk.entries, walk.records, walk.files, head, behind, tuple(walk.findings), walk.found)


def accept_loss(store: Store, reason: str) -> None:
    """Go on from the newest entry that there is, in place of the head that is kept: the log itself says so.

    Raises
    ------
    ConflictError
        The log holds what its head names, or the reason is missing.
    """
    head = store.log.head()
    try:
        kept = store.log.anchor.read()
    except StoreError:
        kept = None
    if kept is not None and store.log.digest_of(kept.sequence) == kept.digest:
        raise ConflictError(
            "There is no loss to accept.", given=f"the head names entry {kept.sequence}, and the log holds it",
            expected="a head that the log does not hold", do="see `consilium verify` for what it finds",
        )  # fmt: skip
    if not reason.strip():
        raise ConflictError("Accepting a loss needs a reason.", given="none", expected="what happened, in words")
    named = kept.sequence if kept else 0
    store.log.add("log.loss_accepted", "log", reason=reason.strip(), newest=head.sequence, named=named)
    store.log.anchor.replace(store.log.head())


def _connection(path: Path) -> sqlite3.Connection:
    db = sqlite3.connect(f"file:{quote(str(path))}?mode=ro", uri=True, isolation_level=None)
    db.text_factory = bytes
    return db


def _guards(walk: Walk) -> None:
    """The triggers that refuse changes, and what SQLite itself says of the file."""
    rows = walk.db.execute("SELECT name, sql FROM sqlite_master WHERE type = 'trigger'")
    kept = {text(name): text(sql) for name, sql in rows}
    for name, sql in GUARDS.items():
        if kept.get(name) != sql:
            walk.find(
                "guard", name, "A trigger that keeps the log from being changed is not there, or is another.",
                kept.get(name, "none"), sql, "see who changed the schema; what they did with it is told below",
            )  # fmt: skip
    for (said,) in walk.db.execute("PRAGMA quick_check(20)"):
        if said != b"ok":
            walk.find("database", "quick_check", "SQLite finds the file damaged.", text(said), "ok")


def _entries(walk: Walk, anchor: Head | None) -> tuple[Head, str | None]:
    """Walk the chain with the seals; the newest entry, and the digest where the anchor points (None: no entry)."""
    total = walk.count("log")
    before, at_anchor = walk.chain.genesis, None
    sealed = _Sealed(walk)
    rows = walk.db.execute("SELECT sequence, at, event, subject, detail, seal, digest FROM log ORDER BY sequence")
    for sequence, *said, digest in rows:
        where = f"entry {sequence} ({text(said[1])} {text(said[2])})"
        if sequence != before.sequence + 1:
            walk.find(
                "entry", where, "Entries are missing before this one.",
                f"entry {before.sequence} before entry {sequence}", f"entry {before.sequence + 1}",
            )  # fmt: skip
        expected = walk.chain.link(before.digest, sequence, *said)
        if expected.encode() != digest:
            walk.find(
                "entry", where, "An entry of the log was changed, put in, moved or follows one that was.",
                f"digest {text(digest)[:16]}…", f"digest {expected[:16]}… for what it says and follows",
            )  # fmt: skip
        sealed.compare(sequence, where, text(said[4]))
        before = Head(sequence, text(digest))
        if anchor is not None and sequence == anchor.sequence:
            at_anchor = before.digest
        walk.entries += 1
        if walk.entries % EVERY == 0:
            walk.tell(0.5 * walk.entries / max(total, 1), f"{walk.entries:,} of {total:,} entries")
    sealed.compare(None, "", "")
    return before, at_anchor


class _Sealed:
    """The seals, walked beside the entries."""

    def __init__(self, walk: Walk) -> None:
        self._walk = walk
        rows = walk.db.execute("SELECT sequence, record, key, width, digest FROM seals ORDER BY 1, 2, 3")
        self._groups = groupby(rows, key=lambda row: int(row[0]))
        self._next = next(self._groups, None)

    def compare(self, sequence: int | None, where: str, seal: str) -> None:
        """Compare the seals of an entry with its own; None: there are no further entries."""
        found = ""
        while self._next is not None and (sequence is None or self._next[0] <= sequence):
            own, rows = self._next
            digest = together(Seal(text(r[1]), text(r[2]), r[3], text(r[4])) for r in rows)
            if own == sequence:
                found = digest
            else:
                self._walk.find("seal", f"seals of entry {own}", "Seals belong to no entry.", own, "an entry")
            self._next = next(self._groups, None)
        if found != seal:
            self._walk.find(
                "seal", where, "The seals of an entry were changed, put in or taken out.",
                f"{found[:16]}…" if found else "no seals", f"{seal[:16]}…" if seal else "no seals",
            )  # fmt: skip


def _head(walk: Walk, anchor: Head | None, unread: str, head: Head, kept: str | None) -> None:
    """Compare the newest entries with the head that is kept outside of the database."""
    if anchor is None:
        walk.find(
            "head", "log.head", "The file with the head of the log is missing or is not this home's.", unread,
            f"a head up to entry {head.sequence}", ACCEPT,
        )  # fmt: skip
    elif anchor.sequence > head.sequence:
        walk.find(
            "head", f"entries {head.sequence + 1} to {anchor.sequence}",
            "The newest entries of the log were taken out, or were lost with the power.",
            f"entry {head.sequence} is the newest", f"entry {anchor.sequence}",
            ACCEPT,
        )  # fmt: skip
    elif anchor.sequence and kept != anchor.digest:
        walk.find(
            "head", f"entry {anchor.sequence}", "The log does not hold the entry that its head names.",
            f"digest {(kept or 'none')[:16]}…", f"digest {anchor.digest[:16]}…", ACCEPT,
        )  # fmt: skip
