"""What a threshold makes of a binary question: chosen on calibration patients, read off on test patients.

Each patient counts once, by the largest probability among the patient's items, so that the intervals are of
independent draws (Wilson: Probable inference, the law of succession, and statistical inference, JASA 22 (1927),
209 - 212).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from data.records import Metric
from models.calibration import youden
from models.curves import Curves

STEP = 0.001
"""Between two thresholds."""


@dataclass(frozen=True, slots=True)
class Reading:
    """What a threshold makes of patients: flagged where the score is at least it.

    Parameters
    ----------
    hits, misses:
        Positive patients who are flagged, and who are not.
    alarms, passed:
        The others who are flagged, and who are not.
    """

    threshold: float
    hits: int
    misses: int
    alarms: int
    passed: int

    @property
    def patients(self) -> int:
        """How many there are."""
        return self.hits + self.misses + self.alarms + self.passed

    @property
    def sensitivity(self) -> Metric | None:
        """The share of the positive patients who are flagged."""
        return share(self.hits, self.hits + self.misses)

    @property
    def specificity(self) -> Metric | None:
        """The share of the others who are not flagged."""
        return share(self.passed, self.passed + self.alarms)

    @property
    def ppv(self) -> Metric | None:
        """The share of the flagged patients who are positive, at the prevalence of these patients."""
        return share(self.hits, self.hits + self.alarms)

    @property
    def npv(self) -> Metric | None:
        """The share of the patients who are not flagged who are not positive, at the prevalence of these."""
        return share(self.passed, self.passed + self.misses)

    @property
    def flagged(self) -> Metric | None:
        """The share of all patients who are flagged."""
        return share(self.hits + self.alarms, self.patients)

    def figures(self) -> Mapping[str, Metric | None]:
        """All of them by name."""
        names = ("sensitivity", "specificity", "ppv", "npv", "flagged")
        return {name: getattr(self, name) for name in names}

    def as_dict(self) -> dict[str, Any]:
        """The counts and the figures as JSON."""
        counts = {"hits": self.hits, "misses": self.misses, "alarms": self.alarms, "passed": self.passed}
        return counts | {name: None if m is None else m.as_dict() for name, m in self.figures().items()}


def share(count: int, of: int) -> Metric | None:
    """A share with Wilson's 95% interval; None of nothing."""
    if not of:
        return None
    from scipy.stats import binomtest  # noqa: PLC0415 - slow to load

    bounds = binomtest(count, of).proportion_ci(0.95, method="wilson")
    return Metric(count / of, float(bounds.low), float(bounds.high), of)


def read_at(curves: Curves, threshold: float) -> Reading:
    """What a threshold makes of the patients of curves.

    Parameters
    ----------
    threshold:
        Of the calibrated probability, 0 to 1.
    """
    flagged, positive = np.asarray(curves.scores) >= threshold, np.asarray(curves.positive, dtype=bool)
    counted = ((flagged & positive), (~flagged & positive), (flagged & ~positive), (~flagged & ~positive))
    return Reading(threshold, *(int(np.count_nonzero(one)) for one in counted))


def both_classes(curves: Curves | None) -> bool:
    """Whether a threshold can be chosen on the patients of curves: positive ones and others are among them."""
    return curves is not None and any(curves.positive) and not all(curves.positive)


def best_youden(curves: Curves) -> float:
    """The threshold with the largest sensitivity + specificity - 1 on these patients, down to a step."""
    return _down(youden(curves.scores, curves.positive).threshold)


def for_sensitivity(curves: Curves, wanted: float) -> float:
    """The highest threshold whose sensitivity on these patients is at least the wanted one, down to a step."""
    of_positive = np.sort([s for s, p in zip(curves.scores, curves.positive, strict=True) if p])
    spared = int(np.floor(round((1 - wanted) * of_positive.size, 9)))
    return _down(float(of_positive[spared]))


def _down(threshold: float) -> float:
    """To the step at or below it, so that who has exactly this score is flagged."""
    return round(float(np.floor(round(threshold / STEP, 6)) * STEP), 3)
