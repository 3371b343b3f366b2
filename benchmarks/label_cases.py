"""What a pool of cases is, in the label loops; and arrays that are made once and kept."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

Floats: TypeAlias = NDArray[np.float32]
Ints: TypeAlias = NDArray[np.int64]

NOT_KNOWN = -1
VERSION = "1"
"""Of what is kept; another one makes it anew."""


@dataclass(frozen=True, slots=True)
class Plan:
    """Cases at the start, cases a round, and rounds."""

    start: int
    step: int
    rounds: int

    def within(self, size: int) -> Plan:
        """The same for a pool of ``size``: at the most all of it is asked for."""
        rounds = min(self.rounds, (size - self.start) // self.step)
        if rounds < 1:
            raise SystemExit(f"A pool of {size} is too small: {self.start + self.step} or more are needed.")
        return Plan(self.start, self.step, rounds)

    @property
    def labels(self) -> tuple[int, ...]:
        """Cases that are known after each round."""
        return tuple(self.start + self.step * number for number in range(self.rounds + 1))


@dataclass(frozen=True, eq=False, slots=True)
class Cases:
    """Cases with answers of yes and no.

    Parameters
    ----------
    features:
        (n, d).
    targets:
        (n, heads) 1 or 0, :data:`NOT_KNOWN` where a question does not apply.
    patients:
        (n,).
    """

    features: Floats
    targets: Ints
    patients: tuple[str, ...]


@dataclass(frozen=True, eq=False, slots=True)
class CasePool:
    """Cases to choose from, and those to test on.

    Parameters
    ----------
    unit:
        What a label is given to.
    conditions:
        For each head (head, answer) under which it is asked, or None: always.
    """

    name: str
    unit: str
    plan: Plan
    pool: Cases
    test: Cases
    conditions: tuple[tuple[int, int] | None, ...]
    print: str


@dataclass(frozen=True, eq=False, slots=True)
class PagePool:
    """Slices with outlines.

    Parameters
    ----------
    features:
        (n, d) what whole slices look like.
    pixels:
        (n, p, f) what their pixels look like.
    masks:
        (n, p) 0 outside, then a number for each of :data:`STRUCTURES`.
    patients:
        (n,).
    apart:
        (n,) slices that are for testing; None: a quarter of the patients, drawn anew for each seed.
    """

    name: str
    unit: str
    plan: Plan
    features: Floats
    pixels: Floats
    masks: NDArray[np.uint8]
    patients: tuple[str, ...]
    apart: NDArray[np.bool_] | None
    print: str

    def tested(self, seed: int) -> NDArray[np.bool_]:
        """(n,) the slices of the patients that are for testing."""
        if self.apart is not None:
            return self.apart
        names = np.unique(np.array(self.patients))
        order = np.random.default_rng((seed, 7)).permutation(names)
        return np.isin(np.array(self.patients), order[: max(1, round(len(names) * 0.3))])


Pool: TypeAlias = CasePool | PagePool


def kept(path: Path, make: Callable[[], Mapping[str, NDArray[Any]]]) -> dict[str, NDArray[Any]]:
    """Arrays of a file, or made and written, whole or not at all."""
    path = path.with_name(f"v{VERSION}-{path.name}")
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True)
        partial, made = path.with_name(f".{os.getpid()}-{path.name}"), make()
        with partial.open("wb") as stream:
            np.savez(stream, **made)  # type: ignore[arg-type]  # numpy: any name may be a keyword
        partial.replace(path)
    with np.load(path, allow_pickle=False) as file:
        return {key: file[key] for key in file.files}


def fingerprint(*paths: Path | None) -> str:
    """A fingerprint of files, or of folders by the names and sizes of what is in them."""
    digest = hashlib.sha256()
    for path in paths:
        if path is not None and path.is_file():
            with path.open("rb") as stream:
                digest.update(hashlib.file_digest(stream, "sha256").digest())
        elif path is not None:
            inside = sorted(p for p in path.rglob("*") if p.is_file())
            digest.update("\n".join(f"{p.relative_to(path)} {p.stat().st_size}" for p in inside).encode())
        digest.update(b"|")
    return digest.hexdigest()[:16]
