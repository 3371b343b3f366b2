"""What a verification finds, and its way through the database so far."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from data.blobs import Blobs
from data.chain import Chain, Head
from data.store import Store

Progress = Callable[[float, str], None]
MOST = 200
"""Findings that are told one by one; the others are counted."""
EVERY = 2000
"""Rows between two words of progress."""
RESTORE = "restore the home from a copy that verifies, and see who could write to it"


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
class Walk:
    """A verification under way, over one state of the database whose text is read as bytes."""

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
        """The digests of the home."""
        return self.store.log.chain

    def find(self, kind: str, where: str, message: str, given: object, expected: str, do: str = RESTORE) -> None:
        """Note a finding."""
        self.found += 1
        if len(self.findings) < MOST:
            self.findings.append(Finding(kind, where, message, str(given), expected, do))

    def tell(self, share: float, words: str) -> None:
        """Say how far it is."""
        self.progress(min(share, 1.0), words)

    def count(self, table: str) -> int:
        """How many rows a table has."""
        return int(self.db.execute(f"SELECT count(*) FROM {table}").fetchone()[0])  # noqa: S608 - constant tables


def text(raw: Any) -> str:
    """A cell as text, whatever its bytes are."""
    return raw.decode(errors="replace") if isinstance(raw, bytes) else str(raw)
