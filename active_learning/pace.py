"""How long a reader takes for a case."""

from __future__ import annotations

from data.store import Store
from models.task import ClinicalTask

ENOUGH = 5
"""Reads from which a reader's own pace is known."""


def pace_s(store: Store, task: ClinicalTask, reader_id: str | None) -> float:
    """Seconds a case: the median of what the reader took, or what the task expects before five reads."""
    reads = store.reads.annotations(task.name, reader_id=reader_id)
    taken = sorted(read.lead_time_s for read in reads if read.lead_time_s)
    return taken[len(taken) // 2] if len(taken) >= ENOUGH else task.config.reading.seconds_per_case
