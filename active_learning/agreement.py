"""How far readers agree, beyond chance, with 95% intervals over patients.

Every coefficient is a function of sums over items, so that a resample of the patients is a matrix product: the
point values come from the libraries where they have them, the intervals from the sums. Items that fewer than two
readers read say nothing of agreement; where some readers did not read an item, those who did count.

References
----------
Cohen: A coefficient of agreement for nominal scales, Educ. Psychol. Meas. 20 (1960), 37 - 46.
Fleiss: Measuring nominal scale agreement among many raters, Psychol. Bull. 76 (1971), 378 - 382.
Krippendorff: Computing Krippendorff's alpha-reliability (2011), repository.upenn.edu/asc_papers/43.
Gwet: Computing inter-rater reliability and its variance in the presence of high agreement, Br. J. Math. Stat.
Psychol. 61 (2008), 29 - 48 (AC1); Handbook of Inter-Rater Reliability, 4th ed. (2014) (AC2, and gaps).
Byrt, Bishop, Carlin: Bias, prevalence and kappa, J. Clin. Epidemiol. 46 (1993), 423 - 429.
Landis, Koch: The measurement of observer agreement for categorical data, Biometrics 33 (1977), 159 - 174 (bands).
"""

from __future__ import annotations

import math
from collections.abc import Callable
from enum import StrEnum

import numpy as np
from numpy.typing import NDArray

from active_learning.ratings import NOT_READ, Ratings
from models.bootstrap import FloatArray
from models.metrics import Measure

BANDS = (
    (0.80, "almost perfect"), (0.60, "substantial"), (0.40, "moderate"), (0.20, "fair"), (0.0, "slight"),
)  # fmt: skip
"""What a coefficient above each bound is called; from 0 down it is poor."""


class Scale(StrEnum):
    """What the order of the options means."""

    NOMINAL = "nominal"
    ORDINAL = "ordinal"
    INTERVAL = "interval"


class Weights(StrEnum):
    """How much two options that differ still agree."""

    NONE = "none"
    LINEAR = "linear"
    QUADRATIC = "quadratic"

    def matrix(self, options: int) -> FloatArray:
        """(options, options): 1 on the diagonal; elsewhere 0, or less the farther apart the options stand."""
        if self is Weights.NONE or options < 2:
            return np.eye(options)
        apart = np.abs(np.subtract.outer(np.arange(options), np.arange(options))) / (options - 1)
        return np.asarray(1 - apart ** (1 if self is Weights.LINEAR else 2), dtype=np.float64)


def band(value: float) -> str:
    """What a coefficient is called, such as ``moderate``."""
    return next((name for least, name in BANDS if round(value, 2) > least), "slight" if value >= 0 else "poor")


def percent_agreement(ratings: Ratings, weights: Weights = Weights.NONE) -> Measure | None:
    """How often two readers of an item say the same, the mean over the items; None where no item has two reads."""
    counts = _several(ratings)
    if not counts.any():
        return None
    same = _agreeing(counts, weights.matrix(len(ratings.options)))
    return _measure(ratings, np.column_stack([same, counts.sum(axis=1) > 1]), _ratio)


def fleiss_kappa(ratings: Ratings) -> Measure | None:
    """Fleiss' kappa, with gaps as Gwet (2014) takes them; None where it is undefined."""
    from statsmodels.stats.inter_rater import fleiss_kappa as of_whole  # noqa: PLC0415 - slow to load

    def kappa(sums: FloatArray) -> FloatArray:
        shares = sums[..., 2:-1] / sums[..., -1:]
        return _beyond(_ratio(sums), (shares**2).sum(axis=-1))

    counts = ratings.counts()
    if (counts.sum(axis=0) > 0).sum() < 2:
        return None
    whole = len(set(counts.sum(axis=1).tolist())) == 1
    point = (lambda: float(of_whole(counts))) if whole else None
    return _with_shares(ratings, Weights.NONE, kappa, point)


def gwet_ac(ratings: Ratings, weights: Weights = Weights.NONE) -> Measure | None:
    """Gwet's AC1, or AC2 with weights; None where no item has two reads."""
    options = len(ratings.options)
    total = float(weights.matrix(options).sum())

    def coefficient(sums: FloatArray) -> FloatArray:
        shares = sums[..., 2:-1] / sums[..., -1:]
        chance = total / (options * (options - 1)) * (shares * (1 - shares)).sum(axis=-1)
        return _beyond(_ratio(sums), chance)

    return _with_shares(ratings, weights, coefficient, None) if options > 1 else None


def krippendorff_alpha(ratings: Ratings, scale: Scale = Scale.NOMINAL) -> Measure | None:
    """Krippendorff's alpha; None where everybody said one thing, or no item has two reads."""
    import krippendorff  # noqa: PLC0415 - seldom needed

    counts = _several(ratings)
    if (counts.sum(axis=0) > 0).sum() < 2:
        return None
    options = len(ratings.options)
    reads = counts.sum(axis=1)
    pairs = counts[:, :, None] * counts[:, None, :] - counts[:, :, None] * np.eye(options)
    parts = pairs / np.maximum(reads - 1, 1)[:, None, None]

    def alpha(sums: FloatArray) -> FloatArray:
        seen = sums.reshape(*sums.shape[:-1], options, options)
        margin = seen.sum(axis=-1)
        number = margin.sum(axis=-1)
        apart = _distances(margin, scale)
        observed = (seen * apart).sum(axis=(-2, -1))
        expected = (margin[..., :, None] * margin[..., None, :] * apart).sum(axis=(-2, -1))
        with np.errstate(divide="ignore", invalid="ignore"):
            return np.asarray(1 - (number - 1) * observed / expected)

    value = krippendorff.alpha(value_counts=counts[reads > 1], level_of_measurement=scale.value)
    return _measure(ratings, parts.reshape(len(parts), -1), alpha, float(value), used=reads > 1)


def cohen_kappa(ratings: Ratings, first: str, second: str, weights: Weights = Weights.NONE) -> Measure | None:
    """Cohen's kappa of two readers, over the items that both read; None where it is undefined."""
    from sklearn.metrics import cohen_kappa_score  # noqa: PLC0415 - slow to load

    one, other = ratings.of_reader(first), ratings.of_reader(second)
    both = (one != NOT_READ) & (other != NOT_READ)
    if not both.any() or len({*one[both].tolist(), *other[both].tolist()}) < 2:
        return None
    options = len(ratings.options)
    parts = np.zeros((len(one), options * options))
    parts[np.flatnonzero(both), one[both].astype(np.int64) * options + other[both]] = 1
    matrix = weights.matrix(options)

    def kappa(sums: FloatArray) -> FloatArray:
        table = sums.reshape(*sums.shape[:-1], options, options)
        number = table.sum(axis=(-2, -1))
        rows, columns = table.sum(axis=-1), table.sum(axis=-2)
        with np.errstate(divide="ignore", invalid="ignore"):
            observed = (table * matrix).sum(axis=(-2, -1)) / number
            chance = (rows[..., :, None] * columns[..., None, :] * matrix).sum(axis=(-2, -1)) / number**2
        return _beyond(observed, chance)

    named = None if weights is Weights.NONE else weights.value
    value = cohen_kappa_score(one[both], other[both], weights=named, labels=range(options))
    return _measure(ratings, parts, kappa, float(value), used=both)


def prevalence_and_bias(ratings: Ratings, first: str, second: str) -> tuple[float, float] | None:
    """Byrt's indices of two readers of two options, 0 to 1: how uneven the options are, and the readers.

    None where there are other than two options, or no item that both read.
    """
    one, other = ratings.of_reader(first), ratings.of_reader(second)
    both = (one != NOT_READ) & (other != NOT_READ)
    if len(ratings.options) != 2 or not both.any():
        return None
    a, b = one[both].astype(np.int64), other[both].astype(np.int64)
    return abs(float(np.mean(a + b) - 1)), abs(float(np.mean(a - b)))


def _several(ratings: Ratings) -> NDArray[np.int64]:
    """(items, options) counts; those of items with fewer than two reads are 0."""
    counts = ratings.counts()
    counts[counts.sum(axis=1) < 2] = 0
    return counts


def _agreeing(counts: NDArray[np.int64], matrix: FloatArray) -> FloatArray:
    """(items,) the share of the pairs of reads that agree; 0 where there are none."""
    reads = counts.sum(axis=1)
    pairs = (counts * (counts @ matrix - 1)).sum(axis=1)
    return np.asarray(np.where(reads > 1, pairs / np.maximum(reads * (reads - 1), 1), 0.0), dtype=np.float64)


def _with_shares(
    ratings: Ratings, weights: Weights, of: Callable[[FloatArray], FloatArray], point: Callable[[], float] | None
) -> Measure | None:
    """A coefficient of the observed agreement and of each option's share among the reads of an item."""
    counts, several = ratings.counts(), _several(ratings)
    if not several.any():
        return None
    reads = counts.sum(axis=1)
    same = _agreeing(several, weights.matrix(len(ratings.options)))
    shares = counts / np.maximum(reads, 1)[:, None]
    parts = np.column_stack([same, reads > 1, shares, reads > 0])
    value = point() if point is not None else float(of(parts.sum(axis=0)))
    return _measure(ratings, parts, of, value, used=reads > 0) if math.isfinite(value) else None


def _measure(
    ratings: Ratings,
    parts: FloatArray,
    of: Callable[[FloatArray], FloatArray],
    value: float | None = None,
    *,
    used: NDArray[np.bool_] | None = None,
) -> Measure:
    """A figure of the sums of parts (items, k); of all items, or of those ``used``."""
    kept = np.ones(len(parts), dtype=bool) if used is None else used
    owners = np.asarray(ratings.patients, dtype=str)[kept]
    names, index = np.unique(owners, return_inverse=True)
    sums = np.zeros((len(names), parts.shape[1]))
    np.add.at(sums, index, parts[kept])

    def statistic(drawn: FloatArray) -> FloatArray:
        return of(drawn @ sums)

    return Measure(float(of(sums.sum(axis=0))) if value is None else value, statistic, tuple(names.tolist()))


def _ratio(sums: FloatArray) -> FloatArray:
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.asarray(sums[..., 0] / sums[..., 1])


def _beyond(observed: FloatArray, chance: FloatArray) -> FloatArray:
    """The agreement beyond chance; NaN where chance alone explains all."""
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.asarray(np.where(chance < 1, (observed - chance) / (1 - chance), np.nan))


def _distances(margin: FloatArray, scale: Scale) -> FloatArray:
    """(..., options, options) squared distances of the options; of ranks, by how often each was given."""
    options = margin.shape[-1]
    if scale is Scale.NOMINAL:
        return 1 - np.eye(options)
    places = np.arange(options) if scale is Scale.INTERVAL else np.cumsum(margin, axis=-1) - margin / 2
    return np.asarray((places[..., :, None] - places[..., None, :]) ** 2, dtype=np.float64)
