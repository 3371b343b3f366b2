"""What the segmenters see in a study: sagittal outlines, from these the levels, and each level's axial slice."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from data.pixels import Pixels
from data.records import Study
from models.segmenter import Segmenter
from models.spine.crops import LevelView, geometry
from models.spine.levels import Levels, find_levels, slice_normal, slices_of
from models.spine.stacks import Stacks, affine_of, find_stacks

Maps = NDArray[np.float32]
Masks = Mapping[str, NDArray[np.bool_]]

log = logging.getLogger(__name__)


@dataclass(frozen=True, eq=False)
class SpineReading:
    """What was outlined in a study.

    Parameters
    ----------
    sagittal, axial:
        By page: probabilities (labels, rows, columns), where the segmenter looked.
    sagittal_masks:
        By page: outlines by label.
    axial_masks:
        By page: outlines by label.
    levels:
        Or the reason why they are not known.
    views:
        The axial slice of each level that has one.
    """

    stacks: Stacks
    levels: Levels
    views: tuple[LevelView, ...] = ()
    sagittal: Mapping[int, Maps] = field(default_factory=dict)
    axial: Mapping[int, Maps] = field(default_factory=dict)
    sagittal_masks: Mapping[int, Masks] = field(default_factory=dict)
    axial_masks: Mapping[int, Masks] = field(default_factory=dict)


class SpineReader:
    """Outlines a study.

    Parameters
    ----------
    sagittal, structures:
        The segmenters; None for one that was not trained.
    """

    def __init__(self, sagittal: Segmenter | None, structures: Segmenter | None) -> None:
        self.sagittal, self.structures = sagittal, structures

    def pictures(self, study: Study, pixels: Pixels) -> list[NDArray[np.uint8]]:
        """The study's pages, (rows, columns) of 8 bit each."""
        return [pixels.display8(page.series, page.index) for page in find_stacks(study).pages]

    def read(
        self,
        study: Study,
        pictures: Sequence[NDArray[np.uint8]],
        *,
        drawn: Mapping[int, Masks] | None = None,
    ) -> SpineReading:
        """Outline a study's pages and find its levels.

        The axial slices of the levels are outlined; all of them where the levels are not known.

        Parameters
        ----------
        pictures:
            Of :meth:`pictures`.
        drawn:
            Sagittal outlines of readers by page, which take the segmenter's place.
        """
        stacks = find_stacks(study)
        first = stacks.axial_pages
        maps: dict[int, Maps] = {}
        beside: dict[int, Masks] = dict(drawn or {})
        if drawn is None and self.sagittal is not None and stacks.sagittal is not None:
            given = self.sagittal.probabilities(pictures[first:])
            maps = dict(enumerate(given, first))
            beside = {page: self.sagittal.outlined(values) for page, values in maps.items()}
        levels = self._levels(stacks, beside, drawn is not None)
        if levels.reason:
            log.warning("%s: the levels are not known: %s", study.study_id, levels.reason)
        chosen = slices_of(levels, stacks.axial)
        starts = np.cumsum([0, *(series.shape[0] for series in stacks.axial)]).tolist()
        pages = {name: starts[block] + index for name, (block, index) in chosen.items()}
        looked = list(pages.values()) if levels.discs else list(range(first))
        axial, outlines = self._axial(pictures, looked)
        views = tuple(
            _view(name, stacks, chosen[name][0], page, pictures[page], outlines.get(page, {}), levels)
            for name, page in pages.items()
        )
        return SpineReading(stacks, levels, views, maps, axial, beside, outlines)

    def _axial(
        self, pictures: Sequence[NDArray[np.uint8]], pages: Sequence[int]
    ) -> tuple[dict[int, Maps], dict[int, Masks]]:
        if self.structures is None or not pages:
            return {}, {}
        maps = dict(zip(pages, self.structures.probabilities([pictures[p] for p in pages]), strict=True))
        return maps, {page: self.structures.outlined(values) for page, values in maps.items()}

    def _levels(self, stacks: Stacks, masks: Mapping[int, Masks], drawn: bool) -> Levels:
        series = stacks.sagittal
        if series is None:
            return Levels(reason="there is no sagittal series")
        matrix = affine_of(series)
        if matrix is None:
            return Levels(reason="the sagittal series has no geometry")
        if not masks:
            return Levels(reason="nothing is outlined on the sagittal slices")

        def volume(label: str) -> NDArray[np.bool_]:
            stack = np.zeros(series.shape, dtype=bool)
            for page, outlines in masks.items():
                if label in outlines:
                    stack[page - stacks.axial_pages] = outlines[label]
            return stack

        blind = self.sagittal is not None and "sacrum" in self.sagittal.settings.unknown and not drawn
        return find_levels(volume("disc"), None if blind else volume("sacrum"), matrix)


def _view(
    name: str,
    stacks: Stacks,
    block: int,
    page: int,
    picture: NDArray[np.uint8],
    masks: Masks,
    levels: Levels,
) -> LevelView:
    series, disc = stacks.axial[block], levels.by_name[name]
    left_high, back_high = geometry(series)
    matrix = affine_of(series)
    lean = 1.0 if matrix is None else abs(float(slice_normal(matrix) @ np.asarray(disc.normal)))
    return LevelView(
        level=name,
        page=page,
        picture=picture,
        masks=masks,
        spacing_mm=Pixels.page_spacing_mm(series),
        left_high=left_high,
        back_high=back_high,
        height_mm=_heights(levels)[name],
        lean=max(lean, 0.5),
    )


def _heights(levels: Levels) -> dict[str, float]:
    """The place of each disc along the column, in mm from the lowest."""
    middles = np.array([disc.middle_mm for disc in levels.discs])
    steps = np.linalg.norm(np.diff(middles, axis=0), axis=1)
    along = np.concatenate([[0.0], np.cumsum(steps)])
    return {disc.level: float(place) for disc, place in zip(levels.discs, along, strict=True)}
