"""Typical cases of groups of which none was read: for a cold start, when a model knows too little to be uncertain.

All cases, known ones too, are put into as many groups as there are known cases and picks together (k-means). From
each group without a known case, the largest first, comes the case with the nearest neighbours.

With more than :data:`LEARNT_FROM` cases the groups are learnt from a random sample of that size, along its
:data:`AXES` principal axes, and every case joins the nearest centre; distances between cases stay those of all
features. Of a group with more than :data:`LOOKED_AT` cases a random sample of that size is looked at. Smaller
pools are worked on whole.

References
----------
Hacohen, Dekel, Weinshall: Active learning on a budget: opposite strategies suit high and low budgets, ICML 2022.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator, Mapping

import numpy as np
from numpy.typing import NDArray

from active_learning.strategies.distances import Floats, chunks, squared_distances
from active_learning.strategies.ranking import drawn, first_of_best, wanted
from active_learning.strategies.seeding import draw_apart, products_norms
from active_learning.strategies.view import IntArray, Picks, View

MOST_GROUPS = 500
"""Groups at the most, as in the paper."""
SMALLEST = 5
"""Groups with fewer cases are passed over while others are left, as in the paper."""
NEIGHBOURS = 20
"""Neighbours that make a case typical, as in the paper."""
EXACT_GROUPS = 50
"""Up to so many groups k-means sees all cases in each step; with more, batches of them, as in the paper."""
LEARNT_FROM = 20_000
"""Cases at the most that groups are learnt from."""
AXES = 64
"""Principal axes along which groups are sought where not all cases are learnt from."""
LOOKED_AT = 1_024
"""Cases of a group among which neighbours are sought."""


def typiclust(view: View, count: int, generator: np.random.Generator) -> Picks:
    """The most typical cases of groups without a known case, then of those with few.

    Gains are the shares of all cases that the groups are.
    """
    number = wanted(view, count)
    if not number:
        return Picks(np.zeros(0, dtype=np.int64), np.zeros(0), ())
    groups, known = _groups(view, number, generator)
    sizes = np.bincount(groups, minlength=len(known)) + known
    left = {int(group): np.flatnonzero(groups == group) for group in np.unique(groups)}
    places: list[int] = []
    why: list[str] = []
    used: set[int] = set()
    for group in _in_turn(left, sizes, known, generator):
        place = _most_typical(view.features, left[group], generator)
        left[group] = left[group][left[group] != place]
        places.append(place)
        why.append(_reason(int(sizes[group]), int(known[group]), again=group in used))
        used.add(group)
        if len(places) == number:
            break
    chosen = np.array(places, dtype=np.int64)
    return Picks(chosen, sizes[groups[chosen]] / sizes.sum(), tuple(why))


def _groups(view: View, count: int, generator: np.random.Generator) -> tuple[IntArray, IntArray]:
    """(n,) the group of each case of the pool, and (groups,) how many known cases each group has."""
    total = view.size + len(view.known)
    number = min(len(view.known) + count, MOST_GROUPS, total)
    places: IntArray = np.arange(total, dtype=np.int64)
    if total > LEARNT_FROM:
        places = np.sort(drawn(total, LEARNT_FROM, generator))
    own = places[places < view.size]
    learnt = np.concatenate([view.features[own], view.known[places[len(own) :] - view.size]]).astype(np.float32)
    turned = _principal(learnt) if total > LEARNT_FROM else _as_they_are
    centres = _centres(turned(learnt), number, generator)
    groups, known = (_nearest(points, centres, turned) for points in (view.features, view.known))
    return groups, np.bincount(known, minlength=number)


def _principal(learnt: Floats) -> Callable[[Floats], Floats]:
    """Cases along the principal axes of those given, :data:`AXES` at the most."""
    origin = learnt.mean(axis=0)
    shifted = learnt - origin
    _, found = np.linalg.eigh(shifted.T @ shifted)
    axes = np.ascontiguousarray(found[:, ::-1][:, :AXES])

    def turned(points: Floats) -> Floats:
        result: Floats = (points - origin) @ axes
        return result

    return turned


def _as_they_are(points: Floats) -> Floats:
    return points


def _centres(learnt: Floats, number: int, generator: np.random.Generator) -> Floats:
    from sklearn.cluster import KMeans, MiniBatchKMeans  # noqa: PLC0415 - heavy
    from sklearn.exceptions import ConvergenceWarning  # noqa: PLC0415 - heavy

    rows = np.ones((len(learnt), 1), dtype=np.float32)
    first = int(generator.integers(len(learnt)))
    seeds, _ = draw_apart(rows, learnt, products_norms(rows, learnt), first, number, generator)
    kind = KMeans if number <= EXACT_GROUPS else MiniBatchKMeans
    learner = kind(number, init=learnt[seeds], n_init=1, random_state=int(generator.integers(2**31)))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)  # fewer different cases than groups
        result: Floats = learner.fit(learnt).cluster_centers_.astype(np.float32)
    return result


def _nearest(points: Floats, centres: Floats, turned: Callable[[Floats], Floats]) -> IntArray:
    nearest = np.empty(len(points), dtype=np.int64)
    for part in chunks(len(points), max(points.shape[1], len(centres))):
        block = turned(np.asarray(points[part], dtype=np.float32))
        nearest[part] = squared_distances(block, centres).argmin(axis=1)
    return nearest


def _in_turn(
    left: Mapping[int, IntArray], sizes: IntArray, known: IntArray, generator: np.random.Generator
) -> Iterator[int]:
    """Groups one after the other, and again, as long as they have cases: few known first, then the larger."""
    groups = np.array(list(left))
    order = groups[np.lexsort((generator.random(len(groups)), -sizes[groups], known[groups]))]
    for small in (False, True):
        own = [int(group) for group in order if (sizes[group] < SMALLEST) == small]
        while any(len(left[group]) for group in own):
            yield from (group for group in own if len(left[group]))


def _most_typical(features: Floats, members: IntArray, generator: np.random.Generator) -> int:
    """The member with the least mean distance to its nearest neighbours among the members."""
    if len(members) > LOOKED_AT:
        members = np.sort(members[drawn(len(members), LOOKED_AT, generator)])
    if len(members) == 1:
        return int(members[0])
    block = np.asarray(features[members], dtype=np.float32)
    squares = squared_distances(block, block)
    np.fill_diagonal(squares, np.inf)
    number = max(1, min(NEIGHBOURS, len(members) // 2))
    near: NDArray[np.float32] = np.sqrt(np.partition(squares, number - 1, axis=1)[:, :number]).mean(axis=1)
    return int(members[first_of_best(-near, generator)])


def _reason(size: int, known: int, *, again: bool) -> str:
    of = f"a group of {size:,} case{'s' if size != 1 else ''}"
    lead = "the next most typical" if again else "typical"
    read = "none was read" if not known else f"{known:,} {'was' if known == 1 else 'were'} read"
    return f"{lead} of {of} of which {read}"
