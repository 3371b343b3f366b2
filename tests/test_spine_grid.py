"""Grades at levels as a grid, and a study's history in words: by value, and as far as a person may see."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from data.answers import Answer, Site
from data.home import Home
from data.records import Annotation, Consensus, ConsensusState, Mode, Prediction, QuestionPrediction
from data.records.predictions import Measured
from data.store import Store
from models.task import get_task
from tests.filled_home import fill
from workbench.grades import LEFT, MIDDLE, RIGHT, Column, grid_of, page_of
from workbench.study_log import STUDY_EVENTS, entries_of
from workbench.viewer.shown import NOTHING, Shown
from workbench.views.parts.study_log import EVENTS, in_words

TASK = get_task("lumbar_stenosis")
L45, L45_LEFT = Site.level("L4/L5"), Site("level:L4/L5:left")


def _graded(question: str, site: Site, grade: int, share: float) -> QuestionPrediction:
    kind = TASK.form[question].kind
    levels = kind.levels  # type: ignore[union-attr]
    return QuestionPrediction(question, site, grade, {levels[grade]: share}, 1 - share)


def _read(reader: str, at: str, *answers: Answer) -> Annotation:
    return Annotation(f"an-{reader}-{at}", TASK.name, "st", reader, Mode.INDEPENDENT, answers, created_at=at)


@pytest.fixture
def shown() -> Shown:
    central, recess = (q.name for q in TASK.form.questions if q.name in ("central", "recess"))
    measured = (Measured("sac_area", L45, 80.0, "mm2", page=7),)
    prediction = Prediction(
        TASK.name, "st", "v1", (_graded(central, L45, 2, 0.7), _graded(recess, L45_LEFT, 1, 0.6)), "", measured
    )
    reads = (
        _read("a", "2026-01-01", Answer(central, L45, 0)),
        _read("b", "2026-01-02", Answer(central, L45, 2)),
        _read("a", "2026-01-03", Answer(central, L45, 3)),  # read again: this one counts
    )
    agreed = Consensus(
        task=TASK.name, study_id="st", round_id="r", question=central, site=L45, value=3,
        state=ConsensusState.ADJUDICATED, method="adjudication", support=1.0, annotations=(),
        created_at="2026-01-04",
    )  # fmt: skip
    return Shown(predictions=(prediction,), reads=reads, consensus=(agreed,))


def test_a_cell_holds_what_each_hand_says(shown: Shown) -> None:
    grid = grid_of(TASK.form, shown)
    assert grid is not None
    cell = grid.cells["L4/L5", Column("central", MIDDLE)]
    assert (cell.model, cell.probability, cell.agreed, cell.page) == (2, 0.7, 3, 7)
    assert [mark.grade for mark in cell.marks] == [2, 3]
    assert (cell.grade, cell.spread) == (3, 1)
    left = grid.cells["L4/L5", Column("recess", LEFT)]
    assert (left.grade, left.spread, left.page) == (1, 0, 7)  # measured at its level
    empty = grid.cells["L1/L2", Column("central", MIDDLE)]
    assert (empty.grade, empty.marks, empty.page) == (None, (), None)


def test_the_patients_right_is_at_the_left(shown: Shown) -> None:
    grid = grid_of(TASK.form, shown)
    assert grid is not None
    sides = [column.side for column in grid.columns]
    assert sides == [RIGHT, RIGHT, MIDDLE, LEFT, LEFT]
    questions = [column.question for column in grid.columns]
    assert questions == questions[::-1]
    assert len(grid.levels) * len(grid.columns) == len(grid.cells)


def test_there_is_no_grid_of_nothing_nor_of_another_task(shown: Shown) -> None:
    assert grid_of(TASK.form, NOTHING) is None
    assert grid_of(get_task("cxr_quality").form, shown) is None
    assert page_of(None, L45) is None


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Store]:
    store = fill(Home(tmp_path_factory.mktemp("history")).prepare())
    yield store
    store.close()


def test_a_history_has_every_entry_of_the_study_newest_first(store: Store) -> None:
    study_id = next(iter(store.reads.annotations("cxr_quality"))).study_id
    entries, total = entries_of(store, study_id, limit=100)
    assert total == len(entries) > 2
    assert [e.sequence for e in entries] == sorted((e.sequence for e in entries), reverse=True)
    assert {"study.ingested", "annotation.kept"} <= {e.event for e in entries}
    second, _all = entries_of(store, study_id, limit=1, offset=1)
    assert second == entries[1:2]
    other = next(s.study_id for s in store.studies.find() if s.study_id != study_id)
    mine = {e.sequence for e in entries if e.event == "study.ingested"}
    assert not mine & {e.sequence for e in entries_of(store, other, limit=100)[0]}


def test_a_reader_is_told_what_happened_to_the_study_and_no_answers(store: Store) -> None:
    study_id = next(iter(store.reads.annotations("cxr_quality"))).study_id
    entries, total = entries_of(store, study_id, among=STUDY_EVENTS, limit=100)
    assert 0 < total == len(entries)
    assert {entry.event for entry in entries} <= STUDY_EVENTS


def test_an_entry_is_told_in_words_with_the_readers_name(store: Store) -> None:
    read = next(iter(store.reads.annotations("cxr_quality")))
    entries, _total = entries_of(store, read.study_id, limit=100)
    kept = next(entry for entry in entries if entry.event == "annotation.kept")
    reader = kept.detail["reader"]
    assert in_words(kept, {reader: "Dr Ahn"}) == "Dr Ahn read it."
    assert all("{" not in in_words(entry, {}) for entry in entries if entry.event in EVENTS)
