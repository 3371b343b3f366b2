"""Operating points with a guarantee: of the pathological patients at most so many are cleared.

A study is cleared where its score lies below the operating point. Wanted is the largest operating point of which
P(cleared | pathology) <= ``miss`` holds with ``confidence`` over the draw of the calibration patients. The loss
(cleared or not) can only grow with the operating point, so that thresholds are tested one after another from the
safest, each by the exact binomial tail at the full level, until one fails (fixed-sequence testing). That holds
over all real thresholds and not only over those of a grid: the misses grow with the threshold, so that an
operating point past the last safe threshold needs every threshold right after it to pass its test, which happens
with a probability of 1 - ``confidence`` at most.

The unit is the patient. A patient with several pathological studies counts as missed if any of them is cleared, so
the lowest of their scores stands for the patient; the rate per study can then only be lower.

References
----------
Angelopoulos, Bates, Candes, Jordan, Lei: Learn then test: calibrating predictive algorithms to achieve risk
control, arXiv 2110.01052 (2021), section 3 (fixed-sequence testing).
Bates, Angelopoulos, Lei, Malik, Jordan: Distribution-free, risk-controlling prediction sets, J. ACM 68 (2021), 43.
Clopper, Pearson: The use of confidence or fiducial limits illustrated in the case of the binomial, Biometrika 26
(1934), 404 - 413.
Angelopoulos, Bates, Fisch, Lei, Schuster: Conformal risk control, arXiv 2208.02814 (2022).
Korn, Graubard: Confidence intervals for proportions with small expected number of positive counts estimated from
survey data, Survey Methodology 24 (1998), 193 - 201.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from data.errors import TriageError
from data.records import Metric
from models.bootstrap import FloatArray

LEVEL = 0.95
"""Coverage of the two-sided intervals that stand beside a guarantee."""


@dataclass(frozen=True, slots=True)
class SafePoint:
    """An operating point that keeps what was promised.

    Parameters
    ----------
    threshold:
        Studies whose score lies below it are cleared.
    patients, missed:
        Pathological calibration patients, and how many of them it would clear.
    unsettled:
        Patients without a settled answer whom it would clear; each was counted as pathological and missed.
    bound:
        The exact upper confidence limit of P(cleared | pathology) at the promised confidence.
    """

    threshold: float
    patients: int
    missed: int
    unsettled: int
    bound: float


def needed(miss: float, confidence: float) -> int:
    """Pathological patients without a miss from which a promise can be given: 149 for 2% with 95% confidence."""
    _checked(miss, confidence)
    found = max(1, math.floor(math.log1p(-confidence) / math.log1p(-miss)))
    while p_values(0, found, miss) > 1 - confidence:
        found += 1
    return found


def allowed(patients: int, miss: float, confidence: float) -> int:
    """The most misses among so many patients with which the promise still holds; -1 where it cannot be given."""
    from scipy.stats import binom  # noqa: PLC0415 - slow to load

    _checked(miss, confidence)
    counts = np.arange(patients + 1)
    return int(np.count_nonzero(binom.cdf(counts, patients, miss) <= 1 - confidence)) - 1


def p_values(missed: ArrayLike, patients: ArrayLike, miss: float) -> FloatArray:
    """P(so few misses or fewer) if the miss rate were ``miss``: the p-value against a larger rate, exact."""
    from scipy.stats import binom  # noqa: PLC0415

    return np.asarray(binom.cdf(np.asarray(missed), np.asarray(patients), miss), dtype=np.float64)


def fixed_sequence(values: ArrayLike, level: float) -> int:
    """How many hypotheses, tested in their order at the full level each, are rejected before one is not."""
    failed = np.flatnonzero(~(np.asarray(values, dtype=np.float64) <= level))
    return int(failed[0]) if failed.size else int(np.asarray(values).size)


def upper_bound(missed: int, patients: int, confidence: float) -> float:
    """The one-sided upper limit of Clopper and Pearson for a rate; 1.0 without patients."""
    from scipy.stats import beta  # noqa: PLC0415

    return 1.0 if missed >= patients else float(beta.ppf(confidence, missed + 1, patients - missed))


def two_sided(hits: float, of: float, confidence: float = LEVEL) -> tuple[float, float]:
    """The interval of Clopper and Pearson; (0, 1) of nothing. Counts need not be whole (Korn and Graubard)."""
    from scipy.stats import beta  # noqa: PLC0415

    if of <= 0:
        return 0.0, 1.0
    tail = (1 - confidence) / 2
    low = 0.0 if hits <= 0 else float(beta.ppf(tail, hits, of - hits + 1))
    high = 1.0 if hits >= of else float(beta.ppf(1 - tail, hits + 1, of - hits))
    return low, high


def lowest(scores: ArrayLike, patients: Sequence[str]) -> FloatArray:
    """The lowest score of each patient, in the order of the patients' names. (studies,) -> (patients,)."""
    given = np.asarray(scores, dtype=np.float64)
    names, index = np.unique(np.asarray(patients, dtype=str), return_inverse=True)
    found = np.full(len(names), np.inf)
    np.minimum.at(found, index, given)
    return found


def safe_point(
    pathological: ArrayLike, unsettled: ArrayLike = (), *, miss: float = 0.02, confidence: float = 0.95
) -> SafePoint:
    """The largest operating point that keeps the promise.

    Parameters
    ----------
    pathological:
        (patients,) the lowest score of each pathological calibration patient (see :func:`lowest`).
    unsettled:
        (patients,) the same of patients who were drawn and read, but whose answer was not settled. The worst is
        assumed of them: pathological where they would be cleared, and not there at all where they would not.
    miss, confidence:
        What is promised.

    Raises
    ------
    TriageError
        There are too few pathological patients to promise it, even without a miss; it says how many more are
        needed.
    """
    own, doubtful = np.sort(_scores(pathological)), np.sort(_scores(unsettled))
    short = needed(miss, confidence) - len(own)
    if short > 0:
        raise TriageError(
            f"There are too few pathological calibration patients for this promise: {short} more are needed.",
            given=f"{len(own)} patients with pathology in the calibration set",
            expected=f"{len(own) + short} or more, to promise {miss:.3g} with {confidence:.3g} confidence",
            do="read more calibration patients (rounds draw them at random), or promise less",
        )
    tried = np.unique(np.concatenate([own, doubtful]))
    missed = np.searchsorted(own, tried, side="left")
    also = np.searchsorted(doubtful, tried, side="left")
    last = fixed_sequence(p_values(missed + also, len(own) + also, miss), 1 - confidence) - 1
    k, u = int(missed[last]), int(also[last])
    return SafePoint(float(tried[last]), len(own), k, u, upper_bound(k + u, len(own) + u, confidence))


def expected_point(pathological: ArrayLike, *, miss: float = 0.02) -> float | None:
    """The operating point of conformal risk control, which bounds the miss rate in expectation alone.

    Over many calibration sets the mean miss rate is at most ``miss``; with one given set it lies above it about
    every second time. None where there are too few patients even for that (1 / miss - 1).
    """
    own = np.sort(_scores(pathological))
    most = math.floor(miss * (len(own) + 1) + 1e-9) - 1
    return float(own[most]) if most >= 0 else None


def share(hit: ArrayLike, patients: Sequence[str], confidence: float = LEVEL) -> Metric:
    """The share of studies with an exact interval that heeds that studies of one patient are alike.

    The interval is that of Clopper and Pearson for the effective number of studies (Korn and Graubard); with one
    study a patient it is Clopper and Pearson's own.
    """
    given = np.asarray(hit, dtype=np.float64)
    if not given.size:
        return Metric(0.0, None, None, 0)
    value = float(given.mean())
    names, index = np.unique(np.asarray(patients, dtype=str), return_inverse=True)
    sums = np.bincount(index, weights=given - value, minlength=len(names))
    variance = float((sums**2).sum()) / given.size**2
    of = min(float(given.size), value * (1 - value) / variance) if variance > 0 else float(len(names))
    low, high = two_sided(value * of, of, confidence)
    return Metric(value, low, high, len(names))


def pathology_if_cleared(
    missed: tuple[int, int], rightly: tuple[int, int], prevalence: float | tuple[int, int]
) -> Metric | None:
    """P(pathology | cleared) by Bayes, for a site's prevalence; None where nobody is cleared.

    Parameters
    ----------
    missed, rightly:
        (cleared, of) the pathological patients, and those without pathology.
    prevalence:
        Of pathology among the site's patients: stated, or (pathological, of) patients drawn at random.

    Returns
    -------
    Metric
        With an interval that covers all of its parts together (each at 1 - 0.05 / parts, Bonferroni).
    """
    stated = isinstance(prevalence, float)
    level = 1 - (1 - LEVEL) / (2 if stated else 3)
    counted = (0, 0) if isinstance(prevalence, float) else prevalence
    rate = prevalence if isinstance(prevalence, float) else counted[0] / max(counted[1], 1)
    if missed[0] + rightly[0] == 0:
        return None
    lows, highs = zip(*(two_sided(k, n, level) for k, n in (missed, rightly)), strict=True)
    low, high = (rate, rate) if stated else two_sided(*counted, level)
    value = bayes(missed[0] / max(missed[1], 1), rightly[0] / max(rightly[1], 1), rate)
    of = missed[1] + rightly[1]
    return Metric(value, bayes(lows[0], highs[1], low), bayes(highs[0], lows[1], high), of)


def bayes(missed: float, rightly: float, prevalence: float) -> float:
    """P(pathology | cleared) = p m / (p m + (1 - p) r); 0.0 where nobody is cleared."""
    wrong, right = prevalence * missed, (1 - prevalence) * rightly
    return wrong / (wrong + right) if wrong + right > 0 else 0.0


def _scores(values: ArrayLike) -> FloatArray:
    given = np.asarray(values, dtype=np.float64).ravel()
    if not np.isfinite(given).all():
        raise ValueError("scores: expected finite numbers")
    return given


def _checked(miss: float, confidence: float) -> None:
    if not 0 < miss < 1 or not 0 < confidence < 1:
        raise TriageError(
            "This cannot be promised.", given=f"a miss rate of {miss} with a confidence of {confidence}",
            expected="both above 0 and below 1", do="state others, such as 0.02 and 0.95",
        )  # fmt: skip
