"""Qualification: a new reader answers cases whose answers are known, before reads count.

The set is the same for all readers of a task as long as its reference standard is: training patients' studies with
a complete standard, drawn by a hash. Test patients are never in it.
"""

from __future__ import annotations

from collections.abc import Iterable

from active_learning.draws import number
from active_learning.numbering import alike
from active_learning.plan import RoundPlan
from active_learning.surroundings import Surroundings
from active_learning.votes import ballots
from data.answers import Answer
from data.errors import RoundError
from data.records import (
    Annotation,
    BatchItem,
    Mode,
    Part,
    Purpose,
    Qualification,
    Reader,
    ReaderKind,
    Round,
    RoundKind,
    RoundState,
)

REASON = "its answers are known: it shows how this reader reads"


class Qualifying:
    """The qualification rounds of a task."""

    def __init__(self, around: Surroundings) -> None:
        self.around = around
        self.store, self.task = around.store, around.task

    def missing(self, readers: Iterable[str]) -> list[str]:
        """The people among these readers who have not passed yet; none where the task asks for none."""
        if not self.task.config.reading.qualification_cases:
            return []
        people = [r for r in map(self.store.reads.reader, readers) if r.kind == ReaderKind.PERSON]
        return [
            r.reader_id for r in people if self.store.qualifications.passed(self.task.name, r.reader_id) is None
        ]

    def open(self, reader: Reader, *, cases: int | None = None) -> Round:
        """Open a reader's qualification round; the one that is open already, where there is one.

        Parameters
        ----------
        cases:
            How many; as the task says without it.

        Raises
        ------
        RoundError
            There are too few studies with a reference standard that the reader has not seen.
        """
        for known in self.store.rounds.all(self.task.name, kind=RoundKind.QUALIFICATION):
            ended = known.state in (RoundState.CLOSED, RoundState.CANCELLED)
            if not ended and RoundPlan.from_dict(known.plan).readers == (reader.reader_id,):
                return known
        wanted = cases or self.task.config.reading.qualification_cases or 10
        standard = self.store.labels.standard(self.task.name, {Part.TRAIN})
        seen = {a.study_id for a in self.store.reads.annotations(self.task.name, reader_id=reader.reader_id)}
        complete = [s for s, answers in standard.items() if self.task.form.is_complete(answers) and s not in seen]
        studies = [s.study_id for s in self.store.studies.find(study_ids=complete) if not s.held]
        chosen = sorted(studies, key=lambda study_id: number(0, "qualification", study_id))[:wanted]
        if len(chosen) < wanted:
            raise RoundError(
                "There are too few cases whose answers are known.",
                given=f"{len(chosen)} that {reader.reader_id} has not read",
                expected=f"{wanted}",
                do="import reference labels, or ask for fewer cases",
            )
        items = [BatchItem(s, Purpose.QUALIFICATION, Mode.INDEPENDENT, 0.0, REASON) for s in chosen]
        plan = RoundPlan((reader.reader_id,), readers_per_case=1, budget=wanted)
        return self.store.rounds.open(self.task.name, items, plan.as_dict(), "", kind=RoundKind.QUALIFICATION)

    def score(self, current: Round) -> Qualification:
        """Compare a round's reads with the reference standard, and keep the outcome.

        An answer is a choice, a grade, a finding, or whether something is outlined; a declined case is left out.

        Raises
        ------
        RoundError
            The round is no qualification.
        """
        if current.kind != RoundKind.QUALIFICATION:
            raise RoundError("That is no qualification round.", given=current.round_id, expected="one of a reader")
        standard = self.store.labels.standard(self.task.name, {Part.TRAIN})
        (reader_id,) = RoundPlan.from_dict(current.plan).readers
        same = asked = guideline = 0
        for read in self.store.reads.annotations(self.task.name, round_id=current.round_id):
            guideline = max(guideline, read.guideline)
            if not read.skipped and read.study_id in standard:
                agreeing, compared = self._compared(read, standard[read.study_id])
                same, asked = same + agreeing, asked + compared
        return self.store.qualifications.keep(
            Qualification(
                self.task.name,
                reader_id,
                guideline,
                current.round_id,
                same / asked if asked else 0.0,
                self.task.config.reading.qualification_needed,
                asked,
            )
        )

    def _compared(self, read: Annotation, answers: tuple[Answer, ...]) -> tuple[int, int]:
        """(answers that agree with the standard, answers compared)."""
        known = Annotation(
            "a-standard", read.task, read.study_id, "the standard", Mode.INDEPENDENT, answers
        )  # the standard comes first: lesions are numbered as it numbers them
        pair = alike([known, read], self.task.form, self.around.blobs)
        both = [dict(ballot.said) for ballot in ballots(pair, self.task.form) if len(ballot.said) == 2]
        return sum(len(set(said.values())) == 1 for said in both), len(both)
