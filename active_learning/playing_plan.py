"""What a simulation plays: the ways to choose, how often, how many cases, which readers, which learner."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from enum import StrEnum
from typing import Any

from active_learning.strategies.registry import strategy
from data.errors import ConfigError
from models.config import ProfileName

RANDOM = "random"
"""What every other way is held against."""
ROUNDS = 5
"""Rounds after the start where neither they nor a batch is named."""


class LearnerName(StrEnum):
    """What is trained in every round."""

    TASK = "task"
    """The task's own networks, in a profile."""
    HEAD = "head"
    """A linear head on features that were made without labels: seconds a round."""


@dataclass(frozen=True, slots=True)
class Play:
    """The settings of a simulation.

    Parameters
    ----------
    strategies:
        Names of :data:`active_learning.strategies.registry.STRATEGIES`.
    seeds:
        How many loops of each; loop by loop all ways have the same start, readers and draws.
    sizes:
        Cases of the start, and of each round after it; their sum is the budget.
    learner, profile, max_steps:
        What is trained; profile and steps are of the task's own networks.
    readers, error_rate:
        Scripted readers of each case, and the probability, 0 to 1, of a wrong answer of theirs to a question.
    """

    strategies: tuple[str, ...]
    sizes: tuple[int, ...]
    seeds: int = 5
    learner: LearnerName = LearnerName.TASK
    profile: str = ProfileName.DEMO.value
    max_steps: int | None = None
    readers: int = 3
    error_rate: float = 0.1

    def __post_init__(self) -> None:
        if not self.strategies or len(set(self.strategies)) < len(self.strategies):
            raise ConfigError(
                "The ways to choose are not one or more different ones.",
                given=", ".join(self.strategies) or "none", expected="names, each once",
                do="correct --strategies",
            )  # fmt: skip
        for name in self.strategies:
            strategy(name)
        if self.profile not in list(ProfileName):
            raise ConfigError("There is no such profile.", given=self.profile, expected=", ".join(ProfileName))
        if self.seeds < 1 or self.readers < 1 or not 0 <= self.error_rate < 0.5:
            raise ConfigError(
                "The simulation cannot be.",
                given=f"{self.seeds} seeds, {self.readers} readers, error rate {self.error_rate}",
                expected="one seed and one reader or more, and an error rate from 0 to below 0.5",
                do="correct the numbers",
            )

    @classmethod
    def of(
        cls,
        strategies: Iterable[str],
        budget: int,
        *,
        rounds: int | None = None,
        batch: int | None = None,
        start: int | None = None,
        learner: str = LearnerName.TASK.value,
        **others: Any,
    ) -> Play:
        """Settings by what people ask for; see :func:`sizes` for what is not named.

        Raises
        ------
        ConfigError
            They do not fit together, or name what there is not.
        """
        if learner not in list(LearnerName):
            raise ConfigError("There is no such learner.", given=learner, expected=", ".join(LearnerName))
        turns = sizes(budget, rounds=rounds, batch=batch, start=start)
        return cls(tuple(strategies), turns, learner=LearnerName(learner), **others)

    @property
    def budget(self) -> int:
        """Cases that are read in each loop, those of the start included."""
        return sum(self.sizes)

    @property
    def rounds(self) -> int:
        """Rounds after the start."""
        return len(self.sizes) - 1

    @property
    def labels(self) -> tuple[int, ...]:
        """Cases read after the start and after each round."""
        return tuple(sum(self.sizes[: place + 1]) for place in range(len(self.sizes)))

    def as_dict(self) -> dict[str, Any]:
        """The settings as JSON."""
        return {**asdict(self), "strategies": list(self.strategies), "sizes": list(self.sizes)}

    @classmethod
    def from_dict(cls, raw: Mapping[str, Any]) -> Play:
        """The settings back from JSON."""
        named = {"strategies": tuple(raw["strategies"]), "sizes": tuple(raw["sizes"])}
        return cls(**{**raw, **named, "learner": LearnerName(raw["learner"])})


def sizes(
    budget: int, *, rounds: int | None = None, batch: int | None = None, start: int | None = None
) -> tuple[int, ...]:
    """Cases of the start and of each round after it; the last round may have fewer.

    Parameters
    ----------
    budget:
        Cases in all.
    rounds, batch, start:
        Rounds after the start, cases of each, cases of the start. What is not named follows from the others; where
        nothing is, the start is as large as each of :data:`ROUNDS` rounds.

    Raises
    ------
    ConfigError
        They do not fit together.
    """
    turns = rounds
    if batch is None:
        turns = ROUNDS if rounds is None else rounds
        left = budget - (budget // (turns + 1) if start is None else start)
        batch = math.ceil(left / turns) if turns > 0 else 0
    if start is None:
        start = budget - rounds * batch if rounds is not None else batch + budget % max(batch, 1)
    fit = budget > start >= 1 and batch >= 1 and turns != 0
    needed = math.ceil((budget - start) / batch) if fit else 0
    if not fit or (turns is not None and needed != turns):
        asked = f"budget {budget}, start {start}, batch {batch}" + (
            f", rounds {turns}" if turns is not None else ""
        )
        raise ConfigError(
            "Budget, start, batch and rounds do not fit together.", given=asked,
            expected="a start and at least one round, all of them full but the last",
            do="name fewer of them: what is not named follows",
        )  # fmt: skip
    whole = [start, *[batch] * needed]
    whole[-1] -= sum(whole) - budget
    return tuple(whole)
