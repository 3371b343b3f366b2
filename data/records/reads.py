"""Readers, the reads that are asked of them, and what they answered."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from data.answers import Answer


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
