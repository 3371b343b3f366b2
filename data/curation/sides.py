"""What one study is to a rule: positive, negative, or left out and why."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum

from data.curation.candidates import Candidate
from data.curation.intensity import IntensityVerdict, verdict_of
from data.curation.match import Reading, match_report, reading_of
from data.curation.rule import CurationRule
from data.curation.terms import ConceptKind, Terms
from data.errors import CurationError


class Step(StrEnum):
    """The steps of the flow, in their order."""

    UNLABELLED = "unlabelled"
    VIEW = "view"
    SEX = "sex"
    AGE = "age"
    DEVICE = "device"
    QUALITY = "quality"
    INTENSITY = "intensity"
    UNCERTAIN = "uncertain"
    CONFOUNDER = "confounder"
    SEVERAL = "several"
    NEITHER = "neither"
    DUPLICATE = "duplicate"
    LEAK = "leak"
    BALANCE = "balance"


TITLES = {
    Step.UNLABELLED: "Without report or labels",
    Step.VIEW: "Other view",
    Step.SEX: "Other sex",
    Step.AGE: "Outside the age range",
    Step.DEVICE: "Other device",
    Step.QUALITY: "Technical quality",
    Step.INTENSITY: "Unusable intensities",
    Step.UNCERTAIN: "Finding in doubt",
    Step.CONFOUNDER: "Confounders",
    Step.SEVERAL: "Several findings",
    Step.NEITHER: "Neither the finding nor normal",
    Step.DUPLICATE: "Near-duplicates of the same patient",
    Step.LEAK: "Near-duplicates across parts",
    Step.BALANCE: "Surplus of a class",
}


@dataclass(frozen=True, slots=True)
class Sided:
    """A candidate with what its report or labels say."""

    candidate: Candidate
    reading: Reading | None
    positive: bool = False


def sided(candidate: Candidate, rule: CurationRule, terms: Terms) -> Sided:
    """A candidate with its reading: of the labels where there are any, else of the report.

    Raises
    ------
    CurationError
        A label names no concept of the terms.
    """
    if candidate.labels is not None:
        for label in candidate.labels:
            if label not in terms:
                raise CurationError(
                    f"A label of {candidate.study_id} is no concept.",
                    given=label,
                    expected="a name that stands in the terms",
                    do="correct the label, or add its concept to terms.toml",
                )
        reading = Reading(candidate.labels, frozenset(), frozenset())
    elif candidate.report.strip():
        reading = reading_of(match_report(candidate.report, terms))
    else:
        return Sided(candidate, None)
    return Sided(candidate, reading, bool(reading.present & set(rule.positives)))


def checks(rule: CurationRule, terms: Terms) -> tuple[tuple[Step, Callable[[Sided], str]], ...]:
    """The steps that look at one study: each gives the reason to leave it out, or an empty text."""
    pathology = {concept.name for concept in terms.concepts if concept.kind is not ConceptKind.NORMAL}
    devices = {device.casefold() for device in rule.devices}
    return (
        (Step.UNLABELLED, lambda one: "" if one.reading else "no report and no labels"),
        (Step.VIEW, lambda one: _outside(one.candidate.view, rule.views, "view")),
        (Step.SEX, lambda one: _outside(one.candidate.sex, rule.sexes, "sex")),
        (Step.AGE, lambda one: _age(one.candidate.age_y, rule)),
        (Step.DEVICE, lambda one: _device(one.candidate.device, devices)),
        (Step.QUALITY, lambda one: _quality(one.candidate, rule)),
        (Step.INTENSITY, lambda one: _intensity(one.candidate, rule)),
        (Step.UNCERTAIN, lambda one: _uncertain(one, rule)),
        (Step.CONFOUNDER, lambda one: _named(one, rule.confounders)),
        (Step.SEVERAL, lambda one: _several(one, rule)),
        (Step.NEITHER, lambda one: _neither(one, rule, terms, pathology)),
    )


def _outside(value: str, taken: tuple[str, ...], what: str) -> str:
    if not taken or value in taken:
        return ""
    return f"{what} {value}" if value else f"{what} not known"


def _age(age_y: float | None, rule: CurationRule) -> str:
    low, high = rule.age_y
    if low is None and high is None:
        return ""
    if age_y is None:
        return "age not known"
    if low is not None and age_y < low:
        return f"below {low:g} years"
    return f"above {high:g} years" if high is not None and age_y > high else ""


def _device(device: str, taken: set[str]) -> str:
    if not taken or device.casefold() in taken:
        return ""
    return f"device {device}" if device else "device not known"


def _quality(candidate: Candidate, rule: CurationRule) -> str:
    for question, taken in rule.quality.items():
        answer = candidate.quality.get(question, "")
        if not answer and not rule.quality_optional:
            return f"{question} not answered"
        if answer and answer not in taken:
            return f"{question} {answer}"
    return ""


def _intensity(candidate: Candidate, rule: CurationRule) -> str:
    if rule.intensity is None or candidate.intensity is None:
        return ""
    verdict = verdict_of(candidate.intensity, rule.intensity)
    return "" if verdict is IntensityVerdict.FINE else verdict.value.replace("_", " ")


def _uncertain(one: Sided, rule: CurationRule) -> str:
    doubted = [name for name in rule.positives if one.reading and name in one.reading.uncertain]
    return "" if one.positive or not doubted else doubted[0]


def _named(one: Sided, names: tuple[str, ...]) -> str:
    """The first of the names that the report affirms, or else doubts."""
    if one.reading is None:
        return ""
    affirmed = next((name for name in names if name in one.reading.present), "")
    doubted = next((name for name in names if name in one.reading.uncertain), "")
    return affirmed or (f"{doubted} in doubt" if doubted else "")


def _several(one: Sided, rule: CurationRule) -> str:
    return "" if rule.keep_several or not one.positive else _named(one, rule.others)


def _neither(one: Sided, rule: CurationRule, terms: Terms, pathology: set[str]) -> str:
    """Why a study without the finding is no normal one."""
    if one.positive or one.reading is None:
        return ""
    if one.reading.present & pathology or one.reading.uncertain & pathology:
        return _named(one, tuple(concept.name for concept in terms.concepts if concept.name in pathology))
    if rule.normal_statement and one.candidate.labels is None:
        normal = one.reading.present & set(terms.names(ConceptKind.NORMAL))
        return "" if normal else "no statement that it is normal"
    return ""
