from itertools import product

import numpy as np
import pytest
from baal.active.heuristics import BALD
from hypothesis import given, settings
from hypothesis import strategies as st

from active_learning import uncertainty
from active_learning.uncertainty import (
    augmentation_variance,
    bald,
    entropy,
    least_confidence,
    margin,
    ordinal_spread,
)
from models import mask_uncertainty
from models.mask_uncertainty import band_entropy, expected_dice

MEASURES = [least_confidence, margin, entropy]


@pytest.mark.parametrize("measure", MEASURES)
def test_certain_is_0_and_even_is_1(measure):
    np.testing.assert_allclose(measure([[1, 0, 0], [1 / 3, 1 / 3, 1 / 3]]), [0, 1], atol=1e-12)
    assert measure(np.zeros((0, 2))).shape == (0,)


def test_values_by_hand():
    p = [[0.5, 0.25, 0.25]]
    assert least_confidence(p)[0] == pytest.approx(0.5 * 3 / 2)
    assert margin(p)[0] == pytest.approx(0.75)
    assert entropy(p)[0] == pytest.approx(1.5 / np.log2(3))
    assert entropy([[0.9, 0.1]])[0] == pytest.approx(0.4689956)


@settings(deadline=None)
@given(st.lists(st.floats(0, 1), min_size=2, max_size=20))
def test_for_two_classes_all_put_the_cases_in_one_order(chances):
    p = np.column_stack([chances, 1 - np.array(chances)])
    near = np.abs(p[:, 0] - 0.5)
    for measure in MEASURES:
        values = measure(p)
        assert ((values >= 0) & (values <= 1 + 1e-12)).all()
        ordered = values[np.argsort(near)]
        assert (np.diff(ordered) <= 1e-9).all()


@pytest.mark.parametrize("wrong", [[0.5, 0.5], [[1.0]], [[0.5, 0.2]], [[-0.5, 1.5]]])
@pytest.mark.parametrize("measure", MEASURES)
def test_what_is_no_table_of_probabilities_is_refused(measure, wrong):
    with pytest.raises(ValueError, match="expected"):
        measure(wrong)


def members(k=5, n=50, classes=3, seed=0):
    return np.random.default_rng(seed).dirichlet(np.ones(classes), (k, n))


def test_bald_is_baals():
    given = members()
    own = bald(given) * np.log(3)  # k is at least the classes
    peer = BALD().compute_score(np.moveaxis(given, 0, -1))
    np.testing.assert_allclose(own, peer, atol=1e-4)  # baal adds a small number within the logarithm


def test_bald_by_hand():
    split = [[[1.0, 0.0]], [[0.0, 1.0]]]
    even = [[[0.5, 0.5]], [[0.5, 0.5]]]
    assert bald(split)[0] == pytest.approx(1)
    assert bald(even)[0] == pytest.approx(0, abs=1e-12)
    three = np.eye(3)[:, None]
    assert bald(three)[0] == pytest.approx(1)
    assert bald(three[:2])[0] == pytest.approx(1)  # two members cannot differ more


def test_augmentation_variance_by_hand():
    assert augmentation_variance([[[1.0, 0.0]], [[0.0, 1.0]]])[0] == pytest.approx(1)
    assert augmentation_variance(np.eye(3)[:, None])[0] == pytest.approx(1)
    given = members()
    np.testing.assert_allclose(augmentation_variance(given), given.var(axis=0).sum(axis=1) * 3 / 2)


def test_the_spread_of_grades_by_hand():
    ends, neighbours = [0.5, 0, 0, 0.5], [0.5, 0.5, 0, 0]
    np.testing.assert_allclose(ordinal_spread([ends, neighbours, [0, 1, 0, 0]]), [1, 1 / 3, 0], atol=1e-12)
    assert entropy([ends])[0] == pytest.approx(entropy([neighbours])[0])


@settings(deadline=None, max_examples=30)
@given(st.integers(2, 6), st.integers(2, 5), st.integers(0, 9))
def test_measures_of_members_are_within_bounds_and_blind_to_order(k, classes, seed):
    given = members(k, 20, classes, seed)
    turned = given[np.random.default_rng(seed).permutation(k)][:, :, ::-1]
    for measure in (bald, augmentation_variance):
        values = measure(given)
        assert ((values >= 0) & (values <= 1)).all()
        np.testing.assert_allclose(measure(turned), values, atol=1e-12)


@pytest.mark.parametrize("measure", [*MEASURES, ordinal_spread, bald, augmentation_variance])
def test_chunks_and_single_precision_change_nothing(measure, monkeypatch):
    of_members = measure in (bald, augmentation_variance)
    given = members(4, 200) if of_members else members(1, 200)[0]
    whole = measure(given)
    monkeypatch.setattr(uncertainty, "CHUNK", 17)
    np.testing.assert_array_equal(measure(given), whole)
    np.testing.assert_allclose(measure(given.astype(np.float32)), whole, atol=1e-5)


@pytest.mark.parametrize("wrong", [[[0.5, 0.5]], np.ones((1, 4, 2)) / 2, [[[0.5, 0.5]], [[0.5, np.nan]]]])
def test_what_are_no_members_is_refused(wrong):
    with pytest.raises(ValueError, match="expected"):
        bald(wrong)


def exact_dice(p, threshold=0.5):
    """By all outcomes of independent pixels."""
    outline, total = p >= threshold, 0.0
    for truth in product([False, True], repeat=len(p)):
        chance = np.prod(np.where(truth, p, 1 - p))
        both, sizes = np.sum(outline & truth), outline.sum() + np.sum(truth)
        total += chance * (2 * both / sizes if sizes else 1.0)
    return total


def test_expected_dice_is_that_of_all_outcomes():
    r = np.random.default_rng(0)
    for _ in range(5):
        p = np.r_[r.uniform(0.7, 1, 8), r.uniform(0, 0.3, 4)]
        assert expected_dice(p[None])[0] == pytest.approx(exact_dice(p), abs=0.003)
    low = r.uniform(0, 0.4, 6)
    assert expected_dice(low[None])[0] == pytest.approx(exact_dice(low))


def test_outlines_that_are_sure_expect_everything_and_a_larger_doubt_less():
    sure = np.zeros((2, 20, 20))
    sure[0, 5:15, 5:15] = 1
    np.testing.assert_allclose(expected_dice(sure), 1)
    np.testing.assert_allclose(band_entropy(sure), 0)
    doubt = sure.copy()
    doubt[0, 4, 5:15] = 0.4
    worse = doubt.copy()
    worse[0, 15, 5:15] = 0.4
    assert 1 > expected_dice(doubt)[0] > expected_dice(worse)[0]
    assert band_entropy(doubt)[0] == pytest.approx(0.9709506)  # of 0.4 alone: the sure pixels do not count


def test_with_the_inside_the_entropy_falls_with_what_is_sure():
    p = np.array([[1.0, 1.0, 1.0, 0.5, 0.02]])
    assert band_entropy(p, (0.05, 1.0))[0] == pytest.approx(0.25, abs=1e-4)
    assert band_entropy(p)[0] == pytest.approx(1)


@settings(deadline=None, max_examples=30)
@given(st.integers(0, 60), st.integers(0, 9), st.booleans())
def test_measures_of_outlines_are_within_bounds_however_they_are_cut(pixels, seed, single):
    maps = np.random.default_rng(seed).beta(0.3, 0.3, (3, pixels)).astype(np.float32 if single else np.float64)
    whole = [measure(maps) for measure in (band_entropy, expected_dice)]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(mask_uncertainty, "CHUNK", 7)
        for measure, values in zip((band_entropy, expected_dice), whole, strict=True):
            assert ((values >= 0) & (values <= 1)).all()
            np.testing.assert_allclose(measure(maps), values, atol=1e-9)
