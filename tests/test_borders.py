"""Cut borders from good radiographs: pairs of crops, and the lungs that they are placed by."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from data.borders import CUT_PART, LungBox, Side, crop_pair, find_lungs, room
from data.errors import LabelsError
from data.phantoms.cxr_quality import radiograph, truth_of


@settings(max_examples=200, deadline=None)
@given(
    shape=st.tuples(st.integers(200, 1200), st.integers(200, 1200)),
    margins=st.tuples(*[st.floats(0.01, 0.35)] * 4),
    seed=st.integers(0, 2**32 - 1),
)
def test_a_pair_has_one_size_and_only_one_of_it_cuts(
    shape: tuple[int, int], margins: tuple[float, float, float, float], seed: int
) -> None:
    rows, columns = shape
    lungs = LungBox(margins[0] * rows, margins[1] * columns, (1 - margins[2]) * rows, (1 - margins[3]) * columns)
    pair = crop_pair(shape, lungs, np.random.default_rng(seed))
    if pair is None:
        assert room(shape, lungs) == {}
        return
    cut, intact = pair
    across = cut.side in {Side.LEFT, Side.RIGHT}
    assert cut.side in room(shape, lungs)
    assert (cut.bottom - cut.top, cut.right - cut.left) == (intact.bottom - intact.top, intact.right - intact.left)
    for crop in pair:
        assert 0 <= crop.top < crop.bottom <= rows
        assert 0 <= crop.left < crop.right <= columns
    missing = {
        Side.TOP: cut.top - lungs.top,
        Side.LEFT: cut.left - lungs.left,
        Side.BOTTOM: lungs.bottom - cut.bottom,
        Side.RIGHT: lungs.right - cut.right,
    }
    length = lungs.width if across else lungs.height
    assert cut.side is not None
    assert missing.pop(cut.side) == pytest.approx(cut.depth_px)
    assert cut.depth_px >= CUT_PART[0] * length
    assert all(depth <= 0 for depth in missing.values())
    assert (cut.borders, intact.borders, intact.depth_px) == ("cut_off", "complete", 0.0)
    assert intact.top <= lungs.top
    assert intact.left <= lungs.left
    assert intact.bottom >= lungs.bottom
    assert intact.right >= lungs.right


def test_every_side_with_room_is_cut_at_times() -> None:
    lungs = LungBox(100, 120, 400, 480)
    rng = np.random.default_rng(0)
    pairs = [crop_pair((520, 600), lungs, rng) for _ in range(60)]
    assert {pair[0].side for pair in pairs if pair is not None} == set(Side)
    assert set(room((520, 600), lungs)) == set(Side)


def test_lungs_that_fill_the_picture_leave_no_room() -> None:
    assert crop_pair((400, 400), LungBox(2, 2, 398, 398), np.random.default_rng(0)) is None


def test_a_crop_keeps_the_pixels_as_they_are() -> None:
    pixels = np.arange(600 * 500).reshape(600, 500)
    pair = crop_pair(pixels.shape, LungBox(150, 120, 450, 380), np.random.default_rng(3))
    assert pair is not None
    for crop in pair:
        part = crop.of(pixels)
        assert part.shape == (crop.bottom - crop.top, crop.right - crop.left)
        assert part[0, 0] == crop.top * 500 + crop.left


def test_an_empty_box_is_refused() -> None:
    with pytest.raises(LabelsError, match="top above bottom"):
        LungBox(10, 10, 10, 20)


def test_overlap_is_intersection_over_union() -> None:
    assert LungBox(0, 0, 10, 10).overlap(LungBox(0, 5, 10, 15)) == pytest.approx(1 / 3)
    assert LungBox(0, 0, 10, 10).overlap(LungBox(0, 10, 10, 20)) == 0.0


def test_lungs_are_found_where_they_are() -> None:
    """On phantoms with whole lungs; a search that is not sure gives nothing."""
    wanted = {"projection": "frontal", "borders_frontal": "complete"}
    numbers = [number for number in range(60) if truth_of(number) == wanted][:7]
    overlaps = []
    for number in numbers:
        made = radiograph(number, size_px=192)
        found = find_lungs(made.pixels)
        if found is not None:
            overlaps.append(found.overlap(LungBox(*made.lung_box_px)))
    assert len(overlaps) >= 4
    assert np.median(overlaps) > 0.75


def test_a_picture_without_lungs_has_none() -> None:
    assert find_lungs(np.full((300, 300), 700, np.uint16)) is None
    row = np.linspace(0, 4000, 300)
    assert find_lungs(np.tile(row, (300, 1)).astype(np.uint16)) is None
    with pytest.raises(LabelsError, match="rows, columns"):
        find_lungs(np.zeros((3, 300, 300)))


@pytest.mark.real
def test_lungs_of_real_radiographs_agree_with_the_boxes_of_radiologists(real_data: Path) -> None:
    import cv2

    folder = real_data / "BE_cxr" / "ieee8023"
    table = json.loads((folder / "lung_boxes_coco.json").read_text())
    overlaps = []
    for image in table["images"]:
        path = next(
            p
            for p in (folder / image["file_name"], (folder / image["file_name"]).with_suffix(".jpg"))
            if p.exists()
        )
        pixels = cv2.imread(str(path), cv2.IMREAD_GRAYSCALE)
        scale = pixels.shape[0] / image["height"]
        boxes = (
            scale * np.array(note["bbox"]) for note in table["annotations"] if note["image_id"] == image["id"]
        )
        marked = LungBox.around(LungBox(y, x, y + h, x + w) for x, y, w, h in boxes)
        found = find_lungs(pixels)
        if found is not None:
            overlaps.append(found.overlap(marked))
    assert len(overlaps) >= 0.85 * len(table["images"])
    assert np.median(overlaps) > 0.85
