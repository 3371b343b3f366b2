"""A decoding process: takes tasks from its standard input, answers on its standard output.

It is a process of its own so that a decoder that crashes or hangs costs one file. It ends when its parent does.
"""

from __future__ import annotations

import hashlib
import io
import mmap
import os
import signal
import sqlite3
import sys
import zlib
from dataclasses import replace
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from data.blobs import Blobs
from data.errors import (
    BlobError,
    ConsiliumError,
    DamagedFileError,
    IngestError,
    NotAnImageError,
    UnsafeArchiveError,
    UnsupportedFileError,
)
from data.ingest.found import Facts, PixelRef
from data.ingest.sniff import HEAD, Format, describe, sniff
from data.ingest.sources import MAX_FILE_BYTES, Opener
from data.ingest.work import (
    BuildStack,
    Built,
    Failed,
    KeptPage,
    Known,
    Outcome,
    ReadFile,
    Refused,
    Setup,
    Slice,
    Task,
    Whole,
)

READY = "ready"
MAX_IN_MEMORY_BYTES = 256 << 20
"""Largest series that is put together in memory; a larger one is put together on the disk."""
UNUSED = ("requests", "tqdm", "PIL.ImageCms")
"""Modules that pydicom loads, slowly, for downloads and colour profiles: neither happens here."""
GRACE_S = 20.0
"""How much longer than its parent the process waits before it ends itself: for when the parent is gone."""


def main() -> None:
    """Serve until the parent closes the pipe."""
    for name in UNUSED:
        sys.modules[name] = None  # type: ignore[assignment]
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGALRM, signal.SIG_DFL)
    inbox, outbox = Connection(os.dup(0), writable=False), Connection(os.dup(1), readable=False)
    with Path(os.devnull).open("r+b") as nothing:  # decoders that print must not reach the pipe
        os.dup2(nothing.fileno(), 0)
        os.dup2(nothing.fileno(), 1)
    worker = Worker(inbox.recv())
    outbox.send(READY)
    while True:
        try:
            task = inbox.recv()
        except EOFError:
            sys.exit(0)
        signal.setitimer(signal.ITIMER_REAL, worker.setup.timeout_s + GRACE_S)
        outcome = worker.perform(task)
        signal.setitimer(signal.ITIMER_REAL, 0)
        outbox.send(outcome)


class Worker:
    """Reads files and builds stacks."""

    def __init__(self, setup: Setup) -> None:
        self.setup = setup
        self.blobs = Blobs.of(setup.home)
        self.opener = Opener()
        self._laid_down = 0
        database = f"{setup.home.database.as_uri()}?mode=ro"
        self._records = sqlite3.connect(database, uri=True, timeout=30, isolation_level=None)

    def perform(self, task: Task) -> Outcome:
        """Do one task. Whatever a file makes go wrong is the answer, never an exception."""
        try:
            return self._build(task) if isinstance(task, BuildStack) else self._read(task)
        except ConsiliumError as error:
            return Failed(error)

    def _read(self, task: ReadFile) -> Outcome:
        digest = ""
        try:
            content = self.opener.read(task.source)
            digest = hashlib.sha256(content).hexdigest()
            known = self._known(digest)
            if known:
                return Known(digest, known)
            facts, array = decode_content(content)
            return self._keep(digest, facts, array, fast=task.fast)
        except IngestError as error:
            return Refused(digest, error.reason, str(error))
        except BlobError:
            raise
        except MemoryError:
            return Refused(digest, UnsupportedFileError.reason, "There was not enough memory to decode the file.")
        except Exception as error:  # noqa: BLE001 - whatever a decoder raises is this file's refusal
            words = f"{type(error).__name__}: {' '.join(str(error).split())[:200]}"
            refusal = DamagedFileError("The file cannot be decoded.", given=words, do="export the file again")
            return Refused(digest, refusal.reason, str(refusal))

    def _known(self, digest: str) -> str:
        """The series that a file came in with; asked of SQLite itself, as the store takes long to load."""
        row = self._records.execute("SELECT series_id FROM files WHERE sha256 = ?", (digest,)).fetchone()
        return str(row[0]) if row else ""

    def _keep(self, digest: str, facts: Facts, array: NDArray[Any], *, fast: bool) -> Outcome:
        if not array.size:
            raise DamagedFileError("The image has no pixels.", given=f"an array of {array.shape}")
        if facts.place is None:
            pixels = self.blobs.put_array(array)
            facts = replace(
                facts,
                study_key=facts.study_key or digest,
                series_key=f"{facts.series_key}|{pixels}" if facts.series_key.strip("|") else digest,
            )
            return Whole(digest, facts, pixels, array.shape)
        return Slice(digest, facts, self._lay_down(array, fast=fast))

    def _lay_down(self, array: NDArray[Any], *, fast: bool) -> PixelRef:
        """Put a slice's pixels where they can wait: in memory, or on the disk where that is full."""
        content = np.ascontiguousarray(array).data
        self._laid_down += 1
        name = f"{os.getpid()}-{self._laid_down}.slice"
        for folder in (self.setup.fast, self.setup.scratch) if fast else (self.setup.scratch,):
            path = folder / name
            try:
                path.write_bytes(content)
            except OSError as error:
                path.unlink(missing_ok=True)
                if folder == self.setup.scratch:
                    raise _no_room(path, error) from error
                continue
            return PixelRef(str(path), array.dtype.str, (array.shape[0], array.shape[1]))
        raise AssertionError  # the last folder returns or raises

    def _build(self, task: BuildStack) -> Built:
        common = self.pages_type(task)
        rows, columns = self.page(task.slices[0]).shape
        shape = (len(task.slices), rows, columns) if len(task.slices) > 1 else (rows, columns)
        header = io.BytesIO()
        fields = {"descr": common.str, "fortran_order": False, "shape": shape}
        np.lib.format.write_array_header_1_0(header, fields)  # type: ignore[no-untyped-call]
        if common.itemsize * rows * columns * len(task.slices) > MAX_IN_MEMORY_BYTES:
            return Built(self._built_on_disk(task, header.getvalue(), common), shape)
        start, size = len(header.getvalue()), common.itemsize * rows * columns
        whole = np.empty(start + size * len(task.slices), dtype=np.uint8)
        whole[:start] = np.frombuffer(header.getvalue(), dtype=np.uint8)
        for index, slice_ in enumerate(task.slices):
            place = whole[start + index * size :][:size]
            if not _read_into(place, slice_, common):
                place[:] = (
                    np.ascontiguousarray(self.page(slice_).astype(common, copy=False)).reshape(-1).view(np.uint8)
                )
        return Built(self.blobs.put(whole.data), shape)

    def _built_on_disk(self, task: BuildStack, header: bytes, common: np.dtype[Any]) -> str:
        path = self.setup.scratch / f"{task.key}.npy"
        try:
            with path.open("w+b") as stream:
                stream.write(header)
                for slice_ in task.slices:
                    stream.write(np.ascontiguousarray(self.page(slice_).astype(common, copy=False)).data)
                stream.flush()
                with mmap.mmap(stream.fileno(), 0, access=mmap.ACCESS_READ) as mapped, memoryview(mapped) as view:
                    return self.blobs.put(view)
        except OSError as error:
            raise _no_room(path, error) from error
        finally:
            path.unlink(missing_ok=True)

    def pages_type(self, task: BuildStack) -> np.dtype[Any]:
        """The type that holds the values of every slice."""
        kept = {s.blob for s in task.slices if isinstance(s, KeptPage)}
        types = {self.blobs.get_array(name).dtype for name in kept}
        types |= {np.dtype(s.dtype) for s in task.slices if isinstance(s, PixelRef)}
        common = np.result_type(*types)
        return np.dtype(np.float32) if common.kind == "f" else common

    def page(self, slice_: PixelRef | KeptPage) -> NDArray[Any]:
        """The pixels of one slice, (rows, columns)."""
        return page(slice_, self.blobs)


def _read_into(place: NDArray[np.uint8], slice_: PixelRef | KeptPage, dtype: np.dtype[Any]) -> bool:
    """Read a slice's pixels straight to their place, where they wait in a file and have that type already."""
    if not isinstance(slice_, PixelRef) or np.dtype(slice_.dtype) != dtype:
        return False
    with open(slice_.path, "rb", buffering=0) as stream:  # noqa: PTH123 - without a buffer between
        return stream.readinto(place.data) == place.size == slice_.nbytes


def page(slice_: PixelRef | KeptPage, blobs: Blobs) -> NDArray[Any]:
    """The pixels of one slice, (rows, columns)."""
    if isinstance(slice_, KeptPage):
        array = blobs.get_array(slice_.blob)
        return array[slice_.index] if array.ndim == 3 else array
    return np.fromfile(slice_.path, np.dtype(slice_.dtype)).reshape(slice_.shape)


def decode_content(content: bytes) -> tuple[Facts, NDArray[Any]]:
    """One file by its content.

    Parameters
    ----------
    content:
        All its bytes.

    Raises
    ------
    IngestError
        Of the class that says why it cannot come in.
    """
    if not content:
        raise DamagedFileError("The file is empty.", given="0 bytes", expected="an image", do="copy it again")
    form = sniff(content[:HEAD])
    if form is Format.GZIP:
        content = _inflated(content)
        form = sniff(content[:HEAD])
    if form is Format.DICOM:
        from data.ingest.dicom import read_dicom  # noqa: PLC0415 - each is loaded when it is first needed

        return read_dicom(content)
    if form in {Format.PNG, Format.JPEG}:
        from data.ingest.pictures import read_picture  # noqa: PLC0415

        return read_picture(content)
    if form is Format.NIFTI:
        from data.ingest.nifti import read_nifti  # noqa: PLC0415

        return read_nifti(content)
    if form is Format.METAIMAGE:
        from data.ingest.metaimage import read_metaimage  # noqa: PLC0415

        return read_metaimage(content)
    if form in {Format.ZIP, Format.GZIP}:
        raise UnsupportedFileError(
            "The archive lies in a compressed file.", given=form, expected="an image or a ZIP", do="unpack it"
        )
    raise NotAnImageError(
        "The file is no image that Consilium reads.",
        given=describe(content[:HEAD]),
        expected="DICOM, NIfTI, MetaImage, PNG, JPEG, or a ZIP of these",
        do="leave it out or convert it",
    )


def _inflated(content: bytes) -> bytes:
    inflater = zlib.decompressobj(31)
    try:
        whole = inflater.decompress(content, MAX_FILE_BYTES)
        if inflater.unconsumed_tail:
            raise UnsafeArchiveError(
                "The compressed file expands beyond bounds.",
                given=f"more than {MAX_FILE_BYTES} bytes from {len(content)}",
                do="unpack it yourself",
            )
    except zlib.error as error:
        raise DamagedFileError(
            "The compressed file cannot be unpacked.", given=error, do="copy it again"
        ) from error
    if not inflater.eof:
        raise DamagedFileError(
            "The compressed file breaks off.", given=f"{len(content)} bytes", do="copy it again"
        )
    return whole


def _no_room(path: Path, error: OSError) -> BlobError:
    return BlobError(
        "Decoded slices could not be kept for a moment.",
        given=f"{path}: {error.strerror or error}",
        expected="a folder with room that this user may write",
        do="free space and run it again; nothing is lost",
    )
