"""The ways in which several readers' answers become one, by the name that a task's TOML uses.

Every method takes :class:`active_learning.ratings.Ratings` and the model's calibrated probabilities, and gives an
:class:`active_learning.crowd.Estimate`: the truth's probabilities, and how good each reader is.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import TypeAlias

from active_learning.crowd import Estimate, dawid_skene, majority_vote
from active_learning.crowdlab import crowdlab
from active_learning.ordinal import median_with_spread
from active_learning.pooled import pooled
from active_learning.ratings import Ratings
from data.errors import RatingsError
from models.bootstrap import FloatArray

Method: TypeAlias = Callable[[Ratings, FloatArray | None], Estimate]
"""Ratings, and (items, options) probabilities by the model (None without one; NaN where it said nothing)."""


def _majority(ratings: Ratings, _: FloatArray | None) -> Estimate:
    return majority_vote(ratings)


def _dawid_skene(ratings: Ratings, _: FloatArray | None) -> Estimate:
    return dawid_skene(ratings)


def _ordinal(ratings: Ratings, _: FloatArray | None) -> Estimate:
    return median_with_spread(ratings)


def _pooled(ratings: Ratings, model: FloatArray | None) -> Estimate:
    return pooled({"": ratings}, None if model is None else {"": model})[""]


METHODS: Mapping[str, Method] = MappingProxyType(
    {
        "majority": _majority,
        "dawid_skene": _dawid_skene,
        "crowdlab": crowdlab,
        "ordinal": _ordinal,
        "pooled": _pooled,
    }
)
"""``majority``, ``dawid_skene`` and ``ordinal`` do not look at the model; ``crowdlab`` is made for one, and weighs
the readers by their agreement where there is none; ``pooled`` takes one into account where it is there."""


def estimate(method: str, ratings: Ratings, model: FloatArray | None = None) -> Estimate:
    """What the readers' answers say by the named method.

    Raises
    ------
    RatingsError
        There is no such method.
    """
    if method not in METHODS:
        raise RatingsError(
            "There is no such way to a consensus.", given=method, expected=", ".join(METHODS),
            do="name one of these in the task's TOML",
        )  # fmt: skip
    return METHODS[method](ratings, model)


def estimate_all(
    method: str, ratings: Mapping[str, Ratings], model: Mapping[str, FloatArray] | None = None
) -> dict[str, Estimate]:
    """The same for several labels of a task, by label; ``pooled`` learns from all labels at once.

    Raises
    ------
    RatingsError
        There is no such method.
    """
    if method == "pooled":
        return pooled(ratings, model)
    return {label: estimate(method, one, (model or {}).get(label)) for label, one in ratings.items()}
