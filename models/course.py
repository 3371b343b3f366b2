"""How a training goes, as a small file tells it: each network, its curve, and what is still to come."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from data.home import Home
from models.pace import Pace, Planned

LEAST_STEPS = 3
"""Steps from which on a pace is told: the first ones warm up."""
LOSS = "loss"


@dataclass
class Network:
    """How far one network is.

    Parameters
    ----------
    name:
        Its stage and architecture.
    epochs, steps:
        At the most; a training that no longer improves ends before.
    epoch, step:
        Done.
    seconds:
        That the done steps took, looks at the validation examples included.
    measure:
        What ``validation`` of an epoch is: ``loss``, or a metric.
    losses:
        (step, training loss), the newest last.
    curve:
        By epoch: ``epoch``, ``training``, ``validation``.
    resumes:
        Whether a stop costs at most the epoch that is under way, not the whole network.
    kind:
        As of :class:`models.pace.Planned`.
    prepared_s:
        From the end of what was before it to its begin.
    """

    name: str
    epochs: int
    steps: int
    epoch: int = 0
    step: int = 0
    seconds: float = 0.0
    done: bool = False
    measure: str = LOSS
    losses: list[tuple[int, float]] = field(default_factory=list)
    curve: list[dict[str, float]] = field(default_factory=list)
    resumes: bool = True
    kind: str = ""
    prepared_s: float = 0.0

    @property
    def left_s(self) -> float | None:
        """Seconds to its last epoch at the measured pace; None before there is one."""
        if self.step < min(LEAST_STEPS, self.steps):
            return None
        return (self.steps - self.step) * self.seconds / self.step if self.step else 0.0

    @property
    def whole_s(self) -> float | None:
        """Seconds of all its epochs: those it took, or at the measured pace; None before there is one."""
        left = self.left_s
        return self.seconds if self.done else None if left is None else self.seconds + left


@dataclass(frozen=True)
class Course:
    """How a training goes.

    Parameters
    ----------
    networks:
        Those that have begun.
    plan:
        All that it is to train, in their order.
    earlier:
        What the newest training of the task in this size took.
    updated_at:
        Seconds since the epoch.
    """

    networks: Sequence[Network]
    plan: Sequence[Planned] = ()
    earlier: Pace | None = None
    updated_at: float = 0.0

    @property
    def current(self) -> Network | None:
        """The network that is trained now, or was trained last."""
        return self.networks[-1] if self.networks else None

    @property
    def to_come(self) -> Sequence[Planned]:
        """The networks that have not begun; not those left out, after which others have begun."""
        begun = {one.name for one in self.networks}
        last = max((i for i, one in enumerate(self.plan) if one.name in begun), default=-1)
        return self.plan[last + 1 :]

    @property
    def total(self) -> int:
        """Networks in all: those that have begun and those that are to come."""
        return len(self.networks) + len(self.to_come)


def course_of(home: Home, training: str) -> Path:
    """Where the course of a training is kept.

    Parameters
    ----------
    training:
        The round whose candidate is trained; or the task and the profile of a training by hand.
    """
    return home.path / "training" / f"{training}.json"


def read_course(path: Path) -> Course | None:
    """What a file tells; None where there is none or it cannot be read."""
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
        networks = [
            Network(**{**one, "losses": [(int(step), float(loss)) for step, loss in one["losses"]]})
            for one in content["networks"]
        ]
        earlier = content.get("earlier")
        return Course(
            networks,
            [Planned(**one) for one in content.get("plan", [])],
            Pace.from_dict(earlier) if earlier else None,
            float(content["updated_at"]),
        )
    except (OSError, ValueError, KeyError, TypeError):
        return None
