"""The organs of the upper abdomen, and what a detector could take for a lesion of the adrenal glands."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

from data.phantoms.abdomen import FAT, LEFT, MUSCLE, RIGHT, Canvas, Place, Tissue
from data.phantoms.anatomy import Floats
from data.phantoms.shapes import Grid, ellipsoid

BLOOD: Tissue = (42.0, 148.0, 82.0)
VEIN: Tissue = (42.0, 142.0, 82.0)
SPLEEN: Tissue = (50.0, 116.0, 74.0)
KIDNEY: Tissue = (33.0, 168.0, 92.0)
URINE: Tissue = (6.0, 8.0, 340.0)
WATER: Tissue = (6.0, 7.0, 6.0)
PANCREAS: Tissue = (40.0, 92.0, 64.0)
BOWEL: Tissue = (38.0, 82.0, 62.0)
CONTENTS: Tissue = (22.0, 22.0, 22.0)
STOOL: Tissue = (-20.0, -20.0, -20.0)
GAS: Tissue = (-960.0, -960.0, -960.0)
NODE: Tissue = (36.0, 84.0, 66.0)
PLAQUE: Tissue = (420.0, 440.0, 430.0)


def organs(canvas: Canvas, below: Floats, rng: np.random.Generator) -> None:
    """Paint everything but the adrenal glands.

    Parameters
    ----------
    below:
        Signed distance below the diaphragm, (slices, rows, columns). mm.
    """
    _bowel(canvas, rng)
    _small_vessels(canvas, rng)
    _liver(canvas, below, rng)
    _spleen(canvas, below, rng)
    _pancreas(canvas, rng)
    _stomach(canvas, rng)
    _great_vessels(canvas, rng)
    for side in (RIGHT, LEFT):
        _kidney(canvas, side, rng)
    _distractors(canvas, rng)
    _mottle(canvas, rng)


def _liver(canvas: Canvas, below: Floats, rng: np.random.Generator) -> None:
    """The liver under the right dome, its left lobe before the stomach, with veins and gall bladder."""
    grid, abdomen, y = canvas.grid, canvas.abdomen, canvas.abdomen.spine_y_mm
    lift = np.clip((grid.z + 12.0 + rng.normal(0, 6)) / 32.0, 0.0, 1.0)
    before = np.clip((8.0 - grid.y) / 34.0, 0.0, 1.0)
    before = before**2 * (3.0 - 2.0 * before)
    left_edge = -22.0 + rng.normal(0, 5) + (86.0 + rng.normal(0, 9)) * lift * before - 0.006 * (grid.y + 20.0) ** 2
    tip = -92.0 + rng.normal(0, 12) + 0.55 * (grid.x + 0.8 * abdomen.half_width_mm)
    spine = np.hypot(grid.y - y + 6.0, grid.x + 3.0) - 43.0
    liver = _rounded((left_edge - grid.x) * 0.8, (grid.z - tip) * 0.75, spine, canvas.cavity + np.float32(3.0))
    np.minimum(liver, np.minimum(canvas.cavity, below) - np.float32(1.4), out=liver)
    # the fossa of kidney and adrenal gland
    fossa = ellipsoid(grid, (-42.0, y + 5.0, -58.0), (68.0, 40.0, 40.0))
    np.minimum(liver, -fossa * 1.2, out=liver)
    hu = abdomen.liver_hu
    canvas.paint(liver, (hu, hu + 50.0, hu + 20.0))
    port = (8.0, -12.0, -34.0)
    for _ in range(7):
        aim = (rng.uniform(-25, 55), rng.uniform(-50, 25), rng.uniform(-105, -30))
        canvas.rod(port, aim, (float(rng.uniform(3.5, 6.0)), 1.5), VEIN)
    if rng.random() < 0.75:
        place = (rng.uniform(-40, -14), rng.uniform(-48, -30), rng.uniform(-62, -42))
        canvas.ball(place, (rng.uniform(18, 30), rng.uniform(12, 18), rng.uniform(10, 15)), WATER)
    canvas.ball((12.0, -30.0, -12.0), (30.0, 9.0, 2.2), FAT)


def _rounded(*distances: NDArray[Any]) -> Floats:
    """The shape inside all of these, with its corners rounded over 9 mm."""
    total = sum(np.exp(np.clip(-distance / 9.0, -60.0, 60.0)) for distance in distances)
    return np.asarray(-9.0 * np.log(total), np.float32)


def _spleen(canvas: Canvas, below: Floats, rng: np.random.Generator) -> None:
    """A crescent at the left, behind."""
    y, half = canvas.abdomen.spine_y_mm, canvas.abdomen.half_width_mm
    big = float(rng.uniform(0.85, 1.12))
    centre = (18.0 + float(rng.normal(0, 6)), y - 8.0, half * 0.72)
    outer = ellipsoid(canvas.grid, centre, (52.0 * big, 44.0 * big, 31.0 * big))
    hollow = ellipsoid(canvas.grid, (centre[0] - 8.0, centre[1] - 14.0, centre[2] - 31.0), (56.0, 36.0, 26.0))
    spleen = np.minimum(np.minimum(canvas.cavity, below) - np.float32(1.4), outer)
    np.minimum(spleen, -hollow, out=spleen)
    canvas.paint(spleen, SPLEEN)


def _great_vessels(canvas: Canvas, rng: np.random.Generator) -> None:
    """Aorta with plaques, inferior vena cava, their branches, and the crura beside them."""
    y = canvas.abdomen.spine_y_mm
    low, high = float(canvas.grid.z.min()) - 8.0, float(canvas.grid.z.max()) + 8.0
    for side in (LEFT, RIGHT):
        for top, thin in ((20.0, 3.1), (-30.0, 2.4)):
            front, back = (top, y - 26.0, side * 9.0), (top, y - 2.0, side * 22.0)
            _sheet(canvas, front, back, (top - 42.0, top + 60.0), thin)
    aorta = float(rng.uniform(9.5, 12.5))
    middle = (0.0, y - 29.0, 6.0 + rng.normal(0, 2))
    canvas.rod((low, y - 29.0, 4.0), middle, (aorta - 1.0, aorta), BLOOD)
    canvas.rod(middle, (high, y - 20.0, 12.0), (aorta, aorta + 1.0), BLOOD)
    for _ in range(int(max(0, rng.poisson(max(0.0, canvas.abdomen.age_y - 50) / 9)))):
        turn, z = rng.uniform(0, 2 * np.pi), float(rng.uniform(low, 40))
        place = (z, y - 29.0 + aorta * np.sin(turn), 5.0 + aorta * np.cos(turn))
        canvas.ball(place, (3.5, 1.9, 1.9), PLAQUE)
    cava = float(rng.uniform(9.0, 11.5))
    canvas.rod((low, y - 30.0, -19.0), (0.0, y - 36.0, -21.0), (cava - 1.0, cava), VEIN)
    canvas.rod((0.0, y - 36.0, -21.0), (high, y - 50.0, -18.0), (cava, cava), VEIN)
    canvas.rod((6.0, y - 38.0, 5.0), (2.0, y - 60.0, 3.0), (4.0, 3.5), BLOOD)
    canvas.rod((-8.0, y - 38.0, 4.0), (-70.0, y - 54.0, 3.0), (4.0, 3.2), BLOOD)
    canvas.rod((-75.0, y - 56.0, -8.0), (-10.0, y - 52.0, -10.0), (5.5, 6.0), VEIN)
    canvas.rod((-10.0, y - 52.0, -10.0), (8.0, -12.0, -34.0), (6.0, 6.5), VEIN)
    for side, height in zip((RIGHT, LEFT), canvas.abdomen.kidney_z_mm, strict=True):
        canvas.rod((height + 8, y - 26.0, side * 18.0), (height, y - 3.0, side * 48.0), (4.0, 3.4), VEIN)
        canvas.rod((height + 12, y - 22.0, side * 10.0), (height + 3, y + 1.0, side * 46.0), (2.6, 2.2), BLOOD)
    _tortuous(canvas, (2.0, y - 50.0, -6.0), (16.0, y - 18.0, 86.0), 3.8, VEIN, rng)
    _tortuous(canvas, (8.0, y - 52.0, 6.0), (22.0, y - 20.0, 84.0), 2.6, BLOOD, rng)


def _sheet(canvas: Canvas, front: Place, back: Place, heights: tuple[float, float], thin_mm: float) -> None:
    """A band of muscle between two lines along the body."""
    middle = tuple((a + b) / 2 for a, b in zip(front, back, strict=True))
    window = canvas.window((sum(heights) / 2, middle[1], middle[2]), ((heights[1] - heights[0]) / 2, 28.0, 22.0))
    part = canvas.grid.within(window)
    run = np.array((back[1] - front[1], back[2] - front[2]))
    along = ((part.y - front[1]) * run[0] + (part.x - front[2]) * run[1]) / float(run @ run)
    along = np.clip(along, 0.0, 1.0)
    off = np.hypot(part.y - front[1] - along * run[0], part.x - front[2] - along * run[1])
    inside = np.minimum(thin_mm - off, np.minimum(part.z - heights[0], heights[1] - part.z))
    canvas.paint(np.asarray(inside, np.float32), MUSCLE, window)


def _tortuous(
    canvas: Canvas, start: Place, end: Place, radius_mm: float, tissue: Tissue, rng: np.random.Generator
) -> None:
    """A winding vessel."""
    line = np.linspace(start, end, 7)
    line[1:-1] += rng.normal(0.0, 5.0, (5, 3))
    for first, last in pairwise(line):
        canvas.rod(first, last, (radius_mm, radius_mm), tissue)


def _kidney(canvas: Canvas, side: int, rng: np.random.Generator) -> None:
    """A kidney leaning to the spine at its upper pole, with fat, calyces and pelvis; now and then cysts."""
    y, z = canvas.abdomen.spine_y_mm, canvas.abdomen.kidney_z_mm[0 if side == RIGHT else 1]
    size = float(rng.uniform(0.92, 1.08))
    centre, axes = (z, y + 5.0, side * 62.0), (54.0 * size, 29.0 * size, 27.0 * size)
    window = canvas.window(centre, (axes[0], axes[1], axes[2] + 14.0))
    part = canvas.grid.within(window)
    lean = (side * 0.20 * (part.z - z)).astype(np.float32)
    tilted = Grid(part.z, part.y, part.x + lean)
    canvas.paint(ellipsoid(tilted, centre, axes), KIDNEY, window)
    hilum = (z, y - 2.0, side * 50.0)
    canvas.paint(ellipsoid(tilted, hilum, (27.0 * size, 9.0, 15.0)), FAT, window)
    wide = float(rng.uniform(2.2, 5.0))
    canvas.paint(ellipsoid(tilted, (z, y - 2.0, side * 49.0), (12.0, 4.0 + wide / 2, 9.0)), URINE, window)
    for _ in range(6):
        aim = (z + rng.uniform(-26, 26), y + rng.uniform(-5, 14), side * rng.uniform(56, 72))
        canvas.rod((z + 0.4 * (aim[0] - z), y, side * 52.0), aim, (2.0, wide * 0.8), URINE)
    for _ in range(int(rng.poisson(0.55))):
        radius = float(rng.uniform(4.0, 20.0))
        turn, rise = rng.uniform(-0.5, 1.2) * np.pi / 2, rng.uniform(-0.7, 0.95)
        place = (
            z + rise * axes[0],
            y + 5.0 - np.sin(turn) * 22.0,
            side * (62.0 + np.cos(turn) * 20.0 - rise * 11),
        )
        canvas.ball(place, (radius, radius, radius), WATER)


def _stomach(canvas: Canvas, rng: np.random.Generator) -> None:
    """The stomach: wall, fluid and gas above it."""
    width = float(rng.uniform(24.0, 40.0))
    centre = (26.0 + rng.normal(0, 6), -34.0 + rng.normal(0, 5), 48.0 + rng.normal(0, 6))
    axes = (float(rng.uniform(40, 56)), width * 0.9, width)
    window = canvas.window(centre, axes)
    outer = np.minimum(
        ellipsoid(canvas.grid.within(window), centre, axes), canvas.cavity[window] - np.float32(4.0)
    )
    canvas.paint(outer, BOWEL, window)
    canvas.paint(outer - np.float32(4.0), CONTENTS, window)
    level = centre[1] + float(rng.uniform(-0.6, 0.5)) * axes[1]
    canvas.paint(np.minimum(outer - np.float32(4.0), level - canvas.grid.y[:, window[1]]), GAS, window)
    canvas.rod((-5.0, -42.0, 30.0), (-22.0, -38.0, -22.0), (15.0, 11.0), BOWEL)
    canvas.rod((-5.0, -43.0, 28.0), (-22.0, -39.0, -20.0), (9.0, 6.0), CONTENTS)


def _pancreas(canvas: Canvas, rng: np.random.Generator) -> None:
    """A lobulated band before the splenic vein."""
    y = canvas.abdomen.spine_y_mm
    line = np.linspace((-26.0, y - 62.0, -28.0), (14.0, y - 30.0, 78.0), 12)
    line[:, 1] -= 10.0 * np.sin(np.linspace(0.0, np.pi, 12))
    for z, row, column in line + rng.normal(0.0, 1.8, line.shape):
        radius = float(rng.uniform(6.5, 10.0))
        canvas.ball((z, row, column), (radius * 1.2, radius * 0.85, radius), PANCREAS)


def _bowel(canvas: Canvas, rng: np.random.Generator) -> None:
    """Loops of small bowel and the colon, some with gas, some with stool."""
    half, depth = canvas.abdomen.half_width_mm, canvas.abdomen.half_depth_mm
    for _ in range(round(48 - 18 * canvas.abdomen.visceral)):
        start = np.array((rng.uniform(-115, -12), rng.uniform(-0.68, 0.0) * depth, rng.uniform(-0.5, 0.62) * half))
        line = start + np.cumsum(rng.normal(0.0, 1.0, (4, 3)) * (9.0, 9.0, 13.0), axis=0)
        line[:, 1] = np.clip(line[:, 1], -0.74 * depth, 0.08 * depth)
        radius = float(rng.uniform(7.0, 12.5))
        inner = GAS if rng.random() < 0.12 else CONTENTS
        for thick, tissue in ((radius, BOWEL), (radius - 2.8, inner)):
            for a, b in pairwise(line):
                canvas.rod(a, b, (thick, thick), tissue)
    colon = [((-120.0, 0.1, -0.74), (-45.0, 0.1, -0.70)), ((-120.0, 0.15, 0.76), (0.0, 0.05, 0.72))]
    colon += [((-40.0, -0.62, -0.5), (-52.0, -0.72, 0.0)), ((-52.0, -0.72, 0.0), (-5.0, -0.55, 0.58))]
    for first, last in colon:
        line = np.linspace(first, last, 8) * (1.0, depth, half) + rng.normal(0.0, 3.0, (8, 3))
        for a, b in pairwise(line):
            radius = float(rng.uniform(11.0, 17.0))
            canvas.rod(a, b, (radius, radius), BOWEL)
            canvas.rod(a, b, (radius - 2.5, radius - 2.5), STOOL)
            for _ in range(4):
                spot = a + rng.random() * (b - a) + rng.normal(0.0, 0.35 * radius, 3)
                bubble = float(rng.uniform(1.5, 0.55 * radius))
                canvas.ball(spot, (bubble, bubble, bubble), GAS)
            canvas.ball((a[0], a[1] - 0.4 * radius, a[2]), (0.6 * radius, 0.45 * radius, 0.7 * radius), GAS)


def _small_vessels(canvas: Canvas, rng: np.random.Generator) -> None:
    """Vessels of the mesentery."""
    half, depth = canvas.abdomen.half_width_mm, canvas.abdomen.half_depth_mm
    for _ in range(60):
        start = np.array((rng.uniform(-115, 30), rng.uniform(-0.55, 0.1) * depth, rng.uniform(-0.45, 0.7) * half))
        end = start + rng.normal(0.0, 1.0, 3) * (16.0, 10.0, 14.0)
        thick = float(rng.uniform(1.2, 2.6))
        canvas.rod(start, end, (thick, thick), VEIN)


def _mottle(canvas: Canvas, rng: np.random.Generator) -> None:
    """No tissue is quite even: a slow variation of 3.5 HU, the same in every series."""
    from scipy.ndimage import gaussian_filter  # noqa: PLC0415 - slow to load

    slow = gaussian_filter(rng.standard_normal(canvas.cavity.shape, np.float32), (0.6, 1.8, 1.8), mode="wrap")
    canvas.hu[...] += slow * np.float32(3.5 / float(slow.std())) * (canvas.cavity > 0)


def _distractors(canvas: Canvas, rng: np.random.Generator) -> None:
    """Lymph nodes by the great vessels, a second spleen, a loop or pouch of bowel near the left gland."""
    y = canvas.abdomen.spine_y_mm
    for _ in range(int(rng.poisson(2.0))):
        radius, side = float(rng.uniform(3.0, 6.5)), float(rng.choice((-1.0, 1.0)))
        place = (float(rng.uniform(-95, -12)), y - rng.uniform(18, 30), side * rng.uniform(20, 26) + 2.0)
        canvas.ball(place, (radius * 1.3, radius, radius), NODE)
    if rng.random() < 0.25:
        radius = float(rng.uniform(4.0, 9.0))
        place = (float(rng.uniform(-5, 30)), y - rng.uniform(14, 30), float(rng.uniform(66, 78)))
        canvas.ball(place, (radius, radius, radius), SPLEEN)
    if rng.random() < 0.3:
        radius = float(rng.uniform(7.0, 12.0))
        place = (float(rng.uniform(10, 40)), y - rng.uniform(34, 46), float(rng.uniform(44, 58)))
        canvas.ball(place, (radius * 1.2, radius, radius), BOWEL)
        canvas.ball(place, (radius * 1.2 - 3.0, radius - 3.0, radius - 3.0), CONTENTS)
