"""Scripted readers: what they answer, given the truth and how often they are wrong.

They show the loop and test it. Every record of theirs says that they are scripted.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from data.answers import STUDY, Answer, Choice, Findings, Form, Grade, Mask, Question, Value
from data.records import Reader, ReaderKind, ReaderRole


@dataclass(frozen=True, slots=True)
class Script:
    """How a scripted reader answers.

    Parameters
    ----------
    reader:
        Its record.
    error_rate:
        Probability, 0 to 1, of a wrong answer to a question; drawn for each question of each study.
    seconds_per_case:
        Mean of the time that it takes, in s.
    """

    reader: Reader
    error_rate: float
    seconds_per_case: float = 20.0

    def answers(self, form: Form, study_id: str, truth: Iterable[Answer]) -> tuple[Answer, ...]:
        """Its answers to a form: the same for the same study.

        A question whose truth is not known, because its condition does not hold in truth, is answered at random;
        masks and measurements are given as they are known.
        """
        rng = self._rng(study_id)
        known = {(a.question, a.site): a for a in truth}
        given: list[Answer] = []
        for question in form.questions:
            if isinstance(question.kind, Mask):
                drawn = [a for a in known.values() if a.question == question.name]
                given += drawn if form.asked(question, _at_study(given)) else []
                continue
            for site in form.sites_asked(question, given):
                wrong, pick = bool(rng.random() < self.error_rate), int(rng.integers(1 << 30))
                if not form.asked(question, _at_study(given)):
                    continue
                right = known.get((question.name, site))
                value = _answer(question, right.value if right else None, wrong=wrong, pick=pick)
                if value is not None:
                    given.append(Answer(question.name, site, value))
        return tuple(given)

    def lead_time_s(self, study_id: str) -> float:
        """The time that it takes for a study, in s (log-normal)."""
        return float(self.seconds_per_case * self._rng(f"time {study_id}").lognormal(-0.1, 0.45))

    def _rng(self, purpose: str) -> np.random.Generator:
        digest = hashlib.sha256(f"{self.reader.reader_id}\0{purpose}".encode()).digest()
        return np.random.default_rng(int.from_bytes(digest[:8], "big"))


def scripted(reader_id: str, *, error_rate: float, role: ReaderRole = ReaderRole.READER) -> Script:
    """A scripted reader with a record that says so."""
    name = f"Scripted {reader_id.removeprefix('scripted-').upper()}"
    return Script(Reader(reader_id, name, ReaderKind.SCRIPTED, role), error_rate)


def _at_study(answers: Iterable[Answer]) -> dict[str, Value]:
    return {a.question: a.value for a in answers if a.site == STUDY}


def _answer(question: Question, truth: Value | None, *, wrong: bool, pick: int) -> Value | None:
    kind = question.kind
    if isinstance(kind, Choice):
        others = [option for option in kind.options if option != truth]
        return others[pick % len(others)] if wrong or truth is None else truth
    if isinstance(kind, Grade):
        if not isinstance(truth, int):
            return pick % len(kind.levels)
        step = 1 if truth == 0 or (pick % 2 and truth < len(kind.levels) - 1) else -1
        return truth + step if wrong else truth
    if isinstance(kind, Findings):
        present = truth if isinstance(truth, frozenset) else frozenset()
        return present ^ {kind.labels[pick % len(kind.labels)]} if wrong else present
    return truth
