"""What the readers' answers came to."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from data.answers import Site, Value


class ConsensusState(StrEnum):
    """What became of the readers' answers to one question."""

    AGREED = "agreed"
    DISPUTED = "disputed"
    ADJUDICATED = "adjudicated"


@dataclass(frozen=True, slots=True)
class Consensus:
    """What the readers agreed on one question at one site.

    Parameters
    ----------
    value:
        None while it is disputed.
    method:
        The rule, such as ``majority``.
    support:
        Share of the readers who gave that answer, 0 to 1.
    annotations:
        The annotations it came from.
    """

    task: str
    study_id: str
    round_id: str
    question: str
    site: Site
    state: ConsensusState
    value: Value | None
    method: str
    support: float
    annotations: tuple[str, ...]
    created_at: str = ""
