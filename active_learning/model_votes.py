"""What a model says of what readers vote on, in the same options."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from active_learning.ratings import Ratings
from active_learning.votes import ABSENT, MARKED, PRESENT, UNMARKED, holds
from data.answers import Form, Grade, Mask, Site
from data.records import Prediction
from models.bootstrap import FloatArray


@dataclass(frozen=True, slots=True)
class ModelVote:
    """The model's option, and its probability of each."""

    option: str
    probabilities: Mapping[str, float]


def model_vote(
    prediction: Prediction | None, form: Form, question: str, site: Site, label: str
) -> ModelVote | None:
    """What a prediction says of a question at a site, or of one label of it; None where it was not asked."""
    if prediction is None:
        return None
    kind = form[question].kind
    if isinstance(kind, Mask):
        return _of_mask(prediction, question, label)
    result = prediction.result(question, site)
    if result is None or (label and label not in result.probabilities):
        return None  # a finding without a probability is one that the version was not trained on
    if label:
        p = result.probabilities[label]
        option = PRESENT if holds(result.value, label) else ABSENT
        return ModelVote(option, {PRESENT: p, ABSENT: 1 - p})
    if isinstance(kind, Grade) and isinstance(result.value, int):
        return ModelVote(kind.levels[result.value], dict(result.probabilities))
    return ModelVote(str(result.value), dict(result.probabilities))


def model_table(
    ratings: Ratings, form: Form, question: str, label: str, predictions: Mapping[str, Prediction]
) -> FloatArray:
    """(items, options) probabilities by the model, NaN where it said nothing.

    Parameters
    ----------
    ratings:
        Their items are ``study site``, as :func:`active_learning.ratings.ratings_of` names them.
    predictions:
        By study.
    """
    table = np.full((len(ratings.items), len(ratings.options)), np.nan)
    for row, item in enumerate(ratings.items):
        study_id, _, key = item.rpartition(" ")
        vote = model_vote(predictions.get(study_id), form, question, Site(key), label)
        if vote is not None:
            given = np.array([vote.probabilities.get(option, 0.0) for option in ratings.options])
            if given.sum() > 0:
                table[row] = given / given.sum()
    return table


def _of_mask(prediction: Prediction, question: str, label: str) -> ModelVote:
    results = [r for r in prediction.results if r.question == question]
    marked = any(holds(r.value, label) for r in results)
    p = max((r.probabilities.get(label, 0.0) for r in results), default=0.0)
    if not any(label in r.probabilities for r in results):
        p = float(marked)
    return ModelVote(MARKED if marked else UNMARKED, {MARKED: p, UNMARKED: 1 - p})
