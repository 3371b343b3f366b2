"""The readers of a simulated loop: scripted answers out of the reference standard, and what they come to."""

from __future__ import annotations

import string
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from active_learning.adjudication import adjudicate, needs_adjudication
from active_learning.consensus import agree
from active_learning.numbering import alike
from active_learning.rules import Rule
from active_learning.simulation import Script
from data.answers import Answer, Form, Mask
from data.blobs import Blobs
from data.records import Annotation, Mode, Prediction, Purpose, Reader, ReaderKind, ReaderRole
from models.task import ClinicalTask, Example


@dataclass(frozen=True, slots=True)
class Reading:
    """What a batch came to.

    Parameters
    ----------
    answers:
        By study, what the readers agreed on or an adjudicator settled; empty where nothing stands.
    seconds:
        Of the readers and the adjudicator together.
    reads, wrong_reads:
        Reads of readers, and those with an answer that is not the reference standard's.
    disputed, wrong_cases:
        Cases that went to the adjudicator, and those whose answers are not the reference standard's in the end.
    """

    answers: Mapping[str, tuple[Answer, ...]]
    seconds: float
    reads: int
    wrong_reads: int
    disputed: int
    wrong_cases: int


@dataclass(frozen=True, slots=True)
class Panel:
    """Scripted readers, and an adjudicator who answers as the reference standard does.

    A reader gives the same answers to the same study whenever asked, whatever way of choosing brought it.
    """

    readers: tuple[Script, ...]
    adjudicator: Script

    @classmethod
    def of(cls, seed: int, readers: int, error_rate: float, seconds_per_case: float) -> Panel:
        """The panel of one loop: with another seed other errors and times."""
        names = [f"scripted-{seed}-{_letters(place)}" for place in range(readers)]
        made = tuple(
            Script(Reader(name, f"Scripted {name.rpartition('-')[2].upper()}", ReaderKind.SCRIPTED), error_rate,
                   seconds_per_case)
            for name in names
        )  # fmt: skip
        judge = Reader(
            f"scripted-{seed}-judge", "Scripted adjudicator", ReaderKind.SCRIPTED, ReaderRole.ADJUDICATOR
        )
        return cls(made, Script(judge, 0.0, seconds_per_case))

    def read(
        self,
        task: ClinicalTask,
        cases: Sequence[Example],
        earlier: Sequence[Example],
        blobs: Blobs,
        *,
        predictions: Mapping[str, Prediction],
    ) -> Reading:
        """Read a batch, and form its consensus by the task's rule, which learns from the earlier reads as well.

        Parameters
        ----------
        cases, earlier:
            This batch, and those before it, with the reference standard.
        blobs:
            Where outlines lie and are kept.
        predictions:
            Of the model that chose the batch, for a rule that listens to it.
        """
        form, reading = task.form, task.config.reading
        every = alike([a for case in (*earlier, *cases) for a in self._reads(task, case)], form, blobs)
        rule = Rule.learnt(
            reading.consensus, every, form, certain=reading.certain, outlines=reading.outlines,
            predictions=predictions,
        )  # fmt: skip
        by_study: dict[str, list[Annotation]] = {}
        for annotation in every:
            by_study.setdefault(annotation.study_id, []).append(annotation)
        answers: dict[str, tuple[Answer, ...]] = {}
        seconds, disputed, wrong_reads, wrong_cases = 0.0, 0, 0, 0
        for case in cases:
            study_id, reads = case.study.study_id, by_study[case.study.study_id]
            outcomes = agree(
                reads, form, task=task.name, study_id=study_id, blobs=blobs, reads_expected=len(self.readers),
                rule=rule,
            )  # fmt: skip
            seconds += sum(script.lead_time_s(study_id) for script in self.readers)
            if needs_adjudication(outcomes):
                outcomes = adjudicate(outcomes, self._decision(task, case), form, annotations=reads)
                seconds += self.adjudicator.lead_time_s(study_id)
                disputed += 1
            answers[study_id] = tuple(Answer(o.question, o.site, o.value) for o in outcomes if o.value is not None)
            wrong_reads += sum(_differs(form, read.answers, case.answers) for read in reads)
            wrong_cases += _differs(form, answers[study_id], case.answers)
        return Reading(answers, seconds, len(cases) * len(self.readers), wrong_reads, disputed, wrong_cases)

    def _reads(self, task: ClinicalTask, case: Example) -> list[Annotation]:
        return [self._read(task, case, script, Purpose.ACQUISITION) for script in self.readers]

    def _decision(self, task: ClinicalTask, case: Example) -> Annotation:
        return self._read(task, case, self.adjudicator, Purpose.ADJUDICATION)

    @staticmethod
    def _read(task: ClinicalTask, case: Example, script: Script, purpose: Purpose) -> Annotation:
        study_id, reader_id = case.study.study_id, script.reader.reader_id
        answers = script.answers(task.form, study_id, case.answers)
        return Annotation(
            f"{study_id} {reader_id}", task.name, study_id, reader_id, Mode.INDEPENDENT, answers, purpose=purpose,
            lead_time_s=script.lead_time_s(study_id),
        )  # fmt: skip


def _differs(form: Form, given: Sequence[Answer], reference: Sequence[Answer]) -> bool:
    """Whether answers differ from the reference standard's; outlines are left out, which scripts copy.

    No findings and no answer to a question of findings are the same.
    """

    def plain(answers: Sequence[Answer]) -> dict[tuple[str, str], object]:
        kept = (a for a in answers if not isinstance(form[a.question].kind, Mask) and a.value != frozenset())
        return {(a.question, a.site.key): a.value for a in kept}

    return plain(given) != plain(reference)


def _letters(place: int) -> str:
    """The letters of a place: a to z, then aa, ab ..."""
    more, last = divmod(place, len(string.ascii_lowercase))
    return (_letters(more - 1) if more else "") + string.ascii_lowercase[last]
