"""Simple shapes in voxels: signed distances on a grid, and how much of each voxel they cover."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from data.phantoms.anatomy import Anatomy, Floats

VOXEL_MM = 2.5


@dataclass(frozen=True, slots=True)
class Grid:
    """The middles of the voxels, ready for broadcasting: (Z, 1, 1), (1, Y, 1) and (1, 1, X)."""

    z: Floats
    y: Floats
    x: Floats

    @classmethod
    def around(cls, anatomy: Anatomy) -> Grid:
        """The grid that holds a thorax from the loin to the neck."""
        axes = [
            np.arange(low, high, VOXEL_MM, dtype=np.float32)
            for low, high in ((-165.0, anatomy.apex_mm + 105.0), (-160.0, 138.0), (-225.0, 226.0))
        ]
        return cls(axes[0][:, None, None], axes[1][None, :, None], axes[2][None, None, :])

    def window(self, centre: tuple[float, float, float], reach: tuple[float, float, float]) -> tuple[slice, ...]:
        """The voxels within reach of a (z, y, x), as slices of the volume."""
        return tuple(
            slice(*np.searchsorted(axis.ravel(), (middle - r - VOXEL_MM, middle + r + VOXEL_MM)))
            for axis, middle, r in zip((self.z, self.y, self.x), centre, reach, strict=True)
        )

    def within(self, window: tuple[slice, ...]) -> Grid:
        """The part of the grid in a window."""
        return Grid(self.z[window[0]], self.y[:, window[1]], self.x[:, :, window[2]])


def cover(distance_mm: Floats, edge_mm: float = VOXEL_MM) -> Floats:
    """The part of a voxel that lies inside a surface at a signed distance (positive inside)."""
    part = distance_mm * np.float32(1.0 / edge_mm)
    part += np.float32(0.5)
    return np.asarray(np.clip(part, 0.0, 1.0, out=part), np.float32)


def oval(grid: Grid, half_x: Floats, middle_y: Floats, half_y: Floats, power: float) -> Floats:
    """Signed distance, roughly, inside a stack of superellipses. The measures are (Z, 1, 1)."""
    across = np.abs(grid.x / half_x) ** power
    along = np.abs((grid.y - middle_y) / half_y) ** power
    scale = np.minimum(half_x, half_y) / power
    inside: Floats = (scale - across * scale).astype(np.float32) - (along * scale).astype(np.float32)
    return inside


def put(
    body: Floats, window: tuple[slice, ...], distance_mm: Floats, value: float, edge_mm: float = VOXEL_MM
) -> None:
    """Fill a shape with a coefficient where there is less of it yet; ``edge_mm`` is how soft its edge is."""
    part = body[window]
    np.maximum(part, cover(distance_mm, edge_mm) * np.float32(value), out=part)


def ellipsoid(grid: Grid, centre: tuple[float, float, float], axes: tuple[float, float, float]) -> Floats:
    """Signed distance, roughly, inside an ellipsoid of (z, y, x) half-axes."""
    total = ((grid.z - centre[0]) / axes[0]) ** 2 + ((grid.y - centre[1]) / axes[1]) ** 2
    return np.asarray((1.0 - (total + ((grid.x - centre[2]) / axes[2]) ** 2)) * (min(axes) / 2), np.float32)


def capsule(grid: Grid, start: Floats, end: Floats, radii: tuple[float, float]) -> Floats:
    """Signed distance inside a rod from (z, y, x) to (z, y, x) whose radius changes evenly."""
    axis = end - start
    length = float(np.sqrt(axis @ axis))
    dz, dy, dx = grid.z - start[0], grid.y - start[1], grid.x - start[2]
    along = np.clip((dz * axis[0] + dy * axis[1] + dx * axis[2]) / length**2, 0.0, 1.0)
    off = (dz - along * axis[0]) ** 2 + (dy - along * axis[1]) ** 2 + (dx - along * axis[2]) ** 2
    return np.asarray(radii[0] + along * (radii[1] - radii[0]) - np.sqrt(off), np.float32)
