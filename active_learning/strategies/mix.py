"""Ours: a mix by round of doubt, foreground and newness, with weights learnt from the cases that are known.

Before there is a model, the cases are typical of groups (:mod:`active_learning.strategies.typiclust`). From then
on a case is wanted by a sum of three criteria, each with mean 1 over the pool: the loss that is expected of its
answers (the entropy of each head times how far such entropies fell short on known cases), the chance that it
shows something, and the distance to the nearest known case. What the weights are is told by the known cases: a
linear probe on the features answers each of them without having seen it (cross-validation), the loss of that
answer is known, and the weights are those with which the criteria explain it best (non-negative least squares).
With few known cases they stay near :data:`PRIOR`. Cases like one that was picked are wanted less, so that a batch
is spread; those to which no head speaks come last.

All of it follows from the view, so that a round can be played again. :data:`PRIOR`, :data:`TRUST` and how far a
batch is spread were set by hand on parts of AdrenalMNIST3D's train split that were held out, and on two seeds of
phantom radiographs and three of phantom lesions; :data:`OUTLINES` after a seed of SPIDER by the other strategies.
No test split was looked at.

References
----------
Roy, McCallum: Toward optimal active learning through sampling estimation of error reduction, ICML 2001 (expected
loss).
Hacohen, Dekel, Weinshall: Active learning on a budget: opposite strategies suit high and low budgets, ICML 2022.
Konyushkova, Sznitman, Fua: Learning active learning from data, NeurIPS 2017 (weights learnt from what was gained).
Lawson, Hanson: Solving least squares problems (1974), chapter 23 (non-negative least squares).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from active_learning.strategies.distances import nearest_squares, squared_distances, usual_distance
from active_learning.strategies.heads import asked_of
from active_learning.strategies.ranking import highest, wanted
from active_learning.strategies.typiclust import typiclust
from active_learning.strategies.view import FloatArray, IntArray, Picks, View

Floats: TypeAlias = NDArray[np.float64]

PRIOR = (0.7, 0.15, 0.15)
"""Weights of doubt, foreground and newness before anything is learnt."""
TRUST = 100
"""Known cases whose word counts as much as the prior."""
OUTLINES = (0.3, 0.2, 0.5)
"""The weights for outlines, of whose known cases the view has no answers."""
LOOKED_AT = 2_000
"""Known cases at the most that weights are learnt from, and that newness is measured to."""
FRONT = 10
"""Times the batch: the most wanted cases, among which the batch is spread."""
FOLDS = 5
WORDS = (
    "the answer is likely to be wrong",
    "it likely shows something",
    "it is unlike the cases that were read",
)


@dataclass(frozen=True, slots=True)
class Learnt:
    """What the known cases tell.

    Parameters
    ----------
    weights:
        Of doubt, foreground and newness; they sum to 1.
    shortfalls:
        For each head, the loss that known cases had, over what the entropies foretold; 1 before anything is known.
    """

    weights: tuple[float, float, float]
    shortfalls: tuple[float, ...]


def mix(view: View, count: int, generator: np.random.Generator) -> Picks:
    """The most wanted cases by the mix, spread over unlike ones; gains are how much each was wanted then."""
    if not view.heads and view.scores is None:
        return typiclust(view, count, generator)
    learnt = learnt_from(view, generator)
    parts = np.stack([_level(one) for one in _criteria(view, learnt, generator)])
    shares = parts * np.array(learnt.weights)[:, None] * _spoken_to(view)
    wants = shares.sum(axis=0)
    places, gains = _spread(view, wants, wanted(view, count), generator)
    why = tuple(
        f"{WORDS[int(shares[:, place].argmax())]}; needed {level:.1f} times as much as the usual case"
        for place, level in zip(places, _level(wants)[places], strict=True)
    )
    return Picks(places, gains, why)


def learnt_from(view: View, generator: np.random.Generator) -> Learnt:
    """The weights and shortfalls that the known cases of a view tell."""
    if not view.heads:
        return Learnt(OUTLINES, ())
    known = len(view.known)
    places = np.sort(generator.choice(known, min(known, LOOKED_AT), replace=False))
    folds = generator.permutation(len(places)) % FOLDS
    features = np.asarray(view.known[places], dtype=np.float32)
    losses, doubts, shown = np.zeros(len(places)), np.zeros(len(places)), np.zeros(len(places))
    shortfalls = []
    for labels in view.labels:
        chances, own = answered(features, labels[places], folds)
        told = np.flatnonzero(own >= 0)
        loss, doubt = _loss(chances[told], own[told]), _entropy(chances[told])
        shortfall = (loss.sum() + TRUST) / (doubt.sum() + TRUST)
        shortfalls.append(float(shortfall))
        losses[told] += loss
        doubts[told] += doubt * shortfall
        shown[told] = np.maximum(shown[told], 1 - chances[told, 0])
    if not losses.any():
        return Learnt(PRIOR, tuple(shortfalls or [1.0] * len(view.heads)))
    return Learnt(_weights(losses, (doubts, shown, _newness(features, folds))), tuple(shortfalls))


def answered(features: NDArray[np.float32], labels: IntArray, folds: IntArray) -> tuple[Floats, IntArray]:
    """(m, classes) what a linear probe says of cases that it has not seen, and (m,) their classes from 0.

    The class is -1 where the label is unknown or no probe could be made: the other folds hold one class alone.
    """
    from sklearn.linear_model import LogisticRegression  # noqa: PLC0415 - heavy

    classes, numbers = np.unique(labels, return_inverse=True)
    own: IntArray = np.asarray(numbers - np.count_nonzero(classes < 0), dtype=np.int64)
    number = int(own.max(initial=0)) + 1
    chances, answers = np.full((len(labels), max(number, 2)), np.nan), np.full(len(labels), -1, dtype=np.int64)
    for fold in range(FOLDS):
        rest, left = (folds != fold) & (own >= 0), np.flatnonzero((folds == fold) & (own >= 0))
        if np.unique(own[rest]).size < 2 or not len(left):
            continue
        probe = LogisticRegression(C=0.1, solver="newton-cholesky").fit(features[rest], own[rest])
        chances[np.ix_(left, np.arange(chances.shape[1]))] = 0.0
        chances[np.ix_(left, probe.classes_)] = probe.predict_proba(features[left])
        answers[left] = own[left]
    return chances, answers


def _weights(losses: Floats, criteria: tuple[Floats, Floats, Floats]) -> tuple[float, float, float]:
    """With which the criteria explain the losses best, drawn towards :data:`PRIOR`."""
    from scipy.optimize import nnls  # noqa: PLC0415 - heavy

    found, _ = nnls(np.stack([_level(one) for one in criteria], axis=1), losses)
    prior = np.array(PRIOR)
    own = found / found.sum() if found.sum() > 0 else prior
    first, second, third = (len(losses) * own + TRUST * prior) / (len(losses) + TRUST)
    return float(first), float(second), float(third)


def _criteria(view: View, learnt: Learnt, generator: np.random.Generator) -> tuple[Floats, Floats, Floats]:
    """(n,) doubt, foreground and newness."""
    doubt: Floats = np.zeros(view.size)
    if view.scores is not None:
        doubt = np.nan_to_num(np.asarray(view.scores, dtype=np.float64))
    else:
        for head, shortfall in zip(view.heads, learnt.shortfalls, strict=True):
            asked = asked_of(head)
            doubt[asked] += shortfall * _entropy(np.asarray(head[asked], dtype=np.float64))
    shown = np.zeros(view.size) if view.foreground is None else np.asarray(view.foreground, dtype=np.float64)
    if not len(view.known):
        return doubt, shown, np.zeros(view.size)
    places = np.sort(generator.choice(len(view.known), min(len(view.known), LOOKED_AT), replace=False))
    return doubt, shown, np.sqrt(nearest_squares(view.features, np.asarray(view.known[places]))).astype(np.float64)


def _spoken_to(view: View) -> NDArray[np.bool_]:
    """(n,) whether any head speaks to a case; of outlines all."""
    if not view.heads:
        return np.ones(view.size, dtype=np.bool_)
    return np.asarray(np.any([asked_of(head) for head in view.heads], axis=0))


def _newness(features: NDArray[np.float32], folds: IntArray) -> Floats:
    """(m,) the distance of each case to the nearest of the other folds."""
    found = np.zeros(len(features))
    for fold in range(FOLDS):
        own = folds == fold
        if own.any() and not own.all():
            found[own] = np.sqrt(nearest_squares(features[own], features[~own]))
    return found


def _spread(view: View, scores: Floats, count: int, generator: np.random.Generator) -> tuple[IntArray, Floats]:
    """One by one the most wanted; the nearer to the nearest pick, the less a case is wanted."""
    front = highest(scores, min(FRONT * count, view.size), generator)
    features = np.asarray(view.features[front], dtype=np.float32)
    width = usual_distance(features, np.zeros((0, features.shape[1]), dtype=np.float32), generator)
    own = scores[front].astype(np.float64)
    left, nearest = own.copy(), np.full(len(front), np.inf)
    places, gains = np.zeros(count, dtype=np.int64), np.zeros(count)
    for number in range(count):
        best = int(left.argmax())
        places[number], gains[number] = front[best], max(left[best], 0.0)
        own[best] = -1.0
        nearest = np.minimum(nearest, squared_distances(features, features[best : best + 1])[:, 0])
        left = own * (1 - np.exp(-nearest / (2 * width**2))) if width > 0 else own.copy()
        left[own < 0] = -1.0
    return places, gains


def _level(values: Floats) -> Floats:
    """The same with mean 1; all 0 where it is 0."""
    middle = float(values.mean()) if len(values) else 0.0
    return values / middle if middle > 0 else np.zeros(len(values))


def _entropy(chances: FloatArray) -> Floats:
    """(n,) in nats."""
    return np.asarray(-(chances * np.log(np.maximum(chances, 1e-12))).sum(axis=1), dtype=np.float64)


def _loss(chances: Floats, answers: IntArray) -> Floats:
    """(n,) -ln of the chance given to the answer."""
    return np.asarray(-np.log(np.maximum(chances[np.arange(len(answers)), answers], 1e-6)))
