"""Agreement of two masks: cases by hand, published tests of the surface elements, MONAI and SimpleITK on blobs."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from active_learning.mask_agreement import Region, box_of, compare, mask_agreement, overlap, union_box
from active_learning.surfaces import surface
from data.errors import RatingsError

Mask = NDArray[np.bool_]
SPACINGS = [(1.0, 1.0, 1.0), (3.0, 0.7, 1.3)]


def box(shape: tuple[int, ...], *sides: tuple[int, int]) -> Mask:
    mask = np.zeros(shape, dtype=bool)
    mask[tuple(slice(low, high) for low, high in sides)] = True
    return mask


def blobs(shape: tuple[int, ...], seed: int) -> tuple[Mask, Mask]:
    """Two frayed blobs that overlap in part."""
    from scipy.ndimage import gaussian_filter

    rng = np.random.default_rng(seed)
    field = gaussian_filter(rng.normal(size=shape), 2.0)
    other = field + 0.7 * gaussian_filter(rng.normal(size=shape), 1.0)
    first, second = field > np.quantile(field, 0.8), other > np.quantile(other, 0.85)
    frame = np.zeros(shape, dtype=bool)
    frame[tuple(slice(2, -2) for _ in shape)] = True
    return first & frame, second & frame


def test_a_box_shifted_by_two_pixels() -> None:
    first, second = box((40, 40), (10, 20), (10, 20)), box((40, 40), (10, 20), (12, 22))
    found = mask_agreement(first, second, (2.0, 0.5), tolerance_mm=1.0)
    assert found.dice == pytest.approx(2 * 80 / 200)
    assert found.hd95_mm == pytest.approx(1.0)  # both ends lie 2 pixels of 0.5 mm apart
    assert found.surface_dice == pytest.approx(1.0)
    assert (found.difference, found.difference_pct, found.empty) == (0.0, 0.0, 0)
    strict = mask_agreement(first, second, (2.0, 0.5), tolerance_mm=0.4)
    corner = math.hypot(1.0, 0.25)
    whole = 2 * 9 * 2.0 + 2 * 9 * 0.5 + 4 * corner  # sides of 9 elements between the corners
    far = 2 * 9 * 2.0 + 2 * corner + 2 * 0.5  # both upright sides, two corners, an element beside each of them
    assert strict.surface_dice == pytest.approx(1 - far / whole)


def test_volumes_and_areas() -> None:
    large, small = box((9, 20, 20), (2, 6), (0, 10), (0, 10)), box((9, 20, 20), (2, 6), (0, 10), (0, 5))
    found = mask_agreement(large, small, (5.0, 1.0, 1.0))
    assert found.difference == pytest.approx((400 - 200) * 5 / 1000)
    assert found.difference_pct == pytest.approx(100 * 200 / 300)
    flat = mask_agreement(small[3], large[3], (0.5, 0.5))
    assert flat.difference == pytest.approx(-50 * 0.25)
    assert flat.difference_pct == pytest.approx(-100 * 50 / 75)


def test_empty_masks_agree_wholly_and_with_nothing_else() -> None:
    nothing, something = np.zeros((8, 8), bool), box((8, 8), (2, 4), (2, 4))
    both = mask_agreement(nothing, nothing, (1.0, 1.0))
    assert (both.dice, both.surface_dice, both.hd95_mm, both.difference, both.empty) == (1, 1, 0, 0, 2)
    for pair in ((nothing, something), (something, nothing)):
        one = mask_agreement(*pair, (1.0, 1.0))
        assert (one.dice, one.surface_dice, one.hd95_mm, one.empty) == (0, 0, None, 1)
        assert abs(one.difference or 0) == 4
        assert abs(one.difference_pct) == 200


def test_nothing_in_mm_without_a_spacing() -> None:
    found = mask_agreement(box((8, 8), (2, 4), (2, 4)), box((8, 8), (2, 4), (3, 5)))
    assert (found.dice, found.surface_dice, found.hd95_mm, found.difference) == (0.5, None, None, None)


def test_surface_elements_as_their_authors_test_them() -> None:
    """The published tests: two pixels 2 mm apart in the plane and in space, and two slabs of a cube."""
    flat = [np.zeros((128, 128), bool) for _ in range(2)]
    flat[0][50, 70] = flat[1][50, 72] = True
    elements = surface(flat[0], (2.0, 1.0), (0, 0))
    assert elements.areas == pytest.approx([math.sqrt(5) / 2] * 4)
    assert sorted(elements.distances_mm(surface(flat[1], (2.0, 1.0), (0, 0)))) == pytest.approx([1, 1, 2, 2])
    deep = [np.zeros((64, 80, 80), bool) for _ in range(2)]
    deep[0][50, 60, 70] = deep[1][50, 60, 72] = True
    for masks, spacing in ((flat, (2.0, 1.0)), (deep, (3.0, 2.0, 1.0))):
        found = mask_agreement(*masks, spacing, tolerance_mm=1.0)
        assert (found.dice, found.surface_dice, found.hd95_mm) == (0, pytest.approx(0.5), pytest.approx(2.0))
    cubes = [box((100, 100, 100), (0, last), (0, 100), (0, 100)) for last in (50, 51)]
    found = mask_agreement(*cubes, (2.0, 1.0, 1.0), tolerance_mm=1.0)
    assert found.hd95_mm == pytest.approx(2.0)
    assert found.dice == pytest.approx(0.990, abs=5e-4)
    assert found.surface_dice == pytest.approx(0.836, abs=2e-3)


@pytest.mark.parametrize("seed", [1, 2])
@pytest.mark.parametrize("spacing", [*SPACINGS, (1.0, 1.0), (2.0, 0.6)])
@pytest.mark.parametrize("tolerance", [0.5, 1.0, 2.5])
def test_the_surface_dice_is_monais(seed: int, spacing: tuple[float, ...], tolerance: float) -> None:
    import torch
    from monai.metrics import compute_surface_dice

    masks = blobs((16, 24, 20)[-len(spacing) :], seed)
    one, other = (torch.from_numpy(mask[None, None]) for mask in masks)
    wanted = compute_surface_dice(
        one, other, [tolerance], include_background=True, spacing=spacing, use_subvoxels=True
    )
    found = mask_agreement(*masks, spacing, tolerance_mm=tolerance)
    assert found.surface_dice == pytest.approx(float(wanted), abs=1e-5)


@pytest.mark.parametrize("seed", [3, 4])
@pytest.mark.parametrize("spacing", SPACINGS)
def test_hd95_is_that_of_monais_surface_elements(seed: int, spacing: tuple[float, ...]) -> None:
    import torch
    from monai.metrics.utils import get_edge_surface_distance

    masks = blobs((16, 24, 20), seed)
    one, other = (torch.from_numpy(mask) for mask in masks)
    edges, distances, areas = get_edge_surface_distance(
        one, other, spacing=spacing, use_subvoxels=True, symmetric=True
    )
    wanted = 0.0
    for edge, far, area in zip(edges, distances, areas, strict=True):
        pairs = sorted(zip(far.tolist(), area[edge].tolist(), strict=True))
        total, passed = sum(a for _, a in pairs), 0.0
        for distance, part in pairs:
            passed += part
            if passed >= 0.95 * total:
                wanted = max(wanted, distance)
                break
    assert mask_agreement(*masks, spacing).hd95_mm == pytest.approx(wanted, abs=1e-5)


@pytest.mark.parametrize("seed", [5, 6])
def test_hd95_is_near_monais_of_edge_pixels_and_below_the_whole_distance(seed: int) -> None:
    """Counting edge pixels in place of area is another definition: close, on one spacing for all axes."""
    import torch
    from monai.metrics import compute_hausdorff_distance

    masks = blobs((24, 32, 32), seed)
    one, other = (torch.from_numpy(mask[None, None]) for mask in masks)
    options = {"include_background": True, "spacing": (1.0, 1.0, 1.0)}
    near = float(compute_hausdorff_distance(one, other, percentile=95, **options))
    whole = float(compute_hausdorff_distance(one, other, **options))
    found = mask_agreement(*masks, (1.0, 1.0, 1.0)).hd95_mm
    assert found is not None
    assert abs(found - near) < 1.0
    assert found <= whole


@pytest.mark.parametrize("seed", [7, 8])
def test_dice_and_volume_are_simpleitks(seed: int) -> None:
    import SimpleITK as sitk  # noqa: N813 - its own convention

    masks = blobs((16, 24, 20), seed)
    measured = sitk.LabelOverlapMeasuresImageFilter()
    measured.Execute(*(sitk.GetImageFromArray(mask.astype(np.uint8)) for mask in masks))
    found = mask_agreement(*masks, (3.0, 0.7, 1.3))
    assert found.dice == pytest.approx(measured.GetDiceCoefficient())
    # SimpleITK's volume similarity is 2 (source - target) / (source + target)
    assert found.difference_pct == pytest.approx(100 * measured.GetVolumeSimilarity())


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 2**16 - 1), st.integers(0, 2**16 - 1), st.integers(0, 3), st.integers(0, 3))
def test_order_and_place_have_no_say(one: int, other: int, down: int, right: int) -> None:
    first, second = (np.array([n >> bit & 1 for bit in range(16)], dtype=bool).reshape(4, 4) for n in (one, other))
    spacing = (2.0, 0.7)
    there, back = mask_agreement(first, second, spacing), mask_agreement(second, first, spacing)
    assert (there.dice, there.hd95_mm) == (back.dice, back.hd95_mm)
    assert there.surface_dice == pytest.approx(back.surface_dice)
    assert there.difference == -(back.difference or 0)
    moved = [np.pad(mask, ((down, 1), (right, 1))) for mask in (first, second)]
    elsewhere = mask_agreement(*moved, spacing)
    assert elsewhere.dice == there.dice
    assert elsewhere.surface_dice == pytest.approx(there.surface_dice)
    assert elsewhere.hd95_mm == (None if there.hd95_mm is None else pytest.approx(there.hd95_mm))


def test_regions_keep_their_place() -> None:
    whole = box((6, 30, 30), (1, 3), (10, 20), (4, 9))
    region = Region.of(whole, (4.0, 1.0, 1.0))
    assert region.mask.shape == (2, 10, 5)
    assert (region.origin, region.pixels, region.size) == ((1, 10, 4), 100, pytest.approx(0.4))
    assert np.array_equal(region.within([slice(0, n) for n in whole.shape]), whole)
    part = Region.of(whole[1:], (4.0, 1.0, 1.0), origin=(1, 0, 0), shape=whole.shape)
    assert (part.origin, part.shape) == (region.origin, region.shape)
    assert compare(part, region).hd95_mm == 0
    away = Region.of(box((6, 30, 30), (4, 6), (0, 5), (20, 30)))
    assert overlap(Region.of(whole), away) == 0
    assert union_box([Region.of(whole), away]) == (slice(1, 6), slice(0, 20), slice(4, 30))
    assert box_of(np.zeros((3, 3), bool)) == (slice(0, 0), slice(0, 0))


def test_what_cannot_be_compared_is_refused() -> None:
    with pytest.raises(RatingsError, match="cannot be compared"):
        mask_agreement(np.ones((2, 2), bool), np.ones((2, 3), bool))
    with pytest.raises(RatingsError, match="cannot be measured"):
        mask_agreement(np.ones(4, bool), np.ones(4, bool))
    with pytest.raises(RatingsError, match="cannot be measured"):
        mask_agreement(np.ones((2, 2), bool), np.ones((2, 2), bool), (1.0, 1.0, 1.0))
    with pytest.raises(RatingsError, match="cannot be measured"):
        mask_agreement(np.ones((2, 2), bool), np.ones((2, 2), bool), (1.0, 0.0))
