"""A level's slice as the graders see it: the region of canal and facets of one side, with a margin.

The side that is graded lies on the right of the crop, whichever it is, so that one network serves both; a crop
of the other side is its mirror image.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from data.records import Series
from models.segmenter import stretched
from models.spine.stacks import affine_of, left_is_higher

UNKNOWN_MM = 0.7
"""Taken for the size of a pixel where it is not known; nothing is measured with it."""


@dataclass(frozen=True, eq=False)
class LevelView:
    """The axial slice of one level.

    Parameters
    ----------
    page:
        Of the study, from 0.
    picture:
        (rows, columns), 8 bit.
    masks:
        (rows, columns) by structure; empty ones are left out.
    spacing_mm:
        (rows, columns) of a pixel; None where it is not known.
    left_high, back_high:
        Whether the patient's left lies on the higher columns, and the back on the higher rows.
    height_mm:
        Along the column, to the head.
    lean:
        Cosine of the angle between slice and disc.
    """

    level: str
    page: int
    picture: NDArray[np.uint8]
    masks: Mapping[str, NDArray[np.bool_]]
    spacing_mm: tuple[float, float] | None
    left_high: bool = True
    back_high: bool = True
    height_mm: float = 0.0
    lean: float = 1.0

    @property
    def centre(self) -> tuple[float, float]:
        """(row, column) of the canal's middle; of the sac's, or the picture's, where it is not outlined."""
        for label in ("spinal_canal", "dural_sac"):
            if label in self.masks:
                rows, columns = np.nonzero(self.masks[label])
                return float(np.median(rows)), float(np.median(columns))
        return (self.picture.shape[0] - 1) / 2, (self.picture.shape[1] - 1) / 2


@dataclass(frozen=True)
class Region:
    """The size of a crop.

    Parameters
    ----------
    size_px:
        (rows, columns) that come out.
    size_mm:
        (rows, columns) that it covers.
    beyond_mm:
        How much of its columns lies beyond the canal's middle on the other side.
    """

    size_px: tuple[int, int]
    size_mm: tuple[float, float]
    beyond_mm: float


def geometry(series: Series) -> tuple[bool, bool]:
    """Whether left lies on the higher columns and the back on the higher rows; so it is where nothing is known."""
    matrix = affine_of(series)
    return (True, True) if matrix is None else (left_is_higher(matrix), bool(matrix[1, 1] > 0))


def crop_matrix(view: LevelView, side: str, region: Region) -> NDArray[np.float64]:
    """2 x 3: (column, row) of the crop to (column, row) of the page.

    Rows run to the back, columns to the side that is graded.
    """
    row_mm, column_mm = view.spacing_mm or (UNKNOWN_MM, UNKNOWN_MM)
    rows, columns = region.size_px
    along = region.size_mm[1] / columns / column_mm * (1 if (side == "left") == view.left_high else -1)
    down = region.size_mm[0] / rows / row_mm * (1 if view.back_high else -1)
    middle = region.beyond_mm / region.size_mm[1] * columns - 0.5  # the crop's column of the canal's middle
    row, column = view.centre
    return np.array([[along, 0, column - along * middle], [0, down, row - down * (rows - 1) / 2]])


def side_crop(view: LevelView, side: str, region: Region) -> NDArray[np.uint8]:
    """The region of one side, 8 bit, of the region's size; outside the picture it is black."""
    import cv2  # noqa: PLC0415

    flags: Any = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
    size = (region.size_px[1], region.size_px[0])
    crop = cv2.warpAffine(stretched(view.picture), crop_matrix(view, side, region), size, flags=flags)
    return np.asarray(crop, np.uint8)


def on_page(heat: NDArray[np.float32], view: LevelView, side: str, region: Region) -> NDArray[np.float32]:
    """A map of a crop (its rows, columns) on the page's pixels, 0 outside the crop."""
    import cv2  # noqa: PLC0415

    rows, columns = view.picture.shape
    back = cv2.warpAffine(heat, crop_matrix(view, side, region), (columns, rows), flags=cv2.INTER_LINEAR)
    return np.clip(np.asarray(back, np.float32), 0.0, 1.0)
