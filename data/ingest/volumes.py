"""Slices into volumes, by geometry alone: never by file name or InstanceNumber.

Slices that do not make a volume are kept as frames with the reason in words; nothing is filled in, nothing is
lost. Coordinates are DICOM's (LPS), in mm.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

SAME_PLACE_MM = 0.01
"""Positions along the normal that are nearer than this are one."""
UNEVEN = 0.1
"""How far, as a share of the slice spacing, a slice may lie from its place in an even stack."""
ROUNDED_MM = 0.1
"""How far it may lie in any case: some scanners round positions to a tenth of a millimetre."""
DRIFT_PX = 0.5
"""How far, in pixels, the stack may drift in the plane of its slices before it counts as tilted."""
PARALLEL = 1e-3
"""How far the cosine of the angle between rows and columns may be from 0, and their length from 1."""

Vector = tuple[float, float, float]


@dataclass(frozen=True, slots=True)
class Arrangement:
    """Slices in order.

    Parameters
    ----------
    order:
        Indices of the slices that are kept, in the order of the pixels.
    dropped:
        Indices of exact copies of a slice that is kept.
    affine:
        4 x 4, by rows: (slice, row, column, 1) to LPS mm. None where the slices make no volume.
    spacing_mm:
        (slices, rows, columns) for a volume, (rows, columns) otherwise; None where it is not known.
    reason:
        Why they make no volume; empty where they do.
    """

    order: tuple[int, ...]
    dropped: tuple[int, ...]
    affine: tuple[float, ...] | None
    spacing_mm: tuple[float, ...] | None
    reason: str


def normal(orientation: Sequence[float]) -> NDArray[np.float64]:
    """The unit normal of a slice: the cross product of its rows' and its columns' direction."""
    cross = np.cross(orientation[:3], orientation[3:])
    return np.asarray(cross / np.linalg.norm(cross), dtype=np.float64)


def valid_orientation(orientation: Sequence[float] | None) -> bool:
    """Whether six numbers are two unit vectors at a right angle."""
    if orientation is None or len(orientation) != 6:
        return False
    row, column = np.array(orientation[:3]), np.array(orientation[3:])
    lengths = abs(np.linalg.norm(row) - 1) < 0.01 and abs(np.linalg.norm(column) - 1) < 0.01
    return bool(lengths and abs(row @ column) < PARALLEL * 10)


def group_key(
    *,
    series_uid: str,
    orientation: Sequence[float] | None,
    shape: tuple[int, int],
    spacing_mm: Sequence[float] | None,
    image_type: str,
    rest: Sequence[str] = (),
) -> str:
    """Equal for slices that may make one volume.

    One axial lumbar series often holds several tilted blocks, and a localizer beside them: series, orientation (to
    0.001), rows and columns, pixel spacing (to 0.0001 mm) and ImageType keep them apart, and so does ``rest``
    (echo, time point).
    """
    directions = "none" if orientation is None else ",".join(f"{round(v, 3) + 0.0:.3f}" for v in orientation)
    spacing = "none" if spacing_mm is None else ",".join(f"{v:.4f}" for v in spacing_mm)
    return "|".join((series_uid, directions, f"{shape[0]}x{shape[1]}", spacing, image_type.upper(), *rest))


def arrange(
    positions: Sequence[Vector | None],
    numbers: Sequence[int],
    *,
    orientation: Sequence[float] | None,
    spacing_mm: tuple[float, float] | None,
    same: Callable[[int, int], bool],
) -> Arrangement:
    """Order the slices of one group, and say whether they make a volume.

    Parameters
    ----------
    positions:
        Of the first pixel's centre, for each slice.
    numbers:
        InstanceNumber of each; it decides only between slices at one position, or where there are no positions.
    orientation:
        Six direction cosines, the same for all.
    spacing_mm:
        (rows, columns).
    same:
        Whether two slices, by index, have the same pixels. It is asked of slices at one position only.
    """
    placed = [p for p in positions if p is not None]
    if len(placed) < len(positions) or orientation is None:
        order = sorted(range(len(positions)), key=lambda i: (numbers[i], i))
        reason = "The slices have no position in the header." if len(order) > 1 else ""
        return Arrangement(tuple(order), (), None, spacing_mm, reason)
    points = np.array(placed, dtype=np.float64)  # (n, 3)
    heights = points @ normal(orientation)
    order = sorted(range(len(points)), key=lambda i: (heights[i], numbers[i], i))
    order, dropped, clashes = _without_copies(order, heights, points, same)
    if len(order) == 1:
        return Arrangement(tuple(order), dropped, None, spacing_mm, "")
    reason = _clash_words(clashes) or _unevenness(points[order], heights[order], spacing_mm)
    if reason or spacing_mm is None:
        reason = reason or "The header has no pixel spacing."
        return Arrangement(tuple(order), dropped, None, spacing_mm, reason)
    affine = affine_of(points[order[0]], points[order[-1]], len(order), orientation, spacing_mm)
    between = float(np.linalg.norm(affine[:3, 0]))
    return Arrangement(tuple(order), dropped, tuple(affine.ravel().tolist()), (between, *spacing_mm), "")


def affine_of(
    first: NDArray[np.float64],
    last: NDArray[np.float64],
    count: int,
    orientation: Sequence[float],
    spacing_mm: tuple[float, float],
) -> NDArray[np.float64]:
    """The matrix from (slice, row, column, 1) to LPS mm.

    As in PS3.3 C.7.6.2.1.1, with the slices' step from the first and last position. Rows follow one another along
    the *columns'* direction, by the first value of PixelSpacing.
    """
    affine = np.eye(4)
    affine[:3, 0] = (last - first) / (count - 1)
    affine[:3, 1] = np.array(orientation[3:]) * spacing_mm[0]
    affine[:3, 2] = np.array(orientation[:3]) * spacing_mm[1]
    affine[:3, 3] = first
    return affine


def _without_copies(
    order: list[int],
    heights: NDArray[np.float64],
    points: NDArray[np.float64],
    same: Callable[[int, int], bool],
) -> tuple[list[int], tuple[int, ...], int]:
    """The order without exact copies, what was dropped, and how many share a place but not their pixels."""
    kept: list[int] = []
    dropped: list[int] = []
    clashes = 0
    for index in order:
        rivals = []
        for other in reversed(kept):
            if heights[index] - heights[other] > SAME_PLACE_MM:
                break
            rivals.append(other)
        near = [o for o in rivals if np.linalg.norm(points[index] - points[o]) <= SAME_PLACE_MM]
        if any(same(index, other) for other in near):
            dropped.append(index)
            continue
        clashes += bool(rivals)
        kept.append(index)
    return kept, tuple(dropped), clashes


def _clash_words(clashes: int) -> str:
    return f"{clashes} slices share their position with another one that looks different." if clashes else ""


def _unevenness(
    points: NDArray[np.float64], heights: NDArray[np.float64], spacing_mm: tuple[float, float] | None
) -> str:
    """Why sorted slices make no even stack; empty where they do."""
    count = len(heights)
    steps = np.diff(heights)
    usual = float(np.median(steps))
    gaps = int(np.sum(steps > (1 + 5 * UNEVEN) * usual))
    if gaps:
        return f"Slices are missing: {gaps} gaps, the largest {steps.max():.2f} mm where {usual:.2f} mm is usual."
    even = heights[0] + np.arange(count) * (heights[-1] - heights[0]) / (count - 1)
    if np.abs(heights - even).max() > max(UNEVEN * usual, ROUNDED_MM):
        return f"The slices are unevenly spaced: {steps.min():.2f} to {steps.max():.2f} mm."
    along = (points[-1] - points[0]) / (heights[-1] - heights[0])
    line = points[0] + np.outer(heights - heights[0], along)
    straight = float(np.linalg.norm(points - line, axis=1).max())
    total = float(np.linalg.norm(points[-1] - points[0]))
    height = float(heights[-1] - heights[0])
    drift = float(np.sqrt(max(total**2 - height**2, 0.0)))
    limit = DRIFT_PX * (min(spacing_mm) if spacing_mm else 1.0)
    if straight > limit:
        return f"The slices do not lie in line: up to {straight:.2f} mm aside."
    if drift > limit:
        tilt = float(np.degrees(np.arccos(min(1.0, height / total))))
        return f"The gantry was tilted: the slices drift by {drift:.2f} mm in their plane ({tilt:.1f} degrees)."
    return ""
