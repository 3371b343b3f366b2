"""A CT as pages for readers and as a clip of frames for networks, and the exact way from one to the other.

A study's pages are at most 54 native slices, evenly spaced along the volume, in the CT window. A clip has a fixed
number of frames of a fixed size: each frame is one page, or empty where the volume has fewer; rows and columns are
a box of the page, resized. Both are described by whole native pixels, so that a mask goes forth and back.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from data.pixels import Pixels, apply_window
from data.records import Layout, Series, Study
from models.phases import shown_series

PAGES = 54
"""Pages of a study at the most."""
WINDOW = (40.0, 400.0)
"""(centre, width) in HU."""
FAT_LEVEL = 8
"""Grey value in the window above which a pixel is no air."""


def page_slices(slices: int, most: int = PAGES) -> NDArray[np.int64]:
    """The native slice of each page: all of them, or ``most`` evenly spaced ones with both ends."""
    chosen: NDArray[np.int64] = np.rint(np.linspace(0, slices - 1, min(slices, most))).astype(np.int64)
    return chosen


@dataclass(frozen=True, eq=False)
class Stack:
    """The pages of a study, and where they lie in the patient.

    Parameters
    ----------
    pages:
        (pages, rows, columns), 8 bit.
    slices:
        (pages,) native slice of each.
    affine:
        4 x 4, (slice, row, column, 1) to LPS mm; None for frames without a geometry.
    box:
        (top, bottom, left, right) of the body in all pages, in pixels, the ends excluded.
    """

    series: Series
    pages: NDArray[np.uint8]
    slices: NDArray[np.int64]
    affine: NDArray[np.float64] | None
    box: tuple[int, int, int, int]

    @property
    def pixel_mm(self) -> tuple[float, float] | None:
        """Between (rows, columns), in mm."""
        if self.affine is None:
            return None
        lengths = np.linalg.norm(self.affine[:3, 1:3], axis=0)
        return float(lengths[0]), float(lengths[1])

    @property
    def depth_mm(self) -> NDArray[np.float64] | None:
        """(pages,) place of each page along the stack, in mm."""
        if self.affine is None:
            return None
        return np.asarray(self.slices * float(np.linalg.norm(self.affine[:3, 0])), dtype=np.float64)

    @property
    def slab_mm(self) -> NDArray[np.float64] | None:
        """(pages,) thickness that each page stands for: half-way to its neighbours."""
        if self.affine is None or self.depth_mm is None:
            return None
        step = float(np.linalg.norm(self.affine[:3, 0]))
        if len(self.slices) == 1:
            return np.array([step])
        middles = (self.depth_mm[1:] + self.depth_mm[:-1]) / 2
        ends = self.depth_mm[[0, -1]] + np.array([-0.5, 0.5]) * step
        return np.diff(np.concatenate([ends[:1], middles, ends[1:]]))

    def place_mm(self, page: float, row: float, column: float) -> NDArray[np.float64] | None:
        """LPS x, y and z of a place in the pages."""
        if self.affine is None:
            return None
        slice_ = np.interp(page, np.arange(len(self.slices)), self.slices)
        found: NDArray[np.float64] = (self.affine @ np.array([slice_, row, column, 1.0]))[:3]
        return found


def stack(study: Study, pixels: Pixels) -> Stack:
    """The pages of a study, in the CT window; frames without HU in their own grey values."""
    series = shown_series(study)
    slices = page_slices(series.shape[0])
    affine = None if series.affine is None else np.array(series.affine, dtype=np.float64).reshape(4, 4)
    pages = _pages(series, pixels, slices)
    return Stack(series, pages, slices, affine, body_box(pages))


def page_shapes(study: Study) -> tuple[tuple[int, int], ...]:
    """(rows, columns) of each page of a study, from its records alone."""
    series = shown_series(study)
    return (Pixels.page_shape(series),) * len(page_slices(series.shape[0]))


def body_box(pages: NDArray[np.uint8]) -> tuple[int, int, int, int]:
    """(top, bottom, left, right) around the largest connected part that is not air, over all pages.

    Parameters
    ----------
    pages:
        (pages, rows, columns), in the CT window: air is 0, fat is not.
    """
    import cv2  # noqa: PLC0415

    rows, columns = pages.shape[1:]
    held = (np.mean(pages > FAT_LEVEL, axis=0) > 0.5).astype(np.uint8)
    count, _, stats, _ = cv2.connectedComponentsWithStats(held)
    if count < 2:
        return 0, rows, 0, columns
    left, top, width, height, _ = stats[1 + int(stats[1:, cv2.CC_STAT_AREA].argmax())]
    return int(top), int(top + height), int(left), int(left + width)


@dataclass(frozen=True, slots=True)
class Frames:
    """The way between pages and the frames of a clip.

    Parameters
    ----------
    page_of:
        Page of each frame; -1 where the frame is empty.
    box:
        (top, bottom, left, right) in native pixels, the ends excluded; it may reach beyond the page.
    size_px:
        (rows, columns) of a frame.
    page_px:
        (rows, columns) of a page.
    pages:
        How many there are.
    """

    page_of: tuple[int, ...]
    box: tuple[int, int, int, int]
    size_px: tuple[int, int]
    page_px: tuple[int, int]
    pages: int

    @property
    def scale(self) -> tuple[float, float]:
        """Native (rows, columns) that a row or column of a frame stands for."""
        top, bottom, left, right = self.box
        return (bottom - top) / self.size_px[0], (right - left) / self.size_px[1]

    def to_native(self, row: float, column: float) -> tuple[float, float]:
        """The native place of a place in a frame; the middle of a pixel is a whole number in both."""
        down, right = self.scale
        return self.box[0] + (row + 0.5) * down - 0.5, self.box[2] + (column + 0.5) * right - 0.5

    def to_frame(self, row: float, column: float) -> tuple[float, float]:
        """The place in a frame of a native place."""
        down, right = self.scale
        return (row - self.box[0] + 0.5) / down - 0.5, (column - self.box[2] + 0.5) / right - 0.5

    def clip(self, pages: NDArray[np.uint8]) -> NDArray[np.uint8]:
        """(pages, rows, columns) -> (frames, rows, columns); empty frames and what lies outside are 0."""
        clip = np.zeros((len(self.page_of), *self.size_px), dtype=np.uint8)
        for frame, page in enumerate(self.page_of):
            if page >= 0:
                clip[frame] = self._resized(self._cut(pages[page]))
        return clip

    def mask(self, masks: NDArray[np.bool_]) -> NDArray[np.bool_]:
        """A mask (pages, rows, columns) in the clip: what covers half of a frame's pixel or more.

        A mask that would vanish keeps the pixels that it touches.
        """
        clip = np.zeros((len(self.page_of), *self.size_px), dtype=bool)
        for frame, page in enumerate(self.page_of):
            if page >= 0 and masks[page].any():
                level = self._resized(self._cut(masks[page].astype(np.uint8) * 255))
                half = level >= 128
                clip[frame] = half if half.any() else level > 0
        return clip

    def back(self, clip: NDArray[np.bool_]) -> NDArray[np.bool_]:
        """A mask (frames, rows, columns) in the pages: a native pixel takes the frame's pixel that it lies in."""
        masks = np.zeros((self.pages, *self.page_px), dtype=bool)
        heat = self.spread(clip.astype(np.float32), smooth=False)
        masks[heat > 0] = True
        return masks

    def spread(self, clip: NDArray[np.float32], *, smooth: bool = True) -> NDArray[np.float32]:
        """Values of a clip (frames, rows, columns) in the pages (pages, rows, columns); 0 outside."""
        import cv2  # noqa: PLC0415

        pages = np.zeros((self.pages, *self.page_px), dtype=np.float32)
        top, bottom, left, right = self.box
        how = cv2.INTER_LINEAR if smooth else cv2.INTER_NEAREST_EXACT
        rows, columns = self.page_px
        inside = (slice(max(top, 0), min(bottom, rows)), slice(max(left, 0), min(right, columns)))
        own = (
            slice(inside[0].start - top, max(inside[0].stop - top, 0)),
            slice(inside[1].start - left, max(inside[1].stop - left, 0)),
        )
        for frame, page in enumerate(self.page_of):
            if page >= 0:
                grown = cv2.resize(clip[frame], (right - left, bottom - top), interpolation=how)
                pages[page][inside] = np.maximum(pages[page][inside], grown[own])
        return pages

    def _cut(self, page: NDArray[np.uint8]) -> NDArray[np.uint8]:
        """The box of a page, with 0 beyond its border."""
        top, bottom, left, right = self.box
        cut = np.zeros((bottom - top, right - left), dtype=np.uint8)
        rows, columns = page.shape
        inside = page[max(top, 0) : min(bottom, rows), max(left, 0) : min(right, columns)]
        down, across = max(-top, 0), max(-left, 0)
        cut[down : down + inside.shape[0], across : across + inside.shape[1]] = inside
        return cut

    def _resized(self, picture: NDArray[np.uint8]) -> NDArray[np.uint8]:
        import cv2  # noqa: PLC0415

        rows, columns = self.size_px
        smaller = picture.shape[0] >= rows and picture.shape[1] >= columns
        how = cv2.INTER_AREA if smaller else cv2.INTER_LINEAR
        return np.asarray(cv2.resize(picture, (columns, rows), interpolation=how), dtype=np.uint8)


def whole(seen: Stack, frames: int, size_px: tuple[int, int]) -> Frames:
    """All pages as a clip: evenly spaced where there are more than frames, empty frames at the end where fewer."""
    count = len(seen.pages)
    chosen = page_slices(count, frames).tolist()
    page_px = seen.pages.shape[1], seen.pages.shape[2]
    page_of = (*chosen, *[-1] * (frames - len(chosen)))
    return Frames(page_of, (0, page_px[0], 0, page_px[1]), size_px, page_px, count)


def in_field(seen: Stack, size_px: tuple[int, int], field: tuple[float, float, float, float] | None) -> Frames:
    """Every page as a frame of its own, cut to a share of the body's box.

    Parameters
    ----------
    field:
        (top, bottom, left, right), shares of the box around the body; None for the whole page.
    """
    page_px = seen.pages.shape[1], seen.pages.shape[2]
    box = (0, page_px[0], 0, page_px[1])
    if field is not None:
        top, bottom, left, right = seen.box
        box = (
            round(top + field[0] * (bottom - top)),
            max(round(top + field[1] * (bottom - top)), round(top + field[0] * (bottom - top)) + 1),
            round(left + field[2] * (right - left)),
            max(round(left + field[3] * (right - left)), round(left + field[2] * (right - left)) + 1),
        )
    return Frames(tuple(range(len(seen.pages))), box, size_px, page_px, len(seen.pages))


def around(seen: Stack, mask: NDArray[np.bool_], crop_mm: float, frames: int, size_px: tuple[int, int]) -> Frames:
    """A cube around the middle of a mask (pages, rows, columns) as a clip; the whole where there is no geometry.

    Parameters
    ----------
    crop_mm:
        Edge of the cube, whatever the size of the lesion, so that its size shows.
    """
    if seen.pixel_mm is None or seen.depth_mm is None or not mask.any():
        return whole(seen, frames, size_px)
    page, row, column = (float(v.mean()) for v in np.nonzero(mask))
    half = tuple(max(1, round(crop_mm / 2 / length)) for length in seen.pixel_mm)
    middle = round(row), round(column)
    box = (middle[0] - half[0], middle[0] + half[0], middle[1] - half[1], middle[1] + half[1])
    at = np.interp(page, np.arange(len(seen.pages)), seen.depth_mm)
    wanted = at + (np.arange(frames) - (frames - 1) / 2) * crop_mm / frames
    nearest = np.abs(seen.depth_mm[None] - wanted[:, None]).argmin(axis=1)
    reach = np.diff(seen.depth_mm).max(initial=crop_mm / frames) / 2 + crop_mm / frames
    off = (wanted < seen.depth_mm[0] - reach) | (wanted > seen.depth_mm[-1] + reach)
    page_of = tuple(-1 if out else int(index) for index, out in zip(nearest, off, strict=True))
    return Frames(page_of, box, size_px, (mask.shape[1], mask.shape[2]), len(mask))


def hounsfield(series: Series, pixels: Pixels, slices: NDArray[np.int64]) -> NDArray[np.float32] | None:
    """(pages, rows, columns) HU of these slices; None where the series has none."""
    if series.modality != "CT" or series.layout is not Layout.VOLUME:
        return None
    return np.asarray(pixels.array(series)[slices], dtype=np.float32)


def _pages(series: Series, pixels: Pixels, slices: NDArray[np.int64]) -> NDArray[np.uint8]:
    if series.layout is Layout.VOLUME and series.modality == "CT":
        return apply_window(pixels.array(series)[slices], WINDOW)
    return np.stack([pixels.display8(series, int(index)) for index in slices])
