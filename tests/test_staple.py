"""STAPLE: SimpleITK's result in two and three dimensions, at the cost of what was marked."""

from __future__ import annotations

import numpy as np
import pytest
import SimpleITK as sitk  # noqa: N813 - its own convention
from numpy.typing import NDArray

from active_learning.staple import staple
from data.errors import RatingsError


def outlines(shape: tuple[int, ...], readers: int, *, radius: float = 7.0) -> list[NDArray[np.bool_]]:
    """A ball, as readers of different hands outline it: shifted, grown or shrunk, frayed."""
    rng = np.random.default_rng(5)
    grid = np.indices(shape).astype(np.float64)
    found = []
    for _ in range(readers):
        centre = np.array(shape) / 2 + rng.normal(0, 1.0, len(shape))
        far = np.sqrt(sum((axis - c) ** 2 for axis, c in zip(grid, centre, strict=True)))
        found.append(far + rng.normal(0, 0.8, shape) < radius + rng.normal(0, 1.0))
    return found


def by_itk(masks: list[NDArray[np.bool_]]) -> tuple[NDArray[np.float64], list[float], list[float]]:
    given = sitk.STAPLEImageFilter()
    given.SetForegroundValue(1.0)
    given.SetMaximumIterations(1000)
    probability = given.Execute([sitk.GetImageFromArray(mask.astype(np.uint8)) for mask in masks])
    return sitk.GetArrayFromImage(probability), list(given.GetSensitivity()), list(given.GetSpecificity())


@pytest.mark.parametrize("shape", [(48, 40), (20, 48, 40)])
@pytest.mark.parametrize("readers", [3, 5, 7])
def test_it_is_what_simpleitk_gives(shape: tuple[int, ...], readers: int) -> None:
    masks = outlines(shape, readers)
    probability, sensitivity, specificity = by_itk(masks)
    found = staple(masks)
    whole = np.full(shape, found.elsewhere)
    whole[found.window] = found.probability
    assert np.abs(whole - probability).max() < 1e-4
    assert found.sensitivity == pytest.approx(sensitivity, abs=1e-4)
    assert found.specificity == pytest.approx(specificity, abs=1e-4)
    sure = np.abs(probability - 0.5) > 1e-3
    assert np.array_equal(found.mask(shape)[sure], (probability > 0.5)[sure])


def test_it_costs_what_is_marked() -> None:
    small = outlines((30, 30, 30), 5)
    large = [np.zeros((60, 400, 400), dtype=bool) for _ in small]
    for whole, mask in zip(large, small, strict=True):
        whole[10:40, 100:130, 200:230] = mask
    found = staple(large)
    assert all(s.stop - s.start <= 30 for s in found.window)
    assert found.probability.size <= 27_000
    assert not found.mask((60, 400, 400))[0].any()


def test_a_crop_gives_the_same_once_it_knows_what_lies_beyond() -> None:
    whole = outlines((30, 30, 30), 5)
    cut = [mask[2:28, 2:28, 2:28] for mask in whole]
    assert all(mask.sum() == part.sum() for mask, part in zip(whole, cut, strict=True))
    found, cropped = staple(whole), staple(cut, beyond=30**3 - 26**3)
    assert np.array_equal(found.probability, cropped.probability)
    assert np.array_equal(found.specificity, cropped.specificity)
    assert not np.array_equal(found.specificity, staple(cut).specificity)


def test_a_reader_who_marks_elsewhere_weighs_little() -> None:
    good = outlines((20, 48, 40), 4)
    astray = np.roll(good[0], 14, axis=1)
    found = staple([*good, astray])
    assert found.sensitivity[4] < found.sensitivity[:4].min()
    alone, beside = staple(good).mask((20, 48, 40)), found.mask((20, 48, 40))
    assert 2 * (alone & beside).sum() / (alone.sum() + beside.sum()) > 0.9


def test_what_cannot_be_joined_is_refused() -> None:
    with pytest.raises(RatingsError, match="cannot be joined"):
        staple([np.ones((2, 2), bool), np.ones((2, 3), bool)])
    with pytest.raises(RatingsError, match="cannot be joined"):
        staple([])
    with pytest.raises(RatingsError, match="Nobody marked"):
        staple([np.zeros((2, 2), bool)] * 2)
