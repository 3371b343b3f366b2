"""What a radiologist measures of a lesion: diameters, volume, mean HU, washout. Nothing without its unit.

References
----------
Eisenhauer et al.: New response evaluation criteria in solid tumours (RECIST 1.1), Eur J Cancer 45 (2009), 228
(long and short axis on a transverse slice).
Korobkin et al.: CT time-attenuation washout curves of adrenal adenomas and nonadenomas, AJR 170 (1998), 747 - 752.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from data.answers import Site
from data.pixels import Pixels
from data.records import Measured, Series, Study
from models.changes import OFF_MIDLINE
from models.clips import Stack, hounsfield
from models.lesions import volume_mm3
from models.phases import phases, same_grid

LEAST_ENHANCEMENT_HU = 10.0
"""Enhancement below which an absolute washout means nothing."""
Line = tuple[tuple[float, float], tuple[float, float]]


@dataclass(frozen=True, slots=True)
class Diameters:
    """The long diameter of a mask and the widest chord across it, in mm, with their ends in pixels."""

    long_mm: float
    short_mm: float
    long_line: Line
    short_line: Line


def diameters(mask: NDArray[np.bool_], pixel_mm: tuple[float, float]) -> Diameters:
    """Long and short diameter of a mask (rows, columns) that is not empty.

    The outline runs half-way between the pixels inside and those outside. The short diameter is the longest chord
    at right angles to the long one.

    Parameters
    ----------
    pixel_mm:
        Between (rows, columns).
    """
    scale = np.array(pixel_mm)
    points = _outline(mask) * scale  # (points, 2) in mm
    apart = np.linalg.norm(points[:, None] - points[None], axis=2)
    one, other = np.unravel_index(int(apart.argmax()), apart.shape)
    run = (points[other] - points[one]) / apart[one, other]
    across = np.array([-run[1], run[0]])
    along, aside = points @ run, points @ across
    step = min(pixel_mm) / 2
    best = (0.0, points[one], points[one])
    for place in np.arange(along.min() + step / 2, along.max(), step):
        near = np.abs(along - place) <= step
        if near.sum() < 2:
            continue
        low, high = float(aside[near].min()), float(aside[near].max())
        if high - low > best[0]:
            best = (high - low, place * run + low * across, place * run + high * across)
    long_line = _line(points[one] / scale, points[other] / scale)
    return Diameters(float(apart[one, other]), best[0], long_line, _line(best[1] / scale, best[2] / scale))


def measured(mask: NDArray[np.bool_], seen: Stack, study: Study, pixels: Pixels, site: Site) -> Iterator[Measured]:
    """Every quantity that the study allows of a lesion's mask (pages, rows, columns)."""
    volume = volume_mm3(mask, seen)
    if seen.pixel_mm is not None and volume is not None:
        page = int(mask.sum(axis=(1, 2)).argmax())
        found = diameters(mask[page], seen.pixel_mm)
        yield Measured("long_diameter", site, found.long_mm, "mm", page, (found.long_line,))
        yield Measured("short_diameter", site, found.short_mm, "mm", page, (found.short_line,))
        yield Measured("volume", site, volume / 1000, "ml")
    beside = off_midline_mm(mask, seen)
    if beside is not None:
        yield Measured(OFF_MIDLINE, site, beside, "mm", note="off midline: above 0 to the patient's left")
    yield from _attenuation(mask, seen, study, pixels, site)


def off_midline_mm(mask: NDArray[np.bool_], seen: Stack) -> float | None:
    """How far to the patient's left of the middle of the body's box a mask lies, in mm; None without geometry.

    Parameters
    ----------
    mask:
        (pages, rows, columns), not empty.
    """
    if seen.affine is None:
        return None
    columns = float(np.nonzero(mask)[2].mean()) - (seen.box[2] + seen.box[3] - 1) / 2
    return float(seen.affine[0, 2]) * columns  # the left of the patient is where x grows


def mean_hu(mask: NDArray[np.bool_], series: Series, pixels: Pixels, seen: Stack) -> float | None:
    """Mean HU in a mask, without its edge pixels where more than the edge is there; None where there is no HU."""
    import cv2  # noqa: PLC0415

    values = hounsfield(series, pixels, seen.slices)
    if values is None or not mask.any():
        return None
    kernel = np.ones((3, 3), dtype=np.uint8)
    inner = np.stack([cv2.erode(page.astype(np.uint8), kernel) > 0 for page in mask])
    chosen = inner if inner.any() else mask
    return float(values[chosen].mean())


def absolute_washout_pct(unenhanced: float, portal: float, delayed: float) -> float | None:
    """100 (portal - delayed) / (portal - unenhanced) of mean HU; None where the lesion does not enhance."""
    if portal - unenhanced < LEAST_ENHANCEMENT_HU:
        return None
    return 100 * (portal - delayed) / (portal - unenhanced)


def relative_washout_pct(portal: float, delayed: float) -> float | None:
    """100 (portal - delayed) / portal of mean HU; None where the portal mean is not above 0."""
    return 100 * (portal - delayed) / portal if portal > LEAST_ENHANCEMENT_HU else None


def _attenuation(
    mask: NDArray[np.bool_], seen: Stack, study: Study, pixels: Pixels, site: Site
) -> Iterator[Measured]:
    found = phases(study)
    hu: dict[str, float | None] = {}
    for name, series in (("plain", found.unenhanced), ("portal", found.portal), ("delayed", found.delayed)):
        fits = series is not None and (series == seen.series or same_grid(series, seen.series))
        hu[name] = mean_hu(mask, series, pixels, seen) if series is not None and fits else None
    plain, portal, delayed = hu["plain"], hu["portal"], hu["delayed"]
    if plain is not None:
        yield Measured("mean_hu_unenhanced", site, plain, "HU")
    if portal is None or delayed is None:
        return
    absolute = absolute_washout_pct(plain, portal, delayed) if plain is not None else None
    if absolute is not None:
        yield Measured("absolute_washout", site, absolute, "pct", note="portal venous to delayed")
    relative = relative_washout_pct(portal, delayed)
    if relative is not None:
        yield Measured("relative_washout", site, relative, "pct", note="portal venous to delayed")


def _outline(mask: NDArray[np.bool_]) -> NDArray[np.float64]:
    """(points, 2) row and column half-way between each pixel of a mask and each neighbour outside."""
    framed = np.pad(mask, 1)
    found = []
    for down, right in ((-1, 0), (1, 0), (0, -1), (0, 1)):
        rows, columns = np.nonzero(framed & ~np.roll(framed, (-down, -right), (0, 1)))
        found.append(np.stack([rows - 1 + down / 2, columns - 1 + right / 2], axis=1))
    return np.concatenate(found)


def _line(one: NDArray[np.float64], other: NDArray[np.float64]) -> Line:
    return (float(one[0]), float(one[1])), (float(other[0]), float(other[1]))
