"""The areas under ROC curves in closed form, against the definition and the bootstrap."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import roc_auc_score

from models.bootstrap import BoolArray, FloatArray, replicates, subtracted
from models.delong import areas
from models.metrics import weighted_auc


def by_definition(scores: FloatArray, positive: BoolArray) -> tuple[FloatArray, FloatArray]:
    """DeLong, DeLong, Clarke-Pearson (1988), equations 3 to 6: every pair of a positive and a negative."""
    x, y = scores[:, positive], scores[:, ~positive]
    psi = (x[:, :, None] > y[:, None, :]) + 0.5 * (x[:, :, None] == y[:, None, :])  # (models, m, n)
    theta, m, n = psi.mean(axis=(1, 2)), x.shape[1], y.shape[1]
    v10, v01 = psi.mean(axis=2) - theta[:, None], psi.mean(axis=1) - theta[:, None]
    s10, s01 = v10 @ v10.T / (m - 1), v01 @ v01.T / (n - 1)
    return theta, s10 / m + s01 / n


@given(st.integers(2, 12), st.integers(2, 12), st.integers(1, 6), st.integers(0, 1000))
@settings(deadline=None)
def test_it_is_the_definition_with_ties(m: int, n: int, levels: int, seed: int) -> None:
    scores = np.random.default_rng(seed).integers(0, levels + 1, (3, m + n)).astype(np.float64)
    positive = np.random.default_rng(seed + 1).permutation(np.arange(m + n) < m)
    found = areas(scores, positive)
    theta, covariance = by_definition(scores, positive)
    assert found is not None
    np.testing.assert_allclose(found.values, theta)
    np.testing.assert_allclose(found.covariance, covariance, atol=1e-12)
    assert found.values[0] == pytest.approx(roc_auc_score(positive, scores[0]))


def test_three_cases_by_hand() -> None:
    """Positives 3 and 1, negatives 2 and 0: V10 = (1, 1/2), V01 = (1/2, 1); area 3/4, variance 1/16 + 1/16."""
    found = areas(np.array([[3.0, 1.0, 2.0, 0.0]]), np.array([True, True, False, False]))
    assert found is not None
    assert found.values[0] == 0.75
    assert found.covariance[0, 0] == pytest.approx(1 / 8)


def test_the_paired_bootstrap_comes_to_the_same() -> None:
    rng, n = np.random.default_rng(5), 400
    positive, common = np.arange(n) < 160, rng.normal(size=n)
    scores = 1.2 * positive + common + rng.normal(0, 0.6, (2, n))
    found = areas(scores, positive)
    assert found is not None
    value, error = found.difference(0, 1)
    both = subtracted(weighted_auc(scores[0], positive), weighted_auc(scores[1], positive), n)
    drawn = replicates(both, [str(i % n) for i in range(2 * n)], 4000, 1)
    assert drawn.mean() == pytest.approx(value, abs=0.002)
    assert drawn.std(ddof=1) == pytest.approx(error, rel=0.05)


def test_a_version_does_not_differ_from_itself_and_one_case_of_a_class_has_no_variance() -> None:
    scores = np.array([[0.1, 0.4, 0.6, 0.8]] * 2)
    found = areas(scores, np.array([False, True, False, True]))
    assert found is not None
    assert found.difference(0, 1) == (0, pytest.approx(0, abs=1e-9))
    assert areas(scores, np.array([False, True, False, False])) is None
