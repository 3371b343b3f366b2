"""The benchmark's known distributions: what it calls exact is what many draws give."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy.stats import binom

from benchmarks import triage


@pytest.mark.parametrize(
    "scores", [triage.Scores(2.3), triage.Scores(2.3, subtle=0.1), triage.Scores(2.3, step=0.25)]
)
def test_the_exact_miss_rate_is_that_of_many_draws(scores: triage.Scores) -> None:
    drawn = scores.pathological(np.random.default_rng(0), 400_000)
    for threshold in (-1.0, 0.5, 2.0):
        assert scores.missed(threshold) == pytest.approx(np.mean(drawn < threshold), abs=0.003)


@pytest.mark.parametrize("step", [0.0, 0.25])
def test_no_larger_threshold_than_the_oracles_keeps_the_miss_rate(step: float) -> None:
    scores = triage.Scores(2.3, step=step)
    found = scores.oracle(0.02)
    assert scores.missed(found) <= 0.02 + 1e-9
    assert scores.missed(found + (step or 1e-6)) > 0.02


def test_a_small_benchmark_keeps_its_promise_where_a_plain_threshold_does_not() -> None:
    known = triage.Scores(triage.distance_of(0.95))
    ours, theirs = (triage.simulated(known, rule, patients=1200, draws=300, seed=1)
                    for rule in (triage.guaranteed, triage.plain))  # fmt: skip
    assert ours["exceeded"] <= binom.ppf(0.999, 300, 0.05) / 300
    assert theirs["exceeded"] > 0.4
    assert 0.6 < ours["cleared_of_oracle"] < theirs["cleared_of_oracle"]
    assert triage.simulated(known, triage.guaranteed, patients=200, draws=20, seed=1)["refused"] == 1.0


def test_the_share_that_is_exceeded_exactly() -> None:
    """By hand for few patients: nobody may be missed, so that it is the chance that none was."""
    by_hand = sum(math.comb(300, n) * 0.3**n * 0.7 ** (300 - n) * 0.98**n for n in range(149, 236))
    assert triage.exactly(300) == pytest.approx(by_hand, abs=1e-4)
    assert triage.most_by_chance(1000) == 0.064
