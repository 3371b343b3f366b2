"""How long a case will take: what reads showed, by whom and of what."""

from __future__ import annotations

import numpy as np
import pytest

from active_learning.case_times import case_seconds
from active_learning.foretold import Foretold
from data.answers import STUDY
from data.records import Annotation, Layout, Mode, Part, Patient, Prediction, QuestionPrediction, Series, Study
from models.task import get_task

TASK = get_task("cxr_quality")
EXPECTED = TASK.config.reading.seconds_per_case


def study(name: str) -> Study:
    image = Series(f"{name}-1", name, "DX", Layout.IMAGE, (8, 8), "")
    return Study(name, Patient(f"site:{name}", f"P-{name}", Part.TRAIN), "DX", (image,))


def read(name: str, reader: str, seconds: float | None) -> Annotation:
    return Annotation(
        f"an-{name}-{reader}", "cxr_quality", name, reader, Mode.INDEPENDENT, (), lead_time_s=seconds
    )


def pool(count: int) -> tuple[list[Study], Foretold, dict[str, int]]:
    """Studies of which every other one is likely lateral."""
    studies = [study(f"s{i:03d}") for i in range(count)]
    columns = Foretold(TASK.form, count, TASK.config.reading.positive)
    for row, one in enumerate(studies):
        p = 0.9 if row % 2 else 0.1
        columns.put(row, Prediction("cxr_quality", one.study_id, "v", (
            QuestionPrediction("projection", STUDY, "lateral", {"frontal": 1 - p, "lateral": p}, 0.47),
        )))  # fmt: skip
    return studies, columns, {one.study_id: row for row, one in enumerate(studies)}


def test_before_reads_every_case_takes_what_the_task_expects() -> None:
    studies, columns, rows = pool(6)
    found = case_seconds(TASK, studies, columns, rows, {}, ("a", "b"), 2)
    assert found == pytest.approx(np.full(6, 2 * EXPECTED))


def test_what_lengthens_reads_lengthens_what_looks_like_it_and_slow_readers_do() -> None:
    studies, columns, rows = pool(200)
    draws = np.random.default_rng(0)
    reads = {
        one.study_id: [
            read(one.study_id, reader, float(pace * (3 if i % 2 else 1) * draws.lognormal(0, 0.1)))
            for reader, pace in (("quick", 20.0), ("slow", 40.0))
        ]
        for i, one in enumerate(studies[:120])
    }
    quick = case_seconds(TASK, studies, columns, rows, reads, ("quick",), 1)[120:]
    slow = case_seconds(TASK, studies, columns, rows, reads, ("slow",), 1)[120:]
    both = case_seconds(TASK, studies, columns, rows, reads, ("quick", "slow"), 2)[120:]
    assert quick[::2] == pytest.approx(np.full(40, 20.0), rel=0.12)
    assert quick[1::2] == pytest.approx(np.full(40, 60.0), rel=0.12)
    assert slow / quick == pytest.approx(np.full(80, 2.0), rel=0.1)
    assert both == pytest.approx(quick + slow, rel=0.05)


def test_of_who_has_no_row_no_prediction_has_a_say() -> None:
    studies, columns, rows = pool(60)
    reads = {
        one.study_id: [read(one.study_id, "a", 90.0 if i % 2 else 30.0)] for i, one in enumerate(studies[:40])
    }
    only = {name: row for name, row in rows.items() if row < 50}
    found = case_seconds(TASK, studies, columns, only, reads, ("a",), 1)
    assert len(set(found[50:].round(6).tolist())) == 1
    assert found[40] < found[55] < found[41]


def test_reads_without_a_time_say_nothing() -> None:
    studies, columns, rows = pool(4)
    reads = {
        "s000": [read("s000", "a", None), read("s000", "b", 0.0)],
        "elsewhere": [read("elsewhere", "a", 500.0)],
    }
    found = case_seconds(TASK, studies, columns, rows, reads, ("a",), 1)
    assert found == pytest.approx(np.full(4, EXPECTED))
