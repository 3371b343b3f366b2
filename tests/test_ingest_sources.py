"""Walking folders and archives, and telling formats by content."""

from __future__ import annotations

import io
import os
import zipfile
from pathlib import Path

import pytest

from data.errors import DamagedFileError, NotAnImageError, UnsafeArchiveError, UnsupportedFileError
from data.ingest import sources
from data.ingest.sniff import Format, describe, sniff
from data.ingest.sources import Opener, Source, Unusable, walk


def _zip(members: dict[str, bytes], *, compression: int = zipfile.ZIP_DEFLATED) -> bytes:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", compression) as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return stream.getvalue()


def test_walk_is_sorted_and_gives_a_file_once(tmp_path: Path) -> None:
    for name in ("b/2", "b/1", "a/9", "c"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_bytes(b"x")
    found = [s.location for s in walk([tmp_path / "b", tmp_path]) if isinstance(s, Source)]
    assert found == [str(tmp_path / name) for name in ("b/1", "b/2", "c", "a/9")]


def test_archives_are_read_in_place(tmp_path: Path) -> None:
    inner = _zip({"deep.txt": b"deep"})
    path = tmp_path / "outer.dat"  # the name has no say
    path.write_bytes(_zip({"b.txt": b"second", "a/first.txt": b"first", "inner": inner}))
    found = list(walk([path]))
    assert [f.location for f in found] == [
        f"{path}!/a/first.txt",
        f"{path}!/b.txt",
        f"{path}!/inner!/deep.txt",
    ]
    with Opener() as opener:
        assert [opener.read(f) for f in found if isinstance(f, Source)] == [b"first", b"second", b"deep"]
    assert sorted(p.name for p in tmp_path.iterdir()) == ["outer.dat"]


@pytest.mark.parametrize("name", ["../escape.dcm", "/etc/escape.dcm", "a/../../escape.dcm", "..\\escape.dcm"])
def test_members_that_point_out_are_refused_alone(tmp_path: Path, name: str) -> None:
    path = tmp_path / "slip.zip"
    path.write_bytes(_zip({name: b"x", "good.txt": b"y"}))
    found = list(walk([path]))
    refused = [f for f in found if isinstance(f, Unusable)]
    assert len(refused) == 1
    assert isinstance(refused[0].error, UnsafeArchiveError)
    assert [f.members[-1] for f in found if isinstance(f, Source)] == ["good.txt"]


def test_links_in_archives_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "link.zip"
    with zipfile.ZipFile(path, "w") as archive:
        info = zipfile.ZipInfo("link")
        info.external_attr = 0o120777 << 16
        archive.writestr(info, "/etc/passwd")
    (found,) = walk([path])
    assert isinstance(found, Unusable)
    assert isinstance(found.error, UnsafeArchiveError)


def test_bombs_are_refused_before_they_are_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sources, "FREE_BYTES", 1 << 20)
    path = tmp_path / "bomb.zip"
    path.write_bytes(_zip({"zeros": bytes(8 << 20)}, compression=zipfile.ZIP_BZIP2))
    (found,) = walk([path])
    assert isinstance(found, Unusable)
    assert found.error.reason == "unsafe archive"


def test_archives_too_deep_are_refused(tmp_path: Path) -> None:
    content = b"x"
    for level in range(5):
        content = _zip({f"level{level}": content})
    path = tmp_path / "deep.zip"
    path.write_bytes(content)
    (found,) = walk([path])
    assert isinstance(found, Unusable)
    assert isinstance(found.error, UnsafeArchiveError)


def test_broken_archives_and_members(tmp_path: Path) -> None:
    whole = _zip({"a": os.urandom(5000), "b": b"fine"}, compression=zipfile.ZIP_STORED)
    (tmp_path / "cut.zip").write_bytes(whole[:3000])
    (found,) = walk([tmp_path / "cut.zip"])
    assert isinstance(found, Unusable)
    assert isinstance(found.error, DamagedFileError)
    flipped = bytearray(whole)
    flipped[1000] ^= 0xFF
    (tmp_path / "flip.zip").write_bytes(flipped)
    members = [f for f in walk([tmp_path / "flip.zip"]) if isinstance(f, Source)]
    with Opener() as opener:
        with pytest.raises(DamagedFileError, match="CRC"):
            opener.read(members[0])
        assert opener.read(members[1]) == b"fine"


def test_what_is_no_file_is_refused_without_opening_it(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    (found,) = walk([tmp_path])
    assert isinstance(found, Unusable)
    assert isinstance(found.error, NotAnImageError)
    (missing,) = walk([tmp_path / "missing.dcm"])
    assert isinstance(missing, Unusable)
    assert isinstance(missing.error, DamagedFileError)


def test_large_files_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sources, "MAX_FILE_BYTES", 10)
    (tmp_path / "large").write_bytes(bytes(11))
    (found,) = walk([tmp_path])
    assert isinstance(found, Unusable)
    assert isinstance(found.error, UnsupportedFileError)


@pytest.mark.parametrize(
    ("head", "form"),
    [
        (bytes(128) + b"DICM", Format.DICOM),
        (b"\x08\x00\x05\x00CS\x0a\x00ISO_IR 100", Format.DICOM),
        (b"\x08\x00\x05\x00\x0a\x00\x00\x00ISO_IR 100", Format.DICOM),
        (b"\x00\x08\x00\x05CS\x00\x0aISO_IR 100", Format.DICOM),
        (b"\x89PNG\r\n\x1a\n" + bytes(9), Format.PNG),
        (b"\xff\xd8\xff\xe0" + bytes(9), Format.JPEG),
        (b"\x1f\x8b\x08" + bytes(9), Format.GZIP),
        (b"PK\x03\x04" + bytes(9), Format.ZIP),
        ((348).to_bytes(4, "little") + bytes(340) + b"n+1\0", Format.NIFTI),
        (b"%PDF-1.7 and so on", None),
        (b"path,label\n1.png,2\n", None),
        (b"", None),
        (bytes(600), None),
    ],
)
def test_sniff(head: bytes, form: Format | None) -> None:
    assert sniff(head) is form


def test_describe_names_what_it_knows() -> None:
    assert describe(b"%PDF-1.7") == "a PDF document"
    assert describe(b"path,label\n") == "text"
    assert describe(b"GIF89a") == "a GIF picture"
    assert "no format" in describe(bytes(range(9)) * 3)
