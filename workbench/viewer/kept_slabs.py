"""Slabs that were compressed once: a folder of the home that may be emptied at any time."""

from __future__ import annotations

import gzip
import logging
import os
import shutil
import tempfile
import threading
import time
from collections.abc import Callable
from functools import lru_cache
from pathlib import Path

from data.blobs import Blobs
from data.home import Home
from workbench.viewer.slabs import at, layout, slab
from workbench.viewer.tickets import Voxels

LARGEST_BYTES = 20 * 10**9
SHARE_OF_DISK = 0.1
"""Of the room that would be free without them."""
LOOK_BYTES = 256 * 2**20
"""After so much more, and at first, it is looked how much is kept."""
USED_S = 600.0
"""How exactly it is noted when a slab was used."""
LEVEL = 1

logger = logging.getLogger(__name__)


class KeptSlabs:
    """The compressed slabs of one home. Threads may share it, processes may share the folder.

    Parameters
    ----------
    limit_bytes:
        How much is kept at the most; :data:`LARGEST_BYTES` or a tenth of the disk's room without.
    """

    def __init__(self, home: Home, *, limit_bytes: int | None = None) -> None:
        self.folder = home.viewer
        self.blobs = Blobs.of(home)
        self.limit_bytes = limit_bytes
        self._unseen = LOOK_BYTES
        self._lock = threading.Lock()

    @classmethod
    def of(cls, home: Home) -> KeptSlabs:
        """Those of a home, the same for all who ask in this process."""
        return _of(home)

    def get(self, voxels: Voxels, number: int) -> bytes:
        """A slab, gzipped; compressed now if it was not yet. A full disk does not hinder.

        Raises
        ------
        GeometryError
            There is no such slab.
        BlobError
            The pixels are not there.
        """
        first, count = at(self.blobs, voxels, number)
        path = self.path(voxels.blob, first, count)
        packed = _read(path)
        if packed is None:
            packed = pack(slab(self.blobs, voxels, number))
            self._keep(path, packed, voxels.blob)
        return packed

    def path(self, blob: str, first: int, count: int) -> Path:
        """Where the slices of a blob lie once they were compressed."""
        return self.folder / blob[:2] / blob / f"{first}-{count}.gz"

    def prepare(self, voxels: Voxels, progress: Callable[[], None]) -> int:
        """Compress every slab that is not yet kept. Returns how many there are."""
        slabs = layout(self.blobs, voxels)
        for number, (first, count) in enumerate(slabs):
            if not self.path(voxels.blob, first, count).exists():
                self.get(voxels, number)
            progress()
        return len(slabs)

    def _keep(self, path: Path, packed: bytes, blob: str) -> None:
        try:
            path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            descriptor, draft = tempfile.mkstemp(dir=path.parent, prefix=".draft-")
            try:
                with os.fdopen(descriptor, "wb") as stream:
                    stream.write(packed)
                Path(draft).replace(path)
            except BaseException:
                Path(draft).unlink(missing_ok=True)
                raise
            if blob not in self.blobs:  # deleted meanwhile
                shutil.rmtree(path.parent, ignore_errors=True)
            self._bound(len(packed))
        except OSError as error:
            logger.info("a slab is not kept: %s", error.strerror)

    def _bound(self, more_bytes: int) -> None:
        """Remove what was not used for longest, once more is kept than may be."""
        with self._lock:
            self._unseen += more_bytes
            if self._unseen < min(LOOK_BYTES, (self.limit_bytes or LARGEST_BYTES) // 8):
                return
            self._unseen = 0
            found = []
            for path in self.folder.glob("*/*/*"):
                try:
                    state = path.stat()
                except FileNotFoundError:
                    continue
                found.append((state.st_mtime, state.st_size, path))
            total = sum(size for _, size, _ in found)
            limit = self.limit_bytes
            if limit is None:
                room = shutil.disk_usage(self.folder).free + total
                limit = min(LARGEST_BYTES, int(room * SHARE_OF_DISK))
            for _, size, path in sorted(found) if total > limit else ():
                if total <= limit * 0.9:
                    break
                path.unlink(missing_ok=True)
                total -= size


def pack(raw: bytes) -> bytes:
    """Bytes as they are sent."""
    return gzip.compress(raw, LEVEL, mtime=0)


def _read(path: Path) -> bytes | None:
    """A kept slab; None where there is none, or where it is not whole (a machine that lost its power)."""
    try:
        packed = path.read_bytes()
        if time.time() - path.stat().st_mtime > USED_S:
            os.utime(path)
    except OSError:
        return None
    whole = len(packed) > 18 and packed[:2] == b"\x1f\x8b" and any(packed[-4:])
    return packed if whole else None


@lru_cache(maxsize=16)
def _of(home: Home) -> KeptSlabs:
    return KeptSlabs(home)
