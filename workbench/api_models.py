"""What the API gives, as pydantic models: they are its documentation."""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel, ConfigDict, Field


class Reply(BaseModel):
    """A part of an answer."""

    model_config = ConfigDict(extra="forbid")


class Problem(Reply):
    """What went wrong: every error of the API has this form."""

    error: str = Field(description="What went wrong, in a sentence.")
    given: str = Field("", description="What was given.")
    expected: str = Field("", description="What was expected in its place.")
    do: str = Field("", description="What to do now.")


class PartOut(Reply):
    """One part of the installation."""

    name: str
    ok: bool
    detail: str
    do: str = Field(description="What to do where it is not well.")


class HealthOut(Reply):
    """Whether everything runs."""

    status: str = Field(description="`ok`, or `degraded` where a part needs somebody.")
    version: str
    notice: str
    parts: list[PartOut]


class QuestionOut(Reply):
    """A question of a task."""

    name: str
    title: str
    kind: str
    options: list[str]
    sites: list[str]


class TaskOut(Reply):
    """A clinical task."""

    name: str
    title: str
    description: str
    modalities: list[str]
    primary: str = Field(description="The metric on which versions are compared.")
    champion: str | None
    questions: list[QuestionOut]


class ResultOut(Reply):
    """What a model says to one question at one site."""

    question: str
    site: str
    value: Any = Field(description="Text, a number, `{findings: [...]}` or a mask.")
    probabilities: dict[str, float] = Field(description="Calibrated, by option.")
    uncertainty: float = Field(description="0 (certain) to 1.")


class StudyOut(Reply):
    """A study as a list shows it: a pseudonym, never a patient's identity."""

    study_id: str
    pseudonym: str
    part: str
    modality: str
    view: str
    state: str = Field(description="`pool`, `in round`, `read` or `reference`.")
    held: str
    phantom: bool
    ingested_at: str
    uncertainty: float | None
    results: list[ResultOut] = Field(description="The champion's answers; empty where it did not predict.")


class StudiesOut(Reply):
    """One page of studies."""

    task: str
    version: str | None = Field(description="The champion whose answers are shown.")
    total: int
    more: bool = Field(
        description="Whether there are more than `total`: a search that fits very many shows its first ones; "
        "within days and uncertainty more are counted as you page on."
    )
    page: int
    pages: int
    studies: list[StudyOut]


class SeriesOut(Reply):
    """A series of a study."""

    series_id: str
    modality: str
    layout: str
    shape: list[int]
    spacing_mm: list[float] | None
    description: str


class PredictionOut(Reply):
    """What a version said of a study."""

    task: str
    version: str
    champion: bool
    uncertainty: float
    created_at: str
    results: list[ResultOut]


class ConsensusOut(Reply):
    """What the readers agreed."""

    task: str
    round_id: str
    question: str
    site: str
    state: str
    value: Any
    support: float


class StudyDetailOut(Reply):
    """A study with what is known of it."""

    study_id: str
    pseudonym: str
    part: str
    modality: str
    view: str
    sex: str
    age_y: float | None
    held: str
    phantom: bool
    ingested_at: str
    series: list[SeriesOut]
    predictions: list[PredictionOut]
    consensus: list[ConsensusOut]


class JobOut(Reply):
    """Background work."""

    job_id: str
    kind: str
    state: str = Field(description="`waiting`, `running`, `done`, `failed` or `cancelled`.")
    progress: float = Field(description="0 to 1.")
    message: str
    result: dict[str, Any]
    error: Problem | None
    created_at: str
    updated_at: str


class PredictOut(Reply):
    """A prediction of an upload. The upload is not kept."""

    job_id: str
    task: str
    version: str
    modality: str
    view: str
    uncertainty: float
    results: list[ResultOut]
    notice: str


class HookOut(Reply):
    """What a hint of the labelling server led to."""

    rounds: list[str] = Field(description="The rounds whose answers are being fetched.")
