"""Whether clearing keeps its promise, and how much reading it saves; on known distributions, and on real images.

    python -m benchmarks.triage [--data FOLDER] [--draws N] [--json]

Calibration patients are drawn from score distributions that are known, so that the true miss rate
P(cleared | pathology) of an operating point is exact and nothing is estimated. ``exceeded`` is the share of the
draws in which it lies above what was promised (0.02 with 95% confidence: at most 0.05; ``chance_allows`` is the
most that chance makes of 0.05, ``exceeded_exactly`` what infinitely many draws would give). ``cleared_of_oracle``
is the mean share of patients cleared, over the share that an operating point clears that knows the distributions.
Both are for 2,000 calibration patients of whom 30% have pathology, scored with an AUC of 0.95; how they depend on
size, AUC and shape stands beside. ``plain`` is the threshold on 98% sensitivity in the calibration patients,
``expectation`` conformal risk control. ``watch`` plays audits that are looked at after every case.

With ``--data`` (or ``CONSILIUM_REAL_DATA``), the folder of real images, real scores stand for the distributions:
see :mod:`benchmarks.triage_real`.
"""

from __future__ import annotations

import argparse
import math
import os
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from scipy.optimize import brentq
from scipy.stats import binom, norm

from active_learning.risk_control import allowed, bayes, expected_point, needed, safe_point
from active_learning.triage_evidence import e_value
from active_learning.watch import FALSE_ALARM
from benchmarks.crossval import told
from data.errors import TriageError
from data.records import Watched
from models.bootstrap import FloatArray

MISS, CONFIDENCE, PREVALENCE, AUC, PATIENTS = 0.02, 0.95, 0.30, 0.95, 2000
SIZES = (250, 500, 1000, 2000, 4000, 8000)
AUCS = (0.85, 0.90, 0.95, 0.98)
AUDITS = 500


@dataclass(frozen=True)
class Scores:
    """Known distributions of scores: normal patients as N(0, 1), pathological ones as N(distance, 1).

    Parameters
    ----------
    subtle:
        Share of the pathological patients who look as the normal ones do.
    step:
        To what the scores are rounded up, so that there are ties; 0 for none.
    """

    distance: float
    subtle: float = 0.0
    step: float = 0.0

    def pathological(self, rng: np.random.Generator, count: int) -> FloatArray:
        """(count,) scores of patients with pathology."""
        shift = np.where(rng.random(count) < self.subtle, 0.0, self.distance)
        drawn = rng.normal(size=count) + shift
        return np.asarray(np.ceil(drawn / self.step) * self.step if self.step else drawn)

    def missed(self, threshold: float) -> float:
        """P(score < threshold | pathology)."""
        at = self._below(threshold)
        return float((1 - self.subtle) * norm.cdf(at - self.distance) + self.subtle * norm.cdf(at))

    def cleared(self, threshold: float, prevalence: float) -> float:
        """P(score < threshold) of any patient."""
        return prevalence * self.missed(threshold) + (1 - prevalence) * float(norm.cdf(self._below(threshold)))

    def oracle(self, miss: float) -> float:
        """The largest threshold whose miss rate is at most ``miss``."""
        exact = float(brentq(lambda t: Scores(self.distance, self.subtle).missed(t) - miss, -12, 12))
        return (math.floor(exact / self.step) + 1) * self.step if self.step else exact

    def _below(self, threshold: float) -> float:
        """Scores below the threshold were drawn below this: with ties, those of its own step are not cleared."""
        return (round(threshold / self.step) - 1) * self.step if self.step else threshold


def distance_of(auc: float) -> float:
    """The distance between the means at which two normal distributions have this AUC."""
    return float(math.sqrt(2) * norm.ppf(auc))


Rule = Callable[[FloatArray], float]


def guaranteed(scores: FloatArray) -> float:
    """The product's operating point; -inf, which clears nothing, where it refuses."""
    try:
        return safe_point(scores, miss=MISS, confidence=CONFIDENCE).threshold
    except TriageError:
        return -math.inf


def on_average(scores: FloatArray) -> float:
    """Conformal risk control's."""
    point = expected_point(scores, miss=MISS)
    return -math.inf if point is None else point


def plain(scores: FloatArray) -> float:
    """The largest threshold at which the calibration patients themselves keep the miss rate."""
    return float(np.sort(scores)[math.floor(MISS * len(scores) + 1e-9)])


def simulated(scores: Scores, rule: Rule, *, patients: int, draws: int, seed: int) -> dict[str, float]:
    """Draw calibration sets and measure the operating points that a rule makes of them.

    Returns
    -------
    dict
        ``exceeded`` (share of the draws), ``refused`` (likewise), ``mean_miss``, ``cleared`` (mean share of all
        patients), ``cleared_of_oracle``, ``pathological`` (mean number of calibration patients with pathology).
    """
    rng = np.random.default_rng([seed, patients])
    counts = rng.binomial(patients, PREVALENCE, draws)
    points = [rule(scores.pathological(rng, int(count))) for count in counts]
    missed = np.array([scores.missed(t) if math.isfinite(t) else 0.0 for t in points])
    cleared = np.array([scores.cleared(t, PREVALENCE) if math.isfinite(t) else 0.0 for t in points])
    best = scores.cleared(scores.oracle(MISS), PREVALENCE)
    return {
        "exceeded": round(float(np.mean(missed > MISS)), 4),
        "refused": round(float(np.mean(~np.isfinite(points))), 4),
        "mean_miss": round(float(missed.mean()), 5),
        "cleared": round(float(cleared.mean()), 4),
        "cleared_of_oracle": round(float(cleared.mean() / best), 4),
        "pathological": round(float(counts.mean()), 1),
    }


def exactly(patients: int) -> float:
    """P(exceeded) of the guaranteed operating point where scores have no ties, over the number with pathology."""
    counts = np.arange(needed(MISS, CONFIDENCE), patients + 1)
    most = [allowed(int(count), MISS, CONFIDENCE) for count in counts]
    return round(float(binom.pmf(counts, patients, PREVALENCE) @ binom.cdf(most, counts, MISS)), 4)


def most_by_chance(draws: int) -> float:
    """The share of draws that a rule which exceeds in just 5% stays below in 97.5 of 100 benchmarks."""
    return round(float(binom.ppf(0.975, draws, 1 - CONFIDENCE)) / draws, 4)


def watched(draws: int, seed: int) -> dict[str, float]:
    """Audits of cleared patients, looked at after each, where the promise just holds and where it is broken.

    Returns
    -------
    dict
        ``false_alarms`` at the rate that is tolerated; ``plain_false_alarms`` of an exact binomial test at the
        same level that is repeated at each look; ``found`` and ``median_audits`` where three times as many are
        missed.
    """
    scores, rng = Scores(distance_of(AUC)), np.random.default_rng(seed)
    right = float(norm.cdf(scores.oracle(MISS)))
    tolerated, level = bayes(MISS, right, PREVALENCE), FALSE_ALARM[Watched.AUDIT]
    hits = [_hits_for(n, tolerated, level) for n in range(1, AUDITS + 1)]
    repeated = binom.isf(level, np.arange(1, AUDITS + 1), tolerated) + 1
    still = np.cumsum(rng.random((draws, AUDITS)) < tolerated, axis=1)
    broken = np.cumsum(rng.random((draws, AUDITS)) < bayes(3 * MISS, right, PREVALENCE), axis=1) >= hits
    first = np.where(broken.any(axis=1), broken.argmax(axis=1) + 1, AUDITS + 1)
    return {
        "audits": AUDITS,
        "tolerated": round(tolerated, 4),
        "level": level,
        "false_alarms": round(float(np.mean((still >= hits).any(axis=1))), 4),
        "plain_false_alarms": round(float(np.mean((still >= repeated).any(axis=1))), 4),
        "found": round(float(np.mean(first <= AUDITS)), 4),
        "median_audits": float(np.median(first)),
    }


def _hits_for(of: int, tolerated: float, level: float) -> int:
    """The fewest hits among so many audits that lift an alarm."""
    return next((k for k in range(of + 1) if e_value(k, of, tolerated) >= 1 / level), of + 1)


def measured(draws: int, seed: int = 0) -> dict[str, Any]:
    """Everything on known distributions."""
    known = Scores(distance_of(AUC))

    def run(scores: Scores = known, rule: Rule = guaranteed, patients: int = PATIENTS) -> dict[str, float]:
        print(f"{rule.__name__}: {patients} patients, {scores}", file=sys.stderr, flush=True)
        return simulated(scores, rule, patients=patients, draws=draws, seed=seed)

    first = run()
    shapes = {"a tenth of pathology looks normal": Scores(known.distance, subtle=0.1),
              "scores in steps of 0.25": Scores(known.distance, step=0.25)}  # fmt: skip
    return {
        "miss": MISS, "confidence": CONFIDENCE, "prevalence": PREVALENCE, "auc": AUC,
        "calibration_patients": PATIENTS, "draws": draws, "chance_allows": most_by_chance(draws),
        **first,
        "exceeded_exactly": exactly(PATIENTS),
        "oracle_cleared": round(known.cleared(known.oracle(MISS), PREVALENCE), 4),
        "plain": run(rule=plain),
        "expectation": run(rule=on_average),
        "by_size": {size: run(patients=size) for size in SIZES},
        "by_auc": {auc: run(Scores(distance_of(auc))) for auc in AUCS},
        "by_shape": {name: run(scores) for name, scores in shapes.items()},
        "watch": watched(draws, seed),
    }  # fmt: skip


def main(given: Sequence[str] | None = None) -> None:
    """Measure and print."""
    named = os.environ.get("CONSILIUM_REAL_DATA")
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--data", type=Path, default=Path(named) if named else None, help="the real images")
    parser.add_argument("--draws", type=int, default=1000, help="calibration sets that are drawn")
    parser.add_argument("--json", action="store_true", help="one line of JSON")
    options = parser.parse_args(given)
    began = time.perf_counter()
    result = {"benchmark": "triage", **measured(options.draws)}
    if options.data is not None:
        from benchmarks.triage_real import on_real_images

        result["real"] = on_real_images(options.data, options.draws)
    told(result, began, as_json=options.json)


if __name__ == "__main__":
    main()
