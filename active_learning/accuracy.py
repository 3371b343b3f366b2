"""How well a reader, or a model's decisions, meets a reference standard: sensitivity, specificity, AUC, accuracy.

With several options each stands against the rest, and the mean is weighted by how often the reference holds it. A
reader's answers are one operating point or a few: the area under their ROC curve joins them by straight lines, as
that of the grades' order does.

References
----------
Hanley, McNeil: The meaning and use of the area under a ROC curve, Radiology 143 (1982), 29 - 36.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from active_learning.ratings import NOT_READ, Ratings
from models.bootstrap import BoolArray, FloatArray, Statistic
from models.metrics import Measure, auc, mean, weighted_auc


def accuracy(
    given: NDArray[np.int16],
    reference: NDArray[np.int16],
    patients: tuple[str, ...],
    *,
    options: int,
    ordered: bool,
    probabilities: FloatArray | None = None,
) -> dict[str, Measure]:
    """The figures of one reader; those that are undefined are missing.

    Parameters
    ----------
    given, reference:
        (items,) indices of options, or :data:`active_learning.ratings.NOT_READ`; items without both are left out.
    options:
        With two, the second one is the finding that is looked for.
    ordered:
        Whether more than two options have an order, so that they are a score for each step of it.
    probabilities:
        (items, options), a model's: what the AUC is of, in place of the answers.
    """
    both = (given != NOT_READ) & (reference != NOT_READ)
    said, truth = given[both].astype(np.int64), reference[both].astype(np.int64)
    owners = tuple(p for p, kept in zip(patients, both, strict=True) if kept)
    held = np.eye(options)[said] if probabilities is None else probabilities[both]  # (items, options)
    found: dict[str, Measure | None] = {"accuracy": mean((said == truth).astype(np.float64), owners)}
    if options == 2:
        positive = truth == 1
        found["sensitivity"] = mean((said == 1).astype(np.float64), owners, positive)
        found["specificity"] = mean((said == 0).astype(np.float64), owners, ~positive)
        found["auc"] = auc(held[:, 1], positive, owners)
    elif len(truth):
        present = [int(c) for c in np.unique(truth)]
        found["sensitivity"] = found["accuracy"]  # the weighted mean of the options' sensitivities is the accuracy
        found["specificity"] = _weighted(
            [_specificity(said, truth, option) for option in present], truth, owners, present
        )
        scores = [held[:, c:].sum(axis=1) if ordered else held[:, c] for c in present]
        if ordered and probabilities is None:
            scores = [said.astype(np.float64)] * len(present)
        steps = [truth >= c if ordered else truth == c for c in present]
        used = [n for n, step in enumerate(steps) if step.any() and not step.all()]
        found["auc"] = _weighted(
            [weighted_auc(scores[n], steps[n]) for n in used], truth, owners, [present[n] for n in used]
        )
    return {name: measure for name, measure in found.items() if measure is not None}


def majority_of_others(ratings: Ratings, reader: str) -> NDArray[np.int16]:
    """(items,) what more than half of the other readers of an item said, :data:`NOT_READ` where there is no such.

    A reader's own vote would make a reference lenient to that reader.
    """
    counts = ratings.without(reader).counts()
    top = counts.argmax(axis=1) if counts.shape[1] else np.zeros(len(counts), dtype=np.int64)
    strict = 2 * counts.max(axis=1, initial=0) > counts.sum(axis=1)
    return np.where(strict, top, NOT_READ).astype(np.int16)


def reference_of(ratings: Ratings, truth: Mapping[str, str]) -> NDArray[np.int16]:
    """(items,) the reference standard's options, :data:`NOT_READ` where it holds none of an item."""
    index = {option: number for number, option in enumerate(ratings.options)}
    return np.array([index.get(truth.get(item, ""), NOT_READ) for item in ratings.items], dtype=np.int16)


def _specificity(said: NDArray[np.int64], truth: NDArray[np.int64], option: int) -> Statistic:
    others = (truth != option).astype(np.float64)
    rejected = others * (said != option)

    def statistic(weights: FloatArray) -> FloatArray:
        with np.errstate(divide="ignore", invalid="ignore"):
            return np.asarray((weights @ rejected) / (weights @ others))

    return statistic


def _weighted(
    parts: list[Statistic], truth: NDArray[np.int64], owners: tuple[str, ...], options: list[int]
) -> Measure | None:
    """The mean of the options' figures, weighted by how often each is in the reference."""
    held: list[BoolArray] = [truth == option for option in options]

    def statistic(weights: FloatArray) -> FloatArray:
        share = np.stack([weights @ one for one in held], axis=1)
        values = np.stack([part(weights) for part in parts], axis=1)
        with np.errstate(divide="ignore", invalid="ignore"):
            return np.asarray((share * values).sum(axis=1) / share.sum(axis=1))

    value = float(statistic(np.ones((1, len(truth))))[0]) if parts else float("nan")
    return Measure(value, statistic, owners, tuple(held)) if np.isfinite(value) else None
