"""Tables of readers for benchmarks: words made alike, drawn reads, and figures on the same drawn patients."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from active_learning.ratings import NOT_READ
from benchmarks.consensus import figures
from benchmarks.consensus_peers import Answer
from benchmarks.reader_tables import (
    ReaderTable,
    by_patient,
    first_reads,
    gap,
    model_probabilities,
    read_table,
    reading_order,
    together,
    write_probabilities,
)
from models.metrics import mean

READS = """case,Patient ID,reader,Abnormal,Mass
a,1,x,1,YES
a,1,y,0,NO
b,1,x,0,NO
b,1,y,1,NO
c,2,x,1,YES
c,2,y,1,YES
"""
TRUTH = """case,Patient ID,Abnormal,Mass
a,1,YES,NO
b,1,NO,NO
c,2,YES,
"""


@pytest.fixture
def table(tmp_path: Path) -> ReaderTable:
    (tmp_path / "reads.csv").write_text(READS)
    (tmp_path / "truth.csv").write_text(TRUTH)
    return read_table(tmp_path / "reads.csv", tmp_path / "truth.csv", case="case", reader="reader")


def test_words_for_yes_and_no_are_made_alike(table: ReaderTable) -> None:
    assert table.labels == ("Abnormal", "Mass")
    assert table.patients == ("1", "1", "2")
    assert {ratings.options for ratings in table.ratings.values()} == {("NO", "YES")}
    assert table.ratings["Abnormal"].given.tolist() == [[1, 0], [0, 1], [1, 1]]
    assert table.truth["Abnormal"].tolist() == [1, 0, 1]
    assert table.truth["Mass"].tolist() == [0, 0, NOT_READ]
    assert (table.rarer("Abnormal"), table.rarer("Mass")) == (1, 0)
    assert table.findings(without=(), least=1) == ("Abnormal",)


def test_first_reads_keep_as_many_of_each_case(table: ReaderTable) -> None:
    order = reading_order(table, 3)
    assert sorted(order[0].tolist()) == [0, 1]
    one = first_reads(table.ratings["Mass"], order, 1)
    assert (one.given != NOT_READ).sum(axis=1).tolist() == [1, 1, 1]
    grown = first_reads(table.ratings["Mass"], order, np.array([0, 1, 2]))
    assert (grown.given != NOT_READ).sum(axis=1).tolist() == [0, 1, 2]
    assert grown.given[2].tolist() == [1, 1]
    same = reading_order(table, 3, same_readers=True)
    assert (same == same[0]).all()


def test_a_models_probabilities_are_read_as_they_were_written(table: ReaderTable, tmp_path: Path) -> None:
    model = {"Mass": np.array([[0.9, 0.1], [0.25, 0.75], [np.nan, np.nan]])}
    write_probabilities(tmp_path / "model.csv", table, model, case="case")
    found = model_probabilities(tmp_path / "model.csv", table, case="case")
    assert list(found) == ["Mass"]
    assert found["Mass"] == pytest.approx(model["Mass"], nan_ok=True)
    (tmp_path / "short.csv").write_text("case,Abnormal\nb,0.2\n")
    short = model_probabilities(tmp_path / "short.csv", table, case="case")["Abnormal"]
    assert short[1] == pytest.approx((0.8, 0.2))
    assert np.isnan(short[[0, 2]]).all()


def test_a_gap_is_on_the_same_patients() -> None:
    patients, names = ("1", "1", "2", "3"), ("1", "2", "3")
    first = mean(np.array([1.0, 1, 0, 1]), patients)
    other = mean(np.array([1.0, 0, 0, 1]), patients)
    assert first is not None
    assert other is not None
    whole = [by_patient(one, names) for one in (first, other)]
    assert whole[0].statistic(np.array([[2.0, 1, 0]])) == pytest.approx([4 / 5])
    assert together(whole).value == pytest.approx((0.75 + 0.5) / 2)
    apart = gap(whole[0], whole[0])
    assert (apart["difference"], apart["low"], apart["high"]) == (0, 0, 0)
    assert gap(*whole)["difference"] == pytest.approx(0.25)


def test_figures_of_a_consensus(table: ReaderTable) -> None:
    ratings, truth = table.ratings["Abnormal"], table.truth["Abnormal"]
    right = np.array([[0.9, 0.1], [0.8, 0.2], [0.7, 0.7]])
    found = figures(Answer(np.array([1, 1, 1]), right), ratings, truth)
    assert {name: round(one.value, 4) for name, one in found.items() if one} == {
        "accuracy": round(2 / 3, 4),
        "f1": round((0.8 + 0) / 2, 4),
        "auroc": 1.0,
    }
    no_wrong = figures(
        Answer(np.array([1, 0, 1]), right), ratings, np.array([NOT_READ, NOT_READ, 1], dtype=np.int16)
    )
    assert no_wrong["auroc"] is None
