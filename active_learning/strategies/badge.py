"""Cases that are both undecided and unlike each other: k-means++ on the gradients that their answers would give.

The gradient of the loss by the last layer, were the likeliest answer right, is (p - onehot) x features. It is
long where the model is undecided, and two cases point the same way where they are alike and undecided about the
same. With several heads their (p - onehot) are put one behind the other; a head that does not speak to a case adds
zeros.

The products are never formed: |a x f - b x g|^2 = |a|^2 |f|^2 + |b|^2 |g|^2 - 2 (a.b) (f.g). The draw is exact,
yet looks at few distances: a squared distance that was measured before the last picks is an upper bound, so a case
that is proposed by the bounds and kept with the chance (true / bound) is drawn by the true squared distance. Once
fewer than :data:`KEPT` of the proposals are kept, all cases are measured again, in one pass.

References
----------
Ash, Zhang, Krishnamurthy, Langford, Agarwal: Deep batch active learning by diverse, uncertain gradient lower
bounds, ICLR 2020.
Arthur, Vassilvitskii: k-means++: the advantages of careful seeding, SODA 2007.
Cohen-Addad, Lattanzi, Norouzi-Fard, Sohler, Svensson: Fast and accurate k-means++ via rejection sampling, NeurIPS
2020.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from active_learning.strategies.distances import Floats, chunks, squared_norms
from active_learning.strategies.heads import asked_of
from active_learning.strategies.ranking import drawn, first_of_best, random_picks, wanted
from active_learning.strategies.uncertain import NO_MODEL
from active_learning.strategies.view import FloatArray, IntArray, Picks, View

KEPT = 0.5
"""Share of the proposals below which all cases are measured again."""
PATIENCE = 32
"""Proposals before that share is looked at."""


def badge(view: View, count: int, generator: np.random.Generator) -> Picks:
    """A draw by the squared distance of gradients to those picked before; the first is the longest gradient.

    Gains are the distances when they were picked. Cases without any gradient, of which the model is certain, are
    drawn at random once nothing else is left.
    """
    if not view.heads:
        return random_picks(view, count, generator, NO_MODEL)
    search = _Search(errors_of(view.heads, view.size), view.features, wanted(view, count), generator)
    places, gains, usual = search.picked()
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


class _Search:
    """The draw: squared distances to the nearest pick, or bounds of them since the last pass."""

    def __init__(self, errors: Floats, features: Floats, count: int, generator: np.random.Generator) -> None:
        self.errors, self.features, self.count, self.generator = errors, features, count, generator
        norms = [squared_norms(np.asarray(features[part], dtype=np.float32)) for part in _parts(features)]
        self.norms = squared_norms(errors) * np.concatenate(norms) if norms else np.zeros(0, dtype=np.float32)
        self.bounds = self.norms.copy()
        self.places: list[int] = []
        self.squares: list[float] = []
        self.measured = 0

    def picked(self) -> tuple[IntArray, NDArray[np.float64], float]:
        """Places, distances, and the median length of a gradient that is not 0."""
        longer = self.norms[self.norms > 0]
        usual = float(np.sqrt(np.median(longer))) if len(longer) else 0.0
        if self.count:
            first = first_of_best(self.norms, self.generator)
            self._keep(first, float(self.norms[first]))
        while len(self.places) < self.count:
            self._measure_all()
            total = np.cumsum(self.bounds, dtype=np.float64)
            if not total[-1] > 0:
                self._fill_up()
            else:
                self._draw(total)
        return np.array(self.places, dtype=np.int64), np.sqrt(np.array(self.squares)), usual

    def _draw(self, total: NDArray[np.float64]) -> None:
        """Propose by the bounds, whose running sum is given, and keep by the true distance, while that pays."""
        tried = kept = 0
        while len(self.places) < self.count and (tried < PATIENCE or kept >= KEPT * tried):
            place = int(np.searchsorted(total, self.generator.random() * total[-1], side="right"))
            place = min(place, len(total) - 1)
            square = self._square(place)
            tried += 1
            if square > 0 and self.generator.random() * self.bounds[place] < square:
                kept += 1
                self._keep(place, square)

    def _square(self, place: int) -> float:
        """The true squared distance of a case: its bound, or less by the picks since the last pass."""
        if place in self.places:
            return 0.0
        later = self.places[self.measured :]
        if not later:
            return float(self.bounds[place])
        alike = self.errors[later] @ self.errors[place] * (self._features(later) @ self._features([place])[0])
        squares = self.norms[place] + self.norms[later] - 2 * alike
        return max(0.0, min(float(self.bounds[place]), float(squares.min())))

    def _measure_all(self) -> None:
        """Bring all bounds down to the true squared distances, in one pass over the features."""
        later = self.places[self.measured :]
        errors, features, norms = self.errors[later], self._features(later), self.norms[later]
        for part in _parts(self.features, len(later)):
            squares = np.asarray(self.features[part], dtype=np.float32) @ features.T
            squares *= self.errors[part] @ errors.T
            squares *= -2
            squares += self.norms[part, None]
            squares += norms
            np.minimum(self.bounds[part], np.maximum(squares.min(axis=1), 0), out=self.bounds[part])
        self.bounds[self.places] = 0
        self.measured = len(self.places)

    def _fill_up(self) -> None:
        """Nothing is apart from what was picked: the rest is drawn at random."""
        left = np.ones(len(self.norms), dtype=np.bool_)
        left[self.places] = False
        rest = np.flatnonzero(left)
        for place in rest[drawn(len(rest), self.count - len(self.places), self.generator)]:
            self._keep(int(place), 0.0)

    def _keep(self, place: int, square: float) -> None:
        self.places.append(place)
        self.squares.append(square)

    def _features(self, places: list[int]) -> Floats:
        return np.asarray(self.features[places], dtype=np.float32)


def _parts(features: Floats, width: int = 1) -> list[slice]:
    return list(chunks(len(features), max(features.shape[1], width)))
