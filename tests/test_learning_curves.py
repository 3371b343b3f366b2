import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from sklearn.isotonic import IsotonicRegression

from active_learning.learning_curves import NEVER, Bounded, Curves, area, compared, labels_to, resampled, rising
from models.metrics import auc, mean

LABELS = np.array([20.0, 40.0, 80.0])


def test_area_is_the_mean_quality_over_the_labels():
    # trapezia: 20 labels at 0.6 on average, 40 at 0.8
    assert area(LABELS, [0.5, 0.7, 0.9]) == pytest.approx((20 * 0.6 + 40 * 0.8) / 60)
    assert area(LABELS, np.full((3, 2, 3), 0.8)) == pytest.approx(np.full((3, 2), 0.8))


@settings(deadline=None, max_examples=60)
@given(arrays(np.float64, st.tuples(st.integers(1, 4), st.integers(1, 9)), elements=st.floats(-1, 1, width=32)))
def test_the_closest_rising_curve_is_that_of_sklearn(values):
    places = np.arange(values.shape[1])
    expected = [IsotonicRegression().fit_transform(places, row) for row in values]
    assert rising(values) == pytest.approx(np.array(expected), abs=1e-9)


def test_labels_are_interpolated_and_never_is_infinite():
    curve = [0.5, 0.7, 0.9]
    assert labels_to(LABELS, curve, 0.5) == 20
    assert labels_to(LABELS, curve, 0.2) == 20
    assert labels_to(LABELS, curve, 0.6) == pytest.approx(30)
    assert labels_to(LABELS, curve, 0.85) == pytest.approx(70)
    assert labels_to(LABELS, curve, 0.9) == pytest.approx(80)
    assert labels_to(LABELS, curve, 0.91) == NEVER
    assert np.isnan(labels_to(LABELS, curve, np.nan))


def test_one_lucky_step_reaches_nothing():
    # 0.9 and 0.5 are pooled to 0.7; 0.85 lies half way from there to 1.0
    assert rising([0.4, 0.9, 0.5, 1.0]) == pytest.approx([0.4, 0.7, 0.7, 1.0])
    assert labels_to([10, 20, 30, 40], [0.4, 0.9, 0.5, 1.0], 0.85) == pytest.approx(35)


def test_many_curves_at_once():
    found = labels_to(LABELS, [[0.5, 0.7, 0.9], [0.8, 0.85, 0.9]], [0.7, 0.7])
    assert found == pytest.approx([40, 20])


def test_a_curve_against_another_by_hand():
    other = Curves(LABELS, np.array([[0.5, 0.6, 0.8], [0.5, 0.7, 0.8]]))
    own = Curves(LABELS, np.array([[0.5, 0.8, 0.9], [0.5, 0.8, 0.9]]))
    found = compared(own, other)
    assert found.aulc.value == pytest.approx(area(LABELS, [0.5, 0.8, 0.9]))
    assert found.aulc_gain.value == pytest.approx(area(LABELS, [0, 0.15, 0.1]))
    assert found.labels == Bounded(pytest.approx(40), pytest.approx(40), pytest.approx(40))
    assert found.labels_other.value == pytest.approx(80)
    assert found.saved.value == found.saved_of_all.value == pytest.approx(0.5)
    # the seeds differ: a draw is twice the one, twice the other, or both
    assert found.aulc_gain.low == pytest.approx(area(LABELS, [0, 0.1, 0.1]))
    assert found.aulc_gain.high == pytest.approx(area(LABELS, [0, 0.2, 0.1]))


def test_a_share_of_the_rise_may_be_the_goal():
    other = Curves(LABELS, np.array([[0.5, 0.7, 0.9]]))
    own = Curves(LABELS, np.array([[0.5, 0.9, 0.9]]))
    found = compared(own, other, share=0.5)
    assert (found.labels.value, found.labels_other.value) == (pytest.approx(30), pytest.approx(40))
    assert found.saved.value == pytest.approx(0.25)


def test_a_curve_against_itself_saves_nothing():
    curves = Curves(LABELS, np.random.default_rng(0).random((4, 3)))
    found = compared(curves, curves)
    assert found.aulc_gain == Bounded(0, 0, 0)
    assert found.saved == Bounded(0, 0, 0)


def test_what_is_never_reached_has_no_number():
    other, own = Curves(LABELS, np.array([[0.5, 0.7, 0.9]])), Curves(LABELS, np.array([[0.5, 0.6, 0.7]]))
    found = compared(own, other)
    assert found.labels == Bounded(None, None, None)
    assert found.saved == Bounded(None, None, None)


def test_patients_are_drawn_together_for_both():
    rng = np.random.default_rng(1)
    patients = [f"p{i}" for i in range(30)]
    base = rng.random((3, 30))
    measures = [[mean(row + 0.1 * step, patients) for step in range(3)] for row in base]
    better = [[mean(row + 0.1 * step + 0.05, patients) for step in range(3)] for row in base]
    found = compared(resampled(LABELS, better), resampled(LABELS, measures))
    # the patients' own differences leave: only the gain is left
    for bound in (found.aulc_gain.value, found.aulc_gain.low, found.aulc_gain.high):
        assert bound == pytest.approx(0.05)
    assert found.aulc.high - found.aulc.low > 0.05


def test_resampled_figures_move_with_the_patients_of_each_seed():
    truth = np.array([1, 1, 0, 0, 1, 0], dtype=bool)
    scores = np.array([0.9, 0.4, 0.5, 0.1, 0.8, 0.2])
    one, other = auc(scores, truth, list("abcdef")), auc(scores, truth, list("cdefgh"))
    curves = resampled([1, 2], [[one, one], [other, other]], draws=500)
    assert curves.values == pytest.approx(8 / 9)
    assert curves.drawn.shape == (500, 2, 2)
    defined = ~np.isnan(curves.drawn).any(axis=(1, 2))
    assert 0.8 < defined.mean() < 1  # a draw of one class alone has no area
    assert np.nanstd(curves.drawn[:, 0, 0]) > 0.05
    assert np.array_equal(curves.drawn[..., 0], curves.drawn[..., 1], equal_nan=True)


@pytest.mark.parametrize(
    ("labels", "values", "drawn"),
    [
        ([20.0], np.zeros((2, 1)), None),
        ([20.0, 20.0], np.zeros((2, 2)), None),
        ([20.0, 40.0], np.zeros((2, 3)), None),
        ([20.0, 40.0], np.zeros((2, 2)), np.zeros((5, 3, 2))),
    ],
)
def test_what_fits_not_together_is_refused(labels, values, drawn):
    with pytest.raises(ValueError, match="expected"):
        Curves(np.array(labels), values, drawn)


def test_other_seeds_are_refused():
    with pytest.raises(ValueError, match="expected as many"):
        compared(Curves(LABELS, np.zeros((2, 3))), Curves(LABELS, np.zeros((3, 3))))
