"""Euclidean distances between many cases and few centres, in chunks of features that may be a memory map.

|x - c|^2 = |x|^2 + |c|^2 - 2 x.c, so that the work is a product of matrices. In float32 that leaves an error of
about 1e-6 of the squared norms: cases nearer to each other than a thousandth of their norms count as alike.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]
CHUNK_BYTES = 32 * 2**20
"""Features that are worked on at once."""
SAMPLE = 1_000
"""Cases from which a usual distance is told."""
BLOCK = 4_096
"""Centres that distances are taken to at once."""


def chunks(size: int, width: int) -> Iterator[slice]:
    """Slices of ``size`` rows of ``width`` float32 each, of :data:`CHUNK_BYTES` at the most."""
    rows = max(1, CHUNK_BYTES // (4 * max(1, width)))
    return (slice(start, min(start + rows, size)) for start in range(0, size, rows))


def squared_norms(points: Floats) -> Floats:
    """(n,) |x|^2 of (n, d)."""
    result: Floats = np.einsum("nd,nd->n", points, points)
    return result


def squared_distances(points: Floats, centres: Floats) -> Floats:
    """(n, k) squared distances of (n, d) to (k, d)."""
    result: Floats = points @ centres.T
    result *= -2
    result += squared_norms(points)[:, None]
    result += squared_norms(centres)
    return np.maximum(result, 0, out=result)


def lower(bounds: Floats, points: Floats, centres: Floats) -> None:
    """Bring ``bounds`` (n,) down, in place, to the squared distance to the nearest of (k, d)."""
    for part in chunks(len(points), max(points.shape[1], min(BLOCK, len(centres)))):
        block = np.asarray(points[part], dtype=np.float32)
        for start in range(0, len(centres), BLOCK):
            squares = squared_distances(block, np.asarray(centres[start : start + BLOCK], dtype=np.float32))
            np.minimum(bounds[part], squares.min(axis=1), out=bounds[part])


def nearest_squares(points: Floats, centres: Floats) -> Floats:
    """(n,) squared distance of each of (n, d) to the nearest of (k, d); infinite without any."""
    nearest = np.full(len(points), np.inf, dtype=np.float32)
    lower(nearest, points, centres)
    return nearest


def usual_distance(points: Floats, centres: Floats, generator: np.random.Generator) -> float:
    """The median distance of a case to the nearest centre, of :data:`SAMPLE` cases drawn at random.

    Without centres: the median distance between two of those cases. 0 where there are none.
    """
    if len(points) < 2:
        return 0.0
    places = np.sort(generator.choice(len(points), min(SAMPLE, len(points)), replace=False))
    sample = np.asarray(points[places], dtype=np.float32)
    if len(centres):
        return float(np.sqrt(np.median(nearest_squares(sample, centres))))
    squares = squared_distances(sample, sample)
    return float(np.sqrt(np.median(squares[np.triu_indices(len(sample), 1)])))
