"""The bones of a random thorax as weighted points: spine, ribs, sternum, collar bones, shoulder blades, humeri."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache

import numpy as np
from numpy.typing import ArrayLike

from data.phantoms.anatomy import CAVITY_POWER, Anatomy, Floats, shoulder_and_elbow
from data.phantoms.points import GOLDEN_ANGLE, PointCloud, joined, sheet, tube

CORTEX, SPONGE = 0.032, 0.006
"""Attenuation of cortical and of spongy bone beyond that of muscle, 1/mm."""

RIB_END_DEG = (148, 146, 148, 150, 150, 148, 146, 138, 128, 118, 88, 62)
RIB_DROP = (0.15, 0.21, 0.27, 0.32, 0.37, 0.42, 0.46, 0.47, 0.46, 0.43, 0.30, 0.20)
"""How far the front end of each rib lies below its head, as part of the apex height."""

RIB_HALF_HEIGHT_MM = (3.0, 5.6, 5.8, 6.0, 6.4, 6.6, 6.8, 6.6, 6.2, 5.6, 5.0, 4.2)


def skeleton(anatomy: Anatomy) -> PointCloud:
    """All bones of a thorax."""
    return joined((*_spine(anatomy), *_ribs(anatomy), *_sternum(anatomy), *_girdle(anatomy)))


def vertebra_heights(anatomy: Anatomy) -> Floats:
    """The middles of the vertebral bodies from C5 to L3, in mm; T1 is the fourth."""
    pitch = (
        anatomy.apex_mm
        / 222.0
        * np.array([17, 17, 18, 18.5, 19, 19.5, 20, 20.5, 21, 21.5, 22, 23, 24, 26, 29, 32, 34, 35, 35])
    )
    from_first = np.concatenate([[0.0], np.cumsum(pitch)])
    return np.asarray(anatomy.apex_mm + 2.0 - (from_first - from_first[3]), np.float32)


def _spine(anatomy: Anatomy) -> Iterator[PointCloud]:
    heights = vertebra_heights(anatomy)
    arch = _vertebral_arch()
    for number, z in enumerate(heights[:-1]):
        pitch = float(heights[number] - heights[number + 1])
        grow = 0.72 + 0.028 * number
        centre = np.array((z, float(anatomy.spine_y(z)), float(anatomy.spine_x(z))), np.float32)
        slope = float(anatomy.spine_y(z + 8) - anatomy.spine_y(z - 8)) / 16.0
        yield _vertebral_body(centre, 0.41 * pitch, 13.5 * grow, 18.0 * grow, slope, anatomy.bone)
        scale = np.array((pitch, grow, grow), np.float32)
        yield PointCloud(
            arch.zyx_mm * scale + centre, arch.weight_mm2 * np.float32(pitch / 22.0 * grow * anatomy.bone)
        )


def _vertebral_body(
    centre: Floats, half_z: float, half_y: float, half_x: float, slope: float, bone: float
) -> PointCloud:
    """A drum with end plates, tilted with the spine's curve."""
    count = 900
    k = np.arange(count) + 0.5
    turn, level = GOLDEN_ANGLE * k, 2 * k / count - 1
    waist = 0.9 + 0.1 * level**2
    ring = np.stack([np.zeros(count), half_y * np.cos(turn), half_x * np.sin(turn)], axis=1)
    wall = ring * waist[:, None] + np.outer(level * half_z, (1, 0, 0))
    flat = ring * np.sqrt(k / count)[:, None]
    plates = np.concatenate([flat + np.array((height, 0.0, 0.0)) for height in (half_z, -half_z)])
    height = 2 * ((0.7548776662 * k) % 1.0) - 1  # the plastic number's sequence fills the drum evenly
    inner = 0.97 * flat + np.outer(height * half_z, (1, 0, 0))
    area, side = np.pi * half_x * half_y, 2 * np.pi * np.sqrt((half_x**2 + half_y**2) / 2) * 2 * half_z
    weights = [
        np.full(len(part), size * excess * bone / len(part))
        for part, size, excess in (
            (wall, side, 0.2 * CORTEX),
            (plates, 2 * area, 0.5 * CORTEX),
            (inner, area * 2 * half_z, 0.25 * SPONGE),
        )
    ]
    points = np.concatenate([wall, plates, inner])
    points[:, 0] -= points[:, 1] * slope
    return PointCloud((points + centre).astype(np.float32), np.concatenate(weights).astype(np.float32))


@cache
def _vertebral_arch() -> PointCloud:
    """Pedicles, facets, transverse processes and the spinous process of a vertebra 22 mm high, z in heights."""
    shell, core = 0.2 * CORTEX, 0.15 * SPONGE
    parts = []
    for side in (-1, 1):
        root, back, tip = ((2.0, 10.0, side * 13.0), (1.0, 24.0, side * 15.0), (4.0, 33.0, side * 31.0))
        roof, facet = (-4.0, 34.0, 0.0), np.array((11.0, 2.0, side))
        parts += [
            _rod(root, back, 5.0, 3.2, 1.3 * shell, core),
            _rod(back, tip, 4.5, 3.5, 0.7 * shell, core),
            _rod(back, roof, 7.5, 2.6, 0.8 * shell, core),
            _rod(np.add(back, facet), np.subtract(back, facet), 4.0, 3.5, 0.8 * shell, core),
        ]
    parts.append(_rod((-4.0, 34.0, 0.0), (-16.5, 58.0, 0.0), 5.5, 2.4, 0.8 * shell, core))
    whole = joined(parts)
    return PointCloud(whole.zyx_mm * np.array((1 / 22.0, 1, 1), np.float32), whole.weight_mm2)


def _rod(
    start: ArrayLike, end: ArrayLike, half_height_mm: float, half_thickness_mm: float, shell: float, core: float
) -> PointCloud:
    """A straight tube."""
    path = np.stack([np.asarray(start, np.float32), np.asarray(end, np.float32)])
    return tube(path, half_height_mm, half_thickness_mm, shell=shell, core=core, around=12)


def _mirrored(cloud: PointCloud) -> PointCloud:
    """The same part of the other side."""
    return PointCloud(cloud.zyx_mm * np.array((1, 1, -1), np.float32), cloud.weight_mm2)


def _ribs(anatomy: Anatomy) -> Iterator[PointCloud]:
    """The ribs of the left side, with their cartilage, and their mirror images."""
    heads = vertebra_heights(anatomy)[3:15]
    shell, core = CORTEX * anatomy.bone, SPONGE * anatomy.bone
    for number, (head, end, drop) in enumerate(zip(heads, RIB_END_DEG, RIB_DROP, strict=True)):
        path = rib_path(anatomy, float(head), end, drop * anatomy.apex_mm)
        flat = number == 0  # the first rib lies flat, the others stand
        high = 3.0 if flat else RIB_HALF_HEIGHT_MM[number]
        rib = tube(path, high, 6.5 if flat else 3.3, shell=(0.6 if flat else 0.8) * shell, core=core)
        yield from (rib, _mirrored(rib))
        if 0 < number < 10:
            cartilage = _cartilage(anatomy, path[-1], number)
            yield from (cartilage, _mirrored(cartilage))


def rib_path(anatomy: Anatomy, head_mm: float, end_deg: float, drop_mm: float) -> Floats:
    """The middle line of a left rib, (N, 3) as (z, y, x) in mm: a hoop on the cavity that sinks to the front."""
    angle = np.radians(np.linspace(9.0, end_deg, 70)).astype(np.float32)
    part = np.linspace(0.0, 1.0, 70, dtype=np.float32)
    z = head_mm + 4.0 * np.sin(np.pi * np.clip(part / 0.25, 0, 1)) - drop_mm * part**1.25
    level = np.minimum(z, anatomy.apex_mm - 22.0)
    middle, half_y = anatomy.cavity_y(level.astype(np.float32))
    half_x = anatomy.half_width(level.astype(np.float32))
    round_x = np.sin(angle) ** (2 / CAVITY_POWER)
    round_y = np.sign(np.cos(angle)) * np.abs(np.cos(angle)) ** (2 / CAVITY_POWER)
    x, y = (half_x + 5.0) * round_x, middle + (half_y + 5.0) * round_y
    neck = np.clip(1.0 - (x - 18.0) / 26.0, 0.0, 1.0) ** 1.5
    y = y - neck * (y - anatomy.spine_y(head_mm) - 11.0)
    return np.stack([z, y, x], axis=1).astype(np.float32)


def _cartilage(anatomy: Anatomy, end: Floats, number: int) -> PointCloud:
    """The cartilage from a rib to the breast bone, dense with age."""
    height = anatomy.apex_mm * (0.80 - 0.095 * min(number, 6))
    goal = np.array((height, float(anatomy.front_y(height)) - 5.0, 15.0), np.float32)
    middle = (end + goal) / 2 + np.array((-0.06 * anatomy.apex_mm, -6.0, 6.0), np.float32)
    t = np.linspace(0, 1, 16)[:, None]
    path = (1 - t) ** 2 * end + 2 * t * (1 - t) * middle + t**2 * goal
    chalk = 0.05 + 0.004 * max(anatomy.age_y - 40, 0)
    return tube(path.astype(np.float32), 5.5, 4.0, shell=CORTEX * chalk, core=SPONGE * 0.35, around=12)


def _sternum(anatomy: Anatomy) -> Iterator[PointCloud]:
    z = anatomy.apex_mm * np.linspace(0.87, 0.10, 24, dtype=np.float32)
    path = np.stack([z, anatomy.front_y(z) - 5.0, np.zeros_like(z)], axis=1).astype(np.float32)
    shell, core = CORTEX * anatomy.bone * 0.8, SPONGE * anatomy.bone
    yield _bar(path[:7], 26.0, 5.5, shell, core)
    yield _bar(path[7:], 17.0, 5.0, shell, core)


def _bar(path: Floats, half_x: float, half_y: float, shell: float, core: float) -> PointCloud:
    """A flat bone that runs downwards: two tables and its sides."""
    return tube(path, half_y, half_x, shell=shell, core=core, around=40)


def _girdle(anatomy: Anatomy) -> Iterator[PointCloud]:
    shell, core = CORTEX * anatomy.bone, SPONGE * anatomy.bone
    for side in (-1, 1):
        shoulder, elbow = shoulder_and_elbow(anatomy, side)
        top = 0.86 * anatomy.apex_mm
        inner = np.array((top, float(anatomy.front_y(top)) - 6.0, side * 18.0), np.float32)
        outer = shoulder + np.array((24.0, 0.0, -side * 12.0), np.float32)
        t = np.linspace(0, 1, 40)[:, None]
        bend = np.array((3.0, -13.0, 0.0)) * np.sin(2 * np.pi * t) + np.array((6.0, 0, 0)) * np.sin(np.pi * t)
        clavicle = (inner + (outer - inner) * t + bend).astype(np.float32)
        yield tube(clavicle, 6.0, 6.0, shell=shell * 1.4, core=core * 1.3)
        yield from _scapula(anatomy, shoulder, side)
        shaft = np.stack([shoulder, elbow])
        yield tube(shaft, 11.5, 11.5, shell=shell * 1.1, core=core * 0.5, shell_mm=2.2, around=32)
        yield _ball(shoulder, 23.0, shell * 0.35, core * 1.3)


def _ball(centre: Floats, radius_mm: float, shell: float, core: float) -> PointCloud:
    """A sphere with a shell, by the golden spiral."""
    count = 1800
    k = np.arange(count) + 0.5
    high, turn = 1 - 2 * k / count, np.pi * (1 + 5**0.5) * k
    unit = np.stack([high, np.sqrt(1 - high**2) * np.cos(turn), np.sqrt(1 - high**2) * np.sin(turn)], axis=1)
    depth = radius_mm * np.cbrt((np.arange(count) * 0.6180339887) % 1.0)[:, None]
    points = np.concatenate([unit * radius_mm, unit * depth]) + centre
    weights = [
        np.full(count, 4 * np.pi * radius_mm**2 * shell / count),
        np.full(count, 4.19 * radius_mm**3 * core / count),
    ]
    return PointCloud(points.astype(np.float32), np.concatenate(weights).astype(np.float32))


def _scapula(anatomy: Anatomy, shoulder: Floats, side: int) -> Iterator[PointCloud]:
    """Blade, its borders, its spine and the acromion."""
    out, long = anatomy.scapula_out_mm, 0.62 * anatomy.apex_mm
    glenoid = shoulder + np.array((0.0, 8.0, -side * 22.0), np.float32)
    back = float(anatomy.back_y(0.6 * anatomy.apex_mm)) + 4.0
    raised = 34.0 if anatomy.arms_raised else 0.0
    upper = np.array((glenoid[0] + 22.0, back - 22.0 - 0.45 * out, side * (66.0 + 0.8 * out)), np.float32)
    lower = np.array(
        (glenoid[0] - long + 20, back - 8.0 - 0.6 * out, side * (86.0 + 0.8 * out + raised)), np.float32
    )
    shell = CORTEX * anatomy.bone
    middle = (upper + lower) / 2 + np.array((0.0, 4.0, -side * 4.0), np.float32)
    yield sheet(np.stack([upper, middle, (glenoid + lower) / 2, glenoid]), 2.6, shell)
    yield sheet(np.stack([middle, lower, lower, (glenoid + lower) / 2]), 2.6, shell)
    for path, r in (
        (np.stack([upper, middle, lower]), 2.2),
        (np.stack([lower, glenoid]), 4.2),
        (np.stack([upper, glenoid]), 2.4),
    ):
        yield tube(path, r, r, shell=shell, core=SPONGE, around=10)
    ridge = upper * 0.72 + lower * 0.28 + np.array((0.0, 6.0, 0.0), np.float32)
    acromion = shoulder + np.array((29.0, 16.0, side * 4.0), np.float32)
    yield tube(np.stack([ridge, acromion]), 4.0, 5.0, shell=shell * 0.8, core=SPONGE)
    tip = shoulder + np.array((14.0, -22.0, -side * 20.0), np.float32)
    yield tube(np.stack([glenoid, tip]), 5.0, 4.0, shell=shell * 0.8, core=SPONGE, around=12)
