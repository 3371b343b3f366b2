"""Addresses of pixels: signed, good for half a day, and silent about what they name.

An address holds an hour, an id and a signature (HMAC-SHA256 under a key of the home). The id stands for what is
shown as long as this process remembers it; a page that is reloaded tells it anew, under the same address within
the hour, so that the browser's cache goes on working.
"""

from __future__ import annotations

import base64
import hmac
import threading
import time
from collections import OrderedDict
from dataclasses import dataclass
from functools import lru_cache
from typing import TypeAlias

from data.errors import ConsiliumError
from data.home import Home

PREFIX = "/api/viewer"
KEY = "viewer"
"""The name of the secret."""
VALID_H = 12
REMEMBERED = 50_000
"""How many addresses a process remembers; the least recently used go."""
_HOUR_BYTES, _ID_BYTES = 4, 16
_LENGTH = (_HOUR_BYTES + 2 * _ID_BYTES) * 4 // 3
HOUR_S = 3600


class TicketError(ConsiliumError):
    """An address that this home has not signed."""


class ExpiredError(TicketError):
    """An address that is no longer valid."""


@dataclass(frozen=True, slots=True)
class Voxels:
    """The pixels of a series, and whether they are one image."""

    blob: str
    image: bool


@dataclass(frozen=True, slots=True)
class Masks:
    """Masks of (rows, columns), one after another."""

    blobs: tuple[str, ...]
    shape: tuple[int, int]


@dataclass(frozen=True, slots=True)
class HeatMap:
    """A heat map, (rows, columns) of uint8."""

    blob: str


Named: TypeAlias = Voxels | Masks | HeatMap


class Tickets:
    """The addresses of one home. Threads may share it.

    Parameters
    ----------
    key:
        Of the signatures.
    """

    def __init__(self, key: bytes) -> None:
        self.key = key
        self._known: OrderedDict[bytes, Named] = OrderedDict()
        self._lock = threading.Lock()

    @classmethod
    def of(cls, home: Home) -> Tickets:
        """Those of a home, the same for all who ask in this process."""
        return _of(home)

    def address(self, named: Named, *, now_s: float | None = None) -> str:
        """Where something can be fetched, for 12 to 13 hours from now (``now_s``, since the epoch)."""
        digest = self._signed(b"what", repr(named).encode())
        with self._lock:
            self._known[digest] = named
            self._known.move_to_end(digest)
            while len(self._known) > REMEMBERED:
                self._known.popitem(last=False)
        hour = int((time.time() if now_s is None else now_s) // HOUR_S) + VALID_H + 1
        told = hour.to_bytes(_HOUR_BYTES, "big") + digest
        ticket = base64.urlsafe_b64encode(told + self._signed(b"address", told)).decode()
        return f"{PREFIX}/{ticket}"

    def named(self, ticket: str, *, now_s: float | None = None) -> Named:
        """What an address names.

        Raises
        ------
        TicketError
            Somebody else signed it, or nobody.
        ExpiredError
            Its time is over, or this process does not remember it.
        """
        try:
            raw = base64.b64decode(ticket.encode("ascii"), altchars=b"-_", validate=True)
        except ValueError:
            raw = b""
        told, signature = raw[: _HOUR_BYTES + _ID_BYTES], raw[_HOUR_BYTES + _ID_BYTES :]
        if len(ticket) != _LENGTH or not hmac.compare_digest(signature, self._signed(b"address", told)):
            raise TicketError(
                "The address is not signed by this home.", given="another signature",
                expected="an address that a page gave", do="open the study's page",
            )  # fmt: skip
        hour = int.from_bytes(told[:_HOUR_BYTES], "big")
        with self._lock:
            found = self._known.get(told[_HOUR_BYTES:])
        if found is None or (time.time() if now_s is None else now_s) >= hour * HOUR_S:
            raise ExpiredError(
                "The address is no longer valid.", given="an address of an earlier visit",
                expected=f"one that is younger than {VALID_H} hours", do="reload the page",
            )  # fmt: skip
        return found

    def _signed(self, about: bytes, told: bytes) -> bytes:
        return hmac.digest(self.key, about + b"\0" + told, "sha256")[:_ID_BYTES]


@lru_cache(maxsize=16)
def _of(home: Home) -> Tickets:
    return Tickets(bytes.fromhex(home.secret(KEY)))
