"""Detections: lesions matched one to one, then counted; readers against what the others found."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from active_learning.detection_panel import detection_panels
from active_learning.detections import Counted, Matching, against, between, match
from active_learning.mask_agreement import Region
from active_learning.reader_masks import PageStack
from data.answers import STUDY, Answer, Choice, Form, Mask, MaskValue, Question, Site, lesion_sites
from data.blobs import Blobs
from data.records import Annotation, Mode

LABELS = tuple(f"lesion_{number}" for number in range(1, 5))
FORM = Form(
    (
        Question("finding", "Any?", Choice(("no_lesion", "lesion"))),
        Question("lesions", "Outline each.", Mask(LABELS), asked_if=("finding", "lesion")),
        Question(
            "kind", "Kind?", Choice(("x", "y")), sites=lesion_sites(Mask(LABELS)), asked_if=("finding", "lesion"),
            drawn_in="lesions",
        ),
    )
)  # fmt: skip
SHAPE = (30, 30)
Plane = NDArray[np.bool_]


def square(row: int, column: int, side: int = 6) -> Plane:
    plane = np.zeros(SHAPE, dtype=bool)
    plane[row : row + side, column : column + side] = True
    return plane


def regions(*planes: Plane) -> list[Region]:
    return [Region.of(plane) for plane in planes]


def test_lesions_are_matched_for_the_best_of_all_not_the_best_first() -> None:
    """A takes Y although it overlaps X more, since B overlaps X alone."""
    a, b = np.zeros(SHAPE, bool), np.zeros(SHAPE, bool)
    x, y = np.zeros(SHAPE, bool), np.zeros(SHAPE, bool)
    a[0, 0:10], x[0, 3:13], y[0, 0:4], b[0, 10:16] = True, True, True, True
    found = match(regions(a, b), regions(x, y))
    assert [(i, j) for i, j, _ in found.pairs] == [(0, 1), (1, 0)]
    assert [iou for _, _, iou in found.pairs] == pytest.approx([4 / 10, 3 / 13])


def test_a_little_overlap_is_no_match() -> None:
    one, other = square(0, 0), square(5, 0)  # 6 of 66 pixels
    assert match(regions(one), regions(other)) == Matching((), (0,), (0,))
    assert match(regions(one), regions(other), least_iou=0.05).pairs == ((0, 0, pytest.approx(6 / 66)),)
    assert match([], regions(other)) == Matching((), (), (0,))
    assert match([], []) == Matching((), (), ())


@settings(max_examples=40, deadline=None)
@given(
    st.lists(st.tuples(st.integers(0, 24), st.integers(0, 24)), max_size=4),
    st.lists(st.tuples(st.integers(0, 24), st.integers(0, 24)), max_size=4),
)
def test_every_lesion_is_told_once(first: list[tuple[int, int]], second: list[tuple[int, int]]) -> None:
    one, other = regions(*(square(*p) for p in first)), regions(*(square(*p) for p in second))
    there, back = match(one, other), match(other, one)
    assert sorted([*(i for i, _, _ in there.pairs), *there.only_first]) == list(range(len(one)))
    assert sorted([*(j for _, j, _ in there.pairs), *there.only_second]) == list(range(len(other)))
    assert sum(iou for _, _, iou in there.pairs) == pytest.approx(sum(iou for _, _, iou in back.pairs))
    assert all(iou > 0.1 for _, _, iou in there.pairs)


def test_figures_are_ratios_of_sums() -> None:
    counted = [
        Counted("s1", "p1", Matching(((0, 0, 0.5), (1, 1, 1.0)), (2,), ())),
        Counted("s2", "p2", Matching((), (), (0,))),
        Counted("s3", "p2", Matching((), (0, 1), ())),
    ]
    values = {name: m.value for name, m in {**between(counted), **against(counted)}.items() if m is not None}
    assert values == pytest.approx(
        {
            "agreement": 4 / (4 + 3 + 1),
            "sensitivity": 2 / 3,
            "false_positives_per_study": 1.0,
            "matched_dice": (2 / 3 + 1) / 2,
        }
    )
    rate = against(counted)["false_positives_per_study"]
    assert rate is not None
    drawn_twice = rate.statistic(np.array([[2.0, 0.0, 0.0], [0.0, 2.0, 2.0]]))  # p1 twice, p2 twice
    assert drawn_twice == pytest.approx([1.0, 1.0])
    nothing = [Counted("s1", "p1", Matching((), (), ()))]
    assert between(nothing)["agreement"] is None
    assert against(nothing)["sensitivity"] is None


def read(blobs: Blobs, reader: str, study: str, *lesions: Plane, mode: Mode = Mode.INDEPENDENT) -> Annotation:
    kept = tuple((label, blobs.put_mask(plane)) for label, plane in zip(LABELS, lesions, strict=False))
    answers = [Answer("finding", STUDY, "lesion" if lesions else "no_lesion")]
    if lesions:
        answers.append(Answer("lesions", Site.page(1), MaskValue(SHAPE, kept)))
    return Annotation(f"an-{study}-{reader}", "task", study, reader, mode, tuple(answers))


def reads(blobs: Blobs) -> list[Annotation]:
    """Three readers of three studies: numbers differ, c is shy, and a sees something more."""
    left, right, stray = square(0, 0), square(15, 15), square(0, 20)
    return [
        read(blobs, "a", "s1", left, right, stray), read(blobs, "b", "s1", right, left),
        read(blobs, "c", "s1", right),
        read(blobs, "a", "s2"), read(blobs, "b", "s2"), read(blobs, "c", "s2"),
        read(blobs, "a", "s3", left), read(blobs, "b", "s3", square(1, 0)), read(blobs, "c", "s3"),
        read(blobs, "d", "s3", left, mode=Mode.ASSISTED),
    ]  # fmt: skip


STACKS = {study: [PageStack("ct", (0, 1), (3.0, 1.0, 1.0))] for study in ("s1", "s2", "s3")}


def test_a_panel_counts_what_was_matched(tmp_path: Path) -> None:
    blobs = Blobs(tmp_path)
    panel = detection_panels(reads(blobs), FORM, blobs, stacks=STACKS, draws=50)["lesions"]
    assert (panel.studies, panel.patients, panel.against) == (3, 3, "majority of the other readers")
    rows = [(p.first, p.second, p.matched, p.only_first, p.only_second) for p in panel.pairs]
    assert rows == [("a", "b", 3, 1, 0), ("a", "c", 1, 3, 0), ("b", "c", 1, 2, 0)]
    assert panel.pairs[0].figures["agreement"].value == pytest.approx(6 / 7)
    assert panel.agreement.figures["agreement"].value == pytest.approx(10 / 16)
    moved = 2 * 30 / 72  # one lesion is drawn a row lower
    assert panel.pairs[0].figures["matched_dice"].value == pytest.approx((1 + 1 + moved) / 3)
    json.dumps(panel.as_dict(), allow_nan=False)


def test_a_reader_is_measured_by_what_the_others_found(tmp_path: Path) -> None:
    """By a and b two lesions stand in s1 and one in s3; by a and c, and by b and c, one alone in s1."""
    blobs = Blobs(tmp_path)
    panel = detection_panels(reads(blobs), FORM, blobs, stacks=STACKS, draws=0)["lesions"]
    rows = {r.first: (r.studies, r.matched, r.only_first, r.only_second) for r in panel.readers}
    assert rows == {"a": (3, 1, 3, 0), "b": (3, 1, 2, 0), "c": (3, 1, 0, 2)}
    shy = {name: metric.value for name, metric in panel.readers[2].figures.items()}
    assert shy == pytest.approx({"sensitivity": 1 / 3, "false_positives_per_study": 0.0, "matched_dice": 1.0})
    assert panel.readers[0].figures["false_positives_per_study"].value == pytest.approx(1.0)


def test_or_by_a_reference_standard(tmp_path: Path) -> None:
    blobs = Blobs(tmp_path)
    truth = {"s1": read(blobs, "x", "s1", square(0, 0), square(15, 15)).answers, "s2": ()}
    panel = detection_panels(reads(blobs), FORM, blobs, stacks=STACKS, reference=truth, draws=0)["lesions"]
    rows = {r.first: (r.studies, r.matched, r.only_first, r.only_second) for r in panel.readers}
    assert panel.against == "reference standard"
    assert rows == {"a": (2, 2, 1, 0), "b": (2, 2, 0, 0), "c": (2, 1, 0, 1)}  # s3 has no reference


def test_assisted_reads_are_told_apart(tmp_path: Path) -> None:
    blobs = Blobs(tmp_path)
    panel = detection_panels(reads(blobs), FORM, blobs, stacks=STACKS, assisted=True, draws=0)["lesions"]
    assert (panel.studies, panel.pairs, [r.first for r in panel.readers]) == (1, (), ["d"])
    assert panel.readers[0].studies == 0  # nobody else to compare with
