"""A random chest without pathology: the thorax with mediastinum, abdomen, lung texture, airways and coronaries."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise

import numpy as np

from data.phantoms.anatomy import CAVITY_POWER, Anatomy, Floats, hilum_y
from data.phantoms.bones import skeleton
from data.phantoms.chest_ct import (
    AIR_HU,
    FAT_HU,
    MUSCLE_HU,
    WATER,
    WHOLE,
    Bronchus,
    ChestCT,
    Point,
    heart_part,
    midriff_z,
    smooth_field,
)
from data.phantoms.points import PointCloud, resampled
from data.phantoms.shapes import Grid, cover, oval
from data.phantoms.thorax import LUNG, Thorax, build

BELOW_MM, ABOVE_MM = 120.0, 45.0
"""How far the chest goes below the right dome and above the lung apices."""


def chest(anatomy: Anatomy, blood_hu: float, rng: np.random.Generator) -> ChestCT:
    """Build a chest without pathology; its bronchi are planned, and drawn by :func:`finish`."""
    thorax = build(anatomy, rng)
    ct = _from_thorax(thorax, blood_hu)
    air = np.clip(ct.hu / (AIR_HU - MUSCLE_HU) + MUSCLE_HU / 1000.0, 0.0, 1.0) * (1.0 - ct.lungs)
    _muscle(ct, rng)
    _soft_parts(ct, 1.0 - air, rng)
    _great_vessels(ct)
    _nodes(ct, rng)
    ct.hu += air * (AIR_HU - ct.hu)  # windpipe and bowel gas
    _parenchyma(ct, rng)
    ct.coronaries = _coronaries(ct, rng)
    ct.bronchi.extend(_bronchi(ct, rng))
    return ct


def finish(ct: ChestCT) -> None:
    """Draw the bronchi, as pathologies have left them."""
    for bronchus in ct.bronchi:
        outer = (bronchus.lumen_mm[0] + bronchus.wall_mm, bronchus.lumen_mm[1] + bronchus.wall_mm)
        for radii, value in ((outer, -40.0), (bronchus.lumen_mm, -960.0)):
            window, part = ct.rod(bronchus.start, bronchus.end, radii)
            part = part * ct.airways[window] * (ct.lungs[window] > 0.5)
            ct.fill(window, part, value, mark=bronchus.diseased)


def _from_thorax(thorax: Thorax, blood_hu: float) -> ChestCT:
    """Cut to the chest's height, in HU."""
    anatomy = thorax.anatomy
    whole = Grid.around(anatomy)
    heights = slice(*np.searchsorted(whole.z.ravel(), (-BELOW_MM, anatomy.apex_mm + ABOVE_MM)))
    grid = replace(whole, z=whole.z[heights])
    hu = thorax.attenuation[heights] * np.float32(1000.0 / WATER) - np.float32(1000.0)
    lungs = thorax.lungs[heights]
    bones = len(skeleton(anatomy).weight_mm2)
    weight = thorax.fine.weight_mm2 * np.float32(1000.0 / WATER)
    vessels = PointCloud(thorax.fine.zyx_mm[bones:], weight[bones:])
    one = np.ones_like(hu)
    heart = heart_part(anatomy, grid, -4.0) * (1.0 - lungs)
    ct = ChestCT(anatomy, grid, hu, lungs, one, one.copy(), np.zeros_like(hu), heart, blood_hu, vessels)
    ct.points.append(PointCloud(thorax.fine.zyx_mm[:bones], weight[:bones]))
    _join_outflow(ct)
    return ct


def _join_outflow(ct: ChestCT) -> None:
    """No lung between the outflow of the right heart and the vessels behind it, where it would seem a nodule."""
    s, front = ct.anatomy.heart_scale, ct.front_mm()
    low, high, shift = (
        0.26 * ct.anatomy.apex_mm + 12.0,
        0.42 * ct.anatomy.apex_mm + 12.0,
        ct.anatomy.heart_shift_mm,
    )
    path = [
        (low + 22.0 * s, front + 42.0 * s, 14.0 + shift), (low + 52.0 * s, front + 64.0, 8.0),
        (high, front + 64.0 * s, 14.0 + shift), (high + 26.0 * s, front + 64.0 * s, 15.0 + shift),
        (high + 18.0 * s, front + 70.0, -6.0),
    ]  # fmt: skip
    for start, end in pairwise(np.array(path, np.float32)):
        window, part = ct.rod(start, end, (19.0, 17.0))
        part = part * ct.lungs[window]
        ct.fill(window, part, MUSCLE_HU)
        ct.lungs[window] -= part


def _muscle(ct: ChestCT, rng: np.random.Generator) -> None:
    """Fat between the muscles."""
    fat = np.clip((smooth_field(ct.grid, 6.0, rng) - rng.uniform(0.7, 1.5)) * 1.5, 0.0, 1.0)
    ct.hu += fat * (np.abs(ct.hu - MUSCLE_HU) < 12.0) * np.float32(FAT_HU - MUSCLE_HU)


def _soft_parts(ct: ChestCT, tissue: Floats, rng: np.random.Generator) -> None:
    """Fat in mediastinum and abdomen; heart, liver, spleen and stomach in it."""
    anatomy, grid, front = ct.anatomy, ct.grid, ct.front_mm()
    middle, half_y = anatomy.cavity_y(grid.z)
    inside = cover(oval(grid, anatomy.half_width(grid.z), middle, half_y, CAVITY_POWER) - np.float32(2.0), 4.0)
    inside *= (1.0 - ct.lungs) * tissue
    before_spine = anatomy.spine_y(grid.z) - 14.0 - grid.y + 0.004 * grid.x**2
    inside *= cover(np.asarray(before_spine, np.float32), 5.0)
    inside *= grid.z < anatomy.apex_mm + 5.0
    ct.fill(WHOLE, inside, FAT_HU)
    below = cover(midriff_z(anatomy, grid) - grid.z) * inside
    back = float(anatomy.spine_y(-40.0))
    liver, spleen = float(rng.normal(56.0, 7.0)), float(rng.normal(48.0, 4.0))
    gain = 0.4 * (ct.blood_hu - 40.0)
    organs = (
        ((-42.0, front + 72.0, 50.0), (46.0, 52.0, 48.0), float(rng.uniform(10.0, 45.0))),
        ((-55.0, front + 84.0, -52.0), (75.0, 96.0, 98.0), liver + gain),
        ((-45.0, back - 8.0, 92.0), (50.0, 42.0, 30.0), spleen + gain),
    )
    for centre, axes, value in organs:
        window, part = ct.ball(centre, axes)
        ct.fill(window, part * below[window], value)
    ct.fill(WHOLE, ct.heart, 45.0 + 0.35 * (ct.blood_hu - 40.0))
    if ct.blood_hu > 80.0:
        septum = cover(np.asarray(4.0 - np.abs(_septum(ct)), np.float32), 5.0)
        chambers = heart_part(anatomy, grid, -15.0) * (1.0 - septum)
        ct.fill(WHOLE, chambers * ct.heart, ct.blood_hu)


def _septum(ct: ChestCT) -> Floats:
    """Signed distance, in mm, from the oblique plane between the heart's two sides."""
    x, y = ct.grid.x - 22.0 - ct.anatomy.heart_shift_mm, ct.grid.y - ct.front_mm() - 52.0
    return np.asarray(0.75 * x + 0.66 * y + 0.0 * ct.grid.z, np.float32)


def _great_vessels(ct: ChestCT) -> None:
    """Aorta and its branches, pulmonary trunk, great veins, oesophagus."""
    anatomy, front = ct.anatomy, ct.front_mm()
    apex, top, y = anatomy.apex_mm, 0.74 * anatomy.apex_mm, hilum_y(anatomy)
    up = [
        (0.32 * apex, front + 70.0, -8.0), (0.60 * apex, front + 66.0, -14.0),
        (top - 4.0, front + 78.0, -4.0), (top, front + 100.0, 15.0),
    ]  # fmt: skip
    down = [
        (float(z), float(anatomy.spine_y(z)) - 16.0, 24.0 - 16.0 * float(np.clip(-z / 60, 0, 1)))
        for z in np.linspace(top - 12.0, -BELOW_MM, 7)
    ]
    ct.aorta = np.array(up + down, np.float32)
    spine = [float(anatomy.spine_y(h * apex)) for h in (-0.2, 0.3, 0.6, 1.1)]
    gullet: list[Point] = [
        (-0.2 * apex, spine[0] - 30.0, 7.4), (0.3 * apex, spine[1] - 24.0, 6.4),
        (0.6 * apex, spine[2] - 22.0, 5.8), (1.1 * apex, spine[3] - 20.0, 4.8),
    ]  # fmt: skip
    trunk, right, left = (0.36 * apex, front + 46.0, 16.0), (0.47 * apex, y, -38.0), (0.47 * apex + 10, y, 40.0)
    blood = ct.blood_hu
    tubes: list[tuple[list[Point], float, float]] = [
        (gullet, 6.0, 32.0),
        ([trunk, (0.47 * apex + 5, y - 14.0, 18.0), left], 11.5, blood),
        ([(0.47 * apex, y - 8.0, 12.0), right], 9.5, blood),
        ([(0.26 * apex, front + 70.0, -32.0), (0.84 * apex, front + 74.0, -24.0)], 7.5, blood),
        ([(0.84 * apex, front + 74.0, -24.0), (apex + 15.0, front + 88.0, -48.0)], 6.0, blood),
        ([(0.84 * apex, front + 74.0, -24.0), (0.94 * apex, front + 76.0, 40.0)], 5.5, blood),
        ([(top, front + 84.0, -6.0), (apex + 30.0, y - 26.0, -30.0)], 5.5, blood),
        ([(top, front + 92.0, 6.0), (apex + 50.0, y - 22.0, 26.0)], 3.8, blood),
        ([(top, front + 102.0, 17.0), (apex + 12.0, y - 12.0, 42.0)], 4.8, blood),
        ([(-40.0, spine[0] - 14.0, -8.0), (0.58 * apex, spine[2] - 18.0, -9.0)], 3.0, blood),
    ]
    for path, radius, value in tubes:
        for start, end in pairwise(np.array(path, np.float32)):
            window, part = ct.rod(start, end, (radius, radius))
            ct.fill(window, part * (1.0 - ct.lungs[window]), value)
    for start, end in pairwise(ct.aorta):
        window, part = ct.rod(start, end, (anatomy.arch_mm, anatomy.arch_mm))
        ct.fill(window, part * (1.0 - ct.lungs[window]), blood)


def node_stations(ct: ChestCT) -> tuple[Point, ...]:
    """Where lymph nodes of the mediastinum and the hila lie."""
    apex, front, y = ct.anatomy.apex_mm, ct.front_mm(), hilum_y(ct.anatomy)
    spine = float(ct.anatomy.spine_y(0.6 * apex))
    return (
        (0.66 * apex, spine - 42.0, -19.0), (0.78 * apex, spine - 46.0, -17.0), (0.60 * apex, front + 84.0, 24.0),
        (0.50 * apex, spine - 32.0, 5.0), (0.42 * apex, y + 4.0, -44.0), (0.44 * apex, y + 6.0, 48.0),
        (0.68 * apex, front + 50.0, 4.0),
    )  # fmt: skip


def _nodes(ct: ChestCT, rng: np.random.Generator) -> None:
    """Small lymph nodes, as everybody has."""
    for centre in node_stations(ct):
        place = np.asarray(centre) + rng.normal(0.0, 3.0, 3)
        window, part = ct.ball(tuple(place), tuple(rng.uniform(2.0, 4.0, 3)))
        ct.fill(window, part * (1.0 - ct.lungs[window]), 35.0)


def _parenchyma(ct: ChestCT, rng: np.random.Generator) -> None:
    """Lungs: how deep the breath was, the gradient to the back, texture and the oblique fissures."""
    base = float(np.clip(rng.normal(-860.0, 26.0), -905.0, -790.0))
    gradient = float(rng.uniform(0.1, 0.8))
    texture = float(rng.uniform(5.0, 16.0))
    tissue = smooth_field(ct.grid, 9.0, rng) * np.float32(texture)
    tissue += np.float32(base - 1000.0 * (LUNG / WATER - 1.0)) + gradient * ct.grid.y
    tilt, height = float(rng.uniform(0.9, 1.4)), float(rng.uniform(0.42, 0.5)) * ct.anatomy.apex_mm
    fissure = (ct.grid.z - height + tilt * (25.0 - ct.grid.y)) / np.float32(np.hypot(1.0, tilt))
    tissue += np.float32(rng.uniform(10.0, 60.0)) * np.clip(1.0 - np.abs(fissure) / 3.0, 0.0, 1.0)
    # the lowest parts, which the rest bears on
    tissue += np.float32(rng.uniform(-80.0, 220.0)).clip(0.0) * np.clip(
        1.0 - (ct.anatomy.back_y(ct.grid.z) - ct.grid.y) / 14.0, 0.0, 1.0
    )
    ct.hu += ct.lungs * tissue


def _coronaries(ct: ChestCT, rng: np.random.Generator) -> tuple[Floats, ...]:
    """The three main arteries in the fat on the heart; their points are added."""
    centre = np.array((0.06 * ct.anatomy.apex_mm + 10.0, ct.front_mm() + 56.0, 22.0), np.float32)
    ways = (
        ((0.9, -0.35, 0.1), (0.6, -0.8, 0.35), (0.1, -0.8, 0.6), (-0.2, -0.6, 0.9)),
        ((0.9, -0.2, 0.3), (0.7, 0.2, 0.8), (0.3, 0.5, 0.9)),
        ((0.8, -0.5, -0.3), (0.4, -0.6, -0.8), (-0.1, -0.4, -0.9)),
    )
    reach = np.arange(8.0, 110.0, 1.0, dtype=np.float32)[:, None]
    paths = []
    for way in ways:
        directions = resampled((np.array(way) + rng.normal(0.0, 0.05, (len(way), 3))).astype(np.float32), 0.06)
        line = []
        for direction in directions / np.linalg.norm(directions, axis=1, keepdims=True):
            ray = centre + reach * direction
            held = np.flatnonzero(ct.heart[ct.index(ray)] > 0.5)
            line.append(ray[held[-1] if len(held) else 0] + 2.5 * direction)
        path = resampled(np.array(line, np.float32), 1.0)
        ct.add_points(path, np.full(len(path), (ct.blood_hu - FAT_HU) * np.pi * 1.5**2))
        paths.append(path)
    return tuple(paths)


def _bronchi(ct: ChestCT, rng: np.random.Generator) -> list[Bronchus]:
    """Segmental bronchi of both lungs and the branches of each."""
    anatomy, y = ct.anatomy, hilum_y(ct.anatomy)
    ways = (
        (0.8, -0.1, 0.3),
        (0.6, -0.8, 0.5),
        (0.1, -0.9, 0.6),
        (-0.6, -0.4, 0.7),
        (-0.8, 0.4, 0.4),
        (-0.2, 0.8, 0.6),
    )
    grown = []
    for side in (-1.0, 1.0):
        root = np.array((0.43 * anatomy.apex_mm, y + 4.0, side * 42.0), np.float32)
        for way in ways:
            out = np.array(way) * (1.0, 1.0, side) + rng.normal(0.0, 0.15, 3)
            out /= np.linalg.norm(out)
            fork = (root + out * rng.uniform(24.0, 34.0)).astype(np.float32)
            wide = float(rng.uniform(2.0, 2.8))
            grown.append(Bronchus(root, fork, (wide + 0.7, wide), 0.9))
            for _ in range(2):
                turn = out + rng.normal(0.0, 0.4, 3)
                end = fork + turn / np.linalg.norm(turn) * rng.uniform(18.0, 30.0)
                grown.append(Bronchus(fork, end.astype(np.float32), (0.75 * wide, 0.4 * wide), 0.6))
    return grown
