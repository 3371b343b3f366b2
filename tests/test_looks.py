"""How the probability of a false promotion is shared out over successive looks."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.special import zeta

from active_learning.looks import Look, look_after, looks_before, share
from data.records import Round, RoundState


def turn(number: int, **outcome: object) -> Round:
    return Round(f"t-r{number}", "t", number, RoundState.KEPT, outcome=outcome)


def test_the_shares_sum_to_one_and_fall() -> None:
    shares = [share(number) for number in range(1, 20_001)]
    rest = zeta(1.6, 20_001) / zeta(1.6)
    assert sum(shares) + rest == pytest.approx(1, abs=1e-9)
    assert all(later < earlier for earlier, later in itertools.pairwise(shares))


def test_the_levels_of_looks_that_nothing_passed() -> None:
    looks = [look_after((False,) * k, 0.05) for k in range(10)]
    assert [look.number for look in looks] == list(range(1, 11))
    assert looks[0].alpha == pytest.approx(0.05 / 2.285766, rel=1e-6)  # zeta(1.6)
    assert looks[0].level == pytest.approx(0.956251, abs=1e-6)
    assert looks[9].alpha == pytest.approx(looks[0].alpha / 10**1.6)
    assert sum(look.alpha for look in looks) < 0.05


def test_a_passed_look_hands_its_share_on_and_a_failed_one_does_not() -> None:
    first, second, third = (0.05 * share(k) for k in (1, 2, 3))
    assert look_after((True,), 0.05).alpha == pytest.approx(first + second)
    assert look_after((True, True), 0.05).alpha == pytest.approx(first + second + third)
    assert look_after((True, False), 0.05).alpha == pytest.approx(third)
    assert look_after((False, True), 0.05).alpha == pytest.approx(second + third)


@given(st.lists(st.booleans(), max_size=30))
def test_what_failed_looks_spent_and_the_next_one_has_is_never_more_than_all(passed: list[bool]) -> None:
    spent = sum(look_after(passed[:k], 0.05).alpha for k, better in enumerate(passed) if not better)
    assert spent + look_after(passed, 0.05).alpha <= 0.05


@pytest.mark.parametrize("common", [0.0, 0.5, 0.95])
def test_the_whole_stays_below_alpha_however_the_looks_depend_on_one_another(common: float) -> None:
    """Some of ten hypotheses are true improvements, found or not; no other is passed in more than 5% of tasks."""
    rng, tasks = np.random.default_rng(3), 4000
    better = np.arange(10) % 3 == 1
    from scipy.stats import norm

    z = np.sqrt(common) * rng.normal(size=(tasks, 1)) + np.sqrt(1 - common) * rng.normal(size=(tasks, 10))
    p = norm.sf(z + 3.0 * better)
    false = 0
    for row in p:
        passed: list[bool] = []
        for value in row:
            passed.append(bool(value <= look_after(passed, 0.05).alpha))
        false += any(passed_ and not is_better for passed_, is_better in zip(passed, better, strict=True))
    assert false / tasks <= 0.05 + 3 * (0.05 * 0.95 / tasks) ** 0.5


def test_looks_are_counted_from_the_rounds_before() -> None:
    look = {"number": 1, "alpha": 0.02}
    rounds = [
        turn(1, verdict="first", better=True),  # no champion yet
        turn(2, verdict="better", better=True, look=look),
        turn(3, verdict="not enough evidence", better=False, look=None),  # too few patients: nobody looked
        turn(4, verdict="not enough evidence", better=False, look=look),
        turn(5),  # cancelled, or not compared
        turn(6, verdict="better", better=True, look=look),
        turn(7, verdict="held back", better=False, look=look),
    ]
    assert looks_before(reversed(rounds), 7) == (True, False, True)
    assert looks_before(rounds, 8) == (True, False, True, False)
    assert looks_before(rounds, 2) == ()
    assert look_after(looks_before(rounds, 7), 0.05).number == 4


def test_comparing_a_round_again_is_the_same_look() -> None:
    rounds = [turn(1, verdict="not better", better=False, look={"number": 1, "alpha": 0.02}), turn(2)]
    before = looks_before(rounds, 2)
    rounds[1] = turn(2, verdict="better", better=True, look=look_after(before, 0.05).as_dict())
    assert looks_before(rounds, 2) == before


def test_comparisons_of_before_looks_were_counted_are_looks_that_hand_nothing_on() -> None:
    rounds = [turn(1, verdict="better", better=True), turn(2, verdict="not enough evidence", better=False)]
    assert looks_before(rounds, 3) == (False,)


def test_a_look_survives_json() -> None:
    assert Look.from_dict(look_after((True,), 0.05).as_dict()) == look_after((True,), 0.05)
