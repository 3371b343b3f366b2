"""Evidence that gathers while one looks again and again: e-values for audits, and drift of a distribution.

An audit may be looked at after every case without inflating false alarms. For a rate that must not exceed p0 the
likelihood ratio of a larger rate p1 against p0 is a bet that cannot be expected to grow while the rate is p0 or
less; mixed over all p1 above p0 it is still none. By Ville's inequality it ever reaches 1 / level with a
probability of ``level`` at most, however often it is looked at. Looks at drift, which are tests of a fixed size
each, share the level out: the k-th gets level * 6 / (pi k)^2, and all of them together no more than the level.

References
----------
Ville: Etude critique de la notion de collectif (1939).
Robbins: Statistical methods related to the law of the iterated logarithm, Ann. Math. Stat. 41 (1970), 1397 - 1409
(the method of mixtures).
Ramdas, Gruenwald, Vovk, Shafer: Game-theoretic statistics and safe anytime-valid inference, Stat. Sci. 38 (2023),
576 - 601.
Waudby-Smith, Ramdas: Estimating means of bounded random variables by betting, J. R. Stat. Soc. B 86 (2024), 1 -
27.
Siddiqi: Credit Risk Scorecards (2006) (population stability index: below 0.1 none, above 0.25 a large shift).
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import ArrayLike

from models.bootstrap import FloatArray

BINS = 10
PRIOR = (0.5, 0.5)
"""Of the mixture over all rates: Jeffreys' beta distribution."""


def e_value(hits: int, of: int, most: float) -> float:
    """The evidence that a rate exceeds ``most``, from ``hits`` among ``of`` cases; 1.0 without cases.

    The mixture over larger rates is a beta distribution with a mean of about three times ``most``, so that rates
    a few times too large are found soonest; false alarms do not depend on it. The value depends on the counts
    alone, and not on their order; it is infinity where it is beyond all numbers.
    """
    from scipy.special import betaincc, betaln  # noqa: PLC0415 - slow to load

    if not 0 < most < 1 or not 0 <= hits <= of:
        raise ValueError(f"{hits} of {of} against {most}: expected counts, and a rate above 0 and below 1")
    a, b = 0.5, max(0.5, 1 / (6 * most))
    above = float(betaincc(a + hits, b + of - hits, most) / betaincc(a, b, most))
    if above == 0:
        return 0.0
    log = math.log(above) + float(betaln(a + hits, b + of - hits) - betaln(a, b))
    log -= hits * math.log(most) + (of - hits) * math.log1p(-most)
    return math.inf if log > 700 else math.exp(log)


def always_valid(hits: int, of: int, level: float = 0.05) -> tuple[float, float]:
    """An interval of a rate that holds at every look together with probability 1 - level: a confidence sequence.

    The rates against which a beta mixture over all rates (:data:`PRIOR`) has evidence below 1 / level.
    """
    from scipy.optimize import brentq  # noqa: PLC0415
    from scipy.special import betaln, xlog1py, xlogy  # noqa: PLC0415

    if of == 0:
        return 0.0, 1.0
    a, b = PRIOR
    mixed = float(betaln(a + hits, b + of - hits) - betaln(a, b))

    def left(rate: float) -> float:
        return mixed - float(xlogy(hits, rate) + xlog1py(of - hits, -rate)) + math.log(level)

    middle, tiny = hits / of, 1e-12
    low = 0.0 if hits == 0 else brentq(left, tiny, middle)
    high = 1.0 if hits == of else brentq(left, middle, 1 - tiny)
    return float(low), float(high)


def spent(look: int, level: float) -> float:
    """The level of the look with this number, from 1; all of them together spend ``level``."""
    return level * 6 / (math.pi * look) ** 2


def stability_index(before: ArrayLike, now: ArrayLike, bins: int = BINS) -> float:
    """The population stability index over the deciles of ``before``; 0.0 of nothing.

    sum (q - p) ln(q / p) of the shares p before and q now; a half stands in an empty bin.
    """
    first, second = np.asarray(before, dtype=np.float64), np.asarray(now, dtype=np.float64)
    if not first.size or not second.size:
        return 0.0
    edges = np.unique(np.quantile(first, np.linspace(0, 1, bins + 1)[1:-1]))
    p, q = (_shares(np.searchsorted(edges, values, side="right"), len(edges) + 1) for values in (first, second))
    return float(((q - p) * np.log(q / p)).sum())


def same_distribution(before: ArrayLike, now: ArrayLike) -> tuple[float, float]:
    """The statistic and p-value of Kolmogorov and Smirnov for two samples; (0.0, 1.0) of nothing."""
    from scipy.stats import ks_2samp  # noqa: PLC0415

    first, second = np.asarray(before, dtype=np.float64), np.asarray(now, dtype=np.float64)
    if not first.size or not second.size:
        return 0.0, 1.0
    found = ks_2samp(first, second)
    return float(found.statistic), float(found.pvalue)


def more_often(now: tuple[int, int], before: tuple[int, int]) -> float:
    """Fisher's exact one-sided p-value that a share, (hits, of), is no larger now than before."""
    from scipy.stats import fisher_exact  # noqa: PLC0415

    table = [[hits, of - hits] for hits, of in (now, before)]
    return float(fisher_exact(table, alternative="greater").pvalue)


def _shares(places: ArrayLike, bins: int) -> FloatArray:
    counts = np.bincount(np.asarray(places, dtype=np.int64), minlength=bins).astype(np.float64)
    counts[counts == 0] = 0.5
    return np.asarray(counts / counts.sum())
