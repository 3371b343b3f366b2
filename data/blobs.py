"""Files by content: pixels, masks, weights, pictures.

A blob's name is the SHA-256 of its bytes, so that the same content is kept once and a changed file is noticed.
Arrays are kept as plain ``.npy`` files, so that they can be mapped into memory; masks as packed bits.
"""

from __future__ import annotations

import hashlib
import io
import os
import tempfile
import threading
import zlib
from pathlib import Path
from typing import IO

import numpy as np
from numpy.typing import NDArray

from data.errors import BlobError
from data.home import Home

PIECE_BYTES = 1 << 20
"""How much of a stream is held in memory at once."""

_HEADERS = threading.Lock()
"""Held while the header of an array is read."""


class Blobs:
    """The files of one home.

    Parameters
    ----------
    folder:
        Where they lie; made when the first one comes.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    @classmethod
    def of(cls, home: Home) -> Blobs:
        """The blobs of a home."""
        return cls(home.blobs)

    def path(self, name: str) -> Path:
        """Where a blob lies, whether it is there or not."""
        return self.folder / name[:2] / name

    def __contains__(self, name: str) -> bool:
        return bool(name) and self.path(name).is_file()

    def put(self, content: bytes | memoryview) -> str:
        """Keep bytes; the name comes back. Bytes that are there already are not written again.

        The file appears whole or not at all: it is written beside its place, synchronised and renamed.

        Raises
        ------
        BlobError
            It cannot be written (a full disk, say); nothing half-written stays.
        """
        name = hashlib.sha256(content).hexdigest()
        path = self.path(name)
        if path.exists():
            return name
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            descriptor, draft = tempfile.mkstemp(dir=path.parent, prefix=".draft-")
            try:
                with os.fdopen(descriptor, "wb") as stream:
                    stream.write(content)
                    stream.flush()
                    os.fsync(stream.fileno())
                Path(draft).replace(path)
            except BaseException:
                Path(draft).unlink(missing_ok=True)
                raise
        except OSError as error:
            raise BlobError(
                "A file could not be kept.",
                given=f"{len(content)} bytes for {path}: {error.strerror}",
                expected="a folder with room that this user may write",
                do="free space or correct the rights, and run it again",
            ) from error
        return name

    def put_stream(self, stream: IO[bytes]) -> str:
        """Keep what a stream holds from where it stands, a piece at a time; the name comes back.

        Raises
        ------
        BlobError
            It cannot be written; nothing half-written stays.
        """
        digest, size = hashlib.sha256(), 0
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            descriptor, draft = tempfile.mkstemp(dir=self.folder, prefix=".draft-")
            try:
                with os.fdopen(descriptor, "wb") as target:
                    while piece := stream.read(PIECE_BYTES):
                        digest.update(piece)
                        size += target.write(piece)
                    target.flush()
                    os.fsync(target.fileno())
                path = self.path(digest.hexdigest())
                path.parent.mkdir(exist_ok=True)
                Path(draft).replace(path)
            except BaseException:
                Path(draft).unlink(missing_ok=True)
                raise
        except OSError as error:
            raise BlobError(
                "A file could not be kept.",
                given=f"{size} bytes or more for {self.folder}: {error.strerror}",
                expected="a folder with room that this user may write",
                do="free space or correct the rights, and run it again",
            ) from error
        return digest.hexdigest()

    def remove(self, name: str) -> bool:
        """Remove a blob that no record names any more. Returns whether it was there."""
        try:
            self.path(name).unlink()
        except FileNotFoundError:
            return False
        return True

    def get(self, name: str, *, verify: bool = False) -> bytes:
        """The bytes of a blob.

        Parameters
        ----------
        verify:
            Whether to compute its name anew.

        Raises
        ------
        BlobError
            It is not there, or ``verify`` finds another content.
        """
        try:
            content = self.path(name).read_bytes()
        except OSError as error:
            raise self._missing(name) from error
        if verify and hashlib.sha256(content).hexdigest() != name:
            raise self._changed(name)
        return content

    def check(self, name: str) -> None:
        """Read a blob of any size, a piece at a time, and compare it with its name.

        Raises
        ------
        BlobError
            It is not there, or has another content.
        """
        try:
            with self.path(name).open("rb") as stream:
                found = hashlib.file_digest(stream, "sha256").hexdigest()
        except OSError as error:
            raise self._missing(name) from error
        if found != name:
            raise self._changed(name)

    def put_array(self, array: NDArray[np.generic]) -> str:
        """Keep an array of any shape; the name comes back."""
        stream = io.BytesIO()
        np.save(stream, np.ascontiguousarray(array), allow_pickle=False)
        return self.put(stream.getbuffer())

    def get_array(self, name: str) -> NDArray[np.generic]:
        """An array, mapped into memory and read-only.

        Raises
        ------
        BlobError
            It is not there or is no array.
        """
        path = self.path(name)
        try:
            return _mapped(path)
        except FileNotFoundError as error:
            raise self._missing(name) from error
        except (OSError, ValueError, EOFError) as error:
            raise BlobError(
                "A kept array cannot be read.", given=path, expected="a .npy file", do="ingest its source again"
            ) from error

    def put_mask(self, mask: NDArray[np.generic]) -> str:
        """Keep a binary mask as packed, deflated bits. Its shape is kept by the answer that names it."""
        return self.put(zlib.compress(np.packbits(np.asarray(mask) != 0).tobytes(), 6))

    def get_mask(self, name: str, shape: tuple[int, ...]) -> NDArray[np.bool_]:
        """A binary mask back, of the given shape.

        Raises
        ------
        BlobError
            It is not there, or does not hold that many pixels.
        """
        count = int(np.prod(shape))
        try:
            packed = np.frombuffer(zlib.decompress(self.get(name)), dtype=np.uint8)
        except zlib.error as error:
            raise BlobError("A kept mask cannot be read.", given=name, expected="packed bits") from error
        if packed.size != (count + 7) // 8:
            raise BlobError(
                "A kept mask has another size.", given=f"{packed.size * 8} bits", expected=f"{shape} pixels"
            )
        return np.unpackbits(packed, count=count).astype(bool).reshape(shape)

    def _changed(self, name: str) -> BlobError:
        return BlobError(
            "A kept file has changed.",
            given=self.path(name),
            expected=f"content with the SHA-256 {name}",
            do="restore it from a copy, or ingest its source again",
        )

    def _missing(self, name: str) -> BlobError:
        return BlobError(
            "A kept file is missing.",
            given=name,
            expected=f"a file {self.path(name)}",
            do="restore the folder from a copy, or ingest its source again",
        )


def _mapped(path: Path) -> NDArray[np.generic]:
    """The array of a ``.npy`` file, mapped into memory.

    NumPy reads the header with :mod:`ast`, which in CPython before 3.11.8 and 3.12.2 can fail with SystemError
    where two threads use it at a time (gh-106905). So our own threads take turns, and a clash with a thread of a
    library is tried again.
    """
    with _HEADERS:
        for again in (True, True, False):
            try:
                array: NDArray[np.generic] = np.load(path, mmap_mode="r", allow_pickle=False)
                break
            except SystemError:
                if not again:
                    raise
    return array
