"""The page Loop: a row a task, whom it waits for, the training that is stopped, killed and gone on with."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from html import unescape
from pathlib import Path
from typing import Any

import pytest
from streamlit.testing.v1 import AppTest

from active_learning.proposal import Proposal
from data.answers import Answer, Site
from data.blobs import Blobs
from data.home import HOME_VARIABLE, Home
from data.records import Job, JobState, ReferenceLabel, RequestState, RoundState
from data.store import Store
from models import versions
from models.course import course_of, read_course
from models.watching import Journal
from tests.filled_home import TASK
from tests.shared_homes import copied
from tests.test_faces import show, words
from workbench import jobs
from workbench.fetching import last_fetch, note_fetch
from workbench.order import in_order
from workbench.views.parts import jobs as jobs_of_pages
from workbench.views.parts.batch_preview import PREVIEW
from workbench.views.parts.loop_cases import FIRST

ROUND = f"{TASK}-r2"
LEARNS = f"{TASK}-r3"


@pytest.fixture(scope="module")
def learning(filled: Home, tmp_path_factory: pytest.TempPathFactory) -> Home:
    """The same with a round whose candidate is to be trained, as small as can be."""
    home = copied(filled, tmp_path_factory.mktemp("learning"))
    store = Store.of(home)
    plan = {**store.rounds.get(ROUND).plan, "profile": "tiny"}
    items, champion = store.rounds.batch(ROUND).items, store.rounds.get(ROUND).champion
    store.rounds.move(ROUND, RoundState.CANCELLED, expected=[RoundState.PUSHED])
    opened = store.rounds.open(TASK, items, plan, champion)
    assert opened.round_id == LEARNS
    state = RoundState.OPENED
    for after in (RoundState.PUSHED, RoundState.READ, RoundState.CLOSED):
        store.rounds.move(LEARNS, after, expected=[state])
        state = after
    store.close()
    return home


@pytest.fixture
def copy(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[Home], Store]]:
    """Copies a home, which its test may change and the pages find."""
    made: list[Store] = []

    def own_copy(home: Home) -> Store:
        own = copied(home, tmp_path / str(len(made)))
        monkeypatch.setenv(HOME_VARIABLE, str(own.path))
        made.append(Store.of(own))
        return made[-1]

    yield own_copy
    for store in made:
        store.close()


def of(store: Store) -> Home:
    return Home(store.path.parent)


def labels(page: AppTest) -> list[str]:
    assert not page.exception
    return [button.label for button in page.button]


def tasks_rows(page: AppTest) -> list[str]:
    """Of each task's row: its words without marks."""
    rows = re.findall(r'<div class="c-task">(.*?)</div>', words(page))
    return [re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", unescape(row))).strip() for row in rows]


# -- a home that begins ---------------------------------------------------------------------------------------


def test_before_the_first_round_the_page_says_what_is_needed_and_where_to_bring_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    home = Home(tmp_path / "home").prepare()
    monkeypatch.setenv(HOME_VARIABLE, str(home.path))
    page = show("loop")
    assert {"Take images in", "Add readers"} < set(labels(page))
    assert "Train" not in labels(page), "there is nothing to learn from"
    assert "Choose cases" not in labels(page)
    page.button(key="bring Studies").click().run()
    assert not page.exception
    assert "Folder, file or ZIP, by its whole path" in [field.label for field in page.text_input]


def test_a_home_with_labels_and_no_version_offers_to_train(copy: Callable[[Home], Store], filled: Home) -> None:
    store = copy(filled)
    task = next(name for name in in_order(store) if name == "cxr_findings")
    (study, *_) = store.studies.find(modalities={"CR", "DX"})
    store.labels.add_references(
        [ReferenceLabel(task, study.study_id, Answer("effusion", Site(), "present"), "a table")]
    )
    page = show("loop", task=task)
    assert "1 label came in" in words(page)
    page.button(key="bring First version").click().run()
    (job,) = [job for job in store.jobs.all() if job.kind == "train"]
    assert (job.arguments["task"], job.arguments["profile"]) == (task, "demo")
    assert "It is being prepared." in words(page)
    store.jobs.cancel(job.job_id)
    jobs.enqueue(of(store), PREVIEW, task=task, plan={})  # work that trains nothing
    said = words(show("loop", task=task))
    assert "Work goes on." in said
    assert "It is being prepared." not in said


# -- rows ------------------------------------------------------------------------------------------------


def test_every_task_has_a_row_and_one_has_its_details(copy: Callable[[Home], Store], filled: Home) -> None:
    store = copy(filled)
    page = show("loop")
    order = list(in_order(store).values())
    rows = tasks_rows(page)
    assert len(rows) == len(order) == 5
    assert all(row.startswith(task.title) for row, task in zip(rows, order, strict=True))
    waiting = store.reads.requests(round_id=ROUND, states={RequestState.PUSHED})
    of_ahn = sum(r.reader_id == "reader-1" for r in waiting)
    assert f"Dr Ahn ({of_ahn})" in rows[0]
    assert "Waits for studies." in next(row for row in rows if row.startswith("Adrenal"))
    assert words(page).count('aria-current="step"') == 5
    others = [label for label in labels(page) if label in ("Details", "Choose…", "Prepare…")]
    assert others == ["Prepare…" if "Waits for studies." in row else "Choose…" for row in rows[1:]]
    assert {"Prepare…", "Choose…"} == set(others)
    assert page.segmented_control(key=f"show {ROUND}").value == "readers"


def test_another_task_is_opened_from_its_row_and_by_its_address(
    copy: Callable[[Home], Store], filled: Home
) -> None:
    copy(filled)
    page = show("loop")
    page.button(key="open cxr_findings row").click().run()
    assert labels(page).count("Details") == 1
    assert page.query_params["task"] == "cxr_findings"
    assert "Choose cases" in labels(page)
    assert not [one for one in page.segmented_control if one.key == f"show {ROUND}"]
    assert labels(show("loop", task="cxr_findings")) == labels(page)


def test_a_view_of_the_round_stands_in_the_address(copy: Callable[[Home], Store], filled: Home) -> None:
    copy(filled)
    assert "no strict majority: 50% agree at the most" in words(show("loop", show="disputes"))
    page = show("loop")
    page.segmented_control(key=f"show {ROUND}").set_value("disputes").run()
    assert page.query_params["show"] == "disputes"
    assert f"/consensus?task={TASK}" in words(page)


def test_who_has_not_begun_and_when_answers_were_fetched(copy: Callable[[Home], Store], filled: Home) -> None:
    store = copy(filled)
    said = words(show("loop"))
    assert "Answers were not fetched yet." in said
    own = [r for r in store.reads.requests(round_id=ROUND) if r.reader_id == "reader-2"]
    done = sum(r.state == RequestState.ANSWERED for r in own)
    assert f"{done} of {len(own)}" in said
    assert "not begun" not in said
    with store.write() as db:
        db.execute("UPDATE requests SET state = 'pushed' WHERE round_id = ? AND reader_id = 'reader-2'", [ROUND])
    note_fetch(of(store), ROUND)
    mark = of(store).path / "fetched" / ROUND
    os.utime(mark, (time.time() - 150, time.time() - 150))
    said = words(show("loop"))
    assert f"not begun, about {round(10 * 21.5 / 60)} min" in said
    assert f"0 of {len(own)}" in said
    assert "Answers were last fetched 2 min ago." in said
    assert last_fetch(of(store), "another") == ""


def test_the_price_of_each_case_stands_under_its_picture(copy: Callable[[Home], Store], filled: Home) -> None:
    store = copy(filled)
    store.rounds.move(ROUND, RoundState.CANCELLED, expected=[RoundState.PUSHED])
    page = show("loop")
    page.segmented_control(key=f"unit {TASK}").set_value("minutes").run()
    page.number_input(key=f"minutes {TASK}").set_value(6).run()
    assert "about 6 min of reading" in words(page)
    page.button(key=f"preview {TASK}").click().run()
    job = store.jobs.all(limit=1)[0]
    assert job.arguments["plan"]["budget_minutes"] == 6
    jobs.run(of(store), job.job_id)
    proposal = Proposal.from_dict(store.jobs.get(job.job_id).result)
    assert 0 < proposal.minutes <= 6
    said = words(show("loop"))
    cards = re.findall(r'<div class="c-card".*?</p></div>', said)
    assert len(cards) == min(len(proposal.cases), FIRST)
    for card, case in zip(cards, proposal.cases, strict=False):
        assert f'data-open="{case.item.study_id}"' in card
        assert f"<p>{case.item.reason}</p>" in card
        assert f"about {round(case.seconds)} s" in card


# -- work going on ---------------------------------------------------------------------------------------


def test_work_that_goes_on_is_told_on_every_page_to_the_curator(
    copy: Callable[[Home], Store], filled: Home
) -> None:
    store = copy(filled)

    def side(page: AppTest) -> str:
        return "\n".join(str(child.proto) for child in page.sidebar)

    assert "Work going on" not in side(show("models"))
    job = store.jobs.add("round.step", {"round_id": ROUND, "step": "train"})
    store.jobs.lease(job.job_id, "me", seconds=60)
    store.jobs.beat(job.job_id, "me", seconds=60, progress=0.37, message="")
    store.jobs.add("ingest", {"paths": []})
    for name in ("models", "data", "health"):
        said = side(show(name))
        assert "Work going on: training the candidate" in said
        assert "37%" in said
        assert f"/loop?task={TASK}" in said
        more = len(store.jobs.all(states=jobs_of_pages.RUNNING)) - 1  # a page may ask for work of its own
        assert ("1 more waits" if more == 1 else f"{more} more wait") in said
    assert "Work going on" not in side(show("reading", reader="reader-1"))
    for one in store.jobs.all(states=jobs_of_pages.RUNNING):
        if one.kind != "ingest":
            store.jobs.cancel(one.job_id)
    assert "Work going on: taking files in" in side(show("data"))


# -- training --------------------------------------------------------------------------------------------


def weights(store: Store) -> dict[str, bytes]:
    """The candidate's weights, bit by bit."""
    candidate = store.versions.get(store.rounds.get(LEARNS).candidate)
    trained = versions.read(Blobs.of(of(store)), candidate)
    found = {
        f"{stage} {name}": tensor.numpy().tobytes()
        for stage, tensors in trained.weights.items()
        for name, tensor in tensors.items()
    }
    assert len(found) > 100
    return found


@pytest.fixture(scope="module")
def unbroken(learning: Home, tmp_path_factory: pytest.TempPathFactory) -> dict[str, bytes]:
    """The weights of a training that was never stopped."""
    home = copied(learning, tmp_path_factory.mktemp("unbroken"))
    store = Store.of(home)
    jobs.run(home, jobs.enqueue(home, "round.step", round_id=LEARNS, step="train", reason="", force=False).job_id)
    assert store.rounds.get(LEARNS).state == RoundState.TRAINED
    found = weights(store)
    store.close()
    return found


class Held:
    """Holds a training still when its first epoch has ended, until it is let go."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.reached, self.go = threading.Event(), threading.Event()
        original = Journal.epoch

        def epoch(journal: Journal, row: Mapping[str, float], **named: Any) -> None:
            original(journal, row, **named)
            self.reached.set()
            assert self.go.wait(60)

        monkeypatch.setattr(Journal, "epoch", epoch)


def test_stopped_on_the_page_and_resumed_it_ends_with_the_same_weights(
    copy: Callable[[Home], Store], learning: Home, unbroken: dict[str, bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    store, held = copy(learning), Held(monkeypatch)
    home = of(store)
    page = show("loop")
    next(button for button in page.button if button.label == "Train candidate").click()
    page.run()
    job = store.jobs.all(limit=1)[0]
    work = threading.Thread(target=jobs.run, args=(home, job.job_id))
    work.start()
    assert held.reached.wait(60)
    page = show("loop")
    assert "network 1 of 4" in words(page)
    assert len(page.get("plotly_chart")) == 1
    page.button(key=f"stop {job.job_id}").click().run()
    time.sleep(0.3)  # a job looks three times a second whether it was called off
    held.go.set()
    work.join(60)
    assert store.jobs.get(job.job_id).state == JobState.CANCELLED
    assert store.rounds.get(LEARNS).state == RoundState.CLOSED
    now = read_course(course_of(home, LEARNS)).current  # type: ignore[union-attr]
    page = show("loop")
    assert f"Stopped at epoch {now.epoch} of {now.epochs}" in words(page)  # type: ignore[union-attr]
    assert "Nothing is lost" in words(page)
    next(button for button in page.button if button.label == "Resume training").click()
    page.run()
    again = store.jobs.all(limit=1)[0]
    assert again.job_id != job.job_id
    jobs.run(home, again.job_id)
    assert store.rounds.get(LEARNS).state == RoundState.TRAINED
    assert weights(store) == unbroken
    course = read_course(course_of(home, LEARNS))
    assert course is not None
    assert (len(course.networks), len(course.plan)) == (3, 4)  # one stage is left out: too few images
    assert all(network.done for network in course.networks)
    assert all(len(network.curve) == network.epoch for network in course.networks)
    page = show("loop", show="training")
    assert len(page.get("plotly_chart")) == 1
    assert page.selectbox(key=f"network {LEARNS}").options == [n.name for n in course.networks]


def test_a_worker_killed_in_the_training_loses_nothing(
    copy: Callable[[Home], Store], learning: Home, unbroken: dict[str, bytes]
) -> None:
    store = copy(learning)
    home = of(store)
    job: Job = jobs.enqueue(home, "round.step", round_id=LEARNS, step="train", reason="", force=False)
    command = [sys.executable, "-m", "tests.killed", str(home.path), "train: in the middle"]
    killed = subprocess.run(command, timeout=120, check=False)
    assert killed.returncode != 0
    assert store.jobs.get(job.job_id).state == JobState.RUNNING
    before = read_course(course_of(home, LEARNS))
    said = words(show("loop"))
    assert before is not None
    assert before.current is not None
    assert f"network {len(before.networks)} of 4 ({before.current.name})" in said
    store.jobs.release_all()  # as a worker does when it starts
    jobs.run(home, job.job_id)
    assert store.jobs.get(job.job_id).state == JobState.DONE
    assert store.jobs.get(job.job_id).attempts == 2
    assert weights(store) == unbroken
