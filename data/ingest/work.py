"""What is asked of a decoding process, and what it answers."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TypeAlias

from data.errors import ConsiliumError
from data.home import Home
from data.ingest.found import Facts, PixelRef
from data.ingest.sources import Source


@dataclass(frozen=True, slots=True)
class Setup:
    """What a process needs to know once.

    Parameters
    ----------
    scratch, fast:
        Folders for slices that wait for others: one on the disk, one in memory (the same where there is none).
    timeout_s:
        Seconds for one task.
    """

    home: Home
    scratch: Path
    fast: Path
    timeout_s: float


@dataclass(frozen=True, slots=True)
class ReadFile:
    """Read, hash and decode one file. ``fast``: whether a slice may wait in memory."""

    source: Source
    fast: bool = False


@dataclass(frozen=True, slots=True)
class KeptPage:
    """One page of an array that is kept already."""

    blob: str
    index: int


@dataclass(frozen=True, slots=True)
class BuildStack:
    """Put slices together, in this order, and keep them as one array.

    A single slice is kept as (rows, columns), several as (slices, rows, columns).
    """

    key: str
    slices: tuple[PixelRef | KeptPage, ...]


Task: TypeAlias = ReadFile | BuildStack


@dataclass(frozen=True, slots=True)
class Known:
    """The file came in before, as part of this series."""

    sha256: str
    series_id: str


@dataclass(frozen=True, slots=True)
class Whole:
    """The file is a series by itself; its pixels are kept."""

    sha256: str
    facts: Facts
    pixels: str
    shape: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Slice:
    """The file is a slice; its pixels wait for the others."""

    sha256: str
    facts: Facts
    pixels: PixelRef


@dataclass(frozen=True, slots=True)
class Refused:
    """The file cannot come in."""

    sha256: str
    reason: str
    message: str


@dataclass(frozen=True, slots=True)
class Built:
    """The slices are kept."""

    pixels: str
    shape: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Failed:
    """Not the file's fault (a full disk, say): the ingest stops with this error."""

    error: ConsiliumError


@dataclass(frozen=True, slots=True)
class Lost:
    """The process did not live to answer."""

    message: str


Outcome: TypeAlias = Known | Whole | Slice | Refused | Built | Failed | Lost
