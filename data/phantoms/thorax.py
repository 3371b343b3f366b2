"""A random thorax in three dimensions: soft parts as voxels, bones and vessels as weighted points.

Thin parts would be lost in voxels of 2.5 mm. They are carried as points that each hold an excess of attenuation,
so that they cast sharp shadows in whatever direction the X-rays come from.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from data.phantoms.anatomy import CAVITY_POWER, Anatomy, Floats, shoulder_and_elbow
from data.phantoms.bones import skeleton
from data.phantoms.mediastinum import displace_lungs, open_airways
from data.phantoms.points import PointCloud, joined
from data.phantoms.shapes import VOXEL_MM, Grid, capsule, cover, ellipsoid, oval, put
from data.phantoms.vessels import lung_vessels

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


def build(anatomy: Anatomy, rng: np.random.Generator) -> Thorax:
    """Build the thorax of these measures; ``rng`` places vessels and bowel gas."""
    grid = Grid.around(anatomy)
    body = _torso(anatomy, grid)
    _limbs(anatomy, grid, body)
    lungs = _lungs(anatomy, grid)
    displace_lungs(anatomy, grid, lungs)
    body += lungs * (LUNG - body)
    open_airways(anatomy, grid, body, lungs)
    _bowel_gas(anatomy, grid, body, rng)
    origin = (float(grid.z[0, 0, 0]), float(grid.y[0, 0, 0]), float(grid.x[0, 0, 0]))
    vessels = lung_vessels(anatomy, lungs, origin, VOXEL_MM, MUSCLE - LUNG, rng)
    fine = joined((skeleton(anatomy), vessels))
    return Thorax(anatomy, body, lungs, (VOXEL_MM,) * 3, origin, fine)


def _torso(anatomy: Anatomy, grid: Grid) -> Floats:
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
    body = cover(oval(grid, half_x, middle, half_y, 2.5)) * np.float32(FAT)
    inner = oval(grid, half_x - anatomy.fat_mm, middle, half_y - anatomy.fat_mm * 0.7, 2.5)
    body += cover(inner) * np.float32(MUSCLE - FAT)
    return body


def _limbs(anatomy: Anatomy, grid: Grid, body: Floats) -> None:
    """Shoulders, upper arms and breasts."""
    arm = 36.0 + 0.8 * anatomy.fat_mm
    for side in (-1, 1):
        shoulder, elbow = shoulder_and_elbow(anatomy, side)
        middle, reach = (shoulder + elbow) / 2, np.abs(shoulder - elbow) / 2 + arm + 10.0
        window = grid.window(tuple(middle), tuple(reach))
        put(body, window, capsule(grid.within(window), shoulder, elbow, (arm + 8.0, arm - 4.0)), 0.0193)
        low = 34.0 if anatomy.arms_raised else 5.0
        neck = np.array((anatomy.apex_mm + low, 34.0, side * 35.0), np.float32)
        window = grid.window(tuple((shoulder + neck) / 2), tuple(np.abs(shoulder - neck) / 2 + arm + 14.0))
        put(
            body,
            window,
            capsule(grid.within(window), shoulder, neck, (arm - (14.0 if anatomy.arms_raised else 8.0), 34.0)),
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
            part = Grid(z + (part.z - z) * hang, part.y, part.x)
            put(body, window, ellipsoid(part, centre, axes), 0.0183, 6.0)


def _lungs(anatomy: Anatomy, grid: Grid) -> Floats:
    """The part of each voxel inside the cavity, above the diaphragm and beside the middle. (Z, Y, X)."""
    lungs = np.zeros((grid.z.size, grid.y.size, grid.x.size), np.float32)
    window = grid.window(
        (anatomy.apex_mm / 2 - 60, 0.0, 0.0), (anatomy.apex_mm / 2 + 62, 130.0, anatomy.half_width_mm)
    )
    part = grid.within(window)
    middle, half_y = anatomy.cavity_y(part.z)
    inside = oval(part, anatomy.half_width(part.z), middle, half_y, CAVITY_POWER)
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
    lungs[window] = cover(inside)
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


def _bowel_gas(anatomy: Anatomy, grid: Grid, body: Floats, rng: np.random.Generator) -> None:
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
        body[window] *= 1.0 - cover(ellipsoid(grid.within(window), centre, tuple(axes)))
