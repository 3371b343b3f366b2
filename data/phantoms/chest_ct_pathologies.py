"""Pathologies put into a chest before it is scanned.

Each takes the chest and a generator, draws its own severity, side and place, and marks what it changed.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace

import numpy as np

from data.phantoms.anatomy import Anatomy, Floats, hilum_y
from data.phantoms.chest_ct import (
    AIR_HU,
    WHOLE,
    Bronchus,
    ChestCT,
    Point,
    Window,
    heart_part,
    midriff_z,
    smooth_field,
)
from data.phantoms.chest_ct_body import node_stations
from data.phantoms.shapes import cover, ellipsoid

Pathology = Callable[[ChestCT, np.random.Generator], None]


def reshaped(anatomy: Anatomy, pathology: str, rng: np.random.Generator) -> Anatomy:
    """The measures of a person with a pathology: of a normal heart, or of a large one."""
    # supine, and with the fat around it, a heart of a scale of 1 takes half of the chest's width
    scale = min(0.86 * anatomy.heart_scale, 0.0068 * anatomy.half_width_mm)
    if pathology == "cardiomegaly":
        scale = 0.0072 * anatomy.half_width_mm * float(rng.uniform(1.34, 1.55))
    return replace(anatomy, heart_scale=scale)


def _side(rng: np.random.Generator) -> float:
    """1 for left, -1 for right."""
    return 1.0 if rng.random() < 0.5 else -1.0


def _in_lung(
    ct: ChestCT, rng: np.random.Generator, *, low: float, high: float, side: float = 0.0, margin_mm: float = 0.0
) -> Point:
    """A place in a lung between two heights, as parts of the apex's; ``margin_mm`` from where the lung ends."""
    lungs, grid = ct.lungs > 0.9, ct.grid
    apex = ct.anatomy.apex_mm
    rows = slice(*np.searchsorted(grid.z.ravel(), (low * apex, high * apex)))
    flat = np.flatnonzero(lungs[rows])
    steps = round(margin_mm / 2.5)
    best: Point = (0.0, 0.0, 0.0)
    for _ in range(400):
        k, j, i = (int(v) for v in np.unravel_index(int(flat[rng.integers(len(flat))]), lungs[rows].shape))
        k += rows.start
        best = (float(grid.z[k, 0, 0]), float(grid.y[0, j, 0]), float(grid.x[0, 0, i]))
        if side and best[2] * side < 0:
            continue
        near = [lungs[tuple(np.clip(np.add((k, j, i), d), 0, np.array(lungs.shape) - 1))] for d in _around(steps)]
        if all(near):
            break
    return best


def _around(steps: int) -> list[tuple[int, int, int]]:
    """The six neighbours at a distance."""
    return [(steps, 0, 0), (-steps, 0, 0), (0, steps, 0), (0, -steps, 0), (0, 0, steps), (0, 0, -steps)]


def _patch(
    ct: ChestCT, centre: Point, axes: Point, rng: np.random.Generator, *, rough_mm: float, edge_mm: float
) -> tuple[Window, Floats]:
    """An irregular region of lung: its window and its part of each voxel."""
    window = ct.grid.window(centre, tuple(np.add(axes, rough_mm)))
    part = ct.grid.within(window)
    distance = ellipsoid(part, centre, axes) + smooth_field(part, 14.0, rng) * np.float32(rough_mm)
    return window, cover(distance, edge_mm) * ct.lungs[window]


def arterial_wall_calcification(ct: ChestCT, rng: np.random.Generator) -> None:
    """Plaques in the wall of arch and descending aorta, some in the ascending."""
    for _ in range(int(rng.integers(14, 28))):
        place = float(rng.uniform(1.2, len(ct.aorta) - 2.2))
        spot, turn = int(place), float(rng.uniform(0.0, 2 * np.pi))
        axis = ct.aorta[spot + 1] - ct.aorta[spot]
        axis = axis / np.linalg.norm(axis)
        across = np.cross(axis, (0.31, 0.27, 0.91))
        across /= np.linalg.norm(across)
        third = np.cross(axis, across)
        middle = ct.aorta[spot] + (place - spot) * (ct.aorta[spot + 1] - ct.aorta[spot])
        wide, long = float(rng.uniform(7.0, 17.0)), float(rng.uniform(6.0, 20.0))
        angle = turn + rng.uniform(-0.5, 0.5, 240) * wide / ct.anatomy.arch_mm
        radius = ct.anatomy.arch_mm - rng.uniform(0.0, 3.4, 240)
        points = middle + rng.uniform(-0.5, 0.5, (240, 1)) * long * axis
        points = points + radius[:, None] * (np.cos(angle)[:, None] * across + np.sin(angle)[:, None] * third)
        volume = wide * long * 3.4
        ct.add_points(points, np.full(240, float(rng.uniform(900.0, 1700.0)) * volume / 240), mark=True)


def coronary_artery_wall_calcification(ct: ChestCT, rng: np.random.Generator) -> None:
    """Plaques along the arteries of the heart."""
    order = rng.permutation(3)[: int(rng.integers(2, 4))]
    for number in order:
        path = ct.coronaries[number]
        for _ in range(int(rng.integers(3, 7))):
            first = int(rng.integers(0, max(1, int(0.8 * len(path)))))
            part = path[first : first + int(rng.integers(6, 18))]
            points = np.repeat(part, 20, axis=0) + rng.normal(0.0, 1.5, (20 * len(part), 3))
            ct.add_points(points, np.full(len(points), float(rng.uniform(1000.0, 1700.0)) * 30.0 / 20), mark=True)


def atelectasis(ct: ChestCT, rng: np.random.Generator) -> None:
    """A lower lobe that fell together beside the spine, or plates of collapsed lung over the diaphragm."""
    side, grid = _side(rng), ct.grid
    if rng.random() < 0.5:
        reach = float(rng.uniform(30.0, 52.0))
        top = float(rng.uniform(0.35, 0.55)) * ct.anatomy.apex_mm
        back = ct.anatomy.back_y(grid.z)
        off = (back - grid.y) * 0.9 + (np.abs(grid.x) - 16.0) * 0.75 + np.clip(grid.z, 0.0, None) * reach / top
        part = cover(np.asarray(reach - off, np.float32), 5.0) * ct.lungs * (grid.x * side > 0)
        ct.displace(WHOLE, part, 42.0, mark=True)
        return
    for _ in range(int(rng.integers(2, 5))):
        z, y, x = _in_lung(ct, rng, low=-0.05, high=0.3, side=side, margin_mm=12.0)
        tilt, turn = rng.uniform(-0.35, 0.35), rng.uniform(-0.35, 0.35)
        window = grid.window((z, y, x), (34.0, 45.0, 45.0))
        near = grid.within(window)
        slope = (near.z - z) - tilt * (near.y - y) - turn * (near.x - x)
        wide = float(rng.uniform(20.0, 42.0))
        disc = wide - np.sqrt((near.y - y) ** 2 + (near.x - x) ** 2)
        plate = np.minimum(rng.uniform(5.0, 8.5) - np.abs(slope), disc * 0.5).astype(np.float32)
        ct.displace(window, cover(plate, 3.0) * ct.lungs[window], 15.0, mark=True)


def bronchiectasis(ct: ChestCT, rng: np.random.Generator) -> None:
    """Wide bronchi with thick walls that go on to the periphery, in some segments."""
    found = []
    low, both = rng.random() < 0.65, rng.random() < 0.4
    side = _side(rng)
    for bronchus in ct.bronchi:
        down = bronchus.end[0] < bronchus.start[0]
        if down != low or not (both or bronchus.end[2] * side > 0):
            found.append(bronchus)
            continue
        wide, wall = float(rng.uniform(4.6, 7.0)), float(rng.uniform(1.8, 2.6))
        end = bronchus.end + (bronchus.end - bronchus.start) * np.float32(rng.uniform(0.1, 0.5))
        found.append(
            Bronchus(bronchus.start, end, (wide, wide * float(rng.uniform(0.9, 1.3))), wall, diseased=True)
        )
    ct.bronchi[:] = found


def peribronchial_thickening(ct: ChestCT, rng: np.random.Generator) -> None:
    """Thick walls around all bronchi, of usual width."""
    thick = float(rng.uniform(3.4, 4.8))
    ct.bronchi[:] = [
        replace(bronchus, wall_mm=thick * (1.0 if bronchus.wall_mm > 0.7 else 0.75), diseased=True)
        for bronchus in ct.bronchi
    ]


def cardiomegaly(ct: ChestCT, rng: np.random.Generator) -> None:
    """Marks the heart, which :func:`reshaped` made large."""
    np.maximum(ct.region, ct.heart, out=ct.region)


def consolidation(ct: ChestCT, rng: np.random.Generator) -> None:
    """Lung filled with fluid around open bronchi."""
    side = _side(rng)
    for _ in range(int(rng.integers(1, 3))):
        centre = _in_lung(ct, rng, low=0.05, high=0.75, side=side, margin_mm=5.0)
        window, part = _patch(ct, centre, tuple(rng.uniform(22.0, 44.0, 3)), rng, rough_mm=6.0, edge_mm=8.0)
        ct.fill(window, part, float(rng.uniform(10.0, 45.0)), mark=True)
        ct.vessels[window] *= 1.0 - part


def lung_opacity(ct: ChestCT, rng: np.random.Generator) -> None:
    """Ground glass: hazy patches that vessels show through."""
    for _ in range(int(rng.integers(3, 8))):
        centre = _in_lung(ct, rng, low=0.0, high=0.8)
        window, part = _patch(ct, centre, tuple(rng.uniform(18.0, 42.0, 3)), rng, rough_mm=7.0, edge_mm=10.0)
        ct.fill(window, part, float(rng.uniform(-580.0, -400.0)), mark=True)
        ct.vessels[window] *= 1.0 - 0.4 * part


def emphysema(ct: ChestCT, rng: np.random.Generator) -> None:
    """Holes all over the lungs, most in the upper parts, and bullae under the pleura."""
    grain, share = float(rng.uniform(6.0, 11.0)), float(rng.uniform(0.3, 0.8))
    ratio = ct.anatomy.ratio(ct.grid.z)
    holes = smooth_field(ct.grid, grain, rng) + np.float32(0.9) * ratio + np.float32(0.9 * share - 1.3)
    hole = np.asarray(np.clip(holes * np.float32(1.6), 0.0, 1.0) * ct.lungs, np.float32)
    ct.fill(WHOLE, hole, -975.0, mark=True)
    ct.vessels *= 1.0 - 0.8 * hole
    for _ in range(int(rng.integers(0, 7))):
        centre = _in_lung(ct, rng, low=0.6, high=0.98)
        window, part = ct.ball(centre, tuple(rng.uniform(9.0, 22.0, 3)))
        ct.displace(window, part * ct.lungs[window], -985.0, mark=True)


def hiatal_hernia(ct: ChestCT, rng: np.random.Generator) -> None:
    """Stomach behind the heart, with gas over fluid or without."""
    size = float(rng.uniform(25.0, 38.0))
    centre = (float(rng.uniform(5.0, 26.0)), float(ct.anatomy.spine_y(10.0)) - 26.0 - 0.5 * size, 6.0)
    centre = (centre[0], centre[1], centre[2] + float(rng.normal(0.0, 6.0)))
    axes = (size * float(rng.uniform(1.0, 1.4)), size * 0.85, size * float(rng.uniform(0.95, 1.3)))
    window, part = ct.ball(centre, axes)
    ct.push_aside(window, part, float(rng.uniform(15.0, 40.0)))
    inner, hollow = ct.ball(centre, (axes[0] - 5.0, axes[1] - 5.0, axes[2] - 5.0))
    if rng.random() < 0.7:
        level = centre[1] + float(rng.uniform(-0.4, 0.3)) * axes[1]
        ct.fill(inner, hollow * cover(level - ct.grid.y[:, inner[1]]), -960.0, mark=True)
    else:
        ct.fill(inner, hollow, float(rng.uniform(-90.0, 10.0)), mark=True)


def lung_nodule(ct: ChestCT, rng: np.random.Generator) -> None:
    """One to three round lesions, smooth, lobed or spiculated."""
    for _ in range(1 + int(rng.random() < 0.3) + int(rng.random() < 0.15)):
        size = float(rng.uniform(8.0, 15.0))
        centre = _in_lung(ct, rng, low=0.0, high=0.9, margin_mm=size * 0.6)
        axes = (size, size * float(rng.uniform(0.85, 1.1)), size * float(rng.uniform(0.85, 1.1)))
        window, part = _patch(ct, centre, axes, rng, rough_mm=0.08 * size, edge_mm=2.5)
        ct.displace(window, part, float(rng.uniform(15.0, 70.0)), mark=True)
        for _ in range(int(rng.integers(0, 7))):
            way = rng.normal(0.0, 1.0, 3)
            tip = np.asarray(centre) + way / np.linalg.norm(way) * size * rng.uniform(1.4, 1.9)
            start = np.asarray(centre, np.float32)
            window, part = ct.rod(start, tip.astype(np.float32), (1.6, 0.6))
            ct.fill(window, part * ct.lungs[window], -150.0, mark=True)


def lymphadenopathy(ct: ChestCT, rng: np.random.Generator) -> None:
    """Large lymph nodes in several stations."""
    stations = node_stations(ct)
    for number in rng.permutation(len(stations))[: int(rng.integers(5, 9))]:
        for _ in range(int(rng.integers(1, 4))):
            centre = np.asarray(stations[number]) + rng.normal(0.0, 6.0, 3)
            window, part = ct.ball(tuple(centre), tuple(rng.uniform(11.0, 17.0, 3)))
            ct.push_aside(window, part * (ct.hu[window] > -980.0), float(rng.uniform(32.0, 55.0)))


def mosaic_attenuation_pattern(ct: ChestCT, rng: np.random.Generator) -> None:
    """Sharply bounded lobules of dark lung beside bright lung."""
    field = smooth_field(ct.grid, float(rng.uniform(16.0, 26.0)), rng)
    shift = float(rng.uniform(-0.3, 0.3))
    bright = np.clip((field - shift) * 3.0, -1.0, 1.0)
    ct.hu += bright * ct.lungs * np.float32(rng.uniform(65.0, 95.0))
    ct.vessels *= 1.0 - 0.5 * ct.lungs * np.clip(-bright, 0.0, 1.0)
    np.maximum(ct.region, np.clip(-bright, 0.0, 1.0) * ct.lungs, out=ct.region)


def pericardial_effusion(ct: ChestCT, rng: np.random.Generator) -> None:
    """Fluid around the heart, more of it behind and below."""
    thick = float(rng.uniform(12.0, 22.0))
    outer = heart_part(ct.anatomy, ct.grid, thick)
    inner = heart_part(ct.anatomy, ct.grid, -1.0)
    above = cover(ct.grid.z - midriff_z(ct.anatomy, ct.grid) + np.float32(6.0))
    spine = cover(ct.anatomy.spine_y(ct.grid.z) - 30.0 - ct.grid.y)
    soft = (ct.hu < 0.0) & (ct.hu > -970.0)  # fat and lung, not vessels and airways
    shell = np.clip(outer - inner, 0.0, 1.0) * above * spine * soft
    ct.push_aside(WHOLE, shell, float(rng.uniform(4.0, 18.0)))


def pleural_effusion(ct: ChestCT, rng: np.random.Generator) -> None:
    """Fluid at the back of one or both sides, and the collapsed lung that it bears on."""
    both, side = rng.random() < 0.5, _side(rng)
    for own in (-1.0, 1.0):
        if not both and own != side:
            continue
        deep = float(rng.uniform(20.0, 62.0))
        apex, grid = ct.anatomy.apex_mm, ct.grid
        # a crescent: the fluid climbs at the side of the chest and thins out to the head
        climb = 18.0 * np.clip(np.abs(grid.x) / ct.anatomy.half_width_mm, 0.0, 1.0) ** 3
        level = ct.anatomy.back_y(grid.z) - (deep + climb) * np.clip(1.15 - grid.z / (0.75 * apex), 0.0, 1.0)
        depth = np.asarray(grid.y - level, np.float32)
        own_lung = ct.lungs * (grid.x * own > 0)
        ct.displace(WHOLE, cover(depth + 7.0, 6.0) * own_lung, 45.0, mark=True)
        ct.displace(WHOLE, cover(depth) * own_lung, float(rng.uniform(2.0, 18.0)), mark=True)


def pulmonary_fibrotic_sequela(ct: ChestCT, rng: np.random.Generator) -> None:
    """A scar: bands that draw to the pleura, a cap or net of fibrous tissue, specks of chalk."""
    low, high = ((0.72, 0.95), (-0.05, 0.4))[int(rng.random() < 0.35)]
    side = 0.0 if rng.random() < 0.4 else _side(rng)
    for _ in range(int(rng.integers(2, 5))):
        centre = _in_lung(ct, rng, low=low, high=high, side=side)
        window, part = _patch(ct, centre, tuple(rng.uniform(10.0, 20.0, 3)), rng, rough_mm=5.0, edge_mm=12.0)
        net = np.clip(smooth_field(ct.grid.within(window), 3.5, rng), 0.0, 1.0)
        ct.fill(window, part * (0.25 + 0.6 * net), -60.0, mark=True)
        for _ in range(int(rng.integers(4, 9))):
            way = rng.normal(0.0, 1.0, 3) * (0.6, 1.0, 1.0)
            tip = np.asarray(centre) + way / np.linalg.norm(way) * rng.uniform(18.0, 42.0)
            window, part = ct.rod(np.asarray(centre, np.float32), tip.astype(np.float32), (2.4, 1.4))
            ct.fill(window, part * ct.lungs[window], 0.0, mark=True)
        if rng.random() < 0.5:
            specks = np.asarray(centre) + rng.normal(0.0, 3.5, (60, 3))
            ct.add_points(specks, np.full(60, float(rng.uniform(300.0, 1200.0))), mark=True)


def pneumothorax(ct: ChestCT, rng: np.random.Generator) -> None:
    """Air before a lung that has come off the chest wall."""
    side, deep = _side(rng), float(rng.uniform(18.0, 55.0))
    grid, anatomy = ct.grid, ct.anatomy
    rim = 0.35 * deep * np.clip(np.abs(grid.x) / anatomy.half_width(grid.z), 0.0, 1.3) ** 4
    depth = anatomy.front_y(grid.z) + deep + rim - grid.y + 0.12 * deep * (anatomy.ratio(grid.z) - 0.3)
    own = ct.lungs * (grid.x * side > 0)
    ct.fill(WHOLE, cover(np.asarray(depth + 3.0, np.float32)) * own, -350.0, mark=True)
    ct.displace(WHOLE, cover(np.asarray(depth, np.float32)) * own, AIR_HU, mark=True)


def cavitary_lesion(ct: ChestCT, rng: np.random.Generator) -> None:
    """A hollow mass with a thick wall."""
    size = float(rng.uniform(22.0, 36.0))
    centre = _in_lung(ct, rng, low=0.35, high=0.85, margin_mm=15.0)
    window, part = _patch(ct, centre, (size, size, size), rng, rough_mm=2.0, edge_mm=3.0)
    ct.displace(window, part, 35.0, mark=True)
    hollow = size - float(rng.uniform(7.0, 12.0))
    window, part = _patch(ct, centre, (hollow, hollow, hollow), rng, rough_mm=2.0, edge_mm=3.0)
    ct.fill(window, part, -980.0, mark=True)


def foreign_body(ct: ChestCT, rng: np.random.Generator) -> None:
    """A piece of metal or bone in a main bronchus."""
    side = -1.0 if rng.random() < 0.7 else 1.0
    place = np.array((0.48 * ct.anatomy.apex_mm, hilum_y(ct.anatomy) + 8.0, 30.0 * side))
    points = place + rng.uniform(-1.0, 1.0, (600, 3)) * (float(rng.uniform(5.0, 12.0)), 3.0, 3.0)
    ct.add_points(points, np.full(600, float(rng.uniform(2500.0, 5000.0))), mark=True)


PATHOLOGIES: Mapping[str, Pathology] = {
    each.__name__: each
    for each in (
        arterial_wall_calcification, atelectasis, bronchiectasis, cardiomegaly, consolidation,
        coronary_artery_wall_calcification, emphysema, hiatal_hernia, lung_nodule, lung_opacity, lymphadenopathy,
        mosaic_attenuation_pattern, peribronchial_thickening, pericardial_effusion, pleural_effusion,
        pulmonary_fibrotic_sequela,
    )
}  # fmt: skip
"""The sixteen that the clinical task asks for."""
UNSEEN: Mapping[str, Pathology] = {each.__name__: each for each in (pneumothorax, cavitary_lesion, foreign_body)}
"""Further ones, to measure whether a pathology that no model was taught raises the score."""
