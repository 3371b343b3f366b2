"""The page Models: what a comparison rests on, how the champion goes on, and who follows a change of champion."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from fastapi.testclient import TestClient
from playwright.sync_api import expect
from streamlit.testing.v1 import AppTest

from active_learning.promotion import Judgement
from active_learning.promotion_checks import Standing
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
from tests.served_home import opened, running
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


def press(page: AppTest, label: str) -> AppTest:
    next(button for button in page.button if button.label == label).click()
    return page.run()


def test_champion_and_candidate_have_the_same_plots_of_the_question_in_the_address(
    home: Home, store: Store
) -> None:
    compared(home, store, skill=2.5)
    page = show("models", task=TASK, question="projection")
    assert page.selectbox(key="question").value == "projection"
    said = words(page)
    for version_ in (f"{TASK}-v1", f"{TASK}-v2"):
        for what in ("ROC", "Precision and recall", "Calibration", "Confusion"):
            assert f"{what} of {version_}, projection" in said
    assert said.count("160 patients, 40 of them lateral") == 2
    assert said.count("160 test patients, 160 studies") == 2
    drawn = [plot.proto.id for plot in page.get("plotly_chart")]
    assert sum("projection" in one for one in drawn) == 8
    assert not any("borders_frontal" in one for one in drawn)


def test_a_better_candidate_is_promoted_with_a_reason(home: Home, store: Store) -> None:
    compared(home, store, skill=2.5)
    page = show("models", task=TASK)
    assert "nothing but your reason" not in words(page)
    press(page, f"Promote {TASK}-v2")
    assert "Say why in a sentence; nothing was changed." in words(page)
    page.text_input(key="why promote").input("better on every subgroup")
    press(page, f"Promote {TASK}-v2")
    (job,) = [one for one in store.jobs.all() if one.kind == "round.step"]
    assert (job.arguments["step"], job.arguments["force"]) == ("promote", False)
    jobs.run(home, job.job_id)
    assert store.jobs.get(job.job_id).state == JobState.DONE
    assert store.versions.champion(TASK).version == f"{TASK}-v2"  # type: ignore[union-attr]
    assert "better on every subgroup" in store.versions.championships(TASK)[0].reason
    page = show("models", task=TASK)
    assert any(button.label == f"Roll back to {TASK}-v1" for button in page.button)


def test_what_speaks_against_a_promotion_is_said(home: Home, store: Store) -> None:
    compared(home, store, skill=0.6)
    assert f"does not show that {TASK}-v2 is better" in words(show("models", task=TASK))
    made = version(home, [], 0.5, seed=3)
    page = show("models", task=TASK, beside=made.version)
    assert f"{made.version} was not compared with the champion on the locked test patients" in words(page)
    assert any(button.label == "Measure on the test patients" for button in page.button)


def test_what_is_too_small_to_say_is_folded(home: Home, store: Store) -> None:
    studies = many_patients(home, 40)
    champion = version(home, studies, 0.5, seed=1)
    store.versions.crown(TASK, champion.version, "the first one")
    waiting = trained_round(home, studies, champion.version, 2.5, seed=2)
    outcome = Loop(home, get_task(TASK)).compare(waiting.round_id).outcome
    judged = Judgement.from_dict(outcome)
    small = [c for c in (*judged.guarded, *judged.subgroups) if c.standing is Standing.NOT_ASSESSABLE]
    assert small
    page = show("models", task=TASK)
    (folded,) = [one for one in page.expander if "too small to say" in one.label]
    assert folded.label.startswith(f"{len(small)} ")
    inside = "".join(one.value for one in folded.get("html"))
    assert all((one.group or "AUC of") in inside for one in small)
    assert inside.count("too small to say") == len(small)


@pytest.mark.browser
def test_sentence_both_sides_and_first_plots_stand_on_the_first_screen(home: Home, store: Store) -> None:
    """At 1440 x 900, the candidate's plots beside the champion's, as large and as high."""
    compared(home, store, skill=1.2)
    with running(home, worker=False) as served, opened(served) as page:
        page.goto(f"/models?task={TASK}&question=projection")
        plots = page.locator(".js-plotly-plot")
        expect(plots.nth(7).locator(".main-svg").first).to_be_visible()
        expect(page.get_by_text("Better:", exact=False).first).to_be_in_viewport(ratio=1)
        expect(page.get_by_role("button", name="Promote…")).to_be_in_viewport(ratio=1)
        boxes = {}
        for which in (1, 2):
            expect(page.get_by_text(f"{TASK}-v{which}", exact=True).first).to_be_in_viewport(ratio=1)
            for what in ("roc", "precision"):
                plot = page.locator(f".st-key-plot-{TASK}-v{which}-projection-{what} .js-plotly-plot")
                expect(plot).to_be_in_viewport(ratio=1)
                boxes[which, what] = plot.bounding_box()
        for what in ("roc", "precision"):
            left, right = boxes[1, what], boxes[2, what]
            assert left is not None
            assert right is not None
            assert left["x"] < right["x"]
            assert (left["y"], left["height"]) == (right["y"], right["height"])
            assert left["width"] == pytest.approx(right["width"], abs=1)


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
