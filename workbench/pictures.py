"""Stored pixels as PNG pictures, scaled for a page."""

from __future__ import annotations

import io
import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from data.blobs import Blobs
from data.errors import NotFoundError
from data.pixels import Pixels
from data.records import Layout, Series, Study

LARGEST_PX = 8192


def first_series(study: Study) -> Series:
    """The series that is shown first: an image where there is one, else the one with the most pixels.

    Raises
    ------
    NotFoundError
        The study has none.
    """
    if not study.series:
        raise NotFoundError(
            "The study has no pictures.", given=study.study_id, expected="at least one series",
            do="ingest its files again",
        )  # fmt: skip
    image = next((series for series in study.series if series.layout is Layout.IMAGE), None)
    return image or max(study.series, key=lambda series: (math.prod(series.shape), series.series_id))


def picture(
    blobs: Blobs,
    series: Series,
    *,
    page: int | None = None,
    window: tuple[float, float] | None = None,
    size_px: int | None = None,
) -> NDArray[np.uint8]:
    """A page in 256 grey values, (rows, columns).

    Parameters
    ----------
    page:
        From 0; the middle one where none is named.
    window:
        (centre, width); the source's own where none is given.
    size_px:
        The longer side at the most; native pixels where none is given.

    Raises
    ------
    NotFoundError
        The series has no such page.
    """
    pages = Pixels.pages(series)
    if page is not None and not 0 <= page < pages:
        raise NotFoundError(
            "There is no such page.", given=page, expected=f"0 to {pages - 1}", do="name another page"
        )
    return scaled(Pixels(blobs).display8(series, page=page, window=window), size_px)


def scaled(shown: NDArray[np.uint8], size_px: int | None) -> NDArray[np.uint8]:
    """A picture whose longer side has at most ``size_px`` pixels."""
    longest = max(shown.shape[:2])
    if size_px is None or longest <= size_px:
        return shown
    import cv2  # noqa: PLC0415 - loads native libraries

    factor = size_px / longest
    rows, columns = (max(1, round(side * factor)) for side in shown.shape[:2])
    return np.asarray(cv2.resize(shown, (columns, rows), interpolation=cv2.INTER_AREA), dtype=np.uint8)


def enlarged(shown: NDArray[np.uint8], size_px: int) -> NDArray[np.uint8]:
    """A picture whose longer side has at least ``size_px`` pixels, by a whole factor: pixels stay aligned."""
    import cv2  # noqa: PLC0415 - loads native libraries

    factor = -(-size_px // max(shown.shape[:2]))
    if factor <= 1:
        return shown
    size = (shown.shape[1] * factor, shown.shape[0] * factor)
    return np.asarray(cv2.resize(shown, size, interpolation=cv2.INTER_CUBIC), dtype=np.uint8)


def png(shown: NDArray[np.uint8]) -> bytes:
    """A picture as PNG, exact."""
    return _encoded(shown, "PNG", compress_level=2)


def jpeg(shown: NDArray[np.uint8]) -> bytes:
    """A picture as JPEG, to be looked at."""
    return _encoded(shown, "JPEG", quality=92)


def _encoded(shown: NDArray[np.uint8], kind: str, **how: int) -> bytes:
    from PIL import Image  # noqa: PLC0415 - loads native libraries

    stream = io.BytesIO()
    Image.fromarray(np.ascontiguousarray(shown)).save(stream, format=kind, **how)
    return stream.getvalue()


def with_heat(shown: NDArray[np.uint8], heat: NDArray[np.uint8], opacity: float) -> NDArray[np.uint8]:
    """A picture with a heat map over it, (rows, columns, 3).

    Parameters
    ----------
    shown:
        (rows, columns).
    heat:
        (rows, columns), 0 to 255; scaled to the picture.
    opacity:
        0 (the picture alone) to 1.
    """
    import cv2  # noqa: PLC0415

    from models.explain import overlay  # noqa: PLC0415

    rows, columns = shown.shape[:2]
    fitted = cv2.resize(np.ascontiguousarray(heat), (columns, rows), interpolation=cv2.INTER_AREA)
    covered = overlay(shown, np.asarray(fitted, dtype=np.float32) / np.float32(255)).astype(np.float32)
    plain = np.repeat(shown[..., None], 3, axis=2).astype(np.float32)
    blended: NDArray[np.uint8] = np.round(plain + (covered - plain) * opacity).astype(np.uint8)
    return blended


def with_outlines(
    shown: NDArray[np.uint8],
    masks: Sequence[tuple[NDArray[np.bool_], str]],
    *,
    width_px: int = 1,
) -> NDArray[np.uint8]:
    """A picture with the outlines of masks, (rows, columns, 3).

    Parameters
    ----------
    shown:
        (rows, columns), or (rows, columns, 3).
    masks:
        Pairs of (mask in native pixels, colour as ``#rrggbb``); scaled to the picture.
    width_px:
        Of the line.
    """
    import cv2  # noqa: PLC0415

    drawn = np.ascontiguousarray(shown if shown.ndim == 3 else np.repeat(shown[..., None], 3, axis=2))
    rows, columns = drawn.shape[:2]
    for mask, colour in masks:
        large = cv2.resize(mask.astype(np.uint8), (columns, rows), interpolation=cv2.INTER_NEAREST)
        found, _ = cv2.findContours(large, cv2.RETR_LIST, cv2.CHAIN_APPROX_NONE)
        red, green, blue = (int(colour[i : i + 2], 16) for i in (1, 3, 5))
        cv2.drawContours(drawn, found, -1, (red, green, blue), width_px)
    return drawn


def with_lines(
    shown: NDArray[np.uint8],
    lines: Sequence[tuple[tuple[float, float], tuple[float, float]]],
    shape: tuple[int, int],
    colour: str,
) -> NDArray[np.uint8]:
    """A picture with measuring lines, (rows, columns, 3).

    Parameters
    ----------
    lines:
        Ends as (row, column) in native pixels.
    shape:
        (rows, columns) of the native picture.
    """
    import cv2  # noqa: PLC0415

    drawn = np.ascontiguousarray(shown if shown.ndim == 3 else np.repeat(shown[..., None], 3, axis=2))
    scale = (drawn.shape[1] / shape[1], drawn.shape[0] / shape[0])
    red, green, blue = (int(colour[i : i + 2], 16) for i in (1, 3, 5))
    for ends in lines:
        first, second = ((round((c + 0.5) * scale[0]), round((r + 0.5) * scale[1])) for r, c in ends)
        cv2.line(drawn, first, second, (red, green, blue), max(1, round(drawn.shape[1] / 600)), cv2.LINE_AA)
    return drawn
