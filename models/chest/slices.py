"""Chest CT as the networks take it: slabs of slices, cropped to the lungs; and the pages that readers see.

The slices that show lungs are divided into slabs of equal thickness. A slab becomes one picture of three channels:
the darkest, the mean and the brightest value of each column of voxels (minimum-intensity, average and
maximum-intensity projection), so that neither a nodule nor a dark spot is lost between slices. A slab of one slice
has three equal channels; so has a picture.

References
----------
Napel, Rubin, Jeffrey: STS-MIP: a new reconstruction technique for CT of the chest, J. Comput. Assist. Tomogr. 17
(1993), 832 - 838 (sliding thin slabs).
"""

from __future__ import annotations

import itertools
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from data.errors import TaskError
from data.pixels import Pixels
from data.records import Layout, Series, Study
from data.volume import Volume
from models.chest.lungs import lung_extent, lung_mask, picture_lungs

if TYPE_CHECKING:
    import torch

LUNG_WINDOW = (-600.0, 1500.0)
"""(centre, width) in HU, in which readers see the pages."""
MOST_PAGES = 54
CURVE_HU = (-1024.0, -700.0, -150.0, 150.0, 450.0, 1200.0)
CURVE_LEVELS = (0.0, 85.0, 125.0, 190.0, 230.0, 255.0)
"""How HU become grey values: steep in the lungs and in soft tissue, where 100 HU are 26 and 22 levels, and with
room enough above for chalk to stand out from blood."""
MASK_PX = 192
"""About how many rows and columns the lungs are sought in."""
MARGIN = 0.06
"""Added to each side of the lungs' box, as a share of its larger side."""
GREY_MEAN, GREY_STD = 0.5, 0.289


@dataclass(frozen=True, eq=False)
class Slabs:
    """A study as the networks take it.

    Parameters
    ----------
    images:
        (slabs, 3, size, size) of uint8: darkest, mean, brightest.
    lungs:
        (slabs, size, size).
    centres:
        The native slice, from 0, in the middle of each slab.
    box:
        (top, left, side) of the crop in native pixels; it may reach over the edge.
    """

    images: NDArray[np.uint8]
    lungs: NDArray[np.bool_]
    centres: tuple[int, ...]
    box: tuple[int, int, int]

    def native(self, heat: NDArray[np.float32], shape: tuple[int, int]) -> NDArray[np.float32]:
        """A map over a slab, (size, size), at its place in a native slice of (rows, columns); 0 outside."""
        import cv2  # noqa: PLC0415

        top, left, side = self.box
        whole = np.zeros(shape, dtype=np.float32)
        large = cv2.resize(heat.astype(np.float32), (side, side), interpolation=cv2.INTER_LINEAR)
        first, last = max(0, top), min(shape[0], top + side)
        start, end = max(0, left), min(shape[1], left + side)
        whole[first:last, start:end] = large[first - top : last - top, start - left : end - left]
        return np.clip(whole, 0.0, 1.0)


def usable(series: Series) -> bool:
    """Whether a series is axial slices, or pictures of them."""
    if series.layout is not Layout.VOLUME:
        return True
    return axial(series)


def axial(series: Series) -> bool:
    """Whether the slices of a volume follow one another along the body."""
    if series.affine is None:
        return False
    step = np.array(series.affine).reshape(4, 4)[:3, 0]
    return int(np.abs(step).argmax()) == 2


def chosen(study: Study) -> Series:
    """The series that is looked at: the volume with the most slices, else the one with the most pictures.

    Raises
    ------
    TaskError
        The study has no axial slices.
    """
    found = [series for series in study.series if usable(series)]
    if not found:
        raise TaskError(
            "The study has no axial slices.",
            given=f"{study.study_id} with {len(study.series)} series",
            expected="an axial chest CT, or pictures of its slices",
            do="leave it out, or ingest the axial series",
        )
    return max(found, key=lambda s: (s.layout is Layout.VOLUME, Pixels.pages(s)))


def page_slices(series: Series) -> tuple[int, ...]:
    """Which native slices are the pages: all of them, or :data:`MOST_PAGES` evenly spaced ones."""
    return spaced(Pixels.pages(series))


def spaced(count: int) -> tuple[int, ...]:
    """All indices of so many, or :data:`MOST_PAGES` evenly spaced ones."""
    if count <= MOST_PAGES:
        return tuple(range(count))
    return tuple(int(i) for i in np.linspace(0, count - 1, MOST_PAGES).round())


def page(series: Series, index: int, pixels: Pixels) -> NDArray[np.uint8]:
    """One native slice in the lung window; a picture as it is."""
    window = None if is_picture(series, pixels) else LUNG_WINDOW
    return np.ascontiguousarray(pixels.display8(series, index, window=window))


def is_picture(series: Series, pixels: Pixels) -> bool:
    """Whether the values are grey levels, already windowed, and no HU."""
    return bool(pixels.array(series).dtype == np.uint8)


def slabs_of(study: Study, pixels: Pixels, count: int, size_px: int) -> Slabs:
    """A study's slabs.

    Parameters
    ----------
    count:
        Slabs at the most; a series of fewer slices has fewer.
    size_px:
        Rows and columns of a slab.
    """
    series = chosen(study)
    if is_picture(series, pixels):
        return _of_pictures(series, pixels, count, size_px)
    array = pixels.array(series)
    stack = array[None] if series.layout is Layout.IMAGE else array
    if series.layout is Layout.VOLUME:
        spacing = Volume.of(series, array).spacing_mm
    else:
        plane = series.spacing_mm or (0.75, 0.75)
        spacing = (5.0, plane[-2], plane[-1])
    step = max(1, round(max(stack.shape[1:]) / MASK_PX))
    small = lung_mask(stack[:, ::step, ::step], (spacing[0], spacing[1] * step, spacing[2] * step))
    first, last = lung_extent(small)
    count = min(count, last - first)
    edges = np.linspace(first, last, count + 1).round().astype(int)
    box = _box(np.logical_or.reduce(small), step, (stack.shape[1], stack.shape[2]))
    images, lungs = [], []
    for start, end in itertools.pairwise(edges):
        images.append(_projected(_cropped(stack[start:end], box, -1024), size_px))
        lungs.append(_lungs_of(small[start:end].mean(axis=0) > 0.5, step, box, size_px))
    centres = tuple(int(c) for c in (edges[:-1] + edges[1:] - 1) // 2)
    return Slabs(np.stack(images), np.stack(lungs), centres, box)


def _of_pictures(series: Series, pixels: Pixels, count: int, size_px: int) -> Slabs:
    """Slabs of one picture each, evenly spaced, in the box of the middle picture's lungs."""
    total = Pixels.pages(series)
    centres = np.linspace(0, total - 1, min(count, total)).round().astype(int)
    pictures = [np.ascontiguousarray(pixels.display8(series, int(i))) for i in centres]
    masks = [picture_lungs(picture) for picture in pictures]
    box = _box(np.logical_or.reduce(masks), 1, pictures[0].shape)
    images = [np.repeat(_resized(_cropped(p[None], box, 0)[0], size_px)[None], 3, axis=0) for p in pictures]
    lungs = [_lungs_of(mask, 1, box, size_px) for mask in masks]
    return Slabs(np.stack(images), np.stack(lungs), tuple(int(c) for c in centres), box)


def _box(mask: NDArray[np.bool_], step: int, shape: tuple[int, ...]) -> tuple[int, int, int]:
    """(top, left, side) of a square about a mask with steps of so many native pixels; of all where it is empty."""
    rows, columns = np.flatnonzero(mask.any(axis=1)), np.flatnonzero(mask.any(axis=0))
    if len(rows) < 0.1 * len(mask) or len(columns) < 0.1 * mask.shape[1]:
        side = max(shape[0], shape[1])
        return (shape[0] - side) // 2, (shape[1] - side) // 2, side
    height, width = (rows[-1] + 1 - rows[0]) * step, (columns[-1] + 1 - columns[0]) * step
    side = round(max(height, width) * (1 + 2 * MARGIN))
    middle = (rows[0] + rows[-1] + 1) * step / 2, (columns[0] + columns[-1] + 1) * step / 2
    return round(middle[0] - side / 2), round(middle[1] - side / 2), side


def _cropped(stack: NDArray[Any], box: tuple[int, int, int], outside: int) -> NDArray[Any]:
    """(n, side, side) of a stack (n, rows, columns), padded where the box reaches over the edge."""
    top, left, side = box
    rows, columns = stack.shape[1:]
    part = stack[:, max(0, top) : min(rows, top + side), max(0, left) : min(columns, left + side)]
    pads = (max(0, -top), max(0, top + side - rows)), (max(0, -left), max(0, left + side - columns))
    return np.pad(part, ((0, 0), *pads), constant_values=outside)


def _projected(slab: NDArray[Any], size_px: int) -> NDArray[np.uint8]:
    """(3, size, size) of a slab (slices, rows, columns) in HU."""
    channels = slab.min(axis=0), slab.mean(axis=0, dtype=np.float32), slab.max(axis=0)
    return np.stack([_resized(to_levels(channel), size_px) for channel in channels])


def to_levels(hu: NDArray[Any]) -> NDArray[np.uint8]:
    """HU as 0 to 255 by the curve :data:`CURVE_HU`, :data:`CURVE_LEVELS`; any shape."""
    low, high = round(CURVE_HU[0]), round(CURVE_HU[-1])
    table = np.rint(np.interp(np.arange(low, high + 1), CURVE_HU, CURVE_LEVELS)).astype(np.uint8)
    levels: NDArray[np.uint8] = table[np.clip(np.rint(hu), low, high).astype(np.int32) - low]
    return levels


def _resized(picture: NDArray[Any], size_px: int) -> NDArray[np.uint8]:
    import cv2  # noqa: PLC0415

    method = cv2.INTER_AREA if picture.shape[0] > size_px else cv2.INTER_LINEAR
    small = cv2.resize(np.ascontiguousarray(picture), (size_px, size_px), interpolation=method)
    return np.asarray(small, dtype=np.uint8)


def _lungs_of(mask: NDArray[np.bool_], step: int, box: tuple[int, int, int], size_px: int) -> NDArray[np.bool_]:
    """A mask with steps of so many native pixels, (size, size) in a box."""
    native = np.repeat(np.repeat(mask, step, axis=0), step, axis=1)
    return _resized(_cropped(native[None].astype(np.uint8) * 255, box, 0)[0], size_px) > 127


def shrunk(images: NDArray[np.uint8], size_px: int) -> NDArray[np.uint8]:
    """Pictures (..., rows, columns) at another size; the same array where it is that size already."""
    if images.shape[-1] == size_px:
        return images
    flat = images.reshape(-1, *images.shape[-2:])
    return np.stack([_resized(one, size_px) for one in flat]).reshape(*images.shape[:-2], size_px, size_px)


def as_input(images: NDArray[np.uint8], device: torch.device) -> torch.Tensor:
    """Slabs (B, 3, size, size) as a normalised tensor on a device, with the channels last."""
    import torch  # noqa: PLC0415

    levels = torch.from_numpy(np.array(images)).to(device).float() / 255  # a copy: mapped files are read-only
    return ((levels - GREY_MEAN) / GREY_STD).contiguous(memory_format=torch.channels_last)


def soft_maximum(logits: NDArray[np.float64], sharpness: float) -> NDArray[np.float64]:
    """From slabs to the study: log(mean(exp(r z))) / r over the slabs' logits z, between their mean and maximum.

    Parameters
    ----------
    logits:
        (slabs, ...).
    sharpness:
        r, above 0.

    References
    ----------
    Pinheiro, Collobert: From image-level to pixel-level labeling with convolutional networks, CVPR 2015,
    arXiv:1411.6228, equation 4.
    """
    scaled = sharpness * logits
    top = scaled.max(axis=0)
    result: NDArray[np.float64] = (top + np.log(np.exp(scaled - top).mean(axis=0))) / sharpness
    return result


def most_suspicious(values: NDArray[np.float64], top: int) -> NDArray[np.float64]:
    """From slabs to the study: the mean of the largest values.

    Parameters
    ----------
    values:
        (slabs, ...); each column is sorted by itself.
    top:
        How many count; all where there are fewer.
    """
    result: NDArray[np.float64] = np.sort(values, axis=0)[::-1][:top].mean(axis=0)
    return result
