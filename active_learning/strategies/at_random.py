"""Random draws: plain, and in proportion to groups.

References
----------
Cochran: Sampling techniques, 3rd edition, Wiley 1977, chapter 5 (proportional allocation).
"""

from __future__ import annotations

import numpy as np

from active_learning.strategies.ranking import drawn, random_picks, wanted
from active_learning.strategies.view import IntArray, Picks, View


def random(view: View, count: int, generator: np.random.Generator) -> Picks:
    """Cases that are drawn at random, all as likely."""
    return random_picks(view, count, generator, "drawn at random")


def stratified(view: View, count: int, generator: np.random.Generator) -> Picks:
    """Cases that are drawn at random within groups, each group in proportion to its size.

    Of shares that are no whole numbers the largest remainders are rounded up; equal ones by lot.
    """
    if view.strata is None:
        return random_picks(view, count, generator, "drawn at random: the pool is one group")
    number = wanted(view, count)
    _, group, sizes = np.unique(view.strata, return_inverse=True, return_counts=True)
    places = []
    for index, share in enumerate(_shares(sizes, number, generator)):
        members = np.flatnonzero(group == index)
        places.append(members[drawn(len(members), int(share), generator)])
    chosen = generator.permutation(np.concatenate(places)) if places else np.zeros(0, dtype=np.int64)
    why = tuple(
        f"drawn at random from its group, {sizes[group[p]]:,} of {view.size:,} cases of the pool" for p in chosen
    )
    return Picks(chosen.astype(np.int64), np.ones(number), why)


def _shares(sizes: IntArray, count: int, generator: np.random.Generator) -> IntArray:
    """(groups,) how many of ``count`` fall to each group, none more than it has."""
    if not len(sizes):
        return sizes
    exact = sizes * (count / sizes.sum())
    shares: IntArray = np.floor(exact + 1e-9).astype(np.int64)
    order = np.lexsort((generator.random(len(sizes)), -np.round(exact - shares, 9)))
    shares[order[: count - shares.sum()]] += 1
    return shares
