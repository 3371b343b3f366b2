"""Where a radiograph ends: fields that show the whole lungs, and fields that cut them by a known length."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from data.phantoms.projection import Beam, Detector, lung_outline, project_volume
from data.phantoms.thorax import Thorax

CUT_MM = 12.0
"""A border counts as cut where at least this much of the lungs' shadow is missing at one side of the picture."""
CLEAR_MM = 4.0
"""Borders count as complete where at least this much lies between the lungs' shadow and every side."""
DEEPEST_CUT_MM = {True: 28.0, False: 38.0}
"""On frontal views and on lateral ones, where lung borders are harder to see."""

Box: TypeAlias = tuple[float, float, float, float]
"""top, left, bottom, right, in pixels."""


@dataclass(frozen=True, slots=True)
class Field:
    """A rectangle on the tilted detector, in mm from the central ray; right and top are the larger ends."""

    left: float
    right: float
    bottom: float
    top: float


@dataclass(frozen=True, slots=True)
class Framing:
    """A detector, the collimator's field on it and the lungs' box, in pixels.

    Parameters
    ----------
    field_px:
        top, left, bottom, right of the field; beyond it the picture is dark.
    lung_box_px:
        top, left, bottom, right of the lungs' whole shadow; beyond the field where a border is cut.
    """

    detector: Detector
    field_px: Box
    lung_box_px: Box

    def opening(self) -> NDArray[np.float32]:
        """How much of each pixel the collimator leaves open, (rows, columns), 0 to 1."""
        top, left, bottom, right = self.field_px
        row = np.arange(self.detector.rows, dtype=np.float32)[:, None] + 0.5
        column = np.arange(self.detector.columns, dtype=np.float32)[None, :] + 0.5
        inside = np.minimum(np.minimum(row - top, bottom - row), np.minimum(column - left, right - column))
        return np.asarray(np.clip(inside + 0.5, 0.0, 1.0), np.float32)


def lung_shadow(thorax: Thorax, beam: Beam, tilt_deg: float, *, frontal: bool) -> tuple[Field, Field]:
    """The lungs' shadow as two boxes: wherever there may be lung to see, and where one sees it.

    The thin end of the recess behind the dome, say, is a shadow that nobody sees on a frontal view. Complete
    borders are judged by the first box, cut ones by the second.
    """
    pixel, size = 2.0, 300
    detector = Detector(size, size, pixel, beam.aim_mm, tilt_deg)
    coarse = np.ascontiguousarray(thorax.lungs[:, ::2, ::2])
    spacing = (thorax.spacing_mm[0], 2 * thorax.spacing_mm[1], 2 * thorax.spacing_mm[2])
    path = project_volume(coarse, spacing, beam, detector, origin_mm=thorax.origin_mm, plane_mm=10.0)
    boxes = []
    for least in (8.0 if frontal else 4.0, 24.0 if frontal else 14.0):
        outline = lung_outline(path, least_mm=least)
        assert outline is not None  # noqa: S101 - every thorax has lungs
        top, left, bottom, right = (edge * pixel - size * pixel / 2 for edge in outline.box_px)
        boxes.append(Field(left, right, -bottom, -top))
    return boxes[0], boxes[1]


def framed(
    shadow: tuple[Field, Field],
    thorax: Thorax,
    beam: Beam,
    tilt_deg: float,
    *,
    frontal: bool,
    cut: bool,
    size_px: int,
    rng: np.random.Generator,
) -> Framing:
    """A detector and a field on it that shows the lungs whole or cut.

    Either way one side lies close: over the lungs where they are cut, just clear of them where they are whole.
    Sizes are drawn alike, so that they do not tell.
    """
    whole, seen = shadow
    low, high = (CUT_MM + 2.0, DEEPEST_CUT_MM[frontal]) if cut else (-22.0, -CLEAR_MM - 0.5)
    reach = 90.0 if cut else 50.0
    field = _moved(_roomy(whole, frontal, rng), seen if cut else whole, float(rng.uniform(low, high)), reach, rng)
    low, high = _ends(thorax, beam)
    field = Field(field.left, field.right, max(field.bottom, low), min(field.top, high))
    outer = _with_frame(field, rng)
    pixel = max(outer.right - outer.left, outer.top - outer.bottom) / size_px
    rows, columns = round((outer.top - outer.bottom) / pixel), round((outer.right - outer.left) / pixel)
    centre = _untilted((outer.left + outer.right) / 2, (outer.top + outer.bottom) / 2, beam, tilt_deg)
    return Framing(
        Detector(rows, columns, pixel, centre, tilt_deg), _on(field, outer, pixel), _on(whole, outer, pixel)
    )


def _on(part: Field, outer: Field, pixel_mm: float) -> Box:
    """A field in pixels of the picture that the outer one is."""
    top, left = (outer.top - part.top) / pixel_mm, (part.left - outer.left) / pixel_mm
    return top, left, (outer.top - part.bottom) / pixel_mm, (part.right - outer.left) / pixel_mm


def _roomy(whole: Field, frontal: bool, rng: np.random.Generator) -> Field:
    """A field around the whole lungs, at a size that hardly depends on theirs."""
    near = [float(margin) for margin in CLEAR_MM + 2.0 + rng.gamma(1.3, 9.0, 4)]
    left, right = whole.left - near[0], whole.right + near[1]
    bottom, top = whole.bottom - near[2], whole.top + near[3]
    goal = float(rng.uniform(320.0, 470.0) if frontal else rng.uniform(280.0, 420.0))
    wide, high = max(0.0, goal - (right - left)), max(0.0, float(rng.uniform(320.0, 480.0)) - (top - bottom))
    to_left, to_bottom = float(rng.uniform(0.15, 0.85)), float(rng.uniform(0.15, 0.7))
    left, bottom = left - to_left * wide, bottom - to_bottom * high
    return Field(left, right + (1 - to_left) * wide, bottom, top + (1 - to_bottom) * high)


def _moved(field: Field, lungs: Field, depth_mm: float, reach_mm: float, rng: np.random.Generator) -> Field:
    """The field with one side moved over the lungs, or close to them (negative), and the far side out."""
    side = str(rng.choice(("top", "left", "bottom", "right"), p=(0.2, 0.25, 0.3, 0.25)))
    along = float(rng.uniform(0.0, reach_mm))
    if side == "left":
        return replace(field, left=lungs.left + depth_mm, right=field.right + along)
    if side == "right":
        return replace(field, left=field.left - along, right=lungs.right - depth_mm)
    if side == "top":
        return replace(field, bottom=field.bottom - along, top=lungs.top - depth_mm)
    return replace(field, bottom=lungs.bottom + depth_mm, top=field.top + along)


def _with_frame(field: Field, rng: np.random.Generator) -> Field:
    """The picture's edges: those of the field, or wider where a dark frame is kept."""
    if rng.random() < 0.3:
        return field
    wide, high = field.right - field.left, field.top - field.bottom
    left, right, bottom, top = (float(part) for part in rng.uniform(-0.1, 0.3, 4).clip(0.0))
    return Field(
        field.left - left * wide, field.right + right * wide, field.bottom - bottom * high, field.top + top * high
    )


def _ends(thorax: Thorax, beam: Beam) -> tuple[float, float]:
    """How far down and up a field may reach before it shows where the phantom's trunk and neck end."""
    least = float(beam.magnification(230.0))
    low = thorax.origin_mm[0] + 2 * thorax.spacing_mm[0] - beam.aim_mm[1]
    high = low + (len(thorax.attenuation) - 5) * thorax.spacing_mm[0]
    return least * low + 8.0, least * high - 8.0


def _untilted(u_mm: float, v_mm: float, beam: Beam, tilt_deg: float) -> tuple[float, float]:
    """From the tilted frame around the central ray to places on the detector."""
    tilt = np.radians(tilt_deg)
    u = u_mm * np.cos(tilt) - v_mm * np.sin(tilt)
    v = u_mm * np.sin(tilt) + v_mm * np.cos(tilt)
    return float(u + beam.aim_mm[0]), float(v + beam.aim_mm[1])
