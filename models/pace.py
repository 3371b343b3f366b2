"""What a training takes: the networks that are planned, and what an ended one took, kept with its version."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Protocol


@dataclass(frozen=True, slots=True)
class Planned:
    """A network that a training is to train.

    Parameters
    ----------
    name:
        Its stage and architecture, as its checkpoint is named.
    kind:
        What its pace depends on, beside the number of examples: networks of one kind are compared.
    epochs:
        At the most.
    """

    name: str
    kind: str
    epochs: int


@dataclass(frozen=True, slots=True)
class Spent:
    """What one network took.

    Parameters
    ----------
    epochs, epoch:
        Planned, and done.
    seconds:
        Of its epochs.
    prepared_s:
        From the end of what was before it to its first step: its images were made ready.
    """

    name: str
    kind: str
    epochs: int
    epoch: int
    seconds: float
    prepared_s: float


@dataclass(frozen=True, slots=True)
class Pace:
    """What a whole training took.

    Parameters
    ----------
    closing_s:
        From the last epoch of the last network to the end.
    """

    networks: Sequence[Spent]
    closing_s: float

    def as_dict(self) -> dict[str, Any]:
        """As JSON, for the manifest of the version."""
        return {"networks": [asdict(one) for one in self.networks], "closing_s": self.closing_s}

    @classmethod
    def from_dict(cls, content: Mapping[str, Any]) -> Pace:
        """What :meth:`as_dict` gave.

        Raises
        ------
        KeyError, TypeError, ValueError
            It is something else.
        """
        return cls([Spent(**one) for one in content["networks"]], float(content["closing_s"]))


class Trains(Protocol):
    """A stage as far as its pace goes: networks that are trained alike."""

    @property
    def networks(self) -> tuple[str, ...]:
        """Names."""

    @property
    def size_px(self) -> tuple[int, int]:
        """(rows, columns) of the input."""

    @property
    def batch_size(self) -> int:
        """Examples a step."""

    @property
    def epochs(self) -> int:
        """At the most."""


def planned(stages: Mapping[str, Trains]) -> tuple[Planned, ...]:
    """The networks of stages, in the order of the stages.

    Parameters
    ----------
    stages:
        By name.
    """
    found = []
    for name, stage in stages.items():
        rows, columns = stage.size_px
        frames, frozen = getattr(stage, "frames", 0), getattr(stage, "freeze_backbone", False)
        for network in stage.networks:
            kind = f"{network} {frames}x{rows}x{columns} by {stage.batch_size}{' frozen' if frozen else ''}"
            found.append(Planned(f"{name}-{network}", kind, stage.epochs))
    return tuple(found)
