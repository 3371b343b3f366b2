"""The cases that would tell most of the model: where members that are certain contradict each other.

References
----------
Houlsby, Huszar, Ghahramani, Lengyel: Bayesian active learning for classification and preference learning,
arXiv 1112.5745 (2011).
Gal, Islam, Ghahramani: Deep Bayesian active learning with image data, ICML 2017.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from active_learning import uncertainty
from active_learning.strategies.heads import NOT_ASKED, doubt_of
from active_learning.strategies.ranking import by_score, wanted
from active_learning.strategies.uncertain import entropy
from active_learning.strategies.view import FloatArray, Picks, View

DISPUTED = 0.1
"""Score from which models are said to dispute a case: of two, one below 0.31 and the other above 0.69."""


def bald(view: View, count: int, generator: np.random.Generator) -> Picks:
    """The cases with the highest mutual information of answer and model.

    Without members, or with one alone, the entropy of the model itself decides, and each reason says so.
    """
    if not view.members or len(view.members[0]) < 2:
        picks = entropy(view, count, generator)
        if not view.heads and view.scores is None:
            return picks
        return replace(picks, why=tuple(f"{reason} (of one model alone)" for reason in picks.why))
    members = tuple(np.asarray(head) for head in view.members)
    doubt = doubt_of(members, view.size, uncertainty.bald)

    def reason(place: int) -> str:
        head = int(doubt.heads[place])
        if head == NOT_ASKED:
            return "nothing more disputed is left: the models were asked nothing here"
        lead = "disputed" if doubt.scores[place] >= DISPUTED else "among the most disputed of those left"
        about = "" if len(members) == 1 else " in its most disputed answer"
        return f"{lead}{about}: {_spread(members[head][:, place])}"

    return by_score(doubt.scores, wanted(view, count), generator, reason)


def _spread(rows: FloatArray) -> str:
    """Of (k, classes): between which probabilities the members put the option that they differ most about."""
    widest = int(np.argmax(np.ptp(rows, axis=0)))
    column = rows[:, widest]
    return f"{len(rows)} models give one option between {column.min():.2f} and {column.max():.2f}"
