"""How much of the disk a home takes, by kind of file."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

from data.home import Home
from data.store import Store
from workbench.jobs import LOOKING, Work, kind

MEASURE = "home.measure"
PIXELS, FILES, OTHER = "pixels", "files", "other"
KINDS: tuple[str, ...] = (
    "database", PIXELS, FILES, "viewer", "uploads", "labelstudio", "simulations", "scratch", "logs", OTHER,
)  # fmt: skip
"""``files`` are blobs that are no series' pixels: masks, weights, heat maps, manifests."""


def use(home: Home, *, told: Callable[[int], None]) -> Mapping[str, tuple[int, int]]:
    """Bytes and files of each kind.

    Parameters
    ----------
    told:
        Called now and then with how many files were looked at.
    """
    pixels = {name for (name,) in Store.of(home).db.execute("SELECT DISTINCT pixels FROM series")}
    found = dict.fromkeys(KINDS, (0, 0))
    for number, (path, size) in enumerate(_files(home.path), 1):
        named = _kind(home, path, pixels)
        found[named] = (found[named][0] + size, found[named][1] + 1)
        if number % 1000 == 0:
            told(number)
    return found


def _files(root: Path) -> Iterator[tuple[Path, int]]:
    for folder, _folders, names in os.walk(root):
        for name in names:
            path = Path(folder) / name
            try:
                yield path, path.lstat().st_size
            except OSError:  # gone meanwhile
                continue


def _kind(home: Home, path: Path, pixels: set[str]) -> str:
    if path.name.startswith(home.database.name) or path.name.startswith(home.queue.name):
        return "database"
    first = path.relative_to(home.path).parts[0]
    if first == home.blobs.name:
        return PIXELS if path.name in pixels else FILES
    return first if first in KINDS else OTHER


@kind(MEASURE, line=LOOKING)
def measure(work: Work) -> Mapping[str, Any]:
    """Add up the files of the home."""
    found = use(work.home, told=lambda files: work.progress(0.0, f"{files} files looked at"))
    return {"kinds": {name: {"bytes": size, "files": files} for name, (size, files) in found.items()}}
