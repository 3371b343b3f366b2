"""A learner for simulations that takes seconds: what studies look like, and a linear head for each answer."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from sklearn.linear_model import LogisticRegression

from active_learning.foretold import Head, answered, heads_of
from active_learning.playing_learner import VERSION, Predict
from active_learning.playing_looks import Looks
from active_learning.uncertainty import entropy
from data.answers import STUDY, Findings, Form, Grade, Question, Value
from data.errors import TaskError, TrainingError
from data.records import Prediction, QuestionPrediction, Study
from models.calibration import apply_temperature, fit_temperature
from models.task import ClinicalTask, Example, Progress

LEAST = 2
"""Examples of a class from which it is learnt."""

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]
Said = Sequence[tuple[Head, FloatArray]]
"""By head that was learnt, (studies, classes) probabilities."""


@dataclass(frozen=True, eq=False, slots=True)
class _Scale:
    """Features centred and divided by one number, so that the training's squares have a mean of 1."""

    mean: FloatArray
    size: float

    @classmethod
    def of(cls, vectors: FloatArray) -> _Scale:
        mean = vectors.mean(axis=0)
        return cls(mean, float(np.sqrt(np.mean((vectors - mean) ** 2))) or 1.0)

    def apply(self, vectors: NDArray[np.floating]) -> FloatArray:
        scaled: FloatArray = (np.asarray(vectors, dtype=np.float64) - self.mean) / self.size
        return scaled


@dataclass(frozen=True, eq=False, slots=True)
class _Learnt:
    """A head that was learnt; ``classes`` are those that it has seen."""

    head: Head
    fitted: LogisticRegression
    classes: IntArray
    temperature: float

    def probabilities(self, vectors: FloatArray) -> FloatArray:
        """(n, options) calibrated; 0 for an option that no example had."""
        found = np.zeros((len(vectors), len(self.head.options)))
        found[:, self.classes] = apply_temperature(_logits(self.fitted, vectors), self.temperature)
        return found


@dataclass(frozen=True, eq=False, slots=True)
class Heads:
    """Linear heads on what studies look like, calibrated on validation patients.

    Outlines, measurements and what is said of single lesions are not learnt.

    Raises
    ------
    TaskError
        The task asks nothing else.
    """

    task: ClinicalTask
    looks: Looks
    validation: Sequence[Example]

    def __post_init__(self) -> None:
        if not _heads(self.task.form):
            raise TaskError(
                "A linear head cannot answer anything of this task.", given=self.task.name,
                expected="a task with choices, grades or findings of a study", do="name the learner `task`",
            )  # fmt: skip

    def fit(self, training: Sequence[Example], *, seed: int, scratch: Path, progress: Progress) -> Predict:
        """See :class:`active_learning.playing_learner.Learner`; nothing is drawn, and no checkpoint is needed."""
        scale = _Scale.of(self._shown(training))
        vectors, held = scale.apply(self._shown(training)), scale.apply(self._shown(self.validation))
        heads = _heads(self.task.form)
        targets = answered(heads, [e.answers for e in training], self.task.form)
        right = answered(heads, [e.answers for e in self.validation], self.task.form)
        learnt: list[_Learnt] = []
        for place, head in enumerate(heads):
            progress(place / len(heads), f"{head.question}: a linear head")
            fitted = _fit(head, vectors, targets[place], held, right[place])
            learnt += [] if fitted is None else [fitted]
        if not learnt:
            raise TrainingError(
                "No question can be learnt.", given=f"{len(training)} cases",
                expected=f"{LEAST} of each of two answers to a question", do="name a larger start",
            )  # fmt: skip

        def predict(studies: Sequence[Study]) -> Mapping[str, Prediction]:
            shown = scale.apply(self.looks.of(studies))
            said = [(one.head, one.probabilities(shown)) for one in learnt]
            return {study.study_id: self._prediction(study, place, said) for place, study in enumerate(studies)}

        return predict

    def _shown(self, examples: Sequence[Example]) -> FloatArray:
        return self.looks.of([example.study for example in examples]).astype(np.float64)

    def _prediction(self, study: Study, place: int, said: Said) -> Prediction:
        """A study's prediction: what is asked, given the answers before it."""
        results: list[QuestionPrediction] = []
        at_study: dict[str, Value] = {}
        for question in self.task.form.questions:
            if not self.task.form.asked(question, at_study):
                continue
            found = list(_results(question, place, said))
            at_study |= {r.question: r.value for r in found if r.site == STUDY}
            results += found
        return Prediction(self.task.name, study.study_id, VERSION, tuple(results))


def _heads(form: Form) -> tuple[Head, ...]:
    """The heads of a form that can be learnt from a study as a whole."""
    return tuple(head for head in heads_of(form) if not head.drawn and not form[head.question].drawn_in)


def _fit(head: Head, vectors: FloatArray, targets: IntArray, held: FloatArray, right: IntArray) -> _Learnt | None:
    """A head learnt from the vectors whose answers are known; None where they are of one class alone."""
    counts = np.bincount(targets[targets >= 0], minlength=len(head.options))
    classes = np.flatnonzero(counts >= LEAST)
    if len(classes) < 2:
        return None
    kept, shown = np.isin(targets, classes), np.isin(right, classes)
    fitted = LogisticRegression(solver="newton-cholesky").fit(vectors[kept], targets[kept])
    temperature = 1.0
    if shown.any():
        temperature = fit_temperature(_logits(fitted, held[shown]), np.searchsorted(classes, right[shown]))
    return _Learnt(head, fitted, classes, temperature)


def _logits(fitted: LogisticRegression, vectors: FloatArray) -> FloatArray:
    """(n, classes) logits; of two classes those of the second stand beside 0."""
    scores: FloatArray = fitted.decision_function(vectors)
    return np.stack([np.zeros_like(scores), scores], axis=1) if scores.ndim == 1 else scores


def _results(question: Question, place: int, said: Said) -> Iterator[QuestionPrediction]:
    for site in question.sites:
        own = [(head, rows[place]) for head, rows in said if (head.question, head.site) == (question.name, site)]
        if not own:
            continue
        doubt = max(float(entropy(row[None])[0]) for _, row in own)
        value: Value
        if isinstance(question.kind, Findings):
            shares = {head.label: float(row[1]) for head, row in own}
            value = frozenset(label for label, share in shares.items() if share >= 0.5)
        else:
            ((head, row),) = own
            shares = dict(zip(head.options, map(float, row), strict=True))
            best = int(np.argmax(row))
            value = best if isinstance(question.kind, Grade) else head.options[best]
        yield QuestionPrediction(question.name, site, value, shares, doubt)
