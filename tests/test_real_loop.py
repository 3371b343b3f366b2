"""The loop on real radiographs: ingest with patients and views, train, a round, consensus, retrain, compare.

A test of the machinery. Eighteen patients have a lateral view: how good the network is, is for
``benchmarks.projection`` to say, with its interval.
"""

from __future__ import annotations

import re
from collections import Counter
from pathlib import Path

import pytest

from active_learning.plan import RoundPlan
from active_learning.rounds import Loop
from active_learning.simulation import Script, scripted
from data.answers import STUDY, Answer
from data.blobs import Blobs
from data.home import Home
from data.ingest import ingest, read_labels
from data.records import Part, ReaderRole, RoundState, Study
from data.store import Store
from labelstudio.gateway import LabelStudioGateway
from labelstudio.server import LabelStudioServer
from models.config import CONFIGS_VARIABLE, configs_folder
from models.references import record_references
from models.task import get_task
from workbench import embedded
from workbench.report import Report

pytestmark = [pytest.mark.real, pytest.mark.labelstudio]
TASK = "cxr_quality"
SCRIPTS: tuple[Script, ...] = (
    scripted("scripted-real-a", error_rate=0.0),
    scripted("scripted-real-b", error_rate=0.0),
    scripted("scripted-real-c", error_rate=0.15),
    scripted("scripted-real-judge", error_rate=0.0, role=ReaderRole.ADJUDICATOR),
)


def truth_of(study: Study) -> tuple[Answer, ...]:
    """The projection by the source's own list; the rest as if every image were technically good."""
    if study.view == "LATERAL":
        good = {"projection": "lateral", "borders_lateral": "complete", "rotation_lateral": "straight"}
    else:
        good = {"projection": "frontal", "borders_frontal": "complete"}
    return tuple(Answer(name, STUDY, value) for name, value in good.items())


@pytest.fixture
def labels_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The task's configuration without simulated images: the data's own labels are what is tried."""
    text = (configs_folder() / f"{TASK}.toml").read_text(encoding="utf-8")
    (tmp_path / f"{TASK}.toml").write_text(re.sub(r"^simulate = \d+", "simulate = 0", text, flags=re.MULTILINE))
    monkeypatch.setenv(CONFIGS_VARIABLE, str(tmp_path))


@pytest.mark.usefixtures("labels_alone")
def test_the_loop_on_real_radiographs(real_data: Path, home: Home, label_server: LabelStudioServer) -> None:
    task = get_task(TASK)
    table = read_labels(real_data / "manifest.csv", form=task.form, task=TASK)
    report = ingest(home, [real_data / "BE_cxr"], labels=table)
    store = Store.of(home)
    record_references(store, task, report.studies)
    studies = store.studies.find()
    assert report.ingested == 146
    assert set(report.reasons) <= {"not an image"}  # the tables that lie beside the images
    assert len({s.patient.patient_id for s in studies}) == 74
    assert Counter(s.view for s in studies) == {"PA": 87, "AP": 23, "AP SUPINE": 15, "LATERAL": 21}
    parts: dict[str, set[Part]] = {}
    for study in studies:
        parts.setdefault(study.patient.patient_id, set()).add(study.patient.part)
    assert all(len(served) == 1 for served in parts.values())

    embedded.first_champion(home, task, embedded.ProfileName.DEMO, report=Report(as_json=True))
    for script in SCRIPTS:
        store.reads.add_reader(script.reader)
    gateway = LabelStudioGateway(label_server, Blobs.of(home), store.reads.reader)
    loop = Loop(home, task, gateway)
    plan = RoundPlan.of(
        task.config.reading,
        tuple(s.reader.reader_id for s in SCRIPTS[:-1]),
        adjudicator=SCRIPTS[-1].reader.reader_id,
        budget=16,
        profile="demo",
    )
    opened = loop.open(plan)
    truth = {s.study_id: truth_of(s) for s in studies}
    loop.push(opened.round_id)
    embedded.read(loop, opened.round_id, SCRIPTS[:-1], label_server, truth)
    pulled = loop.pull(opened.round_id)
    assert (pulled.kept, pulled.outstanding, pulled.refused) == (48, 0, ())
    closed = loop.close(opened.round_id)
    assert closed.state == RoundState.CLOSED  # two readers who are never wrong always have the majority
    for record in store.labels.consensus(TASK):
        assert record.value == next(a.value for a in truth[record.study_id] if a.question == record.question)
    loop.train(opened.round_id)
    compared = loop.compare(opened.round_id)
    assert compared.outcome["candidate"]["projection.accuracy"]["n"] > 0
    assert loop.promote(opened.round_id).state in (RoundState.PROMOTED, RoundState.KEPT)
