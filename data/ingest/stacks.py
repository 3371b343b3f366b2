"""Series that are made of slices: collected while files are read, put together when they are complete.

Slices that come in a later ingest extend the series: its kept pixels are slices like the new ones, so that the
files they came from need not be there any more.
"""

from __future__ import annotations

import json
import zlib
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from data.blobs import Blobs
from data.ingest.found import Facts, Place
from data.ingest.volumes import Arrangement, Vector, arrange
from data.ingest.work import BuildStack, Built, KeptPage, Slice
from data.ingest.worker import page
from data.records import Layout, Series

POSITIONS = "positions_mm"
"""Attribute: positions of slices that make no volume, as JSON; a volume's lie in its affine."""
NUMBERS = "instance_numbers"
"""Attribute: their InstanceNumbers, as JSON."""
ORIENTATION = "orientation"
"""Attribute: their direction cosines, as JSON."""
GEOMETRY = "geometry"
"""Attribute: why they make no volume, in words."""
COPIES = "copies_dropped"
"""Attribute: how many slices were exact copies of another one at the same position."""


@dataclass(slots=True)
class OpenGroup:
    """Slices of one group that wait to be put together: each with the path that it came from."""

    key: str
    slices: list[tuple[Slice, str]] = field(default_factory=list)
    last: int = 0

    @property
    def facts(self) -> Facts:
        """What is known of the first slice by path: the same, whichever came first."""
        return min(self.slices, key=lambda item: item[1])[0].facts


@dataclass(frozen=True, slots=True)
class Plan:
    """How a group is to be put together.

    Parameters
    ----------
    base:
        The series as it is kept, which the slices extend; None for a new one.
    pages:
        The slices, kept ones first.
    paths:
        Where each came from.
    arrangement:
        Indices into the pages.
    """

    group: OpenGroup
    series_id: str
    base: Series | None
    pages: tuple[Slice | KeptPage, ...]
    paths: tuple[str, ...]
    numbers: tuple[int, ...]
    positions: tuple[Vector | None, ...]
    arrangement: Arrangement

    @property
    def adds_nothing(self) -> bool:
        """Whether every new slice is a copy of one that is kept."""
        return self.base is not None and all(
            isinstance(self.pages[index], KeptPage) for index in self.arrangement.order
        )

    @property
    def task(self) -> BuildStack:
        """The work to be done."""
        chosen = (self.pages[index] for index in self.arrangement.order)
        return BuildStack(self.series_id, tuple(c.pixels if isinstance(c, Slice) else c for c in chosen))


def plan(group: OpenGroup, series_id: str, base: Series | None, blobs: Blobs) -> Plan:
    """Arrange a group's slices, with those of the series that is kept already."""
    new = sorted(group.slices, key=lambda item: item[1])
    pages: list[Slice | KeptPage] = []
    positions: list[Vector | None] = []
    numbers: list[int] = []
    paths: list[str] = []
    if base is not None:
        for index, (position, number) in enumerate(_kept_places(base)):
            pages.append(KeptPage(base.pixels, index))
            positions.append(position)
            numbers.append(number)
            paths.append(base.source_paths[index] if index < len(base.source_paths) else "")
    for slice_, path in new:
        place = _place(slice_.facts)
        pages.append(slice_)
        positions.append(place.position)
        numbers.append(place.number)
        paths.append(path)
    spacing = group.facts.spacing_mm
    found = arrange(
        positions,
        numbers,
        orientation=_place(group.facts).orientation,
        spacing_mm=None if spacing is None else (spacing[-2], spacing[-1]),
        same=_Comparison(pages, blobs).same,
    )
    return Plan(group, series_id, base, tuple(pages), tuple(paths), tuple(numbers), tuple(positions), found)


def series_of(plan_: Plan, study_id: str, built: Built) -> Series:
    """The record of a series that was put together."""
    facts, found, base = plan_.group.facts, plan_.arrangement, plan_.base
    order = found.order
    volume = found.affine is not None
    attributes = dict(base.attributes if base is not None else facts.attributes)
    for name in (POSITIONS, NUMBERS, ORIENTATION, GEOMETRY):
        attributes.pop(name, None)
    if not volume:
        attributes[POSITIONS] = json.dumps([plan_.positions[i] for i in order])
        attributes[NUMBERS] = json.dumps([plan_.numbers[i] for i in order])
        attributes[ORIENTATION] = json.dumps(_place(facts).orientation)
    if found.reason:
        attributes[GEOMETRY] = found.reason
    copies = len(found.dropped) + int(attributes.get(COPIES, "0"))
    if copies:
        attributes[COPIES] = str(copies)
    layout = Layout.VOLUME if volume else Layout.FRAMES if len(order) > 1 else Layout.IMAGE
    return Series(
        series_id=plan_.series_id,
        study_id=study_id,
        modality=facts.modality,
        layout=layout,
        shape=built.shape,
        pixels=built.pixels,
        spacing_mm=found.spacing_mm,
        affine=found.affine,
        window=base.window if base is not None else facts.window,
        description=facts.series_description,
        source_paths=tuple(plan_.paths[i] for i in order),
        attributes=attributes,
    )


def _place(facts: Facts) -> Place:
    assert facts.place is not None  # noqa: S101 - only slices come here
    return facts.place


def _kept_places(series: Series) -> Sequence[tuple[Vector | None, int]]:
    """Position and InstanceNumber of each page of a series that is kept."""
    if series.affine is not None:
        affine = np.array(series.affine).reshape(4, 4)
        points = [affine @ (index, 0, 0, 1) for index in range(series.shape[0])]
        return [((float(p[0]), float(p[1]), float(p[2])), 0) for p in points]
    positions = json.loads(series.attributes.get(POSITIONS, "[]"))
    numbers = json.loads(series.attributes.get(NUMBERS, "[]"))
    return [
        (None if p is None else (float(p[0]), float(p[1]), float(p[2])), int(n))
        for p, n in zip(positions, numbers, strict=True)
    ]


class _Comparison:
    """Whether slices have the same pixels; each is read once at most."""

    def __init__(self, pages: Sequence[Slice | KeptPage], blobs: Blobs) -> None:
        self._pages = pages
        self._blobs = blobs
        self._sums: dict[int, tuple[str, int]] = {}

    def same(self, one: int, other: int) -> bool:
        """Compare two slices, by index: first their checksums, then every value."""
        if self._sum(one)[1] != self._sum(other)[1]:
            return False
        return bool(np.array_equal(self._read(one), self._read(other)))

    def _read(self, index: int) -> np.ndarray:  # type: ignore[type-arg]
        chosen = self._pages[index]
        return page(chosen.pixels if isinstance(chosen, Slice) else chosen, self._blobs)

    def _sum(self, index: int) -> tuple[str, int]:
        if index not in self._sums:
            array = self._read(index)
            self._sums[index] = (array.dtype.str, zlib.crc32(np.ascontiguousarray(array.astype(np.float64)).data))
        return self._sums[index]
