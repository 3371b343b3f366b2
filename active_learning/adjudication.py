"""What an adjudicator's answers make of a disputed case: somebody who had no vote on it decides."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from active_learning.votes import Vote, votes
from data.answers import STUDY, Answer, Form, Mask, MaskValue, Question, Site, Value
from data.errors import RoundError
from data.records import Annotation, Consensus, ConsensusState

ADJUDICATION = "adjudication"


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
        Of one study, as :func:`active_learning.consensus.agree` gave them.
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
        before = _there([o for o in outcomes if o.question == question.name], question, settled, form)
        after = before
        if form.asked(question, decided):
            after = _settle(before, question, annotation, readers, form, outcomes[0])
        decided.update((o.question, o.value) for o in after if o.site == STUDY and o.value is not None)
        settled += after
    return settled


def _there(
    before: list[Consensus], question: Question, settled: Sequence[Consensus], form: Form
) -> list[Consensus]:
    """A question's outcomes without those of lesions that the settled outlines do not have."""
    drawing = [o for o in settled if o.question == question.drawn_in]
    if not drawing or any(o.state == ConsensusState.DISPUTED for o in drawing):
        return before
    drawn = form.sites_asked(
        question, [Answer(o.question, o.site, o.value) for o in drawing if o.value is not None]
    )
    return [o for o in before if o.state != ConsensusState.DISPUTED or o.site in drawn]


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
            probability=None,
            quality=(),
        )
    return [by_site[site] for site in sorted(by_site)]


def _empty_mask(site: Site, readers: Sequence[Annotation], question: Question, form: Form) -> Value:
    """An empty mask of a page's shape, as far as a reader marked that page."""
    cast = votes(readers, question, form).get(site, []) if readers else []
    return MaskValue(next((v.value.shape for v in cast if isinstance(v.value, MaskValue)), ()))
