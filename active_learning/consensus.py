"""From the readers' answers to one, by the task's rule.

By majority an answer stands where more than half of all reads of the case gave it, which is more than half of
those that answered the question as well; other rules are in :mod:`active_learning.rules`. Reads are independent
ones; assisted reads count only where the task says so, and never for test, calibration and validation patients.
Skipped reads are no votes, and neither are hidden second reads. What does not stand goes to an adjudicator
(:mod:`active_learning.adjudication`).

- A question with a condition is decided only where the consensus chose the option that it depends on, and by the
  readers who chose it too.
- Findings: each one by itself; the answer stands when all of them do.
- Masks: whether a label is there by majority, its outline by those who marked it: by majority of pixels or STAPLE.
  Support is the mean Dice of the reads.
- Measurements: the median, where more than half of the reads gave one.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from active_learning.outlines import MaskRule, decide_masks
from active_learning.rules import MAJORITY, PLAIN, Opinion, Rule
from active_learning.votes import Vote, counted, votes
from data.answers import STUDY, Form, Mask, Question, Site, Value
from data.blobs import Blobs
from data.records import Annotation, Consensus, ConsensusState, Purpose

MIN_READS = 2
"""Reads below which a case is disputed, unless the plan asks for one read a case."""


@dataclass(frozen=True, slots=True)
class _Case:
    task: str
    study_id: str
    round_id: str
    reads: tuple[Annotation, ...]

    def record(self, question: Question, site: Site, opinion: Opinion, method: str) -> Consensus:
        state = ConsensusState.DISPUTED if opinion.value is None else ConsensusState.AGREED
        return Consensus(
            self.task,
            self.study_id,
            self.round_id,
            question.name,
            site,
            state,
            opinion.value,
            method,
            opinion.support,
            tuple(sorted(a.annotation_id for a in self.reads)),
            probability=opinion.probability,
            quality=opinion.quality,
            guideline=max((a.guideline for a in self.reads), default=0),
        )


def agree(
    annotations: Sequence[Annotation],
    form: Form,
    *,
    task: str,
    study_id: str,
    round_id: str = "",
    count_assisted: bool = False,
    blobs: Blobs | None = None,
    reads_expected: int = 3,
    rule: Rule = PLAIN,
) -> list[Consensus]:
    """What the readers agreed on, for each question and site that the consensus reaches, in the form's order.

    The order of the annotations has no say in it.

    Parameters
    ----------
    annotations:
        Of this study; adjudications and second reads among them do not vote. Of a reader's several one counts.
    count_assisted:
        Whether assisted reads count, too; heeded only if every read is for acquisition.
    blobs:
        Where masks lie and are kept; needed where the form asks for one and readers differ.
    reads_expected:
        Reads that the plan asks for a case. Unless it asks for one, a single read decides nothing.
    rule:
        How votes become an answer.

    Returns
    -------
    list[Consensus]
        Agreed or disputed. A site that is no part of every study (a lesion) and that nobody answered gives none.

    Raises
    ------
    ValueError
        Masks differ and no blobs were given.
    """
    voters = [a for a in annotations if a.study_id == study_id and a.purpose.votes]
    count_assisted = count_assisted and all(a.purpose == Purpose.ACQUISITION for a in voters)
    case = _Case(task, study_id, round_id, tuple(counted(voters, count_assisted=count_assisted)))
    if len(case.reads) < min(MIN_READS, reads_expected):
        return [
            case.record(question, site, Opinion(None, 0.0), f"{rule.name}: too few reads")
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
        found = list(_decide(case, question, votes(case.reads, question, form), blobs, rule))
        decided.update((question.name, o.value) for o in found if o.site == STUDY and o.value is not None)
        outcomes += found
    return outcomes


def _decide(
    case: _Case, question: Question, by_site: dict[Site, list[Vote]], blobs: Blobs | None, rule: Rule
) -> list[Consensus]:
    reads = len(case.reads)
    if isinstance(question.kind, Mask):
        readers = sorted({vote.reader_id for cast in by_site.values() for vote in cast})
        quality = rule.quality_of(question.name, question.kind.labels, readers)
        decided = decide_masks(question.kind.labels, by_site, reads, blobs, rule=MaskRule(rule.outlines))
        method = MAJORITY if rule.outlines == MAJORITY else f"{MAJORITY}, outlines by {rule.outlines}"
        return [
            case.record(question, site, Opinion(value, support, quality=quality), method)
            for site, value, support in decided
        ]
    return [
        case.record(question, site, rule.of(question, site, cast, reads, case.study_id), rule.name)
        for site, cast in by_site.items()
        if cast or _always_there(site)
    ]


def _always_there(site: Site) -> bool:
    return not site.key.startswith("lesion:")
