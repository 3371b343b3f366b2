"""Lateral radiographs of a CT at known angles: straight and rotated ones of a real chest.

The volume is turned and projected. A flat picture is never warped: that would not bring out what lies behind.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from data.errors import ConfigError, GeometryError
from data.volume import Volume

if TYPE_CHECKING:
    from data.phantoms.projection import Beam, Detector

Floats = NDArray[np.float32]

GRID_MM = 1.25
"""Voxels that are smaller are averaged: a picture of 256 pixels shows no more."""
TISSUE_HU, LUNG_HU = -300.0, -400.0
"""What is denser than the first is body, what is less dense than the second and in it is lung or airway."""
THIN_MM = 9.0
"""What is thinner, such as the sheet of a table, is not body."""
LEAST_LUNG_ML = 500.0
LEAST_HEIGHT_MM = 120.0


@dataclass(frozen=True, slots=True)
class Chest:
    """The chest of a CT without table and air around it.

    Parameters
    ----------
    attenuation:
        (slices, rows, columns), 1/mm; slices go to the head, rows to the back, columns to the left.
    lungs:
        1 where a voxel is lung or airway, else 0; the same shape.
    spacing_mm:
        Of slices, rows and columns.
    origin_mm:
        z, y and x of the first voxel's middle about the middle of the lungs.
    """

    attenuation: Floats
    lungs: Floats
    spacing_mm: tuple[float, float, float]
    origin_mm: tuple[float, float, float]

    @classmethod
    def of(cls, volume: Volume) -> Chest:
        """The chest in a CT volume, turned so that the head is up.

        Raises
        ------
        GeometryError
            It shows less than 120 mm of height, or less than 500 ml of lung.
        """
        from data.phantoms.projection import hu_to_attenuation  # noqa: PLC0415 - loads cv2

        hu, spacing = _coarser(volume.canonical())
        body = _body(hu, spacing)
        lungs = _lungs(hu, body)
        litres_ml = float(lungs.sum()) * float(np.prod(spacing)) / 1000.0
        height_mm = len(hu) * spacing[0]
        if litres_ml < LEAST_LUNG_ML or height_mm < LEAST_HEIGHT_MM:
            raise GeometryError(
                "That CT does not show a chest.",
                given=f"{height_mm:.0f} mm of height, {litres_ml:.0f} ml of lung",
                expected=f"at least {LEAST_HEIGHT_MM:.0f} mm of height and {LEAST_LUNG_ML:.0f} ml of lung, in HU",
                do="name the axial series of a chest CT",
            )
        middle = [(float(i.min()) + float(i.max())) / 2 for i in np.nonzero(lungs)]
        z, y, x = (-m * step for m, step in zip(middle, spacing, strict=True))
        attenuation = np.where(body, hu_to_attenuation(hu), np.float32(0))
        return cls(attenuation, lungs.astype(np.float32), spacing, (z, y, x))


def read_chests(paths: Sequence[str]) -> tuple[Chest, ...]:
    """The chests of CT volumes, each a NIfTI file or a folder of DICOM files.

    Raises
    ------
    ConfigError
        A path does not exist.
    GeometryError
        There is no CT volume, or it shows no chest; the path is named.
    """
    from data.ingest.alone import read_volume  # noqa: PLC0415 - loads the decoders

    places = [Path(path).expanduser() for path in paths]
    for place in places:
        if not place.exists():
            raise ConfigError(
                "A volume for simulated rotation is missing.", given=f"rotation_volumes: {place.absolute()}",
                expected="a NIfTI file, or a folder of DICOM files", do="correct the path, or leave it out",
            )  # fmt: skip
    chests = []
    for place in places:
        volume = read_volume(place, modality="CT")
        try:
            chests.append(Chest.of(volume))
        except GeometryError as error:
            raise GeometryError(
                error.message, given=f"{place}: {error.given}", expected=error.expected, do=error.do
            ) from error
    return tuple(chests)


def lateral(chest: Chest, rotation_deg: float, rng: np.random.Generator, *, size_px: int) -> NDArray[np.uint16]:
    """A left lateral radiograph of a chest that stands rotated by an angle; framing and exposure are drawn.

    Parameters
    ----------
    rotation_deg:
        Error of the view, to either side.
    size_px:
        Longer side.

    Returns
    -------
    NDArray
        (rows, columns), 12 bits, bright where much is absorbed; hung the other way round in about one of three.
    """
    from data.phantoms.exposure import draw_exposure, expose  # noqa: PLC0415 - loads cv2
    from data.phantoms.projection import Beam, project_volume  # noqa: PLC0415

    aim = (float(rng.normal(0.0, 10.0)), float(rng.normal(0.0, 15.0)))
    beam = Beam(
        90.0 + rotation_deg, float(rng.uniform(1700.0, 1900.0)), 230.0 + float(rng.uniform(0.0, 40.0)), aim
    )
    detector = _detector(chest, beam, size_px, rng)
    integrals = project_volume(chest.attenuation, chest.spacing_mm, beam, detector, origin_mm=chest.origin_mm)
    pixels = expose(np.maximum(integrals, 0.0), draw_exposure(rng, frontal=False), rng)
    return np.ascontiguousarray(pixels[:, ::-1]) if rng.random() < 0.35 else pixels


def _detector(chest: Chest, beam: Beam, size_px: int, rng: np.random.Generator) -> Detector:
    """A detector that shows the lungs with a margin, and nothing past the ends of the volume."""
    from data.phantoms.projection import Detector, lung_outline, project_volume  # noqa: PLC0415 - loads cv2

    pixel, size = 2.0, 320
    tilt = float(np.clip(rng.normal(0.0, 2.6), -6.0, 6.0))
    coarse = np.ascontiguousarray(chest.lungs[:, ::2, ::2])
    spacing = (chest.spacing_mm[0], 2 * chest.spacing_mm[1], 2 * chest.spacing_mm[2])
    whole = Detector(size, size, pixel, (0.0, 0.0), 0.0)
    path = project_volume(coarse, spacing, beam, whole, origin_mm=chest.origin_mm, plane_mm=10.0)
    outline = lung_outline(path, least_mm=4.0)
    assert outline is not None  # noqa: S101 - every chest has lungs
    top, left, bottom, right = (edge * pixel - size * pixel / 2 for edge in outline.box_px)
    near = 6.0 + rng.gamma(1.3, 9.0, 4)
    left, right = left - near[0], right + near[1]
    least = float(beam.magnification(chest.origin_mm[1] + chest.spacing_mm[1] * chest.lungs.shape[1]))
    ends = chest.origin_mm[0] + chest.spacing_mm[0] * np.array((2.0, len(chest.lungs) - 3.0))
    slope = float(np.sin(np.radians(abs(tilt)))) * (right - left) / 2
    low, high = beam.aim_mm[1] + least * (ends - beam.aim_mm[1]) + np.array((slope, -slope))
    low, high = max(-bottom - near[2], low), min(-top + near[3], high)
    step = float(max(right - left, high - low)) / size_px
    middle = ((left + right) / 2, float(low + high) / 2)
    return Detector(round(float(high - low) / step), round((right - left) / step), step, middle, tilt)


def _coarser(volume: Volume) -> tuple[Floats, tuple[float, float, float]]:
    """The volume in HU with voxels of about :data:`GRID_MM`, or its own where they are larger."""
    import cv2  # noqa: PLC0415 - slow to load

    step_z, step_y, step_x = volume.spacing_mm
    thick = max(1, round(GRID_MM / step_z))
    slices, rows, columns = volume.array.shape
    size = (max(2, round(columns * min(1.0, step_x / GRID_MM))), max(2, round(rows * min(1.0, step_y / GRID_MM))))
    made = []
    for start in range(0, slices - thick + 1, thick):
        slab = np.clip(volume.array[start : start + thick], -1000, 3000).astype(np.float32).mean(axis=0)
        made.append(cv2.resize(slab, size, interpolation=cv2.INTER_AREA))
    spacing = (thick * step_z, step_y * rows / size[1], step_x * columns / size[0])
    return np.stack(made).astype(np.float32), spacing


def _body(hu: Floats, spacing_mm: tuple[float, float, float]) -> NDArray[np.bool_]:
    """The patient, lungs included: the largest thing thicker than a table's sheet, filled slice by slice."""
    import cv2  # noqa: PLC0415 - slow to load
    from scipy import ndimage  # noqa: PLC0415 - slow to load

    wide = 2 * round(THIN_MM / 2 / spacing_mm[1]) + 1
    brush = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (wide, wide))
    solid = np.stack([cv2.morphologyEx(s, cv2.MORPH_OPEN, brush) for s in (hu > TISSUE_HU).astype(np.uint8)])
    body = _largest(solid, share=1.0)
    ring = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (3, 3))
    filled = [cv2.dilate(ndimage.binary_fill_holes(s).astype(np.uint8), ring) for s in body]
    return np.stack(filled).astype(bool)


def _lungs(hu: Floats, body: NDArray[np.bool_]) -> NDArray[np.bool_]:
    import cv2  # noqa: PLC0415 - slow to load

    skin = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (9, 9))
    inner = np.stack([cv2.erode(s, skin) for s in body.astype(np.uint8)]).astype(bool)
    return _largest((hu < LUNG_HU) & inner, share=0.2)


def _largest(mask: NDArray[np.generic], *, share: float) -> NDArray[np.bool_]:
    """The connected parts that have at least this share of the largest one's voxels."""
    from scipy import ndimage  # noqa: PLC0415 - slow to load

    parts, count = ndimage.label(mask)
    if not count:
        return np.zeros(mask.shape, dtype=bool)
    sizes = np.bincount(parts.ravel())[1:]
    return np.asarray(np.isin(parts, 1 + np.flatnonzero(sizes >= share * sizes.max())), dtype=bool)
