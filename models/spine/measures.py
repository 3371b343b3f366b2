"""Measurements of a level's axial slice and of a disc on a sagittal slice, from their outlines.

Everything is in mm or mm2 by the pixel spacing; without one nothing is measured. There are no published limits for
ratios and asymmetry: they are given as they are, without a verdict.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from data.answers import Site
from data.records import Measured
from models.spine.crops import LevelView

Masks = Mapping[str, NDArray[np.bool_]]
Line = tuple[tuple[float, float], tuple[float, float]]

log = logging.getLogger(__name__)


def measure_level(view: LevelView) -> tuple[Measured, ...]:
    """Area, depth and width of canal and sac, their ratios, the recesses' asymmetry, and a herniation's size.

    Nothing, with a word in the log, where the pixel spacing is not known.
    """
    if view.spacing_mm is None:
        log.warning("%s: nothing is measured, since the pixel spacing is not known", view.level)
        return ()
    site, found = Site.level(view.level), []
    values: dict[str, float] = {}

    def add(name: str, value: float, unit: str, drawn: tuple[Line, ...] = (), note: str = "") -> None:
        values[name] = value
        found.append(Measured(name, site, round(value, 3), unit, view.page, drawn, note))

    for label, name in (("spinal_canal", "canal"), ("dural_sac", "sac")):
        if label not in view.masks:
            continue
        mask = view.masks[label]
        add(f"{name}_area", area_mm2(mask, view.spacing_mm), "mm2")
        depth, line = depth_mm(mask, view.spacing_mm)
        add(f"{name}_ap_diameter", depth, "mm", (line,))
        width, line = width_mm(mask, view.spacing_mm)
        add(f"{name}_width", width, "mm", (line,))
    if {"sac_area", "canal_area"} <= set(values):
        add("sac_to_canal_area", values["sac_area"] / values["canal_area"], "")
        add("sac_to_canal_ap_diameter", values["sac_ap_diameter"] / values["canal_ap_diameter"], "")
    if "lateral_recess" in view.masks:
        left, right = sides_mm2(view.masks["lateral_recess"], view)
        if left and right:
            add("recess_asymmetry", left / right, "", note=f"left {left:.0f} mm2, right {right:.0f} mm2")
    if "herniation" in view.masks:
        mask = view.masks["herniation"]
        depth, down = depth_mm(mask, view.spacing_mm, widest=True)
        width, across = width_mm(mask, view.spacing_mm)
        add("herniation_ap", depth, "mm", (down,))
        add("herniation_width", width, "mm", (across,))
        add("herniation_area", area_mm2(mask, view.spacing_mm), "mm2")
    return tuple(found)


def area_mm2(mask: NDArray[np.bool_], spacing_mm: tuple[float, float]) -> float:
    """The area of a mask (rows, columns)."""
    return float(np.count_nonzero(mask)) * spacing_mm[0] * spacing_mm[1]


def depth_mm(
    mask: NDArray[np.bool_], spacing_mm: tuple[float, float], *, widest: bool = False
) -> tuple[float, Line]:
    """The ventro-dorsal diameter, with its line: in the column of the mask's middle, or in its deepest column.

    Parameters
    ----------
    mask:
        (rows, columns), not empty.
    widest:
        Whether to take the deepest column.
    """
    columns = np.flatnonzero(mask.any(axis=0))
    if widest:
        column = int(columns[np.argmax(mask[:, columns].sum(axis=0))])
    else:
        column = int(columns[np.argmin(np.abs(columns - np.nonzero(mask)[1].mean()))])
    rows = np.flatnonzero(mask[:, column])
    line = ((float(rows[0]), float(column)), (float(rows[-1]), float(column)))
    return float(rows[-1] - rows[0] + 1) * spacing_mm[0], line


def width_mm(mask: NDArray[np.bool_], spacing_mm: tuple[float, float]) -> tuple[float, Line]:
    """The greatest transverse diameter of a mask (rows, columns) that is not empty, with its line."""
    rows = np.flatnonzero(mask.any(axis=1))
    first = mask[rows].argmax(axis=1)
    last = mask.shape[1] - 1 - mask[rows, ::-1].argmax(axis=1)
    best = int(np.argmax(last - first))
    line = ((float(rows[best]), float(first[best])), (float(rows[best]), float(last[best])))
    return float(last[best] - first[best] + 1) * spacing_mm[1], line


def sides_mm2(mask: NDArray[np.bool_], view: LevelView) -> tuple[float, float]:
    """The areas of a paired structure (left, right) on either side of the canal's middle."""
    spacing = view.spacing_mm or (0.0, 0.0)
    middle = view.centre[1]
    columns = np.arange(mask.shape[1])
    high, low = (area_mm2(mask & side[None, :], spacing) for side in (columns > middle, columns < middle))
    return (high, low) if view.left_high else (low, high)


def disc_bulge_mm(
    disc: NDArray[np.bool_],
    vertebra: NDArray[np.bool_],
    near: tuple[float, float],
    spacing_mm: tuple[float, float],
    *,
    back_high: bool = True,
) -> tuple[float, Line] | None:
    """How far a disc reaches behind the line between the posterior edges of its two vertebrae.

    Parameters
    ----------
    disc, vertebra:
        Masks (rows, columns) of a sagittal slice, the sacrum counting as a vertebra.
    near:
        (row, column) of the disc's middle.
    back_high:
        Whether the back lies on the higher columns.

    Returns
    -------
    tuple or None
        The distance in mm, 0 where it stays in front of the line, and its line; None where disc or edges are not
        outlined.
    """
    from scipy.ndimage import label  # noqa: PLC0415 - slow to load

    numbered, count = label(disc)
    if not count:
        return None
    scale = np.asarray(spacing_mm)
    pieces = [np.argwhere(numbered == i + 1) * scale for i in range(count)]
    at = np.asarray(near) * scale
    own = min(pieces, key=lambda piece: float(np.linalg.norm(piece - at, axis=1).min()))
    middle, sign = own.mean(axis=0), 1.0 if back_high else -1.0
    bone = np.argwhere(vertebra) * scale
    close = bone[np.linalg.norm(bone - middle, axis=1) < 30.0]
    edges = []
    for part in (close[close[:, 0] < own[:, 0].min() + 2.0], close[close[:, 0] > own[:, 0].max() - 2.0]):
        band = part[np.abs(part[:, 0] - middle[0]) < 14.0]
        if not len(band):
            return None
        edges.append(band[np.argmax(sign * band[:, 1])])
    upper, lower = edges
    along = (lower - upper) / max(float(np.linalg.norm(lower - upper)), 1e-6)
    behind = np.array([-along[1], along[0]]) * sign  # to the back, since `along` runs to the feet
    reach = (own - upper) @ behind
    tip = own[int(np.argmax(reach))]
    foot = tip - behind * reach.max()
    ends = ((foot / scale).tolist(), (tip / scale).tolist())
    return max(0.0, float(reach.max())), ((ends[0][0], ends[0][1]), (ends[1][0], ends[1][1]))
