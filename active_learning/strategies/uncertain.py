"""The cases on which the model is least certain: least confidence, margin, entropy.

Where the view has scores of its own (of outlines, say) they are taken in the place of the heads' probabilities.
Before there is a model, cases are drawn at random.

References
----------
Lewis, Gale: A sequential algorithm for training text classifiers, SIGIR 1994.
Settles: Active learning literature survey, University of Wisconsin - Madison TR 1648 (2009), section 3.1.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from active_learning import uncertainty
from active_learning.strategies.heads import NOT_ASKED, doubt_of
from active_learning.strategies.ranking import by_score, random_picks, wanted
from active_learning.strategies.view import FloatArray, Picks, View

UNDECIDED = 0.8
"""Doubt from which the model is called undecided."""
NO_MODEL = "drawn at random: no model has seen the cases yet"


def least_confidence(view: View, count: int, generator: np.random.Generator) -> Picks:
    """The cases whose likeliest answer is the least likely."""
    return _chosen(view, count, generator, uncertainty.least_confidence, _likeliest)


def margin(view: View, count: int, generator: np.random.Generator) -> Picks:
    """The cases whose two likeliest answers are nearest to each other."""
    return _chosen(view, count, generator, uncertainty.margin, _apart)


def entropy(view: View, count: int, generator: np.random.Generator) -> Picks:
    """The cases with the highest entropy."""
    return _chosen(view, count, generator, uncertainty.entropy, _likeliest)


def _chosen(
    view: View,
    count: int,
    generator: np.random.Generator,
    measure: Callable[[FloatArray], NDArray[np.float64]],
    words: Callable[[FloatArray], str],
) -> Picks:
    if view.scores is not None:
        scores = np.nan_to_num(view.scores)
        return by_score(
            scores, wanted(view, count), generator, lambda p: f"{_lead(scores[p])}: {scores[p]:.2f} of 1"
        )
    if not view.heads:
        return random_picks(view, count, generator, NO_MODEL)
    heads = tuple(np.asarray(head) for head in view.heads)
    doubt = doubt_of(heads, view.size, measure)

    def reason(place: int) -> str:
        head = int(doubt.heads[place])
        if head == NOT_ASKED:
            return "nothing more doubtful is left: the model was asked nothing here"
        about = "" if len(heads) == 1 else " in its most doubtful answer"
        return f"{_lead(doubt.scores[place])}{about}: {words(heads[head][place])}"

    return by_score(doubt.scores, wanted(view, count), generator, reason)


def _lead(score: float) -> str:
    return "undecided" if score >= UNDECIDED else "among the least certain of those left"


def _likeliest(row: FloatArray) -> str:
    return f"the likeliest of {len(row)} options has {row.max():.2f}"


def _apart(row: FloatArray) -> str:
    second, first = np.sort(row)[-2:]
    return f"the two likeliest options are {first - second:.2f} apart"
