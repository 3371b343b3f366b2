"""How far two masks agree: Dice, surface Dice, the 95th percentile of the Hausdorff distance, volume or area.

Two empty masks agree wholly: Dice and surface Dice are 1, distance and difference 0. Where one alone is empty,
both are 0, and there is no distance. Nothing is given in mm, mm2 or ml without a spacing.

References
----------
Dice: Measures of the amount of ecologic association between species, Ecology 26 (1945), 297 - 302.
Nikolov et al.: Clinically applicable segmentation of head and neck anatomy for radiotherapy, J. Med. Internet Res.
23 (2021), e26151 (surface Dice at a tolerance).
Huttenlocher, Klanderman, Rucklidge: Comparing images using the Hausdorff distance, IEEE Trans. Pattern Anal. Mach.
Intell. 15 (1993), 850 - 863 (percentiles in the place of the maximum).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from active_learning.surfaces import FloatArray, Surface, surface
from data.errors import RatingsError

TOLERANCE_MM = 2.0
"""Distance up to which two surfaces are alike, unless a task names another."""
FAR = 0.95
"""Share of each surface that lies no farther from the other than HD95."""
SLACK_MM = 1e-6
"""By which a distance may pass the tolerance: coordinates in mm are not exact."""


@dataclass(frozen=True, eq=False)
class Region:
    """A mask, cropped to what is marked, and its place in the image.

    Parameters
    ----------
    mask:
        The smallest box that holds all that is marked; without a pixel where nothing is.
    origin:
        Where the box begins in the image.
    shape:
        Of the whole image, (rows, columns) or (slices, rows, columns).
    spacing_mm:
        Between pixels along each axis; None where it is not known.
    """

    mask: NDArray[np.bool_]
    origin: tuple[int, ...]
    shape: tuple[int, ...]
    spacing_mm: tuple[float, ...] | None = None

    @classmethod
    def of(
        cls,
        mask: NDArray[np.bool_],
        spacing_mm: tuple[float, ...] | None = None,
        *,
        origin: tuple[int, ...] | None = None,
        shape: tuple[int, ...] | None = None,
    ) -> Region:
        """The region of a mask in two dimensions or three.

        Parameters
        ----------
        origin, shape:
            Where a mask that is but a part of an image begins in it, and the image's shape.

        Raises
        ------
        RatingsError
            The mask has another number of axes, or the spacing is not one positive number an axis.
        """
        fits = spacing_mm is None or (len(spacing_mm) == mask.ndim and min(spacing_mm) > 0)
        if mask.ndim not in (2, 3) or not fits:
            raise RatingsError(
                "That mask cannot be measured.",
                given=f"{mask.shape} with a spacing of {spacing_mm} mm",
                expected="two axes or three, and a spacing above 0 for each, or none",
                do="correct the study's geometry, or leave it out",
            )
        start = origin or (0,) * mask.ndim
        box = box_of(mask)
        placed = tuple(first + part.start for first, part in zip(start, box, strict=True))
        return cls(np.ascontiguousarray(mask[box]), placed, shape or mask.shape, spacing_mm)

    @cached_property
    def pixels(self) -> int:
        """How many are marked."""
        return int(np.count_nonzero(self.mask))

    @property
    def size(self) -> float | None:
        """The volume in ml, or the area in mm2; None without a spacing."""
        if self.spacing_mm is None:
            return None
        return self.pixels * float(np.prod(self.spacing_mm)) / (1000 if self.mask.ndim == 3 else 1)

    @cached_property
    def surface(self) -> Surface | None:
        """The surface; None without a spacing."""
        return None if self.spacing_mm is None else surface(self.mask, self.spacing_mm, self.origin)

    @property
    def box(self) -> tuple[slice, ...]:
        """Where it lies in the image."""
        return tuple(slice(o, o + n) for o, n in zip(self.origin, self.mask.shape, strict=True))

    def within(self, box: Sequence[slice]) -> NDArray[np.bool_]:
        """The mask in a box of the image."""
        found = np.zeros([part.stop - part.start for part in box], dtype=bool)
        shared = [
            (max(own.start, part.start), min(own.stop, part.stop)) for own, part in zip(self.box, box, strict=True)
        ]
        if all(low < high for low, high in shared):
            there = tuple(slice(low - p.start, high - p.start) for (low, high), p in zip(shared, box, strict=True))
            here = tuple(slice(low - o, high - o) for (low, high), o in zip(shared, self.origin, strict=True))
            found[there] = self.mask[here]
        return found


@dataclass(frozen=True, slots=True)
class MaskAgreement:
    """The figures of two masks.

    Parameters
    ----------
    dice:
        2 |A and B| / (|A| + |B|).
    surface_dice:
        The share of both surfaces together that lies no farther from the other than the tolerance; None without a
        spacing.
    hd95_mm:
        Of each surface the distance within which 95% of it, by area, lies from the other; the larger of the two.
        None without a spacing, or where one mask alone is empty.
    difference:
        First less second, in ml or, of an image, in mm2; None without a spacing.
    difference_pct:
        First less second, of the mean of both.
    empty:
        How many of the two are empty.
    """

    dice: float
    surface_dice: float | None
    hd95_mm: float | None
    difference: float | None
    difference_pct: float
    empty: int


def mask_agreement(
    first: NDArray[np.bool_],
    second: NDArray[np.bool_],
    spacing_mm: tuple[float, ...] | None = None,
    *,
    tolerance_mm: float = TOLERANCE_MM,
) -> MaskAgreement:
    """Compare two masks of one shape, in two dimensions or three.

    Parameters
    ----------
    spacing_mm:
        Between pixels along each axis; without it there are no figures in mm.
    tolerance_mm:
        Of the surface Dice.

    Raises
    ------
    RatingsError
        The masks differ in shape, have another number of axes, or the spacing does not fit them.
    """
    return compare(Region.of(first, spacing_mm), Region.of(second, spacing_mm), tolerance_mm=tolerance_mm)


def compare(first: Region, second: Region, *, tolerance_mm: float = TOLERANCE_MM) -> MaskAgreement:
    """Compare two regions of one image, as :func:`mask_agreement` does.

    Raises
    ------
    RatingsError
        They are of images of different shapes or spacings.
    """
    if first.shape != second.shape or first.spacing_mm != second.spacing_mm:
        raise RatingsError(
            "These masks cannot be compared.",
            given=f"{first.shape} at {first.spacing_mm} mm and {second.shape} at {second.spacing_mm} mm",
            expected="one geometry",
            do="bring them to one geometry first",
        )
    empty = (first.pixels == 0) + (second.pixels == 0)
    total = first.pixels + second.pixels
    one, other = first.size, second.size
    near, far = _surfaces(first, second, tolerance_mm, empty)
    return MaskAgreement(
        2 * overlap(first, second) / total if total else 1.0,
        near,
        far,
        None if one is None or other is None else one - other,
        200 * (first.pixels - second.pixels) / total if total else 0.0,
        empty,
    )


def overlap(first: Region, second: Region) -> int:
    """How many pixels two regions of one image share."""
    smaller, larger = sorted((first, second), key=lambda region: region.mask.size)
    return int(np.count_nonzero(smaller.mask & larger.within(smaller.box)))


def union_box(regions: Sequence[Region]) -> tuple[slice, ...]:
    """The smallest box that holds regions of one image; without a pixel where all are empty."""
    boxes = [region.box for region in regions if region.pixels]
    if not boxes:
        return tuple(slice(0, 0) for _ in regions[0].shape)
    sides = zip(*boxes, strict=True)
    return tuple(slice(min(p.start for p in side), max(p.stop for p in side)) for side in sides)


def box_of(mask: NDArray[np.bool_]) -> tuple[slice, ...]:
    """The smallest box that holds all that is marked; without a pixel where nothing is."""
    found = []
    for axis in range(mask.ndim):
        used = np.flatnonzero(mask.any(axis=tuple(other for other in range(mask.ndim) if other != axis)))
        found.append(slice(int(used[0]), int(used[-1]) + 1) if len(used) else slice(0, 0))
    return tuple(found)


def _surfaces(first: Region, second: Region, tolerance_mm: float, empty: int) -> tuple[float | None, float | None]:
    """Surface Dice and HD95."""
    if first.spacing_mm is None:
        return None, None
    if empty:
        return (1.0, 0.0) if empty == 2 else (0.0, None)
    one, other = first.surface, second.surface
    assert one is not None  # noqa: S101 - there is a spacing
    assert other is not None  # noqa: S101 - there is a spacing
    there, back = one.distances_mm(other), other.distances_mm(one)
    near = sum(
        float(side.areas[far <= tolerance_mm + SLACK_MM].sum()) for side, far in ((one, there), (other, back))
    )
    total = float(one.areas.sum() + other.areas.sum())
    return near / total, max(_within(there, one.areas), _within(back, other.areas))


def _within(distances: FloatArray, areas: FloatArray) -> float:
    """The least distance within which :data:`FAR` of the area lies."""
    order = np.argsort(distances, kind="stable")
    share = np.cumsum(areas[order]) / areas.sum()
    return float(distances[order][min(int(np.searchsorted(share, FAR)), len(order) - 1)])
