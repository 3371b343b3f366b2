"""Triage: operating points with what they promise, what was cleared by them, and what watches over them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from data.records.predictions import Metric


class Way(StrEnum):
    """What triage decides on a study."""

    CLEAR = "clear"
    """It needs no reading."""
    READ = "read"
    ADJUDICATE = "adjudicate"
    """Readers and model contradict one another, or the model's answer fits no calibration patient."""


@dataclass(frozen=True, slots=True)
class ConformalSets:
    """How a question's prediction sets are formed: an option is in it where its probability reaches a threshold.

    Parameters
    ----------
    question, label:
        What the sets are of: a question, and which of its findings (empty: the question itself).
    options:
        In their order; for a finding absent and present.
    thresholds:
        Of each option, 0 to 1; 0 where it can never be left out, since too few patients have it.
    counts:
        Calibration patients with each option.
    coverage:
        Share of the patients of each option whose set holds it, 0 to 1.
    """

    question: str
    label: str
    options: tuple[str, ...]
    thresholds: tuple[float, ...]
    counts: tuple[int, ...]
    coverage: float


@dataclass(frozen=True, slots=True)
class CalibrationCase:
    """A calibration patient's study as an operating point was made from it.

    Parameters
    ----------
    positive:
        Whether it shows pathology; None where it was read and no answer was settled.
    score:
        The version's probability of pathology.
    """

    study_id: str
    positive: bool | None
    score: float


@dataclass(frozen=True, slots=True)
class TriagePolicy:
    """An operating point of one model version, and what it promises.

    Parameters
    ----------
    version:
        The only version that it holds for.
    target:
        By question, the options (or findings, or levels) that count as pathology.
    miss, confidence:
        What is promised: P(cleared | pathology) <= miss with this confidence over the draw of the calibration
        patients. The unit is the patient.
    threshold:
        A study whose score lies below it is cleared.
    patients, pathological, missed, unsettled:
        Calibration patients with a settled answer; those with pathology; how many of these it would clear; how
        many without a settled answer it would clear, each counted as missed.
    bound:
        The exact upper limit of P(cleared | pathology).
    rightly:
        Share of the calibration patients without pathology whom it clears.
    cleared:
        The share of the calibration patients' studies that it clears: the reading saved.
    omission:
        P(pathology | cleared) of a patient, for ``prevalence``; None where nothing is cleared.
    prevalence, stated:
        Share of the site's patients with pathology, and whether it was stated; else that of the calibration
        patients.
    expected:
        The operating point that bounds the miss rate in expectation alone (conformal risk control); None where
        there are too few patients for it.
    audit_share:
        Share of the cleared patients who are read all the same, drawn at random.
    sets:
        The prediction sets of the form's questions.
    digest:
        SHA-256 of the calibration cases: studies, answers, scores.
    """

    policy_id: str
    task: str
    version: str
    target: Mapping[str, tuple[str, ...]]
    miss: float
    confidence: float
    threshold: float
    patients: int
    pathological: int
    missed: int
    unsettled: int
    bound: float
    rightly: float
    cleared: Metric
    omission: Metric | None
    prevalence: float
    stated: bool
    expected: float | None
    audit_share: float
    sets: tuple[ConformalSets, ...] = ()
    digest: str = ""
    made_at: str = ""

    @property
    def tolerated(self) -> float:
        """P(pathology | cleared) if the miss rate were just what was promised; 0 to 1."""
        wrong = self.prevalence * self.miss
        right = (1 - self.prevalence) * self.rightly
        return wrong / (wrong + right)

    def miss_of(self, omission: float) -> float:
        """The miss rate that a share of pathology among the cleared means, at most 1."""
        right = (1 - self.prevalence) * self.rightly
        return 1.0 if omission >= 1 else min(1.0, omission / (1 - omission) * right / self.prevalence)


@dataclass(frozen=True, slots=True)
class Clearance:
    """A study that was cleared.

    Parameters
    ----------
    audit:
        Whether the study was drawn, by chance alone, to be read all the same.
    """

    policy_id: str
    study_id: str
    score: float
    audit: bool
    at: str = ""


class Watched(StrEnum):
    """What is watched."""

    AUDIT = "audit"
    """How many of the cleared cases that were read all the same show pathology."""
    SCORES = "scores"
    """Whether the scores of new patients are those of the calibration patients."""
    INPUTS = "inputs"
    """How many of the new studies look like none that the version knows."""


@dataclass(frozen=True, slots=True)
class TriageLook:
    """One look at what is watched.

    Parameters
    ----------
    number:
        How many looks at the same thing there were, this one included, since the policy was made or resumed.
    figures:
        What was seen, by name: counts, statistics, p-values or e-values.
    """

    policy_id: str
    watched: Watched
    number: int
    figures: Mapping[str, float] = field(default_factory=dict)
    at: str = ""


@dataclass(frozen=True, slots=True)
class TriageAlarm:
    """An alarm. While one stands, nothing is cleared.

    Parameters
    ----------
    sentence:
        What was seen, for the curator.
    lifted_at, reason:
        When a curator lifted it, and why; empty while it stands.
    """

    alarm_id: str
    policy_id: str
    task: str
    watched: Watched
    sentence: str
    raised_at: str = ""
    lifted_at: str = ""
    reason: str = ""

    @property
    def stands(self) -> bool:
        """Whether it still stops automatic clearing."""
        return not self.lifted_at
