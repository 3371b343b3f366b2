"""A batch is seen before it is opened: the verb, the job, and the page Loop."""

from __future__ import annotations

import json

import pytest
from streamlit.testing.v1 import AppTest
from typer.testing import CliRunner

from active_learning.proposal import Proposal
from data.blobs import Blobs
from data.deletion import delete_patient
from data.home import Home
from data.records import JobState, RoundState
from data.store import Store
from tests.filled_home import TASK
from tests.test_faces import show, words
from workbench import jobs
from workbench.cli import app


@pytest.fixture(scope="module")
def filled(filled: Home) -> Home:
    """A home in which no round is open."""
    store = Store.of(filled)
    store.rounds.move(f"{TASK}-r2", RoundState.CANCELLED, expected=[RoundState.PUSHED])
    store.close()
    return filled


@pytest.fixture
def store(changed: Store) -> Store:
    """A filled home that its test may change."""
    return changed


def verb(*arguments: str, code: int = 0) -> dict[str, object]:
    done = CliRunner().invoke(app, ["round", *arguments, "--json"])
    assert done.exit_code == code, done.output
    return dict(json.loads(done.stdout.splitlines()[-1]))


OPTIONS = (TASK, "--budget", "9", "--readers-per-case", "2", "--strategy", "k_centre", "--quota",
           "projection=lateral>=30%", "--seed", "3")  # fmt: skip


def test_the_verb_previews_what_open_then_opens(store: Store) -> None:
    seen = verb("preview", *OPTIONS)
    assert store.rounds.latest(TASK).round_id == f"{TASK}-r2"  # type: ignore[union-attr]
    opened = verb("open", *OPTIONS, "--batch", str(seen["batch"]))
    items = store.rounds.batch(str(opened["round"])).items
    assert [(i.study_id, i.reason) for i in items] == [
        (c["study_id"], c["reason"])
        for c in seen["cases"]  # type: ignore[attr-defined]
    ]
    assert seen["strategy"] == "k_centre"
    assert store.rounds.get(str(opened["round"])).plan["quotas"] == ["projection=lateral>=30%"]
    minutes = sum(c["seconds"] for c in seen["cases"]) / 60  # type: ignore[attr-defined]
    assert seen["minutes"] == pytest.approx(minutes, abs=0.01)


def test_another_batch_than_the_previewed_one_is_refused(store: Store) -> None:
    seen = verb("preview", *OPTIONS)
    told = verb("open", *OPTIONS[:-1], "4", "--batch", str(seen["batch"]), code=1)
    assert told["given"] == seen["batch"]
    assert store.rounds.latest(TASK).round_id == f"{TASK}-r2"  # type: ignore[union-attr]


def test_minutes_bound_the_batch(store: Store) -> None:
    seen = verb("preview", TASK, "--readers-per-case", "2", "--minutes", "4")
    assert 3 < float(str(seen["minutes"])) <= 4


def previewed(store: Store) -> tuple[AppTest, Proposal]:
    """The page after its button was pressed and the job was done."""
    page = show("loop")
    next(button for button in page.button if button.label == "Preview").click()
    page.run()
    job = store.jobs.all(limit=1)[0]
    assert job.kind == "round.preview"
    jobs.run(Home(store.path.parent), job.job_id)
    done = store.jobs.get(job.job_id)
    assert done.state == JobState.DONE, dict(done.error)
    return show("loop"), Proposal.from_dict(done.result)


def test_the_page_shows_the_batch_and_opens_that_one(store: Store) -> None:
    page, proposal = previewed(store)
    said = words(page)
    assert f"{len(proposal.cases)} cases, about" in said
    assert "nothing is sent yet" in said
    assert all(case.label in said and case.item.reason in said for case in proposal.cases)
    assert all(
        f">{name}</span> <b>{count}</b>" in said for name, count in proposal.composition()["reason"].items()
    )
    next(button for button in page.button if button.label == "Open this batch").click()
    page.run()
    job = store.jobs.all(limit=1)[0]
    assert job.kind == "round.open"
    assert job.arguments["batch"] == proposal.batch
    jobs.run(Home(store.path.parent), job.job_id)
    opened = store.rounds.latest(TASK)
    assert opened is not None
    assert opened.state == RoundState.OPENED
    assert store.rounds.batch(opened.round_id).items == proposal.items
    assert "Open this batch" not in {button.label for button in show("loop").button}


def test_a_preview_is_forgotten_once_a_round_was_opened(store: Store) -> None:
    _, proposal = previewed(store)
    opened = store.rounds.open(TASK, proposal.items, proposal.plan, proposal.champion)
    store.rounds.move(opened.round_id, RoundState.CANCELLED, expected=[RoundState.OPENED])
    page = show("loop")
    assert "Preview" in {button.label for button in page.button}
    assert "Open this batch" not in {button.label for button in page.button}


def test_a_preview_goes_with_a_patient_who_is_deleted(store: Store) -> None:
    _, proposal = previewed(store)
    card = store.cards.find()[0]
    delete_patient(store, Blobs.of(Home(store.path.parent)), card.card_id)
    assert [job for job in store.jobs.all(limit=50) if job.kind == "round.preview"] == []
    left = store.db.execute("SELECT group_concat(result) FROM jobs").fetchone()[0]
    assert not any(case.label in left for case in proposal.cases)
