"""The service: patient cards, uploads, analyses and reports, with a real worker and real files."""

from __future__ import annotations

import hashlib
import io
import json
import os
import subprocess
import sys
import time
import zipfile
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import nibabel
import numpy as np
import pytest
import schemathesis
from fastapi.testclient import TestClient
from hypothesis import given, settings
from PIL import Image
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import response_schema_conformance, status_code_conformance
from sqlite_utils import Database

from data.answers import STUDY, Answer, MaskValue, Site
from data.blobs import Blobs
from data.deletion import delete_patient
from data.home import Home
from data.ingest import ingest
from data.phantoms import cxr_quality
from data.records import (
    BatchItem,
    JobState,
    Layout,
    Mode,
    Part,
    Patient,
    Prediction,
    Purpose,
    QuestionPrediction,
    ReferenceLabel,
    RoundState,
    Series,
    Study,
)
from data.schema import migrations
from data.splits import part_of, pseudonym_of
from data.store import Store
from data.tables.cards import Written
from models.task import get_task
from tests import radiographs
from workbench import jobs, service_upload
from workbench.serve import create_api
from workbench.service_reports import _told

TASK, CHEST = "cxr_quality", "chest_ct_norm"
NAME = "Erika Mustermann"
TABLE = [
    ("GET", "/api/patients"), ("POST", "/api/patients"), ("GET", "/api/patients/{id}"),
    ("PUT", "/api/patients/{id}"), ("DELETE", "/api/patients/{id}"), ("GET", "/api/scans"),
    ("POST", "/api/scans"), ("GET", "/api/scans/?patient_id={id}"), ("GET", "/api/scans/{id}"),
    ("PUT", "/api/scans/{id}"), ("DELETE", "/api/scans/{id}"), ("GET", "/api/scans/{id}/file"),
    ("POST", "/api/scans/{id}/analyze"), ("GET", "/api/scans/{id}/report"), ("POST", "/inference/predict"),
]  # fmt: skip


def zipped(paths: Sequence[Path], *, folder: str = "") -> bytes:
    """A ZIP of files, as a browser would send it."""
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive:
        for path in paths:
            archive.write(path, f"{folder}{path.name}")
    return target.getvalue()


@pytest.fixture(scope="module")
def radiograph(tmp_path_factory: pytest.TempPathFactory) -> list[bytes]:
    """Phantom radiographs of two patients, each as a ZIP whose member names somebody."""
    paths = sorted(cxr_quality.write(2, tmp_path_factory.mktemp("phantoms")))
    return [zipped([path], folder="MUSTERMANN^ERIKA/") for path in paths]


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Home]:
    """A home with a worker and a champion."""
    home = Home(tmp_path_factory.mktemp("service")).prepare()
    store = Store.of(home)
    radiographs.fill(store, Blobs.of(home), {Part.TRAIN: 12, Part.VALIDATION: 6})
    own = {**os.environ, "OMP_NUM_THREADS": "1"}
    worker = subprocess.Popen([sys.executable, "-m", "tests.killed", str(home.path), "none"], env=own)
    try:
        train = jobs.enqueue(home, "train", task=TASK, profile="tiny", max_steps=2)
        version = jobs.wait(home, train.job_id, timeout_s=120).result["version"]
        store.versions.crown(TASK, str(version), "the first one")
        yield home
    finally:
        worker.terminate()
        worker.wait(20)


@pytest.fixture
def client(served: Home) -> TestClient:
    """Somebody who calls the served home."""
    return TestClient(create_api(served))


def upload(client: TestClient, content: bytes, **form: str) -> dict[str, Any]:
    answer = client.post("/api/scans", files={"file": (f"{NAME}.zip", content)}, data=form)
    assert answer.status_code == 202, answer.text
    assert answer.json()["state"] == "waiting"
    return dict(answer.json())


def settled(client: TestClient, scan: dict[str, Any], *, timeout_s: float = 60) -> dict[str, Any]:
    end = time.monotonic() + timeout_s
    while time.monotonic() < end:
        now = dict(client.get(f"/api/scans/{scan['id']}").json())
        if now["state"] != "waiting":
            return now
        time.sleep(0.1)
    raise AssertionError(f"the scan still waits: {now}")


def worked(home: Home) -> None:
    """What a worker would do now, done here."""
    for job in Store.of(home).jobs.due():
        jobs.run(home, job.job_id)


def new_patient(client: TestClient, **card: Any) -> str:
    return str(client.post("/api/patients", json=card).json()["id"])


def files_of(home: Home) -> set[str]:
    return {path.name for path in home.blobs.rglob("*") if path.is_file()}


@pytest.mark.parametrize(("method", "path"), TABLE)
def test_every_address_of_the_table_is_there(home: Home, method: str, path: str) -> None:
    caller = TestClient(create_api(home))
    named = caller.get("/api/openapi.json").json()["paths"]
    kind = "patient_id" if path.startswith("/api/patients") else "scan_id"
    written = path.partition("?")[0].rstrip("/").replace("{id}", f"{{{kind}}}")
    assert method.lower() in named[written]
    answer = caller.request(method, path.replace("{id}", "nobody"))
    assert answer.status_code in (200, 404, 422)
    assert answer.json().get("error") != "There is no such address."


def test_a_card_is_written_read_and_deleted(home: Home, store: Store) -> None:
    caller = TestClient(create_api(home))
    made = caller.post("/api/patients", json={"name": NAME, "sex": "F", "birth_year": 1964})
    assert made.status_code == 201
    card = made.json()
    patient = store.cards.get(card["id"]).patient
    key = home.secret("key")
    assert patient.patient_id.startswith("service:")
    assert (card["pseudonym"], card["part"]) == (
        pseudonym_of(key, patient.patient_id),
        part_of(key, patient.patient_id),
    )
    assert caller.get(f"/api/patients/{card['id']}").json() == card
    edited = caller.put(f"/api/patients/{card['id']}", json={"name": NAME, "description": "cough"}).json()
    assert (edited["description"], edited["sex"], edited["birth_year"]) == ("cough", "", None)
    other = new_patient(caller, name="somebody else")
    found = caller.get("/api/patients", params={"text": "mustermann"}).json()
    assert (found["total"], [p["id"] for p in found["patients"]]) == (1, [card["id"]])
    second = caller.get("/api/patients/", params={"page": 2, "page_size": 1}).json()
    assert (second["total"], second["pages"], [p["id"] for p in second["patients"]]) == (2, 2, [card["id"]])
    assert caller.delete(f"/api/patients/{card['id']}").json()["studies"] == 0
    assert caller.get(f"/api/patients/{card['id']}").status_code == 404
    assert [p.patient_id for p in store.studies.patients()] == [store.cards.get(other).patient.patient_id]
    tombstone = store.log.entries(subject=card["pseudonym"])[0]
    assert (tombstone.event, tombstone.detail) == ("patient.deleted", {"studies": 0})
    assert NAME not in str(store.log.entries(limit=1000))


@pytest.mark.parametrize(
    "card", [{"sex": "X"}, {"birth_year": 3000}, {"unknown": 1}, {"name": "n" * 201}, {"name": "\ud800"}]
)
def test_an_unfit_card_is_refused(home: Home, card: dict[str, Any]) -> None:
    content = json.dumps(card).encode()
    answer = TestClient(create_api(home)).post(
        "/api/patients", content=content, headers={"content-type": "application/json"}
    )
    assert answer.status_code == 422
    assert answer.json()["do"]


def test_patients_from_before_get_cards(tmp_path: Path) -> None:
    path = tmp_path / "consilium.sqlite"
    older = Database(path)
    migrations.apply(older, stop_before="m003_cards_and_scans")
    older.execute("INSERT INTO patients VALUES ('dicom:17', 'P-AAAAAAAAAA', 'train')")
    older.conn.commit()
    older.close()
    store = Store(path)
    (card,) = store.cards.find()
    assert (card.patient.patient_id, card.written, card.studies) == ("dicom:17", Written(), 0)
    assert card.card_id.startswith("pc-")
    assert "17" not in card.card_id.partition("-")[0]
    store.close()


def test_an_ingested_patient_has_a_card(home: Home, store: Store) -> None:
    study = radiographs.add_study(store, Blobs.of(home), 1, {"projection": "frontal"}, Part.TEST)
    caller = TestClient(create_api(home))
    (card,) = caller.get("/api/patients").json()["patients"]
    assert (card["pseudonym"], card["part"], card["studies"]) == (study.patient.pseudonym, "test", 1)
    assert study.patient.patient_id not in caller.get(f"/api/patients/{card['id']}").text
    assert caller.delete(f"/api/patients/{card['id']}").json() == {
        "scans": 0, "studies": 1, "files": 1, "annotations": 0
    }  # fmt: skip
    assert files_of(home) == set()


def test_from_upload_to_report_and_gone(client: TestClient, served: Home, radiograph: list[bytes]) -> None:
    store, before = Store.of(served), files_of(served)
    patient = new_patient(client, name=NAME, description="seen on Monday")
    scan = upload(client, radiograph[0], patient_id=patient, description="after the fall")
    early = client.get(f"/api/scans/{scan['id']}/report")
    assert early.status_code in (404, 409)
    ready = settled(client, scan)
    assert (ready["state"], ready["problem"], ready["task"]) == ("ready", None, TASK)
    assert (ready["patient_id"], ready["description"]) == (patient, "after the fall")
    study = store.studies.get(ready["study_id"])
    assert study.patient == store.cards.get(patient).patient  # of the card, not of the header
    assert ready["series"][0]["shape"] == list(study.series[0].shape)
    assert client.get(ready["picture"]).content.startswith(b"\x89PNG")

    original = client.get(f"/api/scans/{scan['id']}/file")
    assert hashlib.sha256(original.content).hexdigest() == ready["sha256"]
    assert original.content == radiograph[0]
    assert original.headers["content-disposition"].startswith("attachment")

    none = client.get(f"/api/scans/{scan['id']}/report")
    assert none.status_code == 404
    assert "analyze" in none.json()["do"]
    analysed = client.post(f"/api/scans/{scan['id']}/analyze", params={"wait": 60})
    assert analysed.status_code == 200, analysed.text
    report = analysed.json()
    assert client.post(f"/api/scans/{scan['id']}/analyze").json() == report
    assert client.get(f"/api/scans/{scan['id']}/report").json() == report
    said = store.versions.predictions(f"{TASK}-v1", study_ids=[study.study_id])[study.study_id]
    assert [(a["question"], a["value"]) for a in report["answers"]] == [
        (r.question, r.value) for r in said.results
    ]
    assert report["answers"][0]["probabilities"] == dict(said.results[0].probabilities)
    assert sum(report["answers"][0]["probabilities"].values()) == pytest.approx(1.0, abs=1e-6)
    assert (report["version"], report["pseudonym"], report["uncertainty"]) == (
        f"{TASK}-v1", study.patient.pseudonym, said.uncertainty
    )  # fmt: skip
    assert "Not a medical device" in report["notice"]
    assert report["answers"][0]["explanation"].startswith("/study?")
    assert {t["stage"] for t in report["thresholds"]} >= {"projection"}

    told = str(store.jobs.all(limit=100)) + str(store.log.entries(limit=1000)) + str(store.studies.refusals())
    assert "MUSTERMANN" not in told.upper()
    assert "PHANTOM^" not in told + str(ready) + str(report)
    edited = client.put(f"/api/scans/{scan['id']}", json={"description": "edited"}).json()
    assert (edited["description"], edited["state"]) == ("edited", "ready")
    listed = client.get("/api/scans/", params={"patient_id": patient}).json()
    assert (listed["total"], listed["scans"]) == (1, [edited])

    gone = client.delete(f"/api/scans/{scan['id']}").json()
    assert (gone["scans"], gone["studies"]) == (1, 1)
    assert files_of(served) == before
    assert store.studies.find(study_ids=[study.study_id]) == []
    assert store.versions.predictions_of(study.study_id) == []
    assert store.studies.known_files([hashlib.sha256(radiograph[0]).hexdigest()]) == {}
    for address in ("", "/file", "/report"):
        assert client.get(f"/api/scans/{scan['id']}{address}").status_code == 404
    assert store.log.entries(subject=study.study_id)[0].event == "study.deleted"
    assert client.get(f"/api/patients/{patient}").json()["studies"] == 0


def test_the_same_file_is_one_scan_and_stays_with_its_patient(
    home: Home, store: Store, radiograph: list[bytes]
) -> None:
    caller = TestClient(create_api(home))
    first, second = new_patient(caller), new_patient(caller)
    scan = upload(caller, radiograph[0], patient_id=first)
    worked(home)
    again = caller.post("/api/scans", files={"file": ("other.zip", radiograph[0])}, data={"patient_id": first})
    assert (again.status_code, again.json()["id"]) == (200, scan["id"])
    kept = files_of(home)
    foreign = upload(caller, radiograph[0], patient_id=second)
    worked(home)
    refused = settled(caller, foreign)
    assert refused["state"] == "refused"
    assert refused["problem"]["error"] == "The study is here already, under another patient."
    assert first in refused["problem"]["do"]
    assert caller.post(f"/api/scans/{foreign['id']}/analyze").status_code == 409
    assert caller.delete(f"/api/scans/{foreign['id']}").json()["files"] == 0  # the other scan names them all
    assert files_of(home) == kept
    assert settled(caller, scan)["state"] == "ready"


def test_a_header_names_the_patient_where_nobody_does(home: Home, store: Store, radiograph: list[bytes]) -> None:
    caller = TestClient(create_api(home))
    scan = upload(caller, radiograph[1])
    assert scan["patient_id"] is None
    worked(home)
    ready = settled(caller, scan)
    patient = store.cards.get(ready["patient_id"]).patient
    assert patient.patient_id.startswith("dicom:phantom-")
    assert caller.delete(f"/api/patients/{ready['patient_id']}").json()["scans"] == 1
    assert (files_of(home), store.studies.patients(), store.scans.find()) == (set(), [], [])


def test_several_studies_are_refused_and_leave_nothing(home: Home, store: Store, tmp_path: Path) -> None:
    caller = TestClient(create_api(home))
    both = zipped(sorted(cxr_quality.write(2, tmp_path)))
    scan = upload(caller, both)
    worked(home)
    refused = settled(caller, scan)
    assert (refused["state"], refused["problem"]["given"]) == ("refused", "2 studies")
    assert (store.studies.count(), store.studies.patients()) == (0, [])
    assert files_of(home) == {hashlib.sha256(both).hexdigest()}
    job = next(job for job in store.jobs.all() if job.kind == "scan.take")
    assert (job.state, job.result) == (JobState.DONE, {"scan": scan["id"], "state": "refused"})


def test_what_cannot_be_read_says_so_and_names_no_file(home: Home, store: Store) -> None:
    caller = TestClient(create_api(home))
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w") as archive:
        archive.writestr("MUSTERMANN^ERIKA/letter.txt", "Dear colleague,")
    scan = upload(caller, target.getvalue(), patient_id=new_patient(caller))
    worked(home)
    refused = settled(caller, scan)
    assert refused["problem"]["error"] == "The file cannot be read."
    assert store.studies.refusals() == []
    assert "MUSTERMANN" not in str(store.jobs.all())
    empty = caller.post("/api/scans", files={"file": ("x", b"")})
    assert (empty.status_code, empty.json()["error"]) == (422, "The upload is empty.")
    nobody = caller.post("/api/scans", files={"file": ("x", b"x")}, data={"patient_id": "pc-0"})
    assert (nobody.status_code, nobody.json()["error"]) == (404, "There is no such patient.")


def test_a_scan_deleted_while_it_waits_never_comes(home: Home, store: Store, radiograph: list[bytes]) -> None:
    caller = TestClient(create_api(home))
    scan = upload(caller, radiograph[0], patient_id=new_patient(caller))
    (waiting,) = store.jobs.due()
    assert caller.delete(f"/api/scans/{scan['id']}").json()["files"] == 1
    jobs.run(home, waiting.job_id)
    assert (store.studies.count(), files_of(home), store.jobs.due()) == (0, set(), [])


def test_an_upload_that_was_broken_off_is_taken_up(home: Home, store: Store, radiograph: list[bytes]) -> None:
    caller = TestClient(create_api(home))
    scan = upload(caller, radiograph[1])
    original = Blobs.of(home).path(scan["sha256"])
    ingest(home, [original])  # a worker that was killed before it could say so
    came = store.studies.find()
    worked(home)
    assert settled(caller, scan)["study_id"] == came[0].study_id
    assert caller.delete(f"/api/scans/{scan['id']}").json()["studies"] == 1
    again = upload(caller, radiograph[1])
    ingest(home, [original])
    store.jobs.cancel(store.jobs.due()[0].job_id)
    assert caller.delete(f"/api/scans/{again['id']}").json()["scans"] == 1
    assert (store.studies.count(), files_of(home)) == (0, set())


def test_a_study_in_a_round_is_not_deleted(home: Home, store: Store) -> None:
    blobs = Blobs.of(home)
    study = radiographs.add_study(store, blobs, 1, {"projection": "frontal"}, Part.TRAIN)
    twin = radiographs.add_study(store, blobs, 7, {"projection": "frontal"}, Part.TRAIN)
    item = BatchItem(study.study_id, Purpose.ACQUISITION, Mode.ASSISTED, 0.5, "unsure")
    current = store.rounds.open(TASK, [item], {}, "")
    caller = TestClient(create_api(home))
    card = store.cards.of_patient(study.patient.patient_id).card_id
    refused = caller.delete(f"/api/patients/{card}")
    assert refused.status_code == 409
    assert f"consilium round cancel {current.round_id}" in refused.json()["do"]
    assert store.studies.get(study.study_id) == study
    store.rounds.move(current.round_id, RoundState.CANCELLED, expected=[RoundState.OPENED])
    with store.write() as db:  # two studies of the same pixels share a file
        db.execute("UPDATE series SET pixels = ? WHERE study_id = ?", [study.series[0].pixels, twin.study_id])
    assert caller.delete(f"/api/patients/{card}").json() == {
        "scans": 0, "studies": 1, "files": 0, "annotations": 0
    }  # fmt: skip
    assert study.series[0].pixels in blobs
    assert store.rounds.batch(current.round_id).items == ()


def test_an_upload_is_bounded_while_it_comes(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(service_upload, "SCAN_MB", 1)
    caller = TestClient(create_api(home))
    large = bytes(3 << 20)
    said = caller.post("/api/scans", files={"file": ("x", large)})
    assert (said.status_code, said.json()["error"]) == (413, "The upload is too large.")
    sent = 0

    def unsaid() -> Iterator[bytes]:
        nonlocal sent
        yield b'--b\r\nContent-Disposition: form-data; name="file"; filename="x"\r\n\r\n'
        for _ in range(3 << 4):
            sent += 1
            yield bytes(1 << 16)
        yield b"\r\n--b--\r\n"

    kind = {"content-type": "multipart/form-data; boundary=b"}
    chunked = caller.post("/api/scans", content=unsaid(), headers=kind)
    assert (chunked.status_code, chunked.json()["error"]) == (413, "The upload is too large.")
    assert files_of(home) == set()


def test_a_prediction_without_a_patient_keeps_nothing(
    client: TestClient, served: Home, radiograph: list[bytes]
) -> None:
    store, before = Store.of(served), files_of(served)
    counted = store.studies.count(), len(store.studies.patients()), store.scans.count()
    form = {"file": ("x.zip", radiograph[1])}
    answer = client.post("/inference/predict", params={"task": TASK, "wait": 60}, files=form)
    assert answer.status_code == 200, answer.text
    report = answer.json()
    assert (report["scan_id"], report["study_id"], report["version"]) == (None, None, f"{TASK}-v1")
    assert report["answers"][0]["question"] == "projection"
    assert report["thresholds"]
    late = client.post("/inference/predict", params={"task": TASK, "wait": 0}, files=form)
    assert late.status_code == 504
    assert "wait" in late.json()["do"]
    assert (store.studies.count(), len(store.studies.patients()), store.scans.count()) == counted
    assert files_of(served) == before
    assert list((served.path / "demo").glob("*/upload")) == []
    assert store.jobs.due() == []


def test_a_prediction_needs_a_task_with_a_champion(client: TestClient) -> None:
    none = client.post("/inference/predict", params={"task": "nothing"}, files={"file": ("x", b"x")})
    assert none.status_code == 404
    unfit = client.post("/inference/predict", params={"task": TASK}, files={"file": ("x", b"no image")})
    assert (unfit.status_code, unfit.json()["error"]) == (422, "The file cannot be read.")


def test_thresholds_are_named_by_option() -> None:
    given = {
        "options": ["complete", "cut_off"], "exclusive": True, "operating_point": [0.47], "temperature": [1.2],
        "thresholds": {"f1": {"threshold": 0.5, "specificity": 0.25}, "none": float("nan")},
    }  # fmt: skip
    assert dict(_told(given)) == {
        "operating_point.cut_off": 0.47, "thresholds.f1.threshold": 0.5, "thresholds.f1.specificity": 0.25,
    }  # fmt: skip
    assert dict(_told({"labels": ["left", "right"], "thresholds": [0.4, 0.6]})) == {
        "thresholds.left": 0.4, "thresholds.right": 0.6,
    }  # fmt: skip


def test_a_card_says_what_a_picture_does_not(home: Home, store: Store, tmp_path: Path) -> None:
    caller = TestClient(create_api(home))
    patient = new_patient(caller, sex="M", birth_year=1950)
    drawn = io.BytesIO()
    Image.fromarray(radiographs.picture({"projection": "lateral"}, 1)).save(drawn, "PNG")
    path = tmp_path / "spine.nii.gz"
    values = np.random.default_rng(1).integers(0, 900, (24, 24, 6)).astype(np.int16)
    nibabel.save(nibabel.Nifti1Image(values, np.diag([2.0, 2.0, 5.0, 1.0])), path)
    picture = upload(caller, drawn.getvalue(), patient_id=patient, task=TASK)
    volume = upload(caller, path.read_bytes(), patient_id=patient, task="lumbar_stenosis")
    worked(home)
    first, second = (settled(caller, scan) for scan in (picture, volume))
    study = store.studies.get(first["study_id"])
    assert (first["task"], study.modality, study.sex) == (TASK, "OT", "M")
    assert study.age_y == pytest.approx(datetime.now(UTC).year - 1950, abs=1)
    assert [series["modality"] for series in second["series"]] == ["MR"]
    assert store.cards.get(patient).studies == 2


def test_masks_and_heat_maps_go_with_their_study(home: Home, store: Store) -> None:
    blobs = Blobs.of(home)
    studies = [
        radiographs.add_study(store, blobs, number, {"projection": "frontal"}, Part.TRAIN) for number in (1, 2)
    ]
    own, shared = (blobs.put_mask(np.arange(1600).reshape(40, 40) % n == 0) for n in (2, 3))
    heat = blobs.put_array(np.zeros((40, 40), np.uint8))
    version = store.versions.add(task=TASK, profile="tiny", manifest=blobs.put(b"{}")).version
    for study, names in zip(studies, ((own, shared), (shared,)), strict=True):
        masks = MaskValue((40, 40), tuple((f"label {n}", name) for n, name in enumerate(names)))
        result = QuestionPrediction("outline", Site.page(0), masks, {"label 0": 0.9}, 0.2)
        store.versions.put_predictions([Prediction(TASK, study.study_id, version, (result,))])
    job = store.jobs.add("explain", {"study_id": studies[0].study_id, "task": TASK})
    store.jobs.lease(job.job_id, "test", seconds=9)
    store.jobs.finish(job.job_id, "test", {"heat": heat, "page": 0})
    gone = delete_patient(store, blobs, store.cards.of_patient(studies[0].patient.patient_id).card_id)
    assert (gone.blobs, gone.studies) == (3, (studies[0].study_id,))
    assert [name in blobs for name in (own, heat, studies[0].series[0].pixels)] == [False] * 3
    assert [name in blobs for name in (shared, studies[1].series[0].pixels)] == [True] * 2
    assert store.jobs.all() == []


def chest(seed: int, *, consolidated: bool) -> np.ndarray:
    """(16, 64, 64) of int16: a body of water with two lungs, in HU, with noise."""
    _, rows, columns = np.mgrid[-1:1:16j, -1:1:64j, -1:1:64j]
    hu = np.where((rows / 0.7) ** 2 + (columns / 0.9) ** 2 < 1, 30, -1000)
    for centre in (-0.42, 0.42):
        lung = (rows / 0.5) ** 2 + ((columns - centre) / 0.32) ** 2 < 1
        hu[lung] = 0 if consolidated and centre < 0 else -850
    return (hu + np.random.default_rng(seed).normal(0, 20, hu.shape)).astype(np.int16)


def chest_champion(home: Home, store: Store) -> str:
    """A champion that sorts chest CT, trained for two steps."""
    from models.training import train_version

    blobs, affine = Blobs.of(home), (0, 0, 5, -160, 0, 5, 0, -160, 10, 0, 0, 0, 0, 0, 0, 1)
    for number in range(12):
        name, sick = f"chest-{number:02}", bool(number % 2)
        part = Part.VALIDATION if number < 4 else Part.TRAIN
        pixels = chest(number, consolidated=sick)
        series = Series(f"{name}-1", name, "CT", Layout.VOLUME, pixels.shape, blobs.put_array(pixels),
                        spacing_mm=(10, 5, 5), affine=affine)  # fmt: skip
        store.studies.add(Study(name, Patient(f"test:{number}", f"P-{number:02}", part), "CT", (series,)), {})
        truth = [("norm", "pathology"), ("pathology", "consolidation")] if sick else [("norm", "normal")]
        store.labels.add_references(ReferenceLabel(CHEST, name, Answer(q, STUDY, v), "test") for q, v in truth)
    version, _ = train_version(store, blobs, get_task(CHEST), "tiny", max_steps=2, scratch=home.path / "scratch")
    store.versions.crown(CHEST, version.version, "the first one")
    return version.version


def test_a_real_ct_comes_in_is_analysed_and_goes(home: Home, store: Store, real_data: Path) -> None:
    """A low-dose chest CT of the NLST, as a ZIP of every second slice."""
    version = chest_champion(home, store)
    before, counted = files_of(home), store.studies.count()
    caller = TestClient(create_api(home))
    content = zipped(sorted((real_data / "C_chestct" / "nlst").glob("*.dcm"))[::2], folder="DOE^JOHN/")
    patient = new_patient(caller, birth_year=1950, sex="M")
    scan = upload(caller, content, patient_id=patient)
    worked(home)
    ready = settled(caller, scan)
    (series,) = ready["series"]
    assert (ready["state"], ready["task"], series["modality"], series["layout"], series["shape"]) == (
        "ready", CHEST, "CT", "volume", [72, 512, 512]
    )  # fmt: skip
    assert hashlib.sha256(caller.get(f"/api/scans/{scan['id']}/file").content).hexdigest() == ready["sha256"]
    assert caller.get(ready["picture"], params={"size": 64}).content.startswith(b"\x89PNG")
    asked = caller.post(f"/api/scans/{scan['id']}/analyze")
    assert (asked.status_code, asked.json()["job"]["state"]) == (202, "waiting")
    assert caller.post(f"/api/scans/{scan['id']}/analyze").json() == asked.json()
    worked(home)
    report = caller.get(asked.json()["report"]).json()
    assert (report["task"], report["version"], report["modality"]) == (CHEST, version, "CT")
    (norm,) = [a for a in report["answers"] if a["question"] == "norm"]
    assert sum(norm["probabilities"].values()) == pytest.approx(1.0, abs=1e-5)
    assert {m["name"] for m in report["measured"]} >= {"decision_score"}
    assert [t["stage"] for t in report["thresholds"]]
    assert caller.delete(f"/api/patients/{patient}").json() == {
        "scans": 1, "studies": 1, "files": 2, "annotations": 0
    }  # fmt: skip
    assert (files_of(home), store.studies.count(), store.scans.find()) == (before, counted, [])
    assert store.versions.predictions_of(ready["study_id"]) == []


def test_the_service_keeps_its_own_description(home: Home) -> None:
    """Whatever fits the description gets an answer that the description names."""
    schema = schemathesis.openapi.from_asgi("/api/openapi.json", create_api(home))
    for operation in schema.include(path_regex="^/api/(patients|scans)|^/inference").get_all_operations():
        _try(operation.ok().as_strategy())


def _try(strategy: object) -> None:
    @given(case=strategy)  # type: ignore[arg-type]
    @settings(max_examples=5, deadline=None, derandomize=True)
    def check(case: schemathesis.Case) -> None:
        case.call_and_validate(checks=[not_a_server_error, status_code_conformance, response_schema_conformance])

    check()
