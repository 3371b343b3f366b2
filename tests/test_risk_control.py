"""Operating points with a guarantee: counts, exact bounds, ties, patients, and what is promised, by simulation."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from mapie.risk_control.fwer_control import control_fwer
from scipy.stats import binom, norm
from statsmodels.stats.proportion import proportion_confint

from active_learning import risk_control as rc
from data.errors import TriageError


@pytest.mark.parametrize(
    ("miss", "confidence", "patients"), [(0.02, 0.95, 149), (0.05, 0.95, 59), (0.10, 0.95, 29), (0.01, 0.99, 459)]
)
def test_patients_that_a_promise_needs(miss: float, confidence: float, patients: int) -> None:
    assert rc.needed(miss, confidence) == patients
    assert (1 - miss) ** patients <= 1 - confidence < (1 - miss) ** (patients - 1)


@pytest.mark.parametrize(("patients", "most"), [(148, -1), (149, 0), (235, 0), (236, 1), (600, 6), (1000, 12)])
def test_misses_that_a_promise_of_two_percent_allows(patients: int, most: int) -> None:
    assert rc.allowed(patients, 0.02, 0.95) == most
    if most >= 0:
        assert rc.upper_bound(most, patients, 0.95) <= 0.02 < rc.upper_bound(most + 1, patients, 0.95)


@given(st.integers(1, 400), st.floats(0.005, 0.5), st.sampled_from([0.8, 0.9, 0.95, 0.99]))
def test_the_test_and_the_exact_bound_say_the_same(patients: int, miss: float, confidence: float) -> None:
    most = rc.allowed(patients, miss, confidence)
    for missed in {max(most, 0), most + 1}:
        passes = rc.p_values(missed, patients, miss) <= 1 - confidence
        assert passes == (missed <= most)
        assert abs(rc.upper_bound(missed, patients, confidence) - miss) < 1e-9 or passes == (
            rc.upper_bound(missed, patients, confidence) < miss
        )


def test_intervals_are_those_of_statsmodels() -> None:
    for hits, of in ((0, 20), (3, 20), (20, 20)):
        assert rc.two_sided(hits, of) == pytest.approx(proportion_confint(hits, of, method="beta"))
        assert rc.upper_bound(hits, of, 0.975) == pytest.approx(rc.two_sided(hits, of)[1])


def test_the_sequence_ends_where_mapies_does() -> None:
    for values in ([0.001, 0.01, 0.04, 0.06, 0.02], [0.2, 0.01], [0.01, 0.05, 0.02]):
        theirs = control_fwer(np.array(values), 0.05, "fixed_sequence")
        assert rc.fixed_sequence(values, 0.05) == len(theirs)
    assert rc.fixed_sequence([0.001, 0.01, 0.04, 0.06, 0.02], 0.05) == 3
    assert rc.fixed_sequence([], 0.05) == 0


def test_a_set_that_is_too_small_is_refused_with_how_many_more() -> None:
    with pytest.raises(TriageError, match="29 more") as refused:
        rc.safe_point(np.linspace(0.1, 0.9, 120))
    assert refused.value.given == "120 patients with pathology in the calibration set"
    assert "149" in refused.value.expected


def test_the_operating_point_lies_at_the_first_score_too_many() -> None:
    scores = np.linspace(0.2, 0.998, 149)
    assert rc.safe_point(scores).threshold == pytest.approx(0.2)
    more = rc.safe_point(np.linspace(0.0, 0.999, 600))
    assert (more.missed, more.threshold) == (6, pytest.approx(6 * 0.999 / 599))
    assert more.bound == pytest.approx(rc.upper_bound(6, 600, 0.95))
    assert more.bound <= 0.02


def test_ties_at_the_operating_point_are_not_cleared() -> None:
    scores = np.concatenate([np.full(40, 0.3), np.full(560, 0.8)])
    point = rc.safe_point(scores)
    assert (point.threshold, point.missed) == (0.3, 0)


@given(st.lists(st.integers(0, 12), min_size=29, max_size=80), st.lists(st.integers(0, 12), max_size=6))
def test_no_larger_threshold_would_keep_the_promise(own: list[int], doubtful: list[int]) -> None:
    """Brute force: the worst over every way in which the unsettled patients may be."""
    found = rc.safe_point(own, doubtful, miss=0.1, confidence=0.95)

    def worst(threshold: float) -> float:
        missed = sum(score < threshold for score in own)
        below = sum(score < threshold for score in doubtful)
        ways = [(missed + a, len(own) + a + b) for a in range(below + 1) for b in range(len(doubtful) - below + 1)]
        return max(float(binom.cdf(k, n, 0.1)) for k, n in ways)

    assert worst(found.threshold) <= 0.05
    larger = [value for value in {*own, *doubtful} if value > found.threshold]
    assert not larger or worst(min(larger)) > 0.05


def test_the_lowest_score_stands_for_a_patient() -> None:
    assert rc.lowest([0.5, 0.1, 0.9], ["b", "a", "a"]).tolist() == [0.1, 0.5]


def test_an_expectation_alone_takes_fewer_patients_and_promises_less() -> None:
    scores = np.arange(49) / 49
    assert rc.expected_point(scores, miss=0.02) == 0.0
    assert rc.expected_point(scores[:48], miss=0.02) is None
    assert rc.expected_point(np.arange(149), miss=0.02) == 2


def test_the_promise_is_kept_in_the_share_of_draws_that_was_stated() -> None:
    """Binormal scores, so that the true miss rate at a threshold is known exactly."""
    rng = np.random.default_rng(5)
    exceeded = expected = 0
    for _ in range(1000):
        scores = rng.normal(2.0, 1.0, 200)
        exceeded += norm.cdf(rc.safe_point(scores, miss=0.05).threshold - 2.0) > 0.05
        point = rc.expected_point(scores, miss=0.05)
        expected += point is not None and norm.cdf(point - 2.0) > 0.05
    exact = float(binom.cdf(rc.allowed(200, 0.05, 0.95), 200, 0.05))
    assert exact <= 0.05
    assert abs(exceeded / 1000 - exact) < 4 * math.sqrt(exact * (1 - exact) / 1000)
    assert expected > 300


def test_a_share_with_one_study_a_patient_has_the_exact_interval() -> None:
    found = rc.share([True] * 7 + [False] * 13, [str(n) for n in range(20)])
    low, high = proportion_confint(7, 20, method="beta")
    assert (found.value, found.n) == (0.35, 20)
    assert (found.low, found.high) == (pytest.approx(low), pytest.approx(high))


def test_studies_of_one_patient_say_no_more_than_one() -> None:
    """Copies of every study change nothing; independent studies would have halved the interval."""
    once = rc.share([True] * 7 + [False] * 13, [str(n) for n in range(20)])
    hit = np.repeat([True] * 7 + [False] * 13, 4)
    names = np.repeat([str(n) for n in range(20)], 4).tolist()
    same = rc.share(hit, names)
    assert (same.low, same.high) == (pytest.approx(once.low), pytest.approx(once.high))
    assert same.n == 20
    apart = rc.share(hit, [str(n) for n in range(80)])
    assert apart.high is not None
    assert same.high is not None
    assert apart.high < same.high
    assert rc.share([True] * 8, ["a", "a", "b", "b"] * 2) == rc.share([True] * 2, ["a", "b"])
    assert rc.share([], []).low is None


def test_pathology_among_the_cleared_follows_bayes() -> None:
    found = rc.pathology_if_cleared((2, 200), (300, 600), 0.1)
    assert found is not None
    assert found.value == pytest.approx(0.1 * 0.01 / (0.1 * 0.01 + 0.9 * 0.5))
    low, high = (proportion_confint(k, n, alpha=0.025, method="beta") for k, n in ((2, 200), (300, 600)))
    assert found.high == pytest.approx(0.1 * low[1] / (0.1 * low[1] + 0.9 * high[0]))
    assert found.low == pytest.approx(0.1 * low[0] / (0.1 * low[0] + 0.9 * high[1]))
    drawn = rc.pathology_if_cleared((2, 200), (300, 600), (200, 800))
    assert drawn is not None
    assert drawn.value == pytest.approx(2 / 302)
    assert drawn.low is not None
    assert drawn.high is not None
    assert drawn.low < found.value < drawn.value < drawn.high
    assert rc.pathology_if_cleared((0, 200), (0, 600), 0.1) is None


@pytest.mark.parametrize(("miss", "confidence"), [(0.0, 0.95), (1.0, 0.95), (0.02, 1.0), (0.02, 0.0)])
def test_what_cannot_be_promised_is_refused(miss: float, confidence: float) -> None:
    with pytest.raises(TriageError, match="cannot be promised"):
        rc.safe_point([0.5], miss=miss, confidence=confidence)
