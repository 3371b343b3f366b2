"""What must not get worse: guarded metrics, and the primary metric in each subgroup.

A candidate is not worse where the lower bound of the difference lies above -margin (non-inferiority). Since it
must pass every check that counts, none of them needs a correction for their number (intersection-union).

References
----------
Piaggio et al.: Reporting of noninferiority and equivalence randomized trials, JAMA 308 (2012), 2594 - 2604.
Berger: Multiparameter hypothesis testing and acceptance sampling, Technometrics 24 (1982), 295 - 300.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from enum import StrEnum
from typing import Any

from active_learning.power import detectable, patients_needed
from active_learning.promotion_evidence import Difference, Draws, Pair, shortage, weigh
from models.bootstrap import LEVEL

ALPHA = (1 - LEVEL) / 2
"""One-sided probability of error of a check."""
WHOLE = ""
"""The kind of a check over all test patients."""


class Standing(StrEnum):
    """How the candidate stands in a check."""

    NOT_WORSE = "not worse"
    """The lower bound of the difference lies above -margin."""
    WORSE = "worse"
    """The whole interval lies below 0, and reaches below -margin."""
    NOT_SHOWN = "not shown"
    """There are patients enough to show that two equal versions are not worse, and it was not shown."""
    NOT_ASSESSABLE = "not assessable"
    """There are too few patients for that, or the metric cannot be had."""


@dataclass(frozen=True, slots=True)
class Check:
    """One check.

    Parameters
    ----------
    kind, value:
        Of the subgroup; both empty over all test patients.
    metric:
        As :mod:`models.evaluation` names it.
    margin:
        By how much the candidate may be worse at the most.
    patients_needed:
        With how many patients it would probably be settled; None where it is, or where no number can be told.
    why:
        Why there is no interval; empty where there is one.
    """

    kind: str
    value: str
    metric: str
    difference: Difference
    margin: float
    standing: Standing
    patients_needed: int | None = None
    why: str = ""

    @property
    def group(self) -> str:
        """The subgroup as it is spoken of; empty over all test patients."""
        return f"{self.kind} {self.value}" if self.kind else ""

    @property
    def holds_back(self) -> bool:
        """Whether the candidate cannot be promoted for it.

        A guarded metric must be shown not to be worse; a subgroup that has too few patients holds nothing back.
        """
        if self.kind == WHOLE:
            return self.standing is not Standing.NOT_WORSE
        return self.standing in (Standing.WORSE, Standing.NOT_SHOWN)

    def as_dict(self) -> dict[str, Any]:
        """The check as JSON."""
        return asdict(self)

    @classmethod
    def from_dict(cls, raw: Mapping[str, Any]) -> Check:
        """The check back from JSON."""
        difference = Difference.from_dict(raw["difference"])
        return cls(**{**raw, "difference": difference, "standing": Standing(raw["standing"])})


def check(
    pair: Pair | None,
    metric: str,
    margin: float,
    draws: Draws,
    *,
    kind: str = WHOLE,
    value: str = "",
    why: str = "",
) -> Check:
    """Judge one pair.

    Parameters
    ----------
    pair:
        None where the metric cannot be had; ``why`` says the reason then.
    """
    missing = why if pair is None else shortage(pair, draws.min_patients)
    if pair is None or missing:
        seen = Difference(0.0, None, None, pair.n if pair is not None else 0)
        return Check(kind, value, metric, seen, margin, Standing.NOT_ASSESSABLE, None, missing)
    found = weigh(pair, LEVEL, draws)
    standing = standing_of(found, margin)
    why = "" if found.error is not None else "the difference is undefined in too many resamples"
    return Check(kind, value, metric, found, margin, standing, _needed(found, margin, standing), why)


def standing_of(found: Difference, margin: float) -> Standing:
    """How a difference stands against a margin.

    It can be assessed where two versions that are equal would be shown not to be worse in 80% of comparisons.
    """
    if found.low is None or found.high is None or found.error is None:
        return Standing.NOT_ASSESSABLE
    if found.low > -margin:
        return Standing.NOT_WORSE
    if found.high < 0:
        return Standing.WORSE
    return Standing.NOT_SHOWN if detectable(found.error, alpha=ALPHA) <= margin else Standing.NOT_ASSESSABLE


def _needed(found: Difference, margin: float, standing: Standing) -> int | None:
    """Were the difference as it was seen or, where that says too little, were the versions equal."""
    if found.error is None or standing in (Standing.NOT_WORSE, Standing.WORSE):
        return None
    room = margin + min(found.value, 0.0) if standing is Standing.NOT_SHOWN else margin
    return patients_needed(found.n, found.error, room, alpha=ALPHA)
