"""Radiographs of volumes: cone-beam projection of any CT-like volume at a known angle.

Patient coordinates are those of DICOM: x to the left, y to the back, z to the head, in mm about the axis that the
patient turns on. At a view angle of 0 the X-rays run from back to front (PA), at 90 from right to left (left
lateral), at 180 from front to back (AP). Pictures are seen from the detector's side, AP ones are mirrored as they
are hung, so that a frontal picture always has the patient's left on its right.

A volume is turned slice by slice and cut into planes parallel to the detector. Each plane casts a shadow that is
itself, magnified about the central ray: the shear-warp factorisation (Lacroute and Levoy, SIGGRAPH 1994) of a cone
beam. The obliquity of the outer rays (less than 1% of path at 1.8 m) is kept by a factor a pixel.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from data.errors import GeometryError
from data.phantoms.points import PointCloud

Floats = NDArray[np.float32]

WATER_PER_MM = 0.0200
"""Attenuation of water at about 62 keV, near the mean energy behind a chest at 120 kV (NISTIR 5632)."""


@dataclass(frozen=True, slots=True)
class Beam:
    """Where source and detector stand.

    Parameters
    ----------
    angle_deg:
        View angle: 0 PA, 90 left lateral, 180 AP, and all between; the patient's rotation error is part of it.
    source_detector_mm:
        Distance of source and detector.
    axis_detector_mm:
        Distance of the axis that the patient turns on from the detector.
    aim_mm:
        Where the central ray passes the axis: sideways in the picture, and height z.
    """

    angle_deg: float
    source_detector_mm: float = 1800.0
    axis_detector_mm: float = 220.0
    aim_mm: tuple[float, float] = (0.0, 0.0)

    def __post_init__(self) -> None:
        if not 0.0 <= self.axis_detector_mm < self.source_detector_mm:
            raise GeometryError(
                "The patient does not stand between source and detector.",
                given=f"axis {self.axis_detector_mm} mm before a detector {self.source_detector_mm} mm away",
                expected="an axis between the detector and the source",
                do="correct the distances",
            )

    @property
    def mirrored(self) -> bool:
        """Whether the picture is hung mirrored, as AP ones are."""
        return bool(np.cos(np.radians(self.angle_deg)) < -0.5)

    def axes(self) -> tuple[Floats, Floats]:
        """Unit vectors (y, x) along the central ray and to the right of the picture."""
        turn = np.radians(self.angle_deg)
        along = np.array((-np.cos(turn), np.sin(turn)), np.float32)
        right = np.array((np.sin(turn), np.cos(turn)), np.float32)
        return along, -right if self.mirrored else right

    def magnification(self, along_mm: Floats | float) -> Floats:
        """Magnification of what lies ``along_mm`` behind the axis as seen from the source."""
        distance = self.source_detector_mm - self.axis_detector_mm + along_mm
        return np.asarray(self.source_detector_mm / distance, np.float32)


@dataclass(frozen=True, slots=True)
class Detector:
    """A detector whose picture is ``rows`` by ``columns`` pixels.

    Parameters
    ----------
    pixel_mm:
        Edge of a pixel on the detector.
    centre_mm:
        Its middle: sideways and height on the detector, in the coordinates of the patient's axis.
    tilt_deg:
        How far it is turned in its plane.
    """

    rows: int
    columns: int
    pixel_mm: float
    centre_mm: tuple[float, float] = (0.0, 0.0)
    tilt_deg: float = 0.0

    def to_pixels(self, u_mm: Floats, z_mm: Floats) -> tuple[Floats, Floats]:
        """Columns and rows, in pixels from the middle of the first one, of places on the detector."""
        matrix = self.matrix()
        column = matrix[0, 0] * u_mm + matrix[0, 1] * z_mm + matrix[0, 2]
        row = matrix[1, 0] * u_mm + matrix[1, 1] * z_mm + matrix[1, 2]
        return column.astype(np.float32), row.astype(np.float32)

    def matrix(self) -> NDArray[np.float64]:
        """(2, 3): from (sideways, height) in mm to (column, row) in pixels."""
        tilt = np.radians(self.tilt_deg)
        cos, sin = np.cos(tilt) / self.pixel_mm, np.sin(tilt) / self.pixel_mm
        turn = np.array(((cos, sin), (sin, -cos)))
        middle = np.array(((self.columns - 1) / 2, (self.rows - 1) / 2))
        return np.column_stack([turn, middle - turn @ np.asarray(self.centre_mm)])


@dataclass(frozen=True, slots=True)
class Outline:
    """The shadow of the lungs on a detector.

    Parameters
    ----------
    mask:
        (rows, columns) pixels that some lung is projected on.
    box_px:
        top, left, bottom, right; bottom and right are past the last pixel.
    """

    mask: NDArray[np.bool_]
    box_px: tuple[int, int, int, int]


def hu_to_attenuation(hu: NDArray[np.generic], *, water_per_mm: float = WATER_PER_MM) -> Floats:
    """Linear attenuation of CT numbers, 1/mm, the same shape.

    Air to water is the definition of the Hounsfield unit; beyond +100 HU the slope is 0.8 of it, because calcium
    loses more than water between the effective energy of CT and that of a chest radiograph behind a filter is
    offset by the harder beam (the bilinear form of Burger et al., Eur J Nucl Med 29 (2002) 922).
    """
    values = np.maximum(np.asarray(hu, np.float32), -1000.0)
    bent = np.where(values > 100.0, 100.0 + 0.8 * (values - 100.0), values)
    return np.asarray(water_per_mm * (1.0 + bent / 1000.0), np.float32)


def project_volume(
    volume: Floats,
    spacing_mm: tuple[float, float, float],
    beam: Beam,
    detector: Detector,
    *,
    origin_mm: tuple[float, float, float] | None = None,
    plane_mm: float = 5.0,
) -> Floats:
    """Integrals of a volume along the rays to a detector.

    Parameters
    ----------
    volume:
        (slices, rows, columns), 1/mm (or a mask: then the integral is a path length in mm). Slices go to the head,
        rows to the back, columns to the left.
    spacing_mm:
        Of slices, rows, columns.
    origin_mm:
        z, y, x of the first voxel's middle; without it the volume is centred on the axis.
    plane_mm:
        Planes thinner than this are added up before they are magnified.

    Returns
    -------
    (rows, columns) of the detector, without unit (or mm).

    Raises
    ------
    GeometryError
        The volume is not three-dimensional or a spacing is not positive.
    """
    import cv2  # noqa: PLC0415 - slow to load

    _check(volume, spacing_mm)
    if origin_mm is None:
        z, y, x = (-(n - 1) / 2 * step for n, step in zip(volume.shape, spacing_mm, strict=True))
        origin_mm = (z, y, x)
    volume, origin_mm = _met(volume, spacing_mm[0], origin_mm, beam, detector)
    if not len(volume):
        return np.zeros((detector.rows, detector.columns), np.float32)
    turned, along, first_right, step = _turned(volume, spacing_mm, origin_mm, beam)
    slab = max(1, round(plane_mm / step))
    place = detector.matrix()
    total = np.zeros((detector.rows, detector.columns), np.float32)
    for start in range(0, len(turned), slab):
        plane = turned[start : start + slab].sum(axis=0)  # (Z, S)
        if not plane.any():
            continue
        grow = float(beam.magnification(along[start : start + slab].mean()))
        right0, height0 = beam.aim_mm
        onto = np.array(
            (
                (grow * step, 0.0, right0 + grow * (first_right - right0)),
                (0.0, grow * spacing_mm[0], height0 + grow * (origin_mm[0] - height0)),
            )
        )
        matrix = place[:, :2] @ onto
        matrix[:, 2] += place[:, 2]
        size = (detector.columns, detector.rows)
        total += cv2.warpAffine(plane, matrix, size, flags=cv2.INTER_LINEAR)
    return total * np.float32(step) * _obliquity(beam, detector)


def _check(volume: Floats, spacing_mm: tuple[float, float, float]) -> None:
    if volume.ndim != 3 or min(volume.shape) < 2 or min(spacing_mm) <= 0:
        raise GeometryError(
            "That is no volume to project.",
            given=f"shape {volume.shape}, spacing {spacing_mm} mm",
            expected="(slices, rows, columns) of two or more each, with positive spacing",
            do="stack the slices of one series, in order, and give their spacing in mm",
        )


def _met(
    volume: Floats, step_mm: float, origin_mm: tuple[float, float, float], beam: Beam, detector: Detector
) -> tuple[Floats, tuple[float, float, float]]:
    """The slices that some ray to the detector can meet, and their origin."""
    inverse = np.linalg.inv(detector.matrix()[:, :2])
    half = np.array((detector.columns, detector.rows)) / 2
    reach = float(np.abs(inverse[1]) @ half)
    height0 = beam.aim_mm[1]
    low, high = detector.centre_mm[1] - reach - height0, detector.centre_mm[1] + reach - height0
    # a slice is magnified 1 to 1.4 times, so that its height on the detector is known to that much
    z = origin_mm[0] + step_mm * np.arange(len(volume)) - height0
    met = np.flatnonzero((z >= min(low, 0.7 * low) - step_mm) & (z <= max(high, 0.7 * high) + step_mm))
    if not met.size:
        return volume[:0], origin_mm
    first = int(met[0])
    return volume[first : int(met[-1]) + 1], (origin_mm[0] + first * step_mm, origin_mm[1], origin_mm[2])


def _turned(
    volume: Floats, spacing_mm: tuple[float, float, float], origin_mm: tuple[float, float, float], beam: Beam
) -> tuple[Floats, Floats, float, float]:
    """The volume on axes (along, height, right), the places along, the first place to the right, the step."""
    import cv2  # noqa: PLC0415 - slow to load

    along_axis, right_axis = beam.axes()
    step = max(min(spacing_mm[1:]), 0.75)
    _, rows, columns = volume.shape
    corners_y = origin_mm[1] + np.array((0, 0, rows - 1, rows - 1)) * spacing_mm[1]
    corners_x = origin_mm[2] + np.array((0, columns - 1, 0, columns - 1)) * spacing_mm[2]
    corners = np.stack([corners_y, corners_x])
    t, s = along_axis @ corners, right_axis @ corners
    t0, s0 = float(t.min()), float(s.min())
    n_t, n_s = int((t.max() - t0) / step) + 2, int((s.max() - s0) / step) + 2
    # from (s, t) in the turned slice to (column, row) in the stored one
    y = np.array((right_axis[0] * step, along_axis[0] * step, s0 * right_axis[0] + t0 * along_axis[0]))
    x = np.array((right_axis[1] * step, along_axis[1] * step, s0 * right_axis[1] + t0 * along_axis[1]))
    y[2] -= origin_mm[1]
    x[2] -= origin_mm[2]
    matrix = np.stack([x / spacing_mm[2], y / spacing_mm[1]])
    turned = np.empty((n_t, len(volume), n_s), np.float32)
    for number, image in enumerate(volume):
        source = np.ascontiguousarray(image, np.float32)
        flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
        turned[:, number] = cv2.warpAffine(source, matrix, (n_s, n_t), flags=flags)
    return turned, (t0 + np.arange(n_t) * step).astype(np.float32), s0, step


def _obliquity(beam: Beam, detector: Detector) -> Floats:
    """How much longer than the central one each ray is, (rows, columns)."""
    inverse = np.linalg.inv(detector.matrix()[:, :2])
    column = np.arange(detector.columns) - (detector.columns - 1) / 2
    row = np.arange(detector.rows) - (detector.rows - 1) / 2
    u = inverse[0, 0] * column[None] + inverse[0, 1] * row[:, None] + detector.centre_mm[0] - beam.aim_mm[0]
    v = inverse[1, 0] * column[None] + inverse[1, 1] * row[:, None] + detector.centre_mm[1] - beam.aim_mm[1]
    return np.asarray(np.sqrt(1.0 + (u * u + v * v) / beam.source_detector_mm**2), np.float32)


def project_points(points: PointCloud, beam: Beam, detector: Detector) -> Floats:
    """Integrals of a cloud of points along the rays to a detector, (rows, columns), without unit.

    A point is shared by the four nearest pixels; its shadow spreads its weight over the pixel's size at its depth.
    """
    along_axis, right_axis = beam.axes()
    yx = points.zyx_mm[:, 1:]
    grow = beam.magnification(yx @ along_axis)
    right0, height0 = beam.aim_mm
    u = (right0 + grow * (yx @ right_axis - right0)).astype(np.float32)
    z = (height0 + grow * (points.zyx_mm[:, 0] - height0)).astype(np.float32)
    column, row = detector.to_pixels(u, z)
    weight = points.weight_mm2 * (grow / detector.pixel_mm) ** 2
    left, top = np.floor(column).astype(np.int32), np.floor(row).astype(np.int32)
    inside = (left >= -1) & (left < detector.columns) & (top >= -1) & (top < detector.rows)
    left, top, weight = left[inside], top[inside], weight[inside]
    right_part, low_part = column[inside] - left, row[inside] - top
    wide = detector.columns + 2  # a margin of one pixel takes what falls over the edge
    at = (top + 1) * wide + left + 1
    total = np.zeros((detector.rows + 2) * wide)
    for offset, part in (
        (0, (1 - right_part) * (1 - low_part)),
        (1, right_part * (1 - low_part)),
        (wide, (1 - right_part) * low_part),
        (wide + 1, right_part * low_part),
    ):
        total += np.bincount(at + offset, weight * part, total.size)
    return total.reshape(detector.rows + 2, wide)[1:-1, 1:-1].astype(np.float32)


def lung_outline(path_mm: Floats, *, least_mm: float = 8.0) -> Outline | None:
    """The outline of the lungs from their projected path lengths; None where no ray meets ``least_mm`` of lung."""
    mask = path_mm >= least_mm
    if not mask.any():
        return None
    rows, columns = np.flatnonzero(mask.any(axis=1)), np.flatnonzero(mask.any(axis=0))
    return Outline(mask, (int(rows[0]), int(columns[0]), int(rows[-1]) + 1, int(columns[-1]) + 1))
