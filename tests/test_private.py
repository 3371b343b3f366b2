"""Nothing leaves this machine, and no identity leaves the store."""

from __future__ import annotations

import subprocess
import sys
import time
from pathlib import Path

import httpx
import pydicom
import pytest
from pydicom.uid import generate_uid

from data.home import Home
from data.ingest import ingest
from data.phantoms.cxr_quality import write
from data.store import Store
from tests.ports import free_port


def test_the_application_reaches_for_nothing_outside(home: Home, tmp_path: Path) -> None:
    port, record = free_port(), tmp_path / "reached"
    Store.of(home).close()
    with (tmp_path / "log").open("wb") as log:
        served = subprocess.Popen(
            [sys.executable, "-m", "tests.outside", str(home.path), str(port), str(record)], stdout=log, stderr=log
        )
        try:
            end = time.monotonic() + 90
            while time.monotonic() < end and served.poll() is None:
                try:
                    if httpx.get(f"http://127.0.0.1:{port}/api/health", timeout=5).is_success:
                        break
                except httpx.HTTPError:
                    time.sleep(0.3)
            for path in ("/", "/gradio", "/gradio/", "/docs", "/api/tasks"):
                answer = httpx.get(f"http://127.0.0.1:{port}{path}", timeout=30, follow_redirects=True)
                assert answer.status_code == 200, path
                assert ("gradio" in answer.text.lower()) == path.startswith("/gradio"), path
            time.sleep(2)  # what phones home does so shortly after the start
        finally:
            served.terminate()
            served.wait(20)
    assert record.read_text() == ""


@pytest.fixture
def named(tmp_path: Path) -> Path:
    """A radiograph of a person with a name."""
    folder = tmp_path / "images"
    (path,) = write(1, folder)
    dataset = pydicom.dcmread(path)
    dataset.PatientName = "Musterfrau^Erika"
    dataset.PatientID = "MRN-4711"
    dataset.PatientBirthDate = "19640812"
    dataset.InstitutionName = "Clinic of Musterfrau"
    dataset.ReferringPhysicianName = "Arzt^Erwin"
    dataset.StudyInstanceUID = generate_uid()
    dataset.save_as(path)
    return folder


def test_the_log_and_the_pixels_hold_no_identity(home: Home, named: Path) -> None:
    report = ingest(home, [named])
    store = Store.of(home)
    (study,) = store.studies.find()
    secrets = ("Musterfrau", "Erika", "MRN-4711", "19640812", "Arzt")
    assert report.ingested == 1
    assert study.patient.patient_id == "dicom:MRN-4711"
    assert not any(s in study.label + study.study_id for s in secrets)
    shown = [study.description, study.series[0].description, *map(str, study.series[0].attributes.values())]
    written = [f"{e.event} {e.subject} {dict(e.detail)}" for e in store.log.entries(limit=1000)]
    for text in (*shown, *written):
        assert not any(s in text for s in secrets), text
    store.close()
    for path in home.blobs.rglob("*"):
        if path.is_file():
            content = path.read_bytes()
            assert not any(s.encode() in content for s in secrets)


def test_only_its_owner_can_read_the_home(home: Home, named: Path) -> None:
    ingest(home, [named])
    assert home.path.stat().st_mode & 0o077 == 0
    for secret in home.secrets.iterdir():
        assert secret.stat().st_mode & 0o777 == 0o600
