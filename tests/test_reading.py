"""Readers and adjudicators through the real labelling server: blind, counted once, decided by who had no vote."""

from __future__ import annotations

from dataclasses import replace
from itertools import combinations
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from active_learning.reading_study import reading_study
from active_learning.rounds import Loop
from data.errors import ConflictError, RoundError
from data.home import Home
from data.records import (
    ConsensusState,
    Mode,
    Part,
    Purpose,
    ReaderKind,
    ReaderRole,
    RequestState,
    RoundKind,
    RoundState,
)
from labelstudio.client import LabelStudioClient
from labelstudio.gateway import LabelStudioGateway
from labelstudio.server import LabelStudioServer
from models.config import Reading as Settings
from tests.ports import free_port
from tests.reading_home import CUT, LATERAL, TASK, TRUTH, Reading, champion, reading, standard

pytestmark = pytest.mark.labelstudio
BORDERS = "borders_frontal"


@pytest.fixture
def made(home: Home, label_server: LabelStudioServer) -> Reading:
    return reading(home, label_server)


def judges(made: Reading, *names: str) -> None:
    made.add(*names, role=ReaderRole.ADJUDICATOR)


def settings(monkeypatch: pytest.MonkeyPatch, made: Reading, **changes: object) -> None:
    """The task with other settings of reading."""
    config = SimpleNamespace(reading=Settings(**changes))
    monkeypatch.setattr(type(made.loop.task), "config", property(lambda _: config))


def disputed(made: Reading, prefix: str, *, second: bool = True) -> tuple[str, str]:
    """A round of one case that two readers do not agree on, given to the first of two adjudicators."""
    made.add(f"{prefix}-a", f"{prefix}-b")
    judges(made, f"{prefix}-judge", *([f"{prefix}-other"] if second else []))
    round_id = made.open([f"{prefix}-a", f"{prefix}-b"], budget=1, adjudicator=f"{prefix}-judge").round_id
    made.loop.push(round_id)
    made.answer(round_id, f"{prefix}-a", TRUTH)
    made.answer(round_id, f"{prefix}-b", CUT)
    made.loop.pull(round_id)
    assert made.loop.close(round_id).state == RoundState.READ
    (item,) = made.store.rounds.batch(round_id).items
    return round_id, item.study_id


def test_a_panel_of_seven_is_blind_an_eighth_decides_and_the_report_says_what_was_told(
    made: Reading, label_server: LabelStudioServer
) -> None:
    readers = [f"seven-{n}" for n in range(7)]
    made.add(*readers)
    judges(made, "seven-judge")
    round_id = made.open(readers, adjudicator="seven-judge", budget=6).round_id
    made.loop.push(round_id)
    studies = [item.study_id for item in made.store.rounds.batch(round_id).items]
    split, rng = studies[2], np.random.default_rng(5)
    told = {s: {r: bool(rng.random() < (0.75 if n % 2 else 0.2)) for r in readers} for n, s in enumerate(studies)}
    told[split] = {r: n < 3 for n, r in enumerate(readers) if n != 3}  # the fourth holds it for a lateral view
    for number, reader in enumerate(readers):
        given = {s: CUT if told[s].get(reader) else TRUTH for s in studies}
        made.answer(round_id, reader, {**given, split: LATERAL} if number == 3 else given)
    made.loop.pull(round_id)
    assert made.loop.close(round_id).state == RoundState.READ
    assert [(r.study_id, r.reader_id) for r in made.loop.closing.waiting(round_id)] == [(split, "seven-judge")]
    made.answer(round_id, "seven-judge", CUT, remark="the angle is missing")
    made.loop.pull(round_id)
    assert made.loop.close(round_id).state == RoundState.CLOSED
    stands = {c.study_id: c for c in made.store.labels.consensus(TASK, round_id=round_id) if c.question == BORDERS}
    assert (stands[split].state, stands[split].value) == (ConsensusState.ADJUDICATED, "cut_off")
    (decision,) = made.store.decisions.all(TASK, round_id=round_id)
    assert (decision.study_id, decision.reader_id, decision.why) == (split, "seven-judge", "the angle is missing")
    assert "seven-judge" not in {a.reader_id for a in made.store.reads.annotations(TASK) if a.purpose.votes}
    _nobody_else_is_in_a_project(made, label_server, [*readers, "seven-judge"])
    study = reading_study(made.store, made.loop.blobs, made.loop.task, round_id=round_id, draws=0)
    topic = next(t for t in study.topics if t.view.question == BORDERS)
    pairs = [np.mean([a == b for a, b in combinations(told[s].values(), 2)]) for s in studies]
    assert topic.panel.figures["percent_agreement"].value == pytest.approx(np.mean(pairs))
    for reader in readers:
        own = next(one for one in topic.answerers if one.name == reader)
        truth = {
            s: True if s == split else _majority_without(told[s], reader) for s in studies if reader in told[s]
        }
        seen = [(told[s][reader], t) for s, t in truth.items() if t is not None]
        assert sum(map(sum, own.confusion)) == len(seen)
        for figure, positive in (("sensitivity", True), ("specificity", False)):
            asked = [said == t for said, t in seen if t is positive]
            assert figure in own.binary
            assert own.binary[figure].value == pytest.approx(np.mean(asked))


def _majority_without(said: dict[str, bool], reader: str) -> bool | None:
    """What more than half of the other readers said; None where they are split."""
    others = [value for name, value in said.items() if name != reader]
    return None if 2 * sum(others) == len(others) else 2 * sum(others) > len(others)


def _nobody_else_is_in_a_project(made: Reading, server: LabelStudioServer, readers: list[str]) -> None:
    with LabelStudioClient(server.url, server.token) as client:
        for reader in readers:
            (project,) = {r.external_project for r in made.store.reads.requests(reader_id=reader)}
            assert project is not None
            tasks = client.tasks(project, answers=True)
            assert len({row["completed_by"] for task in tasks for row in task.annotations}) == 1


def test_quality_of_readers_stands_beside_the_consensus(made: Reading) -> None:
    made.add("good-a", "good-b", "poor")
    round_id = made.open(["good-a", "good-b", "poor"], budget=6).round_id
    made.loop.push(round_id)
    studies = [item.study_id for item in made.store.rounds.batch(round_id).items]
    for reader in ("good-a", "good-b"):
        made.answer(round_id, reader, {s: (CUT if n % 2 else TRUTH) for n, s in enumerate(studies)})
    made.answer(round_id, "poor", {s: (TRUTH if n < 4 else CUT) for n, s in enumerate(studies)})
    made.loop.pull(round_id)
    made.loop.close(round_id)
    record = next(c for c in made.store.labels.consensus(TASK, round_id=round_id) if c.question == BORDERS)
    quality = dict(record.quality)
    assert quality["good-a"] == quality["good-b"] > quality["poor"]
    assert record.guideline == 1
    assert {a.guideline for a in made.store.reads.annotations(TASK)} == {1}


def test_a_skipped_case_keeps_the_reason(made: Reading) -> None:
    from labelstudio.scripted import ScriptedReader

    made.add("skip-a")
    round_id = made.open(["skip-a"], budget=1).round_id
    made.loop.push(round_id)
    (request,) = made.store.reads.requests(round_id=round_id)
    assert made.server is not None
    hand = ScriptedReader(made.server, made.store.reads.reader("skip-a"), made.loop.task.form, made.loop.blobs)
    hand.skip(request, remark="a wrist, no chest")
    assert made.loop.pull(round_id).skipped == 1
    (kept,) = made.store.reads.annotations(TASK)
    assert (kept.skipped, kept.answers, kept.remark) == (True, (), "a wrist, no chest")


def test_a_decision_in_the_workbench_is_a_record_and_takes_the_case_off_the_server(made: Reading) -> None:
    round_id, study = disputed(made, "page")
    with pytest.raises(RoundError, match="not yours"):
        made.loop.decide(round_id, study, "page-other", CUT, "seen")
    with pytest.raises(RoundError, match="reason"):
        made.loop.decide(round_id, study, "page-judge", CUT, " ")
    assert made.store.decisions.all(TASK) == []
    (request,) = made.loop.closing.waiting(round_id)
    made.loop.decide(round_id, study, "page-judge", CUT[1:], "the left angle is missing")
    assert made.server is not None
    with LabelStudioClient(made.server.url, made.server.token) as client:
        assert client.task_or_none(request.external_task or 0) is None
    assert made.loop.pull(round_id).refused == ()
    assert made.loop.close(round_id).state == RoundState.CLOSED
    stands = {c.question: c for c in made.store.labels.consensus(TASK, study_id=study)}
    assert (stands["projection"].state, stands["projection"].value) == (ConsensusState.AGREED, "frontal")
    assert (stands[BORDERS].state, stands[BORDERS].value) == (ConsensusState.ADJUDICATED, "cut_off")
    assert f"an-{request.request_id}" in stands[BORDERS].annotations


def test_a_decision_is_appealed_once_and_another_adjudicator_has_the_last_word(made: Reading) -> None:
    round_id, study = disputed(made, "appeal")
    made.loop.decide(round_id, study, "appeal-judge", CUT[1:], "the left angle is missing")
    made.loop.close(round_id)
    (first,) = made.store.decisions.all(TASK)
    made.add("appeal-c")
    with pytest.raises(RoundError, match="vote"):
        made.loop.appeal(first.decision_id, reader_id="appeal-c", reason="no")
    made.loop.appeal(first.decision_id, reader_id="appeal-a", reason="it is a fold of skin")
    (request,) = made.loop.closing.waiting(round_id)
    assert request.reader_id == "appeal-other"
    assert made.store.labels.standard(TASK, {Part.TRAIN})[study][0].value == "cut_off"  # it stands until then
    with pytest.raises(RoundError, match="appealed"):
        made.loop.decide(round_id, study, "appeal-judge", TRUTH[1:], "again")
    made.answer(round_id, "appeal-other", TRUTH, remark="a fold of skin indeed")
    made.loop.pull(round_id)
    assert made.store.labels.standard(TASK, {Part.TRAIN})[study][0].value == "complete"
    second = made.store.decisions.all(TASK)[-1]
    assert (second.appeal_of, second.reader_id, second.why) == (
        first.decision_id, "appeal-other", "a fold of skin indeed",
    )  # fmt: skip
    for decision in (first, second):
        with pytest.raises(ConflictError, match="already"):
            made.loop.appeal(decision.decision_id, reader_id="", reason="once more")
    assert made.store.rounds.get(round_id).state == RoundState.CLOSED


def test_an_appeal_that_nobody_can_decide_changes_nothing(made: Reading) -> None:
    round_id, study = disputed(made, "lone", second=False)
    made.loop.decide(round_id, study, "lone-judge", CUT[1:], "the left angle is missing")
    (decision,) = made.store.decisions.all(TASK)
    with pytest.raises(RoundError, match="no other adjudicator"):
        made.loop.appeal(decision.decision_id, reader_id="lone-a", reason="no")
    assert made.store.decisions.appeal(decision.decision_id) is None
    assert made.loop.closing.waiting(round_id) == []


def test_an_appeal_while_the_server_is_down_is_sent_with_the_next_fetch(made: Reading, tmp_path: Path) -> None:
    round_id, study = disputed(made, "down")
    made.loop.decide(round_id, study, "down-judge", CUT[1:], "the left angle is missing")
    made.loop.close(round_id)
    (decision,) = made.store.decisions.all(TASK)
    nowhere = LabelStudioServer(Home(tmp_path / "nowhere").prepare(), port=free_port())
    gateway = LabelStudioGateway(nowhere, made.loop.blobs, made.store.reads.reader)
    cut_off = Loop(made.home, made.loop.task, gateway)
    cut_off.appeal(decision.decision_id, reader_id="", reason="look again")
    (waiting,) = made.loop.closing.waiting(round_id)
    assert (waiting.reader_id, waiting.state) == ("down-other", RequestState.PLANNED)
    made.loop.pull(round_id)
    (sent,) = made.loop.closing.waiting(round_id)
    assert (sent.request_id, sent.state) == (waiting.request_id, RequestState.PUSHED)


def test_who_voted_on_a_case_in_any_round_does_not_decide_it(made: Reading) -> None:
    round_id, study = disputed(made, "ever")
    read = made.store.reads.annotations(TASK)[0]
    earlier = replace(read, annotation_id="an-earlier", reader_id="ever-judge", round_id="", request_id="")
    made.loop.cancel(round_id)
    made.store.reads.keep(earlier)
    current = made.open(["ever-a", "ever-b"], budget=6, adjudicator="ever-judge")
    assert study in {i.study_id for i in made.store.rounds.batch(current.round_id).items}  # still disputed
    asked = made.loop.closing.ask(current, [study])
    assert [r.reader_id for r in asked] == ["ever-other"]


def test_a_changed_read_forms_the_consensus_anew(made: Reading) -> None:
    round_id, study = disputed(made, "change")
    request = next(r for r in made.store.reads.requests(reader_id="change-b"))
    assert made.server is not None
    with LabelStudioClient(made.server.url, made.server.token) as client:
        (row,) = client.task(request.external_task or 0).annotations
        result = [
            {**region, "value": {"choices": ["complete"]}} if region["from_name"] == BORDERS else region
            for region in row["result"]
        ]
    from labelstudio.users import ensure_reader_user

    own = ensure_reader_user(made.server, made.store.reads.reader("change-b"))
    with LabelStudioClient(made.server.url, own.token) as client:
        client.request("PATCH", f"/api/annotations/{row['id']}/", json={"result": result})
    assert made.loop.pull(round_id).changed == 1
    stands = {c.question: c for c in made.store.labels.consensus(TASK, study_id=study)}
    assert (stands[BORDERS].state, stands[BORDERS].value) == (ConsensusState.AGREED, "complete")


def test_a_second_look_keeps_both_answers_and_fixes_the_first(made: Reading) -> None:
    champion(made)
    made.add("look-a")
    round_id = made.open(["look-a"], budget=1, second_look=True, independent_share=1.0).round_id
    made.loop.push(round_id)
    made.answer(round_id, "look-a", TRUTH)
    assert made.loop.pull(round_id).outstanding == 1  # the model's answer is shown now
    first, again = made.store.reads.requests(round_id=round_id)
    assert (first.mode, again.purpose, again.mode) == (Mode.INDEPENDENT, Purpose.SECOND_LOOK, Mode.ASSISTED)
    assert made.server is not None
    with LabelStudioClient(made.server.url, made.server.token) as client:
        row = client.task(first.external_task or 0).annotations[0]
        shown = [
            client.request("GET", f"/api/tasks/{r.external_task}/").json()["predictions"] for r in (first, again)
        ]
        assert [len(predictions) for predictions in shown] == [0, 1]
    from labelstudio.users import ensure_reader_user

    own = ensure_reader_user(made.server, made.store.reads.reader("look-a"))
    changed = [r | {"value": {"choices": ["cut_off"]}} if r["from_name"] == BORDERS else r for r in row["result"]]
    with LabelStudioClient(made.server.url, own.token) as client:
        client.request("PATCH", f"/api/annotations/{row['id']}/", json={"result": changed})
    made.answer(round_id, "look-a", CUT)
    report = made.loop.pull(round_id)
    assert [message for _, message in report.refused] == [
        "The first answer is fixed since the model's answer was shown: change the second one."
    ]
    assert report.outstanding == 0
    kept = {a.purpose: a for a in made.store.reads.annotations(TASK)}
    assert kept[Purpose.ACQUISITION].answers == TRUTH
    assert kept[Purpose.SECOND_LOOK].answers == CUT
    assert made.loop.close(round_id).state == RoundState.CLOSED
    assert {c.value for c in made.store.labels.consensus(TASK)} == {"frontal", "complete"}  # the first one votes


def test_a_hidden_second_read_has_no_vote_and_looks_like_any_other(made: Reading) -> None:
    made.add("again-a", "again-b")
    first = made.open(["again-a", "again-b"], budget=2).round_id
    made.loop.push(first)
    for reader in ("again-a", "again-b"):
        made.answer(first, reader, TRUTH)
    made.loop.pull(first)
    made.loop.close(first)
    made.store.rounds.move(first, RoundState.KEPT, expected=[RoundState.CLOSED])
    second = made.open(["again-a", "again-b"], budget=2, reread_share=0.5, reread_after_days=0).round_id
    made.loop.push(second)
    hidden = [r for r in made.store.reads.requests(round_id=second) if r.purpose == Purpose.REREAD]
    before = {item.study_id for item in made.store.rounds.batch(first).items}
    assert sorted(r.reader_id for r in hidden) == ["again-a", "again-b"]
    assert {r.study_id for r in hidden} <= before
    for reader in ("again-a", "again-b"):
        own = made.store.reads.requests(round_id=second, reader_id=reader)
        assert [r.position for r in own] == [0, 1, 2]
        assert {r.mode for r in own} == {Mode.INDEPENDENT}
        made.answer(second, reader, CUT)
    made.loop.pull(second)
    assert made.loop.close(second).state == RoundState.CLOSED
    asked = {item.study_id for item in made.store.rounds.batch(second).items}
    assert {c.study_id for c in made.store.labels.consensus(TASK, round_id=second)} == asked
    again = [a for a in made.store.reads.annotations(TASK, round_id=second) if a.purpose == Purpose.REREAD]
    assert {a.answers for a in again} == {CUT}  # beside the first answer, which stays
    assert made.store.labels.standard(TASK, {Part.TRAIN})[hidden[0].study_id][0].value == "complete"


def test_a_person_qualifies_before_reads_count(made: Reading, monkeypatch: pytest.MonkeyPatch) -> None:
    settings(monkeypatch, made, qualification_cases=4, qualification_needed=0.8)
    known = made.studies[:4]
    standard(made, studies=known)
    made.add("new-a", "new-b", kind=ReaderKind.PERSON)
    with pytest.raises(RoundError, match="qualification"):
        made.open(["new-a", "new-b"])
    for reader, given in (("new-a", TRUTH), ("new-b", CUT)):
        current = made.loop.qualify(reader)
        assert made.loop.qualify(reader).round_id == current.round_id  # again: the one that is open
        assert {r.study_id for r in made.store.reads.requests(round_id=current.round_id)} == {
            s.study_id for s in known
        }
        made.answer(current.round_id, reader, given)
        assert made.loop.pull(current.round_id).outstanding == 0
        assert made.loop.close(current.round_id).state == RoundState.CLOSED
    passed, failed = (made.store.qualifications.all(TASK, reader_id=r)[0] for r in ("new-a", "new-b"))
    assert (passed.score, passed.answers, passed.passed) == (1.0, 8, True)
    assert (failed.score, failed.answers, failed.passed) == (0.5, 8, False)  # the projections were right
    assert made.store.labels.consensus(TASK) == []
    assert made.store.rounds.all(TASK) == []
    assert len(made.store.rounds.all(TASK, kind=RoundKind.QUALIFICATION)) == 2
    with pytest.raises(RoundError, match="new-b"):
        made.open(["new-a", "new-b"])
    assert made.open(["new-a"]).round_id == f"{TASK}-r1"
    with pytest.raises(RoundError, match="too few cases"):
        made.loop.qualify("new-a")  # all that is known has been seen


def test_who_is_no_longer_active_is_not_asked(made: Reading) -> None:
    made.add("gone-a")
    made.store.reads.update_reader("gone-a", active=False)
    with pytest.raises(RoundError, match="active"):
        made.open(["gone-a"])
    made.store.reads.update_reader("gone-a", active=True, experience_y=12.5)
    assert made.store.reads.reader("gone-a").experience_y == 12.5
    assert made.open(["gone-a"]).state == RoundState.OPENED
