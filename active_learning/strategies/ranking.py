"""The highest of scores and random draws, with ties that the generator breaks."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from active_learning.strategies.view import FloatArray, IntArray, Picks, View


def wanted(view: View, count: int) -> int:
    """How many can be picked: ``count``, or the pool where it is smaller."""
    return max(0, min(count, view.size))


def highest(scores: FloatArray, count: int, generator: np.random.Generator) -> IntArray:
    """(count,) places of the highest scores, the highest first; equal ones in an order drawn at random.

    One pass over any number of scores; only those that are taken are sorted.
    """
    if count <= 0:
        return np.zeros(0, dtype=np.int64)
    if count >= len(scores):
        taken = np.arange(len(scores))
    else:
        last = np.partition(scores, len(scores) - count)[len(scores) - count]
        above, level = np.flatnonzero(scores > last), np.flatnonzero(scores == last)
        taken = np.concatenate([above, generator.choice(level, count - len(above), replace=False)])
    order = np.lexsort((generator.random(len(taken)), -scores[taken]))
    result: IntArray = taken[order].astype(np.int64)
    return result


def first_of_best(scores: FloatArray, generator: np.random.Generator) -> int:
    """The place of the highest score; of several, one drawn at random."""
    best = np.flatnonzero(scores == scores.max())
    return int(best[0] if len(best) == 1 else generator.choice(best))


def drawn(size: int, count: int, generator: np.random.Generator) -> IntArray:
    """(count,) different places below ``size``, all as likely."""
    result: IntArray = generator.choice(size, count, replace=False, shuffle=True).astype(np.int64)
    return result


def random_picks(view: View, count: int, generator: np.random.Generator, why: str) -> Picks:
    """Cases that are drawn at random, all as likely and as wanted (gain 1), for the reason given."""
    number = wanted(view, count)
    return Picks(drawn(view.size, number, generator), np.ones(number), (why,) * number)


def by_score(
    scores: FloatArray, count: int, generator: np.random.Generator, reason: Callable[[int], str]
) -> Picks:
    """The cases of the highest scores, with a reason for each place."""
    places = highest(scores, count, generator)
    return Picks(places, np.maximum(scores[places], 0).astype(np.float64), tuple(reason(int(p)) for p in places))
