"""The loop through the real labelling server: whole, repeated, killed, blind, and apart by patient."""

from __future__ import annotations

import json
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from active_learning.plan import RoundPlan
from active_learning.rounds import Loop
from active_learning.simulation import Script, scripted
from data.blobs import Blobs
from data.errors import PartError, RoundError
from data.home import Home
from data.records import (
    ConsensusState,
    JobState,
    Mode,
    Part,
    Purpose,
    ReaderKind,
    ReaderRole,
    RequestState,
    Round,
    RoundState,
)
from data.store import Store
from labelstudio.gateway import LabelStudioGateway
from labelstudio.scripted import ScriptedReader
from labelstudio.server import LabelStudioServer
from models.task import get_task
from tests.killed import POINTS
from workbench import embedded, jobs
from workbench.report import Report
from workbench.worker import fetch_answers

pytestmark = pytest.mark.labelstudio

TASK = "cxr_quality"
PHANTOMS = 60


@dataclass
class Prepared:
    """A home with phantoms and a champion, and the truth of its studies."""

    home: Home
    truth: embedded.Truth


@pytest.fixture(scope="module")
def prepared(label_server: LabelStudioServer) -> Prepared:
    """The labelling server's own home, with phantoms and a champion in the profile ``tiny``."""
    report = Report(as_json=True)
    task = get_task(TASK)
    truth = embedded.bring_in(label_server.home, task, PHANTOMS, report=report)
    embedded.first_champion(label_server.home, task, embedded.ProfileName.TINY, report=report)
    return Prepared(label_server.home, truth)


@pytest.fixture
def copy(prepared: Prepared, tmp_path: Path) -> Iterator[Prepared]:
    """The same, to be changed."""
    home = Home(tmp_path / "copy")
    for name in ("blobs", "secrets"):
        shutil.copytree(prepared.home.path / name, home.path / name)
    with Store.of(prepared.home).db.conn as source:
        source.execute("VACUUM INTO ?", (str(home.database),))
    return Prepared(home, prepared.truth)


def panel(name: str, *errors: float) -> tuple[Script, ...]:
    """Scripted readers whose ids no other test uses, and an adjudicator who is never wrong."""
    readers = tuple(scripted(f"scripted-{name}{n}", error_rate=error) for n, error in enumerate(errors))
    judge = scripted(f"scripted-{name}-judge", error_rate=0.0, role=ReaderRole.ADJUDICATOR)
    return (*readers, judge)


def open_loop(prepared: Prepared, server: LabelStudioServer, scripts: tuple[Script, ...], **plan: Any) -> Loop:
    store = Store.of(prepared.home)
    for script in scripts:
        store.reads.add_reader(script.reader)
    gateway = LabelStudioGateway(server, Blobs.of(prepared.home), store.reads.reader)
    loop = Loop(prepared.home, get_task(TASK), gateway)
    settings = {"budget": 8, "profile": "tiny", **plan}
    readers = tuple(s.reader.reader_id for s in scripts[:-1])
    loop.open(
        RoundPlan.of(loop.task.config.reading, readers, adjudicator=scripts[-1].reader.reader_id, **settings)
    )
    return loop


def play(loop: Loop, server: LabelStudioServer, truth: embedded.Truth, scripts: tuple[Script, ...]) -> Round:
    """All steps of the open round."""
    round_id = f"{TASK}-r1"
    loop.push(round_id)
    embedded.read(loop, round_id, scripts[:-1], server, truth)
    loop.pull(round_id)
    loop.close(round_id)
    if loop.waiting_for_adjudication(round_id):
        embedded.read(loop, round_id, scripts[-1:], server, truth)
        loop.pull(round_id)
        loop.close(round_id)
    loop.train(round_id)
    loop.compare(round_id)
    return loop.promote(round_id)


def test_a_round_from_phantoms_to_a_verdict(copy: Prepared, label_server: LabelStudioServer) -> None:
    scripts = panel("whole", 0.0, 0.0, 0.5)
    loop = open_loop(copy, label_server, scripts)
    ended = play(loop, label_server, copy.truth, scripts)
    store = loop.store
    batch = store.rounds.batch(ended.round_id).items
    requests = store.reads.requests(round_id=ended.round_id)
    annotations = store.reads.annotations(TASK)
    assert ended.state in (RoundState.PROMOTED, RoundState.KEPT)
    assert len(batch) == 8
    assert len(requests) == len(annotations) == 24  # two readers who are never wrong always have the majority
    assert {a.reader_id for a in annotations} == {s.reader.reader_id for s in scripts[:-1]}
    consensus = store.labels.consensus(TASK)
    assert {c.study_id for c in consensus} == {item.study_id for item in batch}
    for record in consensus:
        truth = {a.question: a.value for a in copy.truth[record.study_id]}
        assert record.value == truth[record.question]
    assert ended.outcome["sentence"]
    assert ended.outcome["candidate"]["mean_auc"]["n"] > 0


def test_what_the_readers_do_not_agree_on_is_adjudicated_by_who_had_no_vote(
    copy: Prepared, label_server: LabelStudioServer
) -> None:
    scripts = panel("split", 0.0, 1.0)
    loop = open_loop(copy, label_server, scripts, readers_per_case=2, budget=3)
    round_id = f"{TASK}-r1"
    loop.push(round_id)
    embedded.read(loop, round_id, scripts[:-1], label_server, copy.truth)
    loop.pull(round_id)
    assert loop.close(round_id).state == RoundState.READ
    assert loop.waiting_for_adjudication(round_id) == 3
    assert {c.state for c in loop.store.labels.consensus(TASK)} == {ConsensusState.DISPUTED}
    standard = loop.store.labels.standard(TASK, {Part.TRAIN})
    asked = {item.study_id for item in loop.store.rounds.batch(round_id).items}
    # what is disputed stands for nothing; the projection is in the header
    assert {a.question for study_id in asked for a in standard.get(study_id, ())} <= {"projection"}
    loop.close(round_id)  # again: nothing is sent twice
    assert loop.waiting_for_adjudication(round_id) == 3
    embedded.read(loop, round_id, scripts[-1:], label_server, copy.truth)
    loop.pull(round_id)
    assert loop.close(round_id).state == RoundState.CLOSED
    for record in loop.store.labels.consensus(TASK):
        truth = {a.question: a.value for a in copy.truth[record.study_id]}
        assert record.state == ConsensusState.ADJUDICATED
        assert record.value == truth[record.question]


def test_steps_out_of_turn_are_refused_and_done_ones_change_nothing(
    copy: Prepared, label_server: LabelStudioServer
) -> None:
    scripts = panel("turn", 0.0, 0.0, 0.0)
    loop = open_loop(copy, label_server, scripts, budget=2)
    round_id = f"{TASK}-r1"
    with pytest.raises(RoundError, match="push"):
        loop.train(round_id)
    loop.push(round_id)
    before = loop.store.reads.requests(round_id=round_id)
    loop.push(round_id)
    assert loop.store.reads.requests(round_id=round_id) == before
    assert loop.pull(round_id).outstanding == 6
    assert loop.cancel(round_id).state == RoundState.CANCELLED
    assert {r.state for r in loop.store.reads.requests(round_id=round_id)} == {RequestState.WITHDRAWN}
    with pytest.raises(RoundError):
        loop.push(round_id)


def test_patients_never_cross_from_training_to_test(copy: Prepared, label_server: LabelStudioServer) -> None:
    scripts = panel("parts", 0.0, 0.0, 0.0)
    loop = open_loop(copy, label_server, scripts, budget=12, random_share=0.5)
    store = loop.store
    served = {
        Purpose.ACQUISITION: Part.TRAIN,
        Purpose.VALIDATION: Part.VALIDATION,
        Purpose.CALIBRATION: Part.CALIBRATION,
        Purpose.TEST: Part.TEST,
    }
    items = store.rounds.batch(f"{TASK}-r1").items
    for item in items:
        assert store.studies.get(item.study_id).patient.part == served[item.purpose]
        if item.purpose != Purpose.ACQUISITION:
            assert item.mode == Mode.INDEPENDENT
    assert sum(item.purpose != Purpose.ACQUISITION for item in items) > 0
    ended = play(loop, label_server, copy.truth, scripts)
    manifest = json.loads(loop.blobs.get(store.versions.get(ended.candidate).manifest))
    pseudonyms = {p.pseudonym: p.part for p in store.studies.patients()}
    trained_on = {pseudonyms[name] for name in manifest["data"]["training"]["patients"]}
    chosen_on = {pseudonyms[name] for name in manifest["data"]["validation"]["patients"]}
    assert trained_on == {Part.TRAIN}
    assert chosen_on <= {Part.VALIDATION}
    with pytest.raises(PartError):
        store.labels.assert_parts([s.study_id for s in store.studies.find(parts=[Part.TEST])], {Part.TRAIN})


def test_scripted_readers_are_marked_and_nobody_sees_an_identity(
    copy: Prepared, label_server: LabelStudioServer
) -> None:
    scripts = panel("marked", 0.0, 0.0, 0.0)
    loop = open_loop(copy, label_server, scripts, budget=2)
    loop.push(f"{TASK}-r1")
    assert loop.store.reads.readers(kind=ReaderKind.PERSON) == []
    client_view = ScriptedReader(label_server, scripts[0].reader, loop.task.form, loop.blobs)
    from labelstudio.client import LabelStudioClient

    with LabelStudioClient(label_server.url, client_view.credentials.token) as client:
        for request in loop.store.reads.requests(reader_id=scripts[0].reader.reader_id):
            assert request.external_task is not None
            seen = json.dumps(client.task(request.external_task).data)
            study = loop.store.studies.get(request.study_id)
            assert study.label in seen
            assert study.patient.patient_id.removeprefix("dicom:") not in seen


def _take(home: Home, step: str, *, point: str | None = None) -> None:
    """Take a step in a worker of its own; one that kills itself at a point where one is named."""
    job = jobs.enqueue(home, "round.step", round_id=f"{TASK}-r1", step=step)
    module = ["tests.killed", str(home.path), point] if point else ["tests.killed", str(home.path), "none"]
    worker = subprocess.Popen([sys.executable, "-m", *module], stderr=subprocess.DEVNULL)
    try:
        if point:
            assert worker.wait(240) == -signal.SIGKILL, f"the worker did not come to: {point}"
            assert Store.of(home).jobs.get(job.job_id).state in (JobState.RUNNING, JobState.WAITING)
            return
        end = time.monotonic() + 240
        while (now := Store.of(home).jobs.get(job.job_id)).state in (JobState.RUNNING, JobState.WAITING):
            assert time.monotonic() < end
            assert worker.poll() is None
            time.sleep(0.2)
        assert now.state == JobState.DONE, dict(now.error)
    finally:
        worker.terminate()
        worker.wait(30)


def test_a_killed_worker_loses_nothing_and_counts_nothing_twice(
    prepared: Prepared, copy: Prepared, label_server: LabelStudioServer
) -> None:
    unbroken = panel("calm", 0.0, 0.0, 0.0)
    expected_loop = open_loop(copy, label_server, unbroken)
    expected = play(expected_loop, label_server, copy.truth, unbroken)

    scripts = panel("killed", 0.0, 0.0, 0.0)
    loop = open_loop(prepared, label_server, scripts)
    round_id = f"{TASK}-r1"
    for step in ("push", "pull", "close", "train", "compare", "promote"):
        if step == "pull":
            assert fetch_answers(prepared.home) == 0
            embedded.read(loop, round_id, scripts[:-1], label_server, prepared.truth)
        for point in [point for point in POINTS if point.startswith(f"{step}:")]:
            _take(prepared.home, step, point=point)
        _take(prepared.home, step)

    ended = loop.store.rounds.get(round_id)
    assert ended.state == expected.state
    requests = loop.store.reads.requests(round_id=round_id)
    assert fetch_answers(prepared.home) == 0
    annotations = loop.store.reads.annotations(TASK, every_revision=True)
    assert len({r.external_task for r in requests}) == len(requests) == 24
    assert len({a.request_id for a in annotations}) == len(annotations) == 24

    def consensus(of: Loop) -> set[tuple[str, str, object]]:
        return {(c.study_id, c.question, c.value) for c in of.store.labels.consensus(TASK)}

    def weights(of: Loop, version: str) -> object:
        manifest = json.loads(of.blobs.get(of.store.versions.get(version).manifest))
        return {name: stage.get("weights") for name, stage in manifest["stages"].items()}

    assert consensus(loop) == consensus(expected_loop)
    assert [v.number for v in loop.store.versions.all(TASK)] == [2, 1]
    assert weights(loop, ended.candidate) == weights(expected_loop, expected.candidate)
    assert ended.outcome["difference"] == expected.outcome["difference"]
