"""The pixels of a DICOM data set: decoded, converted to grey values after the modality LUT, or to RGB.

Order of the steps as in PS3.4 N.2: stored values, modality LUT; MONOCHROME1 is inverted last, so that larger is
brighter. The VOI window is never applied, only carried along.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pydicom import Dataset
from pydicom.pixels.processing import apply_color_lut, apply_modality_lut
from pydicom.pixels.utils import pixel_array
from pydicom.uid import (
    UID,
    JPEG2000TransferSyntaxes,
    JPEGLSTransferSyntaxes,
    JPEGTransferSyntaxes,
)

from data.errors import DamagedFileError, UnsupportedFileError
from data.ingest.header import element, number, numbers, sequence, text, whole

MAX_PIXEL_BYTES = 1 << 30
"""Most that the decoded pixels of one file may take."""
_FASTEST = dict.fromkeys(JPEGLSTransferSyntaxes, "pyjpegls") | dict.fromkeys(JPEG2000TransferSyntaxes, "pylibjpeg")
"""Measured to be the quickest for its syntax; where it fails, the others are asked."""

Array = NDArray[Any]


@dataclass(frozen=True, slots=True)
class Decoded:
    """Pixels with the window in their own values.

    Parameters
    ----------
    array:
        ([frames,] rows, columns[, 3]).
    window:
        (centre, width) of PS3.3 C.11.2.1.2.1 (LINEAR), or None.
    """

    array: Array
    window: tuple[float, float] | None


def decode(ds: Dataset, *, as_hu: bool) -> Decoded:
    """The pixels of a data set that has a transfer syntax.

    Parameters
    ----------
    as_hu:
        Keep whole numbers as int16 where they fit, as for CT.

    Raises
    ------
    DamagedFileError
        There are no pixels, too few, or the decoders refuse them.
    UnsupportedFileError
        No decoder for the transfer syntax, or more than :data:`MAX_PIXEL_BYTES`.
    """
    _check_size(ds)
    stored = _stored(ds)
    if whole(ds, "SamplesPerPixel", 1) > 1:
        return Decoded(_rgb8(stored, whole(ds, "BitsStored", 8)), None)
    if text(ds, "PhotometricInterpretation").upper() == "PALETTE COLOR":
        return Decoded(_palette(stored, ds), None)
    array = _modality(stored, ds)
    window = window_of(ds)
    if text(ds, "PhotometricInterpretation").upper() == "MONOCHROME1":
        array, window = _inverted(array, window, ds)
    return Decoded(compact(array, as_hu=as_hu), window)


def _check_size(ds: Dataset) -> None:
    rows, columns = whole(ds, "Rows"), whole(ds, "Columns")
    frames, samples = max(whole(ds, "NumberOfFrames", 1), 1), max(whole(ds, "SamplesPerPixel", 1), 1)
    if rows <= 0 or columns <= 0:
        raise DamagedFileError(
            "The header gives no size for the pixels.",
            given=f"{rows} rows, {columns} columns",
            expected="positive numbers",
            do="export the file again",
        )
    size = rows * columns * frames * samples * max(whole(ds, "BitsAllocated", 8), 8) // 8
    if size > MAX_PIXEL_BYTES:
        raise UnsupportedFileError(
            "The pixels take too much room.",
            given=f"{frames} frames of {rows} x {columns}: {size} bytes",
            expected=f"at most {MAX_PIXEL_BYTES} bytes a file",
            do="split the file into single frames",
        )


def _stored(ds: Dataset) -> Array:
    """The stored values; YBR is RGB already."""
    syntax = UID(ds.file_meta.TransferSyntaxUID)
    _check_complete(ds, syntax)
    plugin = _FASTEST.get(syntax, "")
    try:
        try:
            array = pixel_array(ds, decoding_plugin=plugin)
        except RuntimeError:
            if not plugin:
                raise
            array = pixel_array(ds)
    except NotImplementedError as error:
        raise _no_decoder(syntax, str(error)) from error
    except MemoryError as error:
        raise UnsupportedFileError("The pixels take too much room.", given=text(ds, "NumberOfFrames")) from error
    except Exception as error:
        if "does not support" in str(error) or "No pixel data decoders" in str(error):
            raise _no_decoder(syntax, str(error)) from error
        raise DamagedFileError(
            "The pixel data cannot be decoded.",
            given=" ".join(str(error).split())[:300],
            expected=f"whole {syntax.name} pixel data as the header announces it",
            do="export the file again",
        ) from error
    return array.astype(array.dtype.newbyteorder("="), copy=False)


def _no_decoder(syntax: UID, words: str) -> UnsupportedFileError:
    return UnsupportedFileError(
        "There is no decoder for the pixel data.",
        given=f"{syntax.name} ({syntax}): {' '.join(words.split())[:200]}",
        expected="another transfer syntax",
        do="convert the file to JPEG 2000 lossless or Explicit VR Little Endian",
    )


def _check_complete(ds: Dataset, syntax: UID) -> None:
    """Refuse compressed frames that break off: some decoders fill what is missing and say nothing."""
    if syntax not in (*JPEGTransferSyntaxes, *JPEGLSTransferSyntaxes, *JPEG2000TransferSyntaxes):
        return
    content = element(ds, "PixelData")
    if not isinstance(content, bytes):
        return
    tail = content[-64:].removesuffix(b"\xfe\xff\xdd\xe0\0\0\0\0").rstrip(b"\0")
    if b"\xff\xd9" not in tail[-16:]:
        raise DamagedFileError(
            "The compressed pixel data breaks off.",
            given=f"{len(content)} bytes without the code that ends them",
            expected="a whole code stream in every frame",
            do="export the file again",
        )


def _modality(stored: Array, ds: Dataset) -> Array:
    """After the modality LUT: exact whole numbers where slope and intercept are whole, else float32."""
    if stored.dtype.kind == "f":
        return stored
    if sequence(ds, "ModalityLUTSequence"):
        return np.asarray(apply_modality_lut(stored, ds))
    per_frame = _frame_rescales(ds, len(stored) if stored.ndim == 3 else 1)
    if per_frame is not None:
        if len(set(per_frame)) == 1:
            return rescale(stored, *per_frame[0])
        parts = [rescale(f, *r) for f, r in zip(stored, per_frame, strict=True)]
        return np.stack(parts)
    slope, intercept = number(ds, "RescaleSlope"), number(ds, "RescaleIntercept")
    return rescale(stored, 1.0 if slope in (None, 0.0) else float(slope or 1), float(intercept or 0))


def _frame_rescales(ds: Dataset, frames: int) -> list[tuple[float, float]] | None:
    """(slope, intercept) of each frame by the functional groups, or None where they have none."""
    found = []
    for index in range(frames):
        group = functional(ds, index, "PixelValueTransformationSequence")
        if group is None:
            return None
        found.append((number(group, "RescaleSlope") or 1.0, number(group, "RescaleIntercept") or 0.0))
    return found


def functional(ds: Dataset, frame: int, keyword: str) -> Dataset | None:
    """A functional group of a frame: its own, or the one that all share. None where there is neither."""
    own = sequence(ds, "PerFrameFunctionalGroupsSequence")
    shared = sequence(ds, "SharedFunctionalGroupsSequence")
    for holder in (*own[frame : frame + 1], *shared[:1]):
        items = sequence(holder, keyword)
        if items:
            return items[0]
    return None


def rescale(stored: Array, slope: float, intercept: float) -> Array:
    """``stored * slope + intercept``, in whole numbers where that is exact, else in float32."""
    if slope == 1.0 and intercept == 0.0:
        return stored
    if slope.is_integer() and intercept.is_integer() and stored.size:
        times, plus = int(slope), int(intercept)
        needed = [int(v) * times + plus for v in (stored.min(), stored.max())] + [times, plus]
        for dtype in (np.int16, np.int32, np.int64):
            limits = np.iinfo(dtype)
            if limits.min <= min(needed) and max(needed) <= limits.max:
                wide = stored.dtype.itemsize > np.dtype(dtype).itemsize
                work: Array = stored.astype(np.int64 if wide else dtype)
                if slope != 1.0:
                    work *= work.dtype.type(slope)
                work += work.dtype.type(intercept)
                return work.astype(dtype, copy=False)
    return (stored * np.float64(slope) + intercept).astype(np.float32)


def compact(array: Array, *, as_hu: bool) -> Array:
    """As int16 where ``as_hu`` asks for it and every value is whole and fits; else whole numbers or float32."""
    if not as_hu or array.dtype == np.int16 or not array.size:
        return array
    low, high = array.min(), array.max()
    if low < -32768 or high > 32767:
        return array if array.dtype.kind in "iu" else array.astype(np.float32)
    small = array.astype(np.int16)
    return small if array.dtype.kind in "iu" or np.array_equal(small, array) else array.astype(np.float32)


def _inverted(
    array: Array, window: tuple[float, float] | None, ds: Dataset
) -> tuple[Array, tuple[float, float] | None]:
    """Values mirrored in the range that the header allows: x' = low + high - x.

    The window follows: with C.11.2.1.2.1's c - 0.5 and w - 1, its centre becomes low + high + 1 - c.
    """
    bits, signed = whole(ds, "BitsStored", 8), whole(ds, "PixelRepresentation") == 1
    low, high = (-(1 << bits - 1), (1 << bits - 1) - 1) if signed else (0, (1 << bits) - 1)
    total: float = low + high
    if array.dtype.kind == "f" or sequence(ds, "ModalityLUTSequence"):
        total = float(array.min()) + float(array.max())
    elif (slope := number(ds, "RescaleSlope")) is not None:
        total = (low + high) * (slope or 1.0) + 2 * (number(ds, "RescaleIntercept") or 0.0)
    if array.dtype.kind in "iu":
        wide = int(total) - array.astype(np.int64)
        keeps = wide.min() >= np.iinfo(array.dtype).min and wide.max() <= np.iinfo(array.dtype).max
        mirrored = wide.astype(array.dtype if keeps else np.int32)
    else:
        mirrored = (total - array).astype(array.dtype)
    return mirrored, None if window is None else (total + 1 - window[0], window[1])


def window_of(ds: Dataset) -> tuple[float, float] | None:
    """The first window, as the (centre, width) of the LINEAR function; None where there is none.

    LINEAR_EXACT's (c, w) is LINEAR's (c + 0.5, w + 1) (PS3.3 C.11.2.1.3.2).
    """
    holder = functional(ds, 0, "FrameVOILUTSequence") or ds
    centres, widths = numbers(holder, "WindowCenter"), numbers(holder, "WindowWidth")
    if not centres or not widths or widths[0] < 1:
        return None
    exact = text(holder, "VOILUTFunction").upper() == "LINEAR_EXACT"
    return (centres[0] + 0.5, widths[0] + 1) if exact else (centres[0], widths[0])


def _rgb8(array: Array, bits: int) -> Array:
    if array.dtype == np.uint8 and bits <= 8:
        return array if bits == 8 else (array.astype(np.uint16) * 255 // ((1 << bits) - 1)).astype(np.uint8)
    return (array >> max(bits - 8, 0)).astype(np.uint8)


def _palette(array: Array, ds: Dataset) -> Array:
    coloured = apply_color_lut(array, ds)[..., :3]
    return coloured.astype(np.uint8) if coloured.dtype == np.uint8 else (coloured >> 8).astype(np.uint8)
