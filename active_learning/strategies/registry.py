"""The ways to choose, by name."""

from __future__ import annotations

from active_learning.strategies.view import Strategy
from data.errors import ConfigError

STRATEGIES: dict[str, Strategy] = {}
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
