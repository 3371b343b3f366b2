"""The REST API: health, tasks, studies, predictions and jobs. Every error says given, expected and what to do."""

from __future__ import annotations

import asyncio
from datetime import date
from pathlib import Path as File_
from typing import Annotated, Any

from fastapi import APIRouter, BackgroundTasks, File, Header, Path, Query, Response, UploadFile
from fastapi.concurrency import run_in_threadpool
from fastapi.responses import JSONResponse, StreamingResponse

from data.blobs import Blobs
from data.errors import JobError, NotAnImageError
from data.home import Home
from data.records import Job, JobState, Part, RoundState
from data.store import Store
from labelstudio.webhook import ADDRESS, HEADER, is_admitted
from models.task import discover, get_task
from workbench import jobs
from workbench.api_errors import PROBLEMS, not_admitted, too_large
from workbench.api_models import (
    HealthOut,
    HookOut,
    JobOut,
    PredictOut,
    Problem,
    StudiesOut,
    StudyDetailOut,
    TaskOut,
)
from workbench.api_replies import health_reply, job_reply, noticed, study_reply, study_row, task_reply
from workbench.demo_work import remove_upload, take_upload
from workbench.hints import fetch_soon
from workbench.order import first_task
from workbench.pictures import LARGEST_PX, first_series, picture, png
from workbench.service import service
from workbench.theme import UPLOAD_MB
from workbench.worklist import worklist
from workbench.worklist_export import table
from workbench.worklist_filter import Filter, Sort, Standing

POLL_S = 0.15
CHUNK_BYTES = 2**20
Identifier = Annotated[str, Path(min_length=1, max_length=200, description="As the lists give it.")]
TaskName = Annotated[str, Query(max_length=64, description="The clinical task's name; see /api/tasks.")]
Text = Annotated[str, Query(max_length=200, description="Contained in pseudonym, id, view ...")]
View = Annotated[str, Query(max_length=40, description="Such as PA.")]
Said = Annotated[str, Query(max_length=200, description="`question=value` of the champion.")]
Held = Annotated[bool, Query(description="Only those that are held for a person.")]
Since = Annotated[date | None, Query(description="Came in on this day or later, UTC.")]
Until = Annotated[date | None, Query(description="Came in on this day or earlier, UTC.")]
Doubt = Annotated[float, Query(ge=0, le=1, description="Uncertainty at least; 0 for all.")]


def add_api(api: APIRouter, home: Home) -> None:
    """Add the API of a home to a router."""
    store = Store.of(home)
    _add_state(api, home, store)
    _add_studies(api, home, store)
    _add_predict(api, home, store)
    _add_hook(api, home, store)
    api.routes.extend(service(home).routes)  # flat, so that a wrong method is named


def _add_state(api: APIRouter, home: Home, store: Store) -> None:
    @api.get("/api/health", tags=["state"])
    def health() -> HealthOut:
        """Whether everything runs, and on which version."""
        return health_reply(home)

    @api.get("/api/tasks", tags=["state"])
    def tasks() -> list[TaskOut]:
        """The clinical tasks with their questions and champions."""
        return [task_reply(task, store.versions.champion(task.name)) for task in discover().values()]

    @api.get("/api/jobs/{job_id}", tags=["state"], responses={404: PROBLEMS[404], 422: PROBLEMS[422]})
    def job(job_id: Identifier) -> JobOut:
        """How far background work is, its result, or why it failed."""
        return job_reply(store.jobs.get(job_id))


def _add_studies(api: APIRouter, home: Home, store: Store) -> None:
    blobs = Blobs.of(home)

    @api.get("/api/studies", tags=["studies"], responses={404: PROBLEMS[404], 422: PROBLEMS[422]})
    def studies(
        task: TaskName = "",
        text: Text = "",
        part: Annotated[Part | None, Query()] = None,
        view: View = "",
        state: Annotated[Standing | None, Query()] = None,
        answer: Said = "",
        held: Held = False,
        since: Since = None,
        until: Until = None,
        doubt: Doubt = 0.0,
        sort: Annotated[Sort, Query()] = Sort.NEWEST,
        page: Annotated[int, Query(ge=1, le=1_000_000)] = 1,
        page_size: Annotated[int, Query(ge=1, le=200)] = 50,
    ) -> StudiesOut:
        """The studies of a task, a page at a time, with the champion's answers."""
        clinical = get_task(task) if task else first_task(store)
        champion = store.versions.champion(clinical.name)
        filtered = Filter(
            text=text, answer=answer, part=part or "", view=view, standing=state or "", held=held,
            since=str(since or ""), until=str(until or ""), doubt=doubt, sort=sort, page=page,
        )  # fmt: skip
        found = worklist(
            store, clinical.name, champion.version if champion else "", filtered,
            modalities=clinical.modalities, page_size=page_size,
        )  # fmt: skip
        return StudiesOut(
            task=clinical.name, version=champion.version if champion else None, total=found.total,
            more=found.more, page=found.number, pages=found.pages, studies=[study_row(row) for row in found.rows],
        )  # fmt: skip

    @api.get("/api/worklist.csv", tags=["studies"], response_class=StreamingResponse,
             responses={200: {"content": {"text/csv": {"schema": {"type": "string"}}}}, 404: PROBLEMS[404],
                        422: PROBLEMS[422]})  # fmt: skip
    def worklist_table(
        task: TaskName = "",
        text: Text = "",
        part: Annotated[Part | None, Query()] = None,
        view: View = "",
        state: Annotated[Standing | None, Query()] = None,
        answer: Said = "",
        held: Held = False,
        since: Since = None,
        until: Until = None,
        doubt: Doubt = 0.0,
        sort: Annotated[Sort, Query()] = Sort.NEWEST,
    ) -> StreamingResponse:
        """Every study that the filter leaves, as one table, patients by pseudonym."""
        clinical = get_task(task) if task else first_task(store)
        champion = store.versions.champion(clinical.name)
        filtered = Filter(
            text=text, answer=answer, part=part or "", view=view, standing=state or "", held=held, sort=sort,
            since=str(since or ""), until=str(until or ""), doubt=doubt,
        )  # fmt: skip
        pieces = table(
            store, clinical.name, champion.version if champion else "", filtered, modalities=clinical.modalities
        )
        named = {"Content-Disposition": f'attachment; filename="worklist-{clinical.name}.csv"'}
        return StreamingResponse(pieces, media_type="text/csv", headers=named)

    @api.get("/api/studies/{study_id}", tags=["studies"], responses={404: PROBLEMS[404], 422: PROBLEMS[422]})
    def study(study_id: Identifier) -> StudyDetailOut:
        """A study with its series, what each version said of it, and what the readers agreed."""
        return study_reply(store, store.studies.get(study_id))

    png_response: dict[int | str, dict[str, Any]] = {
        200: {"content": {"image/png": {"schema": {"type": "string", "format": "binary"}}}},
        404: PROBLEMS[404],
        410: {"model": Problem, "description": "The pixels are gone from the home."},
        422: PROBLEMS[422],
    }

    @api.get("/api/studies/{study_id}/picture.png", tags=["studies"], response_class=Response,
             responses=png_response)  # fmt: skip
    def study_picture(
        study_id: Identifier,
        size: Annotated[int | None, Query(ge=16, le=LARGEST_PX, description="Longer side, in pixels.")] = None,
        page: Annotated[int | None, Query(ge=0, le=100_000, description="From 0; the middle one if none.")] = None,
        centre: Annotated[float | None, Query(ge=-1e6, le=1e6, description="Centre of the window.")] = None,
        width: Annotated[float | None, Query(gt=0, le=1e6, description="Width of the window.")] = None,
    ) -> Response:
        """The study's picture in 8 bits, in native pixels unless a size is given."""
        window = None if centre is None or width is None else (centre, width)
        series = first_series(store.studies.get(study_id))
        shown = picture(blobs, series, page=page, window=window, size_px=size)
        return Response(png(shown), media_type="image/png", headers={"Cache-Control": "private, max-age=3600"})


def _add_predict(api: APIRouter, home: Home, store: Store) -> None:
    responses: dict[int | str, dict[str, Any]] = {
        202: {"model": JobOut, "description": "It takes longer than `wait_s`: ask /api/jobs/{job_id}."},
        404: {"model": Problem, "description": "No such task, or it has no champion or does not take the image."},
        413: {"model": Problem, "description": f"More than {UPLOAD_MB} MB."},
        422: PROBLEMS[422],
    }

    @api.post("/api/predict", tags=["predict"], response_model=PredictOut, responses=responses)
    async def predict(
        file: Annotated[UploadFile, File(description="DICOM, PNG, JPEG or a ZIP of one study.")],
        task: TaskName = "",
        wait_s: Annotated[float, Query(ge=0, le=120, description="How long to wait for the result.")] = 30.0,
    ) -> Any:
        """Predict an uploaded image with the champion. The upload is not kept; its identity is not read out."""
        clinical = get_task(task) if task else first_task(store)
        content = await _read(file)
        asked, path = await run_in_threadpool(_ask, home, clinical.name, content)
        job = await _ended(store, asked.job_id, wait_s)
        if job.state in (JobState.WAITING, JobState.RUNNING):
            return JSONResponse(job_reply(job).model_dump(), 202)  # the work removes the upload
        await run_in_threadpool(remove_upload, home, path)
        if job.state != JobState.DONE:
            return JSONResponse(Problem(**{"error": "The work was called off.", **job.error}).model_dump(), 422)
        result = job.result
        return PredictOut(
            job_id=job.job_id, task=result["task"], version=result["version"], modality=result["modality"],
            view=result["view"], uncertainty=result["uncertainty"], results=result["results"],
            notice=noticed(result["caution"]),
        )  # fmt: skip


def _ask(home: Home, task: str, content: bytes) -> tuple[Job, File_]:
    if not content:
        raise NotAnImageError("The upload is empty.", given="0 bytes", expected="an image", do="choose a file")
    from workbench.work import champion_of  # noqa: PLC0415 - loads the loop

    champion_of(Store.of(home), task)
    path = take_upload(home, content)
    try:
        return jobs.enqueue(home, "demo.predict", task=task, upload=str(path), pictures=False), path
    except JobError:
        remove_upload(home, path)
        raise


async def _read(file: UploadFile) -> bytes:
    pieces, size = [], 0
    while piece := await file.read(CHUNK_BYTES):
        size += len(piece)
        if size > UPLOAD_MB * 2**20:
            raise too_large()
        pieces.append(piece)
    return b"".join(pieces)


async def _ended(store: Store, job_id: str, wait_s: float) -> Job:
    """The job once it has ended, or as it is when the time is over."""
    clock = asyncio.get_running_loop()
    end = clock.time() + wait_s
    while True:
        job = await run_in_threadpool(store.jobs.get, job_id)
        if job.state not in (JobState.WAITING, JobState.RUNNING) or clock.time() >= end:
            return job
        await asyncio.sleep(POLL_S)


def _add_hook(api: APIRouter, home: Home, store: Store) -> None:
    @api.post(ADDRESS, tags=["hooks"], responses={403: PROBLEMS[403]})
    def labelstudio(
        later: BackgroundTasks,
        secret: Annotated[str, Header(alias=HEADER, max_length=200, description="As the home keeps it.")] = "",
    ) -> HookOut:
        """A hint that answers have come: what it says is not read, the open rounds' answers are fetched."""
        if not is_admitted(home, secret):
            raise not_admitted()
        waiting = [r for r in store.rounds.all() if r.state in (RoundState.PUSHED, RoundState.READ)]
        for one in waiting:  # after the reply, since a reader waits for it
            later.add_task(fetch_soon, home, one.round_id)
        return HookOut(rounds=[one.round_id for one in waiting])
