"""The areas under ROC curves of several models on the same patients, with their covariance in closed form.

It holds where each patient gives one item: the items must be independent. Nothing is drawn at random, so that it
is faster than a bootstrap; the two agree where both hold.

References
----------
DeLong, DeLong, Clarke-Pearson: Comparing the areas under two or more correlated receiver operating characteristic
curves, Biometrics 44 (1988), 837 - 845.
Sun, Xu: Fast implementation of DeLong's algorithm for comparing the areas under correlated receiver operating
characteristic curves, IEEE Signal Processing Letters 21 (2014), 1389 - 1393 (by ranks, O(n log n)).
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from models.bootstrap import BoolArray, FloatArray

MIN_A_CLASS = 2
"""Items of either class below which there is no variance."""


@dataclass(frozen=True, slots=True)
class Areas:
    """Areas (models,) and their covariance (models, models)."""

    values: FloatArray
    covariance: FloatArray

    def difference(self, first: int, second: int) -> tuple[float, float]:
        """The area of one model less that of another, and the standard error of this difference."""
        c = self.covariance
        variance = c[first, first] + c[second, second] - 2 * c[first, second]
        return float(self.values[first] - self.values[second]), math.sqrt(max(float(variance), 0.0))


def areas(scores: FloatArray, positive: BoolArray) -> Areas | None:
    """The areas of several models on the same items, and their covariance.

    Parameters
    ----------
    scores:
        (models, items), ties allowed.
    positive:
        (items,).

    Returns
    -------
    Areas or None
        None where either class has fewer than two items.
    """
    n_positive, n_negative = int(positive.sum()), int((~positive).sum())
    if min(n_positive, n_negative) < MIN_A_CLASS:
        return None
    whole = _midranks(scores)  # (models, items)
    of_positive, of_negative = scores[:, positive], scores[:, ~positive]
    below = (whole[:, positive] - _midranks(of_positive)) / n_negative  # share of negatives below each positive
    above = 1 - (whole[:, ~positive] - _midranks(of_negative)) / n_positive  # of positives above each negative
    covariance = np.atleast_2d(np.cov(below)) / n_positive + np.atleast_2d(np.cov(above)) / n_negative
    return Areas(below.mean(axis=1), covariance)


def _midranks(scores: FloatArray) -> FloatArray:
    """Ranks (models, items) from 1 within each row; tied items share the mean of their ranks."""
    from scipy.stats import rankdata  # noqa: PLC0415 - slow to load

    ranks: FloatArray = rankdata(scores, method="average", axis=1)
    return ranks
