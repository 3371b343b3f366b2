"""A disputed case as whoever decides it sees it: the answers without names, and what is to be answered.

The readers of a case stand in an order of its own, drawn by a hash, so that nobody is known again from one case to
the next.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass

from active_learning.closing import voters
from active_learning.draws import number
from active_learning.numbering import alike
from active_learning.votes import counted, holds
from data.answers import STUDY, Answer, Form, Mask, MaskValue, Question, Site, Value
from data.blobs import Blobs
from data.records import (
    WAITING,
    Annotation,
    Appeal,
    Consensus,
    ConsensusState,
    Decision,
    Purpose,
    ReadRequest,
    RequestState,
    Round,
    RoundState,
)
from data.store import Store
from models.task import ClinicalTask

CHANGEABLE = frozenset({RoundState.PUSHED, RoundState.READ})
"""While a round is in one of these, a decision can be changed."""
Chosen = Mapping[tuple[str, Site], Value]
"""By question and site."""


@dataclass(frozen=True, slots=True)
class Voice:
    """What one reader said, without the name.

    Parameters
    ----------
    name:
        ``Reader 1``: the place in the case's own order.
    position:
        That place, from 0.
    annotation:
        With lesions numbered as the consensus numbers them.
    """

    name: str
    position: int
    annotation: Annotation


@dataclass(frozen=True, slots=True)
class Case:
    """A disputed case.

    Parameters
    ----------
    voices:
        The reads that have a vote.
    declined:
        What readers wrote who declined the case; empty text where they wrote nothing.
    outcomes:
        What the readers' answers came to, by question and site.
    decisions:
        Of everybody, the oldest first.
    appeal:
        The one appeal, if there was one.
    """

    request: ReadRequest
    round: Round
    voices: tuple[Voice, ...]
    declined: tuple[str, ...]
    outcomes: tuple[Consensus, ...]
    decisions: tuple[Decision, ...] = ()
    appeal: Appeal | None = None

    @property
    def own(self) -> Decision | None:
        """The newest decision of the adjudicator who has the case."""
        return next((d for d in reversed(self.decisions) if d.reader_id == self.request.reader_id), None)

    @property
    def may_decide(self) -> bool:
        """Whether the adjudicator who has the case may decide, or decide otherwise."""
        own = self.own
        if own is None:
            return self.round.state not in (RoundState.OPENED, RoundState.CANCELLED)
        return self.round.state in CHANGEABLE and self.appeal is None


@dataclass(frozen=True, slots=True)
class Asked:
    """A question that is to be decided, and where."""

    question: Question
    sites: tuple[Site, ...]


def queue(store: Store, task: str, reader_id: str | None) -> list[ReadRequest]:
    """The cases given to an adjudicator, or to all: those that wait, then the others, each in their order."""
    given_up = {r.round_id for r in store.rounds.all(task) if r.state == RoundState.CANCELLED}
    found = [
        request
        for request in store.reads.requests(task=task, reader_id=reader_id)
        if request.purpose == Purpose.ADJUDICATION
        and request.state != RequestState.WITHDRAWN
        and request.round_id not in given_up
    ]
    return sorted(found, key=lambda request: request.state not in WAITING)


def case_of(store: Store, blobs: Blobs, task: ClinicalTask, request: ReadRequest) -> Case:
    """All that there is to see of a case."""
    study_id, round_id = request.study_id, request.round_id
    outcomes = tuple(c for c in store.labels.consensus(task.name, round_id=round_id, study_id=study_id))
    reads = alike(store.reads.annotations(task.name, round_id=round_id, study_id=study_id), task.form, blobs)
    decisions = tuple(store.decisions.all(task.name, round_id=round_id, study_id=study_id))
    appeals = (store.decisions.appeal(d.decision_id) for d in decisions)
    return Case(
        request,
        store.rounds.get(request.round_id),
        voices_of(reads, outcomes),
        tuple(r.remark for r in reads if r.skipped and r.purpose.votes),
        outcomes,
        decisions,
        next((appeal for appeal in appeals if appeal is not None), None),
    )


def voices_of(reads: Sequence[Annotation], outcomes: Iterable[Consensus] = ()) -> tuple[Voice, ...]:
    """The reads of one case that have a vote, in the case's own order.

    Parameters
    ----------
    outcomes:
        They name the reads that they came from; without any, independent reads count, or all where there are none.
    """
    cited = {name for outcome in outcomes for name in outcome.annotations}
    voters = [r for r in reads if r.purpose.votes and not r.skipped]
    chosen = [r for r in voters if r.annotation_id in cited]
    chosen = chosen or counted(voters, count_assisted=False) or counted(voters, count_assisted=True)
    ordered = in_order(chosen)
    return tuple(Voice(f"Reader {place + 1}", place, read) for place, read in enumerate(ordered))


def in_order(reads: Iterable[Annotation]) -> list[Annotation]:
    """Reads in an order that tells nobody who read: another one in every case."""
    return sorted(reads, key=lambda r: number(0, f"{r.round_id}\0{r.study_id}", r.reader_id))


def may_appeal(store: Store, decision: Decision, reader_id: str | None) -> bool:
    """Whether the curator (None), or a reader who had a vote, may appeal against a decision: once a case."""
    given = store.decisions.all(decision.task, round_id=decision.round_id, study_id=decision.study_id)
    if decision.appeal_of or any(store.decisions.appeal(d.decision_id) for d in given):
        return False
    return reader_id is None or reader_id in voters(store, decision.task, decision.study_id)


# -- what is to be answered ------------------------------------------------------------------------------------


def asked(form: Form, outcomes: Sequence[Consensus], chosen: Chosen) -> list[Asked]:
    """What is to be decided, given what is chosen so far: what is disputed, and what opens only then."""
    found: list[Asked] = []
    decided = _agreed_at_study(outcomes)
    for question in form.questions:
        decided |= {name: value for (name, site), value in chosen.items() if site == STUDY}
        if not form.asked(question, decided):
            decided.pop(question.name, None)
            continue
        before = [o for o in outcomes if o.question == question.name]
        sites = [o.site for o in before if o.state != ConsensusState.AGREED]
        if not before or (sites and isinstance(question.kind, Mask)):
            sites = [STUDY] if isinstance(question.kind, Mask) else list(question.sites)
        if question.drawn_in:
            drawn = form.sites_asked(question, [*_agreed_masks(outcomes, chosen), *_answers(chosen)])
            sites = [site for site in sites if site in drawn]
        if sites:
            found.append(Asked(question, _in_form_order(question, sites)))
    return found


def submission(form: Form, outcomes: Sequence[Consensus], chosen: Chosen) -> tuple[Answer, ...]:
    """The answers that decide a case: those chosen, with what is agreed and what they depend on.

    Raises
    ------
    AnswerError
        An answer does not fit the form.
    """
    open_ = asked(form, outcomes, chosen)
    wanted = {(one.question.name, site) for one in open_ for site in one.sites}
    masks = {one.question.name for one in open_ if isinstance(one.question.kind, Mask)}
    given = [a for a in _answers(chosen) if (a.question, a.site) in wanted or a.question in masks]
    needed = {parent for answer in given for parent in _leaning_on(form, form[answer.question])}
    known = {answer.question for answer in given}
    context = [
        Answer(o.question, o.site, o.value)
        for o in outcomes
        if o.question in needed - known and o.value is not None and o.state == ConsensusState.AGREED
    ]
    return form.check([*given, *context])


def _leaning_on(form: Form, question: Question) -> set[str]:
    """The questions that must be answered for this one to be asked."""
    parents = {question.asked_if[0]} if question.asked_if else set[str]()
    parents |= {question.drawn_in} if question.drawn_in else set()
    return parents.union(*(_leaning_on(form, form[parent]) for parent in parents))


def missing(form: Form, outcomes: Sequence[Consensus], chosen: Chosen) -> list[tuple[Question, Site]]:
    """What is still to be answered. A mask is answered once it is chosen, however many pages it has."""
    given = {name for name, _ in chosen}
    return [
        (one.question, site)
        for one in asked(form, outcomes, chosen)
        for site in one.sites
        if (one.question.name, site) not in chosen
        and not (isinstance(one.question.kind, Mask) and one.question.name in given)
    ]


def open_findings(values: Sequence[Value], labels: Sequence[str]) -> tuple[tuple[str, ...], frozenset[str]]:
    """(findings on which no more than half agree, findings that more than half hold present).

    Where the readers are not split on any, those on which they differ at all are open.
    """
    count = {label: sum(holds(value, label) for value in values) for label in labels}
    split = [label for label in labels if 2 * max(count[label], len(values) - count[label]) <= len(values)]
    split = split or [label for label in labels if 0 < count[label] < len(values)] or list(labels)
    present = frozenset(label for label in labels if 2 * count[label] > len(values) and label not in split)
    return tuple(split), present


def _agreed_at_study(outcomes: Iterable[Consensus]) -> dict[str, Value]:
    return {
        o.question: o.value
        for o in outcomes
        if o.site == STUDY and o.value is not None and o.state == ConsensusState.AGREED
    }


def _agreed_masks(outcomes: Iterable[Consensus], chosen: Chosen) -> list[Answer]:
    taken = {name for name, _ in chosen}
    return [
        Answer(o.question, o.site, o.value)
        for o in outcomes
        if o.state == ConsensusState.AGREED and isinstance(o.value, MaskValue) and o.question not in taken
    ]


def _answers(chosen: Chosen) -> list[Answer]:
    return [Answer(name, site, value) for (name, site), value in chosen.items()]


def _in_form_order(question: Question, sites: Collection[Site]) -> tuple[Site, ...]:
    """Sites in the order in which the question names them; others last."""
    order = {site: index for index, site in enumerate(question.sites)}
    return tuple(sorted(sites, key=lambda site: (order.get(site, len(order)), site)))
