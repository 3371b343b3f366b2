"""From candidates to a curated set: every exclusion is counted by reason, step by step.

The flow is that of a CONSORT diagram: each step says how many studies came in, how many it left out and why, and
how many are left; the sums are checked where the records are made.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from itertools import pairwise

from data.curation.balance import class_sizes, drawn
from data.curation.candidates import Candidate
from data.curation.duplicates import near_duplicates
from data.curation.rule import CurationRule
from data.curation.sides import TITLES, Sided, Step, checks, sided
from data.curation.terms import ConceptKind, Terms
from data.errors import CurationError, PartError
from data.records import Part

HELD_OUT = (Part.TRAIN, Part.VALIDATION, Part.CALIBRATION, Part.TEST)
"""Of a pair across parts the study of the part named first is left out."""


@dataclass(frozen=True, slots=True)
class ReasonCount:
    """How many studies one reason left out."""

    reason: str
    count: int


@dataclass(frozen=True, slots=True)
class FlowStep:
    """One step: studies in, studies left out by reason (most frequent first), studies left."""

    step: Step
    title: str
    given: int
    reasons: tuple[ReasonCount, ...]
    left: int

    def __post_init__(self) -> None:
        if self.given - self.excluded != self.left or any(reason.count < 1 for reason in self.reasons):
            raise CurationError(
                f"The sums of the step {self.step} do not agree.",
                given=f"{self.given} in, {self.excluded} left out, {self.left} left",
                expected="in - left out = left",
                do="report this: the flow was put together wrongly",
            )

    @property
    def excluded(self) -> int:
        """How many studies the step left out."""
        return sum(reason.count for reason in self.reasons)


@dataclass(frozen=True, slots=True)
class Exclusion:
    """Why a study is not in the set."""

    study_id: str
    step: Step
    reason: str


@dataclass(frozen=True, slots=True)
class DuplicatePair:
    """Near-duplicates of two patients: first the smaller id; ``bits`` are those that differ."""

    first: str
    second: str
    bits: int
    parts: tuple[Part, Part]


@dataclass(frozen=True, slots=True)
class PartCount:
    """How many studies and patients of a part are in the set."""

    part: Part
    positives: int
    negatives: int
    patients: int


@dataclass(frozen=True, slots=True)
class Curated:
    """A curated set.

    Parameters
    ----------
    positives, negatives:
        Ids of the studies, sorted.
    rule_digest, terms_digest:
        SHA-256 of what it was made by.
    steps:
        The flow: each step takes what the one before left.
    exclusions:
        Every study that was left out, in the order of the steps.
    across_patients:
        Near-duplicates of two patients among the studies that met the rule; those of one part stay in the set.
    """

    rule: CurationRule
    rule_digest: str
    terms_digest: str
    positives: tuple[str, ...]
    negatives: tuple[str, ...]
    steps: tuple[FlowStep, ...]
    exclusions: tuple[Exclusion, ...]
    across_patients: tuple[DuplicatePair, ...]
    parts: tuple[PartCount, ...]

    def __post_init__(self) -> None:
        chained = all(one.left == two.given for one, two in pairwise(self.steps))
        size = len(self.positives) + len(self.negatives)
        counted = sum(count.positives + count.negatives for count in self.parts)
        excluded = sum(step.excluded for step in self.steps) == len(self.exclusions)
        if not (chained and excluded and self.steps and self.steps[-1].left == size == counted):
            raise CurationError(
                "The sums of the flow do not agree.",
                given=f"{size} studies in the set, {counted} by part, {len(self.exclusions)} left out",
                expected="steps that follow one another and end at the set",
                do="report this: the flow was put together wrongly",
            )

    @property
    def study_ids(self) -> tuple[str, ...]:
        """All studies of the set, sorted."""
        return tuple(sorted((*self.positives, *self.negatives)))


def curate(
    candidates: Iterable[Candidate], rule: CurationRule, terms: Terms, parts: Mapping[str, Part]
) -> Curated:
    """Draw a rule's set from candidates.

    Positive are studies with the finding and no confounder, negative those without a sign of any pathology. Of
    near-duplicates of one patient the one with the smallest id stays; of a pair across parts the one nearer to
    training is left out; classes are drawn to their sizes within each part.

    Parameters
    ----------
    parts:
        The part of every candidate's patient; one a patient, so that parts never share a patient.

    Raises
    ------
    CurationError
        A concept of the rule is not in the terms, a label is none, or two candidates have one id.
    PartError
        A patient has no part.
    """
    given = _checked(candidates, rule, terms, parts)
    left = {candidate.study_id: sided(candidate, rule, terms) for candidate in given}
    flow = _Flow(list(left))
    for step, reason_of in checks(rule, terms):
        flow.leave_out(step, {study: reason_of(left[study]) for study in flow.left})
    across = _without_duplicates(flow, left, rule, parts)
    _balanced(flow, left, rule, parts)
    positives = tuple(study for study in flow.left if left[study].positive)
    negatives = tuple(study for study in flow.left if not left[study].positive)
    return Curated(
        rule,
        rule.digest,
        terms.digest,
        positives,
        negatives,
        tuple(flow.steps),
        tuple(flow.exclusions),
        across,
        tuple(_count(part, flow.left, left, parts) for part in Part),
    )


def _checked(
    candidates: Iterable[Candidate], rule: CurationRule, terms: Terms, parts: Mapping[str, Part]
) -> list[Candidate]:
    """The candidates by id, if they and the rule fit."""
    for field, names in (
        ("positives", rule.positives),
        ("confounders", rule.confounders),
        ("others", rule.others),
    ):
        wrong = next((name for name in names if name not in terms or terms[name].kind is ConceptKind.NORMAL), None)
        if wrong is not None:
            raise CurationError(
                f"{field} of the rule name what the terms do not hold.",
                given=wrong,
                expected=", ".join((*terms.names(ConceptKind.FINDING), *terms.names(ConceptKind.CONFOUNDER))),
                do="correct the rule, or add the concept to terms.toml",
            )
    given = sorted(candidates, key=lambda candidate: candidate.study_id)
    for one, two in pairwise(given):
        if one.study_id == two.study_id:
            raise CurationError(
                "Two candidates are one study.",
                given=one.study_id,
                expected="each study once",
                do="leave one of them out",
            )
    lost = sorted({candidate.patient_id for candidate in given} - set(parts))
    if lost:
        raise PartError(
            "Some patients have no part.",
            given=f"{len(lost)} patients",
            expected="a part for every candidate's patient",
            do="give the parts of all patients, as data.splits draws them",
        )
    return given


class _Flow:
    """The studies that are left, and what became of the others."""

    def __init__(self, studies: list[str]) -> None:
        self.left = studies
        self.steps: list[FlowStep] = []
        self.exclusions: list[Exclusion] = []

    def leave_out(self, step: Step, reasons: Mapping[str, str]) -> None:
        """Leave out the studies with a reason."""
        gone = [Exclusion(study, step, reasons[study]) for study in self.left if reasons.get(study)]
        counted = Counter(exclusion.reason for exclusion in gone)
        ranked = sorted(counted.items(), key=lambda entry: (-entry[1], entry[0]))
        before, out = len(self.left), {exclusion.study_id for exclusion in gone}
        self.left = [study for study in self.left if study not in out]
        why = tuple(ReasonCount(*entry) for entry in ranked)
        self.steps.append(FlowStep(step, TITLES[step], before, why, len(self.left)))
        self.exclusions += gone


def _without_duplicates(
    flow: _Flow, known: Mapping[str, Sided], rule: CurationRule, parts: Mapping[str, Part]
) -> tuple[DuplicatePair, ...]:
    """Leave out near-duplicates of one patient and pairs across parts; pairs of two patients come back."""
    hashed = [study for study in flow.left if known[study].candidate.phash is not None]
    hashes = [known[study].candidate.phash or 0 for study in hashed]
    distance = rule.duplicate_distance
    near = [] if distance is None else near_duplicates(hashes, distance)
    pairs = [(hashed[i], hashed[j], bits) for i, j, bits in near]
    patient = {study: known[study].candidate.patient_id for study in hashed}
    same: dict[str, str] = {}
    for first, second, _ in pairs:  # sorted, so that a first one's own fate is settled
        if patient[first] == patient[second] and first not in same:
            other = known[first].positive != known[second].positive
            same.setdefault(second, "labelled otherwise" if other else "labelled alike")
    flow.leave_out(Step.DUPLICATE, same)
    across = tuple(
        DuplicatePair(first, second, bits, (parts[patient[first]], parts[patient[second]]))
        for first, second, bits in pairs
        if patient[first] != patient[second] and first not in same and second not in same
    )
    flow.leave_out(Step.LEAK, _leaks(across))
    return across


def _leaks(across: Iterable[DuplicatePair]) -> dict[str, str]:
    """The studies to leave out so that no pair spans two parts."""
    gone: dict[str, str] = {}
    ranked = sorted(across, key=lambda pair: (max(map(HELD_OUT.index, pair.parts)) * -1, pair.first, pair.second))
    for pair in ranked:
        if pair.parts[0] is pair.parts[1] or pair.first in gone or pair.second in gone:
            continue
        one, two = (HELD_OUT.index(part) for part in pair.parts)
        out, kept = (pair.first, pair.parts[1]) if one < two else (pair.second, pair.parts[0])
        part = min(pair.parts, key=HELD_OUT.index)
        gone[out] = f"{part} study like one of {kept}"
    return gone


def _balanced(flow: _Flow, known: Mapping[str, Sided], rule: CurationRule, parts: Mapping[str, Part]) -> None:
    """Leave out what each part has beyond its classes' sizes."""
    surplus: dict[str, str] = {}
    for part in Part:
        own = [study for study in flow.left if parts[known[study].candidate.patient_id] is part]
        sides = [[study for study in own if known[study].positive is positive] for positive in (True, False)]
        sizes = class_sizes(len(sides[0]), len(sides[1]), rule.negatives_per_positive)
        for name, studies, size in zip(("positive", "negative"), sides, sizes, strict=True):
            stay = set(drawn(studies, size, rule.seed))
            surplus |= {study: f"{name}, {part}" for study in studies if study not in stay}
    flow.leave_out(Step.BALANCE, surplus)


def _count(part: Part, left: Iterable[str], known: Mapping[str, Sided], parts: Mapping[str, Part]) -> PartCount:
    own = [known[study] for study in left if parts[known[study].candidate.patient_id] is part]
    positives = sum(one.positive for one in own)
    return PartCount(part, positives, len(own) - positives, len({one.candidate.patient_id for one in own}))
