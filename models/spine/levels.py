"""The levels of a lumbar spine, from outlined discs, and the axial slice of each, by geometry.

Discs are counted from the sacrum up: the lowest one, on the sacrum, is L5/S1. A spine with four or six lumbar
vertebrae is counted in the same way; whether it has them cannot be seen here.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from data.records import Series
from models.spine.stacks import LEVELS, affine_of

SMALL = 0.15
"""Share of the largest component's size below which a component is no disc."""
FRAGMENT_MM = (12.0, 30.0)
"""Components whose middles are nearer than this, in height and in all, are parts of one disc."""
ON_SACRUM_MM = 12.0
"""Farthest that the lowest disc may lie from the sacrum."""
TALLEST_MM = 45.0
"""Height above which a component is more than one disc, however much it leans."""
WIDEST_MM = 50.0
"""Median gap between neighbouring discs above which every other one must have been missed."""
SKIPPED = 1.55
"""Times the median gap between discs from which on one between them was not seen."""
TOLERANCE_MM = 1.0
"""Added to half the distance of two slices: how far a disc's middle may lie from its slice."""

Point = tuple[float, float, float]


@dataclass(frozen=True, slots=True)
class Disc:
    """A disc: its level's name (empty above L1/L2), its middle in LPS mm, and the upward normal of its plane."""

    level: str
    middle_mm: Point
    normal: Point


@dataclass(frozen=True, slots=True)
class Levels:
    """The discs of a spine from the feet to the head, or the reason why the levels are not known."""

    discs: tuple[Disc, ...] = ()
    reason: str = ""
    notes: tuple[str, ...] = ()
    by_name: Mapping[str, Disc] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "by_name", {disc.level: disc for disc in self.discs if disc.level})


def find_levels(disc: NDArray[np.bool_], sacrum: NDArray[np.bool_] | None, affine: NDArray[np.float64]) -> Levels:
    """Name the discs of a sagittal stack.

    Parameters
    ----------
    disc, sacrum:
        Masks (slices, rows, columns); None where the sacrum cannot be outlined: then the lowest disc is taken for
        L5/S1, with a note.
    affine:
        4 x 4: (slice, row, column, 1) to LPS mm.

    Returns
    -------
    Levels
        Without discs, and with a reason, where they cannot be named.
    """
    clouds = _clouds(disc, affine)
    if not clouds:
        return Levels(reason="no disc was found on the sagittal slices")
    if max(float(np.ptp(cloud[:, 2])) for cloud in clouds) > TALLEST_MM:
        return Levels(reason="the discs that were outlined run into one another")
    notes: tuple[str, ...] = ()
    if sacrum is None:
        notes = ("The sacrum is not outlined: the lowest disc is taken for L5/S1.",)
    else:
        bone = _points(sacrum, affine)
        if not len(bone):
            return Levels(reason="no sacrum was found below the discs")
        clouds = [cloud for cloud in clouds if not _within(cloud, bone)]
        if not clouds or _gap_mm(clouds[0], bone) > ON_SACRUM_MM:
            return Levels(reason="the lowest disc that was found does not lie on the sacrum")
    middles = np.array([cloud.mean(axis=0) for cloud in clouds])
    if len(middles) > 1 and np.median(np.linalg.norm(np.diff(middles, axis=0), axis=1)) > WIDEST_MM:
        return Levels(reason="the discs that were found lie too far apart to be neighbours")
    numbers = _numbers(middles)
    if len(numbers) and numbers[-1] != len(numbers) - 1:
        notes += ("A disc between two others was not found; the levels above it are counted by distance.",)
    names = LEVELS[::-1]
    discs = tuple(
        Disc(names[n] if n < len(names) else "", _point(middle), _point(_normal(cloud)))
        for n, middle, cloud in zip(numbers, middles, clouds, strict=True)
    )
    return Levels(discs, "", notes)


def slices_of(levels: Levels, blocks: Sequence[Series]) -> dict[str, tuple[int, int]]:
    """The axial slice of each level that has one: (block, slice), from 0.

    A level gets the slice whose plane its disc's middle lies nearest to, within half the distance of two slices
    and :data:`TOLERANCE_MM`. Of several blocks that show it, the one that is most nearly parallel to the disc.

    Parameters
    ----------
    blocks:
        Axial stacks; those without a geometry are passed over.
    """
    found: dict[str, tuple[int, int]] = {}
    for name, disc in levels.by_name.items():
        best = -1.0
        for number, series in enumerate(blocks):
            matrix = affine_of(series)
            if matrix is None:
                continue
            normal = slice_normal(matrix)
            step = float(matrix[:3, 0] @ normal)
            place = float((np.asarray(disc.middle_mm) - matrix[:3, 3]) @ normal) / step
            index = int(np.clip(round(place), 0, series.shape[0] - 1))
            parallel = abs(float(normal @ np.asarray(disc.normal)))
            if abs(place - index) * abs(step) <= abs(step) / 2 + TOLERANCE_MM and parallel > best:
                best, found[name] = parallel, (number, index)
    return {name: found[name] for name in LEVELS if name in found}


def slice_normal(matrix: NDArray[np.float64]) -> NDArray[np.float64]:
    """The unit normal of a stack's slices: across rows and columns, whichever way the slices are shifted."""
    across = np.cross(matrix[:3, 1], matrix[:3, 2])
    return np.asarray(across / np.linalg.norm(across), dtype=np.float64)


def _points(mask: NDArray[np.bool_], affine: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.asarray(np.argwhere(mask) @ affine[:3, :3].T + affine[:3, 3], dtype=np.float64)


def _clouds(mask: NDArray[np.bool_], affine: NDArray[np.float64]) -> list[NDArray[np.float64]]:
    """The voxels of each disc in LPS mm, from the feet to the head."""
    from scipy.ndimage import label  # noqa: PLC0415 - slow to load

    numbered, count = label(mask)
    sizes = np.bincount(numbered.ravel(), minlength=count + 1)[1:]
    large = [i + 1 for i in range(count) if sizes[i] >= SMALL * sizes.max()]
    clouds = sorted((_points(numbered == i, affine) for i in large), key=lambda c: float(c[:, 2].mean()))
    joined: list[NDArray[np.float64]] = []
    for cloud in clouds:
        gap = cloud.mean(axis=0) - joined[-1].mean(axis=0) if joined else np.full(3, np.inf)
        if abs(gap[2]) < FRAGMENT_MM[0] and np.linalg.norm(gap) < FRAGMENT_MM[1]:
            joined[-1] = np.concatenate([joined[-1], cloud])
        else:
            joined.append(cloud)
    return joined


def _within(cloud: NDArray[np.float64], bone: NDArray[np.float64]) -> bool:
    """Whether a disc lies within the sacrum: much of the bone is above its plane."""
    above = (bone - cloud.mean(axis=0)) @ _normal(cloud) > 0
    return bool(above.mean() > 0.3)


def _gap_mm(cloud: NDArray[np.float64], bone: NDArray[np.float64]) -> float:
    from scipy.spatial import cKDTree  # noqa: PLC0415 - slow to load

    return float(cKDTree(bone).query(cloud)[0].min())


def _normal(cloud: NDArray[np.float64]) -> NDArray[np.float64]:
    """The direction in the sagittal plane in which a disc is thinnest, towards the head.

    A lean to the side is left out: a few thick slices do not show it.
    """
    if len(cloud) < 3:
        return np.array([0.0, 0.0, 1.0])
    thin = np.linalg.eigh(np.cov(cloud[:, 1:].T) + 1e-9 * np.eye(2))[1][:, 0]
    return np.array([0.0, *(thin if thin[1] >= 0 else -thin)])


def _numbers(middles: NDArray[np.float64]) -> list[int]:
    """0 for the lowest disc, 1 for the next ...; a gap that is far longer than the others counts as several."""
    gaps = np.linalg.norm(np.diff(middles, axis=0), axis=1)
    usual = float(np.median(gaps)) if len(gaps) else 0.0
    steps = [max(2, round(gap / usual)) if len(gaps) > 1 and gap > SKIPPED * usual else 1 for gap in gaps]
    return [0, *np.cumsum(steps).astype(int).tolist()]


def _point(values: NDArray[np.float64]) -> Point:
    return float(values[0]), float(values[1]), float(values[2])
