"""Whether a version's scores are spread as they were: the population stability index, month by month.

The index itself is :func:`active_learning.triage_evidence.stability_index`. Where nothing has changed it is
chi-squared by chance, times ``1 / n + 1 / m``; a month is a shift where it lies beyond the 95th percentile of
that, and above 0.1.

References
----------
Yurdakul, Naranjo: Statistical properties of the population stability index, Journal of Risk Model Validation 14
(2020), 89 - 100 (its distribution).
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from active_learning.triage_evidence import BINS, stability_index
from data.answers import Choice, Findings, Form, Grade
from data.records import Prediction, Study
from models.bootstrap import FloatArray

MIN_PATIENTS = 30
"""Patients of a month, or of before, below which no index is told."""
SHIFTED = 0.1
"""The index from which a shift is usually looked into."""


@dataclass(frozen=True, slots=True)
class Shift:
    """How far the scores of one question lie from those at the promotion.

    Parameters
    ----------
    question:
        Or ``question.finding``.
    month:
        ``YYYY-MM`` in which the studies came in.
    index:
        The population stability index; None with too few patients.
    by_chance:
        What it stays below in 95% of months without any change.
    """

    question: str
    month: str
    patients: int
    index: float | None
    by_chance: float | None

    @property
    def shifted(self) -> bool:
        """Whether it is more than chance, and more than is usual."""
        return self.index is not None and self.by_chance is not None and self.index > max(SHIFTED, self.by_chance)


def score_shifts(
    form: Form, predictions: Mapping[str, Prediction], reference: Sequence[Study], later: Sequence[Study]
) -> Iterator[Shift]:
    """The index of each question and month, in the form's order."""
    before = _scores(form, predictions, reference)
    months = sorted({s.ingested_at[:7] for s in later})
    monthly = {month: [s for s in later if s.ingested_at[:7] == month] for month in months}
    for name, expected in before.items():
        for month, studies in monthly.items():
            actual = _scores(form, predictions, studies, only={name}).get(name, np.empty(0))
            enough = min(expected.size, actual.size) >= MIN_PATIENTS
            index = stability_index(expected, actual) if enough else None
            chance = index_by_chance(expected, actual) if enough else None
            yield Shift(name, month, int(actual.size), index, chance)


def index_by_chance(expected: FloatArray, actual: FloatArray, bins: int = BINS, level: float = 0.95) -> float:
    """What the index stays below in a share ``level`` of samples from unchanged scores."""
    from scipy.stats import chi2  # noqa: PLC0415 - slow to load

    freedom = np.unique(np.quantile(expected, np.linspace(0, 1, bins + 1)[1:-1])).size  # inner borders of the bins
    return float((1 / expected.size + 1 / actual.size) * chi2.ppf(level, freedom))


def _scores(
    form: Form, predictions: Mapping[str, Prediction], studies: Sequence[Study], *, only: Collection[str] = ()
) -> dict[str, FloatArray]:
    """By question or finding, one score a patient (the mean over studies and sites), patients in their order."""
    found: dict[str, dict[str, list[float]]] = {}
    for study in studies:
        prediction = predictions.get(study.study_id)
        for name, score in _of(form, prediction) if prediction is not None else ():
            if not only or name in only:
                found.setdefault(name, {}).setdefault(study.patient.patient_id, []).append(score)
    return {
        name: np.array([np.mean(of[patient]) for patient in sorted(of)], dtype=np.float64)
        for name, of in found.items()
    }


def _of(form: Form, prediction: Prediction) -> Iterator[tuple[str, float]]:
    """What a prediction says as numbers: a probability, or the expected grade."""
    for result in prediction.results:
        if result.question not in form:
            continue
        match form[result.question].kind:
            case Choice(options):
                for option in options[1:]:
                    if option in result.probabilities:
                        name = result.question if len(options) == 2 else f"{result.question}.{option}"
                        yield name, result.probabilities[option]
            case Grade(levels):
                yield result.question, sum(i * result.probabilities.get(x, 0.0) for i, x in enumerate(levels))
            case Findings(labels):
                for label in labels:
                    if label in result.probabilities:
                        yield f"{result.question}.{label}", result.probabilities[label]
