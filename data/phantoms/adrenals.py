"""Adrenal glands, and the shapes, sizes and places of lesions in them."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from data.phantoms.abdomen import LEFT, RIGHT, WALL_MM, Abdomen, Canvas, Place
from data.phantoms.anatomy import Floats
from data.phantoms.shapes import Grid

GLAND = (30.0, 76.0, 48.0)
ANGLES, RADII, PLANES = 72, 40, 45
"""How finely an outline is followed."""


@dataclass(frozen=True, slots=True)
class Shape:
    """A star-shaped body: an ellipsoid with bulges.

    Parameters
    ----------
    centre:
        z, y, x in mm.
    axes:
        Half-axes in mm: along the body, and the two in the slice.
    turn_rad:
        By which the second axis is turned from y towards x.
    bulges:
        (bulges, 5): direction (z, y, x), height as a share of the radius, and sharpness.
    """

    centre: Place
    axes: tuple[float, float, float]
    turn_rad: float
    bulges: tuple[tuple[float, float, float, float, float], ...] = ()

    @property
    def reach_mm(self) -> float:
        """No point of it is farther from its centre."""
        if not self.bulges:
            return 1.02 * max(self.axes)
        bulges = np.asarray(self.bulges)
        toward = bulges[:, :3] @ bulges[:, :3].T  # at the top of each bulge, what all of them add
        tops = 1.0 + (np.exp((toward - 1.0) * bulges[:, 4]) @ np.maximum(bulges[:, 3], 0.0))
        return float(max(self.axes) * 1.06 * tops.max())

    def distance(self, grid: Grid) -> Floats:
        """Signed distance, roughly, inside; zero exactly on the surface. mm, in the grid's shape."""
        z, y, x = grid.z - self.centre[0], grid.y - self.centre[1], grid.x - self.centre[2]
        cos, sin = np.cos(self.turn_rad), np.sin(self.turn_rad)
        parts = np.broadcast_arrays(
            z / self.axes[0], (cos * y + sin * x) / self.axes[1], (cos * x - sin * y) / self.axes[2]
        )
        radius = np.sqrt(sum(part**2 for part in parts)) + 1e-6
        edge = np.ones_like(radius)
        for *direction, height, sharp in self.bulges:
            toward = sum(part * d for part, d in zip(parts, direction, strict=True)) / radius
            edge += height * np.exp((toward - 1.0) * sharp)
        return np.asarray((edge - radius) * min(self.axes), np.float32)


@dataclass(frozen=True, slots=True)
class Size:
    """Measures of a shape as it is, without voxels.

    Parameters
    ----------
    long_mm:
        The greatest diameter in a transverse plane.
    short_mm:
        The width across it in the same plane.
    """

    long_mm: float
    short_mm: float
    volume_mm3: float


def measure(shape: Shape) -> Size:
    """Measure a shape by its outlines in transverse planes."""
    reach = shape.reach_mm
    heights = np.linspace(-reach, reach, PLANES)
    angles = np.linspace(0.0, 2 * np.pi, ANGLES, endpoint=False)
    radii = np.linspace(0.0, reach, RADII)
    # planes by angles by radii
    grid = Grid(
        np.asarray(heights + shape.centre[0])[:, None, None],
        np.asarray(np.sin(angles)[:, None] * radii + shape.centre[1])[None],
        np.asarray(np.cos(angles)[:, None] * radii + shape.centre[2])[None],
    )
    inside = shape.distance(grid)
    last = np.maximum((inside > 0).cumsum(axis=2).argmax(axis=2), 0)
    held = np.take_along_axis(inside, last[..., None], 2)[..., 0]
    after = np.take_along_axis(inside, np.minimum(last + 1, RADII - 1)[..., None], 2)[..., 0]
    step = np.where(held > 0, held / np.maximum(held - after, 1e-6), 0.0)
    edge = np.where(held > 0, (last + np.clip(step, 0.0, 1.0)) * (radii[1] - radii[0]), 0.0)  # (Z, ANGLES)
    area = 0.5 * np.sin(2 * np.pi / ANGLES) * (edge * np.roll(edge, 1, axis=1)).sum(axis=1)
    y, x = edge * np.sin(angles), edge * np.cos(angles)
    apart = np.hypot(y[:, :, None] - y[:, None], x[:, :, None] - x[:, None])
    plane, one, other = np.unravel_index(int(apart.argmax()), apart.shape)
    run = np.array((y[plane, one] - y[plane, other], x[plane, one] - x[plane, other]))
    across = (x[plane] * run[0] - y[plane] * run[1]) / np.hypot(*run)
    volume = float(area.sum() * (heights[1] - heights[0]))
    return Size(float(apart.max()), float(np.ptp(across)), volume)


def scaled(shape: Shape, long_mm: float) -> tuple[Shape, Size]:
    """The shape made as long as asked, and its measures."""
    size = measure(shape)
    factor = long_mm / size.long_mm
    a, b, c = shape.axes
    grown = replace(shape, axes=(a * factor, b * factor, c * factor))
    return grown, Size(long_mm, size.short_mm * factor, size.volume_mm3 * factor**3)


def place_of(abdomen: Abdomen, side: int, reach_mm: float, jitter: Place, lift_mm: float = 0.0) -> Place:
    """Where a lesion lies: in the gland while small; larger, it grows away from spine and diaphragm.

    Parameters
    ----------
    reach_mm:
        Half its long diameter.
    jitter:
        z, y, x in mm.
    lift_mm:
        Towards the head, for one of two on the same side.
    """
    medial = 30.0 if side == RIGHT else 35.0
    y = abdomen.spine_y_mm - 17.0 - 0.30 * max(0.0, reach_mm - 8.0)
    room = abdomen.half_width_mm - WALL_MM - 5.0 - reach_mm
    x = min(max(medial, medial - 8.0 + reach_mm) + jitter[2], room)
    return (9.0 if side == RIGHT else 5.0) + jitter[0] + lift_mm, y + jitter[1], side * x


def glands(canvas: Canvas, rng: np.random.Generator) -> None:
    """Paint both glands: a body in front and two limbs that part behind it, as an inverted Y."""
    y = canvas.abdomen.spine_y_mm
    for side, middle, x in ((RIGHT, 12.0, 27.0), (LEFT, 6.0, 33.0)):
        thick = float(rng.uniform(1.9, 2.9))
        apex = (middle, y - 27.0 + rng.normal(0, 1), side * (x + rng.normal(0, 1)))
        fork = (middle, apex[1] + rng.uniform(5.0, 8.0), apex[2] + side * 1.0)
        inner = (middle, fork[1] + rng.uniform(11.0, 15.0), fork[2] + side * rng.uniform(0.0, 2.0))
        outer = (middle, fork[1] + rng.uniform(9.0, 13.0), fork[2] + side * rng.uniform(8.0, 12.0))
        tall = float(rng.uniform(13.0, 17.0))
        for start, end, up in ((apex, fork, 0.0), (fork, inner, 3.0), (fork, outer, -3.0)):
            _limb(canvas, start, end, thick, (middle + up - tall, middle + up + tall))


def _limb(canvas: Canvas, start: Place, end: Place, thick_mm: float, heights: tuple[float, float]) -> None:
    """A sheet between two lines that lean back downwards, thinner to its ends."""
    middle = (sum(heights) / 2, (start[1] + end[1]) / 2, (start[2] + end[2]) / 2)
    half = (heights[1] - heights[0]) / 2
    window = canvas.window(middle, (half, 18.0, 16.0))
    part = canvas.grid.within(window)
    lean = 0.12 * (part.z - middle[0])
    run = (end[1] - start[1], end[2] - start[2])
    down, right = part.y - start[1] + lean, part.x - start[2]
    along = np.clip((down * run[0] + right * run[1]) / (run[0] ** 2 + run[1] ** 2), 0.0, 1.0)
    off = np.hypot(down - along * run[0], right - along * run[1])
    thin = thick_mm * np.sqrt(np.clip(1.0 - ((part.z - middle[0]) / half) ** 2, 0.0, 1.0)) - 0.6 * along
    canvas.paint(np.asarray(thin - off, np.float32), GLAND, window)
