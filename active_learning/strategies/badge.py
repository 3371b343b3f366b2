"""Cases that are both undecided and unlike each other: k-means++ on the gradients that their answers would give.

The gradient of the loss by the last layer, were the likeliest answer right, is (p - onehot) x features. It is
long where the model is undecided, and two cases point the same way where they are alike and undecided about the
same. With several heads their (p - onehot) are put one behind the other; a head that does not speak to a case adds
zeros.

References
----------
Ash, Zhang, Krishnamurthy, Langford, Agarwal: Deep batch active learning by diverse, uncertain gradient lower
bounds, ICLR 2020.
"""

from __future__ import annotations

import numpy as np

from active_learning.strategies.distances import Floats
from active_learning.strategies.heads import asked_of
from active_learning.strategies.ranking import first_of_best, random_picks, wanted
from active_learning.strategies.seeding import draw_apart, products_norms
from active_learning.strategies.uncertain import NO_MODEL
from active_learning.strategies.view import FloatArray, Picks, View


def badge(view: View, count: int, generator: np.random.Generator) -> Picks:
    """A draw by the squared distance of gradients to those picked before; the first is the longest gradient.

    Gains are the distances when they were picked. Cases without any gradient, of which the model is certain, are
    drawn at random once nothing else is left.
    """
    if not view.heads:
        return random_picks(view, count, generator, NO_MODEL)
    number = wanted(view, count)
    if not number:
        return Picks(np.zeros(0, dtype=np.int64), np.zeros(0), ())
    errors = errors_of(view.heads, view.size)
    norms = products_norms(errors, view.features)
    longer = norms[norms > 0]
    usual = float(np.sqrt(np.median(longer))) if len(longer) else 0.0
    first = first_of_best(norms, generator)
    places, gains = draw_apart(errors, view.features, norms, first, number, generator)
    return Picks(places, gains, tuple(map(_reason, gains / (usual or np.inf), norms[places] > 0, range(number))))


def errors_of(heads: tuple[FloatArray, ...], size: int) -> Floats:
    """(n, classes of all heads) p - onehot(likeliest); 0 where a head does not speak to a case."""
    errors = np.zeros((size, sum(head.shape[1] for head in heads)), dtype=np.float32)
    start = 0
    for head in heads:
        own = errors[:, start : start + head.shape[1]]
        asked = asked_of(head)
        own[asked] = head[asked]
        rows = np.flatnonzero(asked)
        own[rows, own[rows].argmax(axis=1)] -= 1
        start += head.shape[1]
    return errors


def _reason(times: float, undecided: bool, place: int) -> str:
    """``times``: the gain over the median length of a gradient."""
    if times <= 0:
        return "drawn at random: nothing is left that would change the model in another way"
    if place == 0:
        return f"the answer that would change the model most: {times:.1f} times the usual change"
    if not undecided:
        return "without any doubt of the model, to stand for those like it"
    return (
        f"would change the model in another way than those chosen before: {times:.1f} times the usual change apart"
    )
