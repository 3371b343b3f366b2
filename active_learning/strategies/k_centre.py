"""The cases that lie farthest from everything known: greedy k-centre, or core-set.

Each pick is the case whose nearest known or picked case is the farthest away, so that the largest distance of any
case to a read one shrinks as fast as a greedy choice can make it (to at most twice the best possible).

The choice is exact, yet looks at few distances. A distance that was measured before the last picks is an upper
bound of the true one, since more centres only bring it down; so only cases whose bound exceeds the best true
distance need be measured again (Minoux's lazy greedy).

References
----------
Sener, Savarese: Active learning for convolutional neural networks: a core-set approach, ICLR 2018.
Gonzalez: Clustering to minimize the maximum intercluster distance, Theor. Comput. Sci. 38 (1985), 293 - 306.
Minoux: Accelerated greedy algorithms for maximizing submodular set functions, Optimization Techniques (1978).
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from active_learning.strategies.distances import (
    CHUNK_BYTES,
    Floats,
    chunks,
    lower,
    squared_norms,
    usual_distance,
)
from active_learning.strategies.ranking import first_of_best, wanted
from active_learning.strategies.view import IntArray, Picks, View

FRONT = 1_024
"""Cases of the largest bounds that are measured at once; four times as many whenever none of them was picked."""
BLOCK = 512
"""Known cases to which all cases are measured at first; to the others only where it matters."""
CHOSEN = np.float32(-1)
"""The bound of a case that was picked."""


def k_centre(view: View, count: int, generator: np.random.Generator) -> Picks:
    """The cases that leave the smallest gap; gains are their distances when they were picked.

    Without known cases the first is drawn at random, and as wanted as the second.
    """
    search = _Search(view.features, view.known, wanted(view, count), generator)
    places, gains = search.picked()
    if not len(view.known) and len(places):
        gains[0] = gains.max() if len(places) > 1 else 1.0
    usual = usual_distance(view.features, view.known, generator)
    start = 0 if len(view.known) else 1
    why = ["the first, drawn at random: nothing was read yet"] * min(start, len(places))
    why += [_reason(float(gain), usual, read=bool(len(view.known))) for gain in gains[start:]]
    return Picks(places, gains, tuple(why))


def _reason(gain: float, usual: float, *, read: bool) -> str:
    if gain <= 0 or usual <= 0:
        return "like cases that were read or chosen: nothing that is unlike them is left"
    times = gain / usual
    if read:
        lead = (
            "unlike anything read or chosen so far" if times >= 1 else "among the least like those read or chosen"
        )
        return f"{lead}: {times:.1f} times the usual distance to the nearest read case"
    return f"unlike those chosen before it: {times:.1f} times the usual distance between two cases"


class _Search:
    """The greedy search: bounds of squared distances, and to how many of the centres each was measured."""

    def __init__(self, features: Floats, known: Floats, count: int, generator: np.random.Generator) -> None:
        self.features, self.count, self.generator = features, count, generator
        width = features.shape[1] if features.ndim == 2 else 0
        self.centres = np.empty((len(known) + count, width), dtype=np.float32)
        self.centres[: len(known)] = known
        self.used = len(known)
        self.bounds = np.full(len(features), np.inf, dtype=np.float32)
        self.measured = np.zeros(len(features), dtype=np.int32)
        self.places: list[int] = []
        self.squares: list[float] = []
        self.most = max(FRONT, min(len(features) // 4, CHUNK_BYTES // max(1, width)))

    def picked(self) -> tuple[IntArray, NDArray[np.float64]]:
        if self.count and not self.used:
            self._pick(int(self.generator.integers(len(self.features))), 0.0)
        if len(self.places) < self.count:
            self._measure_all(min(BLOCK, self.used))
        size = FRONT
        while len(self.places) < self.count:
            if size > self.most:
                self._measure_all(self.used)
                size = FRONT
            before = len(self.places)
            self._pick_in_front(min(size, len(self.features)))
            size = FRONT if len(self.places) > before else size * 4
        return np.array(self.places, dtype=np.int64), np.sqrt(np.array(self.squares, dtype=np.float64))

    def _pick(self, place: int, square: float) -> None:
        self.centres[self.used] = self.features[place]
        self.used += 1
        self.bounds[place] = CHOSEN
        self.places.append(place)
        self.squares.append(square)

    def _measure_all(self, until: int) -> None:
        """Measure every case to the first ``until`` centres, in one pass over the features."""
        for part in chunks(len(self.features), self.features.shape[1]):
            start = int(self.measured[part].min())
            lower(self.bounds[part], self.features[part], self.centres[start:until])
            np.maximum(self.measured[part], until, out=self.measured[part])

    def _pick_in_front(self, size: int) -> None:
        """Pick among the cases of the largest bounds, as long as no other case can be farther."""
        order = np.argpartition(self.bounds, len(self.bounds) - size)
        front, others = np.sort(order[len(order) - size :]), order[: len(order) - size]
        limit = self.bounds[others].max() if len(others) else CHOSEN
        block, bounds = np.asarray(self.features[front], dtype=np.float32), self.bounds[front]
        lower(bounds, block, self.centres[self.measured[front].min() : self.used])
        norms = squared_norms(block)
        while len(self.places) < self.count and bounds.max() >= limit and bounds.max() > CHOSEN:
            best = first_of_best(bounds, self.generator)
            self._pick(int(front[best]), float(bounds[best]))
            bounds[best] = CHOSEN
            squares = norms + norms[best] - 2 * (block @ block[best])
            np.minimum(bounds, np.maximum(squares, 0), out=bounds)
        self.bounds[front], self.measured[front] = bounds, self.used
