"""A random thorax in three dimensions: soft parts as voxels, bones and vessels as weighted points.

Thin parts would be lost in voxels of 2.5 mm. They are carried as points that each hold an excess of attenuation,
so that they cast sharp shadows in whatever direction the X-rays come from.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from data.phantoms.anatomy import CAVITY_POWER, Anatomy, Floats, hilum_y, shoulder_and_elbow
from data.phantoms.bones import skeleton
from data.phantoms.points import PointCloud, joined
from data.phantoms.vessels import lung_vessels

VOXEL_MM = 2.5
FAT, MUSCLE, BLOOD, LUNG = 0.0177, 0.0203, 0.0207, 0.0048
"""Linear attenuation coefficients in 1/mm at an effective energy of about 65 keV, after the mass attenuation
coefficients of NIST (Hubbell and Seltzer, NISTIR 5632)."""


@dataclass(frozen=True, slots=True)
class Thorax:
    """A thorax.

    Parameters
    ----------
    anatomy:
        Its measures.
    attenuation:
        (slices, rows, columns), 1/mm; slices go to the head, rows to the back, columns to the left.
    lungs:
        The part of each voxel that is lung, 0 to 1; the same shape.
    spacing_mm:
        Of slices, rows and columns.
    origin_mm:
        z, y and x of the first voxel's middle.
    fine:
        Bones and vessels.
    """

    anatomy: Anatomy
    attenuation: Floats
    lungs: Floats
    spacing_mm: tuple[float, float, float]
    origin_mm: tuple[float, float, float]
    fine: PointCloud

    def solid(self) -> Floats:
        """The attenuation with bones and vessels pressed into the voxels, as a CT would show it."""
        steps = np.asarray(self.spacing_mm, np.float32)
        index = np.rint((self.fine.zyx_mm - np.asarray(self.origin_mm, np.float32)) / steps).astype(np.int64)
        inside = np.all((index >= 0) & (index < self.attenuation.shape), axis=1)
        flat = np.ravel_multi_index(tuple(index[inside].T), self.attenuation.shape)
        extra = np.bincount(flat, self.fine.weight_mm2[inside], self.attenuation.size) / float(np.prod(steps))
        return np.asarray(self.attenuation + extra.reshape(self.attenuation.shape), np.float32)


@dataclass(frozen=True, slots=True)
class _Grid:
    """The middles of the voxels, ready for broadcasting: (Z, 1, 1), (1, Y, 1) and (1, 1, X)."""

    z: Floats
    y: Floats
    x: Floats

    @classmethod
    def around(cls, anatomy: Anatomy) -> _Grid:
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

    def within(self, window: tuple[slice, ...]) -> _Grid:
        return _Grid(self.z[window[0]], self.y[:, window[1]], self.x[:, :, window[2]])


def build(anatomy: Anatomy, rng: np.random.Generator) -> Thorax:
    """Build the thorax of these measures; ``rng`` places vessels and bowel gas."""
    grid = _Grid.around(anatomy)
    body = _torso(anatomy, grid)
    _limbs(anatomy, grid, body)
    lungs = _lungs(anatomy, grid)
    _mediastinum(anatomy, grid, lungs)
    body += lungs * (LUNG - body)
    _airways(anatomy, grid, body, lungs)
    _bowel_gas(anatomy, grid, body, rng)
    origin = (float(grid.z[0, 0, 0]), float(grid.y[0, 0, 0]), float(grid.x[0, 0, 0]))
    vessels = lung_vessels(anatomy, lungs, origin, VOXEL_MM, MUSCLE - LUNG, rng)
    fine = joined((skeleton(anatomy), vessels))
    return Thorax(anatomy, body, lungs, (VOXEL_MM,) * 3, origin, fine)


def _cover(distance_mm: Floats, edge_mm: float = VOXEL_MM) -> Floats:
    """The part of a voxel that lies inside a surface at a signed distance (positive inside)."""
    part = distance_mm * np.float32(1.0 / edge_mm)
    part += np.float32(0.5)
    return np.asarray(np.clip(part, 0.0, 1.0, out=part), np.float32)


def _oval(grid: _Grid, half_x: Floats, middle_y: Floats, half_y: Floats, power: float) -> Floats:
    """Signed distance, roughly, inside a stack of superellipses. The measures are (Z, 1, 1)."""
    across = np.abs(grid.x / half_x) ** power
    along = np.abs((grid.y - middle_y) / half_y) ** power
    scale = np.minimum(half_x, half_y) / power
    inside: Floats = (scale - across * scale).astype(np.float32) - (along * scale).astype(np.float32)
    return inside


def _torso(anatomy: Anatomy, grid: _Grid) -> Floats:
    """Trunk and neck: fat around muscle. 1/mm."""
    z, apex, wall = grid.z, anatomy.apex_mm, anatomy.wall_mm
    chest = anatomy.half_width_mm + wall + 3.0
    knots = [-165, -60, 20, apex - 90, apex - 45, apex, apex + 30, apex + 60, apex + 105]
    widths = [chest - 2 + anatomy.belly_mm * 0.6, chest, chest + 2, chest + 8, chest * 1.0, 112, 76, 62, 62]
    half_x = np.interp(z, knots, widths).astype(np.float32)
    low = np.minimum(z, apex - 25.0)
    back = np.interp(z, [apex - 10, apex + 70], [0.0, 22.0]) + anatomy.back_y(low) + wall * 0.9 + 14.0
    back = back - np.interp(z, [apex - 10, apex + 80], [0.0, 42.0])
    swell = anatomy.belly_mm * np.clip((-10.0 - z) / 90.0, 0.0, 1.0)
    front = anatomy.front_y(z) - wall * 0.75 - 9.0 - swell
    front = np.where(
        z > apex - 40, np.interp(z, [apex - 40, apex + 20, apex + 105], [0.0, 0.0, -8.0]) + front, front
    )
    middle, half_y = ((back + front) / 2).astype(np.float32), ((back - front) / 2).astype(np.float32)
    body = _cover(_oval(grid, half_x, middle, half_y, 2.5)) * np.float32(FAT)
    inner = _oval(grid, half_x - anatomy.fat_mm, middle, half_y - anatomy.fat_mm * 0.7, 2.5)
    body += _cover(inner) * np.float32(MUSCLE - FAT)
    return body


def _put(
    body: Floats, window: tuple[slice, ...], distance_mm: Floats, value: float, edge_mm: float = VOXEL_MM
) -> None:
    """Fill a shape with a coefficient where there is less of it yet; ``edge_mm`` is how soft its edge is."""
    part = body[window]
    np.maximum(part, _cover(distance_mm, edge_mm) * np.float32(value), out=part)


def _ellipsoid(grid: _Grid, centre: tuple[float, float, float], axes: tuple[float, float, float]) -> Floats:
    """Signed distance, roughly, inside an ellipsoid of (z, y, x) half-axes."""
    total = ((grid.z - centre[0]) / axes[0]) ** 2 + ((grid.y - centre[1]) / axes[1]) ** 2
    return np.asarray((1.0 - (total + ((grid.x - centre[2]) / axes[2]) ** 2)) * (min(axes) / 2), np.float32)


def _capsule(grid: _Grid, start: Floats, end: Floats, radii: tuple[float, float]) -> Floats:
    """Signed distance inside a rod from (z, y, x) to (z, y, x) whose radius changes evenly."""
    axis = end - start
    length = float(np.sqrt(axis @ axis))
    dz, dy, dx = grid.z - start[0], grid.y - start[1], grid.x - start[2]
    along = np.clip((dz * axis[0] + dy * axis[1] + dx * axis[2]) / length**2, 0.0, 1.0)
    off = (dz - along * axis[0]) ** 2 + (dy - along * axis[1]) ** 2 + (dx - along * axis[2]) ** 2
    return np.asarray(radii[0] + along * (radii[1] - radii[0]) - np.sqrt(off), np.float32)


def _limbs(anatomy: Anatomy, grid: _Grid, body: Floats) -> None:
    """Shoulders, upper arms and breasts."""
    arm = 36.0 + 0.8 * anatomy.fat_mm
    for side in (-1, 1):
        shoulder, elbow = shoulder_and_elbow(anatomy, side)
        middle, reach = (shoulder + elbow) / 2, np.abs(shoulder - elbow) / 2 + arm + 10.0
        window = grid.window(tuple(middle), tuple(reach))
        _put(body, window, _capsule(grid.within(window), shoulder, elbow, (arm + 8.0, arm - 4.0)), 0.0193)
        low = 34.0 if anatomy.arms_raised else 5.0
        neck = np.array((anatomy.apex_mm + low, 34.0, side * 35.0), np.float32)
        window = grid.window(tuple((shoulder + neck) / 2), tuple(np.abs(shoulder - neck) / 2 + arm + 14.0))
        _put(
            body,
            window,
            _capsule(grid.within(window), shoulder, neck, (arm - (14.0 if anatomy.arms_raised else 8.0), 34.0)),
            0.0193,
            34.0,
        )
        if anatomy.breast_mm:
            r = anatomy.breast_mm
            z = 0.05 * anatomy.apex_mm + 4.0
            front = float(anatomy.front_y(z)) - anatomy.wall_mm * 0.75 - 9.0
            centre = (z, front + 0.48 * r, side * 0.60 * anatomy.half_width_mm)
            axes = (1.9 * r, 0.85 * r, 1.1 * r)
            window = grid.window(centre, axes)
            part = grid.within(window)
            hang = np.where(part.z > z, np.float32(1.0), np.float32(2.3))  # slopes above, round below
            part = _Grid(z + (part.z - z) * hang, part.y, part.x)
            _put(body, window, _ellipsoid(part, centre, axes), 0.0183, 6.0)


def _lungs(anatomy: Anatomy, grid: _Grid) -> Floats:
    """The part of each voxel inside the cavity, above the diaphragm and beside the middle. (Z, Y, X)."""
    lungs = np.zeros((grid.z.size, grid.y.size, grid.x.size), np.float32)
    window = grid.window(
        (anatomy.apex_mm / 2 - 60, 0.0, 0.0), (anatomy.apex_mm / 2 + 62, 130.0, anatomy.half_width_mm)
    )
    part = grid.within(window)
    middle, half_y = anatomy.cavity_y(part.z)
    inside = _oval(part, anatomy.half_width(part.z), middle, half_y, CAVITY_POWER)
    np.minimum(inside, (anatomy.apex_mm - part.z), out=inside)
    np.minimum(inside, (part.z - diaphragm_z(anatomy, part.y, part.x)) * 0.75, out=inside)
    ratio = anatomy.ratio(part.z)
    centre_x = anatomy.apex_x_mm()
    front, spine = anatomy.front_y(part.z), anatomy.spine_y(part.z)
    core = (part.y - (front + spine) / 2) / ((spine - front) * 0.62)
    waist = 3.0 + (11.0 + 22.0 * ratio**1.5) * np.exp(-(core**2) * 3.2)  # (Z, Y, 1)
    waist = waist + np.clip(centre_x - waist, 0.0, None) * np.clip((ratio - 0.8) / 0.2, 0.0, 1.0) ** 2.5
    np.minimum(inside, np.abs(part.x) - waist.astype(np.float32), out=inside)
    bodies = np.sqrt((part.x - anatomy.spine_x(part.z)) ** 2 + (part.y - spine - 4.0) ** 2 * 0.62) - 19.0
    np.minimum(inside, bodies, out=inside)
    lungs[window] = _cover(inside)
    return lungs


def diaphragm_z(anatomy: Anatomy, y: Floats, x: Floats) -> Floats:
    """The height of the diaphragm at (y, x): a dome on each side that falls to the recesses. mm."""
    a, top = anatomy.half_width_mm, np.where(x > 0, np.float32(anatomy.left_dome_mm), np.float32(0.0))
    from_dome = np.abs(np.abs(x) - 0.46 * a) / (0.54 * a)
    sideways = np.where(np.abs(x) > 0.46 * a, anatomy.recess_mm * from_dome**2.6, 8.0 * from_dome**2)
    dome_y = 60.0 - 0.56 * anatomy.depth_mm
    behind = np.clip((y - dome_y) / (91.0 - dome_y), 0.0, 1.2)
    before = np.clip((dome_y - y) / (0.44 * anatomy.depth_mm), 0.0, 1.2)
    along = (anatomy.recess_mm + 38.0) * behind**2.0 + 0.42 * anatomy.recess_mm * before**2.2
    return np.asarray(top - sideways - along, np.float32)


def _mediastinum(anatomy: Anatomy, grid: _Grid, lungs: Floats) -> None:
    """Heart and great vessels push the lungs aside."""
    s, apex, shift = anatomy.heart_scale, anatomy.apex_mm, anatomy.heart_shift_mm
    front = 60.0 - anatomy.depth_mm
    parts: tuple[tuple[tuple[float, float, float], tuple[float, float, float]], ...] = (
        ((0.05 * apex + 8, front + 50 * s, 32 + shift), (46 * s, 50 * s, 46 * s)),
        ((0.04 * apex, front + 40 * s, 56 + shift), (30 * s, 36 * s, 33 * s)),
        ((-0.06 * apex, front + 34 * s, 20 + shift), (42 * s, 50 * s, 58 * s)),
        ((0.13 * apex + 14, front + 54 * s, -14 + shift), (46 * s, 40 * s, 34 * s)),
        ((0.20 * apex + 16, front + 84 * s, 12 + shift), (36 * s, 30 * s, 40 * s)),
        ((0.26 * apex + 12, front + 42 * s, 14 + shift), (48 * s, 34 * s, 30 * s)),
        ((0.42 * apex + 12, front + 62 * s, 22 + shift), (28 * s, 24 * s, 20 * s)),
        ((0.52 * apex, front + 58 * s, -15 + shift * 0.5), (62 * s, 17 * s, 17 * s)),
    )
    for centre, axes in parts:
        window = grid.window(centre, axes)
        lungs[window] *= 1.0 - _cover(_ellipsoid(grid.within(window), centre, axes))
    for start, end, radius in (*_aorta(anatomy), *_hila(anatomy)):
        window = grid.window(tuple((start + end) / 2), tuple(np.abs(start - end) / 2 + radius))
        lungs[window] *= 1.0 - _cover(_capsule(grid.within(window), start, end, (radius, radius)))


def _aorta(anatomy: Anatomy) -> list[tuple[Floats, Floats, float]]:
    """Ascending aorta, arch and descending aorta as rods: start, end (z, y, x) and radius in mm."""
    apex, front = anatomy.apex_mm, 60.0 - anatomy.depth_mm
    top = 0.74 * apex
    heights = np.linspace(top - 12.0, -60.0, 6, dtype=np.float32)
    down = [
        np.array((z, float(anatomy.spine_y(z)) - 16.0, 24.0 - 16.0 * np.clip(-z / 60, 0, 1)), np.float32)
        for z in heights
    ]
    up = [
        np.array(p, np.float32)
        for p in (
            (0.32 * apex, front + 70.0, -8.0),
            (0.60 * apex, front + 66.0, -14.0),
            (top - 4.0, front + 78.0, -4.0),
            (top, front + 100.0, 15.0),
        )
    ]
    path = [*up, *down]
    return [(start, end, anatomy.arch_mm) for start, end in pairwise(path)]


def _hila(anatomy: Anatomy) -> list[tuple[Floats, Floats, float]]:
    """The large arteries of the lungs as rods: start, end (z, y, x) and radius in mm."""
    apex, y = anatomy.apex_mm, hilum_y(anatomy)
    rods = []
    for side, lift in ((-1.0, 0.0), (1.0, 10.0)):
        trunk, root, low, end, up = (
            np.array((fraction * apex + lift, y + back, side * out), np.float32)
            for fraction, back, out in (
                (0.47, -4, 12),
                (0.45, 0, 36 + 2 * side),
                (0.36, 6, 46),
                (0.22, 18, 56),
                (0.58, 6, 47),
            )
        )
        rods += [(trunk, root, 11.0), (root, low, 8.0), (low, end, 4.5), (root, up, 4.5)]
    return rods


def _airways(anatomy: Anatomy, grid: _Grid, body: Floats, lungs: Floats) -> None:
    """Trachea and main bronchi hold air."""
    carina = 0.60 * anatomy.apex_mm
    y = float(anatomy.spine_y(carina)) - 34.0
    top = np.array((anatomy.apex_mm + 105.0, float(anatomy.spine_y(anatomy.apex_mm + 90)) - 34, 0.0))
    fork = np.array((carina, y, 4.0))
    inlet = np.array((0.97 * anatomy.apex_mm, y - 12.0, 0.0))
    rods = [
        (top, inlet, 8.5),
        (inlet, fork, 8.5),
        (fork, np.array((carina - 34.0, y - 2.0, -32.0)), 6.5),
        (fork, np.array((carina - 32.0, y + 2.0, 42.0)), 5.5),
    ]
    for start, end, radius in rods:
        window = grid.window(tuple((start + end) / 2), tuple(np.abs(start - end) / 2 + radius))
        air = _cover(_capsule(grid.within(window), start, end, (radius, radius)))
        body[window] *= 1.0 - air * (1.0 - lungs[window])


def _bowel_gas(anatomy: Anatomy, grid: _Grid, body: Floats, rng: np.random.Generator) -> None:
    """The stomach's bubble under the left dome, and some gas in the colon."""
    front = 60.0 - anatomy.depth_mm
    bubbles = [
        ((anatomy.left_dome_mm - 32.0, front + rng.uniform(70, 95), rng.uniform(50, 70)), rng.uniform(10, 24, 3))
    ]
    for _ in range(int(rng.integers(0, 6))):
        centre = (rng.uniform(-130, -75), front + rng.uniform(25, 70), rng.uniform(-100, 110))
        bubbles.append((centre, rng.uniform(8, 22, 3)))
    for centre, axes in bubbles:
        window = grid.window(centre, tuple(axes))
        body[window] *= 1.0 - _cover(_ellipsoid(grid.within(window), centre, tuple(axes)))
