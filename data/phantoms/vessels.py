"""The vessels of the lungs as weighted points: trees that grow from the hila to points spread over the lungs."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from data.phantoms.anatomy import Anatomy, Floats, hilum_y
from data.phantoms.points import PointCloud, joined

LEAVES = 420
"""Points that each tree grows to."""
FINEST_MM = 0.8
"""Radius of the last branches."""


def lung_vessels(
    anatomy: Anatomy,
    lungs: Floats,
    origin_mm: tuple[float, float, float],
    voxel_mm: float,
    excess: float,
    rng: np.random.Generator,
) -> PointCloud:
    """Arteries and veins of both lungs.

    Parameters
    ----------
    lungs:
        (slices, rows, columns) part of each voxel that is lung.
    excess:
        Attenuation of blood beyond that of lung, 1/mm.
    """
    flat = np.flatnonzero(lungs > 0.9)
    picked = flat[rng.integers(0, len(flat), 6 * LEAVES)]
    index = np.stack(np.unravel_index(picked, lungs.shape), axis=1) + rng.uniform(-0.5, 0.5, (len(picked), 3))
    places = (index * voxel_mm + np.asarray(origin_mm)).astype(np.float32)
    y = hilum_y(anatomy)
    clouds = []
    for side in (-1, 1):
        own = places[np.sign(places[:, 2]) == side]
        for number, height in enumerate((0.47, 0.38)):
            hilum = np.array((height * anatomy.apex_mm + 4.0 * side, y, side * (36.0 + 3.0 * side)), np.float32)
            clouds.append(_tree(hilum, own[number * LEAVES : (number + 1) * LEAVES], excess, rng))
    return joined(clouds)


def _grow(root: Floats, leaves: Floats) -> tuple[Floats, NDArray[np.int64]]:
    """Join each leaf, from the nearest to the farthest, to the node that is near to it and near to the root.

    The trade-off between short joints and short ways is that of Cuntz et al., PLoS Comput Biol 6 (2010) e1000877.
    """
    leaves = leaves[np.argsort(np.linalg.norm(leaves - root, axis=1))]
    nodes = np.concatenate([root[None], leaves])
    parent = np.zeros(len(nodes), np.int64)
    way = np.zeros(len(nodes), np.float32)
    for k in range(1, len(nodes)):
        step = nodes[:k] - nodes[k]
        length = np.sqrt(np.einsum("ij,ij->i", step, step))
        best = int(np.argmin(length + 0.6 * way[:k]))
        parent[k], way[k] = best, way[best] + length[best]
    return nodes, parent


def _tree(root: Floats, leaves: Floats, excess: float, rng: np.random.Generator) -> PointCloud:
    """A tree whose radii follow Murray's law: the cube of a branch is the sum of the cubes behind it."""
    nodes, parent = _grow(root, leaves)
    load = np.ones(len(nodes))
    for k in range(len(nodes) - 1, 0, -1):
        load[parent[k]] += load[k]
    radius = (FINEST_MM * np.cbrt(load)).astype(np.float32)[1:]
    start, end = nodes[parent[1:]], nodes[1:]
    length = np.linalg.norm(end - start, axis=1)
    count = np.maximum(1, np.ceil(length / 0.9 * np.maximum(1.0, (radius / 0.9) ** 1.5))).astype(np.int64)
    branch = np.repeat(np.arange(len(count)), count)
    along = (
        (np.arange(len(branch)) - np.repeat(np.cumsum(count) - count, count)) + rng.random(len(branch))
    ) / count[branch]
    along = along[:, None].astype(np.float32)
    bow = rng.normal(0.0, 0.05, (len(count), 3)).astype(np.float32) * length[:, None]
    spread = rng.normal(0.0, 0.5, (len(branch), 3)).astype(np.float32) * radius[branch, None]
    points = start[branch] * (1 - along) + end[branch] * along + spread + bow[branch] * (4 * along * (1 - along))
    weight = excess * np.pi * radius**2 * length / count
    return PointCloud(points.astype(np.float32), weight[branch].astype(np.float32))
