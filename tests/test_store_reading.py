"""The tables of reading: brought up from an older home, and strict about decisions and appeals."""

from __future__ import annotations

import sqlite3
from pathlib import Path

import pytest
from sqlite_utils import Database

from data.errors import ConflictError
from data.records import (
    BatchItem,
    Decision,
    Mode,
    Part,
    Patient,
    Purpose,
    Qualification,
    Reader,
    ReaderRole,
    ReadRequest,
    RoundKind,
    RoundState,
    Study,
)
from data.schema import migrations
from data.store import Store

OLD = """
INSERT INTO patients VALUES ('p', 'P-1', 'train');
INSERT INTO studies VALUES ('s', 'p', 'DX', '', '', NULL, '', '', '', 0, '');
INSERT INTO readers VALUES ('a', 'A', 'person', 'reader');
INSERT INTO rounds VALUES ('t-r1', 't', 1, 'pushed', '{}', '', '', '{}', '2026', '2026');
INSERT INTO batch_items VALUES ('t-r1', 4, 's', 'acquisition', 'independent', 0.5, 'why');
INSERT INTO requests VALUES ('rq', 't-r1', 't', 's', 'a', 'acquisition', 'independent', 'pushed', 3, 9);
INSERT INTO annotations VALUES
    ('an-a', 1, 't', 's', 'a', 'independent', 'acquisition', 'rq', 't-r1', '[]', '', 0, 12.5, '2026');
INSERT INTO annotations VALUES
    ('an-judge', 2, 't', 's', 'a', 'independent', 'adjudication', '', 't-r1', '[]', '', 0, 5.0, '2026');
INSERT INTO consensus VALUES ('t', 's', 't-r1', 'q', 'study', 'agreed', '1', 'majority', 1.0, '[]', '2026');
"""


@pytest.fixture
def older(tmp_path: Path) -> Path:
    """A database as the third migration left it, with a read in it."""
    path = tmp_path / "older.sqlite"
    connection = sqlite3.connect(path)
    migrations.apply(Database(connection), stop_before="m004_reading")
    connection.executescript(OLD)
    connection.commit()
    connection.close()
    return path


def test_an_older_home_is_brought_up_with_all_that_is_in_it(older: Path) -> None:
    store = Store(older)
    (request,) = store.reads.requests()
    assert (request.external_task, request.guideline, request.position) == (9, 0, 4)
    annotation, judged = store.reads.annotations("t")
    (decision,) = store.decisions.all("t")
    assert (decision.annotation_id, decision.revision, decision.why) == (judged.annotation_id, 2, "")
    assert store.decisions.keep(decision) == decision  # it is the one that a fetch would keep
    assert (annotation.lead_time_s, annotation.guideline, annotation.remark) == (12.5, 0, "")
    (record,) = store.labels.consensus("t")
    assert (record.value, record.probability, record.quality, record.guideline) == (1, None, (), 0)
    assert store.reads.readers() == [Reader("a", "A")]
    assert store.rounds.get("t-r1").kind == RoundKind.QUERY
    assert store.db.execute("PRAGMA foreign_keys").fetchone() == (1,)
    assert store.db.execute("PRAGMA foreign_key_check").fetchall() == []
    with pytest.raises(sqlite3.IntegrityError), store.write() as db:
        db.execute("DELETE FROM readers WHERE reader_id = 'a'")  # the reads still hang on the reader
    store.close()
    assert Store(older).reads.requests() == [request]  # a second opening changes nothing


def test_a_curator_and_a_reader_s_second_read_of_a_study_have_a_place(older: Path) -> None:
    store = Store(older)
    store.reads.add_reader(Reader("c", "C", role=ReaderRole.CURATOR, experience_y=4.0))
    assert store.reads.readers(role=ReaderRole.CURATOR)[0].experience_y == 4.0
    store.reads.add_reader(Reader("b", "B"))
    assert [r.reader_id for r in store.reads.readers()] == ["a", "c", "b"]  # a new one moves nobody's colour
    look = ReadRequest("rq-2", "t-r1", "t", "s", "a", Purpose.SECOND_LOOK, Mode.ASSISTED, guideline=2, position=4)
    store.reads.plan([look, look])
    assert [r.purpose for r in store.reads.requests()] == [Purpose.ACQUISITION, Purpose.SECOND_LOOK]
    assert store.reads.requests()[1] == look


def test_a_qualification_stands_beside_the_open_round(older: Path) -> None:
    store = Store(older)
    items = [BatchItem("s", Purpose.QUALIFICATION, Mode.INDEPENDENT, 0.0, "known")]
    first = store.rounds.open("t", items, {}, "", kind=RoundKind.QUALIFICATION)
    second = store.rounds.open("t", items, {}, "", kind=RoundKind.QUALIFICATION)
    assert (first.round_id, second.round_id) == ("t-q1", "t-q2")
    assert [r.round_id for r in store.rounds.all("t")] == ["t-r1"]
    latest = store.rounds.latest("t")
    assert latest is not None
    assert latest.round_id == "t-r1"
    assert store.rounds.studies_asked("t") == {"s"}
    store.qualifications.keep(Qualification("t", "a", 0, "t-q1", 0.7, 0.8, 10))
    assert store.qualifications.passed("t", "a") is None
    store.qualifications.keep(Qualification("t", "a", 0, "t-q2", 0.8, 0.8, 10))
    passed = store.qualifications.passed("t", "a")
    assert passed is not None
    assert passed.round_id == "t-q2"


def test_a_case_is_decided_once_by_each_and_appealed_once(store: Store) -> None:
    store.studies.add(Study("s", Patient("p", "P-1", Part.TRAIN), "DX"), {})
    for name in ("judge", "other", "third"):
        store.reads.add_reader(Reader(name, name, role=ReaderRole.ADJUDICATOR))
    items = [BatchItem("s", Purpose.ACQUISITION, Mode.INDEPENDENT, 0.0, "why")]
    current = store.rounds.open("t", items, {}, "")
    assert current.state == RoundState.OPENED
    first = store.decisions.keep(Decision("", "t", "s", "t-r1", "judge", "an-1", 1, "seen"))
    assert store.decisions.keep(Decision("", "t", "s", "t-r1", "judge", "an-1", 1, "seen")) == first
    with pytest.raises(ConflictError, match="Nobody appealed"):
        store.decisions.keep(Decision("", "t", "s", "t-r1", "other", "an-2", 1, "no", first.decision_id))
    with pytest.raises(ConflictError, match="reason"):
        store.decisions.object(first.decision_id, reader_id="", reason=" ")
    appeal = store.decisions.object(first.decision_id, reader_id="", reason="look again")
    assert store.decisions.appeal(first.decision_id) == appeal
    last = store.decisions.keep(Decision("", "t", "s", "t-r1", "other", "an-2", 1, "no", first.decision_id))
    with pytest.raises(ConflictError, match="was decided"):
        store.decisions.keep(Decision("", "t", "s", "t-r1", "third", "an-3", 1, "me too", first.decision_id))
    for decision in (first, last):
        with pytest.raises(ConflictError, match="already"):
            store.decisions.object(decision.decision_id, reader_id="", reason="once more")
    assert [d.decision_id for d in store.decisions.all("t")] == [first.decision_id, last.decision_id]
