"""A hint that answers have come is followed by a fetch that began after it."""

from __future__ import annotations

from data.home import Home
from data.records import Job, JobState
from data.store import Store
from workbench import jobs

FETCH = "round.fetch"


def fetch_soon(home: Home, round_id: str) -> Job:
    """Ask for a round's answers. A fetch that waits serves; one that runs may have looked too early.

    Two turns take each other's place, so that at most one fetch waits behind the one that runs.
    """
    runs = {
        int(job.arguments.get("turn", 0))
        for job in Store.of(home).jobs.all(states={JobState.RUNNING})
        if job.kind == FETCH and job.arguments.get("round_id") == round_id
    }
    return jobs.enqueue(home, FETCH, round_id=round_id, turn=int(0 in runs))
