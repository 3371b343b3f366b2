"""Whether a candidate is better than the champion: the paired bootstrap over the same locked test patients.

Both are measured on the very same answers, and in each resample on the same patients, so that a hard case counts
against both. The candidate is better only if the whole 95% interval of the difference lies above the margin.

References
----------
Efron, Tibshirani: An Introduction to the Bootstrap (1993), chapters 13 and 16.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, Literal

import numpy as np

from active_learning.words import spoken
from data.answers import Answer, Form, Mask
from data.blobs import Blobs
from data.errors import TaskError
from data.records import Metric, Prediction
from models.bootstrap import BoolArray, Interval, count_patients, difference
from models.measures import MEAN_AUC, measures
from models.metrics import Measure

Verdict = Literal["better", "not better", "not enough evidence"]

MIN_PATIENTS = 20
"""Test patients below which nothing is concluded."""
MIN_A_CLASS = 5
"""Test patients of every class that the metric needs, below which nothing is concluded."""
LARGER_IS_WORSE = (".log_loss", ".mean_abs_error")
NAMES = {"auc": "AUC", "f1": "F1", "dice": "Dice", MEAN_AUC: "mean AUC"}


@dataclass(frozen=True, slots=True)
class Comparison:
    """A candidate beside the champion.

    Parameters
    ----------
    difference:
        Candidate - champion in the task's primary metric; its ``n`` counts the patients of the comparison.
    champion, candidate:
        The metric of either, on the same answers.
    sentence:
        The verdict as people read it.
    """

    better: bool
    verdict: Verdict
    difference: Metric
    champion: Metric
    candidate: Metric
    sentence: str

    def as_dict(self) -> dict[str, Any]:
        """The comparison as JSON; the two figures as ``champion_metric`` and ``candidate_metric``."""
        return {
            "better": self.better,
            "verdict": self.verdict,
            "difference": self.difference.as_dict(),
            "champion_metric": self.champion.as_dict(),
            "candidate_metric": self.candidate.as_dict(),
            "sentence": self.sentence,
        }

    @classmethod
    def from_dict(cls, raw: Mapping[str, Any]) -> Comparison:
        """The comparison back from JSON; other keys are passed over."""
        return cls(
            raw["better"],
            raw["verdict"],
            Metric(**raw["difference"]),
            Metric(**raw["champion_metric"]),
            Metric(**raw["candidate_metric"]),
            raw["sentence"],
        )


def compare(
    form: Form,
    primary: str,
    champion_predictions: Mapping[str, Prediction],
    candidate_predictions: Mapping[str, Prediction],
    references: Mapping[str, tuple[Answer, ...]],
    patients: Mapping[str, str],
    *,
    margin: float = 0.0,
    seed: int = 0,
    n_bootstrap: int = 1000,
    min_patients: int = MIN_PATIENTS,
    blobs: Blobs | None = None,
) -> Comparison:
    """Compare a candidate with the champion on the test patients.

    Only answers that both were asked for count: where a cascade of either took another branch, neither does.

    Parameters
    ----------
    primary:
        The metric, as :mod:`models.evaluation` names it; larger must be better.
    champion_predictions, candidate_predictions, references:
        By study.
    patients:
        The patient of each study that has a reference.
    margin:
        By how much the lower bound of the difference must exceed 0.
    min_patients:
        Patients below which there is not enough evidence.
    blobs:
        Where masks lie, if the metric is of masks.

    Raises
    ------
    TaskError
        Of the metric smaller is better.
    NotFoundError, AnswerError
        As for :func:`models.evaluation.evaluate`.
    """
    if primary.endswith(LARGER_IS_WORSE):
        raise TaskError(
            "Versions cannot be compared on this metric.", given=primary, expected="one of which larger is better"
        )
    first, second = _common(form, champion_predictions, candidate_predictions)
    old = measures(form, first, references, patients, blobs=blobs)
    new = measures(form, second, references, patients, blobs=blobs)
    champion, candidate = old.measures.get(primary), new.measures.get(primary)
    if champion is None or candidate is None:
        why = new.detail.get(primary) or old.detail.get(primary) or "there is no reference for it"
        return _without_evidence(f"{_name(primary)} cannot be had: {why}")
    bounds = difference(
        candidate.statistic,
        champion.statistic,
        candidate.patients,
        champion.patients,
        n_bootstrap,
        seed,
        required=_both(candidate, champion),
    )
    n = count_patients([*candidate.patients, *champion.patients])
    gained = Metric(candidate.value - champion.value, bounds.low, bounds.high, n)
    result = Comparison(
        False,
        "not enough evidence",
        gained,
        champion.metric(n_bootstrap, seed),
        candidate.metric(n_bootstrap, seed),
        "",
    )
    return _judge(result, primary, margin, _shortage(candidate, n, min_patients, bounds))


def _judge(result: Comparison, primary: str, margin: float, shortage: str) -> Comparison:
    gained = result.difference
    if shortage or gained.low is None or gained.high is None:
        return replace(result, sentence=f"Not enough evidence: {shortage}.")
    better = gained.low > margin
    words = f"{_name(primary)} {_signed(gained.value)} (95% CI {_plain(gained.low)} to {_plain(gained.high)})"
    asked = f"; the lower bound must exceed {margin:.3f}" if margin and not better else ""
    sentence = f"{'Better' if better else 'Not better'}: {words} on {gained.n} patients{asked}"
    return replace(result, better=better, verdict="better" if better else "not better", sentence=sentence)


def _shortage(measure: Measure, n: int, min_patients: int, bounds: Interval) -> str:
    """What is missing for a conclusion; empty where nothing is."""
    if n < min_patients:
        return f"{n} test patients with a reference and both answers, {min_patients} are needed"
    of_class = [
        count_patients([p for p, inside in zip(measure.patients, group, strict=True) if inside])
        for group in measure.required
    ]
    if min(of_class, default=MIN_A_CLASS) < MIN_A_CLASS:
        return f"{min(of_class)} test patients of the rarest class, {MIN_A_CLASS} are needed"
    if bounds.low is None:
        return "the difference is undefined in too many resamples"
    return ""


def _without_evidence(why: str) -> Comparison:
    nothing = Metric(0.0, None, None, 0)
    return Comparison(False, "not enough evidence", nothing, nothing, nothing, f"Not enough evidence: {why}.")


def _common(
    form: Form, first: Mapping[str, Prediction], second: Mapping[str, Prediction]
) -> tuple[dict[str, Prediction], dict[str, Prediction]]:
    """Both sides' predictions of the same studies; results only at the same questions and sites.

    Results of masks stay as they are: a page without one is an empty page.
    """
    masks = {question.name for question in form.questions if isinstance(question.kind, Mask)}
    one: dict[str, Prediction] = {}
    other: dict[str, Prediction] = {}
    for study_id in first.keys() & second.keys():
        a, b = first[study_id], second[study_id]
        shared = {(r.question, r.site) for r in a.results} & {(r.question, r.site) for r in b.results}
        for source, target in ((a, one), (b, other)):
            kept = tuple(r for r in source.results if r.question in masks or (r.question, r.site) in shared)
            target[study_id] = replace(source, results=kept)
    return one, other


def _both(first: Measure, second: Measure) -> list[BoolArray]:
    """The classes that either needs, over the items of the first and then the second."""
    before = [np.concatenate([g, np.zeros(len(second.patients), dtype=bool)]) for g in first.required]
    after = [np.concatenate([np.zeros(len(first.patients), dtype=bool), g]) for g in second.required]
    return [*before, *after]


def _name(primary: str) -> str:
    """A metric as people read it: ``AUC of borders frontal``."""
    if primary in NAMES:
        return NAMES[primary]
    *question, metric = primary.split(".")
    of = f" of {spoken(question[-1])}" if question else ""
    return f"{NAMES.get(metric, spoken(metric))}{of}"


def _signed(value: float) -> str:
    return f"{value:+.3f}".replace("-", "−")


def _plain(value: float) -> str:
    return f"{value:.3f}".replace("-", "−")
