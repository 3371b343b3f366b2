import numpy as np
import pytest

from data.records import Layout, Series
from models.spine.levels import Levels, find_levels, slices_of

ROWS, COLUMNS, SLICES = 200, 100, 9
SAGITTAL = np.array(
    [[-4.0, 0, 0, 16.0], [0, 0, 1.5, -75.0], [0, -1.5, 0, 150.0], [0, 0, 0, 1]]
)  # left to right, to the feet, to the back
NAMES = ("L5/S1", "L4/L5", "L3/L4", "L2/L3", "L1/L2")
GAP_MM = 35.0


def spine(count, *, first_mm=-80.0, missing=(), lean_deg=0.0):
    """Masks of discs, 35 mm apart and leaning to the back, and of a sacrum under the lowest; and middles."""
    k, r, c = np.indices((SLICES, ROWS, COLUMNS)).reshape(3, -1)
    points = np.stack([k, r, c], -1) @ SAGITTAL[:3, :3].T + SAGITTAL[:3, 3]
    disc, sacrum, middles = np.zeros(len(points), bool), np.zeros(len(points), bool), []
    lean = np.radians(lean_deg)
    head, back = np.array([0, -np.sin(lean), np.cos(lean)]), np.array([0, np.cos(lean), np.sin(lean)])
    for number in range(count):
        middle = np.array([0.0, 0.0, first_mm + GAP_MM * number])
        middles.append(middle)
        w, v = (points - middle) @ head, (points - middle) @ back
        if number not in missing:
            disc |= (np.abs(w) < 4.6) & (np.abs(v) < 17)
        if number == 0:
            sacrum |= (w < -5) & (w > -40) & (np.abs(v) < 17)
    shape = (SLICES, ROWS, COLUMNS)
    return disc.reshape(shape), sacrum.reshape(shape), np.array(middles)


def block(origin, tilt_deg=0.0, *, slices=40, step_mm=5.0, shear=0.0):
    """An axial series of 20 x 20 pixels, tilted about the patient's x; a shear shifts its slices to the back."""
    tilt = np.radians(tilt_deg)
    head = np.array([0, -np.sin(tilt), np.cos(tilt)])
    back = np.array([0, np.cos(tilt), np.sin(tilt)])
    matrix = np.eye(4)
    matrix[:3, 0], matrix[:3, 1], matrix[:3, 2] = step_mm * head + shear * back, back, (1, 0, 0)
    matrix[:3, 3] = origin
    return Series("s", "st", "MR", Layout.VOLUME, (slices, 20, 20), "", (step_mm, 1.0, 1.0), tuple(matrix.ravel()))


def test_discs_are_counted_from_the_sacrum():
    disc, sacrum, middles = spine(7)
    levels = find_levels(disc, sacrum, SAGITTAL)
    assert levels.reason == ""
    assert [d.level for d in levels.discs] == [*NAMES, "", ""]
    found = np.array([d.middle_mm for d in levels.discs])
    assert np.abs(found - middles).max() < 1.0
    assert all(d.normal[2] > 0.99 for d in levels.discs)


@pytest.mark.parametrize(("count", "names"), [(4, NAMES[:4]), (6, NAMES)])
def test_four_or_six_discs_are_counted_in_the_same_way(count, names):
    disc, sacrum, _ = spine(count)
    assert tuple(d.level for d in find_levels(disc, sacrum, SAGITTAL).discs if d.level) == names


def test_a_disc_that_was_not_found_leaves_its_level_out():
    disc, sacrum, _ = spine(6, missing=(2,))
    levels = find_levels(disc, sacrum, SAGITTAL)
    assert [d.level for d in levels.discs] == ["L5/S1", "L4/L5", "L2/L3", "L1/L2", ""]
    assert "counted by distance" in levels.notes[0]


@pytest.mark.parametrize(
    ("missing", "with_sacrum", "reason"),
    [
        ((0,), True, "does not lie on the sacrum"),
        ((), False, "no sacrum"),
        (tuple(range(5)), True, "no disc"),
        ((1, 3), True, "too far apart"),
    ],
)
def test_levels_that_cannot_be_counted_are_not_known(missing, with_sacrum, reason):
    disc, sacrum, _ = spine(5, missing=missing)
    levels = find_levels(disc, sacrum if with_sacrum else np.zeros_like(sacrum), SAGITTAL)
    assert levels.discs == ()
    assert reason in levels.reason
    assert slices_of(levels, [block((-10, -10, -90))]) == {}


def test_without_a_sacrum_among_the_labels_the_lowest_disc_is_the_last():
    disc, _, _ = spine(5)
    levels = find_levels(disc, None, SAGITTAL)
    assert [d.level for d in levels.discs] == list(NAMES)
    assert "lowest disc" in levels.notes[0]


def test_a_remnant_in_the_sacrum_is_no_level():
    disc, sacrum, middles = spine(5)
    remnant = np.zeros_like(disc)
    row = round((SAGITTAL[2, 3] - (middles[0][2] - 24)) / 1.5)
    remnant[:, row - 1 : row + 2, 42:58] = True
    levels = find_levels(disc | remnant, sacrum & ~remnant, SAGITTAL)
    assert [d.level for d in levels.discs] == list(NAMES)
    assert levels.discs[0].middle_mm[2] == pytest.approx(middles[0][2], abs=1)


def test_discs_that_run_together_are_not_counted():
    disc, sacrum, _ = spine(5)
    disc[:, 60:150, 40:44] = True
    assert "run into one another" in find_levels(disc, sacrum, SAGITTAL).reason


def test_planes_come_from_few_slices_too():
    disc, sacrum, _ = spine(5, lean_deg=20.0)
    disc[:4] = disc[5:] = False
    for level in find_levels(disc, sacrum, SAGITTAL).discs:
        assert level.normal == pytest.approx((0, -np.sin(np.radians(20)), np.cos(np.radians(20))), abs=0.05)


def test_fragments_are_one_disc_and_specks_none():
    disc, sacrum, _ = spine(5)
    disc[:, :, 48:50] = False  # a cleft in every disc
    disc[4, 10, 80] = True
    assert [d.level for d in find_levels(disc, sacrum, SAGITTAL).discs] == list(NAMES)


def test_each_level_gets_the_slice_nearest_to_its_disc():
    disc, sacrum, middles = spine(5)
    levels = find_levels(disc, sacrum, SAGITTAL)
    chosen = slices_of(levels, [block((-10, -10, -92.0))])
    assert chosen == {name: (0, round((m[2] + 92) / 5)) for name, m in zip(NAMES, middles, strict=True)}
    assert list(chosen) == list(NAMES[::-1])


@pytest.mark.parametrize("shear", [0.0, 2.0])
def test_tilted_slices_are_met_where_they_cut_the_disc(shear):
    disc, sacrum, middles = spine(5)
    levels = find_levels(disc, sacrum, SAGITTAL)
    series = block((-10.0, -60.0, -110.0), 20.0, slices=60, shear=shear)
    chosen = slices_of(levels, [series])
    matrix = np.array(series.affine).reshape(4, 4)
    normal = np.array([0, -np.sin(np.radians(20)), np.cos(np.radians(20))])
    for name, middle in zip(NAMES, middles, strict=True):
        gap = [abs(float((middle - matrix[:3, 3] - matrix[:3, 0] * k) @ normal)) for k in range(60)]
        assert gap[chosen[name][1]] <= min(gap) + 0.6
        upright = round((middle[2] + 110) / 5)
        assert abs(chosen[name][1] - upright) >= 3  # a plain stack would be slices off


def test_of_two_blocks_the_one_parallel_to_the_disc_is_taken():
    disc, sacrum, middles = spine(5, lean_deg=25.0)
    levels = find_levels(disc, sacrum, SAGITTAL)
    upright = block((-10, -10, -92.0))
    along = block((-10.0, -70.0, -115.0), 25.0, slices=60)
    chosen = slices_of(levels, [upright, along])
    assert {number for number, _ in chosen.values()} == {1}
    lowest = block((-10, -10, middles[0][2] - 2), slices=2)
    assert slices_of(levels, [lowest]) == {"L5/S1": (0, 0)}


def test_a_disc_between_blocks_has_no_slice():
    disc, sacrum, _ = spine(5)
    levels = find_levels(disc, sacrum, SAGITTAL)
    assert slices_of(levels, [block((-10, -10, 200.0), slices=5)]) == {}
    without = Series("s", "st", "MR", Layout.FRAMES, (5, 20, 20), "")
    assert slices_of(levels, [without]) == {}
    assert slices_of(Levels(reason="none"), [block((-10, -10, -92.0))]) == {}
