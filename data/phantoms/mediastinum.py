"""Heart, great vessels and airways of a random thorax."""

from __future__ import annotations

from itertools import pairwise

import numpy as np

from data.phantoms.anatomy import Anatomy, Floats, hilum_y
from data.phantoms.shapes import Grid, capsule, cover, ellipsoid


def displace_lungs(anatomy: Anatomy, grid: Grid, lungs: Floats) -> None:
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
        lungs[window] *= 1.0 - cover(ellipsoid(grid.within(window), centre, axes))
    for start, end, radius in (*aorta_rods(anatomy), *hilum_rods(anatomy)):
        window = grid.window(tuple((start + end) / 2), tuple(np.abs(start - end) / 2 + radius))
        lungs[window] *= 1.0 - cover(capsule(grid.within(window), start, end, (radius, radius)))


def aorta_rods(anatomy: Anatomy) -> list[tuple[Floats, Floats, float]]:
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


def hilum_rods(anatomy: Anatomy) -> list[tuple[Floats, Floats, float]]:
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


def open_airways(anatomy: Anatomy, grid: Grid, body: Floats, lungs: Floats) -> None:
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
        air = cover(capsule(grid.within(window), start, end, (radius, radius)))
        body[window] *= 1.0 - air * (1.0 - lungs[window])
