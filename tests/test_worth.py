"""What a read is worth where outlines are asked for: torn outlines come before agreed ones, whatever is marked."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest

from active_learning.foretold import Foretold
from active_learning.surroundings import Surroundings
from active_learning.worth import doubts
from data.answers import STUDY, Answer, MaskValue, Site
from data.blobs import Blobs
from data.home import Home
from data.records import Annotation, Mode, Prediction, QuestionPrediction
from models.task import get_task


@pytest.fixture
def around(tmp_path: Path) -> Surroundings:
    return Surroundings(Home(tmp_path / "home"), get_task("adrenal_ct"))


def outline(blobs: Blobs, first: int) -> MaskValue:
    """Eight rows of a page of 32, from one on."""
    mask = np.zeros((32, 32), dtype=bool)
    mask[first : first + 8] = True
    label = get_task("adrenal_ct").form["lesions"].kind.labels[0]  # type: ignore[union-attr]
    return MaskValue((32, 32), ((label, blobs.put_mask(mask)),))


def read(study: str, reader: str, mask: MaskValue, mode: Mode = Mode.INDEPENDENT) -> Annotation:
    answers = (Answer("finding", STUDY, "lesion"), Answer("lesions", Site.page(3), mask))
    return Annotation(
        f"an-{study}-{reader}", "adrenal_ct", study, reader, mode, answers, created_at=f"2026-{study}"
    )


def predicted(study: str, mask: MaskValue, unsure: float, p: float = 0.9) -> Prediction:
    (label, _), *_ = mask.masks
    return Prediction("adrenal_ct", study, "v1", (
        QuestionPrediction("finding", STUDY, "lesion", {"lesion": p, "no_lesion": 1 - p}, 0.47),
        QuestionPrediction("lesions", Site.page(3), mask, {label: 0.9}, unsure),
    ))  # fmt: skip


def test_torn_outlines_come_before_a_new_case_and_agreed_ones_after(around: Surroundings) -> None:
    first = {"agreed": (4, 4), "close": (4, 5), "torn": (4, 11)}
    reads: dict[str, Sequence[Annotation]] = {
        name: [read(name, "a", outline(around.blobs, one)), read(name, "b", outline(around.blobs, other))]
        for name, (one, other) in first.items()
    }
    foretold = Foretold(around.task.form, 5)
    predictions = {name: predicted(name, outline(around.blobs, 4), 0.2) for name in first}
    for row, prediction in enumerate(
        [*predictions.values(), predicted("new", outline(around.blobs, 4), 0.2, 0.95)]
    ):
        foretold.put(row, prediction)
    again, new = doubts(around, reads, set(reads), predictions, foretold)
    assert again["agreed"] <= again["close"] < float(new[3]) < again["torn"]
    assert new[4] == 1.0  # no model has seen it
    only, _ = doubts(around, reads, {"agreed"}, predictions, foretold)
    assert only["torn"] == only["close"]  # the finding is the same; their outlines were not compared


def test_reads_with_the_models_answer_in_view_say_nothing(around: Surroundings) -> None:
    reads = {"s": [read("s", "a", outline(around.blobs, 4), Mode.ASSISTED)]}
    again, _ = doubts(around, reads, (), {}, Foretold(around.task.form, 0))
    assert again == {}
