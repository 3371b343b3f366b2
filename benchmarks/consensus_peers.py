"""What other libraries make of readers' answers: cleanlab's and crowd-kit's methods on :class:`Ratings`."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from active_learning.crowd import Estimate
from active_learning.ratings import NOT_READ, Ratings
from models.bootstrap import FloatArray


@dataclass(frozen=True, slots=True, eq=False)
class Answer:
    """A consensus as it is scored.

    Parameters
    ----------
    labels:
        (items,) the option.
    right:
        (items, readers) how likely each read is right; NaN where there is none.
    """

    labels: NDArray[np.int64]
    right: FloatArray


Peer: TypeAlias = Callable[[Ratings, FloatArray | None], Answer]
CROWD_KIT = {
    "crowdkit_majority": "MajorityVote",
    "crowdkit_dawid_skene": "DawidSkene",
    "crowdkit_one_coin": "OneCoinDawidSkene",
    "crowdkit_mmsr": "MMSR",
    "crowdkit_wawa": "Wawa",
    "crowdkit_glad": "GLAD",
}
"""GLAD takes longer than the others together."""


def answer_of(estimate: Estimate, ratings: Ratings) -> Answer:
    """Our own estimate; of options with equal probability the one that is said oftener."""
    often = ratings.counts().sum(axis=0)
    known = np.nan_to_num(estimate.probabilities, nan=0.0)
    top = known >= known.max(axis=1, keepdims=True) - 1e-12
    return Answer(np.where(top, often, -1).argmax(axis=1), _right(estimate.probabilities, ratings))


def peers() -> Mapping[str, Peer]:
    """All peers by name."""
    found: dict[str, Peer] = {"cleanlab_majority": _cleanlab_majority, "cleanlab_crowdlab": _cleanlab_crowdlab}
    for name, called in CROWD_KIT.items():
        found[name] = _crowd_kit(called)
    return found


def _cleanlab_majority(ratings: Ratings, model: FloatArray | None) -> Answer:
    """Ties by the model where there is one; a read is as good as the share of the readers who gave it."""
    from cleanlab.multiannotator import get_majority_vote_label

    given = _given(ratings)
    np.random.seed(0)  # noqa: NPY002 - cleanlab breaks its last ties by the global state
    labels = get_majority_vote_label(given, model, verbose=False)
    counts = ratings.counts()
    return Answer(labels.astype(np.int64), _right(counts / counts.sum(axis=1, keepdims=True), ratings))


def _cleanlab_crowdlab(ratings: Ratings, model: FloatArray | None) -> Answer:
    """Consensus of best quality; without a model the shares of all reads stand for it."""
    from cleanlab.multiannotator import get_label_quality_multiannotator

    shares = ratings.counts().sum(axis=0) / ratings.counts().sum()
    chances = np.tile(shares, (len(ratings.items), 1)) if model is None else model
    read = (ratings.given != NOT_READ).any(axis=0)
    found = get_label_quality_multiannotator(
        _given(ratings)[:, read], chances, verbose=False, return_annotator_stats=False
    )
    right = np.full(ratings.given.shape, np.nan)
    right[:, read] = found["detailed_label_quality"].to_numpy()
    return Answer(found["label_quality"]["consensus_label"].to_numpy().astype(np.int64), right)


def _crowd_kit(called: str) -> Peer:
    def answered(ratings: Ratings, _: FloatArray | None) -> Answer:
        import crowdkit.aggregation

        aggregator = getattr(crowdkit.aggregation, called)()
        table = frame(ratings)
        labels = aggregator.fit_predict(table)
        chances = np.zeros((len(ratings.items), len(ratings.options)))
        told: Any = getattr(aggregator, "probas_", None)
        if told is None:
            chances[labels.index.to_numpy(), labels.to_numpy()] = 1
        else:
            for option in told.columns:
                chances[told.index.to_numpy(), option] = told[option].to_numpy()
        chosen = np.zeros(len(ratings.items), dtype=np.int64)
        chosen[labels.index.to_numpy()] = labels.to_numpy()
        return Answer(chosen, _right(chances, ratings))

    return answered


def frame(ratings: Ratings) -> Any:
    """The reads as crowd-kit takes them."""
    import pandas as pd

    item, reader = np.nonzero(ratings.given != NOT_READ)
    said = ratings.given[item, reader].astype(np.int64)
    return pd.DataFrame({"task": item, "worker": reader, "label": said})


def quietly() -> None:
    """Progress bars and warnings of the peers are of no use here."""
    import functools
    import importlib

    warnings.filterwarnings("ignore")
    glad = importlib.import_module("crowdkit.aggregation.classification.glad")
    glad.tqdm = functools.partial(glad.tqdm, disable=True)  # type: ignore[attr-defined]


def _given(ratings: Ratings) -> FloatArray:
    return np.where(ratings.given == NOT_READ, np.nan, ratings.given.astype(np.float64))


def _right(chances: FloatArray, ratings: Ratings) -> FloatArray:
    """(items, readers) the probability of what each reader said."""
    said = np.take_along_axis(chances, np.maximum(ratings.given, 0).astype(np.int64), axis=1)
    return np.asarray(np.where(ratings.given == NOT_READ, np.nan, said), dtype=np.float64)
