"""What a further read of a case is worth, by each reader.

A read is worth what it is expected to take off the loss of the consensus, under what is believed of the cases and
of the readers. One more read often cannot turn a decision where two could; so a read is worth the largest expected
gain, divided by their number, of one, two or more further reads of the case (the KG(*) rule).

The consensus is the likeliest option, and the loss is what its wrong decisions cost. They all cost the same; or,
for F1, ``1 / D`` for each option that is falsely decided for or missed, where ``D`` is the number of cases that
are decided so, and of those that are so, as expected now. One less F1 is the number of these decisions divided by
``D``; so a decision weighs more the rarer its option is.

References
----------
Frazier, Powell: Paradoxes in learning and the marginal value of information, Decision Analysis 7 (2010), 378 - 403
(KG(*)).
Raiffa, Schlaifer: Applied Statistical Decision Theory (1961) (expected value of sample information).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

import numpy as np
from numpy.typing import NDArray

from active_learning.crowd import Estimate
from active_learning.ratings import NOT_READ, Ratings
from data.errors import RatingsError
from models.bootstrap import FloatArray

MOST_AHEAD = 4
"""Further reads of a case that are looked ahead."""
MOST_OUTCOMES = 64
"""Answers to them that are told apart; fewer reads are looked ahead where there are many options."""
LEAST = 0.005
"""The least probability of an answer, so that no reader is believed beyond doubt."""


class Loss(StrEnum):
    """What a wrong consensus costs."""

    ERROR = "error"
    """The share of the cases that are decided wrongly."""
    F1 = "f1"
    """One less the mean F1 of the options but the commonest."""


@dataclass(frozen=True, slots=True, eq=False)
class _Belief:
    """What is thought of one label: the cases, the readers, and what wrong decisions cost."""

    probabilities: FloatArray  # (items, options)
    confusion: FloatArray  # (readers, true, said)
    cost: FloatArray  # (options,) of deciding for an option falsely, and of missing it

    def loss(self, probabilities: FloatArray) -> FloatArray:
        """(..., options) -> (...) the cost that is expected of deciding for the likeliest option."""
        likely = probabilities.argmax(axis=-1)
        cost = self.cost[likely]
        top = probabilities.max(axis=-1)
        return np.asarray(cost * (1 - 2 * top) + probabilities @ self.cost, dtype=np.float64)


def expected_gains(
    ratings: Mapping[str, Ratings],
    estimates: Mapping[str, Estimate],
    *,
    loss: Loss = Loss.F1,
    model: Mapping[str, FloatArray] | None = None,
    allowed: NDArray[np.bool_] | None = None,
) -> FloatArray:
    """(items, readers, labels): what a read is expected to take off the loss; minus infinity where none can be.

    Parameters
    ----------
    ratings:
        By label, of the same items and readers: one read answers all labels.
    estimates:
        By label, what is thought of them; with smoothing, so that nobody is held to be perfect after a few reads.
    model:
        By label, (items, options) probabilities by a model: what is thought of items that nobody read. Without it
        they are like the ones that were read.
    allowed:
        (items, readers) which reads may be asked for; those that were made are left out in any case.

    Raises
    ------
    RatingsError
        The labels are not of the same items and readers, or have no estimate.
    """
    _check(ratings, estimates)
    beliefs = [_belief(one, estimates[label], loss, (model or {}).get(label)) for label, one in ratings.items()]
    free = ~reads_made(ratings) if allowed is None else allowed & ~reads_made(ratings)
    order = _order(beliefs, free)
    items, readers = free.shape
    gains = np.full((items, readers, len(beliefs)), -np.inf)
    if not beliefs or not items:
        return gains
    ahead = min(MOST_AHEAD, readers)
    while ahead > 1 and max(b.cost.size for b in beliefs) ** ahead > MOST_OUTCOMES:
        ahead -= 1
    for reader in range(readers):
        rows = np.flatnonzero(free[:, reader])
        if not len(rows):
            continue
        others = order[rows]
        others = others[others != reader].reshape(len(rows), readers - 1)
        paths = np.column_stack([np.full(len(rows), reader), others])[:, :ahead]
        possible = np.minimum(free[rows].sum(axis=1), ahead)
        found = np.stack([_along(b, rows, paths) for b in beliefs], axis=2)  # (rows, ahead, labels)
        share = found.sum(axis=2) / np.arange(1, ahead + 1)
        share[np.arange(ahead) >= possible[:, None]] = -np.inf
        best = share.argmax(axis=1)
        gains[rows, reader] = found[np.arange(len(rows)), best] / (best + 1)[:, None]
    return gains


def _along(belief: _Belief, rows: NDArray[np.int64], paths: NDArray[np.int64]) -> FloatArray:
    """(rows, reads): the expected gain after the first, second ... reader of a path has read."""
    options = belief.cost.size
    states = belief.probabilities[rows][:, None, :]  # (rows, outcomes, true)
    chances = np.ones((len(rows), 1))
    before = belief.loss(states[:, 0])
    gains = np.zeros(paths.shape)
    for step in range(paths.shape[1]):
        table = belief.confusion[paths[:, step]]  # (rows, true, said)
        joint = states[:, :, None, :] * table.transpose(0, 2, 1)[:, None]  # (rows, outcomes, said, true)
        said = joint.sum(axis=3)
        states = (joint / said[..., None]).reshape(len(rows), -1, options)
        chances = (chances[:, :, None] * said).reshape(len(rows), -1)
        gains[:, step] = before - (chances * belief.loss(states)).sum(axis=1)
    return np.maximum(gains, 0.0)


def _order(beliefs: list[_Belief], free: NDArray[np.bool_]) -> NDArray[np.int64]:
    """(items, readers): who tells most of each item, first; those who cannot read it last.

    By how much a read makes the probabilities less spread, in units of the loss.
    """
    told = np.zeros(free.shape)
    for belief in beliefs:
        for reader in range(free.shape[1]):
            joint = belief.probabilities[:, None, :] * belief.confusion[reader].T  # (items, said, true)
            after = (joint**2 / joint.sum(axis=2, keepdims=True)).sum(axis=(1, 2))
            told[:, reader] += (after - (belief.probabilities**2).sum(axis=1)) * belief.cost.mean()
    return np.argsort(np.where(free, -told, np.inf), axis=1, kind="stable")


def _belief(ratings: Ratings, estimate: Estimate, loss: Loss, model: FloatArray | None) -> _Belief:
    options = len(ratings.options)
    known = np.asarray(estimate.probabilities, dtype=np.float64)
    read: NDArray[np.bool_] = np.isfinite(known.sum(axis=1))
    usual = known[read].mean(axis=0) if read.any() else np.full(options, 1 / options)
    filled = np.where(read[:, None], known, usual)
    if model is not None:
        told = ~read & np.isfinite(model.sum(axis=1))
        filled[told] = model[told]
    filled = np.clip(filled, 1e-9, 1.0)
    filled /= filled.sum(axis=1, keepdims=True)
    return _Belief(filled, _readers(estimate.confusion), _cost(filled, loss))


def _readers(confusion: FloatArray) -> FloatArray:
    """(readers, true, said) without gaps, and without certainty; who was never seen is like the others."""
    options = confusion.shape[1]
    seen: NDArray[np.bool_] = np.isfinite(confusion.sum(axis=2))  # (readers, true)
    number = seen.sum(axis=0)
    panel = np.where(seen[:, :, None], confusion, 0.0).sum(axis=0) / np.maximum(number, 1)[:, None]
    panel[number == 0] = 1 / options
    filled = np.where(seen[:, :, None], confusion, panel)
    return np.asarray(filled * (1 - options * LEAST) + LEAST, dtype=np.float64)


def _cost(probabilities: FloatArray, loss: Loss) -> FloatArray:
    """(options,) what it costs to decide for an option falsely, or to miss it."""
    items, options = probabilities.shape
    if loss is Loss.ERROR:
        return np.full(options, 1 / (2 * items))
    support = probabilities.sum(axis=0)
    decided = np.bincount(probabilities.argmax(axis=1), minlength=options)
    scored = np.arange(options) != support.argmax()
    return np.where(scored, 1 / np.maximum(support + decided, LEAST), 0.0) / max(options - 1, 1)


def reads_made(ratings: Mapping[str, Ratings]) -> NDArray[np.bool_]:
    """(items, readers) whether a reader answered any label of an item."""
    return np.asarray(np.any([one.given != NOT_READ for one in ratings.values()], axis=0), dtype=np.bool_)


def _check(ratings: Mapping[str, Ratings], estimates: Mapping[str, Estimate]) -> None:
    names = {(one.items, one.readers) for one in ratings.values()}
    missing = [label for label in ratings if label not in estimates]
    if len(names) != 1 or missing:
        raise RatingsError(
            "The labels cannot be weighed together.",
            given=f"{len(names)} sets of items and readers; without an estimate: {', '.join(missing) or 'none'}",
            expected="labels of the same items and readers, with an estimate each",
        )  # fmt: skip
