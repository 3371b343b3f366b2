"""From the readers' answers to one: a strict majority, or else an adjudicator who had no vote.

An answer stands where more than half of all reads of the case gave it, which is more than half of those that
answered the question as well. Reads are independent ones; assisted reads count only where the task says so, and
never for test, calibration and validation patients. Skipped reads are no votes.

- A question with a condition is decided only where the consensus chose the option that it depends on, and by the
  readers who chose it too.
- Findings: each one by itself; the answer stands when all of them do.
- Masks: whether a label is there by majority, its outline pixel by pixel. Support is the mean Dice of the reads.
- Measurements: the median, where more than half of the reads gave one.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from statistics import median

from active_learning.outlines import decide_masks
from active_learning.votes import Vote, counted, votes
from data.answers import STUDY, Findings, Form, Mask, MaskValue, Measurement, Question, Site, Value
from data.blobs import Blobs
from data.errors import RoundError
from data.records import Annotation, Consensus, ConsensusState, Purpose

MAJORITY = "majority"
TOO_FEW = "majority: too few reads"
ADJUDICATION = "adjudication"
MIN_READS = 2
"""Reads below which a case is disputed, unless the plan asks for one read a case."""


@dataclass(frozen=True, slots=True)
class _Case:
    task: str
    study_id: str
    round_id: str
    reads: tuple[Annotation, ...]

    def record(
        self, question: Question, site: Site, value: Value | None, support: float, method: str = MAJORITY
    ) -> Consensus:
        state = ConsensusState.DISPUTED if value is None else ConsensusState.AGREED
        of = tuple(sorted(a.annotation_id for a in self.reads))
        return Consensus(
            self.task, self.study_id, self.round_id, question.name, site, state, value, method, support, of
        )


def majority(
    annotations: Sequence[Annotation],
    form: Form,
    *,
    task: str,
    study_id: str,
    round_id: str = "",
    count_assisted: bool = False,
    blobs: Blobs | None = None,
    reads_expected: int = 3,
) -> list[Consensus]:
    """What the readers agreed on, for each question and site that the consensus reaches, in the form's order.

    The order of the annotations has no say in it.

    Parameters
    ----------
    annotations:
        Of this study; adjudications among them do not vote. Of a reader's several one counts.
    count_assisted:
        Whether assisted reads count, too; heeded only if every read is for acquisition.
    blobs:
        Where masks lie and are kept; needed where the form asks for one and readers differ.
    reads_expected:
        Reads that the plan asks for a case. Unless it asks for one, a single read decides nothing.

    Returns
    -------
    list[Consensus]
        Agreed or disputed. A site that is no part of every study (a lesion) and that nobody answered gives none.

    Raises
    ------
    ValueError
        Masks differ and no blobs were given.
    """
    voters = [a for a in annotations if a.study_id == study_id and a.purpose != Purpose.ADJUDICATION]
    count_assisted = count_assisted and all(a.purpose == Purpose.ACQUISITION for a in voters)
    case = _Case(task, study_id, round_id, tuple(counted(voters, count_assisted=count_assisted)))
    if len(case.reads) < min(MIN_READS, reads_expected):
        return [
            case.record(question, site, None, 0.0, TOO_FEW)
            for question in form.questions
            if question.asked_if is None
            for site in ([STUDY] if isinstance(question.kind, Mask) else question.sites)
            if _always_there(site)
        ]
    decided: dict[str, Value] = {}
    outcomes: list[Consensus] = []
    for question in form.questions:
        if not form.asked(question, decided):
            continue
        found = list(_decide(case, question, votes(case.reads, question, form), blobs))
        decided.update((question.name, o.value) for o in found if o.site == STUDY and o.value is not None)
        outcomes += found
    return outcomes


def needs_adjudication(outcomes: Sequence[Consensus]) -> bool:
    """Whether anything is disputed."""
    return any(outcome.state == ConsensusState.DISPUTED for outcome in outcomes)


def adjudicate(
    outcomes: Sequence[Consensus],
    annotation: Annotation,
    form: Form,
    *,
    annotations: Sequence[Annotation] = (),
) -> list[Consensus]:
    """Settle what is disputed as the adjudicator answered it; what was agreed stays.

    Questions that open only now, because the adjudicator settled the question that they depend on, come from the
    adjudicator too. What the adjudicator left unanswered stays disputed; a skipped adjudication settles nothing.

    Parameters
    ----------
    outcomes:
        Of one study, as :func:`majority` gave them.
    annotation:
        The adjudicator's.
    annotations:
        The readers' annotations: to see that the adjudicator had no vote, and how many said the same.

    Raises
    ------
    RoundError
        The adjudicator had a vote, or read another study.
    """
    if not outcomes or annotation.skipped:
        return list(outcomes)
    cast = {name for outcome in outcomes for name in outcome.annotations}
    readers = [a for a in annotations if a.annotation_id in cast]
    if annotation.annotation_id in cast or annotation.reader_id in {a.reader_id for a in readers}:
        raise RoundError(
            "The adjudicator had a vote on this case.",
            given=annotation.reader_id,
            expected="somebody who did not read it",
            do="name another adjudicator",
        )
    if annotation.study_id != outcomes[0].study_id:
        raise RoundError(
            "The adjudication is of another study.", given=annotation.study_id, expected=outcomes[0].study_id
        )
    decided = {o.question: o.value for o in outcomes if o.site == STUDY and o.value is not None}
    settled: list[Consensus] = []
    for question in form.questions:
        before = [o for o in outcomes if o.question == question.name]
        after = before
        if form.asked(question, decided):
            after = _settle(before, question, annotation, readers, form, outcomes[0])
        decided.update((o.question, o.value) for o in after if o.site == STUDY and o.value is not None)
        settled += after
    return settled


def _settle(
    before: list[Consensus],
    question: Question,
    annotation: Annotation,
    readers: Sequence[Annotation],
    form: Form,
    example: Consensus,
) -> list[Consensus]:
    """One question's outcomes after the adjudicator's answers to it."""
    open_sites = {o.site for o in before if o.state == ConsensusState.DISPUTED}
    if before and not open_sites:
        return before
    whole = not before or isinstance(question.kind, Mask)  # a mask is settled on every page or on none
    answers = {site: cast[0] for site, cast in votes([annotation], question, form).items() if cast}
    if isinstance(question.kind, Mask) and answers:
        empty = next(iter(answers.values()))
        for outcome in before:
            missing = Vote(
                empty.annotation_id, empty.reader_id, _empty_mask(outcome.site, readers, question, form)
            )
            answers.setdefault(outcome.site, missing)
    opinions = votes(readers, question, form) if readers else {}
    cited = tuple(sorted({*example.annotations, annotation.annotation_id}))
    by_site = {o.site: o for o in before}
    for site, vote in answers.items():
        if site not in open_sites and not whole:
            continue
        same = sum(v.value == vote.value for v in opinions.get(site, []))
        by_site[site] = replace(
            example,
            question=question.name,
            site=site,
            state=ConsensusState.ADJUDICATED,
            value=vote.value,
            method=ADJUDICATION,
            support=same / len(readers) if readers else 0.0,
            annotations=cited,
            created_at="",
        )
    return [by_site[site] for site in sorted(by_site)]


def _empty_mask(site: Site, readers: Sequence[Annotation], question: Question, form: Form) -> Value:
    """An empty mask of a page's shape, as far as a reader marked that page."""
    cast = votes(readers, question, form).get(site, []) if readers else []
    return MaskValue(next((v.value.shape for v in cast if isinstance(v.value, MaskValue)), ()))


def _decide(
    case: _Case, question: Question, by_site: dict[Site, list[Vote]], blobs: Blobs | None
) -> list[Consensus]:
    reads = len(case.reads)
    if isinstance(question.kind, Mask):
        decided = decide_masks(question.kind.labels, by_site, reads, blobs)
        return [case.record(question, site, value, support) for site, value, support in decided]
    return [
        case.record(question, site, *_of_values(question, [vote.value for vote in cast], reads))
        for site, cast in by_site.items()
        if cast or _always_there(site)
    ]


def _of_values(question: Question, values: list[Value], reads: int) -> tuple[Value | None, float]:
    """The value that stands, or None, and its support."""
    if not values:
        return None, 0.0
    match question.kind:
        case Findings(labels):
            return _of_findings(labels, values, reads)
        case Measurement():
            numbers = [float(v) for v in values if isinstance(v, int | float)]
            return (median(numbers) if 2 * len(numbers) > reads else None), len(numbers) / reads
    tally = Counter(values)
    top = max(tally.values())
    winner = next(value for value, count in tally.items() if count == top)
    return (winner if 2 * top > reads else None), top / reads


def _of_findings(labels: tuple[str, ...], values: list[Value], reads: int) -> tuple[Value | None, float]:
    present = {label: sum(isinstance(v, frozenset) and label in v for v in values) for label in labels}
    agreed = {label: max(count, len(values) - count) for label, count in present.items()}
    support = min(agreed.values(), default=len(values)) / reads
    if any(2 * count <= reads for count in agreed.values()):
        return None, support
    return frozenset(label for label, count in present.items() if 2 * count > reads), support


def _always_there(site: Site) -> bool:
    return not site.key.startswith("lesion:")
