"""How undecided a model is about outlines, from the probability of each pixel.

Every function takes maps (n, ...), the probabilities 0 to 1 that pixels or voxels belong to n outlines, and gives
(n,). Maps may be float32 or float64, of any size, and lie in a file: they are worked through in chunks.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

CHUNK = 2**20
"""Pixels that are worked on at once."""
BAND = (0.05, 0.95)
"""Between which probabilities a pixel is in the uncertain band."""


def band_entropy(maps: NDArray[np.floating], band: tuple[float, float] = BAND) -> NDArray[np.float64]:
    """The mean binary entropy, in bits, of the pixels whose probability is above the first and below the second.

    0 (certain, or no such pixel) to 1. The band leaves out what is surely background, which would drown all else.
    With a second bound of 1 or more the inside of an outline counts as well: the measure then also falls with
    how much of it is certain.
    """
    return np.array([_mean_entropy(one, band) for one in maps], dtype=np.float64)


def expected_dice(maps: NDArray[np.floating], threshold: float = 0.5) -> NDArray[np.float64]:
    """The Dice that the outline {p >= threshold} may expect, were pixels independent with these probabilities.

    With the outline A and the random truth Y, E[2 |A n Y| / (|A| + |Y|)] by the expansion of a ratio to second
    order; its error falls with the square of the number of pixels. Where A is empty it is the chance that Y is
    empty too. 1 - it is an uncertainty from 0 to 1 that weighs doubt by the size of what is outlined. Pixels of
    real outlines err together, so that it ranks cases and foretells no quality.

    References
    ----------
    Dice: Measures of the amount of ecologic association between species, Ecology 26 (1945), 297 - 302.
    Ye, Chai, Lee, Chieu: Optimizing F-measures: a tale of two approaches, ICML 2012 (independent labels).
    Stuart, Ord: Kendall's advanced theory of statistics, volume 1, 6th edition, 1994, section 10.6 (ratios).
    """
    return np.array([_dice(one, threshold) for one in maps], dtype=np.float64)


def _mean_entropy(one: NDArray[np.floating], band: tuple[float, float]) -> float:
    total, pixels = 0.0, 0
    for part in _chunks(one):
        p = part[(part > band[0]) & (part < band[1])] if band[1] < 1 else part[part > band[0]]
        p = np.clip(p.astype(np.float64), 1e-6, 1 - 1e-6)
        total -= float((p * np.log2(p) + (1 - p) * np.log2(1 - p)).sum())
        pixels += p.size
    return float(np.clip(total / pixels, 0.0, 1.0)) if pixels else 0.0


def _dice(one: NDArray[np.floating], threshold: float) -> float:
    area = inside = whole = spread_inside = spread = nothing = 0.0
    for part in _chunks(one):
        p = np.clip(part.astype(np.float64), 0, 1)
        own = p[part >= threshold]
        area += own.size
        inside += float(own.sum())
        whole += float(p.sum())
        spread_inside += float((own * (1 - own)).sum())
        spread += float((p * (1 - p)).sum())
        nothing += float(np.log1p(-np.minimum(p, 1 - 1e-12)).sum()) if area == 0 else 0.0
    if area == 0:
        return float(np.exp(nothing))
    both, sizes = 2 * inside, area + whole
    value = both / sizes - 2 * spread_inside / sizes**2 + both * spread / sizes**3
    return float(np.clip(value, 0.0, 1.0))


def _chunks(one: NDArray[np.floating]) -> Iterator[NDArray[np.floating]]:
    flat = one.reshape(-1)
    return (flat[start : start + CHUNK] for start in range(0, flat.size, CHUNK))
