import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.special import softmax

from models.calibration import (
    apply_temperature,
    expected_calibration_error,
    fit_temperature,
    reliability,
    youden,
)


def drawn(n=4000, classes=3, seed=0):
    """Logits whose softmax is the very chance of each label."""
    generator = np.random.default_rng(seed)
    logits = generator.normal(0, 1.5, (n, classes))
    chances = softmax(logits, axis=1)
    labels = (chances.cumsum(axis=1) < generator.random(n)[:, None]).sum(axis=1)
    return logits, labels


@pytest.mark.parametrize("factor", [0.5, 1.0, 3.0])
def test_the_temperature_that_was_put_in_is_found(factor):
    logits, labels = drawn()
    assert fit_temperature(logits * factor, labels) == pytest.approx(factor, rel=0.08)


def test_calibration_lowers_the_error_and_keeps_the_answers():
    logits, labels = drawn()
    before = apply_temperature(logits * 4, 1.0)
    after = apply_temperature(logits * 4, fit_temperature(logits * 4, labels))
    assert expected_calibration_error(before, labels) > 0.15
    assert expected_calibration_error(after, labels) < 0.03
    assert (before.argmax(axis=1) == after.argmax(axis=1)).all()


@pytest.mark.parametrize(
    ("logits", "labels"),
    [
        (np.zeros((0, 2)), []),
        ([[1.0, 2.0], [3.0, 1.0]], [1, 1]),
        ([[1.0, 2.0], [np.inf, 1.0]], [0, 1]),
        ([[1.0, 1.0], [2.0, 2.0]], [0, 1]),
        ([[2.0, 1.0], [1.0, 2.0]], [0, 1]),
    ],
    ids=["none", "one class", "infinite", "no difference", "no error"],
)
def test_where_nothing_can_be_learnt_the_temperature_is_one(logits, labels):
    assert fit_temperature(logits, labels) == 1.0


def test_apply_temperature_by_hand():
    probabilities = apply_temperature([[0.0, 2 * np.log(3)]], 2.0)
    np.testing.assert_allclose(probabilities, [[0.25, 0.75]])
    assert np.isfinite(apply_temperature([[1e6, -1e6]], 0.1)).all()
    with pytest.raises(ValueError, match="above 0"):
        apply_temperature([[0.0, 1.0]], 0.0)


def test_expected_calibration_error_by_hand():
    # bins (0.6, 0.7]: confidence 0.65, 1 of 2 right; (0.9, 1]: confidence 0.95, 2 of 2 right
    probabilities = [[0.65, 0.35], [0.65, 0.35], [0.95, 0.05], [0.05, 0.95]]
    assert expected_calibration_error(probabilities, [0, 1, 0, 1]) == pytest.approx((0.15 + 0.05) / 2)
    assert expected_calibration_error(np.zeros((0, 2)), []) == 0.0


def test_reliability_by_hand():
    low, high = reliability([0.1, 0.15, 1.0], [False, True, True])
    assert (low.predicted, low.observed, low.count) == (pytest.approx(0.125), 0.5, 2)
    assert (high.predicted, high.observed, high.count) == (1.0, 1.0, 1)


def test_youden_by_hand():
    point = youden([0.1, 0.4, 0.35, 0.8], [0, 0, 1, 1])
    # J is 0.5 at 0.35 and at 0.8: the higher one, which flags fewer
    assert (point.threshold, point.sensitivity, point.specificity) == (0.8, 0.5, 1.0)
    assert youden([0.2, 0.3], [1, 1]).threshold == 0.5
    assert youden([0.2, 0.3], [1, 1]).sensitivity is None


@settings(deadline=None)
@given(st.lists(st.tuples(st.integers(0, 8), st.booleans()), min_size=2, max_size=40))
def test_no_threshold_is_better_than_youdens(rows):
    scores, truth = (np.array(column) for column in zip(*rows, strict=True))
    point = youden(scores, truth)
    if point.sensitivity is None or point.specificity is None:
        assert truth.all() or not truth.any()
        return
    for threshold in scores:
        flagged = scores >= threshold
        gain = flagged[truth].mean() - flagged[~truth].mean()
        assert gain <= point.sensitivity + point.specificity - 1 + 1e-9
    flagged = scores >= point.threshold
    assert flagged[truth].mean() == pytest.approx(point.sensitivity)
    assert (~flagged)[~truth].mean() == pytest.approx(point.specificity)
