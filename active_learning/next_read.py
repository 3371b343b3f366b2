"""Where the next read helps most: another read of a case, or the first of one that nobody read, and by whom."""

from __future__ import annotations

import heapq
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

import numpy as np
from numpy.typing import NDArray

from active_learning.crowd import Estimate
from active_learning.ratings import Ratings
from active_learning.read_worth import Loss, expected_gains, reads_made
from active_learning.words import spoken
from models.bootstrap import FloatArray


class By(StrEnum):
    """How the reader of a case is chosen."""

    QUALITY = "quality"
    """Case and reader together, by what this reader is expected to tell. The estimate must not take a few reads
    for a reader's quality: it is ``pooled``, or the readers were measured against a reference."""
    WORKLOAD = "workload"
    """The case by what any reader is expected to tell, the reader by who has read least: where each reader is
    learned from few reads alone. To ask the seeming best again and again would leave it at what seems."""


@dataclass(frozen=True, slots=True)
class NextRead:
    """A read that is worth asking for.

    Parameters
    ----------
    item, reader:
        What to read, and who.
    gain:
        By how much it is expected to lower the loss, the mean over the labels.
    reads:
        That there are already.
    reason:
        A sentence for people.
    """

    item: str
    reader: str
    gain: float
    reads: int
    reason: str


def next_reads(
    ratings: Mapping[str, Ratings],
    estimates: Mapping[str, Estimate],
    budget: int,
    *,
    loss: Loss = Loss.F1,
    model: Mapping[str, FloatArray] | None = None,
    by: By = By.QUALITY,
    capacity: Mapping[str, int] | None = None,
    allowed: NDArray[np.bool_] | None = None,
) -> tuple[NextRead, ...]:
    """The reads that help most, the best first; no case is named twice.

    Parameters
    ----------
    ratings, estimates, loss, model, allowed:
        As in :func:`active_learning.read_worth.expected_gains`.
    budget:
        How many reads to name at most.
    by:
        How the reader is chosen.
    capacity:
        How many more reads each reader can take; readers who are not named take any number.

    Raises
    ------
    RatingsError
        The labels are not of the same items and readers, or have no estimate.
    """
    gains = expected_gains(ratings, estimates, loss=loss, model=model, allowed=allowed)
    first, made = next(iter(ratings.values())), reads_made(ratings)
    if by is By.WORKLOAD:
        free = np.isfinite(gains)
        number = np.maximum(free.sum(axis=1, keepdims=True), 1)
        gains = np.where(free, np.where(free, gains, 0.0).sum(axis=1, keepdims=True) / number, -np.inf)
    left = np.array([(capacity or {}).get(reader, len(first.items)) for reader in first.readers])
    chosen = _chosen(gains.sum(axis=2), made.sum(axis=0), left, budget)
    return tuple(
        NextRead(
            first.items[item], first.readers[reader], float(gains[item, reader].mean()), int(made[item].sum()),
            _reason(ratings, estimates, item, gains[item, reader], int(made[item].sum())),
        )
        for item, reader in chosen
    )  # fmt: skip


def _chosen(
    gains: FloatArray, load: NDArray[np.int64], left: NDArray[np.int64], budget: int
) -> list[tuple[int, int]]:
    """(item, reader), the best first; of readers who tell as much, the one who has read least.

    Parameters
    ----------
    gains:
        (items, readers), minus infinity where there can be no read.
    load, left:
        (readers,) reads made, and reads that can be asked for.
    """
    load, left = load.copy(), left.copy()
    queue = [
        (-float(gain), item) for item, gain in enumerate(gains.max(axis=1, initial=-np.inf)) if gain > -np.inf
    ]
    heapq.heapify(queue)
    found: list[tuple[int, int]] = []
    while queue and len(found) < budget:
        gain, item = heapq.heappop(queue)
        able = np.where(left > 0, gains[item], -np.inf)
        best = float(able.max())
        if best < -gain:  # the reader who would have told most has no time left
            if best > -np.inf:
                heapq.heappush(queue, (-best, item))
            continue
        alike = np.flatnonzero(np.isclose(able, best, rtol=1e-9, atol=0))
        reader = int(alike[load[alike].argmin()])
        load[reader] += 1
        left[reader] -= 1
        found.append((item, reader))
    return found


def _reason(
    ratings: Mapping[str, Ratings], estimates: Mapping[str, Estimate], item: int, gains: FloatArray, reads: int
) -> str:
    """Such as ``read once; effusion: 0.38 present``."""
    times = {0: "not read yet", 1: "read once", 2: "read twice"}.get(reads, f"read {reads} times")
    label = list(ratings)[int(np.argmax(gains))]
    known = estimates[label].probabilities[item]
    if not np.isfinite(known).all():
        return times
    ranked = np.argsort(-known, kind="stable")[:2]
    words = ", ".join(f"{known[n]:.2f} {spoken(ratings[label].options[n])}" for n in ranked)
    return f"{times}; {spoken(label)}: {words}" if label else f"{times}: {words}"
