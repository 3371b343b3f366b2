"""What a model that was not asked is measured by: chance.

A model may leave a question out, because too few examples taught it, or not ask it of a study, because it took
another branch. Its figures are then over fewer answers than another's. Where models must be measured on the same
answers, as along a learning curve, what was not asked is answered with even probabilities: an AUC of 0.5.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from data.answers import Answer, Choice, Findings, Grade, Question, Value
from data.records import Prediction, QuestionPrediction
from models.task import ClinicalTask


def filled(
    task: ClinicalTask,
    version: str,
    predictions: Mapping[str, Prediction],
    references: Mapping[str, Sequence[Answer]],
) -> dict[str, Prediction]:
    """A prediction for every study with a reference, with an answer by chance wherever the model gave none.

    Choices, grades and findings are filled; outlines need not be (nothing marked is an answer), and what is said
    of single lesions is left as it is, since lesions are matched when they are measured.

    Parameters
    ----------
    version:
        The model version of predictions that are wholly by chance.
    """
    found: dict[str, Prediction] = {}
    for study_id, answers in references.items():
        own = predictions.get(study_id) or Prediction(task.name, study_id, version, ())
        given = {(result.question, result.site) for result in own.results}
        missing = [
            result
            for answer in answers
            if (answer.question, answer.site) not in given
            and not task.form[answer.question].drawn_in
            and (result := _by_chance(task.form[answer.question], answer)) is not None
        ]
        found[study_id] = replace(own, results=(*own.results, *missing))
    return found


def _by_chance(question: Question, answer: Answer) -> QuestionPrediction | None:
    value: Value
    match question.kind:
        case Choice(options):
            value, names, share = options[0], options, 1 / len(options)
        case Grade(levels):
            value, names, share = 0, levels, 1 / len(levels)
        case Findings(labels):
            value, names, share = frozenset[str](), labels, 0.5
        case _:
            return None
    return QuestionPrediction(question.name, answer.site, value, dict.fromkeys(names, share), 1.0)
