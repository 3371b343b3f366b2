"""The canal of a phantom lumbar spine and what lies in it, as signed distances in mm, positive inside.

Sac, canal, recess and foramen are cut out of one another here; masks, areas and picture all come from these.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from data.phantoms.lumbar import (
    CANAL_AP_MM,
    CANAL_HALF_MM,
    HALF_AP_MM,
    HALF_WIDTH_MM,
    SAC_HALF_AP_MM,
    SAC_HALF_WIDTH_MM,
    Disc,
    Floats,
    Spine,
)

POWER = 2.6
"""Of the superellipse that a vertebral body is from above."""
NARROW_MM = 9.0
"""Half-length of a narrowing along the canal."""
FLAVUM_MM = 2.4
RECESS_FROM_MM = 6.5
"""Distance from the middle at which the lateral recess begins."""
OPEN_RECESS_MM = 6.0
OPEN_FORAMEN_MM = 8.6


@dataclass(frozen=True, slots=True)
class Points:
    """Places of a part of the picture around one disc.

    Parameters
    ----------
    u:
        (N, M): to the left of the middle.
    v, w, s:
        (N, 1): behind the posterior wall, below the disc's middle, along the column.
    """

    u: Floats
    v: Floats
    w: Floats
    s: Floats

    @property
    def across(self) -> Floats:
        """Distance from the middle."""
        return np.abs(self.u)


def smallest(*distances: Floats) -> Floats:
    """Signed distance inside all of several shapes."""
    total = distances[0]
    for distance in distances[1:]:
        total = np.minimum(total, distance)
    return total


class Canal:
    """The canal around one disc, at some places; every distance is (N, M), or broadcasts to it."""

    def __init__(self, spine: Spine, disc: Disc, points: Points) -> None:
        self.points, self.disc = points, disc
        across, v, w = points.across, points.v, points.w
        self.half_ap = spine.along(HALF_AP_MM, points.s, spine.size)
        self.half_width = spine.along(HALF_WIDTH_MM, points.s, spine.size)
        self.share = np.exp(-(((w - disc.centre_w_mm) / NARROW_MM) ** 4)).astype(np.float32)
        """How much of the narrowing is felt at this height, 0 to 1."""
        part = np.minimum(across / self.half_width, 1.0) ** POWER
        self.edge = self.half_ap * ((1.0 - part) ** (1.0 / POWER) - 1.0)
        """v of the posterior edge of body and disc."""
        self.depth = spine.along(CANAL_AP_MM, points.s, spine.canal)
        self.half = spine.along(CANAL_HALF_MM, points.s, spine.canal)
        slope = 0.55 * self.depth / (self.half - 1.5)
        roof = self.depth - slope * (across - 1.5)
        self.wall = ((roof - v) / np.sqrt(1.0 + slope**2)).astype(np.float32)
        """Distance from the wall of laminae and facets."""
        self.canal = smallest(v - self.edge, self.wall, self.half - across)
        self.flavum_mm = 0.7 + self.share * (
            FLAVUM_MM - 0.7 + 8.0 * disc.squeeze * (1.0 - disc.front) * np.minimum(0.6 + across / 12.0, 1.0)
        )
        self.sac = self._sac(spine)

    def _sac(self, spine: Spine) -> Floats:
        disc, u, v = self.disc, self.points.u, self.points.v
        deep = spine.along(SAC_HALF_AP_MM, self.points.s, spine.sac)
        wide = spine.along(SAC_HALF_WIDTH_MM, self.points.s, spine.sac)
        wide = wide * (1.0 - 0.42 * min(disc.squeeze, 1.2) * self.share)
        bulge = 9.0 * disc.front * np.exp(-((u / 11.0) ** 2))
        focal = disc.hernia * np.exp(-(((u - disc.hernia_u_mm) / 4.2) ** 2))
        self.front = self.edge + (disc.squeeze * self.share) * bulge
        """v of the posterior face of disc and bulge; a herniation lies behind it."""
        self.crest = self.front + (disc.squeeze * self.share) * focal
        self.middle_v, self.deep, self.wide = 1.3 + deep, deep, wide
        radius = np.sqrt((u / wide) ** 2 + ((v - self.middle_v) / deep) ** 2)
        round_sac = (1.0 - radius) * np.minimum(deep, wide)
        free = smallest(v - self.crest - 0.6, self.wall - self.flavum_mm - 0.3, self.canal - 0.4)
        return np.asarray(np.minimum(round_sac, free), np.float32)

    def normed(self) -> tuple[Floats, Floats]:
        """Places in the pressed sac as parts of its half-width and half-depth, by its walls in the middle."""
        disc = self.disc
        pressed = disc.squeeze * self.share
        front = np.maximum(self.middle_v - self.deep, pressed * (9.0 * disc.front + 0.6 * disc.hernia) + 0.6)
        back = np.minimum(self.middle_v + self.deep, self.depth - self.share * 1.6 * (FLAVUM_MM + pressed * 3.0))
        half = np.maximum(0.5 * (back - front), 1.2)
        return self.points.u / self.wide, (self.points.v - 0.5 * (front + back)) / half

    def by_side(self, pair: tuple[float, float]) -> Floats:
        """A measure that differs by side, (left, right), at every place."""
        return np.where(self.points.u > 0, np.float32(pair[0]), np.float32(pair[1]))

    def recess(self) -> tuple[Floats, Floats, Floats]:
        """The lateral recess: distance inside it, v of its floor, and its depth."""
        target = self.by_side(self.disc.recess_mm)
        floor = self.edge + 0.45 * np.maximum(OPEN_RECESS_MM - target, 0.0) * self.share
        deep = OPEN_RECESS_MM + (target - OPEN_RECESS_MM) * self.share
        across, v = self.points.across, self.points.v
        inside = smallest(
            self.canal, across - RECESS_FROM_MM, v - floor, floor + deep - v, self.wall - self.flavum_mm, -self.sac
        )
        return np.asarray(inside, np.float32), floor, deep

    def foramen(self) -> tuple[Floats, Floats, Floats]:
        """The foraminal window: distance inside it, v of its floor, and its depth."""
        target = self.by_side(self.disc.foramen_mm)
        floor = self.edge + 0.45 * np.maximum(OPEN_FORAMEN_MM - target, 0.0) * self.share
        deep = OPEN_FORAMEN_MM + (target - OPEN_FORAMEN_MM) * self.share
        across, v, w = self.points.across, self.points.v, self.points.w
        high = np.minimum(w + 16.0, 8.0 - w)
        inside = smallest(across - self.half - 0.3, self.half + 12.5 - across, v - floor, floor + deep - v, high)
        return np.asarray(inside, np.float32), floor, deep
