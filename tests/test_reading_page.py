"""My reading and the registry: hidden second reads, second looks, qualification, guideline, who reads."""

from __future__ import annotations

import re
from dataclasses import replace

import pytest

from data.answers import STUDY, Answer
from data.home import HOME_VARIABLE, Home
from data.records import (
    Annotation,
    BatchItem,
    Mode,
    Part,
    Purpose,
    Qualification,
    ReaderRole,
    ReadRequest,
    RequestState,
    Round,
    RoundKind,
    RoundState,
)
from data.store import Store
from models.task import get_task
from tests.disputed_home import READERS, quality
from tests.test_adjudication_page import press
from tests.test_faces import show, words
from workbench.blindness import Blindness
from workbench.views.reading import FIXED, SECOND_LOOK

TASK = "cxr_quality"
ANN = READERS[0]


@pytest.fixture
def store(home: Home, monkeypatch: pytest.MonkeyPatch) -> Store:
    """A round that ended, and one in which ``ann`` reads ``q-border`` a second time without being told."""
    monkeypatch.setenv(HOME_VARIABLE, str(home.path))
    opened = Store.of(home)
    for reader in READERS:
        opened.reads.add_reader(reader)
    first = quality(home)
    for before, after in (
        ("READ", "CLOSED"),
        ("CLOSED", "TRAINED"),
        ("TRAINED", "COMPARED"),
        ("COMPARED", "KEPT"),
    ):
        opened.rounds.move(first.round_id, RoundState[after], expected=[RoundState[before]])
    return opened


def opened(store: Store, *items: str, kind: RoundKind = RoundKind.QUERY, reader: str = "ann") -> Round:
    """A round that is being read."""
    purpose = Purpose.ACQUISITION if kind == RoundKind.QUERY else Purpose.QUALIFICATION
    batch = [BatchItem(name, purpose, Mode.INDEPENDENT, 0.5, "the model is unsure") for name in items]
    plan = {"readers": [reader], "readers_per_case": 1}
    current = store.rounds.open(TASK, batch, plan, "", kind=kind)
    store.rounds.move(current.round_id, RoundState.PUSHED, expected=[RoundState.OPENED])
    return store.rounds.get(current.round_id)


def asked(
    store: Store, current: Round, study: str, purpose: Purpose, position: int, reader: str = "ann"
) -> ReadRequest:
    mode = Mode.ASSISTED if purpose == Purpose.SECOND_LOOK else Mode.INDEPENDENT
    request = ReadRequest(
        f"rq-{current.round_id}-{study}-{purpose}", current.round_id, TASK, study, reader, purpose, mode,
        position=position,
    )  # fmt: skip
    store.reads.plan([request])
    pushed = replace(request, state=RequestState.PUSHED, external_project=3, external_task=position + 1)
    store.reads.set_requests([pushed])
    return pushed


def qualified(store: Store, task: str, reader: str, score: float, answers: int) -> None:
    """How a qualification ended."""
    batch = [BatchItem("q-agreed", Purpose.QUALIFICATION, Mode.INDEPENDENT, 0.0, "known")]
    plan = {"readers": [reader], "readers_per_case": 1}
    current = store.rounds.open(task, batch, plan, "", kind=RoundKind.QUALIFICATION)
    store.rounds.move(current.round_id, RoundState.CANCELLED, expected=[RoundState.OPENED])
    store.qualifications.keep(Qualification(task, reader, 0, current.round_id, score, 0.8, answers))


def answered(store: Store, request: ReadRequest, option: str, **more: object) -> None:
    given = (Answer("projection", STUDY, option),) if option else ()
    read = Annotation(
        f"an-{request.request_id}", TASK, request.study_id, request.reader_id, request.mode, given,
        request.request_id, request.round_id, request.purpose,
    )  # fmt: skip
    store.reads.keep(replace(read, **more))  # type: ignore[arg-type]


# -- hidden second reads ---------------------------------------------------------------------------------------


def test_a_hidden_second_read_looks_like_any_other_read(store: Store) -> None:
    current = opened(store, "q-agreed")
    asked(store, current, "q-agreed", Purpose.ACQUISITION, 1)
    asked(store, current, "q-border", Purpose.REREAD, 0)
    said = words(show("reading", reader="ann", task=TASK))
    lines = re.findall(r'data-open="([^"]*)"', said)
    assert lines == ["q-border", "q-agreed"]  # by position
    cases = [said.split(f'data-open="{name}"')[1].split("</a>")[0] for name in lines]
    labels = {s.study_id: s.label for s in store.studies.find(study_ids=lines)}
    alike = [
        case.replace(labels[name], "P").replace(name, "study").replace(f"task={position}", "task=N")
        for case, name, position in zip(cases, lines, (1, 2), strict=True)
    ]
    assert alike[0] == alike[1]
    assert "second read" not in said


@pytest.mark.parametrize("state", ["waiting", "answered"])
def test_the_own_earlier_answer_is_hidden_while_a_study_is_read_again(store: Store, state: str) -> None:
    before = words(show("study", reader="ann", study="q-border", task=TASK))
    assert "frontal · complete" in before  # the first read's answer
    assert "Dr Berg" in before
    current = opened(store, "q-agreed")
    request = asked(store, current, "q-border", Purpose.REREAD, 0)
    if state == "answered":
        answered(store, request, "lateral")
    said = words(show("study", reader="ann", study="q-border", task=TASK))
    assert "You read this study independently" in said
    assert "frontal · complete" not in said
    for secret in ("Dr Berg", "Reference standard", "Adjudication", "second read", "Why it is in the queue"):
        assert secret not in said
    assert ("lateral" in said) == (state == "answered")
    assert said.count("Dr Ahn") == 1
    assert "complete" not in words(show("reading", reader="ann", task=TASK))
    curator = words(show("study", study="q-border", task=TASK))
    assert "hidden second read" in curator
    assert "frontal · complete" in curator
    store.rounds.move(current.round_id, RoundState.CANCELLED, expected=[RoundState.PUSHED])
    assert "frontal · complete" in words(show("study", reader="ann", study="q-border", task=TASK))


def test_a_study_that_others_read_now_shows_none_of_their_answers(store: Store) -> None:
    opened(store, "q-agreed")
    cem = READERS[2]
    during = Blindness(store, TASK, cem).sight("q-agreed", Part.TRAIN)
    assert (during.model, during.others) == (True, False)
    assert Blindness(store, TASK, cem).sight("q-border", Part.TRAIN).others
    assert Blindness(store, TASK, None).sight("q-agreed", Part.TRAIN).others


# -- second looks ----------------------------------------------------------------------------------------------


def test_a_second_look_shows_the_model_and_fixes_the_first_answer(store: Store) -> None:
    current = opened(store, "q-agreed")
    first = asked(store, current, "q-agreed", Purpose.ACQUISITION, 0)
    answered(store, first, "frontal")
    assert not Blindness(store, TASK, ANN).sight("q-agreed", Part.TRAIN).model
    assert FIXED not in words(show("reading", reader="ann", task=TASK))
    asked(store, current, "q-agreed", Purpose.SECOND_LOOK, 0)
    sight = Blindness(store, TASK, ANN).sight("q-agreed", Part.TRAIN)
    assert (sight.model, sight.others) == (True, False)
    said = words(show("reading", reader="ann", task=TASK))
    assert SECOND_LOOK in said
    assert FIXED in said
    assert "1 of 2 read" in said
    assert "Change in Label Studio" not in said


def test_what_was_written_to_a_skipped_case_stands_there(store: Store) -> None:
    current = opened(store, "q-agreed")
    answered(store, asked(store, current, "q-agreed", Purpose.ACQUISITION, 0), "", skipped=True, remark="motion")
    for said in (words(show(n, reader="ann", study="q-agreed", task=TASK)) for n in ("reading", "study")):
        assert "skipped" in said
        assert "motion" in said


# -- qualification and guideline -------------------------------------------------------------------------------


def test_a_qualification_is_shown_with_its_progress_and_is_read_blind(store: Store) -> None:
    current = opened(store, "q-view", "q-agreed", kind=RoundKind.QUALIFICATION, reader="cem")
    done = asked(store, current, "q-view", Purpose.QUALIFICATION, 0, reader="cem")
    asked(store, current, "q-agreed", Purpose.QUALIFICATION, 1, reader="cem")
    answered(store, done, "frontal")
    page = show("reading", reader="cem", task=TASK)
    assert "Qualification (1 of 2 read)" in words(page)
    sight = Blindness(store, TASK, READERS[2]).sight("q-agreed", Part.TRAIN)
    assert (sight.model, sight.others) == (False, False)
    assert "Reference standard" not in words(show("study", reader="cem", study="q-agreed", task=TASK))
    press(page, "Fetch and score")
    job = next(job for job in store.jobs.all() if job.kind == "reader.qualify")
    assert dict(job.arguments) == {"task": TASK, "reader_id": "cem"}


@pytest.mark.parametrize(("score", "said"), [(0.9, "qualified"), (0.5, "The qualification was not passed")])
def test_how_a_qualification_ended_is_said(store: Store, score: float, said: str) -> None:
    qualified(store, TASK, "cem", score, 20)
    page = words(show("reading", reader="cem", task=TASK))
    assert said in page
    assert f"{100 * score:.0f}% of 20 answers, 80% are needed" in page


def test_the_guideline_says_whether_it_has_changed(store: Store) -> None:
    form = get_task(TASK).form
    assert "Published" not in words(show("reading", reader="ann", task=TASK))
    store.guidelines.publish(TASK, "Look at both costophrenic angles.", form)
    page = show("reading", reader="ann", task=TASK)
    said = words(page)
    assert "Guideline, version 1" in [expander.label for expander in page.expander]
    assert "Look at both costophrenic angles." in said
    assert "has changed since your last read" in said  # the reads followed none
    current = opened(store, "q-agreed")
    request = asked(store, current, "q-agreed", Purpose.ACQUISITION, 0)
    answered(store, request, "frontal", guideline=1)
    assert "has changed since your last read" not in words(show("reading", reader="ann", task=TASK))
    store.guidelines.publish(TASK, "And at the apices.", form)
    assert "has changed since your last read" in words(show("reading", reader="ann", task=TASK))
    assert "has changed since your last read" not in words(show("reading", reader="cem", task=TASK))  # no read yet


# -- the registry ----------------------------------------------------------------------------------------------


def row(page: object, reader_id: str) -> list[str]:
    """The cells of a reader's row."""
    line = next(one for one in re.findall(r"<tr>.*?</tr>", words(page)) if f">{reader_id}<" in one)  # type: ignore[arg-type]
    return [re.sub(r"<[^>]*>", "", cell).strip() for cell in re.findall(r"<td[^>]*>(.*?)</td>", line)]


def test_the_registry_counts_and_says_who_is_qualified(store: Store) -> None:
    qualified(store, TASK, "cem", 0.9, 20)
    qualified(store, TASK, "ben", 0.5, 20)
    qualified(store, "adrenal_ct", "ben", 1.0, 10)
    page = show("readers", task=TASK)
    assert not page.exception
    assert row(page, "ann")[1:] == ["reader", "12 y", "active", "0", "3", "0", "30 s", "not asked for"]
    assert row(page, "cem")[4:] == ["0", "0", "0", "—", "passed 90% of 20 answers"]
    assert row(page, "ben")[8] == "not passed 50% of 20 answersAdrenal lesions on CT: passed 100% of 10 answers"
    assert row(page, "senior")[1:7] == ["adjudicator", "—", "active", "2", "0", "0"]


def test_a_reader_is_added_once_with_an_id_that_fits(store: Store) -> None:
    page = show("readers", task=TASK)

    def add(reader_id: str) -> str:
        for field, text in (("Id", reader_id), ("Name", "Dr Dorn")):
            next(one for one in page.text_input if one.label == field).input(text)
        next(box for box in page.selectbox if box.label == "Role").set_value(ReaderRole.ADJUDICATOR)
        next(one for one in page.number_input if one.label == "Experience, years").set_value(7.5)
        press(page, "Add")
        return words(page)

    assert "That is no id of a reader." in add("Dr Dorn")
    assert "is there already" in add("ann")
    assert "Dr Dorn is added as adjudicator." in add("dorn")
    kept = store.reads.reader("dorn")
    assert (kept.name, kept.role, kept.experience_y, kept.active) == ("Dr Dorn", ReaderRole.ADJUDICATOR, 7.5, True)


def test_experience_and_activity_change_and_nothing_else(store: Store) -> None:
    page = show("readers", task=TASK)
    next(one for one in page.number_input if str(one.key) == "years ann").set_value(13.0)
    next(one for one in page.toggle if str(one.key) == "active ann").set_value(False)
    page.run()
    press(page, "Save")
    assert store.reads.reader("ann") == replace(ANN, experience_y=13.0, active=False)
    assert row(page, "ann")[2:4] == ["13 y", "no longer"]


def test_a_qualification_is_sent_and_then_scored(store: Store) -> None:
    page = show("readers", task=TASK)
    next(box for box in page.selectbox if str(box.key) == "qualify who").set_value("cem")
    page.run()
    next(one for one in page.number_input if one.label.startswith("Cases")).set_value(4)
    press(page, "Send the qualification")
    job = next(job for job in store.jobs.all() if job.kind == "reader.qualify")
    assert dict(job.arguments) == {"task": TASK, "reader_id": "cem", "cases": 4}
    store.jobs.cancel(job.job_id)
    current = opened(store, "q-agreed", kind=RoundKind.QUALIFICATION, reader="cem")
    asked(store, current, "q-agreed", Purpose.QUALIFICATION, 0, reader="cem")
    page.run()
    assert row(page, "cem")[8] == "being read 0 of 1"
    press(page, "Fetch and score")
    newest = next(job for job in store.jobs.all() if job.kind == "reader.qualify")
    assert dict(newest.arguments) == {"task": TASK, "reader_id": "cem"}
