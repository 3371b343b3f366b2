"""Records as the API gives them: pseudonyms, never a patient's identity."""

from __future__ import annotations

from collections.abc import Sequence
from importlib.metadata import PackageNotFoundError, version

from data.answers import Choice, Findings, Grade, Mask, Question, encode_value
from data.home import Home
from data.records import Job, ModelVersion, QuestionPrediction, Study
from data.store import Store
from models.task import ClinicalTask, discover
from workbench.api_models import (
    ConsensusOut,
    HealthOut,
    JobOut,
    PartOut,
    PredictionOut,
    Problem,
    QuestionOut,
    ResultOut,
    SeriesOut,
    StudyDetailOut,
    StudyOut,
    TaskOut,
)
from workbench.health import check
from workbench.worklist import Row

NOTICE = "For research and quality work. Not a medical device."


def noticed(caution: str) -> str:
    """The notice of an answer, with what must be said of the version that gives it."""
    return f"{NOTICE} {caution}".strip()


def own_version() -> str:
    """Which Consilium this is."""
    try:
        return version("consilium")
    except PackageNotFoundError:
        return "not installed"


def health_reply(home: Home) -> HealthOut:
    """Whether everything runs."""
    parts = check(home)
    return HealthOut(
        status="ok" if all(part.ok for part in parts) else "degraded",
        version=own_version(),
        notice=NOTICE,
        parts=[PartOut(name=p.name, ok=p.ok, detail=p.detail, do="" if p.ok else p.do) for p in parts],
    )


def _options(question: Question) -> list[str]:
    kind = question.kind
    if isinstance(kind, Choice):
        return list(kind.options)
    if isinstance(kind, Grade):
        return list(kind.levels)
    return list(kind.labels) if isinstance(kind, Findings | Mask) else []


def task_reply(task: ClinicalTask, champion: ModelVersion | None) -> TaskOut:
    """A clinical task."""
    return TaskOut(
        name=task.name,
        title=task.title,
        description=task.description,
        modalities=sorted(task.modalities),
        primary=task.primary,
        champion=champion.version if champion else None,
        questions=[
            QuestionOut(
                name=q.name, title=q.title, kind=type(q.kind).__name__.lower(), options=_options(q),
                sites=[site.key for site in q.sites],
            )
            for q in task.form.questions
        ],
    )  # fmt: skip


def results_of(results: Sequence[QuestionPrediction]) -> list[ResultOut]:
    """A model's answers."""
    return [
        ResultOut(question=r.question, site=r.site.key, value=encode_value(r.value),
                  probabilities=dict(r.probabilities), uncertainty=r.uncertainty)
        for r in results
    ]  # fmt: skip


def study_row(row: Row) -> StudyOut:
    """A study of a list."""
    return StudyOut(
        study_id=row.study_id, pseudonym=row.pseudonym, part=row.part, modality=row.modality, view=row.view,
        state=row.standing, held=row.held, phantom=row.phantom, ingested_at=row.ingested_at,
        uncertainty=row.uncertainty, results=results_of(row.results),
    )  # fmt: skip


def study_reply(store: Store, study: Study) -> StudyDetailOut:
    """A study with what is known of it."""
    champions = {c.version for task in discover() if (c := store.versions.champion(task)) is not None}
    return StudyDetailOut(
        study_id=study.study_id, pseudonym=study.label, part=study.patient.part, modality=study.modality,
        view=study.view, sex=study.sex, age_y=study.age_y, held=study.held, phantom=study.phantom,
        ingested_at=study.ingested_at,
        series=[
            SeriesOut(series_id=s.series_id, modality=s.modality, layout=s.layout, shape=list(s.shape),
                      spacing_mm=list(s.spacing_mm) if s.spacing_mm else None, description=s.description)
            for s in study.series
        ],
        predictions=[
            PredictionOut(task=p.task, version=p.version, champion=p.version in champions,
                          uncertainty=p.uncertainty, created_at=p.created_at, results=results_of(p.results))
            for p in store.versions.predictions_of(study.study_id)
        ],
        consensus=[
            ConsensusOut(task=c.task, round_id=c.round_id, question=c.question, site=c.site.key, state=c.state,
                         value=None if c.value is None else encode_value(c.value), support=c.support)
            for task in discover()
            for c in store.labels.consensus(task, study_id=study.study_id)
        ],
    )  # fmt: skip


def job_reply(job: Job) -> JobOut:
    """Background work. Its arguments, which may hold paths, are left out."""
    return JobOut(
        job_id=job.job_id, kind=job.kind, state=job.state, progress=job.progress, message=job.message,
        result=dict(job.result),
        error=Problem(**{"error": "It failed.", **job.error}) if job.error else None,
        created_at=job.created_at, updated_at=job.updated_at,
    )  # fmt: skip
