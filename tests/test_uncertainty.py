import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from active_learning.uncertainty import entropy, least_confidence, margin

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
