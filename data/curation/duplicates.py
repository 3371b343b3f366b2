"""Near-duplicates: a perceptual hash of 64 bits, and the pairs of hashes that differ in few bits.

The hash is the DCT hash of Zauner (Implementation and Benchmarking of Perceptual Image Hash Functions, Hagenberg
2010): the sign of 8 x 8 low frequencies against their median. The search is exact: hashes that differ in at most
``distance`` bits differ in at most ``distance // m`` bits in one of ``m`` bands, so that only hashes of like bands
are compared (multi-index hashing; Norouzi et al., CVPR 2012).
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence
from math import comb

import numpy as np
from numpy.typing import NDArray

from data.errors import CurationError

BITS = 64
SIDE_PX = 32
"""Side of the small picture that is transformed."""
MOST_BANDS = 8
"""Narrower bands than 8 bits would hold too many hashes each."""

Hashes = NDArray[np.uint64]


def phash(image: NDArray[np.generic]) -> int:
    """The perceptual hash of a picture, 0 to 2**64 - 1.

    Gain and offset of the grey values do not change it: the frequencies 1 to 8 are taken, without the constant.

    Parameters
    ----------
    image:
        (rows, columns), of any real type.

    Raises
    ------
    CurationError
        The picture has no two dimensions or is empty.
    """
    import cv2  # noqa: PLC0415 - slow to load
    from scipy.fft import dctn  # noqa: PLC0415 - slow to load

    if image.ndim != 2 or not image.size:
        raise CurationError(
            "Only a grey picture has a perceptual hash.",
            given=f"shape {image.shape}",
            expected="(rows, columns)",
            do="give one page in grey",
        )
    small = cv2.resize(image.astype(np.float32), (SIDE_PX, SIDE_PX), interpolation=cv2.INTER_AREA)
    waves = np.asarray(dctn(small.astype(np.float64), type=2))[1:9, 1:9].ravel()
    bits = waves > np.median(waves)
    return int(sum(1 << place for place, bit in enumerate(bits) if bit))


def near_duplicates(hashes: Sequence[int], distance: int) -> list[tuple[int, int, int]]:
    """All pairs of hashes that differ in at most ``distance`` bits.

    Returns
    -------
    (i, j, bits that differ) with i < j, sorted.

    Raises
    ------
    CurationError
        A hash is not of 64 bits, or the distance is not 0 to 64.
    """
    if not 0 <= distance <= BITS:
        raise CurationError(
            "There is no such distance of hashes.",
            given=distance,
            expected="0 to 64 bits",
            do="correct the distance",
        )
    wrong = next((value for value in hashes if not 0 <= value < 1 << BITS), None)
    if wrong is not None:
        raise CurationError(
            "A perceptual hash has 64 bits.", given=wrong, expected="0 to 2**64 - 1", do="use phash()"
        )
    values = np.array(hashes, dtype=np.uint64)
    bands = min(distance + 1, MOST_BANDS)
    edges = [BITS * number // bands for number in range(bands + 1)]
    pairs: set[tuple[int, int, int]] = set()
    for low, high in itertools.pairwise(edges):
        mask = (1 << high - low) - 1
        part = (values >> np.uint64(low)) & np.uint64(mask)
        for one, other in _alike(part, high - low, distance // bands):
            pairs.update(_close(values, one, other, distance))
    return sorted(pairs)


def _alike(part: Hashes, width: int, radius: int) -> Iterator[tuple[NDArray[np.int64], NDArray[np.int64]]]:
    """Groups of hashes to compare with one another: those whose bands differ in at most ``radius`` bits."""
    order = np.argsort(part, kind="stable")
    keys, starts = np.unique(part[order], return_index=True)
    groups = dict(zip(keys.tolist(), np.split(order, starts[1:]), strict=True)) if len(part) else {}
    if sum(comb(width, flips) for flips in range(radius + 1)) > len(groups):  # fewer groups than neighbours
        for (one, first), (other, second) in itertools.combinations_with_replacement(groups.items(), 2):
            if (one ^ other).bit_count() <= radius:
                yield first, second
        return
    flips = [
        sum(1 << place for place in places)
        for count in range(radius + 1)
        for places in itertools.combinations(range(width), count)
    ]
    for key, first in groups.items():
        for flip in flips:
            if key ^ flip >= key and (found := groups.get(key ^ flip)) is not None:
                yield first, found


def _close(
    values: Hashes, first: NDArray[np.int64], second: NDArray[np.int64], distance: int
) -> Iterator[tuple[int, int, int]]:
    """The close pairs of two groups, compared in full."""
    for i in first.tolist():
        differ = np.bitwise_count(values[second] ^ values[i])
        for place in np.flatnonzero((differ <= distance) & (second != i)):
            j = int(second[place])
            yield (min(i, j), max(i, j), int(differ[place]))
