"""Random draws that favour cases which show something: the baseline that is hard to beat on rare findings.

References
----------
Lüth, Bungert, Klein, Jaeger: Navigating the pitfalls of active learning evaluation, NeurIPS 2023, and
Lüth, Traub, Kahl, Bungert, Klein, Krämer, Jaeger, Isensee, Maier-Hein: nnActive: a framework for evaluation of
active learning in 3D biomedical segmentation, TMLR 2025 (there as ``Random 66% FG``).
"""

from __future__ import annotations

import math

import numpy as np

from active_learning.strategies.ranking import drawn, random_picks, wanted
from active_learning.strategies.view import Picks, View

SHARE = 0.66
"""Share of the draw that comes from cases with foreground."""
SHOWN = 0.5
"""Chance from which a case counts as one that shows something."""


def foreground_random(view: View, count: int, generator: np.random.Generator) -> Picks:
    """:data:`SHARE` of the draw from the cases that likely show something, the rest from all others alike.

    Where fewer show something, all of those are taken and the rest is drawn from the whole.
    """
    if view.foreground is None:
        return random_picks(view, count, generator, "drawn at random: nothing is known of what the cases show")
    number = wanted(view, count)
    shown = np.flatnonzero(view.foreground >= SHOWN)
    first = shown[drawn(len(shown), min(math.floor(SHARE * number + 0.5), len(shown)), generator)]
    left = np.ones(view.size, dtype=np.bool_)
    left[first] = False
    rest = np.flatnonzero(left)
    second = rest[drawn(len(rest), number - len(first), generator)]
    places = generator.permutation(np.concatenate([first, second]))
    favoured = set(first.tolist())
    foreground = view.foreground
    why = tuple(
        f"drawn at random among cases that likely show something ({foreground[p]:.2f})"
        if int(p) in favoured
        else "drawn at random among all cases"
        for p in places
    )
    return Picks(places.astype(np.int64), np.ones(number), why)
