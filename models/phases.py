"""Which series of a CT is which phase, and which one readers and networks see."""

from __future__ import annotations

import re
from dataclasses import dataclass

import numpy as np

from data.errors import TaskError
from data.records import Layout, Series, Study
from data.volume import Volume

PLAIN = re.compile(r"unenhanc|non.?contrast|without|native|plain|pre.?contrast|\bno c|\bwo\b|nativ", re.IGNORECASE)
DELAYED = re.compile(r"delay|\b1[05] ?min|wash.?out|excret|\blate\b(?! art)", re.IGNORECASE)
PORTAL = re.compile(r"portal|venous|\bpv\b|\bpvp\b", re.IGNORECASE)
CONTRAST = ("contrast", "ContrastBolusAgent", "contrast_agent")
"""Attributes of a series that name a contrast agent."""


@dataclass(frozen=True, slots=True)
class Phases:
    """The series of a study by phase; None where there is none."""

    unenhanced: Series | None = None
    portal: Series | None = None
    delayed: Series | None = None


def phases(study: Study) -> Phases:
    """Which series is which phase, by description and contrast agent; of several the one with the most slices.

    A series whose description names no phase is unenhanced where another of the study is named as enhanced and it
    has no contrast agent itself.
    """
    stacks = sorted(_stacks(study), key=lambda s: -s.shape[0])
    delayed = next((s for s in stacks if DELAYED.search(s.description) and not PLAIN.search(s.description)), None)
    portal = next(
        (
            s
            for s in stacks
            if s is not delayed and PORTAL.search(s.description) and not PLAIN.search(s.description)
        ),
        None,
    )
    plain = next((s for s in stacks if PLAIN.search(s.description)), None)
    if plain is None and (portal is not None or delayed is not None):
        others = [s for s in stacks if s is not portal and s is not delayed]
        plain = next((s for s in others if not any(s.attributes.get(name) for name in CONTRAST)), None)
    return Phases(plain, portal, delayed)


def shown_series(study: Study) -> Series:
    """The series that readers and networks see: the unenhanced one, else that with the most slices.

    Raises
    ------
    TaskError
        The study has no stack of slices.
    """
    stacks = _stacks(study)
    if not stacks:
        raise TaskError(
            "The study has no stack of slices.",
            given=f"{study.study_id} with {len(study.series)} series",
            expected="a CT series of two slices or more",
            do="leave it out, or ingest the missing files",
        )
    return phases(study).unenhanced or max(stacks, key=lambda s: (s.layout is Layout.VOLUME, s.shape[0]))


def same_grid(one: Series, other: Series) -> bool:
    """Whether two series have their voxels at the same places, to a tenth of a millimetre."""
    if one.affine is None or other.affine is None or one.shape != other.shape:
        return False
    return bool(np.allclose(one.affine, other.affine, atol=0.1))


def _stacks(study: Study) -> list[Series]:
    several = [s for s in study.series if s.layout is not Layout.IMAGE and s.shape[0] > 1]
    axial = [s for s in several if s.affine is None or _axial(s)]
    return axial or several


def _axial(series: Series) -> bool:
    affine = np.array(series.affine, dtype=np.float64).reshape(4, 4)
    return Volume(np.zeros((1, 1, 1), dtype=np.uint8), affine).orientation[0] in "HF"
