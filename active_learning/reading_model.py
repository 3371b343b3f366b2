"""What a model says of the items that readers read."""

from __future__ import annotations

import numpy as np

from active_learning.ratings import NOT_READ, Ratings
from active_learning.reading_material import Material
from active_learning.reading_topic import Said, View
from active_learning.reference import option_index
from data.answers import Findings, Site


def said(view: View, ratings: Ratings, given: Material) -> Said | None:
    """The model's answers to a topic's items, on patients it cannot have learnt from; None without a model."""
    if not given.version:
        return None
    kind = given.form[view.question].kind
    answers = np.full(len(ratings.items), NOT_READ, dtype=np.int16)
    probabilities = np.zeros((len(ratings.items), len(view.options)))
    for row, item in enumerate(ratings.items):
        study_id, _, site = item.rpartition(" ")
        prediction = given.predictions.get(study_id) if study_id in given.unseen else None
        result = prediction.result(view.question, Site(site)) if prediction else None
        if result is None:
            continue
        if isinstance(kind, Findings):
            if view.label not in result.probabilities:
                continue  # a finding that the version was not trained on
            share = result.probabilities[view.label]
            probabilities[row] = 1 - share, share
        else:
            probabilities[row] = [result.probabilities.get(option, 0.0) for option in view.options]
        place = option_index(kind, view.label, result.value)
        answers[row] = NOT_READ if place is None else place
    return Said(given.version, answers, probabilities)
