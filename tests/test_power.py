"""How many patients a comparison needs."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import norm
from statsmodels.stats.power import NormalIndPower

from active_learning.power import MOST, about, detectable, patients_needed, power_of


def test_the_number_is_the_textbooks() -> None:
    """A mean of differences with standard deviation 1: n = ((1.96 + 0.84) / 0.2) ^ 2."""
    assert patients_needed(100, 0.1, 0.2, alpha=0.025) == 197
    theirs = NormalIndPower(ddof=0).solve_power(0.2, alpha=0.025, power=0.8, ratio=0, alternative="larger")
    assert patients_needed(100, 0.1, 0.2, alpha=0.025) == int(np.ceil(theirs))


def test_with_so_many_patients_the_effect_is_found_so_often() -> None:
    rng, alpha, effect = np.random.default_rng(0), 0.02, 0.3
    n = patients_needed(50, 1 / 50**0.5, effect, alpha=alpha)
    assert n is not None
    means = rng.normal(effect, 1, (4000, n)).mean(axis=1)
    assert np.mean(means > norm.isf(alpha) / n**0.5) == pytest.approx(0.8, abs=0.02)


@given(
    st.floats(0.001, 0.2), st.floats(0.001, 0.5), st.floats(0.0005, 0.05), st.sampled_from([0.5, 0.8, 0.9]),
)  # fmt: skip
def test_more_effect_fewer_patients_and_more_certainty_more(
    error: float, effect: float, alpha: float, power: float
) -> None:
    def needed(**changed: float) -> float:
        arguments = {"error": error, "effect": effect, "alpha": alpha, "power": power, **changed}
        found = patients_needed(200, arguments["error"], arguments["effect"], alpha=arguments["alpha"],
                                power=arguments["power"])  # fmt: skip
        return found if found is not None else MOST + 1

    assert needed(effect=1.5 * effect) <= needed()
    assert needed(error=1.5 * error) >= needed()
    assert needed(alpha=alpha / 3) >= needed()
    assert needed(power=0.95) >= needed()


def test_no_number_for_no_effect_or_beyond_all_patients() -> None:
    assert patients_needed(100, 0.1, 0.0, alpha=0.025) is None
    assert patients_needed(100, 0.1, -0.1, alpha=0.025) is None
    assert patients_needed(100, 0.1, 1e-4, alpha=0.025) is None


def test_the_detectable_effect_is_found_in_four_of_five() -> None:
    effect = detectable(0.02, alpha=0.01)
    assert power_of(effect, 0.02, alpha=0.01) == pytest.approx(0.8)
    assert power_of(0.0, 0.02, alpha=0.01) == pytest.approx(0.01)
    assert power_of(0.1, 0.0, alpha=0.01) == 1
    assert power_of(0.0, 0.0, alpha=0.01) == 0


@pytest.mark.parametrize(
    ("patients", "said"), [(7, "about 7"), (64, "about 64"), (411, "about 420"), (98_321, "about 99,000")]
)
def test_a_forecast_is_rounded_up(patients: int, said: str) -> None:
    assert about(patients) == said
