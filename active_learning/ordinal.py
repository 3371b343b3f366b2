"""The ordinal rule: the median of the readers' grades, with how far the readers spread around it.

The median is what panels report of ordered grades, since one reader far off does not move it. Its uncertainty
comes from the spread: the deviation of one read is estimated from all items with several reads, since a handful of
reads says little of an item by itself; where the item's own readers spread farther than that, their own deviation
counts, so that a case on which they are apart is not taken for settled. The median of ``n`` normal reads has the
deviation ``sqrt(pi / (2 n))`` times that of one. The probability of a grade is the share of this normal
distribution that rounds to it.

References
----------
Kenney, Keeping: Mathematics of Statistics, part 2, 2nd ed. (1951), section 7.12 (the deviation of a median).
"""

from __future__ import annotations

import math

import numpy as np

from active_learning.crowd import Estimate, judged
from active_learning.ratings import NOT_READ, Ratings
from models.bootstrap import FloatArray

LEAST = 1e-3
"""The least deviation of a read, in grades, so that a probability is never 0 / 0."""


def median_with_spread(ratings: Ratings) -> Estimate:
    """The probabilities of the grades around the median of each item; options are grades in their order.

    One read is its own median. Without a second read of any item the deviation is that of grades drawn at random.
    """
    given = np.where(ratings.given == NOT_READ, np.nan, ratings.given.astype(np.float64))
    number = (~np.isnan(given)).sum(axis=1)
    read, several = number > 0, number > 1
    middle = np.full(len(given), np.nan)
    middle[read] = np.nanmedian(given[read], axis=1)
    one = np.full(len(given), spread(ratings))
    one[several] = np.maximum(one[several], np.nanstd(given[several], axis=1, ddof=1))
    wide = one * np.where(several, np.sqrt(math.pi / (2 * np.maximum(number, 1))), 1.0)
    truth = _between(middle, wide, len(ratings.options))
    return judged(ratings, truth)


def spread(ratings: Ratings) -> float:
    """The deviation of one read around its item, in grades, pooled over the items with several reads."""
    given = np.where(ratings.given == NOT_READ, np.nan, ratings.given.astype(np.float64))
    number = (~np.isnan(given)).sum(axis=1)
    several = number > 1
    if not several.any():
        options = len(ratings.options)
        return max(math.sqrt((options**2 - 1) / 12), LEAST)
    apart = np.nansum((given[several] - np.nanmean(given[several], axis=1, keepdims=True)) ** 2)
    return max(math.sqrt(float(apart) / float((number[several] - 1).sum())), LEAST)


def _between(middle: FloatArray, wide: FloatArray, options: int) -> FloatArray:
    """(items, options) the share of each normal distribution between the borders of each grade."""
    from scipy.special import ndtr  # noqa: PLC0415 - slow to load

    borders = np.concatenate([[-np.inf], np.arange(1, options) - 0.5, [np.inf]])
    below = ndtr((borders - middle[:, None]) / wide[:, None])
    return np.asarray(np.diff(below, axis=1), dtype=np.float64)
