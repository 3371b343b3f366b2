"""Adrenal lesions of three phenotypes: what they look like, their masks, and how they are painted."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from data.phantoms.abdomen import FAT, Canvas, Window
from data.phantoms.adrenals import Shape
from data.phantoms.anatomy import Floats
from data.phantoms.shapes import Grid, cover

PHENOTYPES = ("malignant", "benign", "indeterminate")


@dataclass(frozen=True, slots=True)
class Texture:
    """What the inside of a lesion looks like.

    Parameters
    ----------
    hu:
        Means in the mask: unenhanced, portal venous, delayed.
    grain_hu:
        Standard deviation of its coarse variation, unenhanced; more in the enhanced series.
    grain_mm:
        How coarse.
    necrosis:
        Share of the inside that does not enhance.
    specks:
        Calcified spots.
    capsule:
        Whether a plane of fat parts it from what it touches.
    """

    hu: tuple[float, float, float]
    grain_hu: float
    grain_mm: float
    necrosis: float
    specks: int
    capsule: bool


@dataclass(frozen=True, slots=True)
class Draft:
    """A lesion without a place. ``shape`` has the right form and any scale."""

    phenotype: str
    long_mm: float
    shape: Shape
    texture: Texture


def draft(phenotype: str, rng: np.random.Generator) -> Draft:
    """A random lesion of a phenotype.

    Phenotypes overlap in size and in mean HU, and are told by how even the inside and how smooth the outline is:
    what tells them has to be seen, and is no plain brightness.
    """
    hu = float(rng.uniform(0.0, 40.0))
    if phenotype == "benign":
        long_mm, flat, bulges = _log(rng, 17.0, 50.0), 0.85, _bulges(rng, 2, 0.03, 3.0)
        hu, washout = hu - 5.0, float(rng.uniform(62.0, 88.0))
        grain, necrosis, specks = float(rng.uniform(0.5, 2.0)), 0.0, int(rng.random() < 0.05)
    elif phenotype == "malignant":
        long_mm, flat = _log(rng, 22.0, 72.0), 0.7
        bulges = _bulges(rng, 9, 0.30, 11.0) + _bulges(rng, 16, 0.10, 40.0)
        hu, washout = hu + 5.0, float(rng.uniform(8.0, 42.0))
        grain, necrosis = float(rng.uniform(27.0, 34.0)), float(rng.uniform(0.15, 0.38))
        specks = int(rng.integers(1, 5)) if rng.random() < 0.3 else 0
    else:
        long_mm, flat, bulges = _log(rng, 19.0, 58.0), 0.75, _bulges(rng, 5, 0.12, 5.0)
        washout = float(rng.uniform(40.0, 65.0))
        grain, necrosis, specks = float(rng.uniform(13.0, 16.0)), 0.0, int(rng.random() < 0.08)
    portal = hu + float(rng.uniform(40.0, 75.0))
    delayed = portal - washout / 100.0 * (portal - hu)
    axes = (float(rng.uniform(flat, 1.05)), 1.0, float(rng.uniform(flat, 1.0)))
    shape = Shape((0.0, 0.0, 0.0), axes, float(rng.uniform(0.0, np.pi)), bulges)
    capsule = bool(rng.random() < (0.5 if phenotype == "malignant" else 0.8))
    coarse = float(rng.uniform(3.0, 4.5)) * (long_mm / 30.0) ** 0.4
    texture = Texture((hu, portal, delayed), grain, coarse, necrosis, specks, capsule)
    return Draft(phenotype, long_mm, shape, texture)


def _log(rng: np.random.Generator, low: float, high: float) -> float:
    return float(np.exp(rng.uniform(np.log(low), np.log(high))))


def _bulges(
    rng: np.random.Generator, count: int, height: float, sharp: float
) -> tuple[tuple[float, float, float, float, float], ...]:
    """Bulges, and dents half as deep, in random directions."""
    made = []
    for _ in range(count):
        z, y, x = rng.normal(0.0, 1.0, 3)
        length = float(np.sqrt(z * z + y * y + x * x)) + 1e-9
        rise = float(height * rng.uniform(0.5, 1.2) * (1.0 if rng.random() < 0.6 else -0.6))
        made.append((float(z / length), float(y / length), float(x / length), rise, sharp))
    return tuple(made)


def lesion_window(canvas_grid: Grid, shape: Shape, slack_mm: float) -> Window:
    """The voxels about a shape."""
    reach = shape.reach_mm + slack_mm
    return canvas_grid.window(shape.centre, (reach + 3.0, reach, reach))


def lesion_mask(grid: Grid, shape: Shape) -> tuple[Window, Floats]:
    """The window about a lesion, and the signed distance in it; the mask is where it is positive."""
    window = lesion_window(grid, shape, 6.0)
    return window, shape.distance(grid.within(window))


def paint_lesion(canvas: Canvas, shape: Shape, texture: Texture, rng: np.random.Generator) -> None:
    """Paint a lesion. Before noise, the mean in its mask is ``texture.hu`` in each series.

    Voxels of the mask are lesion throughout; what is mixed lies just outside of it.
    """
    window, distance = lesion_mask(canvas.grid, shape)
    if texture.capsule:
        canvas.paint(distance + np.float32(1.6), FAT, window)
    mask = distance > 0
    edge = canvas.edge_mm * 0.6
    part = cover(distance + np.float32(edge / 2), edge)
    grain, dead, chalk = _inside(canvas, distance, texture, rng)
    for phase, (view, mean) in enumerate(zip(canvas.hu[(slice(None), *window)], texture.hu, strict=False)):
        rise = mean - texture.hu[0]
        field = texture.grain_hu * (1.0, 1.8, 1.4)[phase] * grain
        field = field - dead * (16.0 + 0.85 * rise)
        field = np.where(chalk, field + 230.0, field)
        field = field - field[mask].mean() + mean
        view[...] += part * (field.astype(np.float32) - view)


def _inside(
    canvas: Canvas, distance: Floats, texture: Texture, rng: np.random.Generator
) -> tuple[Floats, Floats, Floats]:
    """Coarse variation of standard deviation 1, how dead (0 to 1) and whether calcified, by voxel."""
    from scipy.ndimage import gaussian_filter  # noqa: PLC0415 - slow to load

    steps = np.array((canvas.abdomen.slice_mm, canvas.edge_mm, canvas.edge_mm))
    mask = distance > 0
    fields = []
    for size_mm in (texture.grain_mm, 1.7 * texture.grain_mm):
        field = gaussian_filter(rng.standard_normal(distance.shape, np.float32), size_mm / steps, mode="wrap")
        inside = field[mask]
        fields.append((field - inside.mean()) / max(float(inside.std()), 1e-6))
    grain, deep = fields
    dead = np.zeros_like(grain)
    if texture.necrosis > 0:
        core = deep + 1.1 * distance / max(float(distance.max()), 1e-6)
        level = float(np.quantile(core[mask], 1.0 - texture.necrosis))
        dead = np.clip((core - level) * 2.5 + 0.5, 0.0, 1.0) * np.clip(distance / 3.0, 0.0, 1.0)
    chalk = np.zeros(distance.shape, bool)
    places = np.argwhere(distance > 2.0)
    for index in rng.integers(0, len(places), texture.specks) if len(places) else ():
        offset = (np.indices(distance.shape).T - places[index]) * steps
        away = np.sqrt((offset**2).sum(axis=-1).T)
        chalk |= (away < float(rng.uniform(2.0, 3.6))) & mask
    return grain, dead, chalk
