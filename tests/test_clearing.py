"""What tells of rounds is removed once they are done with; what a killed training goes on with stays."""

from __future__ import annotations

import os
import time
from pathlib import Path

import pytest

from data.home import Home
from data.records import BatchItem, Mode, Patient, Purpose, Round, RoundKind, RoundState, Study
from data.records import Part as PatientPart
from data.store import Store
from models.course import course_of, read_course
from models.watching import Journal
from workbench.clearing import LEFT_S, clear_rounds
from workbench.fetching import last_fetch, note_fetch

TASK = "cxr_quality"


def opened(store: Store, *, task: str = TASK, kind: RoundKind = RoundKind.QUERY, ended: bool = False) -> Round:
    """A round, which is told of."""
    item = BatchItem("one", Purpose.ACQUISITION, Mode.INDEPENDENT, 0.5, "")
    current = store.rounds.open(task, [item], {}, "", kind=kind)
    if ended:
        store.rounds.move(current.round_id, RoundState.CANCELLED, expected=[RoundState.OPENED])
    home = Home(store.path.parent)
    trained(course_of(home, current.round_id))
    note_fetch(home, current.round_id)
    return current


def trained(path: Path) -> None:
    journal = Journal(path)
    journal.network("small", epochs=2, steps=4)
    journal.epoch({"epoch": 1, "training_loss": 0.5, "validation_loss": 0.6})


@pytest.fixture
def studied(store: Store) -> Store:
    store.studies.add(Study("one", Patient("one", "P-one", PatientPart.TRAIN), "DX"), {})
    return store


def test_rounds_that_ended_are_told_of_no_more_but_the_newest(home: Home, studied: Store) -> None:
    first, second = opened(studied, ended=True), opened(studied, ended=True)
    other = opened(studied, task="cxr_findings", ended=True)
    asked = opened(studied, kind=RoundKind.QUALIFICATION)
    now = opened(studied)
    assert clear_rounds(home) == 4
    for gone in (first, second):
        assert read_course(course_of(home, gone.round_id)) is None
        assert last_fetch(home, gone.round_id) == ""
    for kept in (other, asked, now):
        assert read_course(course_of(home, kept.round_id)) is not None
        assert last_fetch(home, kept.round_id)
    assert clear_rounds(home) == 0


def test_a_training_by_hand_and_the_checkpoints_stay(home: Home, studied: Store) -> None:
    ended = opened(studied, ended=True)
    opened(studied)
    trained(course_of(home, f"{TASK}-tiny"))
    checkpoint = home.path / "scratch" / ended.round_id / "small.checkpoint"
    checkpoint.parent.mkdir(parents=True)
    checkpoint.write_bytes(b"weights")
    assert clear_rounds(home) == 2
    assert read_course(course_of(home, f"{TASK}-tiny")) is not None
    assert checkpoint.read_bytes() == b"weights"


def test_a_draft_that_a_killed_process_left_goes_and_one_that_is_written_stays(home: Home, studied: Store) -> None:
    current = opened(studied)
    left, written = (course_of(home, current.round_id).with_name(f".{current.round_id}.json.{n}") for n in (1, 2))
    for draft in (left, written):
        draft.write_text("{")
    before = time.time() - LEFT_S - 1
    os.utime(left, (before, before))
    assert clear_rounds(home) == 1
    assert not left.exists()
    assert written.exists()


def test_a_home_without_rounds_has_nothing_to_clear(home: Home) -> None:
    assert clear_rounds(home) == 0


def test_what_cannot_be_removed_ends_no_worker(
    home: Home, studied: Store, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    opened(studied, ended=True), opened(studied, ended=True)

    def refuse(path: Path, missing_ok: bool = False) -> None:
        raise PermissionError(13, "Permission denied", str(path))

    monkeypatch.setattr(Path, "unlink", refuse)
    assert clear_rounds(home) == 0
    assert "could not be removed" in caplog.text
