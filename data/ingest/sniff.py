"""What a file is, by its content. Names and extensions have no say."""

from __future__ import annotations

import struct
from enum import StrEnum

HEAD = 560
"""Bytes from the start of a file that are enough to tell."""


class Format(StrEnum):
    """A format that Consilium opens."""

    DICOM = "DICOM"
    NIFTI = "NIfTI"
    METAIMAGE = "MetaImage"
    PNG = "PNG"
    JPEG = "JPEG"
    GZIP = "gzip"
    ZIP = "ZIP"


_MAGIC: tuple[tuple[bytes, Format], ...] = (
    (b"PK\x03\x04", Format.ZIP),
    (b"PK\x05\x06", Format.ZIP),
    (b"PK\x07\x08", Format.ZIP),
    (b"\x89PNG\r\n\x1a\n", Format.PNG),
    (b"\xff\xd8\xff", Format.JPEG),
    (b"\x1f\x8b\x08", Format.GZIP),
    (b"ObjectType = Image", Format.METAIMAGE),
)

_OTHERS: tuple[tuple[bytes, str], ...] = (
    (b"%PDF", "a PDF document"),
    (b"GIF8", "a GIF picture"),
    (b"BM", "a BMP picture"),
    (b"II*\0", "a TIFF picture"),
    (b"MM\0*", "a TIFF picture"),
    (b"\xffO\xffQ", "a bare JPEG 2000 stream"),
    (b"\0\0\0\x0cjP  ", "a JPEG 2000 picture"),
    (b"7z\xbc\xaf'\x1c", "a 7z archive"),
    (b"Rar!", "a RAR archive"),
    (b"BZh", "a bzip2 archive"),
    (b"\xfd7zXZ", "an xz archive"),
    (b"\x93NUMPY", "a NumPy array"),
    (b"\x89HDF", "an HDF5 file"),
    (b"SQLite format 3", "a database"),
    (b"NRRD", "an NRRD volume"),
    (b"ObjectType =", "a MetaImage object that is no image"),
    (b"\x7fELF", "a program"),
    (b"MZ", "a program"),
)

_VRS = frozenset(
    b"AE AS AT CS DA DS DT FD FL IS LO LT OB OD OF OL OV OW".split()
    + b"PN SH SL SQ SS ST SV TM UC UI UL UN UR US UT UV".split()
)


def sniff(head: bytes) -> Format | None:
    """The format of a file, or None for anything else.

    Parameters
    ----------
    head:
        Its first :data:`HEAD` bytes, or all where it is shorter.
    """
    if head[128:132] == b"DICM":
        return Format.DICOM
    for magic, form in _MAGIC:
        if head.startswith(magic):
            return form
    if _is_nifti(head):
        return Format.NIFTI
    return Format.DICOM if _starts_as_dataset(head) else None


def describe(head: bytes) -> str:
    """What a file that :func:`sniff` does not know seems to be, for the message of its refusal."""
    for magic, words in _OTHERS:
        if head.startswith(magic):
            return words
    if head[4:8] == b"ftyp":
        return "a video"
    if head[:4] == b"RIFF":
        return "a WebP picture" if head[8:12] == b"WEBP" else "a RIFF file"
    if b"\0" not in head and sum(byte < 9 for byte in head) == 0:
        return "text"
    return "bytes of no format that is known here"


def _is_nifti(head: bytes) -> bool:
    if len(head) < 348:
        return False
    size = {struct.unpack("<i", head[:4])[0], struct.unpack(">i", head[:4])[0]}
    return (348 in size and head[344:347] in {b"n+1", b"ni1"}) or (540 in size and head[4:7] in {b"n+2", b"ni2"})


def _starts_as_dataset(head: bytes) -> bool:
    """Whether the bytes begin as a DICOM data set without preamble: a tag of group 2 or 8 and a sane length."""
    if len(head) < 12:
        return False
    for order in "<>":
        group, element = struct.unpack(f"{order}HH", head[:4])
        if group not in {2, 8} or element > 0x1200:
            continue
        if head[4:6] in _VRS:
            return True
        if struct.unpack(f"{order}I", head[4:8])[0] <= 1024:
            return True
    return False
