"""Which series of a study are the axial and the sagittal T2 stacks, and which page is which slice.

Planes come from the geometry; a description decides only where there is none. The sequence comes from the
description. This is the one place where series are chosen.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from data.records import Layout, Series, Study
from models.task import Page

LEVELS = ("L1/L2", "L2/L3", "L3/L4", "L4/L5", "L5/S1")
"""From the head to the feet."""
SIDES = ("left", "right")
_OTHER = re.compile(r"\bt1|flair|\bpd\b|loc(alizer|aliser)?\b|scout|survey|dwi|diff|\+c\b|contrast", re.IGNORECASE)
_T2 = re.compile(r"t2", re.IGNORECASE)
_FAT = re.compile(r"stir|tirm|fs\b|fat", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Stacks:
    """The stacks of a study.

    Parameters
    ----------
    axial:
        Blocks of parallel slices, one series each, from the feet to the head; often one, none in some studies.
    sagittal:
        None where there is none.
    """

    axial: tuple[Series, ...]
    sagittal: Series | None

    @property
    def pages(self) -> tuple[Page, ...]:
        """The axial slices, block by block, then the sagittal ones."""
        series = (*self.axial, *([self.sagittal] if self.sagittal else []))
        return tuple(Page(s, index) for s in series for index in range(_slices(s)))

    @property
    def axial_pages(self) -> int:
        """How many of the pages are axial; they come first."""
        return sum(_slices(series) for series in self.axial)


def find_stacks(study: Study) -> Stacks:
    """The axial and sagittal T2 stacks of a study.

    Of several sagittal series the one whose description says T2 without fat suppression goes first, and of equal
    ones the one with most slices. All axial series of the best description are taken, one a block; of several of
    the same place the one with most slices.
    """
    by_plane: dict[str, list[Series]] = {"axial": [], "sagittal": []}
    for series in study.series:
        found = plane(series)
        if found in by_plane and sequence_rank(series) is not None:
            by_plane[found].append(series)
    sagittal = min(by_plane["sagittal"], key=_order, default=None)
    axial = sorted(by_plane["axial"], key=_order)
    best = [s for s in axial if sequence_rank(s) == sequence_rank(axial[0])]
    return Stacks(tuple(sorted(_apart(best), key=_height)), sagittal)


def plane(series: Series) -> str:
    """``axial``, ``sagittal`` or ``coronal``, by the direction across its slices; empty where it is not known."""
    matrix = affine_of(series)
    if matrix is not None:
        normal = np.cross(matrix[:3, 1], matrix[:3, 2])
        return ("sagittal", "coronal", "axial")[int(np.argmax(np.abs(normal)))]
    words = series.description.lower()
    return next((p for p in ("axial", "sagittal", "coronal") if p[:3] in words), "axial" if "tra" in words else "")


def sequence_rank(series: Series) -> int | None:
    """0 for plain T2, 1 for T2 or STIR with fat suppressed, 2 where the description is silent; None for others."""
    words = series.description
    if _OTHER.search(words) and not _T2.search(words):
        return None
    if _FAT.search(words):
        return 1
    return 0 if _T2.search(words) else 2


def affine_of(series: Series) -> NDArray[np.float64] | None:
    """4 x 4: (slice, row, column, 1) to LPS mm; None where the series has no geometry."""
    if series.affine is None or series.layout is not Layout.VOLUME:
        return None
    return np.asarray(series.affine, dtype=np.float64).reshape(4, 4)


def left_is_higher(matrix: NDArray[np.float64]) -> bool:
    """Whether the patient's left lies on the higher columns of an axial slice, as it usually does."""
    return bool(matrix[0, 2] > 0)


def _slices(series: Series) -> int:
    return 1 if series.layout is Layout.IMAGE else series.shape[0]


def _order(series: Series) -> tuple[Any, ...]:
    rank = sequence_rank(series)
    return (3 if rank is None else rank, affine_of(series) is None, -_slices(series), series.series_id)


def _span(series: Series) -> tuple[float, float]:
    """Lowest and highest z of the middles of its slices, in mm; 0 without geometry."""
    matrix = affine_of(series)
    if matrix is None:
        return 0.0, 0.0
    rows, columns = series.shape[1:3]
    ends = [float((matrix @ (k, (rows - 1) / 2, (columns - 1) / 2, 1.0))[2]) for k in (0, series.shape[0] - 1)]
    return min(ends), max(ends)


def _height(series: Series) -> float:
    return sum(_span(series)) / 2


def _apart(series: list[Series]) -> list[Series]:
    """Those that do not lie for their greater part where an earlier one lies already."""
    kept: list[Series] = []
    for one in series:
        low, high = _span(one)
        shared = [min(high, b) - max(low, a) for a, b in map(_span, kept)]
        if not kept or (affine_of(one) is not None and max(shared) < 0.5 * (high - low) + 1e-6):
            kept.append(one)
    return kept
