"""A panel's outlines: figures equal those of whole volumes, each reader against what the others say, geometry."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from itertools import combinations
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from active_learning.mask_agreement import MaskAgreement, mask_agreement
from active_learning.mask_panel import SIGNED, Compared, MaskPanel, mask_panels
from active_learning.outlines import MaskRule
from active_learning.reader_masks import PageStack, drawn, stacks_of
from active_learning.staple import staple
from data.answers import STUDY, Answer, Choice, Form, Mask, MaskValue, Question, Site, lesion_sites
from data.blobs import Blobs
from data.errors import AnswerError
from data.records import Annotation, Layout, Mode, Purpose, Series
from models.metrics import mean
from models.task import Page

Volume = NDArray[np.bool_]
FOUND = Question("found", "Anything?", Choice(("yes", "no")))
OUTLINE = Question("outline", "Outline", Mask(("sac", "disc")))
FORM = Form((FOUND, OUTLINE))
SHAPE = (5, 24, 20)
SPACING = (4.0, 0.8, 0.5)
STACK = {"s1": [PageStack("t2", tuple(range(5)), SPACING)], "s2": [PageStack("t2", tuple(range(5)), SPACING)]}


def box(*sides: tuple[int, int]) -> Volume:
    mask = np.zeros(SHAPE, dtype=bool)
    mask[tuple(slice(low, high) for low, high in sides)] = True
    return mask


def read(
    blobs: Blobs,
    reader: str,
    study: str,
    volumes: Mapping[str, Volume],
    *,
    mode: Mode = Mode.INDEPENDENT,
    purpose: Purpose = Purpose.ACQUISITION,
    question: str = "outline",
) -> Annotation:
    answers = [Answer("found", STUDY, "yes" if volumes else "no")]
    for page in range(SHAPE[0]):
        kept = {label: blobs.put_mask(v[page]) for label, v in volumes.items() if v[page].any()}
        if kept:
            answers.append(Answer(question, Site.page(page), MaskValue(SHAPE[1:], tuple(sorted(kept.items())))))
    return Annotation(f"an-{study}-{reader}", "task", study, reader, mode, tuple(answers), purpose=purpose)


BY_READER = {
    "s1": {
        "a": box((1, 4), (5, 15), (4, 12)),
        "b": box((1, 4), (6, 16), (4, 12)),
        "c": box((2, 5), (5, 15), (5, 14)),
    },
    "s2": {"a": box((0, 2), (3, 9), (2, 8)), "b": box((0, 2), (3, 9), (3, 9))},
}


def panel_of(tmp_path: Path, **options: object) -> tuple[MaskPanel, list[Annotation], Blobs]:
    blobs = Blobs(tmp_path)
    reads = [read(blobs, r, s, {"sac": v}) for s, given in BY_READER.items() for r, v in given.items()]
    settings: dict[str, object] = {"stacks": STACK, "tolerance_mm": 1.0, **options}
    panels = mask_panels(reads, FORM, blobs, **settings)  # type: ignore[arg-type]
    assert list(panels) == [("outline", "sac")]  # nobody drew a disc
    return panels["outline", "sac"], reads, blobs


def figures(compared: Compared) -> dict[str, float]:
    return {name: metric.value for name, metric in compared.figures.items()}


def means(found: list[MaskAgreement]) -> dict[str, float]:
    differences = np.array([one.difference for one in found], dtype=float)
    percents = np.array([one.difference_pct for one in found])
    far = [one.hd95_mm for one in found if one.hd95_mm is not None]
    return {
        "dice": float(np.mean([one.dice for one in found])),
        "surface_dice": float(np.mean([one.surface_dice for one in found if one.surface_dice is not None])),
        "hd95_mm": float(np.mean(far)),
        "volume_difference_ml": float(differences.mean()),
        "volume_difference_abs_ml": float(np.abs(differences).mean()),
        "size_difference_pct": float(percents.mean()),
        "size_difference_abs_pct": float(np.abs(percents).mean()),
    }


def test_pairs_are_those_of_the_whole_volumes(tmp_path: Path) -> None:
    panel, _, _ = panel_of(tmp_path)
    assert (panel.items, panel.patients, panel.reads, panel.gaps) == (2, 2, 5, 1)
    every = []
    for pair, (first, second) in zip(panel.pairs, combinations("abc", 2), strict=True):
        both = [given for given in BY_READER.values() if first in given and second in given]
        found = [mask_agreement(given[first], given[second], SPACING, tolerance_mm=1.0) for given in both]
        every += found
        assert (pair.first, pair.second, pair.items, pair.without_mm) == (first, second, len(both), 0)
        assert figures(pair) == pytest.approx(means(found))
    overall = {name: metric.value for name, metric in panel.figures.items()}
    assert overall == pytest.approx({name: v for name, v in means(every).items() if name not in SIGNED})


def test_intervals_are_those_of_the_mean_over_patients(tmp_path: Path) -> None:
    panel, _, _ = panel_of(tmp_path, draws=200, seed=3)
    pair = panel.pairs[0]
    values = [mask_agreement(g["a"], g["b"], SPACING).dice for g in BY_READER.values()]
    wanted = mean(np.array(values), ["s1", "s2"])
    assert wanted is not None
    assert pair.figures["dice"] == wanted.metric(200, 3)
    assert pair.figures["dice"].low is not None
    one, _, _ = panel_of(tmp_path, patients={"s1": "p", "s2": "p"})
    assert (one.patients, one.pairs[0].figures["dice"].n, one.pairs[0].figures["dice"].low) == (1, 1, None)


def test_a_reader_is_compared_with_the_others(tmp_path: Path) -> None:
    panel, _, _ = panel_of(tmp_path)
    assert panel.against == "majority of the other readers"
    s1, s2 = BY_READER["s1"], BY_READER["s2"]
    # two others: where both marked; one other: as that one did
    found = [
        mask_agreement(s1["a"], s1["b"] & s1["c"], SPACING, tolerance_mm=1.0),
        mask_agreement(s2["a"], s2["b"], SPACING, tolerance_mm=1.0),
    ]
    assert figures(panel.readers[0]) == pytest.approx(means(found))
    alone = mask_agreement(s1["c"], s1["a"] & s1["b"], SPACING, tolerance_mm=1.0)
    assert panel.readers[2].items == 1
    assert figures(panel.readers[2]) == pytest.approx(means([alone]))


def test_or_with_their_staple_over_the_whole_volume(tmp_path: Path) -> None:
    panel, _, _ = panel_of(tmp_path, rule=MaskRule.STAPLE)
    assert panel.against == "staple of the other readers"
    s1 = BY_READER["s1"]
    joined = staple([s1["a"], s1["b"]]).mask(SHAPE)
    found = mask_agreement(s1["c"], joined, SPACING, tolerance_mm=1.0)
    assert figures(panel.readers[2]) == pytest.approx(means([found]))


def test_or_with_a_reference_standard(tmp_path: Path) -> None:
    blobs = Blobs(tmp_path)
    truth = box((1, 4), (5, 16), (4, 12))
    reference = {"s1": read(blobs, "x", "s1", {"sac": truth}).answers, "s2": ()}
    panel, _, _ = panel_of(tmp_path, reference=reference)
    assert (panel.against, panel.reads) == ("reference standard", 5)
    found = [
        mask_agreement(BY_READER["s1"]["a"], truth, SPACING, tolerance_mm=1.0),
        mask_agreement(BY_READER["s2"]["a"], np.zeros(SHAPE, bool), SPACING, tolerance_mm=1.0),
    ]
    assert figures(panel.readers[0]) == pytest.approx(means(found))
    assert (panel.readers[0].one_empty, panel.readers[0].both_empty) == (1, 0)
    assert {pair.second for pair in panel.pairs} == {"b", "c"}


def test_empty_outlines_are_counted(tmp_path: Path) -> None:
    blobs = Blobs(tmp_path)
    disc = box((2, 3), (1, 5), (1, 5))
    sac = box((0, 1), (8, 12), (8, 12))
    reads = [
        read(blobs, "a", "s1", {"sac": sac, "disc": disc}), read(blobs, "b", "s1", {"sac": sac}),
        read(blobs, "c", "s1", {"sac": sac}),
    ]  # fmt: skip
    panel = mask_panels(reads, FORM, blobs, stacks=STACK, draws=0)["outline", "disc"]
    first, second, third = panel.pairs
    assert (first.one_empty, second.one_empty, third.both_empty) == (1, 1, 1)
    assert figures(first)["dice"] == 0
    assert "hd95_mm" not in first.figures
    assert (figures(third)["dice"], figures(third)["hd95_mm"]) == (1, 0)
    assert figures(first)["volume_difference_ml"] == pytest.approx(disc.sum() * 4.0 * 0.8 * 0.5 / 1000)
    # nothing stands by the others of a; those of b and c are of two minds
    assert [(r.items, r.one_empty) for r in panel.readers] == [(1, 1), (0, 0), (0, 0)]


def test_only_reads_of_one_kind_count_and_only_where_it_was_asked(tmp_path: Path) -> None:
    blobs = Blobs(tmp_path)
    form = Form((FOUND, replace(OUTLINE, asked_if=("found", "yes"))))
    sac = box((0, 2), (3, 9), (2, 8))
    reads = [
        read(blobs, "a", "s1", {"sac": sac}), read(blobs, "b", "s1", {}),
        read(blobs, "c", "s1", {"sac": sac}, mode=Mode.ASSISTED),
        read(blobs, "d", "s1", {"sac": sac}, mode=Mode.ASSISTED),
        read(blobs, "e", "s1", {"sac": sac}, purpose=Purpose.ADJUDICATION),
        replace(read(blobs, "f", "s1", {"sac": sac}), skipped=True, answers=()),
    ]  # fmt: skip
    (alone,) = drawn(reads, form, form["outline"], blobs, stacks=STACK)
    assert alone.readers == ("a",)
    (assisted,) = drawn(reads, form, form["outline"], blobs, stacks=STACK, assisted=True)
    assert assisted.readers == ("c", "d")
    (everybody,) = drawn(reads, form, form["outline"], blobs, stacks=STACK, unasked=True)
    assert everybody.readers == ("a", "b")
    assert not everybody.by_label["sac"]["b"].pixels


def test_single_lesions_are_taken_together(tmp_path: Path) -> None:
    blobs = Blobs(tmp_path)
    drawing = Question("lesions", "Outline each", Mask(("lesion_1", "lesion_2")))
    kind = Question(
        "kind", "Kind?", Choice(("x", "y")), sites=lesion_sites(Mask(("lesion_1", "lesion_2"))), drawn_in="lesions"
    )
    left, right = box((0, 2), (1, 5), (1, 5)), box((2, 4), (9, 14), (9, 14))
    reads = [
        read(blobs, "a", "s1", {"lesion_1": left, "lesion_2": right}, question="lesions"),
        read(blobs, "b", "s1", {"lesion_1": right, "lesion_2": left}, question="lesions"),
    ]
    panels = mask_panels(reads, Form((FOUND, drawing, kind)), blobs, stacks=STACK, draws=0)
    assert list(panels) == [("lesions", "")]
    assert figures(panels["lesions", ""].pairs[0])["dice"] == 1


def test_without_a_geometry_nothing_is_in_mm(tmp_path: Path) -> None:
    panel, _, _ = panel_of(tmp_path, stacks={"s1": STACK["s1"]})
    pair = panel.pairs[0]
    assert (pair.items, pair.without_mm) == (2, 1)
    assert figures(pair)["dice"] == pytest.approx(
        np.mean([mask_agreement(g["a"], g["b"]).dice for g in BY_READER.values()])
    )
    s1 = BY_READER["s1"]
    assert figures(pair)["hd95_mm"] == pytest.approx(mask_agreement(s1["a"], s1["b"], SPACING).hd95_mm)
    json.dumps(panel.as_dict(), allow_nan=False)


def test_images_are_measured_in_the_plane_and_stacks_by_themselves(tmp_path: Path) -> None:
    stacks = {
        "s1": [PageStack("p", (0,), (0.8, 0.5), flat=True), PageStack("t2", (1, 2, 3, 4), SPACING)],
        "s2": [PageStack("t2", tuple(range(5)), SPACING)],
    }
    blobs = Blobs(tmp_path)
    one, other = box((0, 3), (3, 9), (2, 8)), box((0, 3), (4, 9), (2, 8))
    reads = [read(blobs, "a", "s1", {"sac": one}), read(blobs, "b", "s1", {"sac": other})]
    pair = mask_panels(reads, FORM, blobs, stacks=stacks, draws=0)["outline", "sac"].pairs[0]
    flat, deep = mask_agreement(one[0], other[0], (0.8, 0.5)), mask_agreement(one[1:], other[1:], SPACING)
    assert (pair.items, pair.patients) == (2, 1)
    assert figures(pair)["dice"] == pytest.approx((flat.dice + deep.dice) / 2)
    assert figures(pair)["area_difference_mm2"] == pytest.approx(6 * 0.8 * 0.5)
    assert figures(pair)["volume_difference_ml"] == pytest.approx(2 * 6 * 4.0 * 0.8 * 0.5 / 1000)


def series(name: str, layout: Layout, shape: tuple[int, ...], spacing: tuple[float, ...] | None) -> Series:
    return Series(name, "s1", "CT", layout, shape, "blob", spacing_mm=spacing)


def test_stacks_follow_the_pages() -> None:
    ct = series("ct", Layout.VOLUME, (101, 64, 64), (1.5, 0.7, 0.7))
    film = series("film", Layout.IMAGE, (64, 64), (0.2, 0.2))
    clip = series("clip", Layout.FRAMES, (9, 64, 64), None)
    pages = [
        *(Page(ct, index) for index in (0, 33, 66, 100)), Page(film), *(Page(clip, i) for i in range(3)),
        *(Page(ct, 100 - index) for index in range(2)),
    ]  # fmt: skip
    assert stacks_of(pages) == (
        PageStack("ct", (0, 1, 2, 3), (1.5 * 100 / 3, 0.7, 0.7)),
        PageStack("film", (4,), (0.2, 0.2), flat=True),
        PageStack("clip", (5, 6, 7), None),
        PageStack("ct", (8, 9), (1.5, 0.7, 0.7)),
    )


def test_pages_that_do_not_fit_are_refused(tmp_path: Path) -> None:
    blobs = Blobs(tmp_path)
    one = read(blobs, "a", "s1", {"sac": box((0, 5), (3, 9), (2, 8))})
    with pytest.raises(AnswerError, match="does not show"):
        drawn([one], FORM, OUTLINE, blobs, stacks={"s1": [PageStack("t2", (0, 1, 2), SPACING)]})
    other = read(blobs, "b", "s1", {})
    wide = Answer("outline", Site.page(2), MaskValue((20, 24), (("sac", blobs.put_mask(np.ones((20, 24)))),)))
    with pytest.raises(AnswerError, match="different shapes"):
        drawn([one, replace(other, answers=(wide,))], FORM, OUTLINE, blobs, stacks=STACK)
