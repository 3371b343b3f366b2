"""The part of a radiograph that findings are looked for in: the exposed field, and in it the chest.

What lies outside the field, black or grey, would take most of the range of grey values in an equalisation, and a
chest that always lies alike is learnt from fewer radiographs.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from data.borders import find_lungs
from models.images import prepare

WORKING_PX = 192
"""Longer side of the copy that the field is looked for in."""
TEXTURE = 1.5
"""Grey levels by which neighbouring pixels of the field differ more than those outside of it."""
LEAST_SHARE = 0.3
"""Rows and columns of the field have this part of the texture of the busiest ones, or more."""
LEAST_SIDE = 0.3
"""A field that is smaller, as part of the picture's side, is none."""
LUNG_HEIGHT, LUNG_WIDTH, LUNG_ASPECT = 0.6, 0.55, 0.85
"""Least height and width of the lungs as parts of the field, and of height over width: else a part was found."""
MARGINS = (0.10, 0.08, 0.30, 0.08)
"""What is seen beyond the lungs at top, left, bottom and right, as part of their height and width."""


@dataclass(frozen=True, slots=True)
class Crop:
    """A part of a picture, in pixels from its upper left corner; bottom and right are past the last pixel."""

    top: int
    left: int
    bottom: int
    right: int

    def of(self, picture: NDArray[np.uint8]) -> NDArray[np.uint8]:
        """The part of a picture (rows, columns)."""
        return picture[self.top : self.bottom, self.left : self.right]

    def back(self, heat: NDArray[np.float32], shape: tuple[int, int]) -> NDArray[np.float32]:
        """What was found in the part, in the place of the picture (rows, columns); 0 outside."""
        whole = np.zeros(shape, dtype=np.float32)
        whole[self.top : self.bottom, self.left : self.right] = heat
        return whole


def chest_of(picture: NDArray[np.uint8]) -> Crop:
    """The chest in a frontal radiograph: around the lungs, the exposed field where they are not found.

    Parameters
    ----------
    picture:
        (rows, columns), 8 bit, bright where much is absorbed.
    """
    field = field_of(picture)
    inner = field.of(picture)
    lungs = find_lungs(inner) if min(inner.shape) >= 32 else None
    rows, columns = inner.shape
    if (
        lungs is None
        or lungs.height < max(LUNG_HEIGHT * rows, LUNG_ASPECT * lungs.width)
        or lungs.width < LUNG_WIDTH * columns
    ):
        return field
    top, left, bottom, right = MARGINS
    return Crop(
        field.top + max(0, round(lungs.top - top * lungs.height)),
        field.left + max(0, round(lungs.left - left * lungs.width)),
        field.top + min(rows, round(lungs.bottom + bottom * lungs.height)),
        field.left + min(columns, round(lungs.right + right * lungs.width)),
    )


def field_of(picture: NDArray[np.uint8]) -> Crop:
    """The exposed field of a radiograph: the rows and columns with texture; the whole where there is no frame."""
    import cv2  # noqa: PLC0415

    scale = min(1.0, WORKING_PX / max(picture.shape))
    size = (max(2, round(picture.shape[1] * scale)), max(2, round(picture.shape[0] * scale)))
    small = cv2.resize(picture, size, interpolation=cv2.INTER_AREA).astype(np.float32)
    busy = np.maximum(
        np.abs(np.diff(small, axis=0, append=small[-1:])), np.abs(np.diff(small, axis=1, append=small[:, -1:]))
    )
    spans = []
    for axis in (0, 1):
        share = (busy > TEXTURE).mean(axis=1 - axis)
        met = np.flatnonzero(share >= LEAST_SHARE * np.quantile(share, 0.9))
        if share.max() == 0 or not met.size or met[-1] + 1 - met[0] < LEAST_SIDE * len(share):
            spans.append((0, picture.shape[axis]))
            continue
        factor = picture.shape[axis] / len(share)
        spans.append((int(met[0] * factor), min(picture.shape[axis], int(np.ceil((met[-1] + 1) * factor)))))
    (top, bottom), (left, right) = spans
    return Crop(top, left, bottom, right)


def prepared(picture: NDArray[np.uint8], crop: Crop, size_px: tuple[int, int]) -> NDArray[np.uint8]:
    """The part of a picture with its histogram equalised, as (rows, columns) of this size."""
    return prepare(crop.of(picture), size_px)
