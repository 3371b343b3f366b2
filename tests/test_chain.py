"""The chained log: what is altered is found, what is killed raises no alarm, and what is deleted stays deleted."""

from __future__ import annotations

import hashlib
import hmac
import multiprocessing
import os
import shutil
import signal
import sqlite3
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlite_utils import Database

from data.answers import STUDY, Answer
from data.blobs import Blobs
from data.chain import Anchor, Chain, Head, canonical
from data.deletion import delete_patient
from data.errors import ConflictError, StoreError
from data.home import Home
from data.records import (
    Annotation,
    BatchItem,
    Consensus,
    ConsensusState,
    Layout,
    Mode,
    Part,
    Prediction,
    Purpose,
    QuestionPrediction,
    Reader,
    ReferenceLabel,
    RoundState,
    Series,
    Study,
)
from data.schema import migrations
from data.seals import TABLES
from data.splits import patient
from data.store import Store
from data.verifying import Finding, Verified, accept_loss, verify
from tests.test_store_reading import OLD

KEY = "11" * 32
TASK = "t"


def checked(home: Home, *, pixels: bool = False) -> Verified:
    """The verification of a home, opened anew."""
    store = Store.of(home)
    try:
        return verify(store, Blobs.of(home), pixels=pixels)
    finally:
        store.close()


def findings(home: Home) -> tuple[Finding, ...]:
    return checked(home).findings


def alter(home: Home, *statements: str, guarded: bool = False) -> None:
    """Change the database as somebody would who has it and not the key."""
    with closing(sqlite3.connect(home.database)) as db:
        if not guarded:
            triggers = [row[0] for row in db.execute("SELECT sql FROM sqlite_master WHERE type = 'trigger'")]
            for (name,) in db.execute("SELECT name FROM sqlite_master WHERE type = 'trigger'").fetchall():
                db.execute(f"DROP TRIGGER {name}")
        for statement in statements:
            db.execute(statement)
        if not guarded:
            for sql in triggers:
                db.execute(sql)
        db.commit()


def a_study(number: int, blobs: Blobs) -> Study:
    import numpy as np

    owner = replace(patient(KEY, f"test:{number}"), part=Part.TRAIN)
    pixels = blobs.put_array(np.full((4, 5), number, dtype=np.uint8))
    series = Series(f"se-{number}", f"st-{number}", "CR", Layout.IMAGE, (4, 5), pixels, (0.2, 0.2))
    return Study(f"st-{number}", owner, "CR", (series,), view="PA")


@pytest.fixture
def lived(home: Home) -> Home:
    """A home in which a whole round was lived through."""
    store, blobs = Store.of(home), Blobs.of(home)
    for number in (1, 2):
        store.studies.add(a_study(number, blobs), {f"{number:064x}": (f"se-{number}", f"/images/{number}")})
        store.reads.add_reader(Reader(f"reader-{number}", f"R{number}"))
    store.labels.add_references([ReferenceLabel(TASK, "st-2", Answer("q", STUDY, "yes"), "labels.csv")])
    opened = store.rounds.open(
        TASK, [BatchItem("st-1", Purpose.ACQUISITION, Mode.INDEPENDENT, 0.5, "undecided")], {}, ""
    )
    kept = [
        store.reads.keep(
            Annotation(
                f"an-{n}", TASK, "st-1", f"reader-{n}", Mode.INDEPENDENT, (Answer("q", STUDY, "yes"),),
                round_id=opened.round_id, raw=blobs.put(b'{"raw": %d}' % n),
            )
        )
        for n in (1, 2)
    ]  # fmt: skip
    store.reads.keep(replace(kept[0], answers=(Answer("q", STUDY, "no"),)))
    said = Consensus(
        TASK, "st-1", opened.round_id, "q", STUDY, ConsensusState.AGREED, "yes", "majority", 1.0, ("an-1", "an-2")
    )
    store.labels.replace_consensus(TASK, opened.round_id, {"st-1": [said, replace(said, question="p")]})
    store.labels.replace_consensus(TASK, opened.round_id, {"st-1": [said]})
    manifest = blobs.put(b'{"stages": {"one": {"weights": "%s"}}}' % blobs.put(b"weights").encode())
    version = store.versions.add(task=TASK, profile="demo", manifest=manifest, round_id=opened.round_id)
    store.versions.crown(TASK, version.version, "the first")
    result = QuestionPrediction("q", STUDY, "yes", {"yes": 0.75, "no": 0.25}, 0.8)
    store.versions.put_predictions(Prediction(TASK, f"st-{n}", version.version, (result,)) for n in (1, 2))
    store.versions.put_evaluation(version.version, Part.TEST, {"auc": 0.5})
    store.rounds.move(opened.round_id, RoundState.CANCELLED, expected=[RoundState.OPENED])
    store.close()
    return home


@pytest.fixture
def bare(home: Home) -> Iterator[Store]:
    """A home whose log tells of three small things."""
    store = Store.of(home)
    for number in range(3):
        store.log.add("counted", f"n{number}", of=3)
    yield store
    store.close()


cells = st.one_of(st.none(), st.integers(), st.floats(allow_nan=False), st.text())


@given(st.lists(cells, max_size=4), st.lists(cells, max_size=4))
def test_what_differs_has_other_bytes(one: list[object], other: list[object]) -> None:
    def whole(row: list[object]) -> bytes:
        return b"".join(canonical(cell) for cell in row)  # type: ignore[arg-type]

    same = [type(c) for c in one] == [type(c) for c in other] and repr(one) == repr(other)
    assert (whole(one) == whole(other)) is same


def test_a_link_is_an_hmac_over_all_that_it_follows_and_says() -> None:
    key = "0a" * 32

    def digest(text: bytes) -> str:
        return hmac.new(bytes.fromhex(key), text, hashlib.sha256).hexdigest()

    chain = Chain(key)
    assert chain.genesis == Head(0, digest(b"genesis"))
    said = chain.link("ab", 7, "2026", "è", "", "{}", "")
    spelled = b"t\0\0\0\0\0\0\0\x02ab" + b"i\0\0\0\0\0\0\0\x017" + b"t\0\0\0\0\0\0\0\x042026"
    spelled += b"t\0\0\0\0\0\0\0\x02\xc3\xa8" + b"t" + bytes(8) + b"t\0\0\0\0\0\0\0\x02{}" + b"t" + bytes(8)
    assert said == digest(b"link" + spelled)
    assert Chain("0b" * 32).link("ab", 7, "2026", "è", "", "{}", "") != said


def test_a_home_that_was_lived_in_verifies(lived: Home) -> None:
    found = checked(lived, pixels=True)
    assert found.findings == ()
    assert found.sound
    assert found.behind == 0
    with closing(sqlite3.connect(lived.database)) as db:
        assert found.entries == db.execute("SELECT count(*) FROM log").fetchone()[0]
        held = {name: db.execute(f"SELECT count(*) FROM {name}").fetchone()[0] for name in TABLES}  # noqa: S608
        assert found.records == sum(held.values())
    assert {name for name, rows in held.items() if rows} >= {
        "patients", "studies", "series", "reference_labels", "readers", "rounds", "batch_items", "annotations",
        "consensus", "versions", "champions", "evaluations", "predictions",
    }  # fmt: skip
    assert held["annotations"] == 3  # the earlier revision is sealed as well
    assert found.files == 1 + 1 + 3 + 2  # manifest, weights, raw answers by revision, pixels


def _every_cell(home: Home) -> Iterator[tuple[int, str, bytes]]:
    with closing(sqlite3.connect(home.database)) as db:
        db.text_factory = bytes
        for row in db.execute("SELECT sequence, at, event, subject, detail, seal, digest FROM log"):
            for column, cell in zip(("at", "event", "subject", "detail", "seal", "digest"), row[1:], strict=True):
                yield row[0], column, cell


def test_a_log_that_is_altered_in_any_one_byte_is_found(bare: Store, home: Home) -> None:
    bare.close()
    cells = list(_every_cell(home))
    with closing(sqlite3.connect(home.database)) as db:
        db.execute("DROP TRIGGER log_is_fixed")
        db.commit()
    store, blobs = Store.of(home), Blobs.of(home)
    assert {f.kind for f in verify(store, blobs).findings} == {"guard"}
    altered = 0
    for sequence, column, cell in cells:
        for place in range(len(cell)):
            bad = cell[:place] + bytes([cell[place] ^ (1 << (place % 8))]) + cell[place + 1 :]
            write = f"UPDATE log SET {column} = CAST(? AS TEXT) WHERE sequence = ?"  # noqa: S608
            with closing(sqlite3.connect(home.database)) as db:
                db.execute(write, (bad, sequence))
                db.commit()
                found = {f.kind for f in verify(store, blobs).findings} - {"guard"}
                db.execute(write, (cell, sequence))
                db.commit()
            assert found, (sequence, column, place)
            altered += 1
    assert altered == sum(len(cell) for _, _, cell in cells) > 300
    assert {f.kind for f in verify(store, blobs).findings} == {"guard"}


ALTERATIONS: dict[str, tuple[str, str, Callable[[Home], None]]] = {
    "the newest entry taken out": (
        "head", "entries 3 to 3",
        lambda home: alter(home, "DELETE FROM log WHERE sequence = 3"),
    ),
    "all entries taken out": ("head", "entries 1 to 3", lambda home: alter(home, "DELETE FROM log")),
    "an entry in the middle taken out": (
        "entry", "entry 3 (counted n2)", lambda home: alter(home, "DELETE FROM log WHERE sequence = 2")
    ),
    "two entries in the other order": (
        "entry", "entry 1 (counted n1)",
        lambda home: alter(
            home,
            "UPDATE log SET sequence = 9 WHERE sequence = 1",
            "UPDATE log SET sequence = 1 WHERE sequence = 2",
            "UPDATE log SET sequence = 2 WHERE sequence = 9",
        ),
    ),
    "an entry put in at the end": (
        "entry", "entry 4 (made up)",
        lambda home: alter(
            home, "INSERT INTO log SELECT 4, at, 'made', 'up', detail, seal, digest FROM log WHERE sequence = 3"
        ),
    ),
    "a trigger replaced": (
        "guard", "log_is_fixed",
        lambda home: alter(
            home, "DROP TRIGGER log_is_fixed",
            "CREATE TRIGGER log_is_fixed BEFORE UPDATE ON log BEGIN SELECT 1; END", guarded=True,
        ),
    ),
    "seals put in": (
        "seal", "seals of entry 9",
        lambda home: alter(home, "INSERT INTO seals VALUES (9, 'readers', '[\"x\"]', 1, 'd')"),
    ),
    "a record put in": (
        "record", 'readers ["x"]',
        lambda home: alter(home, "INSERT INTO readers VALUES ('x', 'X', 'person', 'reader', NULL, 1)"),
    ),
}  # fmt: skip


@pytest.mark.parametrize("what", ALTERATIONS)
def test_what_was_done_to_the_log_is_named(bare: Store, home: Home, what: str) -> None:
    bare.close()
    kind, where, done = ALTERATIONS[what]
    done(home)
    assert (kind, where) in {(f.kind, f.where) for f in findings(home)}


def test_an_older_log_in_the_place_of_the_newest_is_found_even_after_it_grew(bare: Store, home: Home) -> None:
    bare.close()
    older = home.path / "older.sqlite"
    shutil.copy(home.database, older)
    store = Store.of(home)
    for number in range(4):
        store.log.add("counted", f"later{number}")
    store.close()
    shutil.copy(older, home.database)
    assert [f.kind for f in findings(home)] == ["head"]
    store = Store.of(home)
    for number in range(9):  # longer than the one that was taken away
        store.log.add("counted", f"other{number}")
    store.close()
    (found,) = findings(home)
    assert (found.kind, found.where) == ("head", "entry 7")


def test_a_loss_can_be_accepted_and_the_log_says_so(bare: Store, home: Home) -> None:
    with pytest.raises(ConflictError, match="no loss to accept"):
        accept_loss(bare, "no reason")
    bare.close()
    alter(home, "DELETE FROM log WHERE sequence > 1")
    assert [f.kind for f in findings(home)] == ["head"]
    store = Store.of(home)
    with pytest.raises(ConflictError, match="needs a reason"):
        accept_loss(store, " ")
    accept_loss(store, "the power failed")
    entry = store.log.entries(limit=1)[0]
    assert (entry.sequence, entry.event) == (2, "log.loss_accepted")
    assert dict(entry.detail) == {"reason": "the power failed", "newest": 1, "named": 3}
    store.close()
    assert findings(home) == ()
    (home.secrets / "log.head").unlink()
    store = Store.of(home)
    accept_loss(store, "the file was lost")
    store.log.add("counted", "after")
    store.close()
    assert findings(home) == ()


def test_another_home_s_log_does_not_pass(bare: Store, home: Home, tmp_path: Path) -> None:
    bare.close()
    other = Home(tmp_path / "other").prepare()
    shutil.copy(home.database, other.database)
    assert {"head", "entry"} <= {f.kind for f in findings(other)}
    shutil.copy(home.secrets / "log.head", other.secrets / "log.head")
    assert "log.head" in {f.where for f in findings(other)}


def test_a_head_that_is_gone_or_forged_is_found_and_not_made_anew(bare: Store, home: Home) -> None:
    bare.close()
    path = home.secrets / "log.head"
    assert path.stat().st_mode & 0o777 == 0o600
    line = path.read_bytes()
    for place in range(len(line)):
        path.write_bytes(line[:place] + bytes([line[place] ^ 1]) + line[place + 1 :])
        with pytest.raises(StoreError):
            bare.log.anchor.read()
    path.unlink()
    store = Store.of(home)
    store.log.add("counted", "after")
    store.close()
    assert [f.where for f in findings(home)] == ["log.head"]


CHANGES = {
    "annotations": "UPDATE annotations SET answers = replace(answers, 'yes', 'no') WHERE annotation_id = 'an-2'",
    "consensus": "UPDATE consensus SET value = '\"no\"'",
    "reference_labels": "UPDATE reference_labels SET source = 'other.csv'",
    "versions": "UPDATE versions SET manifest = replace(manifest, substr(manifest, 1, 1), 'x')",
    "champions": "UPDATE champions SET reason = 'better'",
    "predictions": "UPDATE predictions SET uncertainty = uncertainty + 1e-15 WHERE study_id = 'st-2'",
    "evaluations": "UPDATE evaluations SET result = '{\"auc\": 0.9}'",
    "patients": "UPDATE patients SET part = 'test' WHERE patient_id = 'test:1'",
    "series": "UPDATE series SET pixels = replace(pixels, substr(pixels, 1, 1), 'x') WHERE series_id = 'se-1'",
    "batch_items": "UPDATE batch_items SET reason = 'drawn'",
    "rounds": "UPDATE rounds SET outcome = '{\"better\": true}'",
    "readers": "UPDATE readers SET experience_y = 30.0 WHERE reader_id = 'reader-1'",
}


@pytest.mark.parametrize("table", CHANGES)
def test_a_record_that_was_changed_is_found(lived: Home, table: str) -> None:
    alter(lived, CHANGES[table])
    found = [f for f in findings(lived) if f.kind == "record"]
    assert [f.where.split()[0] for f in found] == [table]
    assert "changed without the log" in found[0].message


@pytest.mark.parametrize("table", ["annotations", "consensus", "champions", "predictions", "reference_labels"])
def test_a_record_that_was_deleted_is_found(lived: Home, table: str) -> None:
    with closing(sqlite3.connect(lived.database)) as db:
        (rows,) = db.execute(f"SELECT count(*) FROM {table}").fetchone()  # noqa: S608
    alter(lived, f"DELETE FROM {table}")  # noqa: S608
    found = [f for f in findings(lived) if f.kind == "record"]
    assert [f.message for f in found] == ["A record was deleted without the log."] * rows
    assert {f.where.split()[0] for f in found} == {table}


def test_an_older_seal_does_not_pass_for_the_newest(lived: Home) -> None:
    """Who puts back what a row said before, with its seal of then, is found by the entry that came after."""
    alter(
        lived,
        "DELETE FROM seals WHERE record = 'rounds' AND sequence = (SELECT max(sequence) FROM seals "
        "WHERE record = 'rounds')",
        "UPDATE rounds SET state = 'opened', updated_at = opened_at",
    )
    assert [f.kind for f in findings(lived)] == ["seal"]


def test_a_file_that_was_changed_or_is_gone_is_found(lived: Home) -> None:
    store, blobs = Store.of(lived), Blobs.of(lived)
    version = store.versions.get("t-v1")
    (one,) = store.studies.get("st-1").series
    store.close()
    assert findings(lived) == ()
    blobs.path(one.pixels).write_bytes(b"other pixels")
    assert checked(lived).sound  # pixels are read where they are asked for
    assert [f.where for f in checked(lived, pixels=True).findings] == [one.pixels]
    blobs.path(one.pixels).unlink()
    assert [f.message for f in findings(lived)] == ["A kept file is missing."]
    weights = blobs.path(blobs.put(b"weights"))
    weights.write_bytes(b"weightz")
    assert {f.where for f in findings(lived)} == {one.pixels, weights.name}
    blobs.path(version.manifest).write_bytes(b"{}")
    assert {f.where for f in findings(lived)} == {one.pixels, version.manifest}


def test_a_patient_who_is_deleted_leaves_tombstones_and_no_alarm(lived: Home) -> None:
    store, blobs = Store.of(lived), Blobs.of(lived)
    owner = store.studies.get("st-1").patient
    delete_patient(store, blobs, store.cards.of_patient(owner.patient_id).card_id)
    entry = store.log.entries(event="study.deleted")[0]
    gone = list(
        store.db.query(
            "SELECT record, width, digest FROM seals WHERE sequence = ? ORDER BY record", [entry.sequence]
        )
    )
    assert [row["record"] for row in gone] == [
        *["annotations"] * 3, "batch_items", "consensus", "predictions", "series", "studies",
    ]  # fmt: skip
    assert {(row["width"], row["digest"]) for row in gone} == {(0, "")}
    assert owner.patient_id not in str([dict(row) for row in store.db.query("SELECT * FROM seals")])
    store.close()
    assert findings(lived) == ()
    alter(lived, "INSERT INTO patients VALUES ('test:1', 'P-x', 'train')")
    assert [f.where for f in findings(lived)] == ['patients ["P-x"]']


def test_a_log_that_is_older_than_the_chain_is_chained_with_what_is_there(tmp_path: Path) -> None:
    home = Home(tmp_path / "older").prepare()
    with closing(sqlite3.connect(home.database)) as db:
        migrations.apply(Database(db), stop_before="m004_reading")
        db.executescript(OLD)
        for number in range(3):
            db.execute(
                "INSERT INTO log (at, event, subject, detail) VALUES ('2026', 'was', ?, '{}')", [f"n{number}"]
            )
        db.commit()
    store = Store.of(home)
    newest, *before = store.log.entries()
    assert (newest.event, dict(newest.detail)) == ("log.chained", {"entries": 3, "records": 9})
    assert [e.subject for e in before] == ["n2", "n1", "n0"]
    assert len({e.digest for e in (newest, *before)}) == 4
    store.close()
    found = checked(home)
    assert (found.findings, found.entries, found.records, found.behind) == ((), 4, 9, 0)
    alter(home, "UPDATE log SET subject = 'n9' WHERE sequence = 2")
    assert [f.where for f in findings(home)] == ["entry 2 (was n9)"]


def test_a_home_without_any_entry_is_chained_too(tmp_path: Path) -> None:
    home = Home(tmp_path / "older").prepare()
    with closing(sqlite3.connect(home.database)) as db:
        migrations.apply(Database(db), stop_before="m004_reading")
        db.executescript(OLD)
        db.commit()
    assert findings(home) == ()
    assert Store.of(home).log.count(event="log.chained") == 1


def _killed_after_commit(path: Path) -> None:
    store = Store(path)
    store.log.add("counted", "first")
    Anchor.advance = lambda *_: os.kill(os.getpid(), signal.SIGKILL)  # type: ignore[method-assign, assignment]
    store.log.add("counted", "killed")


def _written_for_ever(path: Path) -> None:
    store = Store(path)
    number = 0
    while True:
        number += 1
        store.reads.add_reader(Reader(f"r{os.getpid()}-{number}", "R"))


def test_a_kill_between_commit_and_head_is_no_alarm_and_the_next_write_mends_it(home: Home) -> None:
    process = multiprocessing.get_context("spawn").Process(target=_killed_after_commit, args=(home.database,))
    process.start()
    process.join()
    assert process.exitcode == -signal.SIGKILL
    found = checked(home)
    assert (found.findings, found.entries, found.behind) == ((), 2, 1)
    alter(home, "UPDATE log SET subject = 'x' WHERE sequence = 2")
    assert [f.kind for f in findings(home)] == ["entry"]  # what the head does not name yet is chained all the same
    alter(home, "UPDATE log SET subject = 'killed' WHERE sequence = 2")
    store = Store.of(home)
    store.log.add("counted", "next")
    store.close()
    found = checked(home)
    assert (found.findings, found.entries, found.behind) == ((), 3, 0)


def test_processes_that_are_killed_while_they_write_leave_a_sound_log(home: Home) -> None:
    Store.of(home).close()
    context = multiprocessing.get_context("spawn")
    workers = [context.Process(target=_written_for_ever, args=(home.database,)) for _ in range(2)]
    for worker in workers:
        worker.start()
    store = Store.of(home)
    until = time.monotonic() + 60
    while store.log.head().sequence < 60 and time.monotonic() < until:
        time.sleep(0.02)
        assert verify(store, Blobs.of(home)).findings == ()  # while others write
    for worker in workers:
        worker.kill()
        worker.join()
    store.close()
    found = checked(home)
    assert found.findings == ()
    assert found.entries >= 60
    assert found.behind <= 2
