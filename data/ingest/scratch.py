"""Where decoded slices wait for the others of their series; no killed ingest leaves its slices behind for good."""

from __future__ import annotations

import hashlib
import os
import shutil
import tempfile
from pathlib import Path

from filelock import FileLock, Timeout

from data.home import Home

SHARED_MEMORY = Path("/dev/shm")  # noqa: S108 - a folder with mode 700 is made in it


class Scratch:
    """Two folders of one ingest while it is at work: on the disk, and in memory.

    What an ingest that was killed left behind is removed by the next one of the same home. Both folders have
    mode 700. Where there is no shared memory, both are the one on the disk.

    Attributes
    ----------
    disk, fast:
        The folders.
    """

    def __init__(self, home: Home) -> None:
        self._root = home.path / "scratch"
        digest = hashlib.sha256(str(home.path.absolute()).encode()).hexdigest()[:16]
        usable = SHARED_MEMORY.is_dir() and os.access(SHARED_MEMORY, os.W_OK)
        self._fast_root = SHARED_MEMORY / f"consilium-{os.getuid()}-{digest}" if usable else None
        self.disk = self.fast = self._root

    def __enter__(self) -> Scratch:
        self._root.mkdir(exist_ok=True, mode=0o700)
        self._sweep()
        self.disk = Path(tempfile.mkdtemp(prefix="ingest-", dir=self._root))
        self._lock = FileLock(self._lock_of(self.disk))
        self._lock.acquire()
        self.fast = self.disk
        if self._fast_root is not None:
            self._fast_root.mkdir(exist_ok=True, mode=0o700)
            if self._fast_root.stat().st_uid == os.getuid():
                self.fast = self._fast_root / self.disk.name
                self.fast.mkdir(mode=0o700)
        return self

    def __exit__(self, *_: object) -> None:
        self._remove(self.disk.name)
        self._lock.release()
        self._lock_of(self.disk).unlink(missing_ok=True)

    def _sweep(self) -> None:
        """Remove the folders of ingests that are no more: nobody holds their locks."""
        for lock_file in sorted(self._root.glob("ingest-*.lock")):
            try:
                with FileLock(lock_file, timeout=0):
                    self._remove(lock_file.stem)
                lock_file.unlink(missing_ok=True)
            except Timeout:
                continue  # it is at work

    def _remove(self, name: str) -> None:
        shutil.rmtree(self._root / name, ignore_errors=True)
        if self._fast_root is not None:
            shutil.rmtree(self._fast_root / name, ignore_errors=True)
            if self._fast_root.is_dir() and not any(self._fast_root.iterdir()):
                self._fast_root.rmdir()

    @staticmethod
    def _lock_of(folder: Path) -> Path:
        return folder.with_name(f"{folder.name}.lock")
