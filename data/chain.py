"""The log as a chain: what each entry's digest is of, and the head that is kept outside of the database.

The digest of an entry is an HMAC-SHA256 under the home's own key over the digest before it, its sequence, and
every byte of what it says: a hash chain (Haber and Stornetta, J. Cryptology 3, 1991) with a key (Schneier and
Kelsey, ACM TISSEC 2(2), 1999). Who can write to the database and lacks the key cannot make another entry that
fits; the first entry follows a digest of the key alone, so that another home's log does not fit either.

That nothing follows an entry can only be told from outside: :class:`Anchor` keeps the newest sequence and digest
in a file beside the home's keys, signed.
"""

from __future__ import annotations

import fcntl
import hmac
import os
import struct
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from data.errors import StoreError

Cell = None | int | float | str | bytes
"""What a column of SQLite holds."""


@dataclass(frozen=True, slots=True)
class Head:
    """The newest entry: its sequence, and its digest of 64 hexadecimal digits."""

    sequence: int
    digest: str


class Chain:
    """Digests under a home's key.

    Parameters
    ----------
    key:
        The secret, as hexadecimal digits.
    """

    def __init__(self, key: str) -> None:
        self._key = bytes.fromhex(key)
        self.genesis = Head(0, self._digest(b"genesis", ()))

    def link(self, before: str, sequence: int, *said: Cell) -> str:
        """The digest of an entry.

        Parameters
        ----------
        before:
            The digest of the entry before it, or the genesis'.
        said:
            The columns of the entry, in their order.
        """
        return self._digest(b"link", (before, sequence, *said))

    def seal(self, table: str, *columns: Cell) -> str:
        """The digest of a row's content. It says nothing of the content to those who lack the key."""
        return self._digest(b"seal", (table, *columns))

    def sign(self, head: Head) -> str:
        """The signature of a head."""
        return self._digest(b"head", (head.sequence, head.digest))

    def _digest(self, purpose: bytes, cells: tuple[Cell, ...]) -> str:
        return hmac.digest(self._key, purpose + b"".join(map(canonical, cells)), "sha256").hex()


def canonical(cell: Cell) -> bytes:
    """A cell as bytes that no other cell has: kind, length, content. Text is its UTF-8, as SQLite keeps it."""
    if cell is None:
        return b"n"
    if isinstance(cell, int):
        kind, content = b"i", b"%d" % cell
    elif isinstance(cell, float):
        kind, content = b"f", struct.pack(">d", cell)
    else:
        kind, content = b"t", cell.encode() if isinstance(cell, str) else cell
    return kind + struct.pack(">Q", len(content)) + content


class Anchor:
    """The newest head of a log in a file of its own, mode 600.

    It is written after the commit, so that a kill between the two leaves it behind and never ahead; the next write
    brings it up. It is brought up only from a head that is still in the log: once the log has lost what the anchor
    names, the anchor stays as the evidence.

    Parameters
    ----------
    path:
        The file.
    chain:
        The digests of the same home.
    """

    _LENGTH = 20 + 1 + 64 + 1 + 64 + 1

    def __init__(self, path: Path, chain: Chain) -> None:
        self.path = path
        self._chain = chain

    def exists(self) -> bool:
        """Whether there is the file."""
        return self.path.exists()

    def create(self, head: Head) -> None:
        """Make the file if it is missing; it appears whole or not at all."""
        draft = self.path.with_name(f".{self.path.name}.{os.getpid()}")
        descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(descriptor, "wb") as stream:
            stream.write(self._line(head))
            os.fsync(stream.fileno())
        try:
            os.link(draft, self.path)
        except FileExistsError:
            pass
        finally:
            draft.unlink()

    def read(self) -> Head:
        """The head as it is kept.

        Raises
        ------
        StoreError
            The file is missing, or is not as it was written.
        """
        try:
            descriptor = os.open(self.path, os.O_RDONLY)
        except OSError as error:
            raise self._broken(f"{self.path}: {error.strerror}") from error
        try:
            fcntl.flock(descriptor, fcntl.LOCK_SH)
            return self._parsed(os.read(descriptor, self._LENGTH + 1))
        finally:
            os.close(descriptor)

    def advance(self, before: Head, head: Head, digest_of: Callable[[int], str | None]) -> bool:
        """Bring the head up after a commit; a newer one stays.

        Parameters
        ----------
        before:
            The head that the commit followed.
        head:
            The head that it made.
        digest_of:
            The digest of the entry with a sequence, as it is in the log now; the genesis' for 0; None where there
            is none.

        Returns
        -------
        bool
            Whether the file names this head or a newer one now.

        Raises
        ------
        StoreError
            The file is missing, or is not as it was written.
        OSError
            It cannot be written.
        """
        try:
            descriptor = os.open(self.path, os.O_RDWR)
        except FileNotFoundError as error:
            raise self._broken(f"{self.path} is missing") from error
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX)
            kept = self._parsed(os.read(descriptor, self._LENGTH + 1))
            if kept.sequence >= head.sequence:
                return True
            known = kept == before or digest_of(kept.sequence) == kept.digest
            if known:
                os.pwrite(descriptor, self._line(head), 0)
            return known
        finally:
            os.close(descriptor)

    def replace(self, head: Head) -> None:
        """Name another head, whatever the file holds: only where somebody has accepted what was lost."""
        self.path.unlink(missing_ok=True)
        self.create(head)

    def _line(self, head: Head) -> bytes:
        return b"%020d %s %s\n" % (head.sequence, head.digest.encode(), self._chain.sign(head).encode())

    def _parsed(self, line: bytes) -> Head:
        try:
            sequence, digest, _ = line.decode("ascii").split(" ")
            head = Head(int(sequence), digest)
        except ValueError as error:
            raise self._broken(f"{self.path} does not read as a head") from error
        if not hmac.compare_digest(self._line(head), line):
            raise self._broken(f"{self.path} is not signed by this home")
        return head

    def _broken(self, given: str) -> StoreError:
        return StoreError(
            "The head of the log cannot be read.",
            given=given,
            expected="the file as this home wrote it",
            do="restore it from a copy, together with the database",
        )
