"""Grades at levels filled in on the page My reading: begun with the model's, kept whole, nothing typed is lost."""

from __future__ import annotations

import pytest
from streamlit.testing.v1 import AppTest

from active_learning.accepting import Accepting
from active_learning.desk import request_of
from data.answers import Answer, Grade, Site
from data.blobs import Blobs
from data.home import HOME_VARIABLE, Home
from data.records import (
    BatchItem,
    Mode,
    Part,
    Patient,
    Prediction,
    Purpose,
    QuestionPrediction,
    Reader,
    ReadRequest,
    Study,
)
from data.store import Store
from models.task import Trained, get_task
from models.versions import save
from tests.reading_home import send
from tests.test_adjudication_page import press
from tests.test_faces import show, words
from workbench.grades import graded

TASK = get_task("lumbar_stenosis")
CELLS = [(q, site) for q in graded(TASK.form) for site in q.sites]
GIVE = "Give these grades"


@pytest.fixture
def store(home: Home, monkeypatch: pytest.MonkeyPatch) -> Store:
    """Two cases that wait for ``ann``, one with the model's grades: everything mild."""
    monkeypatch.setenv(HOME_VARIABLE, str(home.path))
    store, blobs = Store.of(home), Blobs.of(home)
    store.reads.add_reader(Reader("ann", "Dr Ann"))
    version = store.versions.add(
        task=TASK.name, profile="demo", manifest=save(blobs, TASK.name, Trained({}, {}, ()))
    )
    results = []
    for question, site in CELLS:
        assert isinstance(question.kind, Grade)
        shares = dict.fromkeys(question.kind.levels, 0.1) | {"mild": 0.7}
        results.append(QuestionPrediction(question.name, site, 1, shares, 0.3))
    for name in ("helped", "alone"):
        store.studies.add(Study(name, Patient(name, f"P-{name}", Part.TRAIN), "MR"), {})
        store.versions.put_predictions([Prediction(TASK.name, name, version.version, tuple(results))])
    store.versions.crown(TASK.name, version.version, "the first version of the task")
    modes = {"helped": Mode.ASSISTED, "alone": Mode.INDEPENDENT}
    batch = [BatchItem(name, Purpose.ACQUISITION, mode, 0.5, "undecided") for name, mode in modes.items()]
    current = store.rounds.open(TASK.name, batch, {"readers": ["ann"], "readers_per_case": 1}, version.version)
    planned = [
        request_of(current, item.study_id, "ann", item.purpose, item.mode, 0, place)
        for place, item in enumerate(batch)
    ]
    send(store, planned)
    return store


def request(store: Store, study: str) -> ReadRequest:
    return store.reads.requests(study_id=study)[0]


def opened(store: Store, study: str) -> AppTest:
    return show("reading", reader="ann", task=TASK.name, case=request(store, study).request_id)


def test_the_models_grades_unchanged_are_the_models_answer_accepted(store: Store) -> None:
    page = opened(store, "helped")
    assert not page.exception
    press(page, GIVE)
    (read,) = store.reads.annotations(TASK.name)
    assert (read.study_id, read.accepted, len(read.answers)) == ("helped", f"{TASK.name}-v1", len(CELLS))
    assert {a.value for a in read.answers} == {1}


def test_an_independent_read_begins_empty_and_is_given_whole(store: Store) -> None:
    page = opened(store, "alone")
    assert f"{len(CELLS)} of {len(CELLS)} grades are still to be given" in words(page)
    assert next(b for b in page.button if b.label == GIVE).disabled
    key = f"grades {request(store, 'alone').request_id}"
    filled = page.session_state[f"{key} filled"].copy()
    assert filled.isna().all().all()
    filled[:] = "severe"
    filled.loc["L4/L5", "recess:left"] = "absent"
    page.session_state[f"{key} filled"] = filled  # as the grid keeps it when the page is left
    del page.session_state[f"{key} begun"]
    page.run()
    assert "still to be given" not in words(page)
    press(page, GIVE)
    (read,) = store.reads.annotations(TASK.name)
    other = {(a.question, a.site): a.value for a in read.answers}
    assert other.pop(("recess", Site.level("L4/L5", "left"))) == 0
    assert set(other.values()) == {3}
    assert (read.accepted, len(other)) == ("", len(CELLS) - 1)
    assert "your grades are kept" in words(page)


def test_a_changed_grade_is_the_readers_own(store: Store) -> None:
    own, asked = Accepting(Home(store.path.parent), TASK), request(store, "helped")
    page = opened(store, "helped")
    key = f"grades {asked.request_id}"
    filled = page.session_state[f"{key} filled"].copy()
    assert (filled.stack() == "mild").all()
    filled.loc["L1/L2", "central:"] = "severe"
    page.session_state[f"{key} filled"] = filled
    del page.session_state[f"{key} begun"]
    page.run()
    press(page, GIVE)
    (read,) = store.reads.annotations(TASK.name)
    wanted = [a if (a.question, a.site.key) != ("central", "level:L1/L2") else Answer(a.question, a.site, 3)
              for a in own.offer(asked).answers]  # fmt: skip
    assert (read.accepted, list(read.answers)) == ("", wanted)
