"""How other libraries choose, by their own code, from what the house's strategies see of the same model.

baal ranks by the members' probabilities, of outlines pixel by pixel with the mean over a slice. scikit-activeml
gets the features and the model's probabilities, cleanlab (ActiveLab) the probabilities. They know one question
each: with several heads each is asked about every head, and their picks are taken in turn.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, TypeAlias

import numpy as np

from active_learning.strategies.view import FloatArray, IntArray, View
from benchmarks.label_learners import Fitted

Peer: TypeAlias = Callable[[View, IntArray, Fitted, int, int], IntArray]
"""(view, places of the pool that are free, model, count, seed) -> (count,) places within the view."""


def in_turn(rankings: Sequence[IntArray], count: int) -> IntArray:
    """(count,) places: the first of each ranking, the second of each, and so on, each place once."""
    taken: dict[int, None] = {}
    for places in zip(*rankings, strict=True):
        for place in places:
            if len(taken) < count:
                taken.setdefault(int(place))
    return np.array(list(taken), dtype=np.int64)


def _baal(heuristic: str) -> Peer:
    def chosen(view: View, free: IntArray, model: Fitted, count: int, seed: int) -> IntArray:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            from baal.active import heuristics

        rankings = []
        for votes, asked in zip(model.votes(free), _asked(view), strict=True):
            own = getattr(heuristics, heuristic)(reduction="mean" if votes.ndim > 3 else "none")
            found = own(np.moveaxis(votes[:, asked], 0, -1))
            rankings.append(np.flatnonzero(asked)[found])
        return _merged(rankings, view, count, seed)

    return chosen


def _asked(view: View) -> list[Any]:
    """For each head, (n,) whether it speaks to a case; of outlines one that always does."""
    if not view.heads:
        return [np.ones(view.size, dtype=bool)]
    return [~np.isnan(head[:, 0]) for head in view.heads]


def _merged(rankings: Sequence[IntArray], view: View, count: int, seed: int) -> IntArray:
    """The rankings in turn, each filled up at random with the cases that its head does not speak to."""
    rng = np.random.default_rng(seed)
    whole = [np.concatenate([one, rng.permutation(np.setdiff1d(np.arange(view.size), one))]) for one in rankings]
    return in_turn(whole, count)


def _activelab(view: View, free: IntArray, model: Fitted, count: int, seed: int) -> IntArray:
    from cleanlab.multiannotator import get_active_learning_scores

    rankings = []
    for head, asked in zip(view.heads, _asked(view), strict=True):
        _, scores = get_active_learning_scores(pred_probs_unlabeled=head[asked])
        rankings.append(np.flatnonzero(asked)[np.argsort(scores, kind="stable")])
    return _merged(rankings, view, count, seed)


def _skactiveml(query: str, *, model: bool, **options: Any) -> Peer:
    def chosen(view: View, free: IntArray, fitted: Fitted, count: int, seed: int) -> IntArray:
        from skactiveml import pool

        features = np.concatenate([view.known, view.features])
        known = np.concatenate([np.zeros(len(view.known)), np.full(view.size, np.nan)])
        given = {"X": features, "y": known, "batch_size": count}
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            own = getattr(pool, query)(random_state=seed, **options)
            if not model:
                return np.asarray(own.query(**given), dtype=np.int64) - len(view.known)
            rankings = []
            for head, asked in zip(view.heads, _asked(view), strict=True):
                speaks = np.concatenate([np.ones(len(view.known), dtype=bool), asked])
                number = min(count, int(asked.sum()))
                if not number:
                    continue
                part = {"X": features[speaks], "y": known[speaks], "batch_size": number}
                found = own.query(**part, clf=_as_it_is(head[asked]), fit_clf=False)
                rankings.append(np.flatnonzero(asked)[np.asarray(found) - len(view.known)])
        return _merged(rankings, view, count, seed)

    return chosen


def _as_it_is(chances: FloatArray) -> Any:
    """scikit-activeml's classifier that says what the model has said of the candidates."""
    from skactiveml.base import SkactivemlClassifier

    class AsItIs(SkactivemlClassifier):  # type: ignore[misc]
        def fit(self, X: Any, y: Any, sample_weight: Any = None) -> Any:  # noqa: N803 - the peer's name
            return self

        def predict_proba(self, X: Any) -> FloatArray:  # noqa: N803 - the peer's name
            if len(X) != len(chances):
                raise ValueError(f"{len(X)} cases: expected the {len(chances)} candidates")
            return chances

    return AsItIs(classes=list(range(chances.shape[1])))


PEERS: Mapping[str, Peer] = {
    "baal_bald": _baal("BALD"),
    "baal_entropy": _baal("Entropy"),
    "skactiveml_margin": _skactiveml("UncertaintySampling", model=True, method="margin_sampling"),
    "skactiveml_badge": _skactiveml("Badge", model=True),
    "skactiveml_coreset": _skactiveml("CoreSet", model=False),
    "skactiveml_typiclust": _skactiveml("TypiClust", model=False),
    "cleanlab_activelab": _activelab,
}
NEED_HEADS = ("skactiveml_margin", "skactiveml_badge", "cleanlab_activelab")
"""These choose by the probabilities of classes, which outlines do not have."""


def peers_of(*, outlines: bool) -> Iterator[str]:
    """The peers that can choose there."""
    return (name for name in PEERS if not (outlines and name in NEED_HEADS))
