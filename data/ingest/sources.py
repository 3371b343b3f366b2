"""Where files come from: single files, folders, and ZIP archives, which are read in place.

An archive is never unpacked to disk, so that a name in it can point nowhere; its bounds are checked before
anything of it is read. The order is that of the paths given, then of the names.
"""

from __future__ import annotations

import os
import stat
import tempfile
import zipfile
import zlib
from collections.abc import Container, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath, PureWindowsPath
from typing import IO

from data.errors import (
    DamagedFileError,
    IngestError,
    NotAnImageError,
    UnsafeArchiveError,
    UnsupportedFileError,
)
from data.ingest.sniff import HEAD, Format, sniff

MAX_FILE_BYTES = 2 << 30
"""Largest file, or archive member, that is read."""
MAX_ARCHIVE_BYTES = 64 << 30
"""Most that an archive may expand to."""
MAX_MEMBERS = 200_000
MAX_DEPTH = 3
"""Archives in archives: the outermost counts as the first."""
MAX_RATIO = 1000
"""Most that an archive may expand by, once it expands to more than :data:`FREE_BYTES`."""
FREE_BYTES = 1 << 30
SEPARATOR = "!/"
"""Between an archive and the member of it, in a path."""


@dataclass(frozen=True, slots=True)
class Source:
    """One file to be read: a path, or a member of an archive there."""

    path: Path
    members: tuple[str, ...] = ()
    size: int = 0

    @property
    def location(self) -> str:
        """The path in words: ``folder/archive.zip!/member``."""
        return SEPARATOR.join((str(self.path), *self.members))


@dataclass(frozen=True, slots=True)
class Unusable:
    """Something on the way that is refused before it is read."""

    location: str
    error: IngestError


def walk(
    paths: Sequence[Path], *, leave_out: Path | None = None, known: Container[Path] = ()
) -> Iterator[Source | Unusable]:
    """Every file under the paths, in a fixed order; archives are looked into.

    Parameters
    ----------
    paths:
        Files and folders. A file that two of them reach comes once.
    leave_out:
        A folder that is passed over where it lies under another: the home itself. What lies in it and is named
        comes all the same.
    known:
        Files that are read elsewhere, such as the masks that a table of labels names.
    """
    seen: set[str] = set()
    with Opener() as opener:
        for path in _files(paths, leave_out):
            if str(path) in seen or path in known:
                continue
            seen.add(str(path))
            yield from _look(path, opener)


def _files(paths: Iterable[Path], leave_out: Path | None) -> Iterator[Path]:
    for given in paths:
        root = Path(given).expanduser().absolute()
        if not root.is_dir():
            yield root
            continue
        for folder, folders, names in os.walk(root):
            folders[:] = sorted(name for name in folders if Path(folder) / name != leave_out)
            for name in sorted(names):
                yield Path(folder) / name


def _look(path: Path, opener: Opener) -> Iterator[Source | Unusable]:
    try:
        status = path.stat()
        if not stat.S_ISREG(status.st_mode):
            raise NotAnImageError("This is no file.", given=path, expected="a file or a folder")
        with path.open("rb") as stream:
            head = stream.read(HEAD)
        if sniff(head) is not Format.ZIP:
            yield _checked(Source(path, (), status.st_size))
            return
    except OSError as error:
        yield Unusable(str(path), _unreadable(path, error))
        return
    except IngestError as error:
        yield Unusable(str(path), error)
        return
    yield from _expand(Source(path, (), status.st_size), opener)


def _checked(source: Source) -> Source:
    if source.size > MAX_FILE_BYTES:
        raise UnsupportedFileError(
            "The file is too large.",
            given=f"{source.size} bytes",
            expected=f"at most {MAX_FILE_BYTES} bytes",
            do="split it, or ingest its series as single files",
        )
    return source


def _expand(source: Source, opener: Opener) -> Iterator[Source | Unusable]:
    try:
        members = _members(source, opener.archive(source.path, source.members))
    except IngestError as error:
        yield Unusable(source.location, error)
        return
    for info in members:
        member = Source(source.path, (*source.members, info.filename), info.file_size)
        try:
            _check_member(info)
            _checked(member)
            nested = sniff(opener.head(member)) is Format.ZIP
            if nested and len(member.members) >= MAX_DEPTH:
                raise UnsafeArchiveError(
                    "Archives lie too deep in one another.",
                    given=f"{len(member.members) + 1} levels",
                    expected=f"at most {MAX_DEPTH}",
                    do="unpack the outer ones",
                )
        except IngestError as error:
            yield Unusable(member.location, error)
            continue
        if nested:
            yield from _expand(member, opener)
        else:
            yield member


def _members(source: Source, archive: zipfile.ZipFile) -> list[zipfile.ZipInfo]:
    infos = sorted((i for i in archive.infolist() if not i.is_dir()), key=lambda i: i.filename)
    if any(info.filename == "[Content_Types].xml" for info in infos):
        raise NotAnImageError("This is an office document, not an image.", given=source.location)
    total = sum(info.file_size for info in infos)
    bomb = total > FREE_BYTES and total > MAX_RATIO * max(source.size, 1)
    if len(infos) > MAX_MEMBERS or total > MAX_ARCHIVE_BYTES or bomb:
        raise UnsafeArchiveError(
            "The archive expands beyond bounds.",
            given=f"{len(infos)} files, {total} bytes from {source.size}",
            expected=f"at most {MAX_MEMBERS} files, {MAX_ARCHIVE_BYTES} bytes, {MAX_RATIO} times its size",
            do="unpack it yourself and ingest the folder",
        )
    return infos


def _check_member(info: zipfile.ZipInfo) -> None:
    name = info.orig_filename.replace("\\", "/")
    escapes = ".." in PurePosixPath(name).parts or name.startswith("/") or PureWindowsPath(name).drive
    if escapes or "\0" in info.orig_filename or stat.S_ISLNK(info.external_attr >> 16):
        raise UnsafeArchiveError(
            "A member of the archive points out of its folder.",
            given=info.orig_filename,
            expected="a relative name without '..', and no link",
            do="make the archive anew",
        )
    if info.flag_bits & 0x1:
        raise UnsupportedFileError(
            "A member of the archive is encrypted.", given=info.filename, do="unpack it and ingest the folder"
        )


def _unreadable(path: object, error: OSError) -> IngestError:
    return DamagedFileError(
        "The file cannot be read.",
        given=f"{path}: {error.strerror or error}",
        expected="a file that this user may read",
        do="correct the path or its rights",
    )


class Opener:
    """Reads files and members of archives. The archive that was read last stays open."""

    def __init__(self) -> None:
        self._key: tuple[Path, tuple[str, ...]] | None = None
        self._chain: list[zipfile.ZipFile | IO[bytes]] = []

    def __enter__(self) -> Opener:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def read(self, source: Source) -> bytes:
        """All bytes of a file.

        Raises
        ------
        DamagedFileError, UnsupportedFileError, UnsafeArchiveError
            It cannot be read, is too large, or is longer than the archive says.
        """
        try:
            if not source.members:
                _checked(Source(source.path, (), source.path.stat().st_size))
                return source.path.read_bytes()
        except OSError as error:
            raise _unreadable(source.path, error) from error
        return self._member(source, MAX_FILE_BYTES)

    def head(self, source: Source) -> bytes:
        """The first bytes of a member, enough for :func:`data.ingest.sniff.sniff`."""
        return self._member(source, HEAD, whole=False)

    def _member(self, source: Source, limit: int, *, whole: bool = True) -> bytes:
        archive = self.archive(source.path, source.members[:-1])
        try:
            with archive.open(source.members[-1]) as stream:
                content = stream.read(limit + 1 if whole else limit)
        except NotImplementedError as error:
            raise UnsupportedFileError(
                "The archive is compressed in a way that cannot be read.", given=source.location, do="unpack it"
            ) from error
        except (OSError, EOFError, KeyError, RuntimeError, ValueError, zipfile.BadZipFile, zlib.error) as error:
            raise _broken(source.location, error) from error
        if whole and len(content) > limit:
            raise UnsafeArchiveError("A member is larger than it says.", given=source.location)
        return content

    def archive(self, path: Path, members: tuple[str, ...]) -> zipfile.ZipFile:
        """An archive, or one in it, opened."""
        if self._key != (path, members):
            self.close()
            try:
                self._chain.append(zipfile.ZipFile(path))
                for member in members:
                    self._descend(member)
            except (
                OSError,
                EOFError,
                KeyError,
                RuntimeError,
                ValueError,
                zipfile.BadZipFile,
                zlib.error,
            ) as error:
                self.close()
                raise _broken(path, error) from error
            self._key = (path, members)
        innermost = self._chain[-1]
        assert isinstance(innermost, zipfile.ZipFile)  # noqa: S101 - by construction
        return innermost

    def _descend(self, member: str) -> None:
        outer = self._chain[-1]
        assert isinstance(outer, zipfile.ZipFile)  # noqa: S101 - by construction
        copy = tempfile.TemporaryFile()  # noqa: SIM115 - closed with the chain
        self._chain.append(copy)
        with outer.open(member) as stream:
            while block := stream.read(1 << 20):
                copy.write(block)
                if copy.tell() > MAX_FILE_BYTES:
                    raise zipfile.BadZipFile("an archive in it is too large")
        self._chain.append(zipfile.ZipFile(copy))

    def close(self) -> None:
        """Close what is open."""
        for opened in reversed(self._chain):
            opened.close()
        self._chain.clear()
        self._key = None


def _broken(location: object, error: Exception) -> IngestError:
    return DamagedFileError(
        "The archive cannot be read.",
        given=f"{location}: {error}",
        expected="a whole ZIP archive",
        do="copy or make it again",
    )
