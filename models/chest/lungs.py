"""Where the lungs are, by threshold.

Air that reaches the edge of a slice lies outside the body; what is left of the air, in pieces that are large
enough, is lung with the large airways. Each slice is then closed and filled, so that vessels, nodules and the like
belong to the lung. What fills a part of a lung up to its border (an effusion, a large consolidation) is not found.

References
----------
Hu, Hoffman, Reinhardt: Automatic lung segmentation for accurate quantitation of volumetric X-ray CT images, IEEE
Trans. Med. Imaging 20 (2001), 490 - 498 (threshold, connected pieces, smoothing).
Otsu: A threshold selection method from gray-level histograms, IEEE Trans. SMC 9 (1979), 62 - 66.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

AIR_HU = -400.0
"""Below it a voxel is air or lung."""
LEAST_ML = 150.0
"""Smaller pieces of air are none of a lung: stomach, bowel, airways outside the lungs."""
LEAST_CM2 = 15.0
"""In a stack of few slices, the least volume is this area over the stack's height."""
LEAST_SHARE = 0.01
"""The same for pictures without a scale, as a share of the picture."""
CLOSING_MM = 9.0
"""Gaps up to about this width (vessels, small nodules at the border) are closed."""
SLICE_LEAST = 0.03
"""A slice whose lungs are smaller than this share of the largest slice's shows no lung worth looking at."""


def lung_mask(hu: NDArray[np.generic], spacing_mm: tuple[float, float, float]) -> NDArray[np.bool_]:
    """The lungs of an axial CT.

    Parameters
    ----------
    hu:
        (slices, rows, columns) in HU, in any order of slices.
    spacing_mm:
        Between (slices, rows, columns).

    Returns
    -------
    NDArray
        (slices, rows, columns); all False where there are none.
    """
    from scipy import ndimage  # noqa: PLC0415

    inner = _inside(np.asarray(hu) < AIR_HU)
    labels, count = ndimage.label(inner)
    if not count:
        return inner
    sizes_ml = np.bincount(labels.ravel(), minlength=count + 1) * float(np.prod(spacing_mm)) / 1000
    height_cm = len(inner) * spacing_mm[0] / 10
    kept = sizes_ml >= min(LEAST_ML, LEAST_CM2 * height_cm)
    kept[0] = False
    return _closed(kept[labels], CLOSING_MM / spacing_mm[1])


def picture_lungs(picture: NDArray[np.uint8]) -> NDArray[np.bool_]:
    """The lungs of one axial slice that comes as a picture, already windowed: (rows, columns).

    What Otsu's threshold calls dark is taken for air.
    """
    import cv2  # noqa: PLC0415
    from scipy import ndimage  # noqa: PLC0415

    level, _ = cv2.threshold(np.ascontiguousarray(picture), 0, 255, cv2.THRESH_BINARY + cv2.THRESH_OTSU)
    inner = _inside((picture <= level)[None])
    labels, count = ndimage.label(inner)
    if not count:
        return np.zeros(picture.shape, dtype=bool)
    kept = np.bincount(labels.ravel(), minlength=count + 1) >= LEAST_SHARE * picture.size
    kept[0] = False
    closed: NDArray[np.bool_] = _closed(kept[labels], picture.shape[0] * 0.025)[0]
    return closed


def lung_extent(mask: NDArray[np.bool_]) -> tuple[int, int]:
    """First slice with lungs, and the one after the last; all slices where there are no lungs."""
    areas = mask.reshape(len(mask), -1).sum(axis=1)
    found = np.flatnonzero(areas > SLICE_LEAST * areas.max()) if areas.max() else np.arange(len(mask))
    return int(found[0]), int(found[-1]) + 1


def _inside(air: NDArray[Any]) -> NDArray[np.bool_]:
    """Air that does not reach the edge of its slice."""
    import cv2  # noqa: PLC0415

    inner = np.zeros(air.shape, dtype=bool)
    for index, one in enumerate(air):
        _, labels = cv2.connectedComponents(one.astype(np.uint8), connectivity=4)
        edge = np.unique(np.concatenate([labels[0], labels[-1], labels[:, 0], labels[:, -1]]))
        inner[index] = one & ~np.isin(labels, edge)
    return inner


def _closed(mask: NDArray[Any], width_px: float) -> NDArray[np.bool_]:
    """Each slice closed with a disc of a width, and its holes filled."""
    import cv2  # noqa: PLC0415
    from scipy import ndimage  # noqa: PLC0415

    side = 2 * max(1, round(width_px / 2)) + 1
    disc = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (side, side))
    closed = np.zeros(mask.shape, dtype=bool)
    for index, one in enumerate(mask):
        if one.any():
            padded = np.pad(one.astype(np.uint8), side)
            whole = cv2.morphologyEx(padded, cv2.MORPH_CLOSE, disc)[side:-side, side:-side]
            closed[index] = ndimage.binary_fill_holes(whole > 0)
    return closed
