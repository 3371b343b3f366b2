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
    return Picks(places, gains, tuple(_reason(float(gain), usual, i) for i, gain in enumerate(gains)))


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


def _reason(gain: float, usual: float, place: int) -> str:
    if gain <= 0 or usual <= 0:
        return "drawn at random: the model is certain of what is left, or it is like what was chosen"
    times = gain / usual
    if place == 0:
        return f"the answer that would change the model most: {times:.1f} times the usual change"
    return f"undecided in another way than those chosen before it: {times:.1f} times the usual change apart"
