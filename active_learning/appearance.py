"""Features of a pool: what studies look like and what the model says of them, in one space of about even scale.

What they look like (:mod:`models.embedding`) is turned into its main directions, and each direction is divided by
the square root of its standard deviation: without that the first few decide alone, and divided by all of it the
last, which are noise, have as much say as the first. What the model says is added as log-odds, so that cases on
which it decides alike lie together although they look unlike. Either part is scaled to the same total variance, so
that both have an equal say in a distance.

References
----------
Hotelling: Analysis of a complex of statistical variables into principal components, J. Educ. Psychol. 24 (1933),
417 - 441.
Aitchison: The statistical analysis of compositional data, J. R. Statist. Soc. B 44 (1982), 139 - 177 (log-odds of
several classes).
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from active_learning.strategies.view import FloatArray

Features = NDArray[np.float32]
DIRECTIONS = 32
"""Main directions that are kept at the most."""
LEARNT_FROM = 8192
"""Studies at the most that the directions are learnt from, evenly spaced in the pool."""
SHARE_OF_ODDS = 0.5
"""Of the total variance, the part that the log-odds have."""
LEAST = 1e-3
"""Probability below which log-odds grow no further."""


@dataclass(frozen=True, eq=False, slots=True)
class Directions:
    """The main directions of vectors, and how each is scaled.

    Parameters
    ----------
    mean:
        (d,).
    axes:
        (d, k) directions times their scale: the studies that they were learnt from have a total variance of 1.
    """

    mean: NDArray[np.float64]
    axes: NDArray[np.float64]

    @classmethod
    def of(cls, vectors: FloatArray, most: int = DIRECTIONS) -> Directions:
        """Learnt from (n, d) vectors, at least one; fewer directions where these vary in fewer, but always one."""
        given = np.asarray(vectors, dtype=np.float64)
        mean = given.mean(axis=0)
        variances, axes = np.linalg.eigh(np.cov(given - mean, rowvar=False, bias=True).reshape(2 * (len(mean),)))
        order = np.argsort(-variances, kind="stable")[:most]
        order = order[variances[order] > 1e-9 * max(float(variances.sum()), 1e-12)]
        if not len(order):
            return cls(mean, np.zeros((len(mean), 1)))
        kept = axes[:, order] * np.where(axes[np.abs(axes[:, order]).argmax(axis=0), order] < 0, -1.0, 1.0)
        scale = variances[order] ** -0.25
        return cls(mean, kept * scale / float((variances[order] ** 0.5).sum()) ** 0.5)

    @classmethod
    def of_chunks(cls, chunks: Iterable[FloatArray]) -> Directions:
        """Learnt from vectors that come in chunks, at least one."""
        return cls.of(np.concatenate(list(chunks)))

    def apply(self, vectors: FloatArray) -> Features:
        """(n, d) vectors as (n, k) features."""
        found: Features = ((np.asarray(vectors, dtype=np.float64) - self.mean) @ self.axes).astype(np.float32)
        return found


def learnt_from(count: int) -> NDArray[np.int64]:
    """Which of so many studies the directions are learnt from."""
    return np.unique(np.linspace(0, count - 1, min(count, LEARNT_FROM)).round().astype(np.int64))


def applied(directions: Directions, chunks: Iterable[FloatArray], count: int) -> Features:
    """(count, k) features of vectors that come in chunks."""
    found = np.zeros((count, directions.axes.shape[1]), dtype=np.float32)
    start = 0
    for chunk in chunks:
        found[start : start + len(chunk)] = directions.apply(chunk)
        start += len(chunk)
    return found


def log_odds(tables: Sequence[FloatArray]) -> Features:
    """(n, columns) log-odds of all heads; 0 where the model was not asked.

    Parameters
    ----------
    tables:
        One (n, classes) array of probabilities a head. Two classes give one column, more give one each: the
        logarithm less its mean over the classes.
    """
    columns = []
    for table in tables:
        logs = np.log(np.clip(np.asarray(table, dtype=np.float64), LEAST, 1.0))
        centred = logs - logs.mean(axis=1, keepdims=True)
        columns.append(np.nan_to_num(centred[:, 1:] * 2 if table.shape[1] == 2 else centred))
    found: Features = np.concatenate(columns, axis=1).astype(np.float32)
    return found


def beside(
    looks: Features, odds: Features, known_looks: Features, known_odds: Features
) -> tuple[Features, Features]:
    """Features of the pool and of the known cases: looks, and log-odds scaled by those of the pool.

    Where the log-odds do not vary, or there are none, the looks stand alone.
    """
    variance = float(odds.var(axis=0, dtype=np.float64).sum()) if odds.size else 0.0
    if variance <= 0:
        return looks, known_looks
    mean = odds.mean(axis=0, dtype=np.float64)
    own = float(looks.var(axis=0, dtype=np.float64).sum()) or 1.0
    scale = (own * SHARE_OF_ODDS / (1 - SHARE_OF_ODDS) / variance) ** 0.5

    def joined(look: Features, said: Features) -> Features:
        return np.concatenate([look, ((said - mean) * scale).astype(np.float32)], axis=1)

    return joined(looks, odds), joined(known_looks, known_odds)
