"""A chest in Hounsfield units that parts can be put into.

:mod:`data.phantoms.chest_ct_body` builds one, :mod:`data.phantoms.chest_ct_pathologies` puts pathologies into it
and :mod:`data.phantoms.chest_ct_scan` makes slices of it.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from data.phantoms.anatomy import Anatomy, Floats
from data.phantoms.points import PointCloud
from data.phantoms.shapes import Grid, capsule, cover, ellipsoid
from data.phantoms.thorax import diaphragm_z

WATER = 0.0197
"""Linear attenuation coefficient of water in 1/mm, at the energy of :mod:`data.phantoms.thorax`."""
AIR_HU, FAT_HU, MUSCLE_HU = -1000.0, -102.0, 30.0

Window: TypeAlias = tuple[slice, ...]
Point: TypeAlias = tuple[float, float, float]
"""z, y, x in mm."""
WHOLE: Window = (slice(None), slice(None), slice(None))


@dataclass(frozen=True, slots=True, eq=False)
class Bronchus:
    """An airway: a rod of air with a wall.

    Parameters
    ----------
    start, end:
        (z, y, x) in mm.
    lumen_mm:
        Radius at both ends.
    wall_mm:
        Thickness of the wall.
    diseased:
        Whether it belongs to the pathological region.
    """

    start: Floats
    end: Floats
    lumen_mm: tuple[float, float]
    wall_mm: float
    diseased: bool = False


@dataclass(slots=True, eq=False)
class ChestCT:
    """A chest that parts are put into.

    Parameters
    ----------
    hu:
        (slices, rows, columns), Hounsfield units; axes as those of :class:`data.phantoms.thorax.Thorax`.
    lungs:
        The part of each voxel that is lung, aerated or not.
    vessels, airways:
        The part of the lungs' vessels and bronchi that shows in each voxel: 0 where something displaced them.
    region:
        The part of each voxel that is pathological.
    heart:
        The part of each voxel inside the heart muscle.
    blood_hu:
        40 or so, more after contrast.
    aorta:
        (N, 3) its middle line, from the valve to the diaphragm.
    coronaries:
        (N, 3) middle lines of the three main arteries of the heart.
    vessel_points:
        Vessels of the lungs; weights in HU times mm3.
    points:
        What else is thinner than a voxel, so too.
    """

    anatomy: Anatomy
    grid: Grid
    hu: Floats
    lungs: Floats
    vessels: Floats
    airways: Floats
    region: Floats
    heart: Floats
    blood_hu: float
    vessel_points: PointCloud
    aorta: Floats = field(default_factory=lambda: np.zeros((0, 3), np.float32))
    coronaries: tuple[Floats, ...] = ()
    bronchi: list[Bronchus] = field(default_factory=list)
    points: list[PointCloud] = field(default_factory=list)

    def fill(self, window: Window, part: Floats, value: Floats | float, *, mark: bool = False) -> None:
        """Take up a part of each voxel of a window with something of so many HU; ``mark`` it as pathological."""
        seen = self.hu[window]
        seen += part * (value - seen)
        if mark:
            np.maximum(self.region[window], part, out=self.region[window])

    def displace(self, window: Window, part: Floats, value: Floats | float, *, mark: bool = False) -> None:
        """As :meth:`fill`, and no vessel or bronchus of the lungs shows there any more."""
        self.fill(window, part, value, mark=mark)
        self.vessels[window] *= 1.0 - part
        self.airways[window] *= 1.0 - part

    def push_aside(self, window: Window, part: Floats, value: Floats | float) -> None:
        """As :meth:`displace`, for what is pathological and lies outside the lungs."""
        self.displace(window, part, value, mark=True)
        self.lungs[window] *= 1.0 - part

    def ball(self, centre: Point, axes: Point) -> tuple[Window, Floats]:
        """The window around an ellipsoid of (z, y, x) half-axes, and its part of each voxel there."""
        window = self.grid.window(centre, axes)
        return window, cover(ellipsoid(self.grid.within(window), centre, axes))

    def rod(self, start: Floats, end: Floats, radii: tuple[float, float]) -> tuple[Window, Floats]:
        """The window around a rod, and its part of each voxel there."""
        reach = np.abs(start - end) / 2 + max(radii)
        window = self.grid.window(tuple((start + end) / 2), tuple(reach))
        # voxels are too coarse for thin rods: what they would gain in width they lose in strength
        thin = np.float32(min(1.0, max(radii) / 1.6))
        return window, thin * cover(capsule(self.grid.within(window), start, end, radii))

    def add_points(self, zyx_mm: NDArray[Any], weight: NDArray[Any], *, mark: bool = False) -> None:
        """Add points; weights in HU times mm3."""
        self.points.append(PointCloud(zyx_mm.astype(np.float32), weight.astype(np.float32)))
        if mark:
            self.region[self.index(zyx_mm)] = 1.0

    def index(self, zyx_mm: NDArray[Any]) -> tuple[NDArray[np.int64], ...]:
        """The voxels that points lie in; those outside are moved to the edge."""
        axes = (self.grid.z.ravel(), self.grid.y.ravel(), self.grid.x.ravel())
        return tuple(
            np.clip(np.rint((zyx_mm[:, k] - axis[0]) / (axis[1] - axis[0])), 0, len(axis) - 1).astype(np.int64)
            for k, axis in enumerate(axes)
        )

    def front_mm(self) -> float:
        """How far back (y) the inner face of the chest's front lies, at its widest."""
        return 60.0 - self.anatomy.depth_mm


def smooth_field(grid: Grid, scale_mm: float, rng: np.random.Generator) -> Floats:
    """A Gaussian random field of mean 0 and variance 1 whose grains are about ``scale_mm`` wide. (Z, Y, X)."""
    weights = []
    for axis in (grid.z.ravel(), grid.y.ravel(), grid.x.ravel()):
        knots = np.arange(axis[0] - scale_mm, axis[-1] + 2 * scale_mm, scale_mm)
        weight = np.exp(-(((axis[:, None] - knots) / (0.75 * scale_mm)) ** 2))
        weights.append((weight / np.linalg.norm(weight, axis=1, keepdims=True)).astype(np.float32))
    z, y, x = weights
    coarse = rng.standard_normal((z.shape[1], y.shape[1], x.shape[1]), dtype=np.float32)
    return np.asarray(np.tensordot(z, np.matmul(y, coarse) @ x.T, 1), np.float32)


def heart_part(anatomy: Anatomy, grid: Grid, extra_mm: float) -> Floats:
    """The part of each voxel inside the heart grown by ``extra_mm``, after the shapes that displace the lungs."""
    s, apex, shift = anatomy.heart_scale, anatomy.apex_mm, anatomy.heart_shift_mm
    front = 60.0 - anatomy.depth_mm
    parts: tuple[tuple[Point, Point], ...] = (
        ((0.05 * apex + 8, front + 50 * s, 32 + shift), (46 * s, 50 * s, 46 * s)),
        ((0.04 * apex, front + 40 * s, 56 + shift), (30 * s, 36 * s, 33 * s)),
        ((-0.06 * apex, front + 34 * s, 20 + shift), (42 * s, 50 * s, 58 * s)),
        ((0.13 * apex + 14, front + 54 * s, -14 + shift), (46 * s, 40 * s, 34 * s)),
        ((0.20 * apex + 16, front + 84 * s, 12 + shift), (36 * s, 30 * s, 40 * s)),
        ((0.26 * apex + 12, front + 42 * s, 14 + shift), (48 * s, 34 * s, 30 * s)),
    )
    heart = np.zeros((grid.z.size, grid.y.size, grid.x.size), np.float32)
    for centre, axes in parts:
        grown = (axes[0] + extra_mm, axes[1] + extra_mm, axes[2] + extra_mm)
        window = grid.window(centre, grown)
        part = cover(ellipsoid(grid.within(window), centre, grown))
        np.maximum(heart[window], part, out=heart[window])
    heart *= cover(grid.z - midriff_z(anatomy, grid) * 0.6)
    return heart


def midriff_z(anatomy: Anatomy, grid: Grid) -> Floats:
    """The height of the diaphragm, even where its two domes meet, in mm. (1, Y, X)."""
    even = diaphragm_z(anatomy, grid.y, -np.abs(grid.x))
    return np.asarray(even + anatomy.left_dome_mm / (1.0 + np.exp(-grid.x / 9.0)), np.float32)
