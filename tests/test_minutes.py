from itertools import chain, combinations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from active_learning.minutes import BOUNDS, PRIOR_READS, fill, learn, picks_for
from active_learning.strategies.registry import STRATEGIES
from active_learning.strategies.view import View


def reads(n, seed=0, spread=0.3, interruptions=0.0):
    """Cases of 20 s and more: a lesion takes twice as long, the slow reader half as long again."""
    r = np.random.default_rng(seed)
    lesion, slow, noise = r.random(n) < 0.3, r.random(n) < 0.5, r.normal(size=n)
    mean = 20 * np.where(lesion, 2.0, 1.0) * np.where(slow, 1.5, 1.0)
    seconds = mean * np.exp(spread * r.normal(size=n) - spread**2 / 2)
    seconds[r.random(n) < interruptions] *= 40
    return np.column_stack([lesion, slow, noise]).astype(np.float64), seconds, mean


@pytest.mark.parametrize("interruptions", [0.0, 0.05])
def test_the_time_that_was_put_in_is_found_though_readers_were_called_away(interruptions):
    features, seconds, mean = reads(1500, interruptions=interruptions)
    np.testing.assert_allclose(learn(features, seconds, 60.0).seconds(features), mean, rtol=0.15)


def test_sums_of_foretold_times_are_those_that_are_taken():
    features, seconds, _ = reads(600, spread=0.6)
    found = learn(features, seconds, 30.0)
    held, taken, _ = reads(4000, seed=1, spread=0.6)
    assert found.seconds(held).sum() == pytest.approx(taken.sum(), rel=0.08)


def test_before_any_read_a_case_takes_what_the_task_says():
    found = learn(np.zeros((0, 2)), np.zeros(0), 45.0)
    np.testing.assert_allclose(found.seconds(np.array([[1.0, 2.0], [np.nan, 0.0]])), 45)
    assert learn(np.ones((3, 1)), np.array([np.nan, 0.0, -4.0]), 45.0).reads == 0


def test_few_reads_move_the_estimate_a_little_and_many_move_it_far():
    features, seconds, mean = reads(1000, spread=0.05)
    estimates = [learn(features[:n], seconds[:n], 200.0).seconds(features).mean() for n in (0, 2, 12, 1000)]
    assert estimates[0] == pytest.approx(200)
    assert (np.diff(estimates) < 0).all()
    assert estimates[-1] == pytest.approx(mean.mean(), rel=0.05)


def test_a_few_reads_of_one_length_count_against_the_tasks_own_as_so_many_reads():
    found = learn(np.arange(3.0)[:, None], np.full(3, 10.0), 80.0)
    expected = np.exp((3 * np.log(10) + PRIOR_READS * np.log(80)) / (3 + PRIOR_READS))
    np.testing.assert_allclose(found.seconds(np.zeros((1, 1))), expected)


def test_an_unknown_feature_counts_as_usual_and_a_wild_one_stays_within_bounds():
    features, seconds, _ = reads(400)
    features[::7, 2] = np.nan
    found = learn(features, seconds, 30.0)
    usual = found.seconds(np.full((1, 3), np.nan))
    assert usual[0] == pytest.approx(np.exp(found.log_s + found.spread**2 / 2))
    wild = found.seconds(np.array([[1e9, 0, 0], [-1e9, 0, 0]]))
    np.testing.assert_allclose(wild, [30 * BOUNDS[1], 30 * BOUNDS[0]])


def test_a_time_of_none_is_refused():
    with pytest.raises(ValueError, match="above 0"):
        learn(np.zeros((0, 1)), np.zeros(0), 0.0)
    with pytest.raises(ValueError, match="above 0"):
        fill(np.ones(2), np.array([1.0, 0.0]), 5.0)


def test_a_budget_goes_to_the_most_gain_for_its_time():
    places = fill(np.array([3.0, 2.0, 2.0, 1.0]), np.array([60.0, 20.0, 30.0, 10.0]), 65.0)
    np.testing.assert_array_equal(places, [1, 3, 2])


def test_one_dear_case_is_taken_alone_where_it_gains_more_than_all_that_go_first():
    np.testing.assert_array_equal(fill(np.array([1.0, 50.0]), np.array([1.0, 60.0]), 60.0), [1])


def test_where_all_gain_the_same_the_order_stays():
    np.testing.assert_array_equal(fill(np.ones(4), np.array([50.0, 60.0, 30.0, 5.0]), 90.0), [0, 2, 3])


@settings(deadline=None)
@given(
    st.lists(st.tuples(st.floats(0, 9), st.floats(0.5, 9)), max_size=7), st.floats(0, 30)
)  # fmt: skip
def test_what_is_filled_fits_and_reaches_half_of_the_best(cases, budget):
    gains, seconds = np.array([g for g, _ in cases]), np.array([s for _, s in cases])
    places = fill(gains, seconds, budget)
    assert len(set(places.tolist())) == len(places)
    assert seconds[places].sum() <= budget + 1e-9
    sets = chain.from_iterable(combinations(range(len(cases)), k) for k in range(len(cases) + 1))
    best = max((gains[list(s)].sum() for s in sets if seconds[list(s)].sum() <= budget), default=0.0)
    if len(cases) and np.ptp(gains) > 0:
        assert gains[places].sum() >= best / 2 - 1e-9


@pytest.mark.parametrize("name", ["entropy", "k_centre", "badge", "typiclust", "random"])
def test_every_way_to_choose_fills_a_budget_of_time(name):
    r = np.random.default_rng(0)
    view = View((r.dirichlet(np.ones(3), 300),), r.normal(size=(300, 4)).astype(np.float32),
                np.zeros((1, 4), np.float32))  # fmt: skip
    seconds = r.uniform(10, 100, 300)
    picks = picks_for(STRATEGIES[name], view, seconds, 600.0, np.random.default_rng(1))
    spent = seconds[picks.places].sum()
    assert 600 - 100 < spent <= 600
    assert len(picks.why) == len(picks.gains) == len(picks.places)
    if name == "entropy":
        by_cases = STRATEGIES[name](view, len(picks.places), np.random.default_rng(1))
        assert (picks.gains / seconds[picks.places]).mean() > (by_cases.gains / seconds[by_cases.places]).mean()


def test_a_budget_below_the_shortest_case_fills_nothing():
    view = View((), np.zeros((3, 2), np.float32), np.zeros((0, 2), np.float32))
    assert not len(picks_for(STRATEGIES["random"], view, np.full(3, 20.0), 19.0, np.random.default_rng()).places)
