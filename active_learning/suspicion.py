"""Who is likely wrong on a case: the model, a reader, or nobody, because the case can be read either way.

All follows from an :class:`active_learning.crowd.Estimate`. An answer, of a reader or the model, is wrong with the
probability that something else is true. How ambiguous a case is does not follow from what is true of it: readers
differ by more than their own errors, for some cases are harder. So the shares of the panel's answers to a case are
taken to vary around those that are usual where an option is true (a Dirichlet distribution, whose spread is
estimated), and the case's own answers are added. The ambiguity is the probability that two further readers would
differ: what Fleiss' agreement of a case measures, before they have read.

References
----------
Dawid, Skene: Maximum likelihood estimation of observer error-rates using the EM algorithm, Applied Statistics 28
(1979), 20 - 28.
Mosimann: On the compound multinomial distribution, the multivariate beta-distribution, and correlations among
proportions, Biometrika 49 (1962), 65 - 82 (answers that vary from case to case).
Fleiss: Measuring nominal scale agreement among many raters, Psychol. Bull. 76 (1971), 378 - 382.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from active_learning.agreement import Scale
from active_learning.crowd import Estimate
from active_learning.disputes import sentence
from active_learning.model_votes import ModelVote
from active_learning.ratings import NOT_READ, Ratings
from active_learning.words import spoken
from data.errors import RatingsError
from models.bootstrap import FloatArray

SPREADS = (0.5, 1000.0)
"""Bounds of the Dirichlet's concentration: from cases that are each their own, to cases that are all alike."""
LEAST_SHARE = 0.005
"""Of the cases, below which a reader's habit is not worth a word."""


@dataclass(frozen=True, slots=True)
class Suspicion:
    """What is to be thought of one item's answers.

    Parameters
    ----------
    likely:
        The likeliest option.
    model_wrong:
        The probability that the model's answer is wrong; None without one.
    readers_wrong:
        Pairs of (reader, probability that the reader's answer is wrong), the likeliest first.
    ambiguous:
        The probability that two further readers of the panel would differ.
    score:
        The share of the answers, of readers and model, that is expected to be wrong.
    reason:
        A sentence for people.
    """

    item: str
    likely: str
    model_wrong: float | None
    readers_wrong: tuple[tuple[str, float], ...]
    ambiguous: float
    score: float
    reason: str


def suspicions(
    ratings: Ratings,
    estimate: Estimate,
    model: FloatArray | None = None,
    *,
    scale: Scale = Scale.NOMINAL,
    names: Mapping[str, str] | None = None,
) -> tuple[Suspicion, ...]:
    """Every item that somebody read, the most suspect first; the ratings' order breaks ties.

    Parameters
    ----------
    estimate:
        Of the same ratings, made with the model or without it.
    model:
        (items, options) the model's probabilities, NaN where it said nothing.
    scale:
        Whether the options are steps.
    names:
        What to call readers in the reason, such as ``reader B``; without it ``reader`` and the id.

    Raises
    ------
    RatingsError
        Estimate or model are of other items or options.
    """
    shape = len(ratings.items), len(ratings.options)
    for table in (estimate.probabilities, model):
        if table is not None and table.shape != shape:
            raise RatingsError(
                "The probabilities are not of these ratings.", given=f"{table.shape}",
                expected=f"{shape}, (items, options)",
            )  # fmt: skip
    doubt = ambiguity(ratings, estimate)
    habits = _Habits(ratings, estimate, scale, names or {})
    found = [
        _suspicion(ratings, estimate.probabilities[item], None if model is None else model[item],
                   float(doubt[item]), item, habits)
        for item in np.flatnonzero((ratings.given != NOT_READ).any(axis=1))
    ]  # fmt: skip
    return tuple(sorted(found, key=lambda s: -s.score))


def ambiguity(ratings: Ratings, estimate: Estimate) -> FloatArray:
    """(items,) the probability that two further readers of the panel would differ; NaN where nobody read."""
    counts = ratings.counts().astype(np.float64)
    usual = _usual(estimate)
    alpha = spread(ratings, estimate) * usual[None] + counts[:, None, :]  # (items, true, said)
    total = alpha.sum(axis=2)
    same = (alpha * (alpha + 1)).sum(axis=2) / (total * (total + 1))
    return np.asarray((estimate.probabilities * (1 - same)).sum(axis=1), dtype=np.float64)


def spread(ratings: Ratings, estimate: Estimate) -> float:
    """The concentration of the cases' answers around those usual for what is true, by maximum likelihood.

    Large where the cases of one option are all alike to the panel; the upper bound where no item has two reads.
    """
    from scipy.optimize import minimize_scalar  # noqa: PLC0415 - slow to load
    from scipy.special import gammaln, logsumexp  # noqa: PLC0415

    counts = ratings.counts()
    several = counts.sum(axis=1) > 1
    if not several.any():
        return SPREADS[1]
    patterns, times = np.unique(counts[several], axis=0, return_counts=True)
    usual = _usual(estimate)
    known = estimate.probabilities[several]
    prior = np.log(np.maximum(known.mean(axis=0), np.finfo(float).tiny))

    def loss(log_spread: float) -> float:
        alpha = math.exp(log_spread) * usual
        total, reads = alpha.sum(axis=1), patterns.sum(axis=1)[:, None]
        each = (gammaln(alpha + patterns[:, None, :]) - gammaln(alpha)).sum(axis=2)
        return -float(times @ logsumexp(prior + gammaln(total) - gammaln(total + reads) + each, axis=1))

    bounds = tuple(math.log(bound) for bound in SPREADS)
    return math.exp(float(minimize_scalar(loss, bounds=bounds, method="bounded").x))


def _usual(estimate: Estimate) -> FloatArray:
    """(true, said): the share of the panel's answers where an option is true; nothing is quite impossible."""
    options = estimate.confusion.shape[1]
    seen = np.asarray(np.isfinite(estimate.confusion.sum(axis=2)))
    known = np.where(seen[:, :, None], estimate.confusion, 0.0).sum(axis=0)
    number = seen.sum(axis=0)[:, None]
    mean = np.where(number > 0, known / np.maximum(number, 1), 1 / options)
    floor = 1e-3
    return np.asarray(mean * (1 - options * floor) + floor, dtype=np.float64)


class _Habits:
    """How often each reader differs from the panel, and in which way."""

    def __init__(self, ratings: Ratings, estimate: Estimate, scale: Scale, names: Mapping[str, str]) -> None:
        known = estimate.probabilities[np.isfinite(estimate.probabilities.sum(axis=1))]
        true = known.sum(axis=0) / max(len(known), 1)
        self.share = np.nan_to_num(estimate.confusion) * true[:, None]  # (readers, true, said) of all cases
        self.ratings, self.scale, self.names = ratings, scale, names

    def told(self, reader: int, said: int, likely: int) -> str:
        """Such as ``reader B grades one step higher than the panel on 31% of cases``; empty where it is rare."""
        name = self.ratings.readers[reader]
        name = self.names.get(name, f"reader {name}")
        if self.scale is Scale.NOMINAL:
            share = float(self.share[reader, likely, said])
            options = self.ratings.options
            words = f"says {spoken(options[said])} where the panel says {spoken(options[likely])}"
        else:
            share = float(np.trace(self.share[reader], offset=1 if said > likely else -1))
            words = f"grades one step {'higher' if said > likely else 'lower'} than the panel"
        return f"{name} {words} on {share:.0%} of cases" if share >= LEAST_SHARE else ""


def _suspicion(
    ratings: Ratings, known: FloatArray, model: FloatArray | None, doubt: float, item: int, habits: _Habits
) -> Suspicion:
    given = ratings.given[item]
    read = np.flatnonzero(given != NOT_READ)
    likely = int(known.argmax())
    wrong = sorted(((float(1 - known[given[reader]]), int(reader)) for reader in read), key=lambda pair: -pair[0])
    vote = _vote(ratings.options, model)
    model_wrong = None if vote is None else float(1 - known[ratings.options.index(vote.option)])
    voices = [p for p, _ in wrong] + ([] if model_wrong is None else [model_wrong])
    verb = "say" if habits.scale is Scale.NOMINAL else "grade"
    parts = [sentence([ratings.options[given[reader]] for reader in read], ratings.options, vote, verb)]
    differs = next(((reader, int(given[reader])) for _, reader in wrong if given[reader] != likely), None)
    if differs is not None and (habit := habits.told(*differs, likely)):
        parts.append(habit)
    named = tuple((ratings.readers[reader], p) for p, reader in wrong)
    score = float(np.mean(voices))
    return Suspicion(
        ratings.items[item], ratings.options[likely], model_wrong, named, doubt, score, "; ".join(parts)
    )


def _vote(options: tuple[str, ...], model: FloatArray | None) -> ModelVote | None:
    if model is None or not bool(np.isfinite(model).all()):
        return None
    probabilities = {option: float(p) for option, p in zip(options, model, strict=True)}
    return ModelVote(options[int(model.argmax())], probabilities)
