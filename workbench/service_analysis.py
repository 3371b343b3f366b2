"""Analyses and reports of the service: the worker predicts, the champion's answers are given."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Any

from fastapi import APIRouter, File, Path, Query, UploadFile
from fastapi.concurrency import run_in_threadpool
from fastapi.responses import JSONResponse

from data.blobs import Blobs
from data.errors import ConflictError, JobError, NotFoundError, TaskError
from data.home import Home
from data.records import Job, JobState, Study
from data.store import Store
from data.tables.scans import Scan, ScanState
from models.task import ClinicalTask, get_task
from workbench import jobs
from workbench.api_errors import PROBLEMS
from workbench.api_models import Problem
from workbench.api_replies import job_reply
from workbench.demo_work import remove_upload
from workbench.service_replies import AnalysisOut, ReportOut
from workbench.service_reports import passing_report, report_reply
from workbench.service_upload import SCAN_MB, checked, put_away
from workbench.service_work import BY_MODALITY

POLL_S = 0.15
WAIT_LONGEST_S = 600
UNDER_WAY = (JobState.WAITING, JobState.RUNNING)
Responses = dict[int | str, dict[str, Any]]
Identifier = Annotated[str, Path(min_length=1, max_length=200, description="As the lists give it.")]
TaskName = Annotated[str, Query(max_length=64, description="The clinical task; the scan's own without one.")]
Wait = Annotated[float, Query(ge=0, le=WAIT_LONGEST_S, description="Seconds to wait for the report.")]

FOUND: Responses = {404: PROBLEMS[404], 422: PROBLEMS[422]}
CONFLICT: Responses = {409: {"model": Problem, "description": "What it is now does not allow that."}}
LARGE: Responses = {413: {"model": Problem, "description": f"More than {SCAN_MB} MB."}}
BODY: Responses = {400: {"model": Problem, "description": "The body cannot be read."}, 422: PROBLEMS[422]}


@dataclass(frozen=True, slots=True)
class _Ready:
    """A scan that can be analysed: with its study, the task and the task's champion."""

    scan: Scan
    study: Study
    task: ClinicalTask
    version: str

    def report(self, store: Store, blobs: Blobs) -> ReportOut | None:
        """What the champion said; None while it said nothing."""
        said = store.versions.predictions(self.version, study_ids=[self.study.study_id])
        known = said.get(self.study.study_id)
        if known is None:
            return None
        return report_reply(store, blobs, self.task, known, scan=self.scan, study=self.study)


def add_analyses(router: APIRouter, home: Home, store: Store, blobs: Blobs) -> None:
    """Add the addresses of analyses and reports."""
    under_way: Responses = {202: {"model": AnalysisOut, "description": "It goes on: ask for the report later."}}

    @router.post("/api/scans/{scan_id}/analyze", tags=["scans"], response_model=ReportOut,
                 responses=FOUND | CONFLICT | under_way)  # fmt: skip
    async def analyse(scan_id: Identifier, task: TaskName = "", wait: Wait = 0.0) -> Any:
        """Analyse a scan with its task's champion. Asked again, the same report comes back."""
        ready = await run_in_threadpool(_ready, store, scan_id, task)
        if (known := await run_in_threadpool(ready.report, store, blobs)) is not None:
            return known
        asked = await run_in_threadpool(
            jobs.enqueue, home, "predict", task=ready.task.name, study_ids=[ready.study.study_id],
            version=ready.version,
        )  # fmt: skip
        job = await _ended(store, asked.job_id, wait)
        if job.state in UNDER_WAY:
            reply = AnalysisOut(scan_id=scan_id, task=ready.task.name, version=ready.version, job=job_reply(job),
                                report=f"/api/scans/{scan_id}/report?task={ready.task.name}")  # fmt: skip
            return JSONResponse(reply.model_dump(), 202)
        known = await run_in_threadpool(ready.report, store, blobs)
        return _failed(job) if known is None else known

    @router.get("/api/scans/{scan_id}/report", tags=["scans"], responses=FOUND | CONFLICT)
    def report(scan_id: Identifier, task: TaskName = "") -> ReportOut:
        """What the champion says of a scan."""
        ready = _ready(store, scan_id, task)
        known = ready.report(store, blobs)
        if known is None:
            raise NotFoundError(
                "There is no report yet.", given=f"{scan_id}, {ready.version}",
                expected="a scan that was analysed",
                do=f"POST /api/scans/{scan_id}/analyze?task={ready.task.name}",
            )  # fmt: skip
        return known


def add_inference(router: APIRouter, home: Home, store: Store, blobs: Blobs) -> None:
    """Add the address for studies without a patient."""
    late: Responses = {504: {"model": Problem, "description": "It takes longer than `wait`; it was called off."}}

    @router.post("/inference/predict", tags=["predict"], responses=FOUND | CONFLICT | BODY | LARGE | late,
                 response_model=ReportOut)  # fmt: skip
    async def infer(
        file: Annotated[UploadFile, File(description="DICOM, NIfTI, PNG, JPEG, or a ZIP of one study.")],
        task: Annotated[str, Query(max_length=64, description="The clinical task.")] = BY_MODALITY["CT"],
        wait: Wait = 120.0,
    ) -> Any:
        """The report of a study without a patient. Nothing of the upload is kept."""
        clinical = await run_in_threadpool(get_task, task)
        await run_in_threadpool(_champion, store, clinical)
        path = await run_in_threadpool(put_away, home, checked(file))
        try:
            asked = await run_in_threadpool(
                jobs.enqueue, home, "demo.predict", task=clinical.name, upload=str(path), pictures=False
            )
            job = await _ended(store, asked.job_id, wait)
            if job.state in UNDER_WAY:
                await run_in_threadpool(store.jobs.cancel, asked.job_id)
                return _late(wait)
        finally:
            await run_in_threadpool(remove_upload, home, path)
        if job.state is not JobState.DONE:
            return _failed(job)
        return await run_in_threadpool(passing_report, store, blobs, clinical, job.result, at=job.updated_at)


def _ready(store: Store, scan_id: str, task: str) -> _Ready:
    """A scan with what is needed to analyse it.

    Raises
    ------
    NotFoundError
        There is no such scan.
    ConflictError
        It waits for the worker, or was refused.
    TaskError
        There is no such task, it does not take the study, or it has no champion.
    """
    scan = store.scans.get(scan_id)
    if scan.state is ScanState.REFUSED:
        raise ConflictError("The scan was refused.", given=scan.problem.get("error", ""),
                            expected="a scan that could be read",
                            do=f"see GET /api/scans/{scan_id}; delete it and upload it again")  # fmt: skip
    if scan.state is ScanState.WAITING:
        raise ConflictError("The scan is not taken in yet.", given=scan.state, expected="ready",
                            do=f"ask GET /api/scans/{scan_id} again; a worker must be running")  # fmt: skip
    study = store.studies.get(scan.study_id)
    chosen = task or scan.task
    if not chosen:
        raise TaskError("No clinical task takes this study.", given=study.modality,
                        expected="a study that a task takes", do="see /api/tasks")  # fmt: skip
    clinical = get_task(chosen)
    if not clinical.accepts(study):
        raise TaskError(f"{clinical.title} does not take this study.", given=study.modality,
                        expected=", ".join(sorted(clinical.modalities)), do="name another task")  # fmt: skip
    return _Ready(scan, study, clinical, _champion(store, clinical))


def _champion(store: Store, task: ClinicalTask) -> str:
    from workbench.work import champion_of  # noqa: PLC0415 - loads the loop

    return champion_of(store, task.name)


def _failed(job: Job) -> JSONResponse:
    problem: Mapping[str, str] = {"error": "The work was called off.", **job.error}
    return JSONResponse(Problem(**problem).model_dump(), 422)


def _late(wait: float) -> JSONResponse:
    problem = JobError(
        "The report is not there in time.", given=f"{wait:g} s", expected="a shorter wait for a free worker",
        do=f"see that a worker runs, wait longer (`?wait=`, at most {WAIT_LONGEST_S}), or use POST /api/scans",
    )  # fmt: skip
    return JSONResponse(problem.as_dict(), 504)


async def _ended(store: Store, job_id: str, wait_s: float) -> Job:
    """The job once it has ended, or as it is when the time is over."""
    clock = asyncio.get_running_loop()
    end = clock.time() + wait_s
    while True:
        job = await run_in_threadpool(store.jobs.get, job_id)
        if job.state not in UNDER_WAY or clock.time() >= end:
            return job
        await asyncio.sleep(POLL_S)
