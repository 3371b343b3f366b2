"""Evidence that gathers: e-values by hand, no more false alarms however often one looks, drift by hand."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import integrate
from scipy.special import beta as beta_function

from active_learning.triage_evidence import (
    always_valid,
    e_value,
    more_often,
    same_distribution,
    spent,
    stability_index,
)


@pytest.mark.parametrize(("hits", "of", "most"), [(0, 10, 0.1), (1, 1, 0.1), (3, 20, 0.05), (7, 40, 0.1)])
def test_the_e_value_is_the_likelihood_ratio_mixed_over_larger_rates(hits: int, of: int, most: float) -> None:
    def weight(rate: float) -> float:
        return float(rate**-0.5 * (1 - rate) ** (1 / (6 * most) - 1))

    def ratio(rate: float) -> float:
        return (rate / most) ** hits * ((1 - rate) / (1 - most)) ** (of - hits)

    above, _ = integrate.quad(lambda r: weight(r) * ratio(r), most, 1, limit=200)
    mass, _ = integrate.quad(weight, most, 1, limit=200)
    assert e_value(hits, of, most) == pytest.approx(above / mass, rel=1e-5)


def test_without_cases_there_is_no_evidence() -> None:
    assert e_value(0, 0, 0.02) == pytest.approx(1.0)
    assert always_valid(0, 0) == (0.0, 1.0)


@given(st.integers(0, 30), st.integers(0, 60), st.floats(0.01, 0.5))
def test_it_is_expected_not_to_grow(hits: int, misses: int, most: float) -> None:
    """At the largest rate that is tolerated the next case's expected e-value is the one before, or less."""
    of = hits + misses
    after = most * e_value(hits + 1, of + 1, most) + (1 - most) * e_value(hits, of + 1, most)
    assert after <= e_value(hits, of, most) * (1 + 1e-9)


def test_looking_after_every_case_lifts_no_more_false_alarms() -> None:
    rng = np.random.default_rng(2)
    alarms = 0
    for _ in range(300):
        counts = np.cumsum(rng.random(300) < 0.05)
        alarms += any(e_value(int(hits), n + 1, 0.05) >= 20 for n, hits in enumerate(counts))
    assert alarms / 300 <= 0.05


def test_a_rate_that_is_too_large_is_found() -> None:
    assert e_value(12, 100, 0.03) > 100
    assert e_value(3, 100, 0.03) < 2
    assert math.isinf(e_value(900, 1000, 0.001))


def test_the_interval_is_where_the_mixture_has_less_evidence_than_the_level() -> None:
    low, high = always_valid(5, 50)
    for rate in (low, high):
        mixed = beta_function(5.5, 45.5) / beta_function(0.5, 0.5)
        assert mixed / (rate**5 * (1 - rate) ** 45) == pytest.approx(20, rel=1e-6)
    assert low < 0.1 < high
    assert always_valid(0, 50)[0] == 0.0
    assert always_valid(50, 50)[1] == 1.0


def test_the_looks_together_spend_the_level() -> None:
    assert sum(spent(look, 0.01) for look in range(1, 20000)) == pytest.approx(0.01, rel=1e-3)
    assert spent(2, 0.01) == pytest.approx(spent(1, 0.01) / 4)


def test_the_stability_index_by_hand() -> None:
    before = np.repeat([0.25, 0.75], 50)
    now = np.repeat([0.25, 0.75], [20, 80])
    expected = (0.2 - 0.5) * math.log(0.2 / 0.5) + (0.8 - 0.5) * math.log(0.8 / 0.5)
    assert stability_index(before, now, bins=2) == pytest.approx(expected)
    assert stability_index(before, before) == pytest.approx(0.0)
    assert stability_index([], [1.0]) == 0.0
    assert stability_index(np.arange(100), np.full(40, 1e3)) > 1


def test_two_samples_of_one_distribution_and_of_two() -> None:
    rng = np.random.default_rng(1)
    assert same_distribution(rng.normal(size=200), rng.normal(size=200))[1] > 0.05
    assert same_distribution(rng.normal(size=200), rng.normal(1, 1, size=200))[1] < 1e-6
    assert same_distribution([], [1.0]) == (0.0, 1.0)


def test_a_share_that_grew_by_fishers_exact_test() -> None:
    expected = sum(math.comb(3, k) * math.comb(7, 5 - k) for k in (3,)) / math.comb(10, 5)
    assert more_often((3, 5), (0, 5)) == pytest.approx(expected)
    assert more_often((0, 50), (10, 100)) == pytest.approx(1.0)
