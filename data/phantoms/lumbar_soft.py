"""Soft tissue around a phantom lumbar spine: muscles, vessels, kidneys, fat, bowel, skin; and the grain of all."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from data.phantoms.lumbar import FIRST, Floats, Spine
from data.phantoms.lumbar_canal import Points

EDGE_MM = 1.6
LABELS = ("muscle", "artery", "vein", "kidney")


@dataclass(frozen=True, slots=True)
class Grain:
    """A random texture that fills space: a sum of plane waves, so that every series cuts through the same one.

    Parameters
    ----------
    waves:
        By scale (K, 4): wave vector (x, y, z) in rad / mm, and phase.
    """

    waves: tuple[Floats, ...]

    @classmethod
    def drawn(cls, rng: np.random.Generator) -> Grain:
        """Three scales: of bowel, of muscle bundles, and of marrow."""
        scales = []
        for shortest, longest in ((22.0, 50.0), (6.0, 16.0), (3.0, 7.0)):
            toward = rng.normal(size=(22, 3))
            toward /= np.linalg.norm(toward, axis=1, keepdims=True)
            lengths = rng.uniform(shortest, longest, 22)
            scales.append(
                np.column_stack([toward * (2 * np.pi / lengths)[:, None], rng.uniform(0, 2 * np.pi, 22)])
            )
        return cls(tuple(scales))

    def scale(self, number: int, yz: Floats, x: Floats) -> Floats:
        """Texture (N, M) of one scale: mean 0, standard deviation 1."""
        waves = self.waves[number]
        plane = yz @ waves[:, 1:3].T + waves[:, 3]
        line = x[:, None] * waves[:, 0]
        left = np.concatenate([np.cos(plane), np.sin(plane)], axis=1).astype(np.float32)
        right = np.concatenate([np.cos(line), -np.sin(line)], axis=1).astype(np.float32)
        return np.asarray(left @ right.T * np.float32(np.sqrt(2.0 / len(waves))), np.float32)

    def at(self, yz: Floats, x: Floats) -> tuple[Floats, Floats]:
        """The two coarser textures."""
        return self.scale(0, yz, x), self.scale(1, yz, x)

    def fine(self, yz: Floats, x: Floats) -> Floats:
        """The finest texture."""
        return self.scale(2, yz, x)


class SoftTissue:
    """The picture (N, M) before the spine is painted.

    Parameters
    ----------
    points:
        Of the whole picture; ``w`` is not read.
    yz:
        (N, 2) in LPS mm.
    grain:
        The coarse textures.
    fat, muscle:
        Their brightness.
    """

    def __init__(
        self, points: Points, yz: Floats, grain: tuple[Floats, Floats], fat: float, muscle: float
    ) -> None:
        self.points, self.fat, self.muscle = points, fat, muscle
        self.y, self.z = yz[:, :1].astype(np.float32), yz[:, 1:].astype(np.float32)
        self.coarse, self.bundles = grain
        self.value = (fat * 0.95 * (1.0 + 0.05 * self.bundles)).astype(np.float32)
        self.masks = {label: np.zeros(points.u.shape, bool) for label in LABELS}

    def put(
        self, label: str, at: tuple[Floats, Floats], half: tuple[Floats, Floats], bright: float | Floats
    ) -> None:
        """Fill an oval that changes along the column; ``at`` and ``half`` are (u, v), each (N, 1)."""
        wide, deep = (np.maximum(radius, np.float32(0.01)) for radius in half)
        du, dv = (self.points.u - at[0]) / wide, (self.points.v - at[1]) / deep
        thin = np.minimum(wide, deep)
        inside = (1.0 - np.sqrt(du * du + dv * dv)) * thin - 2.0 * (thin < 1.2)
        part = np.clip(inside * np.float32(1.0 / EDGE_MM) + np.float32(0.5), 0.0, 1.0)
        self.value += part * (bright - self.value)
        if label in self.masks:
            self.masks[label] |= inside > 0

    def paint(self, spine: Spine, rng: np.random.Generator) -> tuple[Floats, dict[str, NDArray[np.bool_]]]:
        """Brightness, and the masks of muscle, artery, vein and kidney."""
        u, v, s = self.points.u, self.points.v, self.points.s
        down = np.clip((s - spine.discs[FIRST].s_mm) / 150.0, -0.1, 1.2).astype(np.float32)
        bowel = np.clip((-v - 60.0) / 5.0 + 0.4 * self.coarse, 0.0, 1.0)
        loops = self.fat * (0.55 + 0.28 * np.tanh(2.0 * self.coarse) + 0.12 * self.bundles)
        self.value += bowel * (loops - self.value)
        self._muscles(spine, down, rng)
        self._kidneys(spine, s, rng)
        self._vessels(spine, s)
        skin = np.float32(spine.back_mm) - 0.0016 * u * u - 3.0 * np.exp(-((u / 14.0) ** 2))
        skin += 4.0 - 8.0 * np.exp(-(((self.z + 15.0) / 70.0) ** 2))
        thick = float(rng.uniform(6.0, 18.0)) * np.clip(0.7 + 0.7 * down, 0.5, 1.5)
        under = skin - 0.004 * u * u - thick - self.y
        cover = np.clip(0.5 - under, 0.0, 1.0)
        self.value += cover * (self.fat * (1.05 + 0.05 * self.bundles) - self.value)
        self.masks["muscle"] &= under > 0
        self.value *= np.clip((skin - self.y) / 1.5, 0.0, 1.0)
        return self.value.astype(np.float32), self.masks

    def _muscles(self, spine: Spine, down: Floats, rng: np.random.Generator) -> None:
        one = np.ones_like(down)
        strength = float(np.clip(1.08 - (spine.age_y - 40) * 0.004, 0.86, 1.12))
        marbling = float(np.clip(0.004 * (spine.age_y - 30) + rng.normal(0.08, 0.05), 0.02, 0.4))
        streaks = np.clip(self.bundles + 0.5 * self.coarse - 1.5 + 2.2 * marbling, 0.0, 1.0)
        fibres = self.muscle * (1.0 + 0.1 * self.bundles) + 0.45 * self.fat * streaks
        lean = self.muscle * (1.0 + 0.1 * self.bundles)
        for side in (-1.0, 1.0):
            grown = float(rng.uniform(0.94, 1.06)) * strength
            self.put(
                "muscle",
                (side * (33 + 11 * down), -14 - 6 * down),
                (8 + 14 * down, (10 + 13 * down) * grown),
                lean,
            )
            self.put("muscle", (side * 62 * one, 6 * one), (17 * grown * one, 9 * one), lean)
            self.put("muscle", (side * 36 * one, 36 + 2 * down), (27 * grown * one, 22 - 4 * down), fibres)
            at, half = (side * 14 * one, 33 + down), ((11 + 5 * down) * grown, 19 + down)
            self.put("", at, (half[0] + 1.3, half[1] + 1.3), self.fat * 0.75)
            self.put("muscle", at, half, fibres)

    def _kidneys(self, spine: Spine, s: Floats, rng: np.random.Generator) -> None:
        for side in (-1.0, 1.0):
            middle = spine.discs[FIRST].s_mm - float(rng.uniform(0.0, 20.0)) + (8.0 if side < 0 else 0.0)
            size = np.sqrt(np.clip(1.0 - ((s - middle) / 56.0) ** 2, 0.0, 1.0)).astype(np.float32)
            place = float(rng.uniform(62, 70)) * np.ones_like(size)
            self.put("kidney", (side * place, -18 - 0 * size), (22 * size, 28 * size), 0.66)
            self.put("", (side * (place - 6), -22 - 0 * size), (9 * size, 12 * size), self.fat)

    def _vessels(self, spine: Spine, s: Floats) -> None:
        """Aorta left and vena cava right of the middle; both part in front of L4."""
        parting = spine.discs[FIRST + 3].s_mm - 16.0
        below = np.clip((s - parting) / 60.0, 0.0, 1.5).astype(np.float32)
        single = (1.0 / (1.0 + np.exp(np.clip((s - parting) / 2.5, -30, 30)))).astype(np.float32)
        pair = 5.5 * np.sqrt(1.0 - single)
        front = -35.0 * spine.size - 11.0 + 0.0 * s
        self.put("artery", (9.0 + 0.0 * s, front), (8.5 * single, 8.5 * single), 0.06)
        self.put("vein", (-15.0 + 0.0 * s, front + 2), (10.5 * single, 8.0 * single), 0.11)
        for side in (-1.0, 1.0):
            self.put("artery", (side * (4.0 + 34.0 * below) + 2.0, front + 4 * below), (pair, pair), 0.06)
            self.put("vein", (side * (6.0 + 29.0 * below) - 4.0, front + 8 + 12 * below), (pair * 1.2, pair), 0.11)
