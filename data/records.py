"""The frozen records that cross package borders.

Ids are text. A study's id and a series' id come from its DICOM UIDs, or from the file's content where there are
none; they never hold an identity. Times are UTC, ISO 8601, to the second.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from data.answers import STUDY, Answer, Site, Value


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


@dataclass(frozen=True, slots=True)
class QuestionPrediction:
    """What a model says to one question at one site.

    Parameters
    ----------
    value:
        The answer: the most probable one, or the one at the operating point.
    probabilities:
        Calibrated, by option; they sum to 1 for choices and grades. For a mask, by label.
    uncertainty:
        Entropy of the probabilities over its maximum: 0 (certain) to 1.
    """

    question: str
    site: Site
    value: Value
    probabilities: Mapping[str, float]
    uncertainty: float

    @property
    def answer(self) -> Answer:
        """The prediction as an answer."""
        return Answer(self.question, self.site, self.value)


@dataclass(frozen=True, slots=True)
class Measured:
    """A quantity that a model version measured, beside what the form asks.

    Parameters
    ----------
    name:
        What was measured, such as ``long_diameter``; lower-case letters, digits and ``_``.
    unit:
        ``mm``, ``mm2``, ``ml``, ``HU``, ``pct`` ... ; empty for a ratio.
    page:
        The page on which it was measured, from 0; None where it belongs to none.
    drawn:
        The ends of the lines to draw on that page: ((row, column), (row, column)) in native pixels each.
    note:
        What a reader must know of it, such as what it was compared with.
    """

    name: str
    site: Site
    value: float
    unit: str
    page: int | None = None
    drawn: tuple[tuple[tuple[float, float], tuple[float, float]], ...] = ()
    note: str = ""


@dataclass(frozen=True, slots=True)
class Prediction:
    """What one model version says of one study."""

    task: str
    study_id: str
    version: str
    results: tuple[QuestionPrediction, ...]
    created_at: str = ""
    measured: tuple[Measured, ...] = ()

    def result(self, question: str, site: Site = STUDY) -> QuestionPrediction | None:
        """The result for a question at a site; None where the model was not asked."""
        return next((r for r in self.results if r.question == question and r.site == site), None)

    @property
    def uncertainty(self) -> float:
        """The largest uncertainty over the questions, 0 to 1."""
        return max((r.uncertainty for r in self.results), default=1.0)


class ReaderKind(StrEnum):
    """Who reads. Scripted readers are never counted among people."""

    PERSON = "person"
    SCRIPTED = "scripted"


class ReaderRole(StrEnum):
    """What a reader does."""

    READER = "reader"
    ADJUDICATOR = "adjudicator"


@dataclass(frozen=True, slots=True)
class Reader:
    """Somebody who answers a task's questions. ``reader_id``: lower-case letters, digits and ``-``."""

    reader_id: str
    name: str
    kind: ReaderKind = ReaderKind.PERSON
    role: ReaderRole = ReaderRole.READER


class Mode(StrEnum):
    """Whether a reader sees the model's answer."""

    ASSISTED = "assisted"
    INDEPENDENT = "independent"


class Purpose(StrEnum):
    """Why a read is asked for."""

    ACQUISITION = "acquisition"
    """A training patient's study that the model needs."""
    VALIDATION = "validation"
    CALIBRATION = "calibration"
    TEST = "test"
    """Patients drawn at random, for the reference standard."""
    ADJUDICATION = "adjudication"
    """The readers did not agree."""


@dataclass(frozen=True, slots=True)
class BatchItem:
    """A study in a query batch, with why it is there."""

    study_id: str
    purpose: Purpose
    mode: Mode
    score: float
    reason: str


@dataclass(frozen=True, slots=True)
class QueryBatch:
    """What one round asks to be read."""

    round_id: str
    task: str
    items: tuple[BatchItem, ...]


class RequestState(StrEnum):
    """How far one read is."""

    PLANNED = "planned"
    PUSHED = "pushed"
    ANSWERED = "answered"
    SKIPPED = "skipped"
    WITHDRAWN = "withdrawn"


@dataclass(frozen=True, slots=True)
class ReadRequest:
    """One study, one reader, one read.

    Parameters
    ----------
    request_id:
        From round, study, reader and purpose: asking again gives the same id.
    external_project, external_task:
        The labelling server's own ids, once it is pushed.
    """

    request_id: str
    round_id: str
    task: str
    study_id: str
    reader_id: str
    purpose: Purpose
    mode: Mode
    state: RequestState = RequestState.PLANNED
    external_project: int | None = None
    external_task: int | None = None


@dataclass(frozen=True, slots=True)
class ReadPackage:
    """What a labelling server gets of one request: nothing that names the patient.

    Parameters
    ----------
    label:
        The pseudonym, shown to the reader.
    pages:
        8-bit PNG files in the order of the pages, native pixels.
    shapes:
        (rows, columns) of each page.
    prefill:
        The champion's answers, for assisted reads; empty for independent ones.
    prefill_version, prefill_score:
        The model version that gave them, and its certainty (1 - uncertainty).
    """

    request: ReadRequest
    label: str
    pages: tuple[bytes, ...]
    shapes: tuple[tuple[int, int], ...]
    prefill: tuple[Answer, ...] = ()
    prefill_version: str = ""
    prefill_score: float = 0.0


@dataclass(frozen=True, slots=True)
class Annotation:
    """One reader's read of one study.

    Parameters
    ----------
    annotation_id:
        From the labelling server's own id, or from the imported row: the same read gives the same id.
    raw:
        The blob of the server's own JSON, as it came; empty for imported reads.
    skipped:
        The reader declined; there are no answers.
    lead_time_s:
        Seconds that the reader took, as the server counted them.
    revision:
        1 for the read as first given; a changed read is kept beside it, with the next number.
    """

    annotation_id: str
    task: str
    study_id: str
    reader_id: str
    mode: Mode
    answers: tuple[Answer, ...]
    request_id: str = ""
    round_id: str = ""
    purpose: Purpose = Purpose.ACQUISITION
    raw: str = ""
    skipped: bool = False
    lead_time_s: float | None = None
    created_at: str = ""
    revision: int = 1


@dataclass(frozen=True, slots=True)
class PulledRead:
    """An answer as the labelling server gave it, checked against form and reader but not yet kept."""

    request_id: str
    external_id: str
    answers: tuple[Answer, ...]
    skipped: bool
    lead_time_s: float | None
    updated_at: str
    raw: bytes


@dataclass(frozen=True, slots=True)
class RefusedRead:
    """An answer on the labelling server that does not fit, and why."""

    request_id: str
    external_id: str
    message: str


class ConsensusState(StrEnum):
    """What became of the readers' answers to one question."""

    AGREED = "agreed"
    DISPUTED = "disputed"
    ADJUDICATED = "adjudicated"


@dataclass(frozen=True, slots=True)
class Consensus:
    """What the readers agreed on one question at one site.

    Parameters
    ----------
    value:
        None while it is disputed.
    method:
        The rule, such as ``majority``.
    support:
        Share of the readers who gave that answer, 0 to 1.
    annotations:
        The annotations it came from.
    """

    task: str
    study_id: str
    round_id: str
    question: str
    site: Site
    state: ConsensusState
    value: Value | None
    method: str
    support: float
    annotations: tuple[str, ...]
    created_at: str = ""


@dataclass(frozen=True, slots=True)
class Metric:
    """A figure with its 95% interval over ``n`` patients. Bounds are None where they cannot be had."""

    value: float
    low: float | None
    high: float | None
    n: int

    def as_dict(self) -> dict[str, float | int | None]:
        """The figure as JSON."""
        return {"value": self.value, "low": self.low, "high": self.high, "n": self.n}


@dataclass(frozen=True, slots=True)
class ModelVersion:
    """A trained model of one task.

    Parameters
    ----------
    version:
        Its id, ``<task>-v<number>``.
    manifest:
        The blob of its manifest (see :mod:`models.versions`); the manifest names the weights.
    parent:
        The champion that it was trained to replace; empty for the first.
    round_id:
        The round that trained it; empty where it was trained by hand.
    """

    version: str
    task: str
    number: int
    profile: str
    manifest: str
    created_at: str
    parent: str = ""
    round_id: str = ""


class RoundState(StrEnum):
    """How far a round is. The states follow one another in this order; every step can be repeated."""

    OPENED = "opened"
    """The batch is chosen."""
    PUSHED = "pushed"
    """The readers have it."""
    READ = "read"
    """Every read that was asked for is in."""
    CLOSED = "closed"
    """Consensus stands, adjudicated where needed."""
    TRAINED = "trained"
    """There is a candidate."""
    COMPARED = "compared"
    """The candidate was compared with the champion."""
    PROMOTED = "promoted"
    """The candidate became champion."""
    KEPT = "kept"
    """The champion stayed."""
    CANCELLED = "cancelled"
    """Given up before it closed; its reads are kept."""


@dataclass(frozen=True, slots=True)
class Round:
    """One turn of the loop. ``plan`` holds the settings that it was opened with; ``outcome`` the comparison."""

    round_id: str
    task: str
    number: int
    state: RoundState
    plan: Mapping[str, Any] = field(default_factory=dict)
    champion: str = ""
    candidate: str = ""
    outcome: Mapping[str, Any] = field(default_factory=dict)
    opened_at: str = ""
    updated_at: str = ""


class JobState(StrEnum):
    """How far background work is."""

    WAITING = "waiting"
    RUNNING = "running"
    DONE = "done"
    FAILED = "failed"
    CANCELLED = "cancelled"


@dataclass(frozen=True, slots=True)
class Job:
    """A piece of background work.

    Parameters
    ----------
    kind, arguments:
        The registered function and its JSON arguments.
    progress:
        0 to 1.
    lease_until:
        While it runs, the worker renews this time; once it has passed, the work may be started again.
    """

    job_id: str
    kind: str
    arguments: Mapping[str, Any]
    state: JobState
    progress: float = 0.0
    message: str = ""
    attempts: int = 0
    lease_until: str = ""
    result: Mapping[str, Any] = field(default_factory=dict)
    error: Mapping[str, str] = field(default_factory=dict)
    created_at: str = ""
    updated_at: str = ""


@dataclass(frozen=True, slots=True)
class LogEntry:
    """A line of the append-only log. ``detail`` never holds an identity."""

    sequence: int
    at: str
    event: str
    subject: str
    detail: Mapping[str, Any]
