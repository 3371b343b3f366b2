"""The outlines that readers or data sets gave, as the segmenters are trained on them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np

from data.answers import Mask, MaskValue
from data.pixels import Pixels
from models.dice import read_mask
from models.segmenter_data import OutlinedPage
from models.spine.reading import Masks
from models.spine.stacks import find_stacks
from models.task import Example

OPTIONAL = frozenset({"herniation", "kidney", "vein", "artery", "cord", "spinous_process"})
"""Structures that a spine or its field of view need not have: where all others of a study are outlined and one of
these is not, it is not there; in any other study a label that is nowhere outlined is not known."""


def outlined_pages(
    question: str, kind: Mask, examples: Sequence[Example], pixels: Pixels, most: int = 0
) -> Iterator[OutlinedPage]:
    """The pages of examples that have outlines of a mask question.

    A page without an answer is passed over: nobody may have looked at it.

    Parameters
    ----------
    most:
        Pages of a study, evenly spread; 0: all.
    """
    for example in examples:
        pages = find_stacks(example.study).pages
        drawn = {
            a.site.page_index: a.value
            for a in example.answers
            if a.question == question and a.site.page_index is not None and isinstance(a.value, MaskValue)
        }
        answers = [(index, drawn[index]) for index in sorted(drawn)]
        seen = {label for _, value in answers for label, _ in value.masks}
        known = known_labels(kind, seen)
        if most and len(answers) > most:
            answers = [answers[i] for i in np.linspace(0, len(answers) - 1, most).round().astype(int)]
        for index, value in answers:
            if index < len(pages) and pixels.page_shape(pages[index].series) == value.shape:
                masks = {label: read_mask(value, label, pixels.blobs) for label, _ in value.masks}
                page = pixels.display8(pages[index].series, pages[index].index)
                there = {label: mask for label, mask in masks.items() if mask is not None}
                yield OutlinedPage(page, there, known, example.study.patient.pseudonym)


def known_labels(kind: Mask, seen: set[str]) -> frozenset[str]:
    """The labels of which a study's outlines say anything; see :data:`OPTIONAL`."""
    whole = set(kind.labels) - OPTIONAL <= seen
    return frozenset(kind.labels) if whole else frozenset(seen)


def drawn_levels(example: Example, pixels: Pixels) -> dict[int, Masks]:
    """The outlines of discs and sacrum by page, where both are drawn."""
    pages: dict[int, Masks] = {}
    for answer in example.answers:
        index = answer.site.page_index
        if answer.question != "sagittal" or index is None or not isinstance(answer.value, MaskValue):
            continue
        masks = {label: read_mask(answer.value, label, pixels.blobs) for label in ("disc", "sacrum")}
        pages[index] = {label: mask for label, mask in masks.items() if mask is not None}
    seen = {label for masks in pages.values() for label in masks}
    return pages if {"disc", "sacrum"} <= seen else {}
