"""The turns of the loop."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from data.records.reads import Mode, Purpose


@dataclass(frozen=True, slots=True)
class BatchItem:
    """A study in a query batch, with why it is there."""

    study_id: str
    purpose: Purpose
    mode: Mode
    score: float
    reason: str


@dataclass(frozen=True, slots=True)
class QueryBatch:
    """What one round asks to be read."""

    round_id: str
    task: str
    items: tuple[BatchItem, ...]


class RoundState(StrEnum):
    """How far a round is. The states follow one another in this order; every step can be repeated."""

    OPENED = "opened"
    """The batch is chosen."""
    PUSHED = "pushed"
    """The readers have it."""
    READ = "read"
    """Every read that was asked for is in."""
    CLOSED = "closed"
    """Consensus stands, adjudicated where needed."""
    TRAINED = "trained"
    """There is a candidate."""
    COMPARED = "compared"
    """The candidate was compared with the champion."""
    PROMOTED = "promoted"
    """The candidate became champion."""
    KEPT = "kept"
    """The champion stayed."""
    CANCELLED = "cancelled"
    """Given up before it closed; its reads are kept."""


OPEN_ROUND = frozenset({RoundState.OPENED, RoundState.PUSHED, RoundState.READ})
"""A round in one of these can still change a read, and can be given up."""


class RoundKind(StrEnum):
    """What a round is for."""

    QUERY = "query"
    """A turn of the loop."""
    QUALIFICATION = "qualification"
    """One reader answers cases whose answers are known; it ends when it is closed."""


@dataclass(frozen=True, slots=True)
class Round:
    """One turn of the loop. ``plan`` holds the settings that it was opened with; ``outcome`` the comparison."""

    round_id: str
    task: str
    number: int
    state: RoundState
    plan: Mapping[str, Any] = field(default_factory=dict)
    champion: str = ""
    candidate: str = ""
    outcome: Mapping[str, Any] = field(default_factory=dict)
    opened_at: str = ""
    updated_at: str = ""
    kind: RoundKind = RoundKind.QUERY
