"""The ways to choose, by name."""

from __future__ import annotations

from active_learning.strategies.at_random import random, stratified
from active_learning.strategies.badge import badge
from active_learning.strategies.bald import bald
from active_learning.strategies.foreground import foreground_random
from active_learning.strategies.k_centre import k_centre
from active_learning.strategies.mix import mix
from active_learning.strategies.typiclust import typiclust
from active_learning.strategies.uncertain import entropy, least_confidence, margin
from active_learning.strategies.view import Strategy
from data.errors import ConfigError

STRATEGIES: dict[str, Strategy] = {
    "random": random,
    "stratified": stratified,
    "foreground_random": foreground_random,
    "least_confidence": least_confidence,
    "margin": margin,
    "entropy": entropy,
    "bald": bald,
    "k_centre": k_centre,
    "badge": badge,
    "typiclust": typiclust,
    "mix": mix,
}
"""By the name that a task's TOML, a round's plan and ``consilium simulate`` use."""


def strategy(name: str) -> Strategy:
    """A way to choose.

    Raises
    ------
    ConfigError
        There is none of that name.
    """
    if name not in STRATEGIES:
        raise ConfigError(
            "There is no such way to choose cases.", given=name, expected=f"one of {', '.join(STRATEGIES)}",
            do="correct the name",
        )  # fmt: skip
    return STRATEGIES[name]
