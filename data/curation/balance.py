"""A repeatable draw that gives the classes their sizes."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Sequence


def drawn(ids: Sequence[str], count: int, seed: int) -> tuple[str, ...]:
    """Draw ids at random without replacement.

    The draw ranks the ids by a hash of seed and id, so that it depends neither on their order nor on the version
    of a random generator, and a larger draw holds every smaller one.

    Returns
    -------
    ``min(count, len(ids))`` ids, sorted.
    """
    ranked = sorted(ids, key=lambda name: (hashlib.sha256(f"{seed}\0{name}".encode()).digest(), name))
    return tuple(sorted(ranked[:count]))


def class_sizes(positives: int, negatives: int, negatives_per_positive: float | None) -> tuple[int, int]:
    """The largest sizes of both classes with at most this many negatives a positive, and no surplus positives.

    With 1 both are the size of the smaller class; None keeps all. With a ratio, positives that would lack their
    negatives are left out too, but one stays wherever there is a negative for it.
    """
    if negatives_per_positive is None:
        return positives, negatives
    kept = min(positives, math.ceil(negatives / negatives_per_positive))
    return kept, min(negatives, math.ceil(kept * negatives_per_positive))
