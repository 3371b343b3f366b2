"""A volume straight from its files, for what needs its voxels and keeps nothing: no store, no copy."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from data.errors import GeometryError, IngestError
from data.ingest.found import Facts, Place
from data.ingest.sources import Opener, Unusable, walk
from data.ingest.volumes import arrange
from data.ingest.worker import decode_content
from data.records import Layout
from data.volume import Volume


@dataclass(slots=True)
class _Stack:
    """The slices of one group, as they were found."""

    facts: Facts
    slices: list[tuple[Place, NDArray[Any]]] = field(default_factory=list)


def read_volume(path: Path, *, modality: str) -> Volume:
    """The volume with the most slices under a path.

    Parameters
    ----------
    path:
        A NIfTI file, a folder of DICOM files or a ZIP of either. Files that are no image are passed over.
    modality:
        Such as ``CT``; then the values are HU.

    Raises
    ------
    GeometryError
        There is none of that modality.
    """
    whole: list[Volume] = []
    stacks: dict[str, _Stack] = {}
    reason = "no image"
    with Opener() as opener:
        for found in walk([path]):
            try:
                if isinstance(found, Unusable):
                    raise found.error
                facts, array = decode_content(opener.read(found))
            except IngestError as error:
                reason = error.message
                continue
            if facts.modality != modality:
                reason = f"modality {facts.modality}"
            elif facts.place is not None:
                stacks.setdefault(facts.place.group, _Stack(facts)).slices.append((facts.place, array))
            elif facts.layout is Layout.VOLUME and facts.affine is not None:
                whole.append(Volume(array, np.reshape(facts.affine, (4, 4))))
            else:
                reason = facts.attributes.get("geometry", "a single image")
    for stack in stacks.values():
        made = _arranged(stack)
        if isinstance(made, Volume):
            whole.append(made)
        else:
            reason = made
    if not whole:
        raise GeometryError(
            f"There is no {modality} volume.",
            given=f"{path}: {reason}",
            expected=f"a NIfTI file, or a folder with every slice of a {modality} series",
            do="name the folder of one series, whole and evenly spaced",
        )
    return max(whole, key=lambda volume: len(volume.array))


def _arranged(stack: _Stack) -> Volume | str:
    """The slices as a volume, or why they are none."""
    spacing = stack.facts.spacing_mm
    found = arrange(
        [place.position for place, _ in stack.slices],
        [place.number for place, _ in stack.slices],
        orientation=stack.slices[0][0].orientation,
        spacing_mm=None if spacing is None else (spacing[-2], spacing[-1]),
        same=lambda a, b: np.array_equal(stack.slices[a][1], stack.slices[b][1]),
    )
    if found.affine is None:
        return found.reason or "a single slice"
    return Volume(np.stack([stack.slices[i][1] for i in found.order]), np.reshape(found.affine, (4, 4)))
