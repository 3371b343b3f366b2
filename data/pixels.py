"""Pixels of a series, read back: as they are kept, or as 8-bit pages to be looked at."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from data.blobs import Blobs
from data.errors import GeometryError
from data.home import Home
from data.records import Layout, Series
from data.volume import Volume

ROBUST_PCT = (0.5, 99.5)
"""Percentiles that span the grey scale where a series names no window."""
GREY = (0.299, 0.587, 0.114)
"""Luma of R, G and B (ITU-R BT.601)."""
SAMPLE_PX = 1_000_000
"""About how many pixels of a large series the percentiles are taken from."""


class Pixels:
    """The pixels of one home.

    Parameters
    ----------
    blobs:
        Where they are kept.
    """

    def __init__(self, blobs: Blobs) -> None:
        self.blobs = blobs

    @classmethod
    def of(cls, home: Home) -> Pixels:
        """The pixels of a home."""
        return cls(Blobs.of(home))

    def array(self, series: Series) -> NDArray[Any]:
        """All pixels, mapped into memory and read-only, of the shape that the series says.

        Raises
        ------
        BlobError
            They are not there, or cannot be read.
        """
        return self.blobs.get_array(series.pixels)

    def volume(self, series: Series) -> Volume:
        """The series as a volume.

        Raises
        ------
        GeometryError
            It is none.
        """
        return Volume.of(series, self.array(series))

    @staticmethod
    def pages(series: Series) -> int:
        """How many pages there are to look at: 1 for an image, else the slices or frames."""
        return 1 if series.layout is Layout.IMAGE else series.shape[0]

    @staticmethod
    def page_shape(series: Series) -> tuple[int, int]:
        """(rows, columns) of a page."""
        start = 0 if series.layout is Layout.IMAGE else 1
        return series.shape[start], series.shape[start + 1]

    @staticmethod
    def page_spacing_mm(series: Series) -> tuple[float, float] | None:
        """(rows, columns) of a page, in mm; None where it is not known."""
        spacing = series.spacing_mm
        return None if spacing is None else (spacing[-2], spacing[-1])

    @staticmethod
    def page_orientation(series: Series) -> str:
        r"""Where the rows and the columns of a page run to, as in DICOM (``L\P``); empty where nobody knows.

        That of a volume comes from its geometry, to the nearest direction.
        """
        if series.affine is None:
            return series.attributes.get("patient_orientation", "")
        _, down, right = Volume.of(series, np.empty((1, 1, 1), dtype=np.uint8)).orientation
        return f"{right}\\{down}"

    def page(self, series: Series, index: int = 0) -> NDArray[Any]:
        """One page as it is kept: (rows, columns), or (rows, columns, 3) in colour.

        Raises
        ------
        GeometryError
            There is no such page.
        """
        if not 0 <= index < self.pages(series):
            raise GeometryError(
                "The series has no such page.",
                given=index,
                expected=f"0 to {self.pages(series) - 1}",
                do="ask for one of these",
            )
        array = self.array(series)
        return array if series.layout is Layout.IMAGE else array[index]

    def display8(
        self,
        series: Series,
        page: int | None = None,
        *,
        window: tuple[float, float] | None = None,
        colour: bool = False,
    ) -> NDArray[np.uint8]:
        """A page in 256 grey values, to be looked at.

        Parameters
        ----------
        page:
            From 0; the middle one without it.
        window:
            (centre, width) to show it with; the series' own without it. Where there is none, 8-bit pixels stay as
            they are, and others are spread between the percentiles :data:`ROBUST_PCT` of the whole series, so that
            its pages can be compared.
        colour:
            Whether to leave colours as they are, (rows, columns, 3); else they become grey.

        Returns
        -------
        array
            (rows, columns) of uint8, or (rows, columns, 3).
        """
        chosen = self.page(series, self.pages(series) // 2 if page is None else page)
        if chosen.ndim == 3:
            return np.asarray(chosen, dtype=np.uint8) if colour else to_grey(chosen)
        window = window or series.window
        if window is None:
            if chosen.dtype == np.uint8:
                return np.asarray(chosen)
            window = robust_window(self.array(series))
        return apply_window(chosen, window)


def to_grey(colour: NDArray[Any]) -> NDArray[np.uint8]:
    """(..., 3) of uint8 into (...) of uint8, by luma (ITU-R BT.601)."""
    return np.asarray(np.rint(np.asarray(colour, dtype=np.float32) @ np.array(GREY, dtype=np.float32)), np.uint8)


def apply_window(array: NDArray[Any], window: tuple[float, float]) -> NDArray[np.uint8]:
    """Values as 0 to 255 by the LINEAR function of PS3.3 C.11.2.1.2.1.

    Below c - 0.5 - (w - 1) / 2 it is 0, above c - 0.5 + (w - 1) / 2 it is 255, between them
    ((x - (c - 0.5)) / (w - 1) + 0.5) * 255.

    Parameters
    ----------
    array:
        Any shape.
    window:
        (centre c, width w); the width is 1 or more.
    """
    centre, width = window[0] - 0.5, max(window[1] - 1, 0.0)
    values = np.asarray(array, dtype=np.float32)
    if width == 0:
        return np.where(values > centre, 255, 0).astype(np.uint8)
    scaled = (values - np.float32(centre)) * np.float32(255 / width) + np.float32(127.5)
    return np.asarray(np.rint(np.clip(scaled, 0, 255)), np.uint8)


def robust_window(array: NDArray[Any]) -> tuple[float, float]:
    """The (centre, width) between the percentiles :data:`ROBUST_PCT` of an array of any shape."""
    flat = array.reshape(-1)
    sample = np.asarray(flat[:: max(1, flat.size // SAMPLE_PX)], dtype=np.float64)
    finite = sample[np.isfinite(sample)]
    low, high = np.percentile(finite, ROBUST_PCT) if finite.size else (0.0, 1.0)
    width = max(float(high - low), 1e-6) + 1.0
    return float(low + high) / 2 + 0.5, width
