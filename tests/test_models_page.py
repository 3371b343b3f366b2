"""The page Models: what a comparison rests on, how the champion goes on, and who follows a change of champion."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from fastapi.testclient import TestClient

from active_learning.promotion import Judgement
from active_learning.promotion_words import signed
from active_learning.rounds import Loop
from data.blobs import Blobs
from data.home import HOME_VARIABLE, Home
from data.phantoms import cxr_quality
from data.records import JobState, Part
from data.store import Store
from models.task import get_task
from models.training import train_version
from tests import radiographs
from tests.compared_home import TASK, many_patients, trained_round, version
from tests.test_faces import show, words
from workbench import jobs
from workbench.serve import create_api
from workbench.views.parts.promotion_evidence import STANDINGS
from workbench.work_champion import DRIFT, newest_drift


@pytest.fixture
def store(home: Home, monkeypatch: pytest.MonkeyPatch) -> Iterator[Store]:
    """A home that the pages find."""
    monkeypatch.setenv(HOME_VARIABLE, str(home.path))
    opened = Store.of(home)
    yield opened
    opened.close()


def compared(home: Home, store: Store, *, skill: float) -> Judgement:
    studies = many_patients(home, 160)
    champion = version(home, studies, 0.5, seed=1)
    store.versions.crown(TASK, champion.version, "the first one")
    waiting = trained_round(home, studies, champion.version, skill, seed=2)
    done = Loop(home, get_task(TASK)).compare(waiting.round_id)
    return Judgement.from_dict(done.outcome)


def test_the_page_shows_what_the_comparison_rests_on(home: Home, store: Store) -> None:
    judged = compared(home, store, skill=2.5)
    page = show("models", task=TASK)
    said = words(page)
    assert not page.exception
    assert judged.sentence in said
    assert "the interval of the primary metric covers 95.6%" in said
    for one in (*judged.guarded, *judged.subgroups):
        assert signed(one.difference.value) in said
        assert STANDINGS[one.standing] in said
    for name in ("sex F", "age 60 to 79", "manufacturer Bolt", "AUC of projection"):
        assert name in said
    assert "Over all rounds of the task" in said


def test_a_gain_that_is_not_shown_names_the_patients_that_would_settle_it(home: Home, store: Store) -> None:
    judged = compared(home, store, skill=0.6)
    assert judged.verdict == "not enough evidence"
    assert judged.patients_needed is not None
    said = words(show("models", task=TASK))
    assert "what would settle it" in said
    assert "test patients, were it as seen" in said


def test_the_champions_drift_is_asked_for_once_and_shown(home: Home, store: Store) -> None:
    compared(home, store, skill=2.5)
    for _ in range(2):
        assert not show("models", task=TASK).exception
    asked = [job for job in store.jobs.all() if job.kind == DRIFT]
    assert len(asked) == 1
    jobs.run(home, asked[0].job_id)
    assert store.jobs.get(asked[0].job_id).state == JobState.DONE
    assert newest_drift(home, TASK) is not None
    said = words(show("models", task=TASK))
    assert f"{TASK}-v1 since it became champion" in said
    assert "against the 160 test patients of" in said
    assert "It is not measured yet" not in said


def test_demo_and_api_follow_a_promotion_and_a_rollback_in_the_same_process(home: Home, store: Store) -> None:
    """The upload is predicted by whichever version is champion when it is predicted."""
    blobs, task = Blobs.of(home), get_task(TASK)
    radiographs.fill(store, blobs, {Part.TRAIN: 12, Part.VALIDATION: 6})
    first, second = (
        train_version(store, blobs, task, "tiny", scratch=home.path / f"scratch-{k}", max_steps=1)[0].version
        for k in range(2)
    )
    client = TestClient(create_api(home))
    upload = next(iter(cxr_quality.write(1, home.path / "phantoms"))).read_bytes()

    def answered() -> list[str]:
        """The champion that the list of tasks names, and the version that predicts an upload."""
        named = next(t["champion"] for t in client.get("/api/tasks").json() if t["name"] == TASK)
        asked = client.post(f"/api/predict?task={TASK}&wait_s=0", files={"file": ("a.dcm", upload)})
        assert asked.status_code == 202, asked.text
        jobs.run(home, asked.json()["job_id"])  # what demo and API both ask for
        job = store.jobs.get(asked.json()["job_id"])
        assert job.state == JobState.DONE, job.error
        return [named, str(job.result["version"])]

    store.versions.crown(TASK, first, "the first one")
    assert answered() == [first, first]
    store.versions.crown(TASK, second, "better")
    assert answered() == [second, second]
    Loop(home, task).rollback("not on portable images")
    assert answered() == [first, first]
