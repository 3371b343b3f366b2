"""What a model outlined and measured, drawn on a page."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from data.answers import Form, Mask, MaskValue
from data.blobs import Blobs
from data.records import Prediction
from labelstudio.interface import COLOURS
from workbench.pictures import enlarged, with_lines, with_outlines

LINE = "#FFFFFF"
LEAST_PX = 900
"""Longer side at the least of a picture with outlines: a line is to be thinner than a native pixel."""


def by_page(prediction: Prediction | None) -> Mapping[int, tuple[tuple[str, MaskValue], ...]]:
    """By page, from 0: (question, masks) of what the model outlined there."""
    found: dict[int, tuple[tuple[str, MaskValue], ...]] = {}
    for result in prediction.results if prediction else ():
        page = result.site.page_index
        if page is not None and isinstance(result.value, MaskValue) and result.value.masks:
            found[page] = (*found.get(page, ()), (result.question, result.value))
    return found


def fullest_page(prediction: Prediction | None) -> int | None:
    """The page on which most is outlined or measured; None where nothing is."""
    count: dict[int, int] = {
        page: sum(len(v.masks) for _, v in drawn) for page, drawn in by_page(prediction).items()
    }
    for measured in prediction.measured if prediction else ():
        if measured.page is not None:
            count[measured.page] = count.get(measured.page, 0) + 1
    return max(count, key=lambda page: (count[page], -page)) if count else None


def draw(
    blobs: Blobs,
    form: Form,
    shown: NDArray[np.uint8],
    prediction: Prediction,
    page: int,
    shape: tuple[int, int],
) -> NDArray[np.uint8]:
    """A page with the model's outlines and measuring lines.

    Parameters
    ----------
    shown:
        (rows, columns[, 3]), scaled.
    shape:
        (rows, columns) in native pixels.
    """
    shown = enlarged(shown, LEAST_PX)
    colours = colours_of(form)
    masks = [
        (blobs.get_mask(blob, value.shape), colours[question, label])
        for question, value in by_page(prediction).get(page, ())
        for label, blob in value.masks
        if (question, label) in colours and blob in blobs
    ]
    drawn = with_outlines(shown, masks, width_px=max(1, round(max(shown.shape) / 500)))
    lines = [line for m in prediction.measured if m.page == page for line in m.drawn]
    return with_lines(drawn, lines, shape, LINE)


def colours_of(form: Form) -> dict[tuple[str, str], str]:
    """The colour of each label, as the labelling server shows it."""
    kinds: list[tuple[str, Any]] = [(q.name, q.kind) for q in form.questions if isinstance(q.kind, Mask)]
    return {
        (name, label): COLOURS[index % len(COLOURS)]
        for name, kind in kinds
        for index, label in enumerate(kind.labels)
    }
