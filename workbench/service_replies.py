"""What the service gives and takes, as pydantic models: they are its documentation."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import AfterValidator, Field

from workbench.api_models import JobOut, Problem, Reply, SeriesOut

LONGEST = 4000
"""Characters of a description."""


def _plain(text: str) -> str:
    try:
        text.encode()
    except UnicodeEncodeError as error:
        raise ValueError("text that can be written as UTF-8") from error
    return text


Line = Annotated[str, AfterValidator(_plain), Field(max_length=200)]
Words = Annotated[str, AfterValidator(_plain), Field(max_length=LONGEST)]


class PatientIn(Reply):
    """What is written on a patient's card. It stays on this machine and goes to no reader, log or demo."""

    name: Line = Field("", description="What you call the patient; better no name at all.")
    description: Words = ""
    sex: Literal["", "F", "M"] = ""
    birth_year: int | None = Field(None, ge=1850, le=2200)


class PatientOut(Reply):
    """A patient's card."""

    id: str = Field(description="Of the card; it says nothing of the patient.")
    pseudonym: str = Field(description="What readers, logs and other programs see.")
    part: str = Field(description="What the patient serves, by a keyed hash; it never changes.")
    name: str
    description: str
    sex: str
    birth_year: int | None
    studies: int
    created_at: str
    updated_at: str


class PatientsOut(Reply):
    """One page of patients, the newest first."""

    total: int
    page: int
    pages: int
    patients: list[PatientOut]


class ScanIn(Reply):
    """What can be edited of a scan."""

    description: Words


class ScanOut(Reply):
    """An uploaded file and the study that it became."""

    id: str
    patient_id: str | None = Field(description="The patient's card; null until the file is read.")
    state: str = Field(description="`waiting`, `ready` or `refused`.")
    problem: Problem | None = Field(description="Why it was refused.")
    study_id: str | None
    task: str = Field(description="The clinical task that it is analysed for; empty before it is known.")
    description: str
    file_name: str
    size_bytes: int
    sha256: str = Field(description="Of the uploaded bytes, as GET .../file gives them.")
    held: str = Field(description="Why a person must look at the pictures before readers get them.")
    series: list[SeriesOut]
    picture: str | None = Field(description="Where the middle picture is.")
    viewer: str | None = Field(description="Where the study is viewed.")
    created_at: str
    updated_at: str


class ScansOut(Reply):
    """One page of scans, the newest first."""

    total: int
    page: int
    pages: int
    scans: list[ScanOut]


class DeletedOut(Reply):
    """What was deleted. The log keeps that there was something, and nothing of what it was."""

    scans: int
    studies: int
    files: int = Field(description="Uploads, pixels, masks and heat maps that nothing else named.")
    annotations: int = Field(description="Reads of these studies.")


class AnswerOut(Reply):
    """What the version says to one question at one site."""

    question: str
    title: str = Field(description="The question in words.")
    site: str
    value: Any = Field(description="Text, a number, `{findings: [...]}` or outlines.")
    probabilities: dict[str, float] = Field(description="Calibrated, by option.")
    uncertainty: float = Field(description="0 (certain) to 1.")
    explanation: str | None = Field(description="Where the heat map of this answer is shown.")


class MeasuredOut(Reply):
    """A quantity that the version measured."""

    name: str
    site: str
    value: float
    unit: str
    page: int | None = Field(description="From 0.")
    note: str


class ThresholdOut(Reply):
    """A probability from which on the version gives an answer."""

    stage: str = Field(description="The network that it belongs to.")
    name: str
    value: float


class ReportOut(Reply):
    """What the champion says of a study."""

    scan_id: str | None
    study_id: str | None
    patient_id: str | None = Field(description="The patient's card.")
    pseudonym: str | None
    task: str
    title: str
    version: str
    created_at: str
    modality: str
    view: str
    uncertainty: float
    answers: list[AnswerOut]
    measured: list[MeasuredOut]
    thresholds: list[ThresholdOut]
    notice: str = Field(description="It is not a medical device; and whether the version knows phantoms alone.")


class AnalysisOut(Reply):
    """An analysis that goes on: ask for the report later."""

    scan_id: str
    task: str
    version: str
    report: str = Field(description="Where the report will be.")
    job: JobOut
