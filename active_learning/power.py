"""How many test patients a comparison needs, by the normal approximation.

The standard error of a difference shrinks with the square root of the number of patients, so that what one
comparison has shown tells how many patients another one of the same kind would need. It is a forecast: said with
'about', and only as good as the standard error that it starts from.

References
----------
Obuchowski, McClish: Sample size determination for diagnostic accuracy studies involving binormal ROC curve
indices, Statistics in Medicine 16 (1997), 1529 - 1542.
"""

from __future__ import annotations

import math

POWER = 0.80
"""Probability with which an effect that is there is to be found."""
MOST = 1_000_000
"""Patients beyond which no number is given."""


def patients_needed(
    patients: int, error: float, effect: float, *, alpha: float, power: float = POWER
) -> int | None:
    """Patients with which a difference is found with a given probability.

    Parameters
    ----------
    patients, error:
        How many patients there were, and the standard error of the difference over them.
    effect:
        By how much the true difference lies above the bound that the interval must pass.
    alpha:
        One-sided probability of error of the comparison.

    Returns
    -------
    int or None
        None where the effect is not above 0, or more than :data:`MOST` patients were needed.
    """
    if effect <= 0:
        return None
    wanted = patients * (_sum_of_quantiles(alpha, power) * error / effect) ** 2
    return math.ceil(wanted) if wanted <= MOST else None


def detectable(error: float, *, alpha: float, power: float = POWER) -> float:
    """The effect that is found with a given probability, given the standard error of the difference."""
    return _sum_of_quantiles(alpha, power) * error


def power_of(effect: float, error: float, *, alpha: float) -> float:
    """The probability with which an effect is found, given the standard error of the difference."""
    from scipy.stats import norm  # noqa: PLC0415 - slow to load

    if error <= 0:
        return 1.0 if effect > 0 else 0.0
    return float(norm.sf(norm.isf(alpha) - effect / error))


def about(patients: int) -> str:
    """A forecast number of patients as it is said: rounded up to two digits that count."""
    step = 10 ** max(0, len(str(patients)) - 2)
    return f"about {math.ceil(patients / step) * step:,}"


def _sum_of_quantiles(alpha: float, power: float) -> float:
    from scipy.stats import norm  # noqa: PLC0415 - slow to load

    return float(norm.isf(alpha) + norm.ppf(power))
