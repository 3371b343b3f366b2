"""My reading and the registry: hidden second reads, second looks, qualification, guideline, who reads."""

from __future__ import annotations

import re
from dataclasses import replace

import pytest
from streamlit.testing.v1 import AppTest

from active_learning.accepting import Accepting
from active_learning.desk import request_of
from data.answers import STUDY, Answer
from data.errors import RoundError
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
    Round,
    RoundKind,
    RoundState,
)
from data.store import Store
from models.task import get_task
from tests.disputed_home import READERS, quality
from tests.reading_home import CUT, Reading, champion, reading, send
from tests.test_adjudication_page import press
from tests.test_faces import show, words
from workbench.blindness import Blindness
from workbench.views.parts import reading_acts
from workbench.views.parts.reading_clock import Clock
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
    request = request_of(current, study, reader, purpose, mode, 0, position)
    sent = send(store, [request], first=position + 1)
    return next(r for r in sent if r.request_id == request.request_id)


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
    said = words(show("reading", reader="ann", task=TASK, case="none"))
    lines = rows_of(said)
    assert [study for study, _ in lines] == ["q-border", "q-agreed"]  # by position
    labels = {s.study_id: s.label for s in store.studies.find(study_ids=[study for study, _ in lines])}
    again, plain = (
        re.sub(r"rq-[0-9a-f]{20}", "rq", row).replace(labels[study], "P").replace(study, "study")
        for study, row in lines
    )
    assert again.replace(' class="c-now"', "").replace(' aria-current="true"', "") == plain
    assert "second read" not in said


def rows_of(said: str) -> list[tuple[str, str]]:
    """The lines of the queue: the study, and what stands there."""
    lines = re.findall(r"<a class[^>]*data-open.*?</a>|<a href[^>]*data-open.*?</a>", said)
    return [(re.search(r"/api/studies/([^/]+)/", line).group(1), line) for line in lines]  # type: ignore[union-attr]


@pytest.mark.parametrize("state", ["waiting", "answered", "skipped", "taken back"])
def test_the_whole_page_is_the_same_for_a_hidden_second_read_and_a_plain_one(store: Store, state: str) -> None:
    current = opened(store, "q-agreed")
    request = asked(store, current, "q-border", Purpose.REREAD, 0)
    own = Accepting(Home(store.path.parent), get_task(TASK))
    if state == "answered":
        answered(store, request, "lateral")
    if state in ("skipped", "taken back"):
        own.skip(request.request_id, "ann", "It is blurred.")
    if state == "taken back":
        own.take_back(request.request_id, "ann")
    pages = []
    for purpose in (Purpose.REREAD, Purpose.ACQUISITION, Purpose.TEST):
        with store.write() as db:
            db.execute("UPDATE requests SET purpose = ? WHERE request_id = ?", [purpose, request.request_id])
            db.execute("UPDATE annotations SET purpose = ? WHERE request_id = ?", [purpose, request.request_id])
        page = show("reading", reader="ann", task=TASK, case=request.request_id)
        assert not page.exception
        buttons = [(b.label, b.disabled) for b in page.button]
        pages.append((re.sub(r"/voxels/[^\"]*|/[A-Za-z0-9_.~-]{60,}/?", "ADDRESS", words(page)), buttons))
    assert pages[0] == pages[1] == pages[2]
    assert "q-border" in pages[0][0]
    assert "Accept" not in [label for label, _ in pages[0][1]]
    for secret in ("frontal", "Model's answer", f"{TASK}-v", "the model is unsure", "P = "):
        assert secret not in pages[0][0]


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


# -- the open case ---------------------------------------------------------------------------------------------


@pytest.fixture
def assisted(home: Home, monkeypatch: pytest.MonkeyPatch) -> Reading:
    """Three assisted cases that wait for ``ann``, without a labelling server."""
    monkeypatch.setenv(HOME_VARIABLE, str(home.path))
    monkeypatch.setattr(reading_acts, "LEAST_S", 0.0)
    made = reading(home, None)
    made.add("ann")
    champion(made)
    made.send(["ann"], independent_share=0.0)
    return made


def the_open_case(page: AppTest) -> str:
    """The request that is marked in the queue."""
    (marked,) = re.findall(
        r'data-open="([^"]*)"[^>]*aria-current|aria-current="true"[^>]*data-open="([^"]*)"', words(page)
    )
    return "".join(marked)


def test_accept_goes_on_and_can_be_taken_back(assisted: Reading) -> None:
    first, second, _third = assisted.store.reads.requests(reader_id="ann")
    page = show("reading", reader="ann", task=TASK)
    said = words(page)
    assert the_open_case(page) == first.request_id
    assert "0 of 3 read" in said
    assert f"Model's answer, {TASK}-v1" in said
    assert "P = 0.60" in said
    press(page, "Accept")
    assert the_open_case(page) == second.request_id
    assert "1 of 3 read" in words(page)
    (read,) = assisted.store.reads.annotations(TASK)
    assert (read.request_id, read.answers, read.accepted) == (first.request_id, CUT, f"{TASK}-v1")
    assert read.lead_time_s is not None
    assert 0 < read.lead_time_s < 60
    undo = next(b.label for b in page.button if b.label.startswith("Undo"))
    press(page, undo)
    assert the_open_case(page) == first.request_id
    assert assisted.store.reads.annotations(TASK) == []
    assert "0 of 3 read" in words(page)
    press(page, "Accept")
    page = show("reading", reader="ann", task=TASK, case=first.request_id)
    assert "Your read" in words(page)
    assert "taken over from" in words(page)
    assert "Accept" not in [b.label for b in page.button]
    press(page, "Take back")
    assert assisted.store.reads.annotations(TASK) == []


def test_of_an_independent_read_the_page_holds_nothing_of_the_model(assisted: Reading) -> None:
    first, *_ = assisted.store.reads.requests(reader_id="ann")
    secrets = (f"{TASK}-v1", "Model's answer", ">cut off<", "P = 0.60", 'can_ask_heat": true', "Correct in Label")
    reason = assisted.store.rounds.batch(first.round_id).items[0].reason
    said = words(show("reading", reader="ann", task=TASK, case=first.request_id))
    assert [secret for secret in (*secrets, reason) if secret not in said] == []
    with assisted.store.write() as db:
        db.execute("UPDATE requests SET mode = 'independent'")
    page = show("reading", reader="ann", task=TASK, case=first.request_id)
    said = words(page)
    assert [secret for secret in (*secrets, reason) if secret in said] == []
    assert "Accept" not in [b.label for b in page.button]
    assert "You read this study independently" in said
    assert "Read in Label Studio" in said


def test_a_case_that_nobody_can_have_seen_is_not_accepted(
    assisted: Reading, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reading_acts, "LEAST_S", 600.0)
    page = show("reading", reader="ann", task=TASK)
    press(page, "Accept")
    assert "Look at the case first: nothing was accepted." in words(page)
    assert assisted.store.reads.annotations(TASK) == []


def test_the_last_case_stays_open_and_nothing_is_left(assisted: Reading) -> None:
    *_, last = assisted.store.reads.requests(reader_id="ann")
    page = show("reading", reader="ann", task=TASK)
    for _ in range(3):
        press(page, "Accept")
    assert "3 of 3 read · nothing left" in words(page)
    assert the_open_case(page) == last.request_id
    current = assisted.store.rounds.get(last.round_id)
    assisted.store.rounds.move(current.round_id, RoundState.READ, expected=[RoundState.PUSHED])
    press(page, "Take back")
    assert assisted.store.rounds.get(current.round_id).state == RoundState.PUSHED


def test_a_case_is_skipped_with_a_reason_that_outlives_an_error(assisted: Reading) -> None:
    first, second, _third = assisted.store.reads.requests(reader_id="ann")
    page = show("reading", reader="ann", task=TASK)
    press(page, "Skip")
    press(page, "Skip this case")
    assert "A case that is skipped needs a reason." in words(page)
    page.text_input[0].input("The lower edge is missing.").run()
    press(page, "Skip this case")
    (read,) = assisted.store.reads.annotations(TASK)
    assert (read.request_id, read.skipped, read.remark) == (first.request_id, True, "The lower edge is missing.")
    assert the_open_case(page) == second.request_id
    assert "The lower edge is missing." in words(page)
    assert "1 of 3 read" in words(page)


def test_next_and_previous_walk_the_queue(assisted: Reading) -> None:
    first, second, third = (r.request_id for r in assisted.store.reads.requests(reader_id="ann"))
    page = show("reading", reader="ann", task=TASK)
    for way, now in (("Next", second), ("Next", third), ("Previous", second), ("Previous", first)):
        press(page, way)
        assert the_open_case(page) == now
    assert page.query_params["case"] in (first, [first])
    assert next(b for b in page.button if b.label == "Previous").disabled
    labels = {s.study_id: s.label for s in assisted.studies}
    scene = words(show("reading", reader="ann", task=TASK, case=third))
    assert labels[assisted.store.reads.requests(reader_id="ann")[2].study_id] in scene


def test_an_answer_that_leaves_questions_open_is_not_offered(assisted: Reading) -> None:
    first, *_ = assisted.store.reads.requests(reader_id="ann")
    known = assisted.store.versions.predictions(f"{TASK}-v1", study_ids={first.study_id})[first.study_id]
    with assisted.store.write() as db:
        db.execute("DELETE FROM predictions WHERE study_id = ?", [first.study_id])
    page = show("reading", reader="ann", task=TASK)
    assert "there is nothing to accept" in words(page)
    assisted.store.versions.put_predictions([replace(known, results=known.results[:1])])
    page = show("reading", reader="ann", task=TASK)
    assert "it leaves open: borders frontal." in words(page)
    assert "Accept" not in [b.label for b in page.button]


def test_a_round_that_closes_meanwhile_says_so_in_place(assisted: Reading) -> None:
    first, *_ = assisted.store.reads.requests(reader_id="ann")
    page = show("reading", reader="ann", task=TASK)
    move = assisted.store.rounds.move
    for before, after in (("PUSHED", "READ"), ("READ", "CLOSED")):
        move(first.round_id, RoundState[after], expected=[RoundState[before]])
    with pytest.raises(RoundError, match="takes no reads any more"):
        Accepting(assisted.home, assisted.loop.task).accept(first.request_id, "ann")
    press(page, "Accept")
    assert assisted.store.reads.annotations(TASK) == []
    assert "Nothing to read" in words(page)


def test_an_earlier_study_of_the_patient_stands_beside_it(assisted: Reading) -> None:
    first, *_ = assisted.store.reads.requests(reader_id="ann")
    now = assisted.store.studies.get(first.study_id)
    assisted.store.studies.update(now.study_id, study_date="2026-02-01")
    series = replace(now.series[0], series_id="series-before", study_id="before")
    before = replace(now, study_id="before", series=(series,), study_date="2025-12-24")
    assisted.store.studies.add(before, {})
    page = show("reading", reader="ann", task=TASK, case=first.request_id)
    assert "Earlier study beside it (2025-12-24)" in [t.label for t in page.toggle]
    assert f"{before.label}, 2025-12-24" in words(page)
    assert f"{now.label}, 2026-02-01" in words(page)
    page = show("reading", reader="ann", task=TASK, case=first.request_id, earlier="false")
    assert f"{before.label}, 2025-12-24" not in words(page)


def test_the_clock_counts_visits_to_a_case_and_no_other_page() -> None:
    clock = Clock()
    clock.open("a", 10.0)
    clock.open("a", 12.0)
    clock.open("b", 15.0)
    assert clock.took("b", 18.0) == 3.0
    assert clock.took("a", 18.0) is None  # it is not open
    clock.open("a", 20.0)
    assert clock.took("a", 21.5) == 6.5
    clock.answered("a")
    clock.open("a", 30.0)
    assert clock.took("a", 31.0) == 1.0
    clock.open("a", 100.0, came_back=True)  # from another page
    assert clock.took("a", 101.0) is None
    clock.open("b", 102.0)
    assert clock.took("b", 103.0) == 6.0


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
    typed = {field.label: field.value for field in page.text_input}
    assert (typed["Id"], typed["Name"]) == ("", "")


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
