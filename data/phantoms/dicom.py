"""Phantom studies as files: DICOM series, masks, and the table of what is true of them."""

from __future__ import annotations

import csv
import os
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, field
from multiprocessing import get_context
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

Made = TypeVar("Made")

FEW = 8
"""Phantoms below which no further process is started."""
STORAGE = {"CT": "CTImageStorage", "MR": "MRImageStorage"}
"""SOP classes by modality, as pydicom names them."""


@dataclass(frozen=True, slots=True)
class PhantomSeries:
    """A stack of slices.

    Parameters
    ----------
    pixels:
        (slices, rows, columns) of int16; HU where the modality is CT.
    affine:
        4 x 4: (slice, row, column, 1) to LPS mm.
    window:
        (centre, width) to be shown with.
    attributes:
        Further DICOM attributes of every instance by keyword, such as ``ContrastBolusAgent``.
    """

    modality: str
    description: str
    pixels: NDArray[np.int16]
    affine: NDArray[np.float64]
    window: tuple[float, float]
    attributes: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class PhantomStudy:
    """A study of a phantom patient.

    Parameters
    ----------
    patient:
        ``phantom-0007``.
    study:
        From which every UID follows.
    answers:
        Cells of the table of truths by column: a question, or ``question@site``.
    masks:
        By question: what :func:`write_masks` keeps.
    """

    patient: str
    study: str
    sex: str
    age_y: int
    description: str
    body_part: str
    series: tuple[PhantomSeries, ...]
    answers: Mapping[str, str] = field(default_factory=dict)
    masks: Mapping[str, Mapping[str, NDArray[np.bool_]]] = field(default_factory=dict)


def write_series(study: PhantomStudy, number: int, folder: Path) -> list[Path]:
    """Write one series of a study, an instance a slice, explicit little endian; the paths in the slices' order.

    Parameters
    ----------
    number:
        Of the series, from 0.
    """
    from pydicom.uid import generate_uid  # noqa: PLC0415 - slow to load

    series = study.series[number]
    folder.mkdir(parents=True, exist_ok=True)
    series_uid = generate_uid(entropy_srcs=[study.study, "series", str(number)])
    paths = []
    for index in range(series.pixels.shape[0]):
        file = _instance(study, series, index)
        file.SeriesNumber, file.SeriesInstanceUID = number + 1, series_uid
        uid = generate_uid(entropy_srcs=[study.study, "instance", str(number), str(index)])
        file.SOPInstanceUID = file.file_meta.MediaStorageSOPInstanceUID = uid
        path = folder / f"s{number + 1}-{index + 1:03d}.dcm"
        file.save_as(path, enforce_file_format=True)
        paths.append(path)
    return paths


def _instance(study: PhantomStudy, series: PhantomSeries, index: int) -> Any:
    import pydicom.uid as uids  # noqa: PLC0415 - slow to load
    from pydicom.dataset import Dataset, FileMetaDataset  # noqa: PLC0415

    storage = getattr(uids, STORAGE[series.modality])
    pixels = series.pixels[index]
    file = Dataset()
    file.file_meta = FileMetaDataset()
    file.file_meta.MediaStorageSOPClassUID = file.SOPClassUID = storage
    file.file_meta.TransferSyntaxUID = uids.ExplicitVRLittleEndian
    file.StudyInstanceUID = uids.generate_uid(entropy_srcs=[study.study, "study"])
    file.FrameOfReferenceUID = uids.generate_uid(entropy_srcs=[study.study, "frame"])
    file.StudyID, file.InstanceNumber, file.Modality = "1", index + 1, series.modality
    file.PatientName, file.PatientID = f"PHANTOM^{study.patient.upper()}", study.patient
    file.PatientSex, file.PatientAge, file.PatientBirthDate = study.sex, f"{study.age_y:03d}Y", ""
    file.StudyDate, file.StudyTime, file.AccessionNumber = "20240101", "120000", ""
    file.ReferringPhysicianName, file.Manufacturer = "", "Consilium phantom"
    file.StudyDescription, file.SeriesDescription = study.description, series.description
    file.BodyPartExamined, file.BurnedInAnnotation, file.PatientPosition = study.body_part, "NO", "HFS"
    file.ImageType = ["DERIVED", "PRIMARY", "AXIAL" if series.modality == "CT" else "OTHER"]
    # columns of the matrix: step of a slice, of a row (downwards), of a column (to the right)
    step, down, right = series.affine[:3, 0], series.affine[:3, 1], series.affine[:3, 2]
    spacing = np.linalg.norm(down), np.linalg.norm(right)
    file.PixelSpacing = [f"{length:.6f}" for length in spacing]
    file.SliceThickness = f"{np.linalg.norm(step):.6f}"
    file.ImageOrientationPatient = [f"{x:.9f}" for x in (*(right / spacing[1]), *(down / spacing[0]))]
    file.ImagePositionPatient = [f"{x:.6f}" for x in series.affine[:3, 3] + index * step]
    if series.modality == "CT":
        file.RescaleIntercept, file.RescaleSlope, file.RescaleType = "0", "1", "HU"
    file.WindowCenter, file.WindowWidth = (f"{value:g}" for value in series.window)
    file.SamplesPerPixel, file.PhotometricInterpretation = 1, "MONOCHROME2"
    file.Rows, file.Columns = pixels.shape
    file.BitsAllocated, file.BitsStored, file.HighBit, file.PixelRepresentation = 16, 16, 15, 1
    file.PixelData = np.ascontiguousarray(pixels, dtype="<i2").tobytes()
    for keyword, value in series.attributes.items():
        setattr(file, keyword, value)
    return file


def write_masks(path: Path, masks: Mapping[str, NDArray[np.bool_]]) -> Path:
    """Write binary masks to one ``.npz`` file, as :mod:`data.ingest.masks` reads it.

    Parameters
    ----------
    masks:
        By label (pages, rows, columns), or by ``label@page`` (rows, columns), the page from 0; native pixels.
        Labels may overlap. A page is one of what the task shows readers.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    kept: dict[str, Any] = {name: np.asarray(mask, dtype=bool) for name, mask in masks.items()}
    np.savez_compressed(path, **kept)
    return path


def write_study(study: PhantomStudy, folder: Path) -> dict[str, str]:
    """Write a study's series in a folder of its own; its row of the table of truths comes back.

    The masks go to a folder beside, so that ``folder`` holds images alone.
    """
    own = folder / study.patient
    beside = folder.with_name(f"{folder.name}-masks") / study.patient
    written = [write_series(study, number, own)[0] for number in range(len(study.series))]
    row = {"path": str(written[0].relative_to(folder)), "patient": study.patient, **study.answers}
    for question, masks in study.masks.items():
        row[question] = os.path.relpath(write_masks(beside / f"{question}.npz", masks), folder)
    return row


def write_table(path: Path, rows: Sequence[Mapping[str, str]]) -> Path:
    """Write the table of truths: a CSV with every column that any row has; ``path`` is relative to its folder."""
    columns = list(dict.fromkeys(column for row in rows for column in row))
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w", newline="", encoding="utf-8") as stream:
        writer = csv.DictWriter(stream, columns, restval="")
        writer.writeheader()
        writer.writerows(rows)
    return path


def in_processes(make: Callable[[int], Made], numbers: Sequence[int]) -> list[Made]:
    """What a function gives for each number, in order; in two processes of a thread each where there are many.

    Parameters
    ----------
    make:
        A function of a module, or a ``functools.partial`` of one, since it goes to another process.
    """
    if len(numbers) < FEW:
        return [make(number) for number in numbers]
    with ProcessPoolExecutor(2, mp_context=get_context("spawn"), initializer=_one_thread) as pool:
        return list(pool.map(make, numbers, chunksize=4))


def _one_thread() -> None:
    """Two processes whose linear algebra takes both cores each would wait for one another most of the time."""
    import cv2  # noqa: PLC0415 - slow to load
    from threadpoolctl import threadpool_limits  # noqa: PLC0415

    cv2.setNumThreads(1)
    threadpool_limits(1)
