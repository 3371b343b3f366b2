"""Every metric of a form, from predictions and reference standard: what :mod:`models.evaluation` reports."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from data.answers import Answer, Choice, Findings, Form, Grade, Mask, Measurement, Question, Value
from data.blobs import Blobs
from data.errors import AnswerError, NotFoundError
from data.records import Prediction, QuestionPrediction
from models import metrics
from models.bootstrap import BoolArray, FloatArray, IntArray
from models.curves import Curves, binary_curves, several_curves
from models.dice import dice_scores
from models.metrics import Measure

MEAN_AUC = "mean_auc"
MEAN_KAPPA = "mean_kappa"


@dataclass(slots=True)
class Measures:
    """The figures before their intervals: what promotion pairs and evaluation reports."""

    measures: dict[str, Measure] = field(default_factory=dict)
    curves: dict[str, Curves] = field(default_factory=dict)
    detail: dict[str, str] = field(default_factory=dict)

    def add(self, name: str, measure: Measure | None, missing: str) -> None:
        """Keep a measure, or why there is none."""
        if measure is None:
            self.detail[name] = missing
        else:
            self.measures[name] = measure


def measures(
    form: Form,
    predictions: Mapping[str, Prediction],
    references: Mapping[str, tuple[Answer, ...]],
    patients: Mapping[str, str],
    *,
    blobs: Blobs | None = None,
) -> Measures:
    """Every metric of the form, before the intervals; see :func:`models.evaluation.evaluate`."""
    if missing := sorted(set(references) - set(patients)):
        raise NotFoundError(
            f"{len(missing)} studies with a reference have no patient.",
            given=", ".join(missing[:5]),
            expected="the patient of every study",
            do="ingest them again",
        )
    found = Measures()
    if blobs is not None:
        predictions = _numbered_alike(form, predictions, references, blobs)
    for question in form.questions:
        if isinstance(question.kind, Mask):
            _measure_masks(found, question, predictions, references, patients, blobs)
            continue
        items = list(_items(question, predictions, references, patients))
        if not items:
            found.detail[question.name] = "no reference"
            continue
        covered = np.array([item.result is not None for item in items], dtype=np.float64)
        found.add(f"{question.name}.coverage", metrics.mean(covered, [item.patient for item in items]), "")
        asked = _Asked.of(items)
        if asked.patients:
            _measure(found, question, asked)
        else:
            found.detail[question.name] = "the version was asked at none of the reference's sites"
    aucs = {name: m for name, m in found.measures.items() if name.endswith(".auc")}
    if aucs:
        found.measures[MEAN_AUC] = metrics.average(list(aucs.values()))
        found.detail[MEAN_AUC] = "over " + ", ".join(name.removesuffix(".auc") for name in aucs)
    else:
        found.detail[MEAN_AUC] = "no question has both classes"
    if kappas := {name: m for name, m in found.measures.items() if name.endswith(".kappa")}:
        found.measures[MEAN_KAPPA] = metrics.average(list(kappas.values()))
        found.detail[MEAN_KAPPA] = "over " + ", ".join(name.removesuffix(".kappa") for name in kappas)
    return found


def _numbered_alike(
    form: Form,
    predictions: Mapping[str, Prediction],
    references: Mapping[str, tuple[Answer, ...]],
    blobs: Blobs,
) -> Mapping[str, Prediction]:
    """The predictions with their lesions numbered as the reference's, for each mask that lesions are drawn in."""
    from models.lesions import matched  # noqa: PLC0415 - loads scipy

    for drawing in dict.fromkeys(question.drawn_in for question in form.questions if question.drawn_in):
        predictions = {
            study_id: matched(prediction, references.get(study_id, ()), form[drawing], blobs)
            for study_id, prediction in predictions.items()
        }
    return predictions


@dataclass(frozen=True, slots=True)
class _Item:
    patient: str
    reference: Value
    result: QuestionPrediction | None


@dataclass(frozen=True, slots=True)
class _Asked:
    """The items of a question at which the version was asked."""

    patients: tuple[str, ...]
    references: tuple[Any, ...]
    results: tuple[QuestionPrediction, ...]

    @classmethod
    def of(cls, items: Sequence[_Item]) -> _Asked:
        asked = [(item.patient, item.reference, item.result) for item in items if item.result is not None]
        return cls(tuple(a[0] for a in asked), tuple(a[1] for a in asked), tuple(a[2] for a in asked))


def _items(
    question: Question,
    predictions: Mapping[str, Prediction],
    references: Mapping[str, tuple[Answer, ...]],
    patients: Mapping[str, str],
) -> Iterator[_Item]:
    for study_id in sorted(references):
        prediction = predictions.get(study_id)
        for answer in references[study_id]:
            if answer.question == question.name:
                question.kind.check(answer.value)
                result = prediction.result(question.name, answer.site) if prediction else None
                if result is not None:
                    question.kind.check(result.value)
                yield _Item(patients[study_id], answer.value, result)


def _measure(found: Measures, question: Question, asked: _Asked) -> None:
    match question.kind:
        case Choice(options) if len(options) == 2:
            positive = np.array([value == options[1] for value in asked.references])
            predicted = np.array([result.value == options[1] for result in asked.results])
            probabilities = _probabilities(question, options, asked)
            _measure_binary(found, question.name, options, probabilities, positive, predicted, asked.patients)
        case Choice(options):
            reference = np.array([options.index(value) for value in asked.references])
            given = np.array([options.index(str(result.value)) for result in asked.results])
            _measure_choice(found, question, options, reference, given, asked)
        case Grade(levels):
            reference, given = np.array(asked.references), np.array([result.value for result in asked.results])
            name, one = question.name, "one level only"
            found.add(f"{name}.kappa", metrics.kappa(reference, given, asked.patients, levels=len(levels)), one)
            found.add(f"{name}.accuracy", metrics.mean(reference == given, asked.patients), "")
            probabilities = _probabilities(question, levels, asked)
            found.curves[name] = several_curves(levels, probabilities, reference, given)
        case Findings(labels):
            for label in labels:
                positive = np.array([label in value for value in asked.references])
                predicted = np.array([label in _findings(result.value) for result in asked.results])
                scores = np.array([_of_finding(question, label, result) for result in asked.results])
                _measure_binary(
                    found, f"{question.name}.{label}", ("absent", "present"),
                    np.stack([1 - scores, scores], axis=1), positive, predicted, asked.patients,
                )  # fmt: skip
        case Measurement():
            gaps = [abs(float(r.value) - v) for r, v in zip(asked.results, asked.references, strict=True)]  # type: ignore[arg-type]
            name = f"{question.name}.mean_abs_error"
            found.add(name, metrics.mean(np.array(gaps, dtype=np.float64), asked.patients), "")


def _measure_binary(
    found: Measures,
    name: str,
    options: tuple[str, ...],
    probabilities: FloatArray,
    positive: BoolArray,
    predicted: BoolArray,
    patients: tuple[str, ...],
) -> None:
    reference, given, right = positive.astype(np.int64), predicted.astype(np.int64), positive == predicted
    one = f"one class only: {options[int(positive[0])]}"
    sensitivity = metrics.mean(right, patients, where=positive)
    found.add(f"{name}.auc", metrics.auc(probabilities[:, 1], positive, patients), one)
    found.add(f"{name}.accuracy", metrics.mean(right, patients), "")
    found.add(f"{name}.precision", metrics.mean(right, patients, where=predicted), f"nothing called {options[1]}")
    found.add(f"{name}.recall", sensitivity, one)
    found.add(f"{name}.f1", metrics.f1(reference, given, patients, classes=[1]), one)
    found.add(f"{name}.log_loss", metrics.log_loss(probabilities, reference, patients), "")
    found.add(f"{name}.sensitivity", sensitivity, one)
    found.add(f"{name}.specificity", metrics.mean(right, patients, where=~positive), one)
    found.curves[name] = binary_curves(options, probabilities[:, 1], positive, predicted, patients)


def _measure_choice(
    found: Measures,
    question: Question,
    options: tuple[str, ...],
    reference: IntArray,
    given: IntArray,
    asked: _Asked,
) -> None:
    name = question.name
    probabilities = _probabilities(question, options, asked)
    one = f"one class only: {options[int(reference[0])]}"
    classes = range(len(options))
    found.add(f"{name}.auc", metrics.macro_auc(probabilities, reference, asked.patients), one)
    found.add(f"{name}.accuracy", metrics.mean(reference == given, asked.patients), "")
    found.add(f"{name}.f1", metrics.f1(reference, given, asked.patients, classes=classes), one)
    found.add(f"{name}.log_loss", metrics.log_loss(probabilities, reference, asked.patients), "")
    found.curves[name] = several_curves(options, probabilities, reference, given)


def _measure_masks(
    found: Measures,
    question: Question,
    predictions: Mapping[str, Prediction],
    references: Mapping[str, tuple[Answer, ...]],
    patients: Mapping[str, str],
    blobs: Blobs | None,
) -> None:
    """Dice by study and label. A study that has a prediction was asked: nothing marked is an answer."""
    name = f"{question.name}.dice"
    if blobs is None:
        found.detail[name] = "the masks were not at hand"
        return
    read = [s for s in sorted(references) if any(a.question == question.name for a in references[s])]
    if not read:
        found.detail[question.name] = "no reference"
        return
    covered = np.array([study_id in predictions for study_id in read], dtype=np.float64)
    found.add(f"{question.name}.coverage", metrics.mean(covered, [patients[s] for s in read]), "")
    values: list[float] = []
    of: list[str] = []
    for study_id in (s for s in read if s in predictions):
        given = [result.answer for result in predictions[study_id].results]
        scores = dice_scores(question, references[study_id], given, blobs)
        values += scores
        of += [patients[study_id]] * len(scores)
    found.add(name, metrics.mean(np.array(values, dtype=np.float64), of), "nothing is marked on either side")


def _probabilities(question: Question, options: Sequence[str], asked: _Asked) -> FloatArray:
    """(items, options), each row scaled to a sum of 1 (what is kept as text is rounded)."""
    rows = [[_probability(question, option, result) for option in options] for result in asked.results]
    table = np.array(rows, dtype=np.float64)
    total = table.sum(axis=1, keepdims=True)
    if (np.abs(total - 1) > 0.01).any():
        raise AnswerError(
            f"The probabilities of {question.name} do not sum to 1.",
            given=f"a sum of {float(total.ravel()[np.abs(total - 1).argmax()]):.3f}",
            expected=f"a probability for each of {', '.join(options)}",
            do="predict again with the version",
        )
    scaled: FloatArray = table / total
    return scaled


def _probability(question: Question, option: str, result: QuestionPrediction) -> float:
    value = result.probabilities.get(option, math.nan)
    if not 0 <= value <= 1:
        raise AnswerError(
            f"A prediction has no probability for an option of {question.name}.",
            given=f"{option}: {value} among {', '.join(result.probabilities) or 'none'}",
            expected="a number from 0 to 1",
            do="predict again with the version",
        )
    return float(value)


def _of_finding(question: Question, label: str, result: QuestionPrediction) -> float:
    """The probability of a finding; 0.5 of one that the version was not trained on, which so has an AUC of 0.5."""
    return _probability(question, label, result) if label in result.probabilities else 0.5


def _findings(value: Value) -> frozenset[str]:
    return value if isinstance(value, frozenset) else frozenset()
