"""Cut lung borders made from good radiographs: crops placed by where the lungs lie.

A cut is a crop, never a warp, so that what is left of the picture is as it was. Each cut crop has an intact one of
the same size from the same radiograph, so that neither the size nor the aspect tells which is which.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from data.errors import LabelsError

WORKING_PX = 160
"""Longer side of the copy that the lungs are looked for in."""
LEAST_AREA, MOST_AREA = 0.06, 0.62
"""Lungs take up at least and at most this part of a chest radiograph."""
LEAST_PIECE = 0.025
"""A smaller dark piece is no lung, as part of the picture."""
LEAST_WIDTH, LEAST_HEIGHT = 0.42, 0.42
"""Lungs are together at least this wide and high, as part of the body; one lung of a frontal view alone is not."""
RIM_PART = 0.035
"""How much further than its dark part the lung reaches at each side, as part of its width or height."""
FLATTEN = 0.8
"""How much of the large differences of brightness is taken off before a threshold is set."""
CUT_PART = (0.09, 0.2)
"""How much of the lungs' width or height a cut takes away."""
CLEAR_PART = 0.012
"""How much of the lungs' width or height lies between them and the border of an intact crop, at least."""


class Side(StrEnum):
    """A side of a picture."""

    TOP = "top"
    LEFT = "left"
    BOTTOM = "bottom"
    RIGHT = "right"


@dataclass(frozen=True, slots=True)
class LungBox:
    """The box around both lungs, in pixels from the upper left corner; bottom and right are past the last pixel.

    Raises
    ------
    LabelsError
        The box is empty.
    """

    top: float
    left: float
    bottom: float
    right: float

    def __post_init__(self) -> None:
        if not (self.top < self.bottom and self.left < self.right):
            raise LabelsError(
                "A box around the lungs is empty.",
                given=f"top {self.top}, left {self.left}, bottom {self.bottom}, right {self.right}",
                expected="top above bottom, left before right",
                do="correct the box",
            )

    @property
    def height(self) -> float:
        """In pixels."""
        return self.bottom - self.top

    @property
    def width(self) -> float:
        """In pixels."""
        return self.right - self.left

    @classmethod
    def around(cls, boxes: Iterable[LungBox]) -> LungBox:
        """The box around several boxes, one a lung."""
        known = tuple(boxes)
        return cls(
            min(box.top for box in known),
            min(box.left for box in known),
            max(box.bottom for box in known),
            max(box.right for box in known),
        )

    def overlap(self, other: LungBox) -> float:
        """Area of the intersection over that of the union, 0 to 1."""
        high = max(0.0, min(self.bottom, other.bottom) - max(self.top, other.top))
        wide = max(0.0, min(self.right, other.right) - max(self.left, other.left))
        common = high * wide
        return common / (self.height * self.width + other.height * other.width - common)


@dataclass(frozen=True, slots=True)
class BorderCrop:
    """A crop of a radiograph.

    Parameters
    ----------
    top, left, bottom, right:
        Pixels; bottom and right are past the last one.
    side:
        The side where the lungs are cut; None where they are whole.
    depth_px:
        How much of the lungs is missing there; 0 where they are whole.
    """

    top: int
    left: int
    bottom: int
    right: int
    side: Side | None
    depth_px: float

    @property
    def borders(self) -> str:
        """``complete`` or ``cut_off``."""
        return "complete" if self.side is None else "cut_off"

    def of(self, pixels: NDArray[Any]) -> NDArray[Any]:
        """The crop of an image (rows, columns, ...)."""
        return pixels[self.top : self.bottom, self.left : self.right]


def find_lungs(pixels: NDArray[Any]) -> LungBox | None:
    """The box around the lungs of a chest radiograph, by threshold; None where nothing looks like lungs.

    The threshold rises as long as the dark pieces inside the picture, those that do not run into its border, grow
    without leaking out. Meant for good radiographs: where a border is cut, the lung runs out of the picture and
    is not found.

    Parameters
    ----------
    pixels:
        (rows, columns), bright where much is absorbed (MONOCHROME2).
    """
    if pixels.ndim != 2 or min(pixels.shape) < 32:
        raise LabelsError(
            "That is no radiograph to find lungs in.",
            given=f"an array of shape {pixels.shape}",
            expected="(rows, columns), 32 or more each",
            do="give one grey image",
        )
    scale = min(1.0, WORKING_PX / max(pixels.shape))
    small = ndimage.zoom(ndimage.uniform_filter(pixels.astype(np.float32), round(1 / scale)), scale, order=1)
    low, high = np.percentile(small, (1.0, 99.0))
    tone = ndimage.gaussian_filter(np.clip((small - low) / max(float(high - low), 1e-6), 0.0, 1.0), 1.2)
    body = ndimage.binary_fill_holes(tone > 0.06)
    if not body.any():
        return None
    flat = tone - FLATTEN * ndimage.gaussian_filter(np.where(body, tone, tone[body].mean()), max(small.shape) / 4)
    best: NDArray[np.bool_] | None = None
    for threshold in np.quantile(flat[body], np.arange(0.08, 0.70, 0.02)):
        mask = _inner_dark(flat < threshold, body)
        if mask.any() and LEAST_AREA <= mask.mean() <= MOST_AREA and (best is None or mask.sum() > best.sum()):
            best = mask
    return None if best is None else _box(best, pixels.shape)


def _box(mask: NDArray[np.bool_], shape: tuple[int, ...]) -> LungBox:
    """The box around a small mask, in the pixels of the whole picture, with the lungs' dim rim."""
    edges = []
    for axis in (0, 1):
        met = np.flatnonzero(mask.sum(axis=1 - axis) >= 2)
        factor, rim = shape[axis] / mask.shape[axis], RIM_PART * (met[-1] + 1 - met[0])
        edges.append((max(0.0, (met[0] - rim) * factor), min(shape[axis], (met[-1] + 1 + rim) * factor)))
    (top, bottom), (left, right) = edges
    return LungBox(float(top), float(left), float(bottom), float(right))


def _inner_dark(dark: NDArray[np.bool_], body: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """The large dark pieces that do not touch the border, at most two, as large as lungs; else none."""
    pieces, count = ndimage.label(ndimage.binary_opening(dark, iterations=1))
    if count == 0:
        return np.zeros_like(dark)
    rim = np.unique(np.concatenate([pieces[0], pieces[-1], pieces[:, 0], pieces[:, -1]]))
    sizes = np.bincount(pieces.ravel()).astype(np.float64)
    sizes[rim], sizes[0] = 0.0, 0.0
    sizes[sizes < LEAST_PIECE * dark.size] = 0.0
    chosen = [int(piece) for piece in np.argsort(sizes)[::-1][:2] if sizes[piece] > 0]
    if len(chosen) == 2 and sizes[chosen[1]] < 0.3 * sizes[chosen[0]]:
        chosen = chosen[:1]
    mask = np.asarray(np.isin(pieces, chosen), bool)
    for axis, least in ((0, LEAST_HEIGHT), (1, LEAST_WIDTH)):
        met = np.flatnonzero(mask.any(axis=1 - axis))
        if not met.size or met[-1] - met[0] < least * np.ptp(np.flatnonzero(body.any(axis=1 - axis))):
            return np.zeros_like(dark)
    return mask


def room(shape: tuple[int, int], lungs: LungBox) -> dict[Side, float]:
    """How deep each side can be cut at a size that also takes an intact crop, in pixels; sides without room miss.

    The lungs can be cut at one side as deep as the picture goes on beyond the opposite one.
    """
    margins = {
        Side.TOP: shape[0] - lungs.bottom,
        Side.LEFT: shape[1] - lungs.right,
        Side.BOTTOM: lungs.top,
        Side.RIGHT: lungs.left,
    }
    deepest = {}
    for side, margin in margins.items():
        length = lungs.height if side in {Side.TOP, Side.BOTTOM} else lungs.width
        depth = margin - 2 * CLEAR_PART * length - 2  # two pixels for rounding
        if depth >= CUT_PART[0] * length:
            deepest[side] = min(depth, CUT_PART[1] * length)
    return deepest


def crop_pair(
    shape: tuple[int, int], lungs: LungBox, rng: np.random.Generator
) -> tuple[BorderCrop, BorderCrop] | None:
    """A crop that cuts the lungs at one side, and an intact one of the same size.

    None where the lungs lie so close to every side that there is no such pair.

    Parameters
    ----------
    shape:
        Rows and columns of the radiograph.
    lungs:
        Where they lie, whole, in it.
    """
    deepest = room(shape, lungs)
    if not deepest:
        return None
    side = list(deepest)[int(rng.integers(len(deepest)))]
    upright = side in {Side.TOP, Side.BOTTOM}
    length = lungs.height if upright else lungs.width
    depth = float(rng.uniform(CUT_PART[0] * length, deepest[side]))
    spans = [(lungs.top, lungs.bottom, shape[0]), (lungs.left, lungs.right, shape[1])]
    across = spans[1] if upright else spans[0]
    along = spans[0] if upright else spans[1]
    if side in {Side.BOTTOM, Side.RIGHT}:  # as if seen in a mirror
        along = (along[2] - along[1], along[2] - along[0], along[2])
    start = int(np.ceil(along[0] + depth))
    least = int(np.ceil(length * (1 + 2 * CLEAR_PART))) + 2
    size = int(rng.integers(min(least, along[2] - start), along[2] - start + 1))
    cut = (start, start + size)
    if side in {Side.BOTTOM, Side.RIGHT}:
        cut = (along[2] - cut[1], along[2] - cut[0])
    whole = _around(spans[0] if upright else spans[1], size, rng)
    breadth = _breadth(across, rng)
    first, second = _around(across, breadth, rng), _around(across, breadth, rng)
    return _crop(cut, first, upright, side, start - along[0]), _crop(whole, second, upright, None, 0.0)


def _breadth(span: tuple[float, float, int], rng: np.random.Generator) -> int:
    """A length that holds the lungs, up to the whole picture."""
    least = int(np.ceil((span[1] - span[0]) * (1 + 2 * CLEAR_PART))) + 2
    return int(rng.integers(min(least, span[2]), span[2] + 1))


def _around(span: tuple[float, float, int], size: int, rng: np.random.Generator) -> tuple[int, int]:
    """A stretch of this size, drawn from all that hold the lungs, clear of them where there is room."""
    begin, end, whole = span
    clear = CLEAR_PART * (end - begin)
    low = max(0, int(np.ceil(end + min(clear, whole - end))) - size)
    high = min(whole - size, int(np.floor(begin - min(clear, begin))))
    start = int(rng.integers(low, max(low, high) + 1))
    return start, start + size


def _crop(
    along: tuple[int, int], across: tuple[int, int], upright: bool, side: Side | None, depth_px: float
) -> BorderCrop:
    rows, columns = (along, across) if upright else (across, along)
    return BorderCrop(rows[0], columns[0], rows[1], columns[1], side, float(depth_px))
