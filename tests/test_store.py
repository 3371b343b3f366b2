"""The store: what is kept, what is refused, and what several processes may do at once."""

from __future__ import annotations

import multiprocessing
import sqlite3
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from data.answers import STUDY, Answer
from data.blobs import Blobs
from data.errors import BlobError, ConflictError, NotFoundError, PartError, RoundError, StoreError
from data.home import Home
from data.records import (
    Annotation,
    BatchItem,
    Layout,
    Mode,
    Part,
    Purpose,
    Reader,
    ReaderKind,
    ReadRequest,
    ReferenceLabel,
    RequestState,
    RoundState,
    Series,
    Study,
)
from data.splits import SHARES, part_of, patient, pseudonym_of
from data.store import Store

KEY = "00" * 32


def make_study(number: int, *, part: Part = Part.TRAIN) -> Study:
    owner = replace(patient(KEY, f"test:{number}"), part=part)
    series = Series(f"se-{number}", f"st-{number}", "CR", Layout.IMAGE, (4, 5), "0" * 64, (0.2, 0.2))
    return Study(f"st-{number}", owner, "CR", (series,), view="PA")


def add(store: Store, number: int, *, part: Part = Part.TRAIN) -> Study:
    study = make_study(number, part=part)
    store.studies.add(study, {f"{number:064x}": (f"se-{number}", f"/images/{number}")})
    return study


def test_a_study_comes_back_as_it_was_kept_and_only_once(store: Store) -> None:
    study = make_study(1)
    files = {"a" * 64: ("se-1", "/images/1")}
    assert store.studies.add(study, files) is True
    assert store.studies.add(study, files) is False
    kept = store.studies.get("st-1")
    assert replace(kept, ingested_at="") == study
    assert store.studies.known_files(["a" * 64, "b" * 64]) == {"a" * 64: "se-1"}
    assert store.studies.by_path("/images/1") == "st-1"


def test_studies_are_found_by_part_text_and_page(store: Store) -> None:
    for number in range(6):
        add(store, number, part=Part.TEST if number % 2 else Part.TRAIN)
    assert {s.study_id for s in store.studies.find(parts=[Part.TEST])} == {"st-1", "st-3", "st-5"}
    assert [s.study_id for s in store.studies.find(text="st-4")] == ["st-4"]
    assert store.studies.count(parts=[Part.TRAIN]) == 3
    pages = [s.study_id for offset in (0, 2, 4) for s in store.studies.find(limit=2, offset=offset)]
    assert len(set(pages)) == 6


def test_what_is_not_there_is_named(store: Store) -> None:
    with pytest.raises(NotFoundError, match="st-none"):
        store.studies.get("st-none")


def test_the_reference_standard_prefers_consensus_and_keeps_parts_apart(store: Store) -> None:
    add(store, 1)
    add(store, 2, part=Part.TEST)
    labels = [ReferenceLabel("t", f"st-{n}", Answer("q", STUDY, "old"), "file") for n in (1, 2)]
    store.labels.add_references(labels)
    assert store.labels.standard("t", {Part.TRAIN, Part.VALIDATION}) == {"st-1": (Answer("q", STUDY, "old"),)}
    assert set(store.labels.standard("t", {Part.TEST})) == {"st-2"}
    with pytest.raises(PartError):
        store.labels.standard("t", {Part.TRAIN, Part.TEST})
    with pytest.raises(PartError, match="st-2"):
        store.labels.assert_parts(["st-1", "st-2"], {Part.TRAIN})
    store.labels.assert_parts(["st-1"], {Part.TRAIN})


def test_an_annotation_counts_once_and_a_change_is_a_revision(store: Store) -> None:
    add(store, 1)
    store.reads.add_reader(Reader("a", "A"))
    opened = store.rounds.open("t", [BatchItem("st-1", Purpose.TEST, Mode.INDEPENDENT, 0.0, "drawn")], {}, "")
    request = ReadRequest("rq-1", opened.round_id, "t", "st-1", "a", Purpose.TEST, Mode.INDEPENDENT)
    store.reads.plan([request, request])
    read = Annotation(
        "an-1", "t", "st-1", "a", Mode.INDEPENDENT, (Answer("q", STUDY, "x"),), "rq-1", opened.round_id
    )
    assert [store.reads.keep(read).revision for _ in range(3)] == [1, 1, 1]
    changed = store.reads.keep(replace(read, answers=(Answer("q", STUDY, "y"),)))
    assert changed.revision == 2
    assert [a.answers[0].value for a in store.reads.annotations("t")] == ["y"]
    assert [a.answers[0].value for a in store.reads.annotations("t", every_revision=True)] == ["x", "y"]
    assert [r.state for r in store.reads.requests()] == [RequestState.ANSWERED]


def test_a_reader_does_not_change_hands(store: Store) -> None:
    store.reads.add_reader(Reader("a", "A", ReaderKind.SCRIPTED))
    with pytest.raises(ConflictError, match="scripted"):
        store.reads.add_reader(Reader("a", "A", ReaderKind.PERSON))


def test_rounds_follow_one_another(store: Store) -> None:
    add(store, 1)
    item = BatchItem("st-1", Purpose.ACQUISITION, Mode.INDEPENDENT, 0.5, "undecided")
    first = store.rounds.open("t", [item], {"budget": 1}, "")
    with pytest.raises(RoundError, match="still open"):
        store.rounds.open("t", [item], {}, "")
    with pytest.raises(RoundError, match="t-r1 is opened"):
        store.rounds.move(first.round_id, RoundState.TRAINED, expected=[RoundState.CLOSED])
    store.rounds.move(first.round_id, RoundState.CANCELLED, expected=[RoundState.OPENED])
    assert store.rounds.open("t", [item], {}, "").number == 2
    with pytest.raises(RoundError, match="nothing to read"):
        store.rounds.open("u", [], {}, "")


def test_a_round_trains_one_version(store: Store) -> None:
    first = store.versions.add(task="t", profile="demo", manifest="m", round_id="t-r1")
    again = store.versions.add(task="t", profile="demo", manifest="other", round_id="t-r1")
    assert again == first
    store.versions.crown("t", first.version, "better")
    store.versions.crown("t", first.version, "better")
    assert [c.version for c in store.versions.championships("t")] == ["t-v1"]


def test_the_log_cannot_be_changed(store: Store) -> None:
    store.log.add("something", "x")
    for statement in ("DELETE FROM log", "UPDATE log SET event = 'other'"):
        with pytest.raises(sqlite3.IntegrityError, match="append-only"), store.write() as db:
            db.execute(statement)
    assert [e.event for e in store.log.entries()] == ["something"]


def test_a_write_is_kept_whole_or_not_at_all(store: Store) -> None:
    class StopError(Exception):
        pass

    def break_off() -> None:
        with store.write():
            add(store, 1)
            store.log.add("half", "way")
            raise StopError

    with pytest.raises(StopError):
        break_off()
    assert store.studies.find() == []
    assert store.log.entries() == []


def _write_many(path: Path, worker: int) -> None:
    store = Store(path)
    for number in range(40):
        store.log.add("counted", f"{worker}-{number}")


def test_processes_write_side_by_side(home: Home) -> None:
    context = multiprocessing.get_context("spawn")
    workers = [context.Process(target=_write_many, args=(home.database, n)) for n in range(4)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    assert [worker.exitcode for worker in workers] == [0, 0, 0, 0]
    entries = Store.of(home).log.entries(limit=1000)
    assert len({entry.subject for entry in entries}) == 160


def test_a_file_that_is_no_database_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "consilium.sqlite"
    path.write_bytes(b"this is no database, and long enough to be read as one" * 100)
    with pytest.raises(StoreError, match="cannot be opened"):
        Store(path)


def test_threads_take_turns_with_headers_and_a_clash_is_tried_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    blobs = Blobs(tmp_path / "blobs")
    array = np.arange(12, dtype=np.int16).reshape(3, 4)
    name = blobs.put_array(array)
    load, within, clashes = np.load, [], [1, 1]

    def watched(*args: Any, **options: Any) -> Any:
        within.append(threading.get_ident())
        assert len(within) == 1
        time.sleep(0.005)
        within.clear()
        if clashes:
            clashes.pop()
            raise SystemError("AST constructor recursion depth mismatch (before=45, after=38)")
        return load(*args, **options)

    monkeypatch.setattr(np, "load", watched)
    with ThreadPoolExecutor(4) as pool:
        assert all(np.array_equal(read, array) for read in pool.map(blobs.get_array, [name] * 12))
    clashes.extend([1, 1, 1])
    with pytest.raises(SystemError):
        blobs.get_array(name)


def test_blobs_keep_arrays_and_masks_exactly(tmp_path: Path) -> None:
    blobs = Blobs(tmp_path)
    rng = np.random.default_rng(0)
    array = rng.integers(-1000, 3000, (3, 7, 5), dtype=np.int16)
    assert np.array_equal(blobs.get_array(blobs.put_array(array)), array)
    mask = rng.random((13, 11)) > 0.5
    name = blobs.put_mask(mask)
    assert np.array_equal(blobs.get_mask(name, mask.shape), mask)
    assert blobs.put_mask(mask.astype(np.uint8) * 255) == name
    with pytest.raises(BlobError, match="another size"):
        blobs.get_mask(name, (130, 110))


def test_a_changed_or_missing_blob_is_noticed(tmp_path: Path) -> None:
    blobs = Blobs(tmp_path)
    name = blobs.put(b"content")
    blobs.path(name).write_bytes(b"another")
    with pytest.raises(BlobError, match="changed"):
        blobs.get(name, verify=True)
    with pytest.raises(BlobError, match="missing"):
        blobs.get("0" * 64)


def test_parts_and_pseudonyms_depend_on_patient_and_key_alone() -> None:
    names = [f"source:{n}" for n in range(20_000)]
    parts = [part_of(KEY, name) for name in names]
    for part, share in SHARES:
        assert abs(parts.count(part) / len(names) - share) < 0.015
    assert parts[:50] == [part_of(KEY, name) for name in names[:50]]
    assert parts[:50] != [part_of("11" * 32, name) for name in names[:50]]
    pseudonyms = {pseudonym_of(KEY, name) for name in names}
    assert len(pseudonyms) == len(names)
    assert not any("source" in p for p in pseudonyms)


def test_secrets_are_readable_by_their_owner_alone(home: Home) -> None:
    secret = home.secret("key")
    assert secret == home.secret("key")
    assert len(secret) == 64
    assert (home.secrets / "key").stat().st_mode & 0o777 == 0o600
