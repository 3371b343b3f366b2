"""The settings that a round is opened with."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from active_learning.acquisition import Way
from active_learning.quotas import Quota
from data.errors import RoundError
from models.config import ProfileName, Reading


@dataclass(frozen=True, slots=True)
class RoundPlan:
    """How a round is to run.

    Parameters
    ----------
    readers:
        Ids of the readers among whom the cases are shared out.
    adjudicator:
        Id of the one who decides disputed cases, and reads no other; empty: disputed cases stay undecided.
    readers_per_case:
        Reads asked for of each case.
    budget:
        Cases at the most.
    random_share:
        Share of the budget for test, calibration and validation patients drawn at random, 0 to 1.
    independent_share:
        Share of the training cases that are read without the model's answer, 0 to 1.
    profile:
        The profile of the candidate.
    margin:
        By how much the primary metric must improve beyond its interval's lower bound.
    seed:
        Seed of the round's random draws.
    reread_share, reread_after_days:
        Share of a reader's cases that is added as hidden second reads of earlier ones, 0 to 1, and how many days
        old those must be.
    second_look:
        Whether a training case that was answered without the model's answer comes back with it in view.
    strategy:
        How training cases are chosen, by a name of :data:`active_learning.strategies.registry.STRATEGIES`; empty:
        the most doubtful first.
    budget_minutes:
        Reader minutes at the most, all reads together, in place of ``budget``; 0: the budget is in cases.
    per_patient:
        Studies of a training patient in the batch at the most.
    quotas:
        Bounds on groups of the training cases, such as ``site=hospital<=50%`` or ``phenotype=malignant>=0.2``.

    Raises
    ------
    RoundError
        A setting cannot be; the message names it.
    """

    readers: tuple[str, ...]
    adjudicator: str = ""
    readers_per_case: int = 3
    budget: int = 24
    random_share: float = 0.25
    independent_share: float = 1.0
    profile: str = ProfileName.DEMO.value
    margin: float = 0.0
    seed: int = 0
    reread_share: float = 0.0
    reread_after_days: float = 14.0
    second_look: bool = False
    strategy: str = ""
    budget_minutes: float = 0.0
    per_patient: int = 1
    quotas: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if len(set(self.readers)) < self.readers_per_case or len(set(self.readers)) != len(self.readers):
            raise RoundError(
                "There are too few readers.",
                given=f"{', '.join(self.readers) or 'none'}",
                expected=f"{self.readers_per_case} different ones or more",
                do="add readers with `consilium readers add`, or ask for fewer reads a case",
            )
        if self.adjudicator in self.readers:
            raise RoundError(
                "The adjudicator would decide on an own vote.",
                given=self.adjudicator,
                expected="somebody who is not among the readers",
                do="name another adjudicator",
            )
        if self.budget < 1 or not 0 <= self.random_share <= 1 or not 0 <= self.independent_share <= 1:
            raise RoundError(
                "The round's plan cannot be.",
                given=f"budget {self.budget}, random share {self.random_share}",
                expected="a budget of 1 case or more and shares from 0 to 1",
                do="correct the plan",
            )
        if self.budget_minutes < 0 or self.per_patient < 1:
            raise RoundError(
                "The round's plan cannot be.",
                given=f"{self.budget_minutes:g} minutes, {self.per_patient} studies of a patient",
                expected="a budget of no less than 0 minutes and 1 study of a patient or more",
                do="correct the plan",
            )
        self.way()

    def way(self) -> Way:
        """How training cases are chosen.

        Raises
        ------
        RoundError
            A quota cannot be read.
        """
        return Way(self.strategy, self.per_patient, tuple(Quota.parse(text) for text in self.quotas))

    @property
    def budget_s(self) -> float | None:
        """Reader seconds at the most; None where the budget is in cases."""
        return 60 * self.budget_minutes if self.budget_minutes else None

    @classmethod
    def of(cls, reading: Reading, readers: tuple[str, ...], **changes: Any) -> RoundPlan:
        """A plan with a task's own settings, save for the changes that are not None."""
        settings: dict[str, Any] = {
            "readers_per_case": reading.readers,
            "budget": reading.budget,
            "random_share": reading.random_share,
            "margin": reading.margin,
            "independent_share": 0.5 if reading.count_assisted else 1.0,
            "reread_share": reading.reread_share,
            "reread_after_days": reading.reread_after_days,
            "second_look": reading.second_look,
            "strategy": reading.strategy,
            "budget_minutes": reading.budget_minutes,
            "per_patient": reading.per_patient,
            "quotas": reading.quotas,
        }
        settings.update({name: value for name, value in changes.items() if value is not None})
        return cls(readers=readers, **settings)

    def as_dict(self) -> dict[str, Any]:
        """The plan as JSON."""
        return asdict(self)

    @classmethod
    def from_dict(cls, raw: Mapping[str, Any]) -> RoundPlan:
        """The plan back from JSON; what a plan of an older round does not hold is as it was then."""
        lists = {name: tuple(raw[name]) for name in ("readers", "quotas") if name in raw}
        return cls(**{**raw, **lists})
