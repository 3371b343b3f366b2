"""Findings and confounders of chest radiographs, done to a thorax in three dimensions.

Each function changes a thorax that :func:`data.phantoms.thorax.build` made; ``rng`` draws its degree and place.
What is enlarged takes its room from the lungs, so that every shadow follows from the geometry.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import replace

import numpy as np

from data.phantoms.anatomy import Anatomy, Floats
from data.phantoms.bones import skeleton
from data.phantoms.mediastinum import aorta_rods, hilum_rods
from data.phantoms.points import PointCloud, joined
from data.phantoms.shapes import Grid, capsule, cover, ellipsoid
from data.phantoms.thorax import BLOOD, FAT, LUNG, MUSCLE, Thorax, diaphragm_z

CALCIUM = 0.055
"""Attenuation of a calcified plaque beyond that of the wall around it, 1/mm."""

Rod = tuple[Floats, Floats, float]
Change = Callable[[Thorax, np.random.Generator], Thorax]


def shaped(finding: str, anatomy: Anatomy, rng: np.random.Generator) -> Anatomy:
    """The measures of a person with a finding that is a matter of measures; the same where it is none."""
    if finding == "enlarged_heart":
        grown = anatomy.heart_scale * float(rng.uniform(1.17, 1.32))
        return replace(
            anatomy, heart_scale=grown, heart_shift_mm=anatomy.heart_shift_mm + float(rng.uniform(3, 9))
        )
    if finding == "scoliosis":
        sign = 1.0 if rng.random() < 0.5 else -1.0
        return replace(anatomy, scoliosis_mm=sign * float(rng.uniform(13.0, 24.0)))
    return anatomy


def changed(finding: str, thorax: Thorax, rng: np.random.Generator) -> Thorax:
    """The thorax with a finding or confounder; the same where :func:`shaped` has done it already."""
    change = _CHANGES.get(finding)
    return change(thorax, rng) if change else thorax


def _grid(thorax: Thorax) -> Grid:
    return Grid.around(thorax.anatomy)


def _fill(thorax: Thorax, window: tuple[slice, ...], part: Floats, value: float) -> None:
    """Lung gives way to a tissue where ``part`` of a voxel is taken."""
    lungs = thorax.lungs[window]
    thorax.attenuation[window] += lungs * part * np.float32(value - LUNG)
    lungs *= 1.0 - part


def _fill_rods(thorax: Thorax, rods: Iterable[Rod], value: float = BLOOD) -> None:
    grid = _grid(thorax)
    for start, end, radius in rods:
        window = grid.window(tuple((start + end) / 2), tuple(np.abs(start - end) / 2 + radius))
        _fill(thorax, window, cover(capsule(grid.within(window), start, end, (radius, radius))), value)


def _fill_ellipsoid(
    thorax: Thorax, centre: tuple[float, float, float], axes: tuple[float, float, float], value: float
) -> None:
    grid = _grid(thorax)
    window = grid.window(centre, axes)
    _fill(thorax, window, cover(ellipsoid(grid.within(window), centre, axes)), value)


def _with_points(thorax: Thorax, *clouds: PointCloud) -> Thorax:
    return replace(thorax, fine=joined((thorax.fine, *clouds)))


def _heart_shadow(thorax: Thorax, rng: np.random.Generator) -> Thorax:
    """Fluid in the pericardium, or fat beside it: the shadow widens below, the heart does not grow."""
    a = thorax.anatomy
    s, front, low = a.heart_scale, 60.0 - a.depth_mm, 0.02 * a.apex_mm
    wide = float(rng.uniform(0.95, 1.45))
    fluid = rng.random() < 0.5
    value = MUSCLE if fluid else FAT
    for side, reach in ((1, 62.0 + 14.0 * wide), (-1, 34.0 + 10.0 * wide)):
        centre = (low - (0.0 if fluid else 12.0), front + 40 * s, side * reach * 0.62 + a.heart_shift_mm)
        axes = ((58.0 if fluid else 34.0) * s, 38.0 * s, (0.38 * reach + 14.0 * wide) * s)
        _fill_ellipsoid(thorax, centre, axes, value)
    return thorax


def _unfolded(thorax: Thorax, rng: np.random.Generator) -> Thorax:
    """A wide, long aorta: it bows to the right as it rises, over a high knob, and to the left as it falls."""
    rods = unfolded_rods(thorax.anatomy, float(rng.uniform(0.7, 1.15)))
    _fill_rods(thorax, rods)
    return thorax


def unfolded_rods(anatomy: Anatomy, degree: float) -> list[Rod]:
    """The aorta's rods, (z, y, x) in mm, pulled apart by a degree: 0 as it was, 1 clearly unfolded."""
    apex = anatomy.apex_mm

    def moved(place: Floats) -> Floats:
        z = float(place[0])
        up = np.clip((z - 0.55 * apex) / (0.19 * apex), 0.0, 1.0)
        falls = place[2] > 5.0
        bow = np.sin(np.pi * np.clip((z + 40.0) / (0.74 * apex + 40.0), 0.0, 1.0))
        sideways = (
            17.0 * bow + 13.0 * up if falls else -17.0 * np.clip(z / (0.6 * apex), 0.0, 1.0) * (1 - 0.5 * up)
        )
        return place + np.array((9.0 * up, 0.0, sideways), np.float32) * np.float32(degree)

    return [
        (moved(start), moved(end), radius * (1.0 + 0.22 * degree)) for start, end, radius in aorta_rods(anatomy)
    ]


def _dense(thorax: Thorax, rng: np.random.Generator) -> Thorax:
    """The aorta absorbs more than blood does."""
    excess = np.float32(rng.uniform(0.012, 0.018))
    grid = _grid(thorax)
    inside = np.zeros_like(thorax.attenuation)
    for start, end, radius in aorta_rods(thorax.anatomy):
        window = grid.window(tuple((start + end) / 2), tuple(np.abs(start - end) / 2 + radius))
        part = cover(capsule(grid.within(window), start, end, (radius, radius)))
        np.maximum(inside[window], part, out=inside[window])
    return replace(thorax, attenuation=thorax.attenuation + inside * excess)


def _plaque(
    rod: Rod, along: tuple[float, float], turn: tuple[float, float], thick_mm: float, excess: float = CALCIUM
) -> PointCloud:
    """A piece of a rod's wall: parts of its length, and angles about it (0 to the left, a quarter turn up)."""
    start, end, radius = rod
    axis = end - start
    length = float(np.linalg.norm(axis))
    axis = axis / length
    left = np.array((0.0, 0.0, 1.0)) - axis * axis[2]
    left /= np.linalg.norm(left)
    up = np.cross(left, axis)
    up = up if up[0] > 0 or abs(up[0]) < 0.1 else -up
    high, wide = (along[1] - along[0]) * length, (turn[1] - turn[0]) * radius
    n, m = max(2, int(high / 0.8)), max(2, int(abs(wide) / 0.8))
    t = np.repeat(np.linspace(*along, n), m)[:, None]
    angle = np.tile(np.linspace(*turn, m), n)[:, None]
    points = start + t * length * axis + radius * (np.cos(angle) * left + np.sin(angle) * up)
    weight = np.full(n * m, high * abs(wide) * thick_mm * excess / (n * m), np.float32)
    return PointCloud(points.astype(np.float32), weight)


def _flecks(thorax: Thorax, rng: np.random.Generator) -> Thorax:
    """Calcified plaques along the whole aorta."""
    rods = aorta_rods(thorax.anatomy)[1:]
    plaques = []
    for _ in range(int(rng.integers(18, 28))):
        rod = rods[int(rng.integers(len(rods)))]
        at, middle = float(rng.uniform(0.0, 0.8)), float(rng.choice((0.0, np.pi)) + rng.normal(0.0, 0.6))
        part = min(1.0, at + float(rng.uniform(4.0, 12.0)) / float(np.linalg.norm(rod[1] - rod[0])))
        half = float(rng.uniform(0.15, 0.5))
        plaques.append(_plaque(rod, (at, part), (middle - half, middle + half), float(rng.uniform(2.8, 4.6))))
    return _with_points(thorax, *plaques)


def _rim(thorax: Thorax, rng: np.random.Generator) -> Thorax:
    """A calcified rim of the arch's knob: a shell that is seen edge-on where it turns to the back."""
    arch = aorta_rods(thorax.anatomy)[3]
    first, last = float(rng.uniform(-0.7, -0.2)), float(rng.uniform(1.1, 1.9))
    thick = float(rng.uniform(0.9, 1.6))
    gap = float(rng.uniform(first + 0.4, last - 0.4))
    shells = [_plaque(arch, (0.0, 0.95), turn, thick) for turn in ((first, gap - 0.12), (gap + 0.12, last))]
    return _with_points(thorax, *shells)


def _relaxed(thorax: Thorax, rng: np.random.Generator) -> Thorax:
    """One dome stands high, whole or in part, with the organs below in its place."""
    a = thorax.anatomy
    side = 1.0 if rng.random() < 0.45 else -1.0
    height = float(rng.uniform(34.0, 58.0)) - (a.left_dome_mm if side > 0 else 0.0)
    wide = float(rng.uniform(0.34, 0.52)) * a.half_width_mm
    grid = _grid(thorax)
    middle = 0.48 * a.half_width_mm
    window = grid.window((height / 2, 0.0, side * middle), (height / 2 + 80.0, 130.0, 0.75 * a.half_width_mm))
    part = grid.within(window)
    across = np.exp(-(((part.x - side * middle) / wide) ** 2) * 0.9)
    along = np.exp(-(((part.y - (58.0 - 0.6 * a.depth_mm)) / (0.42 * a.depth_mm)) ** 2))
    surface = diaphragm_z(a, part.y, part.x) + height * across * along
    below = cover((surface - part.z).astype(np.float32)) * (np.sign(part.x) == side)
    _fill(thorax, window, below.astype(np.float32), MUSCLE)
    return thorax


def _scoliotic(thorax: Thorax, rng: np.random.Generator) -> Thorax:
    """The ribs and vessels follow the bent spine, most where they are close to it."""
    a = thorax.anatomy
    del rng
    straight, bent = skeleton(replace(a, scoliosis_mm=0.0)), skeleton(a)
    points = thorax.fine.zyx_mm.copy()
    vertebrae = np.zeros(len(points), bool)
    vertebrae[: len(bent.zyx_mm)] = np.abs(bent.zyx_mm - straight.zyx_mm).max(axis=1) > 1e-4
    near = np.clip((points[:, 1] + 40.0) / 100.0, 0.0, 1.0)  # the front keeps its place
    reach = np.clip(1.0 - np.abs(points[:, 2]) / (1.6 * a.half_width_mm), 0.2, 1.0)
    points[:, 2] += np.where(vertebrae, 0.0, a.spine_x(points[:, 0]) * near * reach)
    return replace(thorax, fine=PointCloud(points, thorax.fine.weight_mm2))


def _full_hila(thorax: Thorax, rng: np.random.Generator) -> Thorax:
    """The large vessels of the hila are wide, and so are the first branches."""
    grow = float(rng.uniform(2.0, 2.5))
    rods = [
        (start, end, radius * (grow if radius < 10 else 1.4)) for start, end, radius in hilum_rods(thorax.anatomy)
    ]
    _fill_rods(thorax, rods)
    branches = []
    for _, end, radius in rods:
        for _ in range(5 if radius < 13.0 else 0):
            away = np.array(
                (rng.normal(0, 22), rng.normal(0, 16), np.sign(end[2]) * rng.uniform(14, 40)), np.float32
            )
            branches.append((end, end + away, float(rng.uniform(4.0, 5.6))))
    _fill_rods(thorax, branches)
    return thorax


def _opacity(thorax: Thorax, rng: np.random.Generator) -> Thorax:
    """A patchy infiltrate of one lung, as of pneumonia."""
    side = float(rng.choice((-1.0, 1.0)))
    height = float(rng.uniform(0.15, 0.6)) * thorax.anatomy.apex_mm
    for _ in range(7):
        centre = (
            height + float(rng.normal(0, 12)),
            float(rng.normal(0, 22)),
            side * float(rng.uniform(0.45, 0.75)) * thorax.anatomy.half_width_mm,
        )
        axes = tuple(float(axis) for axis in rng.uniform(10.0, 26.0, 3))
        _thicken(thorax, centre, (axes[0], axes[1], axes[2]), float(rng.uniform(0.25, 0.5)))
    return thorax


def _thicken(
    thorax: Thorax, centre: tuple[float, float, float], axes: tuple[float, float, float], part: float
) -> None:
    grid = _grid(thorax)
    window = grid.window(centre, axes)
    soft = cover(ellipsoid(grid.within(window), centre, axes), 12.0) * np.float32(part)
    thorax.attenuation[window] += thorax.lungs[window] * soft * np.float32(MUSCLE - LUNG)


def _nodule(thorax: Thorax, rng: np.random.Generator) -> Thorax:
    """A round focus of 14 to 26 mm."""
    centre, radius = _in_lung(thorax, rng), float(rng.uniform(7.0, 13.0))
    _fill_ellipsoid(thorax, centre, (radius, radius, radius), MUSCLE)
    return thorax


def _petrification(thorax: Thorax, rng: np.random.Generator) -> Thorax:
    """A few calcified grains of 3 to 6 mm."""
    clouds = []
    for _ in range(int(rng.integers(1, 4))):
        radius = float(rng.uniform(1.5, 3.0))
        points = np.asarray(_in_lung(thorax, rng)) + rng.normal(0.0, radius / 2, (120, 3))
        weight = np.full(120, 4.19 * radius**3 * CALCIUM * 1.8 / 120, np.float32)
        clouds.append(PointCloud(points.astype(np.float32), weight))
    return _with_points(thorax, *clouds)


def _in_lung(thorax: Thorax, rng: np.random.Generator) -> tuple[float, float, float]:
    """A place in a lung, away from its edges."""
    a = thorax.anatomy
    side = float(rng.choice((-1.0, 1.0)))
    out = float(rng.uniform(0.5, 0.75)) * a.half_width_mm
    return float(rng.uniform(0.2, 0.65)) * a.apex_mm, float(rng.uniform(-25.0, 35.0)), side * out


_CHANGES: dict[str, Change] = {
    "enlarged_heart_shadow": _heart_shadow,
    "unfolded_aorta": _unfolded,
    "dense_aorta": _dense,
    "aortic_atherosclerosis": _flecks,
    "aortic_arch_sclerosis": _rim,
    "diaphragm_relaxation": _relaxed,
    "scoliosis": _scoliotic,
    "vascular_hila": _full_hila,
    "pneumonia": _opacity,
    "nodule": _nodule,
    "petrifications": _petrification,
}
