"""From a round's reads to its reference standard: consensus, adjudication, appeal.

A case that the readers do not agree on goes to an adjudicator who has never had a vote on it, in this round or
another. The decision is kept with its reason; it can be appealed once, and then another adjudicator decides. What
stands is formed anew whenever a read or a decision changes.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence

from active_learning.adjudication import adjudicate, needs_adjudication
from active_learning.consensus import agree
from active_learning.desk import request_of
from active_learning.guidelines import counting
from active_learning.numbering import alike
from active_learning.plan import RoundPlan
from active_learning.rules import MAJORITY, Rule
from active_learning.surroundings import Surroundings
from data.answers import Answer
from data.errors import RoundError
from data.records import (
    WAITING,
    Annotation,
    Consensus,
    Decision,
    Mode,
    Prediction,
    Purpose,
    ReaderRole,
    ReadRequest,
    RequestState,
    Round,
    RoundState,
)
from data.store import Store


class Closing:
    """What the reads of a task's rounds come to."""

    def __init__(self, around: Surroundings) -> None:
        self.around = around
        self.store, self.task = around.store, around.task

    # -- consensus -----------------------------------------------------------------------------------------

    def form(self, current: Round, *, studies: Collection[str] | None = None) -> dict[str, list[Consensus]]:
        """Form and keep the consensus of a round's studies, or of these, decisions included."""
        batch = self.store.rounds.batch(current.round_id).items
        wanted = [item for item in batch if studies is None or item.study_id in studies]
        every = alike(self.store.reads.annotations(self.task.name), self.task.form, self.around.blobs)
        own: dict[str, list[Annotation]] = {}
        for annotation in every:
            if annotation.round_id == current.round_id:
                own.setdefault(annotation.study_id, []).append(annotation)
        plan, rule = RoundPlan.from_dict(current.plan), self._rule(current, every)
        outcomes: dict[str, list[Consensus]] = {}
        for item in wanted:
            reads = own.get(item.study_id, [])
            formed = agree(
                reads,
                self.task.form,
                task=self.task.name,
                study_id=item.study_id,
                round_id=current.round_id,
                count_assisted=self.task.config.reading.count_assisted and item.purpose == Purpose.ACQUISITION,
                blobs=self.around.blobs,
                reads_expected=plan.readers_per_case,
                rule=rule,
            )
            outcomes[item.study_id] = self._settled(current, formed, reads)
        self.store.labels.replace_consensus(self.task.name, current.round_id, outcomes)
        return outcomes

    def _rule(self, current: Round, annotations: Sequence[Annotation]) -> Rule:
        """The task's rule, with what it has learnt from all of the task's reads."""
        reading = self.task.config.reading
        predictions: Mapping[str, Prediction] = {}
        if current.champion and reading.consensus != MAJORITY:
            read = {a.study_id for a in annotations if a.purpose.votes}
            predictions = self.store.versions.predictions(current.champion, study_ids=read)
        return Rule.learnt(
            reading.consensus,
            annotations,
            self.task.form,
            certain=reading.certain,
            outlines=reading.outlines,
            counts=counting(self.store, self.task.name),
            predictions=predictions,
        )

    def _settled(
        self, current: Round, formed: Sequence[Consensus], reads: Sequence[Annotation]
    ) -> list[Consensus]:
        """A study's outcomes with the decision that stands, if there is one."""
        if not formed:
            return []
        study_id = formed[0].study_id
        decisions = self.store.decisions.all(self.task.name, round_id=current.round_id, study_id=study_id)
        if not decisions or not needs_adjudication(formed):
            return list(formed)
        last = max(decisions, key=lambda d: (bool(d.appeal_of), d.created_at)).annotation_id
        by = next((a for a in reads if a.annotation_id == last), None)
        return list(formed) if by is None else adjudicate(formed, by, self.task.form, annotations=reads)

    def catch_up(self, current: Round) -> None:
        """Keep adjudicators' answers as decisions, and form anew what reads have changed since it was formed."""
        reads = self.store.reads.annotations(self.task.name, round_id=current.round_id)
        for annotation in reads:
            self.note(annotation)
        newest: dict[str, str] = {}
        every = self.store.reads.annotations(self.task.name, round_id=current.round_id, every_revision=True)
        for annotation in every:  # those that were taken back included
            newest[annotation.study_id] = max(newest.get(annotation.study_id, ""), annotation.created_at)
        formed = self.store.labels.consensus(self.task.name, round_id=current.round_id)
        stale = {c.study_id for c in formed if newest.get(c.study_id, "") > c.created_at}
        if stale:
            self.form(current, studies=stale)

    # -- adjudication --------------------------------------------------------------------------------------

    def ask(self, current: Round, studies: Iterable[str], *, not_by: Collection[str] = ()) -> list[ReadRequest]:
        """Plan adjudications of studies that nobody was asked to decide; those that nobody may decide stay open.

        Parameters
        ----------
        not_by:
            Adjudicators who must not: they have decided on the case before.
        """
        asked = self.store.reads.requests(round_id=current.round_id)
        taken = {r.study_id for r in asked if r.purpose == Purpose.ADJUDICATION and r.reader_id not in not_by}
        planned: list[ReadRequest] = []
        loads = Counter(r.reader_id for r in self.store.reads.requests(states=WAITING))
        for study_id in studies:
            if study_id in taken:
                continue
            judge = self._adjudicator(current, study_id, loads, not_by)
            if judge is None:
                self.store.log.add("case.no_adjudicator", study_id, round=current.round_id)
                continue
            loads[judge] += 1
            guideline = max((r.guideline for r in asked), default=0)
            planned.append(
                request_of(
                    current, study_id, judge, Purpose.ADJUDICATION, Mode.INDEPENDENT, guideline, len(planned)
                )
            )
        self.store.reads.plan(planned)
        return planned

    def _adjudicator(
        self, current: Round, study_id: str, loads: Mapping[str, int], not_by: Collection[str]
    ) -> str | None:
        """Who decides: the plan's adjudicator, else the least loaded other one, and nobody who had a vote."""
        named = RoundPlan.from_dict(current.plan).adjudicator
        if not named:
            return None
        kind = self.store.reads.reader(named).kind
        others = [
            r.reader_id
            for r in self.store.reads.readers(role=ReaderRole.ADJUDICATOR, kind=kind)
            if r.active and r.reader_id != named
        ]
        barred = {*not_by, *voters(self.store, self.task.name, study_id)}
        for reader_id in (named, *sorted(others, key=lambda reader: loads[reader])):
            if reader_id not in barred:
                return reader_id
        return None

    def waiting(self, round_id: str) -> list[ReadRequest]:
        """The adjudications that are still to come."""
        requests = self.store.reads.requests(round_id=round_id, states=WAITING)
        return [r for r in requests if r.purpose == Purpose.ADJUDICATION]

    def note(self, annotation: Annotation) -> Decision | None:
        """Keep an adjudicator's annotation as a decision; None where the adjudicator declined."""
        if annotation.purpose != Purpose.ADJUDICATION or annotation.skipped:
            return None
        before = self.store.decisions.all(
            annotation.task, round_id=annotation.round_id, study_id=annotation.study_id
        )
        first = next((d for d in before if not d.appeal_of and d.reader_id != annotation.reader_id), None)
        return self.store.decisions.keep(
            Decision(
                "",
                annotation.task,
                annotation.study_id,
                annotation.round_id,
                annotation.reader_id,
                annotation.annotation_id,
                annotation.revision,
                annotation.remark,
                appeal_of=first.decision_id if first else "",
            )
        )

    def decide(
        self, current: Round, study_id: str, reader_id: str, answers: Sequence[Answer], why: str
    ) -> Decision:
        """Decide on a case in the workbench, in place of the labelling server.

        Raises
        ------
        RoundError
            The case was not given to this adjudicator, was decided on appeal, or no reason is given.
        AnswerError
            An answer does not fit the form.
        """
        request = next(
            (
                r
                for r in self.store.reads.requests(round_id=current.round_id, reader_id=reader_id)
                if r.study_id == study_id
                and r.purpose == Purpose.ADJUDICATION
                and r.state != RequestState.WITHDRAWN
            ),
            None,
        )
        if request is None or current.state in (RoundState.CANCELLED, RoundState.OPENED):
            raise RoundError(
                "This case is not yours to decide.",
                given=f"{reader_id} for {study_id}",
                expected="a disputed case that was given to you",
                do="see the page Adjudication for the cases that wait",
            )
        given = self.store.decisions.all(self.task.name, round_id=current.round_id, study_id=study_id)
        if any(self.store.decisions.appeal(d.decision_id) for d in given if d.reader_id == reader_id):
            raise RoundError(
                "This decision was appealed: another adjudicator has the case.", given=study_id,
                expected="a case without an appeal", do="leave it",
            )  # fmt: skip
        if not why.strip():
            raise RoundError(
                "A decision needs a reason.", given="none", expected="a sentence", do="say what decided it"
            )
        checked = self.task.form.check([*self._agreed(current, study_id, answers), *answers])
        if not answers:
            raise RoundError(
                "Nothing is decided.", given="no answer", expected="an answer to each disputed question",
                do="choose one",
            )  # fmt: skip
        with self.store.write():
            annotation = self.store.reads.keep(
                Annotation(
                    annotation_id=f"an-{request.request_id}",
                    task=self.task.name,
                    study_id=study_id,
                    reader_id=reader_id,
                    mode=request.mode,
                    answers=checked,
                    request_id=request.request_id,
                    round_id=current.round_id,
                    purpose=Purpose.ADJUDICATION,
                    guideline=request.guideline,
                    remark=why.strip(),
                )
            )
            decision = self.note(annotation)
        assert decision is not None  # noqa: S101 - it is an adjudication with answers
        self.form(current, studies=[study_id])
        return decision

    def _agreed(self, current: Round, study_id: str, answers: Sequence[Answer]) -> list[Answer]:
        """What was agreed of the questions that others depend on: an adjudicator need not say it again."""
        parents = {question.asked_if[0] for question in self.task.form.questions if question.asked_if}
        given = {(answer.question, answer.site) for answer in answers}
        return [
            Answer(c.question, c.site, c.value)
            for c in self.store.labels.consensus(self.task.name, round_id=current.round_id, study_id=study_id)
            if c.question in parents and c.value is not None and (c.question, c.site) not in given
        ]

    def appeal(self, decision_id: str, *, reader_id: str, reason: str) -> ReadRequest:
        """Appeal against a decision; another adjudicator is asked, whose decision is the last one.

        Parameters
        ----------
        reader_id:
            One of the case's readers, or empty for the curator.

        Raises
        ------
        RoundError
            The reader did not read the case, or there is no other adjudicator.
        ConflictError
            The case was appealed already, or no reason is given.
        """
        decision = self.store.decisions.get(decision_id)
        current = self.store.rounds.get(decision.round_id)
        if reader_id and reader_id not in voters(self.store, self.task.name, decision.study_id):
            raise RoundError(
                "Only a reader of the case may appeal.", given=reader_id, expected="a reader who had a vote on it",
                do="ask the curator",
            )  # fmt: skip
        with self.store.write():
            self.store.decisions.object(decision_id, reader_id=reader_id, reason=reason)
            planned = self.ask(current, [decision.study_id], not_by={decision.reader_id})
            if not planned:
                raise RoundError(
                    "There is no other adjudicator.",
                    given=f"{decision.reader_id} decided",
                    expected="an adjudicator who neither read nor decided the case",
                    do="add one with `consilium readers add NAME --adjudicator`",
                )
        return planned[0]


def voters(store: Store, task: str, study_id: str) -> set[str]:
    """Who has answered a study in any round: they may appeal against a decision on it, and never make one."""
    reads = store.reads.annotations(task, study_id=study_id)
    return {a.reader_id for a in reads if a.purpose != Purpose.ADJUDICATION and not a.skipped}
