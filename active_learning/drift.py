"""Whether a reader changes with time: agreement with the reference by periods of the reader's own sequence.

The unit is the case: the share of its answers that agreed with the reference. The test for a trend is Kendall's
tau of that share and the case's place in the sequence (the Mann-Kendall test), with ties.

References
----------
Mann: Nonparametric tests against trend, Econometrica 13 (1945), 245 - 259.
Kendall: Rank Correlation Methods, 4th ed. (1975).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from active_learning.panel import DRAWS
from data.records import Metric
from models.metrics import mean

FOURTHS_FROM = 40
"""Cases from which a sequence is cut into quarters; a shorter one into thirds."""
MIN_CASES = 6
"""Cases below which nothing is said."""


@dataclass(frozen=True, slots=True)
class ReadCase:
    """One case of a reader's sequence: its patient, and the answers that could be compared.

    Parameters
    ----------
    right, answers:
        How many agreed with the reference, of how many.
    seconds:
        How long the read took, in s; None where it is not known.
    """

    patient: str
    right: int
    answers: int
    seconds: float | None = None


@dataclass(frozen=True, slots=True)
class Period:
    """A part of the sequence.

    Parameters
    ----------
    first, last:
        Places of its cases in the sequence, from 1.
    agreement:
        Share of the answers that agreed with the reference.
    median_s:
        Median time per case, in s; None where it is not known.
    """

    first: int
    last: int
    agreement: Metric
    median_s: float | None


@dataclass(frozen=True, slots=True)
class Drift:
    """How one reader went on.

    Parameters
    ----------
    tau, p:
        Kendall's tau of agreement and place: below 0, agreement fell. None where every case agreed alike.
    """

    reader: str
    question: str
    cases: int
    periods: tuple[Period, ...]
    tau: float | None
    p: float | None


def drift(
    reader: str, question: str, sequence: Sequence[ReadCase], *, draws: int = DRAWS, seed: int = 0
) -> Drift | None:
    """The periods and the trend of a reader's sequence, in its order; None below :data:`MIN_CASES` cases.

    Cases without an answer that could be compared are left out.
    """
    cases = [case for case in sequence if case.answers]
    if len(cases) < MIN_CASES:
        return None
    parts = np.array_split(np.arange(len(cases)), 4 if len(cases) >= FOURTHS_FROM else 3)
    periods = [_period([cases[i] for i in part], int(part[0]) + 1, draws, seed) for part in parts]
    tau, p = _trend([case.right / case.answers for case in cases])
    return Drift(reader, question, len(cases), tuple(periods), tau, p)


def _period(cases: Sequence[ReadCase], first: int, draws: int, seed: int) -> Period:
    right = np.concatenate([np.repeat([1.0, 0.0], [c.right, c.answers - c.right]) for c in cases])
    measure = mean(right, [c.patient for c in cases for _ in range(c.answers)])
    assert measure is not None  # noqa: S101 - every case has an answer
    seconds = [c.seconds for c in cases if c.seconds is not None]
    middle = float(np.median(seconds)) if seconds else None
    return Period(first, first + len(cases) - 1, measure.metric(draws, seed), middle)


def _trend(values: Sequence[float]) -> tuple[float | None, float | None]:
    from scipy.stats import kendalltau  # noqa: PLC0415 - slow to load

    if len(set(values)) < 2:
        return None, None
    found = kendalltau(range(len(values)), values)
    return (float(found.statistic), float(found.pvalue)) if math.isfinite(found.pvalue) else (None, None)
