"""The axial stack of a phantom lumbar spine, the slice of each level, and how its dural sac is pressed there."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from data.phantoms.lumbar import FIRST, HALF_AP_MM, LEVELS, LOSS, Disc, Floats, Grades, Spine
from data.phantoms.lumbar_canal import Canal, Points
from data.phantoms.lumbar_scene import nearest_disc

Kept = TypeVar("Kept", bound=np.generic)

SIZE_PX = 160
MOST_SQUEEZE = 2.2


@dataclass(frozen=True, slots=True)
class Stack:
    """Where the slices of a series lie.

    Parameters
    ----------
    shape:
        (slices, rows, columns).
    affine:
        4 x 4: (slice, row, column, 1) to LPS mm. x changes along one axis alone, y and z along the other two.
    across:
        The axis along which x changes.
    """

    shape: tuple[int, int, int]
    affine: NDArray[np.float64]
    across: int

    @property
    def pixel_mm2(self) -> float:
        """Area of one pixel."""
        return float(np.linalg.norm(self.affine[:3, 1]) * np.linalg.norm(self.affine[:3, 2]))

    def grid(self, number: int | None = None) -> tuple[Floats, Floats]:
        """Places as :func:`data.phantoms.lumbar_scene.render` takes them: (N, 2) of y and z, and (M,) of x.

        Parameters
        ----------
        number:
            One slice alone, where x changes within the slices.
        """
        first, second = (axis for axis in range(3) if axis != self.across)
        one = np.arange(self.shape[first]) if number is None else np.array([number])
        pairs = np.stack(np.meshgrid(one, np.arange(self.shape[second]), indexing="ij"), -1).reshape(-1, 2)
        yz = pairs @ self.affine[1:3, (first, second)].T + self.affine[1:3, 3]
        x = self.affine[0, 3] + np.arange(self.shape[self.across]) * self.affine[0, self.across]
        return yz, x

    def stacked(self, picture: NDArray[Kept]) -> NDArray[Kept]:
        """A picture (N, M) as (slices, rows, columns)."""
        first, second = (self.shape[axis] for axis in range(3) if axis != self.across)
        return np.moveaxis(picture.reshape(first, second, -1), 2, self.across)


def axial_stack(spine: Spine, rng: np.random.Generator) -> Stack:
    """Parallel slices from S1 to L1, to the head, tilted half-way between the discs; columns run to the left.

    The stack is shifted so that no disc's middle lies half-way between two slices.
    """
    leaning = [float(np.interp(disc.s_mm, spine.curve.s, spine.curve.angle)) for disc in _levels(spine)]
    angle = 0.5 * (max(leaning) + min(leaning))
    back = np.array([0.0, np.cos(angle), np.sin(angle)])
    head = np.array([0.0, -np.sin(angle), np.cos(angle)])
    spacing, pixel = float(rng.uniform(4.4, 5.0)), float(rng.uniform(0.92, 1.12))
    middles = np.array([disc_middle(spine, index) for index in range(len(LEVELS))])
    heights = middles @ head
    count = int(np.ceil((heights.max() - heights.min() + 20.0) / spacing))
    lowest = heights.min() - 8.0
    shifts = np.arange(0.0, spacing, 0.1)
    parts = ((heights[None, :] - lowest - shifts[:, None]) / spacing) % 1.0
    lowest += float(shifts[np.argmax(np.abs(parts - 0.5).min(axis=1))])
    ahead = float(np.mean(middles @ back)) + 18.0 + float(np.clip(rng.normal(0.0, 8.0), -16.0, 16.0))
    across = float(np.clip(rng.normal(0.0, 7.0), -15.0, 15.0))
    affine = np.eye(4)
    affine[:3, 0], affine[:3, 1], affine[:3, 2] = spacing * head, pixel * back, (pixel, 0.0, 0.0)
    corner = lowest * head + (ahead - pixel * (SIZE_PX - 1) / 2.0) * back
    affine[:3, 3] = corner + np.array([across - pixel * (SIZE_PX - 1) / 2.0, 0.0, 0.0])
    return Stack((count, SIZE_PX, SIZE_PX), affine, across=2)


def _levels(spine: Spine) -> tuple[Disc, ...]:
    return spine.discs[FIRST : FIRST + len(LEVELS)]


def disc_middle(spine: Spine, index: int) -> tuple[float, float, float]:
    """The middle of a level's disc in LPS mm."""
    disc = spine.discs[FIRST + index]
    y, z = spine.curve.place(disc.s_mm, -HALF_AP_MM[FIRST + index] * spine.size)
    return float(spine.middle(np.array([disc.s_mm]))[0]), y, z


def level_slice(spine: Spine, stack: Stack, index: int) -> int:
    """The slice that is nearest to the middle of a level's disc."""
    place = np.linalg.inv(stack.affine) @ (*disc_middle(spine, index), 1.0)
    return round(float(place[0]))


def pressed(
    spine: Spine, stack: Stack, grades: tuple[Grades, ...], rng: np.random.Generator
) -> tuple[Spine, tuple[float, ...]]:
    """The spine with its sac pressed at each level as the central grade says; and the unpressed areas in mm2.

    The share of the area that is lost is drawn within the limits of the grade, and measured on the level's slice
    (Lurie: mild up to a third, moderate up to two thirds, severe beyond; none where nothing is lost).
    """
    discs, normal = list(spine.discs), []
    for index in range(len(LEVELS)):
        disc, points = _at_level(spine, stack, index)
        free = _sac_px(spine, disc, points)
        target = float(rng.uniform(*LOSS[grades[index].central])) * free
        low, high = 0.0, MOST_SQUEEZE if target > 0 else 0.0
        for _ in range(12 if target > 0 else 0):
            half = 0.5 * (low + high)
            lost = free - _sac_px(spine, replace(disc, squeeze=half), points)
            low, high = (half, high) if lost < target else (low, half)
        discs[FIRST + index] = replace(disc, squeeze=high)
        normal.append(free * stack.pixel_mm2)
    return replace(spine, discs=tuple(discs)), tuple(normal)


def _at_level(spine: Spine, stack: Stack, index: int) -> tuple[Disc, Points]:
    """A level's disc, narrowed where its slice crosses the canal, and that slice's places around the canal."""
    disc = spine.discs[FIRST + index]
    yz, x = stack.grid(level_slice(spine, stack, index))
    s, v = (part.astype(np.float32) for part in spine.curve.frame(yz[:, 0], yz[:, 1]))
    rows = np.flatnonzero((v > -6.0) & (v < 26.0) & (nearest_disc(spine, s) == FIRST + index))
    s, v = s[rows, None], v[rows, None]
    w = s - np.float32(disc.s_mm)
    columns = np.flatnonzero(np.abs(x) < 30.0)
    u = x[None, columns].astype(np.float32) - spine.middle(s)
    crossing = float(w[np.argmin(np.abs(v - 8.0)), 0])
    return replace(disc, centre_w_mm=0.65 * crossing), Points(u, v, w, s)


def _sac_px(spine: Spine, disc: Disc, points: Points) -> int:
    return int(np.count_nonzero(Canal(spine, disc, points).sac > 0))
