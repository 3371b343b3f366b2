"""Whether anything was changed behind the log's back: entries, the head, the records that they seal, and files.

Everything is read once, in order, from one state of the database, so that memory does not grow with the log and
others go on writing meanwhile. Text is read as bytes: a byte that is no text any more is a difference like others.
"""

from __future__ import annotations

import json
import re
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass, field
from itertools import chain as joined
from itertools import groupby
from pathlib import Path
from typing import Any
from urllib.parse import quote

from data.blobs import Blobs
from data.chain import Chain, Head
from data.errors import BlobError, StoreError
from data.schema_lineage import GUARDS
from data.seals import TABLES, Seal, columns_of, together
from data.store import Store

Progress = Callable[[float, str], None]
MOST = 200
"""Findings that are told one by one; the others are counted."""
EVERY = 2000
"""Rows between two words of progress."""
RESTORE = "restore the home from a copy that verifies, and see who could write to it"
_NAME = re.compile(rb"[0-9a-f]{64}")


@dataclass(frozen=True, slots=True)
class Finding:
    """Something that is not as the log says.

    Parameters
    ----------
    kind:
        ``guard``, ``entry``, ``head``, ``seal``, ``record``, ``file`` or ``database``.
    where:
        The entry, row or file.
    message:
        What is wrong, as a sentence.
    given, expected, do:
        What was found, what was expected, and what to do.
    """

    kind: str
    where: str
    message: str
    given: str
    expected: str
    do: str = RESTORE


@dataclass(frozen=True, slots=True)
class Verified:
    """What was walked, and what was found.

    Parameters
    ----------
    entries, records, files:
        How many were compared.
    head:
        The newest entry.
    behind:
        Entries that the head's file does not name yet: a process was killed right after its commit.
    findings:
        The first :data:`MOST` of them.
    found:
        How many there are.
    """

    entries: int
    records: int
    files: int
    head: Head
    behind: int
    findings: tuple[Finding, ...]
    found: int

    @property
    def sound(self) -> bool:
        """Whether nothing was found."""
        return not self.found


@dataclass
class _Walk:
    """A verification under way."""

    store: Store
    blobs: Blobs
    db: sqlite3.Connection
    pixels: bool
    progress: Progress
    entries: int = 0
    records: int = 0
    files: int = 0
    found: int = 0
    findings: list[Finding] = field(default_factory=list)

    @property
    def chain(self) -> Chain:
        return self.store.log.chain

    def find(self, kind: str, where: str, message: str, given: object, expected: str, do: str = RESTORE) -> None:
        self.found += 1
        if len(self.findings) < MOST:
            self.findings.append(Finding(kind, where, message, str(given), expected, do))

    def tell(self, share: float, words: str) -> None:
        self.progress(min(share, 1.0), words)


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
        walk = _Walk(store, blobs, db, pixels, progress)
        head, kept = store.log.chain.genesis, None
        try:
            db.execute("BEGIN")
            _guards(walk)
            head, kept = _entries(walk, anchor)
            _records(walk)
            _missing(walk)
            _files(walk)
        except sqlite3.Error as error:
            walk.find(
                "database", store.path.name, "The database file is damaged.", error, "a file that SQLite can read"
            )
        else:
            _head(walk, anchor, unread, head, kept)
    behind = max(head.sequence - anchor.sequence, 0) if anchor else 0
    return Verified(walk.entries, walk.records, walk.files, head, behind, tuple(walk.findings), walk.found)


def _connection(path: Path) -> sqlite3.Connection:
    db = sqlite3.connect(f"file:{quote(str(path))}?mode=ro", uri=True, isolation_level=None)
    db.text_factory = bytes
    return db


def _text(raw: Any) -> str:
    return raw.decode(errors="replace") if isinstance(raw, bytes) else str(raw)


def _count(walk: _Walk, table: str) -> int:
    return int(walk.db.execute(f"SELECT count(*) FROM {table}").fetchone()[0])  # noqa: S608 - constant tables


def _guards(walk: _Walk) -> None:
    """The triggers that refuse changes, and what SQLite itself says of the file."""
    rows = walk.db.execute("SELECT name, sql FROM sqlite_master WHERE type = 'trigger'")
    kept = {_text(name): _text(sql) for name, sql in rows}
    for name, sql in GUARDS.items():
        if kept.get(name) != sql:
            walk.find(
                "guard", name, "A trigger that keeps the log from being changed is not there, or is another.",
                kept.get(name, "none"), sql, "see who changed the schema; what they did with it is told below",
            )  # fmt: skip
    for (said,) in walk.db.execute("PRAGMA quick_check(20)"):
        if said != b"ok":
            walk.find("database", "quick_check", "SQLite finds the file damaged.", _text(said), "ok")


def _entries(walk: _Walk, anchor: Head | None) -> tuple[Head, str | None]:
    """Walk the chain with the seals; the newest entry, and the digest where the anchor points (None: no entry)."""
    total = _count(walk, "log")
    before, at_anchor = walk.chain.genesis, None
    sealed = _Sealed(walk)
    rows = walk.db.execute("SELECT sequence, at, event, subject, detail, seal, digest FROM log ORDER BY sequence")
    for sequence, *said, digest in rows:
        where = f"entry {sequence} ({_text(said[1])} {_text(said[2])})"
        if sequence != before.sequence + 1:
            walk.find(
                "entry", where, "Entries are missing before this one.",
                f"entry {before.sequence} before entry {sequence}", f"entry {before.sequence + 1}",
            )  # fmt: skip
        expected = walk.chain.link(before.digest, sequence, *said)
        if expected.encode() != digest:
            walk.find(
                "entry", where, "An entry of the log was changed, put in, moved or follows one that was.",
                f"digest {_text(digest)[:16]}…", f"digest {expected[:16]}… for what it says and follows",
            )  # fmt: skip
        sealed.compare(sequence, where, _text(said[4]))
        before = Head(sequence, _text(digest))
        if anchor is not None and sequence == anchor.sequence:
            at_anchor = before.digest
        walk.entries += 1
        if walk.entries % EVERY == 0:
            walk.tell(0.5 * walk.entries / max(total, 1), f"{walk.entries:,} of {total:,} entries")
    sealed.compare(None, "", "")
    return before, at_anchor


class _Sealed:
    """The seals, walked beside the entries."""

    def __init__(self, walk: _Walk) -> None:
        self._walk = walk
        rows = walk.db.execute("SELECT sequence, record, key, width, digest FROM seals ORDER BY 1, 2, 3")
        self._groups = groupby(rows, key=lambda row: int(row[0]))
        self._next = next(self._groups, None)

    def compare(self, sequence: int | None, where: str, seal: str) -> None:
        """Compare the seals of an entry with its own; None: there are no further entries."""
        found = ""
        while self._next is not None and (sequence is None or self._next[0] <= sequence):
            own, rows = self._next
            digest = together(Seal(_text(r[1]), _text(r[2]), r[3], _text(r[4])) for r in rows)
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


def _head(walk: _Walk, anchor: Head | None, unread: str, head: Head, kept: str | None) -> None:
    """Compare the newest entries with the head that is kept outside of the database."""
    if anchor is None:
        walk.find(
            "head", "log.head", "The file with the head of the log is missing or is not this home's.", unread,
            f"a head up to entry {head.sequence}",
        )  # fmt: skip
    elif anchor.sequence > head.sequence:
        walk.find(
            "head", f"entries {head.sequence + 1} to {anchor.sequence}",
            "The newest entries of the log were taken out, or were lost with the power.",
            f"entry {head.sequence} is the newest", f"entry {anchor.sequence}",
            "restore the newest copy; if the database was restored from an older one, restore the whole home",
        )  # fmt: skip
    elif anchor.sequence and kept != anchor.digest:
        walk.find(
            "head", f"entry {anchor.sequence}", "The log does not hold the entry that its head names.",
            f"digest {(kept or 'none')[:16]}…", f"digest {anchor.digest[:16]}…",
        )  # fmt: skip


def _records(walk: _Walk) -> None:
    """Compare every row of the sealed tables with its newest seal."""
    totals = {name: _count(walk, name) for name in TABLES}
    total, done = sum(totals.values()), 0
    newest = (
        "SELECT width, digest, sequence FROM seals WHERE record = ? AND key = ? ORDER BY sequence DESC LIMIT 1"
    )
    for name, table in TABLES.items():
        columns = (*table.keys, *table.columns)
        for cells in walk.db.execute(f"SELECT {', '.join(columns)} FROM {name}"):  # noqa: S608 - constant tables
            key = json.dumps([_text(c) if isinstance(c, bytes) else c for c in cells[: len(table.keys)]],
                             ensure_ascii=False)  # fmt: skip
            _record(walk, name, key, cells, walk.db.execute(newest, (name, key)).fetchone())
            done += 1
            if done % EVERY == 0:
                walk.tell(0.5 + 0.3 * done / max(total, 1), f"{done:,} of {total:,} records")
    walk.records = done


def _record(walk: _Walk, name: str, key: str, cells: tuple[Any, ...], seal: Any) -> None:
    where = f"{name} {key}"
    if seal is None or not seal[0]:
        walk.find(
            "record", where, "A record was put in without the log." if seal is None else
            f"A record is there that was deleted by entry {seal[2]}.", "a row", "no such row",
        )  # fmt: skip
        return
    width, digest, sequence = seal
    if width > len(cells) or walk.chain.seal(name, *cells[:width]).encode() != digest:
        walk.find(
            "record", where, "A record was changed without the log.",
            "a row that does not fit its seal", f"the row as entry {sequence} sealed it "
            f"({', '.join(columns_of(name, width)[len(TABLES[name].keys):])})",
        )  # fmt: skip


def _missing(walk: _Walk) -> None:
    """Name the rows whose newest seal says that they are there, and that are not."""
    for name, table in TABLES.items():
        keys = " AND ".join(
            f"t.{column} = json_extract(s.key, '$[{place}]')" for place, column in enumerate(table.keys)
        )
        rows = walk.db.execute(
            f"""SELECT s.key, s.sequence FROM seals s WHERE s.record = ? AND s.width > 0
            AND s.sequence = (SELECT max(n.sequence) FROM seals n WHERE n.record = s.record AND n.key = s.key)
            AND json_valid(s.key) AND NOT EXISTS (SELECT 1 FROM {name} t WHERE {keys})""",  # noqa: S608 - constants
            (name,),
        )
        for key, sequence in rows:
            walk.find(
                "record", f"{name} {_text(key)}", "A record was deleted without the log.", "no such row",
                f"the row as entry {sequence} sealed it",
            )  # fmt: skip


def _files(walk: _Walk) -> None:
    """Read the files that records name, and compare each with its name."""
    named = [
        joined.from_iterable(_manifest(walk, row[0]) for row in walk.db.execute("SELECT manifest FROM versions")),
        (raw for (raw,) in walk.db.execute("SELECT raw FROM annotations WHERE raw <> ''")),
    ]
    for table, column in (("annotations", "answers"), ("predictions", "results"), ("reference_labels", "value"),
                          ("consensus", "value")):  # fmt: skip
        rows = walk.db.execute(f"SELECT {column} FROM {table} WHERE instr({column}, 'masks')")  # noqa: S608
        named.append(name for (said,) in rows for name in _NAME.findall(said))
    for raw in joined.from_iterable(named):
        _file(walk, _text(raw), read=True)
    for (raw,) in walk.db.execute("SELECT pixels FROM series"):
        _file(walk, _text(raw), read=walk.pixels)


def _manifest(walk: _Walk, raw: bytes) -> Iterator[str]:
    """A manifest and the files that it names: weights, and what it learnt from."""
    name = _text(raw)
    yield name
    try:
        manifest = json.loads(walk.blobs.get(name))
        stages = manifest.get("stages", {}).values()
        yield from (stage["weights"] for stage in stages if "weights" in stage)
        if learnt_from := manifest.get("data", {}).get("learnt_from"):
            yield str(learnt_from)
    except (BlobError, ValueError, AttributeError, TypeError):
        return  # told of where the manifest itself is read


def _file(walk: _Walk, name: str, *, read: bool) -> None:
    walk.files += 1
    if walk.files % 50 == 0:
        walk.tell(0.9, f"{walk.files:,} files")
    try:
        if read:
            walk.blobs.check(name)
        elif name not in walk.blobs:
            raise BlobError("A kept file is missing.", given=name, expected="the file as it was kept", do=RESTORE)
    except BlobError as error:
        walk.find("file", name, error.message, error.given, error.expected, error.do)
