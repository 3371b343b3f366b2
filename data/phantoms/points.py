"""Thin parts of a body as points that each hold an excess of attenuation."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]

GOLDEN_ANGLE = 2.39996323
"""Turn between neighbouring rings, in radians, so that their points never line up to streaks."""


@dataclass(frozen=True, slots=True)
class PointCloud:
    """Weighted points.

    Parameters
    ----------
    zyx_mm:
        (N, 3) patient coordinates.
    weight_mm2:
        (N,) excess attenuation (1/mm) times the volume (mm3) that the point stands for.
    """

    zyx_mm: Floats
    weight_mm2: Floats


def joined(clouds: Iterable[PointCloud]) -> PointCloud:
    """All points of several clouds."""
    parts = tuple(clouds)
    return PointCloud(
        np.concatenate([part.zyx_mm for part in parts]), np.concatenate([part.weight_mm2 for part in parts])
    )


def resampled(path: Floats, step_mm: float) -> Floats:
    """A polyline (N, 3) with points every ``step_mm``."""
    lengths = np.linalg.norm(np.diff(path, axis=0), axis=1)
    at = np.concatenate([[0.0], np.cumsum(lengths)])
    wanted = np.arange(0.0, at[-1], step_mm)
    return np.stack([np.interp(wanted, at, path[:, k]) for k in range(3)], axis=1).astype(np.float32)


def tube(
    path: Floats,
    half_height_mm: float,
    half_thickness_mm: float,
    *,
    shell: float,
    core: float,
    step_mm: float = 1.3,
    around: int = 18,
    shell_mm: float = 1.0,
) -> PointCloud:
    """A bone with a cortical shell along a path.

    Parameters
    ----------
    path:
        (N, 3) its middle line, (z, y, x) in mm.
    half_height_mm, half_thickness_mm:
        Half-axes of the cross-section; the first one is as near to z as the path allows.
    shell, core:
        Excess attenuation of cortex and inside, 1/mm.
    """
    line = resampled(path, step_mm)
    tangent = np.gradient(line, axis=0)
    tangent /= np.linalg.norm(tangent, axis=1, keepdims=True) + 1e-6
    up = np.array((1.0, 0.0, 0.0), np.float32) - tangent * tangent[:, :1]
    steep = np.linalg.norm(up, axis=1, keepdims=True) < 0.2
    up = np.where(steep, np.array((0.0, 1.0, 0.0), np.float32) - tangent * tangent[:, 1:2], up)
    up /= np.linalg.norm(up, axis=1, keepdims=True) + 1e-6
    out = np.cross(tangent, up)
    spread = np.linspace(0.0, 2 * np.pi, around, endpoint=False, dtype=np.float32)
    angle = spread[None, :, None] + GOLDEN_ANGLE * np.arange(len(line), dtype=np.float32)[:, None, None]
    rings, weights = [], []
    perimeter = np.pi * np.sqrt(2 * (half_height_mm**2 + half_thickness_mm**2))
    area = np.pi * half_height_mm * half_thickness_mm
    for radius, every, count, weight in (
        (0.93, 1, around, shell * perimeter * shell_mm * step_mm / around),
        (0.5, 2, around // 2, 2 * core * area * step_mm / around),
    ):
        high = radius * half_height_mm * np.cos(angle[:, ::every])
        wide = radius * half_thickness_mm * np.sin(angle[:, ::every])
        rings.append((line[:, None] + high * up[:, None] + wide * out[:, None]).reshape(-1, 3))
        weights.append(np.full(len(line) * count, weight, np.float32))
    return PointCloud(np.concatenate(rings).astype(np.float32), np.concatenate(weights))


def sheet(corners: Floats, thickness_mm: float, excess: float, *, step_mm: float = 1.6) -> PointCloud:
    """A thin plate with four corners (4, 3), (z, y, x) in mm, in order around it."""
    along = max(np.linalg.norm(corners[1] - corners[0]), np.linalg.norm(corners[2] - corners[3]))
    across = max(np.linalg.norm(corners[3] - corners[0]), np.linalg.norm(corners[2] - corners[1]))
    n, m = max(2, int(along / step_mm)), max(2, int(across / step_mm))
    s = ((np.arange(n) + 0.5) / n)[:, None, None]
    t = ((np.arange(m) + 0.5) / m)[None, :, None]
    points = (1 - t) * ((1 - s) * corners[0] + s * corners[1]) + t * ((1 - s) * corners[3] + s * corners[2])
    ds = (1 - t) * (corners[1] - corners[0]) + t * (corners[2] - corners[3])
    dt = (1 - s) * (corners[3] - corners[0]) + s * (corners[2] - corners[1])
    area = np.linalg.norm(np.cross(np.broadcast_to(ds, points.shape), np.broadcast_to(dt, points.shape)), axis=2)
    weight = area * (thickness_mm * excess / (n * m))
    return PointCloud(points.reshape(-1, 3).astype(np.float32), weight.ravel().astype(np.float32))
