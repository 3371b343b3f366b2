"""Readers, the reads that are asked of them, and what they answered."""

from __future__ import annotations

from collections.abc import Mapping
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
    """Answers the cases of a round."""
    ADJUDICATOR = "adjudicator"
    """Decides disputed cases, and reads no others."""
    CURATOR = "curator"
    """Looks after rounds and readers, and reads nothing."""


@dataclass(frozen=True, slots=True)
class Reader:
    """Somebody who answers a task's questions, or decides on the answers of others.

    Parameters
    ----------
    reader_id:
        Lower-case letters, digits and ``-``.
    experience_y:
        Years of reading such examinations; None where it is not known.
    active:
        Whether new reads may be asked of this reader.
    """

    reader_id: str
    name: str
    kind: ReaderKind = ReaderKind.PERSON
    role: ReaderRole = ReaderRole.READER
    experience_y: float | None = None
    active: bool = True


@dataclass(frozen=True, slots=True)
class Guideline:
    """How a task's questions are to be answered, in writing. A version that was published never changes.

    Parameters
    ----------
    version:
        From 1.
    text:
        Markdown.
    questions:
        A fingerprint of each question as it was asked then: its wording, its options, its sites and its condition.
    """

    task: str
    version: int
    text: str
    questions: Mapping[str, str]
    created_at: str = ""


@dataclass(frozen=True, slots=True)
class Qualification:
    """How a reader did on a task's qualification set.

    Parameters
    ----------
    guideline:
        The version of the guideline that the reads followed.
    round_id:
        The qualification round.
    score, needed:
        The share of the answers that agreed with the reference standard, and the share that passes; 0 to 1.
    answers:
        How many were compared.
    """

    task: str
    reader_id: str
    guideline: int
    round_id: str
    score: float
    needed: float
    answers: int
    created_at: str = ""

    @property
    def passed(self) -> bool:
        """Whether the reader may read."""
        return self.answers > 0 and self.score >= self.needed


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
    AUDIT = "audit"
    """A cleared case, drawn at random to see whether it needed no reading."""
    ADJUDICATION = "adjudication"
    """The readers did not agree."""
    REREAD = "reread"
    """A case that the reader has read before and is not told so: how far a reader agrees with an earlier self."""
    SECOND_LOOK = "second_look"
    """The same reader again, now with the model's answer in view; the first answer stays beside it."""
    QUALIFICATION = "qualification"
    """A case whose answers are known, before a reader's reads count."""

    @property
    def votes(self) -> bool:
        """Whether a read for this purpose has a vote in the consensus, and counts for agreement."""
        return self not in (Purpose.ADJUDICATION, Purpose.REREAD, Purpose.SECOND_LOOK, Purpose.QUALIFICATION)


class RequestState(StrEnum):
    """How far one read is."""

    PLANNED = "planned"
    PUSHED = "pushed"
    ANSWERED = "answered"
    SKIPPED = "skipped"
    WITHDRAWN = "withdrawn"


WAITING = frozenset({RequestState.PLANNED, RequestState.PUSHED})
"""A request in one of these is still to be answered."""


@dataclass(frozen=True, slots=True)
class ReadRequest:
    """One study, one reader, one read.

    Parameters
    ----------
    request_id:
        From round, study, reader and purpose: asking again gives the same id.
    guideline:
        The version of the guideline that the read is to follow; 0 where none was published.
    position:
        Its place in the reader's queue, from 0. Hidden second reads stand among the others.
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
    guideline: int = 0
    position: int = 0


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
        The blob of the server's own JSON, as it came; empty for reads that were imported, or given in the
        workbench.
    skipped:
        The reader declined; there are no answers.
    lead_time_s:
        Seconds that the reader took, as the server counted them.
    guideline:
        The version of the guideline that it followed; 0 where none was published, and for imported reads.
    remark:
        What the reader wrote beside the answers: why a case was declined, or why it was decided so.
    revision:
        1 for the read as first given; a changed read is kept beside it, with the next number.
    accepted:
        The version whose answer the reader took over as it was; empty where the reader answered.
    withdrawn:
        The reader took the read back with this revision: it counts no more, and what it said stays in the records.
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
    guideline: int = 0
    remark: str = ""
    accepted: str = ""
    withdrawn: bool = False


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
    remark: str = ""


@dataclass(frozen=True, slots=True)
class RefusedRead:
    """An answer on the labelling server that does not fit, and why."""

    request_id: str
    external_id: str
    message: str
