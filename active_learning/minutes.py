"""Reader time: how long a case will take, and which cases fill a budget of it.

The time is foretold from what is known before a case is read (predicted classes, pages, uncertainty, reader) by a
regression of the logarithm of seconds, since times are skewed and what lengthens a read does so by a factor.
Huber's loss keeps a read during which the reader was called away from counting in full; a penalty and the task's
own time, counted as :data:`PRIOR_READS` reads, hold the estimate where few were read.

References
----------
Huber: Robust estimation of a location parameter, Ann. Math. Statist. 35 (1964), 73 - 101.
Settles, Craven, Friedland: Active learning with real annotation costs, NIPS workshop on cost-sensitive learning,
2008.
Khuller, Moss, Naor: The budgeted maximum coverage problem, Inf. Process. Lett. 70 (1999), 39 - 45 (filling by gain
for its price, and the single dearest case as the alternative).
"""

from __future__ import annotations

import math
import warnings
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from active_learning.strategies.view import FloatArray, IntArray, Picks, Strategy, View

PRIOR_READS = 5
"""Reads that the task's own time counts for."""
PENALTY = 3.0
"""Of the squared effects of features, each over one standard deviation: about as many reads that show none."""
OUTLYING = 1.35
"""Standard deviations from which a read counts less (Huber's: 95% as efficient where times are log-normal)."""
STEPS = 10
"""Regressions, each with the weights that follow from the one before."""
LEAST_SPREAD = 0.05
"""Of log seconds: reads that differ by less are alike."""
BOUNDS = (0.1, 10.0)
"""Of a foretold time, in times of the task's own: features far outside of what was read foretell no more."""
SPARE = 3
"""Cases that a way to choose is asked for, in times of those that fit."""


@dataclass(frozen=True, eq=False, slots=True)
class ReadingTime:
    """What the time of a case depends on.

    Parameters
    ----------
    centre, scale:
        (f,) mean and standard deviation of the features.
    effects:
        (f,) change of log seconds by one standard deviation.
    log_s:
        Of a case with mean features.
    spread:
        Standard deviation of log seconds around it, without outliers.
    prior_s:
        The task's own seconds a case.
    reads:
        Reads that it was learnt from.
    """

    centre: NDArray[np.float64]
    scale: NDArray[np.float64]
    effects: NDArray[np.float64]
    log_s: float
    spread: float
    prior_s: float
    reads: int

    def seconds(self, features: FloatArray) -> NDArray[np.float64]:
        """(n,) expected seconds of cases with features (n, f): the mean of a log-normal time, not its median.

        Unknown features (NaN) count as their mean.
        """
        given = (np.asarray(features, dtype=np.float64) - self.centre) / self.scale
        logs = self.log_s + np.nan_to_num(given) @ self.effects + self.spread**2 / 2
        low, high = (self.prior_s * bound for bound in BOUNDS)
        result: NDArray[np.float64] = np.clip(np.exp(np.minimum(logs, math.log(high))), low, high)
        return result


def learn(features: FloatArray, seconds: FloatArray, prior_s: float) -> ReadingTime:
    """What earlier reads say of the time a case takes.

    Parameters
    ----------
    features:
        (reads, f) of the cases, as they were known before; a reader, or a predicted class, as a column of 0 and 1
        for each. NaN where unknown.
    seconds:
        (reads,) that were taken; reads without a time (NaN, or 0 and less) are left out.
    prior_s:
        What the task expects, in s a case.

    Raises
    ------
    ValueError
        ``prior_s`` is not above 0.
    """
    if not prior_s > 0:
        raise ValueError(f"{prior_s} s a case: expected a number above 0")
    timed = np.nan_to_num(np.asarray(seconds, dtype=np.float64)) > 0
    given, logs = (
        np.asarray(features, dtype=np.float64)[timed],
        np.log(np.asarray(seconds, dtype=np.float64)[timed]),
    )
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)  # columns of which nothing is known
        centre, scale = np.nan_to_num(np.nanmean(given, axis=0)), np.nan_to_num(np.nanstd(given, axis=0))
    scale[scale < 1e-12] = 1.0
    scaled = np.nan_to_num((given - centre) / scale)
    log_s, effects = _regressed(scaled, logs, math.log(prior_s))
    misses = logs - log_s - scaled @ effects
    spread = _spread(misses) * math.sqrt(len(logs) / (len(logs) + PRIOR_READS))
    return ReadingTime(centre, scale, effects, log_s, min(spread, 1.0), prior_s, len(logs))


def _regressed(scaled: FloatArray, logs: FloatArray, prior: float) -> tuple[float, NDArray[np.float64]]:
    """Intercept and effects, with the task's own time as one more case of the weight of several reads.

    Huber's estimate by ridge regressions, each with the weights that follow from the misses of the one before.
    """
    from sklearn.linear_model import Ridge  # noqa: PLC0415 - heavy

    if not len(logs):
        return prior, np.zeros(scaled.shape[1])
    model, weights = Ridge(alpha=PENALTY), np.ones(len(logs))
    rows = np.column_stack([scaled, np.zeros(len(logs))])  # of one column at least
    given, wanted = np.vstack([rows, np.zeros(rows.shape[1])]), np.r_[logs, prior]
    for _ in range(STEPS):
        model.fit(given, wanted, sample_weight=np.r_[weights, PRIOR_READS])
        misses = logs - model.predict(given)[:-1]
        limit = OUTLYING * max(_spread(misses), LEAST_SPREAD)
        weights = limit / np.maximum(np.abs(misses - np.median(misses)), limit)
    return float(model.intercept_), np.asarray(model.coef_[:-1], dtype=np.float64)


def _spread(misses: FloatArray) -> float:
    """The standard deviation that normal misses of this median deviation would have; 0 without any."""
    return 1.4826 * float(np.median(np.abs(misses - np.median(misses)))) if len(misses) else 0.0


def fill(gains: FloatArray, seconds: FloatArray, budget_s: float) -> IntArray:
    """The places of the cases that fill a budget, the most gain for its time first.

    Cases are taken in that order as long as they fit. Where a single case that fits gains more than all of those
    together, it is taken alone: so at least half of the best possible gain is reached, gains being independent.
    Where all gains are equal a way to choose has told no worth (a random draw), and its order stays.

    Parameters
    ----------
    gains, seconds:
        (n,) of cases in the order in which they are wanted; seconds above 0.
    """
    given, price = np.asarray(gains, dtype=np.float64), np.asarray(seconds, dtype=np.float64)
    if (price <= 0).any():
        raise ValueError("seconds: expected numbers above 0")
    told = given.size > 0 and np.ptp(given) > 0
    order = np.lexsort((np.arange(given.size), -(given / price))) if told else np.arange(given.size)
    taken, left = [], budget_s
    for place in order:
        if price[place] <= left:
            taken.append(int(place))
            left -= price[place]
    fits = np.flatnonzero(price <= budget_s)
    if told and fits.size and given[fits].max() > given[taken].sum():
        taken = [int(fits[given[fits].argmax()])]
    return np.array(taken, dtype=np.int64)


def picks_for(
    choose: Strategy, view: View, seconds: FloatArray, budget_s: float, generator: np.random.Generator
) -> Picks:
    """What a way to choose picks for a budget of reader time.

    It is asked for :data:`SPARE` times as many cases as fit by their mean time, and :func:`fill` chooses among
    them. A gain that depends on the picks before it (k-centre, BADGE) is the one from its turn: never more than
    what the case adds to fewer others, so that what is left out of a batch only makes the rest worth more.

    Parameters
    ----------
    seconds:
        (n,) of the pool, above 0.
    """
    price = np.asarray(seconds, dtype=np.float64)
    if not view.size or budget_s < price.min():
        return Picks(np.zeros(0, dtype=np.int64), np.zeros(0), ())
    wanted = math.ceil(budget_s / float(price.mean()))
    picks = choose(view, min(view.size, SPARE * wanted), generator)
    kept = fill(picks.gains, price[picks.places], budget_s)
    return Picks(picks.places[kept], np.asarray(picks.gains)[kept], tuple(picks.why[i] for i in kept))
