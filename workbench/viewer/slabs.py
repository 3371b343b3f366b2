"""Pixels in slabs of a few slices, in the types that the canvas reads; never a whole volume in memory."""

from __future__ import annotations

import math
from functools import lru_cache
from pathlib import Path

import numpy as np

from data.blobs import Blobs
from data.errors import BlobError, GeometryError
from data.pixels import robust_window
from data.records import Layout, Series
from workbench.viewer.scene import SLAB_SLICES
from workbench.viewer.tickets import Voxels

SLAB_BYTES = 8 * 2**20
"""About how large a slab is at the most, where a slice is not larger."""
RGB = "rgb"
WIDER = {"bool": "uint8", "int8": "int16", "float16": "float32", "float64": "float32"}
"""Types that the canvas does not read -> those that hold the same values (float64: to 7 digits)."""
TOLD = frozenset({"uint8", "int16", "uint16", "int32", "float32"})
FULL_8BIT = (128.0, 256.0)
"""The window in which 8-bit values are shown as they are."""


def voxels_of(series: Series) -> Voxels:
    """The pixels of a series, to be named in an address."""
    return Voxels(series.pixels, series.layout is Layout.IMAGE)


def shape_of(blobs: Blobs, voxels: Voxels) -> tuple[int, int, int]:
    """(slices, rows, columns).

    Raises
    ------
    BlobError
        The pixels are not there.
    """
    shape = _header(blobs, voxels)[0]
    return shape[0], shape[1], shape[2]


def dtype_of(blobs: Blobs, voxels: Voxels) -> str:
    """The type in which the pixels are sent; ``rgb`` for colours.

    Raises
    ------
    BlobError
        The pixels are not there, or of a type that cannot be shown.
    """
    shape, kept = _header(blobs, voxels)
    return RGB if len(shape) == 4 else _sent(blobs.folder, voxels.blob, kept)


def layout(blobs: Blobs, voxels: Voxels) -> tuple[tuple[int, int], ...]:
    """(first slice, number of slices) of each slab."""
    shape = _header(blobs, voxels)[0]
    slice_bytes = math.prod(shape[1:]) * (1 if len(shape) == 4 else np.dtype(dtype_of(blobs, voxels)).itemsize)
    step = max(1, min(SLAB_SLICES, SLAB_BYTES // max(1, slice_bytes)))
    return tuple((first, min(step, shape[0] - first)) for first in range(0, shape[0], step))


def slab(blobs: Blobs, voxels: Voxels, number: int) -> bytes:
    """The slices of a slab by rows, little-endian.

    Raises
    ------
    GeometryError
        There is no such slab.
    BlobError
        The pixels are not there.
    """
    first, count = at(blobs, voxels, number)
    dtype = dtype_of(blobs, voxels)
    array = blobs.get_array(voxels.blob)
    part = array[np.newaxis] if voxels.image else array[first : first + count]
    wanted = np.dtype("uint8" if dtype == RGB else dtype).newbyteorder("<")
    return np.ascontiguousarray(part).astype(wanted, order="C", copy=False).tobytes()


def at(blobs: Blobs, voxels: Voxels, number: int) -> tuple[int, int]:
    """(first slice, number of slices) of one slab; GeometryError where there is none."""
    slabs = layout(blobs, voxels)
    if not 0 <= number < len(slabs):
        raise GeometryError(
            "There is no such slab.", given=number, expected=f"0 to {len(slabs) - 1}", do="ask for one of these"
        )
    return slabs[number]


def full_window(blobs: Blobs, voxels: Voxels) -> tuple[float, float]:
    """The (centre, width) for pixels without a window: 8 bits and colours as they are, else a robust one."""
    shape, kept = _header(blobs, voxels)
    if len(shape) == 4 or kept == "uint8":
        return FULL_8BIT
    return _robust(blobs.folder, voxels.blob)


@lru_cache(maxsize=4096)
def _robust(folder: Path, blob: str) -> tuple[float, float]:
    return robust_window(Blobs(folder).get_array(blob))


def _header(blobs: Blobs, voxels: Voxels) -> tuple[tuple[int, ...], str]:
    """(slices, rows, columns[, 3]) and the type that is kept."""
    if voxels.blob not in blobs:  # what is remembered may have been deleted
        blobs.get_array(voxels.blob)
    shape, kept = _array_header(blobs.folder, voxels.blob)
    return ((1, *shape) if voxels.image else shape), kept


@lru_cache(maxsize=4096)
def _array_header(folder: Path, blob: str) -> tuple[tuple[int, ...], str]:
    array = Blobs(folder).get_array(blob)
    return array.shape, array.dtype.newbyteorder("=").name


@lru_cache(maxsize=4096)
def _sent(folder: Path, blob: str, kept: str) -> str:
    """The type that holds what is kept. Of long integers it depends on the values, looked at slice by slice."""
    if kept in TOLD:
        return kept
    if kept in WIDER:
        return WIDER[kept]
    if kept not in ("int64", "uint64", "uint32"):
        raise BlobError("Pixels of this type cannot be shown.", given=kept, expected="numbers",
                        do="ingest the source again")  # fmt: skip
    bounds, array = np.iinfo(np.int32), Blobs(folder).get_array(blob)
    fits = all(int(part.min()) >= bounds.min and int(part.max()) <= bounds.max for part in array if part.size)
    return "int32" if fits else "float32"
