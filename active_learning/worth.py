"""What a read of each training case of a task is worth, by what was read and predicted so far."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence

from active_learning import relabel
from active_learning.foretold import Foretold
from active_learning.guidelines import counting
from active_learning.model_votes import model_table
from active_learning.ratings import ratings_of
from active_learning.surroundings import Surroundings
from data.answers import Mask
from data.records import Annotation, Prediction
from models.bootstrap import FloatArray

MOST_COMPARED = 1000
"""Read cases at the most whose outlines are compared with each other; the last ones read."""
Reads = Mapping[str, Sequence[Annotation]]
"""By study, those that have a vote."""


def doubts(
    around: Surroundings,
    reads: Reads,
    back: Collection[str],
    predictions: Mapping[str, Prediction],
    foretold: Foretold,
) -> tuple[dict[str, float], FloatArray]:
    """What another read of a read case is worth, by study, and (rows,) what the first of a new one is.

    Reads with the model's answer in view say nothing of their own: cases with such alone are not in the first.

    Parameters
    ----------
    back:
        Studies that may be asked for again: their outlines are compared.
    predictions:
        Of the studies that were read.
    foretold:
        The predictions of all.
    """
    form = around.task.form
    trusts: dict[tuple[str, str], relabel.Trust] = {}
    again: dict[str, float] = {}
    every = [annotation for of in reads.values() for annotation in of]
    rated = ratings_of(every, form, counts=counting(around.store, around.task.name))
    for (question, label), ratings in rated.items():
        if isinstance(form[question].kind, Mask):
            continue  # what is marked at all, outlines tell
        model = model_table(ratings, form, question, label, predictions)
        values, trusts[question, label] = relabel.of_ratings(ratings, model)
        again = _larger(again, relabel.by_study(ratings.items, values))
    outlines, drawn = _outlines(around, reads, back, predictions)
    again = _larger(again, drawn)
    return again, relabel.of_new(foretold, trusts, outlines)


def _larger(one: Mapping[str, float], other: Mapping[str, float]) -> dict[str, float]:
    """The larger of two values of each study."""
    return {study_id: max(one.get(study_id, 0.0), other.get(study_id, 0.0)) for study_id in (*one, *other)}


def _outlines(
    around: Surroundings, reads: Reads, back: Collection[str], predictions: Mapping[str, Prediction]
) -> tuple[relabel.Trust | None, dict[str, float]]:
    """How far outlines overlap: whom to trust, and by study the doubt; nothing where none are asked for."""
    questions = [question for question in around.task.form.questions if isinstance(question.kind, Mask)]
    last = sorted(back, key=lambda s: (max(a.created_at for a in reads[s]), s))[-MOST_COMPARED:]
    drawn: dict[str, dict[str, dict[str, float]]] = {}
    for study_id in last if questions else ():
        answers = {a.reader_id: a.answers for a in reads[study_id]}
        if study_id in predictions:
            answers[relabel.MODEL] = tuple(result.answer for result in predictions[study_id].results)
        if len(answers) > 1:
            drawn[study_id] = relabel.overlaps(answers, questions, around.blobs)
    if not drawn:
        return None, {}
    doubts_, trust = relabel.of_outlines(drawn)
    return trust, doubts_
