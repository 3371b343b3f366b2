"""Phantom chest radiographs whose technical quality is known: projection, cut lung borders, rotation.

Every radiograph is a cone-beam projection of a thorax of its own, so that view, rotation and borders are geometry.
The truth is read off the geometry: a border is cut where the field ends inside the shadow of the lungs.
"""

from __future__ import annotations

import csv
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from data.phantoms.anatomy import draw_anatomy
from data.phantoms.dicom import in_processes
from data.phantoms.exposure import FULL_SCALE, draw_exposure, expose
from data.phantoms.framing import Framing, framed, lung_shadow
from data.phantoms.projection import Beam, project_points, project_volume
from data.phantoms.thorax import Thorax, build

ROTATED_DEG = 12.0
"""A lateral view counts as rotated from this error on."""
STRAIGHT_DEG = 4.0
"""A lateral view counts as straight up to this error; none is drawn between the two."""
TRUTHS = ("projection", "borders_frontal", "borders_lateral", "rotation_lateral")


@dataclass(frozen=True, slots=True)
class PhantomRadiograph:
    """A phantom chest radiograph and what is true of it.

    Parameters
    ----------
    pixels:
        (rows, columns), 12 bits, bright where much is absorbed.
    spacing_mm:
        Of rows and columns, on the detector.
    view:
        PA, AP or LL.
    truth:
        The questions that apply and their answers: ``projection``, and by it ``borders_frontal`` or
        ``borders_lateral`` and ``rotation_lateral``.
    rotation_deg:
        How far the patient was turned from the view asked for; positive turns the left side to the back (PA).
    lung_box_px:
        top, left, bottom, right of the lungs' shadow; beyond the field where a border is cut.
    field_px:
        top, left, bottom, right of what the collimator left open; the rest of the picture is dark.
    """

    patient: str
    study: str
    pixels: NDArray[np.uint16]
    spacing_mm: tuple[float, float]
    view: str
    sex: str
    age_y: int
    truth: Mapping[str, str]
    rotation_deg: float
    lung_box_px: tuple[float, float, float, float]
    field_px: tuple[float, float, float, float]


@dataclass(frozen=True, slots=True)
class _Plan:
    """What a radiograph shall show, before its anatomy is drawn."""

    frontal: bool
    cut: bool
    rotated: bool


def generate(count: int, *, seed: int = 0, first: int = 0, size_px: int = 384) -> Iterator[PhantomRadiograph]:
    """Phantom radiographs number ``first`` to ``first + count - 1``, one a patient.

    Each depends on the seed and its number alone. Of every 20 in a row 10 are frontal, 8 have cut borders and, of
    the lateral ones, 9 in 20 are rotated.

    Parameters
    ----------
    size_px:
        The longer side of the pictures.
    """
    for number in range(first, first + count):
        yield radiograph(number, seed=seed, size_px=size_px)


def truth_of(number: int, *, seed: int = 0) -> Mapping[str, str]:
    """What is true of the phantom radiograph with this number, without making it."""
    return _truth(_plan(number, seed))


def radiograph(number: int, *, seed: int = 0, size_px: int = 384) -> PhantomRadiograph:
    """The phantom radiograph with this number."""
    plan = _plan(number, seed)
    rng = np.random.default_rng((seed, number, 1))
    view = ("PA" if rng.random() < 0.7 else "AP") if plan.frontal else "LL"
    rotation = _rotation(plan, rng)
    arms_raised = not plan.frontal
    thorax = build(draw_anatomy(rng, arms_raised=arms_raised, frontal_at_detector=view == "PA"), rng)
    beam = beam_for(thorax, view, rotation, rng)
    tilt = float(np.clip(rng.normal(0.0, 2.2 if plan.frontal else 2.6), -6.0, 6.0))
    shadow = lung_shadow(thorax, beam, tilt, frontal=plan.frontal)
    framing = framed(shadow, thorax, beam, tilt, frontal=plan.frontal, cut=plan.cut, size_px=size_px, rng=rng)
    pixels = exposed(thorax, beam, framing, rng, frontal=plan.frontal)
    detector, box, field = framing.detector, framing.lung_box_px, framing.field_px
    if not plan.frontal and rng.random() < 0.35:  # hung the other way round, as some departments do
        pixels = pixels[:, ::-1].copy()
        box, field = (
            (top, pixels.shape[1] - right, bottom, pixels.shape[1] - left)
            for top, left, bottom, right in (box, field)
        )
    pixels = marked(pixels, view, detector.pixel_mm, rng)
    return PhantomRadiograph(
        patient=f"phantom-{number:04d}",
        study=f"phantom-cxr-{seed}-{number:04d}",
        pixels=pixels,
        spacing_mm=(detector.pixel_mm, detector.pixel_mm),
        view=view,
        sex=thorax.anatomy.sex,
        age_y=thorax.anatomy.age_y,
        truth=_truth(plan),
        rotation_deg=rotation,
        lung_box_px=box,
        field_px=field,
    )


def _plan(number: int, seed: int) -> _Plan:
    """The truths of one number: every block of 20 holds each combination in its share, in an order of its own."""
    block, place = divmod(number, 20)
    slot = int(np.random.default_rng((seed, block, 0)).permutation(20)[place])
    frontal, within = slot < 10, slot % 10
    cut = within < 4
    # 4 or 5 of the 10 lateral ones in turn, spread over cut and complete alike
    rotated = not frontal and within % 2 == block % 2 and within != 8
    return _Plan(frontal, cut, rotated)


def _truth(plan: _Plan) -> Mapping[str, str]:
    borders = "cut_off" if plan.cut else "complete"
    if plan.frontal:
        return {"projection": "frontal", "borders_frontal": borders}
    rotation = "rotated" if plan.rotated else "straight"
    return {"projection": "lateral", "borders_lateral": borders, "rotation_lateral": rotation}


def _rotation(plan: _Plan, rng: np.random.Generator) -> float:
    """How far the patient is turned from the view asked for, in degrees."""
    if plan.frontal:
        return float(np.clip(rng.normal(0.0, 2.2), -6.0, 6.0))
    sign = 1.0 if rng.random() < 0.5 else -1.0
    return sign * float(rng.uniform(ROTATED_DEG, 22.0) if plan.rotated else rng.uniform(0.0, STRAIGHT_DEG))


def beam_for(thorax: Thorax, view: str, rotation_deg: float, rng: np.random.Generator) -> Beam:
    """Where source and detector stand for a view (PA, AP or LL) of a patient turned by some degrees."""
    angle = {"PA": 0.0, "LL": 90.0, "AP": 180.0}[view] + rotation_deg
    distance = float(rng.uniform(1000.0, 1300.0) if view == "AP" else rng.uniform(1700.0, 1900.0))
    gap = {"PA": 160.0, "AP": 150.0, "LL": 230.0}[view] + float(rng.uniform(0.0, 40.0))
    aim = (float(rng.normal(0.0, 10.0)), 0.45 * thorax.anatomy.apex_mm + float(rng.normal(0.0, 15.0)))
    return Beam(angle, distance, gap, aim)


def exposed(
    thorax: Thorax, beam: Beam, framing: Framing, rng: np.random.Generator, *, frontal: bool
) -> NDArray[np.uint16]:
    """The picture of a thorax, (rows, columns), with an exposure and a processing of its own."""
    detector = framing.detector
    integrals = project_volume(thorax.attenuation, thorax.spacing_mm, beam, detector, origin_mm=thorax.origin_mm)
    integrals += project_points(thorax.fine, beam, detector)
    exposure = draw_exposure(rng, frontal=frontal)
    return expose(np.maximum(integrals, 0.0), exposure, rng, field=framing.opening())


def marked(pixels: NDArray[np.uint16], view: str, pixel_mm: float, rng: np.random.Generator) -> NDArray[np.uint16]:
    """With a lead letter near a corner, R or L, as the side is; now and then without one."""
    import cv2  # noqa: PLC0415 - slow to load

    if rng.random() < 0.15:
        return pixels
    rows, columns = pixels.shape
    right_side = view != "LL" and rng.random() < 0.6
    letter = "R" if right_side else "L"
    to_left = right_side if view != "LL" else rng.random() < 0.5
    scale = float(rng.uniform(10.0, 15.0)) / pixel_mm / 21.0
    inset = rng.uniform(0.02, 0.10, 2) * (columns, rows)
    column = int(inset[0] if to_left else columns - inset[0] - 20 * scale)
    row = int(rows - inset[1] if rng.random() < 0.2 else inset[1] + 22 * scale)
    lead = np.zeros(pixels.shape, np.uint8)
    cv2.putText(
        lead, letter, (column, row), cv2.FONT_HERSHEY_SIMPLEX, scale, 255, max(1, round(2.2 * scale)), cv2.LINE_AA
    )
    part = lead.astype(np.float32) / 255.0
    return np.rint(pixels + part * (FULL_SCALE - pixels.astype(np.float32))).astype(np.uint16)


def write_dicom(radiograph: PhantomRadiograph, folder: Path) -> Path:
    """Write a radiograph as a DX file for presentation, explicit little endian; its path comes back.

    UIDs follow from the study alone; about one in four is MONOCHROME1, where dark is what absorbs much.
    """
    from pydicom.dataset import Dataset, FileMetaDataset  # noqa: PLC0415
    from pydicom.uid import DigitalXRayImageStorageForPresentation, ExplicitVRLittleEndian, generate_uid  # noqa: PLC0415

    uids = [generate_uid(entropy_srcs=[radiograph.study, part]) for part in ("study", "series", "instance")]
    inverted = int(uids[2][-3:]) % 4 == 0
    pixels = FULL_SCALE - radiograph.pixels if inverted else radiograph.pixels
    file = Dataset()
    file.file_meta = FileMetaDataset()
    file.file_meta.MediaStorageSOPClassUID = DigitalXRayImageStorageForPresentation
    file.file_meta.MediaStorageSOPInstanceUID = uids[2]
    file.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    file.SOPClassUID, file.SOPInstanceUID = DigitalXRayImageStorageForPresentation, uids[2]
    file.StudyInstanceUID, file.SeriesInstanceUID = uids[0], uids[1]
    file.StudyID, file.SeriesNumber, file.InstanceNumber = "1", 1, 1
    file.Modality, file.PresentationIntentType = "DX", "FOR PRESENTATION"
    file.PatientName, file.PatientID = f"PHANTOM^{radiograph.patient.upper()}", radiograph.patient
    file.PatientSex, file.PatientAge, file.PatientBirthDate = radiograph.sex, f"{radiograph.age_y:03d}Y", ""
    file.StudyDate, file.StudyTime, file.AccessionNumber = "20240101", "120000", ""
    file.ReferringPhysicianName, file.Manufacturer = "", "Consilium phantom"
    file.StudyDescription, file.BodyPartExamined = "Chest radiograph, phantom", "CHEST"
    file.ViewPosition, file.ImageLaterality = radiograph.view, "U"
    file.PatientOrientation = ["A", "F"] if radiograph.view == "LL" else ["L", "F"]
    file.ImageType = ["DERIVED", "PRIMARY"]
    file.BurnedInAnnotation = "NO"
    file.PixelSpacing = [f"{spacing:.6f}" for spacing in radiograph.spacing_mm]
    file.ImagerPixelSpacing = file.PixelSpacing
    file.PixelIntensityRelationship, file.PixelIntensityRelationshipSign = "LOG", 1 if inverted else -1
    file.PresentationLUTShape = "INVERSE" if inverted else "IDENTITY"
    file.RescaleIntercept, file.RescaleSlope, file.RescaleType = "0", "1", "US"
    file.WindowCenter, file.WindowWidth = "2048", "4096"
    file.SamplesPerPixel, file.PhotometricInterpretation = 1, "MONOCHROME1" if inverted else "MONOCHROME2"
    file.Rows, file.Columns = pixels.shape
    file.BitsAllocated, file.BitsStored, file.HighBit, file.PixelRepresentation = 16, 12, 11, 0
    file.LossyImageCompression = "00"
    file.PixelData = pixels.astype("<u2").tobytes()
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{radiograph.patient}.dcm"
    file.save_as(path, enforce_file_format=True)
    return path


def write(count: int, folder: Path, *, seed: int = 0, first: int = 0, labels: Path | None = None) -> list[Path]:
    """Write phantom radiographs as DICOM files, in two processes, and what is true of them as a table.

    Parameters
    ----------
    labels:
        A CSV file with the columns path (relative to ``folder``), patient, projection, borders_frontal,
        borders_lateral and rotation_lateral; a question that does not apply is empty.
    """
    numbers = range(first, first + count)
    task = partial(_write_one, folder=folder, seed=seed)
    written = in_processes(task, numbers)
    if labels is not None:
        labels.parent.mkdir(parents=True, exist_ok=True)
        with labels.open("w", newline="", encoding="utf-8") as stream:
            table = csv.writer(stream)
            table.writerow(("path", "patient", *TRUTHS))
            for path, patient, truth in written:
                table.writerow((path.relative_to(folder), patient, *(truth.get(name, "") for name in TRUTHS)))
    return [path for path, _, _ in written]


def _write_one(number: int, *, folder: Path, seed: int) -> tuple[Path, str, dict[str, str]]:
    made = radiograph(number, seed=seed)
    return write_dicom(made, folder), made.patient, dict(made.truth)
