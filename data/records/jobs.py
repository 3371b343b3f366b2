"""Background work, and the log."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any


class JobState(StrEnum):
    """How far background work is."""

    WAITING = "waiting"
    RUNNING = "running"
    DONE = "done"
    FAILED = "failed"
    CANCELLED = "cancelled"


@dataclass(frozen=True, slots=True)
class Job:
    """A piece of background work.

    Parameters
    ----------
    kind, arguments:
        The registered function and its JSON arguments.
    progress:
        0 to 1.
    lease_until:
        While it runs, the worker renews this time; once it has passed, the work may be started again.
    """

    job_id: str
    kind: str
    arguments: Mapping[str, Any]
    state: JobState
    progress: float = 0.0
    message: str = ""
    attempts: int = 0
    lease_until: str = ""
    result: Mapping[str, Any] = field(default_factory=dict)
    error: Mapping[str, str] = field(default_factory=dict)
    created_at: str = ""
    updated_at: str = ""


@dataclass(frozen=True, slots=True)
class LogEntry:
    """A line of the append-only log. ``detail`` never holds an identity.

    Parameters
    ----------
    seal:
        The digest over the rows that were written with it (:mod:`data.seals`); empty where there were none.
    digest:
        Of this entry and, by the one before, of all before it (:mod:`data.chain`).
    """

    sequence: int
    at: str
    event: str
    subject: str
    detail: Mapping[str, Any]
    seal: str = ""
    digest: str = ""
