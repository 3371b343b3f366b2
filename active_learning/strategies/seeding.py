"""Draws by the squared distance to what was drawn before: the seeds of k-means++, of any number of cases.

The draw is exact, yet looks at few distances. A squared distance that was measured before the last draws is an
upper bound, so a case that is proposed by the bounds and kept with the chance (true / bound) is drawn by the true
one. Once fewer than :data:`KEPT` of the proposals are kept, all cases are measured again, in one pass.

Cases are products a x f of a short row and features, which are never formed:
|a x f - b x g|^2 = |a|^2 |f|^2 + |b|^2 |g|^2 - 2 (a.b) (f.g). With a = (1) they are the features themselves.

References
----------
Arthur, Vassilvitskii: k-means++: the advantages of careful seeding, SODA 2007.
Cohen-Addad, Lattanzi, Norouzi-Fard, Sohler, Svensson: Fast and accurate k-means++ via rejection sampling, NeurIPS
2020.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from active_learning.strategies.distances import Floats, chunks, squared_norms
from active_learning.strategies.ranking import drawn
from active_learning.strategies.view import IntArray

KEPT = 0.5
"""Share of the proposals below which all cases are measured again."""
PATIENCE = 32
"""Proposals before that share is looked at."""


def products_norms(rows: Floats, features: Floats) -> Floats:
    """(n,) |a|^2 |f|^2 of (n, k) rows and (n, d) features."""
    norms = np.empty(len(features), dtype=np.float32)
    for part in chunks(len(features), features.shape[1]):
        norms[part] = squared_norms(np.asarray(features[part], dtype=np.float32))
    return squared_norms(rows) * norms


def draw_apart(
    rows: Floats, features: Floats, norms: Floats, first: int, count: int, generator: np.random.Generator
) -> tuple[IntArray, NDArray[np.float64]]:
    """Different cases, and their distances to the nearest of those before them.

    Cases that are nowhere apart from the drawn ones are drawn at random once nothing else is left.

    Parameters
    ----------
    rows, features:
        (n, k) and (n, d), of whose products the distances are.
    norms:
        (n,) of :func:`products_norms`.
    first:
        The place of the first; its distance is the length of its product.
    count:
        From 1 to n.
    """
    search = _Search(rows, features, norms, count, generator)
    return search.drawn(first)


class _Search:
    """The draw: squared distances to the nearest drawn, or bounds of them since the last pass."""

    def __init__(
        self, rows: Floats, features: Floats, norms: Floats, count: int, generator: np.random.Generator
    ) -> None:
        self.rows, self.features, self.norms = rows, features, norms
        self.count, self.generator = count, generator
        self.bounds = np.full(len(features), np.inf, dtype=np.float32)
        self.places: list[int] = []
        self.squares: list[float] = []
        self.measured = 0

    def drawn(self, first: int) -> tuple[IntArray, NDArray[np.float64]]:
        self._keep(first, float(self.norms[first]))
        while len(self.places) < self.count:
            self._measure_all()
            total = np.cumsum(self.bounds, dtype=np.float64)
            if not total[-1] > 0:
                self._fill_up()
            else:
                self._draw(total)
        return np.array(self.places, dtype=np.int64), np.sqrt(np.array(self.squares))

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
        """The true squared distance of a case: its bound, or less by the draws since the last pass."""
        if place in self.places:
            return 0.0
        later = self.places[self.measured :]
        if not later:
            return float(self.bounds[place])
        alike = self.rows[later] @ self.rows[place] * (self._features(later) @ self._features([place])[0])
        squares = self.norms[place] + self.norms[later] - 2 * alike
        return max(0.0, min(float(self.bounds[place]), float(squares.min())))

    def _measure_all(self) -> None:
        """Bring all bounds down to the true squared distances, in one pass over the features."""
        later = self.places[self.measured :]
        rows, features, norms = self.rows[later], self._features(later), self.norms[later]
        for part in chunks(len(self.features), max(self.features.shape[1], len(later))):
            squares = np.asarray(self.features[part], dtype=np.float32) @ features.T
            squares *= self.rows[part] @ rows.T
            squares *= -2
            squares += self.norms[part, None]
            squares += norms
            np.minimum(self.bounds[part], np.maximum(squares.min(axis=1), 0), out=self.bounds[part])
        self.bounds[self.places] = 0
        self.measured = len(self.places)

    def _fill_up(self) -> None:
        """Nothing is apart from what was drawn: the rest is drawn at random."""
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
