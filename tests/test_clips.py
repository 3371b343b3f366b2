"""Pages, clips and the exact way between them."""

import numpy as np
import pytest

from data.blobs import Blobs
from data.errors import TaskError
from data.pixels import Pixels, apply_window
from data.records import Layout, Part, Patient, Series, Study
from models.clips import (
    PAGES,
    Frames,
    Stack,
    around,
    in_field,
    page_shapes,
    page_slices,
    stack,
    whole,
)
from models.phases import phases, same_grid, shown_series

PATIENT = Patient("test:1", "P-1", Part.TRAIN)


def affine(slice_mm=3.0, pixel_mm=2.0):
    matrix = np.zeros((4, 4))
    matrix[2, 0], matrix[1, 1], matrix[0, 2], matrix[3, 3] = slice_mm, pixel_mm, pixel_mm, 1
    return tuple(matrix.reshape(-1))


def series(number, slices, description="", *, pixels="", layout=Layout.VOLUME, **attributes):
    place = affine() if layout is Layout.VOLUME else None
    return Series(
        f"s-{number}", "study", "CT", layout, (slices, 20, 24), pixels, affine=place,
        description=description, attributes=attributes,
    )  # fmt: skip


def study(*several):
    return Study("study", PATIENT, "CT", several)


def seen(pages=20, rows=30, columns=40):
    rng = np.random.default_rng(0)
    made = rng.integers(0, 256, (pages, rows, columns)).astype(np.uint8)
    matrix = np.array(affine()).reshape(4, 4)
    return Stack(series(0, pages), made, np.arange(pages), matrix, (5, 25, 10, 30))


def test_pages_are_all_slices_or_54_with_both_ends():
    assert page_slices(3).tolist() == [0, 1, 2]
    many = page_slices(301)
    assert len(many) == PAGES
    assert (many[0], many[-1]) == (0, 300)
    assert set(np.diff(many)) <= {5, 6}
    assert len(set(page_slices(55).tolist())) == PAGES


def test_the_unenhanced_series_is_shown_however_long_the_others_are():
    portal = series(1, 90, "Abdomen portal venous", contrast="Iohexol")
    delayed = series(2, 80, "Delayed 15 min", contrast="Iohexol")
    plain = series(3, 40, "Abdomen unenhanced")
    known = phases(study(portal, delayed, plain))
    assert (known.unenhanced, known.portal, known.delayed) == (plain, portal, delayed)
    assert shown_series(study(portal, delayed, plain)) is plain
    unnamed = series(4, 30, "Abdomen 3.0")
    assert shown_series(study(portal, unnamed)) is unnamed
    assert shown_series(study(portal, series(5, 30, "Abdomen 3.0", contrast="x"))) is portal
    assert shown_series(study(series(6, 10), series(7, 12))).series_id == "s-7"
    assert phases(study(series(6, 10))).unenhanced is None
    with pytest.raises(TaskError, match="no stack"):
        shown_series(study(series(8, 1)))


def test_pages_are_windowed_native_slices(home):
    blobs = Blobs.of(home)
    hu = np.random.default_rng(1).integers(-1000, 1000, (70, 20, 24)).astype(np.int16)
    kept = series(0, 70, pixels=blobs.put_array(hu))
    found = stack(study(kept), Pixels(blobs))
    assert found.pages.shape == (54, 20, 24)
    assert np.array_equal(found.pages, apply_window(hu[page_slices(70)], (40.0, 400.0)))
    assert page_shapes(study(kept)) == ((20, 24),) * 54
    assert found.slab_mm is not None
    assert found.slab_mm.sum() == pytest.approx(70 * 3.0)
    assert found.place_mm(53, 1, 2) == pytest.approx([4, 2, 69 * 3])
    frames = series(1, 60, pixels=blobs.put_array(hu[:60].astype(np.uint8)), layout=Layout.FRAMES)
    flat = stack(study(frames), Pixels(blobs))
    assert flat.pixel_mm is None
    assert flat.slab_mm is None


def test_a_short_stack_is_padded_and_a_mask_goes_forth_and_back_exactly():
    given = seen(pages=20)
    way = whole(given, 54, (60, 80))
    assert way.page_of == (*range(20), *[-1] * 34)
    clip = way.clip(given.pages)
    assert clip.shape == (54, 60, 80)
    assert not clip[20:].any()
    mask = np.random.default_rng(2).random(given.pages.shape) > 0.7
    assert np.array_equal(way.back(way.mask(mask)), mask)  # twice as fine: nothing is lost
    assert way.scale == (0.5, 0.5)
    assert way.to_frame(*way.to_native(10.25, 20.75)) == pytest.approx((10.25, 20.75))
    assert way.to_native(0.5, 0.5) == pytest.approx((0.0, 0.0))


def test_more_pages_than_frames_are_thinned_evenly():
    way = whole(seen(pages=20), 5, (30, 40))
    assert way.page_of == (0, 5, 10, 14, 19)


def test_a_coarse_mask_keeps_what_is_small():
    given = seen()
    way = whole(given, 20, (6, 8))
    mask = np.zeros(given.pages.shape, dtype=bool)
    mask[3, 11, 17] = True
    small = way.mask(mask)
    assert small.sum() == 1
    assert small[3, 2, 3]
    mask[4, 10:20, 10:30] = True
    back = way.back(way.mask(mask))
    assert np.array_equal(back[4], mask[4])


def test_the_field_is_a_share_of_the_body():
    way = in_field(seen(), (32, 32), (0.25, 0.75, 0.1, 0.9))
    assert way.box == (10, 20, 12, 28)
    assert in_field(seen(), (32, 32), None).box == (0, 30, 0, 40)


def test_the_body_is_found():
    pages = np.zeros((6, 40, 50), dtype=np.uint8)
    pages[:, 10:31, 5:46] = 90
    pages[:, 36:38, 2:6] = 90
    from models.clips import body_box

    assert body_box(pages) == (10, 31, 5, 46)
    assert body_box(np.zeros((2, 8, 9), np.uint8)) == (0, 8, 0, 9)


def test_a_cube_has_the_same_edge_whatever_the_lesion():
    given = seen(pages=20)  # 3 mm pages, 2 mm pixels
    small, large = np.zeros(given.pages.shape, bool), np.zeros(given.pages.shape, bool)
    small[10, 14:17, 19:22] = True
    large[6:15, 8:23, 13:28] = True
    for mask in (small, large):
        way = around(given, mask, 24.0, 8, (12, 12))
        assert way.box == (9, 21, 14, 26)
        assert way.scale == (1.0, 1.0)
        assert set(way.page_of) == set(range(7, 14)) | {6} or min(way.page_of) >= 6
    edge = np.zeros(given.pages.shape, bool)
    edge[0, 0:2, 0:2] = True
    way = around(given, edge, 24.0, 8, (12, 12))
    assert -1 in way.page_of
    assert way.clip(given.pages)[:, 0, 0].max() == 0  # beyond the page's border
    assert np.array_equal(way.back(way.mask(edge)), edge)


def test_values_are_spread_over_the_box_alone():
    way = Frames((1,), (2, 6, 2, 6), (4, 4), (8, 8), 3)
    pages = way.spread(np.ones((1, 4, 4), np.float32))
    assert pages.sum() == 16
    assert pages[1, 2:6, 2:6].all()


def test_grids_are_compared_by_place():
    one = series(0, 10)
    assert same_grid(one, series(1, 10))
    assert not same_grid(one, series(1, 11))
    assert not same_grid(one, series(1, 10, layout=Layout.FRAMES))
