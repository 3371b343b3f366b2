"""How sure a comparison must be, given how often the same locked test patients have been looked at before.

Each round puts its candidate beside the champion on the same test patients. Were each look held to its own 95%
interval, one task in eight would have crowned a version that is no better by its tenth round
(``benchmarks/promotion.py``). So one probability of error is shared out over all looks that will ever come: look i
gets ``alpha * gamma_i``, where ``gamma_i`` is proportional to ``i ** -1.6`` and they sum to 1. A look that was
passed hands its own share on to the next one (the online fallback procedure), so that a task that really improves
round by round keeps nearly all of it::

    alpha_i = alpha * gamma_i + passed_(i-1) * alpha_(i-1)

The probability of promoting any version that is no better is at most alpha, however the versions depend on one
another: the procedure is a sequential form of the fallback procedure, which needs no independence. Candidates are
trained on training patients; what they know of the test patients is which version was champion. As long as nothing
was promoted that tells them nothing, so that a candidate cannot be made to fit these patients through the looks.

The exponent is a choice: the first look is a little stricter than the usual 2.5%, and the tenth in a row without a
better version needs an effect 1.4 times as large to find it as often.

References
----------
Tian, Ramdas: Online control of the familywise error rate, Statistical Methods in Medical Research 30 (2021),
976 - 993 (online fallback).
Wiens, Dmitrienko: The fallback procedure for evaluating a single family of hypotheses, Journal of
Biopharmaceutical Statistics 15 (2005), 929 - 942.
Blum, Hardt: The Ladder: a reliable leaderboard for machine learning competitions, ICML (2015), 1006 - 1014.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import cache
from typing import Any

from data.records import Round

EXPONENT = 1.6
"""How fast the shares fall with the number of the look."""
TESTED_BEFORE_LOOKS = frozenset({"better", "not better"})
"""Verdicts of comparisons that were tested, in outcomes that name no look."""


@dataclass(frozen=True, slots=True)
class Look:
    """One look at the test patients.

    Parameters
    ----------
    number:
        From 1.
    alpha:
        Probability with which a candidate that is no better passes this look at the most (one-sided).
    """

    number: int
    alpha: float

    @property
    def level(self) -> float:
        """Coverage of the two-sided interval whose lower bound is the one-sided one of this look."""
        return 1 - 2 * self.alpha

    def as_dict(self) -> dict[str, float | int]:
        """The look as JSON."""
        return asdict(self)

    @classmethod
    def from_dict(cls, raw: Mapping[str, Any]) -> Look:
        """The look back from JSON."""
        return cls(int(raw["number"]), float(raw["alpha"]))


@cache
def share(number: int) -> float:
    """The share of the whole probability of error that look ``number`` gets; over all numbers they sum to 1."""
    from scipy.special import zeta  # noqa: PLC0415 - slow to load

    return float(number**-EXPONENT / zeta(EXPONENT))


def look_after(passed: Sequence[bool], alpha: float) -> Look:
    """The look that follows.

    Parameters
    ----------
    passed:
        Of each look before, in their order, whether the candidate was better.
    alpha:
        Probability of any false promotion over all looks.
    """
    handed_on = 0.0
    for number, better in enumerate(passed, 1):
        handed_on = alpha * share(number) + handed_on if better else 0.0
    number = len(passed) + 1
    return Look(number, alpha * share(number) + handed_on)


def looks_before(rounds: Iterable[Round], number: int) -> tuple[bool, ...]:
    """Of each look before round ``number`` whether it was passed, the oldest first.

    A round without a champion, or one whose test patients were too few for any conclusion, was no look: its
    candidate could not have been promoted by chance. A promotion against the comparison passes nothing on, nor
    does one of before looks were counted.

    Parameters
    ----------
    rounds:
        Of one task.
    """
    earlier = sorted((r for r in rounds if r.number < number and r.outcome), key=lambda r: r.number)
    return tuple("look" in r.outcome and bool(r.outcome.get("better")) for r in earlier if _was_a_look(r.outcome))


def _was_a_look(outcome: Mapping[str, Any]) -> bool:
    if "look" in outcome:
        return outcome["look"] is not None
    return outcome.get("verdict") in TESTED_BEFORE_LOOKS
