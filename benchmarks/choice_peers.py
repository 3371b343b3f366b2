"""What scikit-activeml and baal do of the work of ``benchmarks.choice_scale``, by name."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from active_learning.strategies.view import View

Peer = Callable[[View, int], NDArray[np.int64]]
"""(view, batch) -> the places that were picked."""


def _baal(name: str) -> Peer:
    """A heuristic of baal on the members' probabilities, (n, classes, k), or on the one model's."""

    def picked(view: View, batch: int) -> NDArray[np.int64]:
        from baal.active import heuristics

        given = np.moveaxis(view.members[0], 0, -1) if name == "BALD" else view.heads[0][:, :, None]
        order = getattr(heuristics, name)()(given)
        return np.asarray(order[:batch], dtype=np.int64)

    return picked


def _doubt(method: str) -> Peer:
    """scikit-activeml's uncertainty scores, and its choice of the batch among them."""

    def picked(view: View, batch: int) -> NDArray[np.int64]:
        from skactiveml.pool import uncertainty_scores
        from skactiveml.utils import simple_batch

        scores = uncertainty_scores(view.heads[0].astype(np.float64), method=method)
        return np.asarray(simple_batch(scores, random_state=0, batch_size=batch), dtype=np.int64)

    return picked


def _query(name: str) -> Peer:
    """A query of scikit-activeml, which takes known and unknown cases in one array."""

    def picked(view: View, batch: int) -> NDArray[np.int64]:
        from skactiveml import pool

        known = len(view.known)
        features = np.concatenate([view.known, view.features])
        labels = np.r_[np.zeros(known), np.full(view.size, np.nan)]
        more = {"clf": _model(view), "fit_clf": False} if name == "Badge" else {}
        query = getattr(pool, name)(random_state=0).query(features, labels, batch_size=batch, **more)
        return np.asarray(query, dtype=np.int64) - known

    return picked


def _model(view: View) -> Any:
    """A classifier of scikit-activeml that says what the view says, whatever it is shown of the pool."""
    from skactiveml.base import SkactivemlClassifier

    class Known(SkactivemlClassifier):  # type: ignore[misc]
        """Its probabilities were there before."""

        def fit(self, X: Any, y: Any, sample_weight: Any = None) -> Any:  # noqa: N803
            return self

        def predict_proba(self, X: Any) -> Any:  # noqa: N803
            assert len(X) == view.size
            return view.heads[0]

    return Known(classes=list(range(view.heads[0].shape[1])))


PEERS: Mapping[str, Mapping[str, Peer]] = {
    "entropy": {"scikit-activeml": _doubt("entropy"), "baal": _baal("Entropy")},
    "margin": {"scikit-activeml": _doubt("margin_sampling"), "baal": _baal("Margin")},
    "bald": {"baal": _baal("BALD")},
    "k_centre": {"scikit-activeml": _query("CoreSet")},
    "badge": {"scikit-activeml": _query("Badge")},
    "typiclust": {"scikit-activeml": _query("TypiClust")},
}
"""By way to choose and library. baal has no way that looks at features, scikit-activeml no BALD of members."""
