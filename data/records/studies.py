"""Patients, studies and series, and the labels that came with them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from data.answers import Answer


class Part(StrEnum):
    """What a patient serves, from the day the patient comes in."""

    TRAIN = "train"
    VALIDATION = "validation"
    CALIBRATION = "calibration"
    TEST = "test"


@dataclass(frozen=True, slots=True)
class Patient:
    """A person, or a phantom of one.

    Parameters
    ----------
    patient_id:
        ``source:id``; the id is the source's own, so it may identify: it stays in the store.
    pseudonym:
        What readers, logs and other programs see in its place; keyed, and the same in every import.
    part:
        By a keyed hash of ``patient_id``.
    """

    patient_id: str
    pseudonym: str
    part: Part


class Layout(StrEnum):
    """How a series' pixels are arranged."""

    IMAGE = "image"
    """(rows, columns), or (rows, columns, 3) in colour."""
    VOLUME = "volume"
    """(slices, rows, columns) with one geometry."""
    FRAMES = "frames"
    """(frames, rows, columns[, 3]) without a geometry of their own."""


@dataclass(frozen=True, slots=True)
class Series:
    """Pixels of one series, as they are kept.

    Parameters
    ----------
    pixels:
        The blob: a ``.npy`` array. After the modality LUT (HU for CT), larger is brighter (MONOCHROME1 inverted).
    spacing_mm:
        (rows, columns) for images, (slices, rows, columns) for volumes; None where it is not known.
    affine:
        For volumes, 4 x 4 by rows: (slice, row, column, 1) indices to DICOM patient coordinates (LPS) in mm.
    window:
        (centre, width) that the source asks to be shown with, in the kept pixels' values; None for the full range.
    source_paths:
        Where the files were, in the order of the pixels.
    attributes:
        What else is worth keeping of the header and identifies nobody: manufacturer, kernel, transfer syntax ...
    """

    series_id: str
    study_id: str
    modality: str
    layout: Layout
    shape: tuple[int, ...]
    pixels: str
    spacing_mm: tuple[float, ...] | None = None
    affine: tuple[float, ...] | None = None
    window: tuple[float, float] | None = None
    description: str = ""
    source_paths: tuple[str, ...] = ()
    attributes: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Study:
    """One examination of one patient.

    Parameters
    ----------
    view:
        For radiographs PA, AP, AP SUPINE, LL, RL or LATERAL; empty where it is not known.
    sex, age_y:
        ``F``, ``M`` or empty; years, or None.
    held:
        Why a person must look at it before it may leave for the labelling server (a burnt-in identity may be on
        the picture); empty where nothing holds it.
    phantom:
        Whether it is a phantom.
    """

    study_id: str
    patient: Patient
    modality: str
    series: tuple[Series, ...] = ()
    view: str = ""
    sex: str = ""
    age_y: float | None = None
    study_date: str = ""
    description: str = ""
    held: str = ""
    phantom: bool = False
    ingested_at: str = ""

    @property
    def label(self) -> str:
        """What people who must not know the patient see: the pseudonym."""
        return self.patient.pseudonym


@dataclass(frozen=True, slots=True)
class ReferenceLabel:
    """An answer that came with the data: imported, not read here. ``source`` names the file or rule."""

    task: str
    study_id: str
    answer: Answer
    source: str
