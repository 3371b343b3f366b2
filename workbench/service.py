"""The service for a ward: patient cards, uploads, analyses and reports. Nothing is decoded or inferred here."""

from __future__ import annotations

import math
import secrets
from typing import Annotated, Any

from fastapi import APIRouter, File, Form, Query, Response, UploadFile
from fastapi.responses import FileResponse, JSONResponse

from data import splits
from data.blobs import Blobs
from data.deletion import Deleted, delete_patient, delete_scan
from data.errors import BlobError
from data.home import Home
from data.store import Store
from data.tables.cards import Written
from data.tables.scans import ScanState
from models.task import get_task
from workbench import jobs
from workbench.api_errors import PROBLEMS
from workbench.api_models import Problem
from workbench.service_analysis import (
    BODY,
    CONFLICT,
    FOUND,
    LARGE,
    Identifier,
    Responses,
    add_analyses,
    add_inference,
)
from workbench.service_replies import (
    LONGEST,
    DeletedOut,
    PatientIn,
    PatientOut,
    PatientsOut,
    ScanIn,
    ScanOut,
    ScansOut,
)
from workbench.service_reports import patient_reply, scan_reply, scans_reply
from workbench.service_upload import BoundedRoute, checked, name_of

SOURCE = "service"
"""Of patients who come in by a card."""
Text = Annotated[str, Query(max_length=200, description="Contained in pseudonym, id, name or description.")]
PageNumber = Annotated[int, Query(ge=1, le=1_000_000)]
PageSize = Annotated[int, Query(ge=1, le=200)]
GONE: Responses = {410: {"model": Problem, "description": "The file is gone from the home."}}


def service(home: Home) -> APIRouter:
    """The addresses of the service of a home."""
    router = APIRouter(route_class=BoundedRoute)
    store, blobs = Store.of(home), Blobs.of(home)
    _add_patients(router, home, store, blobs)
    _add_scans(router, home, store, blobs)
    _add_files(router, store, blobs)
    add_analyses(router, home, store, blobs)
    add_inference(router, home, store, blobs)
    return router


def _add_patients(router: APIRouter, home: Home, store: Store, blobs: Blobs) -> None:
    @router.get("/api/patients", tags=["patients"], responses={422: PROBLEMS[422]})
    @router.get("/api/patients/", include_in_schema=False)
    def patients(text: Text = "", page: PageNumber = 1, page_size: PageSize = 50) -> PatientsOut:
        """The patients, a page at a time, the newest first."""
        total = store.cards.count(text=text)
        found = store.cards.find(text=text, limit=page_size, offset=(page - 1) * page_size)
        return PatientsOut(
            total=total, page=page, pages=math.ceil(total / page_size), patients=[patient_reply(c) for c in found]
        )

    @router.post("/api/patients", tags=["patients"], status_code=201, responses=BODY)
    @router.post("/api/patients/", status_code=201, include_in_schema=False)
    def add_patient(card: PatientIn) -> PatientOut:
        """A new patient, who gets a pseudonym and, by a keyed hash, a part."""
        patient = splits.patient(home.secret("key"), f"{SOURCE}:{secrets.token_hex(8)}")
        return patient_reply(store.cards.add(patient, _written(card)))

    @router.get("/api/patients/{patient_id}", tags=["patients"], responses=FOUND)
    def patient(patient_id: Identifier) -> PatientOut:
        """A patient's card."""
        return patient_reply(store.cards.get(patient_id))

    @router.put("/api/patients/{patient_id}", tags=["patients"], responses=FOUND | BODY)
    def write_patient(patient_id: Identifier, card: PatientIn) -> PatientOut:
        """Write on a patient's card, in the place of what stood there."""
        return patient_reply(store.cards.write(patient_id, _written(card)))

    @router.delete("/api/patients/{patient_id}", tags=["patients"], responses=FOUND | CONFLICT)
    def remove_patient(patient_id: Identifier) -> DeletedOut:
        """Delete a patient with the card, every study and every scan."""
        return _deleted(home, delete_patient(store, blobs, patient_id))


def _add_scans(router: APIRouter, home: Home, store: Store, blobs: Blobs) -> None:
    @router.get("/api/scans", tags=["scans"], responses=FOUND)
    @router.get("/api/scans/", include_in_schema=False)
    def scans(
        patient_id: Annotated[str, Query(max_length=200, description="Of this patient only.")] = "",
        page: PageNumber = 1,
        page_size: PageSize = 50,
    ) -> ScansOut:
        """The scans of a patient, or all, a page at a time, the newest first."""
        card = store.cards.get(patient_id).card_id if patient_id else None
        total = store.scans.count(card_id=card)
        found = store.scans.find(card_id=card, limit=page_size, offset=(page - 1) * page_size)
        return ScansOut(
            total=total, page=page, pages=math.ceil(total / page_size), scans=scans_reply(store, found)
        )

    here: Responses = {
        200: {"model": ScanOut, "description": "The same file is here already, and stays as it is."}
    }

    @router.post("/api/scans", tags=["scans"], status_code=202, response_model=ScanOut,
                 responses=FOUND | BODY | LARGE | here)  # fmt: skip
    @router.post("/api/scans/", status_code=202, response_model=ScanOut, include_in_schema=False)
    def upload(
        file: Annotated[UploadFile, File(description="DICOM, NIfTI, PNG, JPEG, or a ZIP of one study.")],
        patient_id: Annotated[
            str, Form(max_length=200, description="Whose it is; without one, whom the header names.")
        ] = "",
        description: Annotated[str, Form(max_length=LONGEST)] = "",
        task: Annotated[
            str, Form(max_length=64, description="What it is analysed for; by its kind if empty.")
        ] = "",
    ) -> Any:
        """Upload a study; the worker takes it in, and `state` says how far it is."""
        if patient_id:
            store.cards.get(patient_id)
        if task:
            get_task(task)
        size = checked(file).size or 0
        original = blobs.put_stream(file.file)
        scan = store.scans.add(
            card_id=patient_id, task=task, description=description, file_name=name_of(file), original=original,
            size_bytes=size,
        )  # fmt: skip
        if scan.state is ScanState.WAITING:
            jobs.enqueue(home, "scan.take", scan_id=scan.scan_id)
        reply = scan_reply(store, scan)
        return reply if scan.state is ScanState.WAITING else JSONResponse(reply.model_dump(), 200)

    @router.get("/api/scans/{scan_id}", tags=["scans"], responses=FOUND)
    def scan(scan_id: Identifier) -> ScanOut:
        """A scan: its state, its study and series, and where they are viewed."""
        return scan_reply(store, store.scans.get(scan_id))

    @router.put("/api/scans/{scan_id}", tags=["scans"], responses=FOUND | BODY)
    def describe(scan_id: Identifier, edited: ScanIn) -> ScanOut:
        """Edit a scan's description."""
        return scan_reply(store, store.scans.describe(scan_id, edited.description))

    @router.delete("/api/scans/{scan_id}", tags=["scans"], responses=FOUND | CONFLICT)
    def remove_scan(scan_id: Identifier) -> DeletedOut:
        """Delete a scan with its study, what was said of it, and its files."""
        return _deleted(home, delete_scan(store, blobs, scan_id))


def _add_files(router: APIRouter, store: Store, blobs: Blobs) -> None:
    octets: Responses = {
        200: {"content": {"application/octet-stream": {"schema": {"type": "string", "format": "binary"}}}}
    }

    @router.get("/api/scans/{scan_id}/file", tags=["scans"], response_class=Response,
                responses=octets | FOUND | GONE)  # fmt: skip
    def original(scan_id: Identifier) -> FileResponse:
        """The very bytes that were uploaded."""
        scan = store.scans.get(scan_id)
        if scan.original not in blobs:
            raise BlobError("The upload is gone.", given=scan_id, expected="a file in the home",
                            do="restore the home from a copy, or delete the scan and upload it again")  # fmt: skip
        return FileResponse(
            blobs.path(scan.original), media_type="application/octet-stream",
            filename=scan.file_name or scan.scan_id, headers={"Cache-Control": "private, no-store"},
        )  # fmt: skip


def _written(card: PatientIn) -> Written:
    return Written(card.name, card.description, card.sex, card.birth_year)


def _deleted(home: Home, gone: Deleted) -> DeletedOut:
    """What was deleted; the pages that the labelling server had of it go too."""
    from labelstudio.server import LabelStudioServer  # noqa: PLC0415 - only where there are reads

    if gone.requests:
        files = LabelStudioServer(home).files
        for request in gone.requests:
            for page in files.glob(f"*/{request}-*.png"):
                page.unlink(missing_ok=True)
    return DeletedOut(
        scans=len(gone.scans), studies=len(gone.studies), files=gone.blobs, annotations=gone.annotations
    )
