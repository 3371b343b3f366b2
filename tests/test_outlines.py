"""Outlines: several readers' as one, by majority and by STAPLE; a model's, as it is drawn on a page."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import SimpleITK as sitk  # noqa: N813 - its own convention
from numpy.typing import NDArray

from active_learning.outlines import MaskRule, decide_masks, join_masks, joined
from active_learning.votes import Vote
from data.answers import STUDY, Form, Mask, MaskValue, Question, Site
from data.blobs import Blobs
from data.errors import AnswerError
from data.home import Home
from data.records import Measured, Prediction, QuestionPrediction
from workbench.outlines import by_page, colours_of, draw, fullest_page
from workbench.pictures import enlarged

FORM = Form((Question("outline", "Outline", Mask(tuple(f"label_{n}" for n in range(16)))),))


def test_outlines_and_lines_are_drawn_where_they_are(home: Home) -> None:
    blobs = Blobs.of(home)
    square = np.zeros((20, 30), dtype=bool)
    square[5:15, 10:20] = True
    value = MaskValue((20, 30), (("label_1", blobs.put_mask(square)),))
    line = Measured("width", STUDY, 9.0, "mm", 3, (((10.0, 2.0), (10.0, 7.0)),))
    results = (QuestionPrediction("outline", Site.page(3), value, {"label_1": 0.9}, 0.1),)
    prediction = Prediction("t", "s", "t-v1", results, "", (line,))
    page = np.full((20, 30), 100, np.uint8)
    drawn = draw(blobs, FORM, page, prediction, 3, (20, 30))
    factor = drawn.shape[1] // 30
    assert drawn.shape == (20 * factor, 30 * factor, 3)
    assert max(drawn.shape) >= 900

    def at(row: float, column: float) -> list[int]:
        return drawn[int((row + 0.5) * factor), int((column + 0.5) * factor)].tolist()

    assert at(10, 15) == at(1, 1) == [100, 100, 100]  # inside, and far away
    edge = drawn[5 * factor : 5 * factor + 3, 12 * factor : 18 * factor]
    colour = colours_of(FORM)["outline", "label_1"]
    assert [int(colour[i : i + 2], 16) for i in (1, 3, 5)] in edge.reshape(-1, 3).tolist()
    assert at(10, 4) == [255, 255, 255]
    plain = draw(blobs, FORM, page, prediction, 2, (20, 30))
    assert np.all(plain == 100)  # nothing is on another page


def test_the_fullest_page_is_shown_first_and_every_label_has_a_colour(home: Home) -> None:
    mask = Blobs.of(home).put_mask(np.ones((2, 2)))
    one, two = (MaskValue((2, 2), tuple((f"label_{n}", mask) for n in range(count))) for count in (1, 2))
    pages = {4: one, 7: two, 9: two}
    results = tuple(
        QuestionPrediction("outline", Site.page(page), value, {}, 0.0) for page, value in pages.items()
    )
    prediction = Prediction("t", "s", "t-v1", results)
    assert set(by_page(prediction)) == {4, 7, 9}
    assert fullest_page(prediction) == 7
    assert fullest_page(None) is None
    assert len(set(colours_of(FORM).values())) == 16


def test_small_pictures_grow_by_whole_factors() -> None:
    assert enlarged(np.zeros((20, 30), np.uint8), 900).shape == (600, 900)
    assert enlarged(np.zeros((20, 30), np.uint8), 30).shape == (20, 30)


def cast(blobs: Blobs, stacks: dict[str, NDArray[np.bool_]], label: str = "lesion") -> dict[Site, list[Vote]]:
    """Votes of readers who each drew (pages, rows, columns); a page without anything is an empty mask."""
    pages = np.flatnonzero(np.logical_or.reduce(list(stacks.values())).any(axis=(1, 2)))
    votes: dict[Site, list[Vote]] = {}
    for page in pages:
        for reader, stack in stacks.items():
            kept = ((label, blobs.put_mask(stack[page])),) if stack[page].any() else ()
            value = MaskValue(stack.shape[1:], kept)
            votes.setdefault(Site.page(int(page)), []).append(Vote(f"an-{reader}", reader, value))
    return votes


def balls(readers: str, shape: tuple[int, int, int] = (9, 40, 36)) -> dict[str, NDArray[np.bool_]]:
    rng = np.random.default_rng(11)
    grid = np.indices(shape).astype(np.float64)
    stacks = {}
    for reader in readers:
        centre = np.array(shape) / 2 + rng.normal(0, 0.7, 3)
        far = np.sqrt(sum((axis - c) ** 2 for axis, c in zip(grid, centre, strict=True)))
        stacks[reader] = far + rng.normal(0, 0.5, shape) < 4.2 + rng.normal(0, 0.4)
    return stacks


def row(*numbers: int) -> NDArray[np.bool_]:
    """One page of 4 x 4 with whole rows marked."""
    page = np.zeros((1, 4, 4), dtype=bool)
    page[0, list(numbers)] = True
    return page


def test_staple_runs_once_over_all_pages_and_is_simpleitks(tmp_path: Path) -> None:
    blobs, stacks = Blobs(tmp_path), balls("abcde")
    votes = cast(blobs, stacks)
    found = join_masks(["lesion"], votes, 5, blobs, rule=MaskRule.STAPLE)
    shown = [site.page_index for site in votes]
    peer = sitk.STAPLEImageFilter()
    peer.SetForegroundValue(1.0)
    peer.SetMaximumIterations(1000)
    images = [sitk.GetImageFromArray(stack[shown].astype(np.uint8)) for stack in stacks.values()]
    wanted = sitk.GetArrayFromImage(peer.Execute(images))
    (outline,) = found.outlines
    assert (outline.readers, outline.share) == (("a", "b", "c", "d", "e"), 1.0)
    assert outline.sensitivity == pytest.approx(list(peer.GetSensitivity()), abs=1e-4)
    assert outline.specificity == pytest.approx(list(peer.GetSpecificity()), abs=1e-4)
    for page, probability in zip(outline.pages, wanted, strict=True):
        assert page.probability == pytest.approx(probability[page.box], abs=1e-4)
        assert np.count_nonzero(probability > 0.5) == np.count_nonzero(page.mask())
    for site, value, support in found.decisions:
        name = value.blob("lesion") if value is not None else None
        mask = np.zeros((40, 36), bool) if name is None else blobs.get_mask(name, (40, 36))
        assert np.array_equal(mask, wanted[shown.index(site.page_index)] > 0.5)
        assert 0.7 < support < 1


def test_an_outline_is_made_by_those_who_marked_it(tmp_path: Path) -> None:
    """Three of five mark it: it is there, and its outline is where two of the three are."""
    blobs = Blobs(tmp_path)
    votes = cast(blobs, {"a": row(0, 1), "b": row(1, 2), "c": row(0, 1), "d": row(), "e": row()})
    found = join_masks(["lesion"], votes, 5, blobs)
    ((site, value, _),) = found.decisions
    assert site == Site.page(0)
    assert value is not None
    assert np.array_equal(blobs.get_mask(value.blob("lesion") or "", (4, 4)), row(0, 1)[0])
    (outline,) = found.outlines
    assert (outline.readers, outline.share) == (("a", "b", "c"), 0.6)
    assert outline.sensitivity == pytest.approx([1, 0.5, 1])
    assert outline.specificity == pytest.approx([1, 0.5, 1])
    assert outline.pages[0].probability[:, 0] == pytest.approx([2 / 3, 1, 1 / 3])
    assert decide_masks(["lesion"], votes, 5, blobs) == list(found.decisions)


@pytest.mark.parametrize("rule", list(MaskRule))
def test_presence_is_for_all_reads_to_say(tmp_path: Path, rule: MaskRule) -> None:
    blobs = Blobs(tmp_path)
    few = cast(blobs, {"a": row(0, 1), "b": row(1), "c": row(), "d": row(), "e": row()})
    ((site, value, support),) = join_masks(["lesion"], few, 5, blobs, rule=rule).decisions
    assert (site, value, support) == (Site.page(0), MaskValue((4, 4)), pytest.approx(0.6))
    half = cast(blobs, {"a": row(0, 1), "b": row(1), "c": row(), "d": row()})
    assert join_masks(["lesion"], half, 4, blobs, rule=rule).decisions == ((Site.page(0), None, 0.0),)


@pytest.mark.parametrize("rule", list(MaskRule))
def test_reads_that_are_the_same_stand_as_they_are(tmp_path: Path, rule: MaskRule) -> None:
    blobs = Blobs(tmp_path)
    votes = cast(blobs, {"a": row(2), "b": row(2), "c": row(2)})
    found = join_masks(["lesion"], votes, 3, None, rule=rule)
    assert found.decisions == ((Site.page(0), votes[Site.page(0)][0].value, 1.0),)
    assert found.outlines == ()


def test_pages_of_different_shapes_are_joined_together_and_those_of_one_page_must_fit(tmp_path: Path) -> None:
    blobs = Blobs(tmp_path)
    votes = cast(blobs, {"a": row(0, 1), "b": row(1, 2), "c": row(1)})
    wide = np.ones((3, 7), dtype=bool)
    votes[Site.page(5)] = [
        Vote(f"an-{r}", r, MaskValue((3, 7), (("lesion", blobs.put_mask(wide)),))) for r in "abc"
    ]
    found = join_masks(["lesion"], votes, 3, blobs)
    assert [page.shape for page in found.outlines[0].pages] == [(4, 4), (3, 7)]
    assert found.outlines[0].pages[1].mask().all()
    votes[Site.page(5)][0] = Vote("an-a", "a", MaskValue((7, 3), votes[Site.page(5)][0].value.masks))  # type: ignore[union-attr]
    with pytest.raises(AnswerError, match="different shapes"):
        join_masks(["lesion"], votes, 3, blobs)


def test_nothing_marked_is_joined_to_nothing() -> None:
    for rule in MaskRule:
        found = joined([np.zeros((3, 3), bool)] * 3, rule)
        assert not found.mask.any()
        assert np.isnan(found.sensitivity).all()
        assert found.specificity.tolist() == [1, 1, 1]
