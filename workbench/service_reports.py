"""Cards, scans and reports as the service gives them."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from typing import Any
from urllib.parse import urlencode

from data.blobs import Blobs
from data.records import Prediction, Study
from data.store import Store
from data.tables.cards import Card
from data.tables.scans import Scan
from models.task import ClinicalTask
from models.versions import caution, read_manifest
from workbench.api_models import Problem, ResultOut, SeriesOut
from workbench.api_replies import noticed, results_of
from workbench.service_replies import AnswerOut, MeasuredOut, PatientOut, ReportOut, ScanOut, ThresholdOut


def patient_reply(card: Card) -> PatientOut:
    """A patient's card."""
    written = card.written
    return PatientOut(
        id=card.card_id, pseudonym=card.patient.pseudonym, part=card.patient.part, name=written.name,
        description=written.description, sex=written.sex, birth_year=written.birth_year, studies=card.studies,
        created_at=card.created_at, updated_at=card.updated_at,
    )  # fmt: skip


def scan_reply(store: Store, scan: Scan) -> ScanOut:
    """An upload."""
    return scans_reply(store, [scan])[0]


def scans_reply(store: Store, scans: Sequence[Scan]) -> list[ScanOut]:
    """Uploads with their studies."""
    studies = {s.study_id: s for s in store.studies.find(study_ids={s.study_id for s in scans if s.study_id})}
    return [_scan_reply(scan, studies.get(scan.study_id)) for scan in scans]


def _scan_reply(scan: Scan, study: Study | None) -> ScanOut:
    return ScanOut(
        id=scan.scan_id, patient_id=scan.card_id or None, state=scan.state,
        problem=Problem(**scan.problem) if scan.problem else None,
        study_id=scan.study_id or None, task=scan.task, description=scan.description, file_name=scan.file_name,
        size_bytes=scan.size_bytes, sha256=scan.original, held=study.held if study else "",
        series=[
            SeriesOut(series_id=s.series_id, modality=s.modality, layout=s.layout, shape=list(s.shape),
                      spacing_mm=list(s.spacing_mm) if s.spacing_mm else None, description=s.description)
            for s in (study.series if study else ())
        ],
        picture=f"/api/studies/{study.study_id}/picture.png" if study else None,
        viewer=page_address(study.study_id, scan.task) if study else None,
        created_at=scan.created_at, updated_at=scan.updated_at,
    )  # fmt: skip


def page_address(study_id: str, task: str, **more: str) -> str:
    """Where the workbench shows a study."""
    return f"/study?{urlencode({'task': task, 'study': study_id, **more})}"


def report_reply(
    store: Store, blobs: Blobs, task: ClinicalTask, prediction: Prediction, *, scan: Scan, study: Study
) -> ReportOut:
    """The report of a scan."""

    def explained(result: ResultOut) -> str | None:
        if isinstance(result.value, Mapping) and "masks" in result.value:
            return page_address(study.study_id, task.name)  # outlines explain themselves
        of = f"{result.question} {result.site}"
        return page_address(study.study_id, task.name, heat="true", of=of)

    results = results_of(prediction.results)
    return ReportOut(
        scan_id=scan.scan_id, study_id=study.study_id, patient_id=scan.card_id or None, pseudonym=study.label,
        task=task.name, title=task.title, version=prediction.version, created_at=prediction.created_at,
        modality=study.modality, view=study.view, uncertainty=prediction.uncertainty,
        answers=[_answer(task, result, explained(result)) for result in results],
        measured=[
            MeasuredOut(name=m.name, site=m.site.key, value=m.value, unit=m.unit, page=m.page, note=m.note)
            for m in prediction.measured
        ],
        thresholds=thresholds(store, blobs, prediction.version),
        notice=noticed(caution(blobs, store.versions.get(prediction.version), study)),
    )  # fmt: skip


def passing_report(
    store: Store, blobs: Blobs, task: ClinicalTask, result: Mapping[str, Any], *, at: str
) -> ReportOut:
    """The report of an upload that was not kept, from the result of the work ``demo.predict``."""
    results = [ResultOut(**{**raw, "value": _outlined(raw["value"])}) for raw in result["results"]]
    return ReportOut(
        scan_id=None, study_id=None, patient_id=None, pseudonym=None, task=task.name, title=task.title,
        version=result["version"], created_at=at, modality=result["modality"], view=result["view"],
        uncertainty=result["uncertainty"], answers=[_answer(task, one, None) for one in results],
        measured=[
            MeasuredOut(**{name: m[name] for name in MeasuredOut.model_fields}) for m in result["measured"]
        ],
        thresholds=thresholds(store, blobs, result["version"]), notice=noticed(result["caution"]),
    )  # fmt: skip


def _outlined(value: Any) -> Any:
    """The masks of an upload are not kept: which labels are outlined is."""
    if isinstance(value, Mapping) and "masks" in value:
        return {"shape": value["shape"], "outlined": sorted(value["masks"])}
    return value


def _answer(task: ClinicalTask, result: ResultOut, explanation: str | None) -> AnswerOut:
    return AnswerOut(
        question=result.question, title=task.form[result.question].title, site=result.site, value=result.value,
        probabilities=result.probabilities, uncertainty=result.uncertainty, explanation=explanation,
    )  # fmt: skip


def thresholds(store: Store, blobs: Blobs, version: str) -> list[ThresholdOut]:
    """The thresholds that a version works with, as its settings hold them.

    Raises
    ------
    VersionError
        Its manifest is missing or damaged.
    """
    stages = read_manifest(blobs, store.versions.get(version))["stages"]
    return [
        ThresholdOut(stage=stage, name=name, value=value)
        for stage, entry in stages.items()
        for name, value in _told(entry["settings"])
    ]


def _told(settings: Mapping[str, Any]) -> Iterator[tuple[str, float]]:
    options = tuple(settings.get("options") or settings.get("labels") or ())
    for key, value in settings.items():
        if "threshold" in key or "operating_point" in key:
            of = options[1:] if settings.get("exclusive") and len(options) == 2 else options
            yield from _leaves(key, value, of)


def _leaves(name: str, value: Any, options: Sequence[str]) -> Iterator[tuple[str, float]]:
    """The numbers below a setting, each with its path; those of a list by option where there are as many."""
    if isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value):
        yield name, float(value)
    elif isinstance(value, Mapping):
        for key, below in value.items():
            yield from _leaves(f"{name}.{key}", below, options)
    elif isinstance(value, list | tuple):
        names = options if len(options) == len(value) else range(len(value))
        for key, below in zip(names, value, strict=True):
            yield from _leaves(f"{name}.{key}", below, ())
