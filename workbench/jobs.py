"""Long work in the background, with progress.

huey carries the call to a worker; the job's own record, with the worker's lease, is the truth. A job whose worker
was killed is started again once its lease has passed, so every kind of work can be repeated.
"""

from __future__ import annotations

import logging
import os
import socket
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from huey import SqliteHuey

from data.errors import ConsiliumError, JobCancelledError, JobError
from data.home import Home
from data.records import Job
from data.store import Store

LEASE_S = 20.0
"""How long a worker may be silent before its job is given to another."""
BEAT_S = 5.0
QUICK, LOOKING, LONG = LINES = ("quick", "looking", "long")
"""The lines: what a person waits for; what looks through as many files as there are; what takes minutes."""

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Work:
    """What a job's function is given: the home, and a call that notes how far it is."""

    home: Home
    progress: Callable[[float, str], None]


Function = Callable[..., Mapping[str, Any]]


@dataclass(frozen=True, slots=True)
class _Kind:
    function: Function
    line: str


_KINDS: dict[str, _Kind] = {}


def kind(name: str, *, line: str = LONG) -> Callable[[Function], Function]:
    """Register a function ``(work, **arguments) -> result`` as a kind of job."""

    def register(function: Function) -> Function:
        _KINDS[name] = _Kind(function, line)
        return function

    return register


def kinds() -> Mapping[str, _Kind]:
    """Every registered kind."""
    import workbench.curating  # noqa: PLC0415 - all of these register kinds
    import workbench.data_card_work  # noqa: PLC0415
    import workbench.data_work  # noqa: PLC0415
    import workbench.demo_work  # noqa: PLC0415
    import workbench.disk_use  # noqa: PLC0415
    import workbench.labelling_work  # noqa: PLC0415
    import workbench.lineage_work  # noqa: PLC0415
    import workbench.service_work  # noqa: PLC0415
    import workbench.simulate_work  # noqa: PLC0415
    import workbench.triage_work  # noqa: PLC0415
    import workbench.viewer.preparing  # noqa: PLC0415
    import workbench.work  # noqa: PLC0415
    import workbench.work_champion  # noqa: PLC0415
    import workbench.work_readers  # noqa: F401, PLC0415

    return _KINDS


@dataclass(frozen=True, slots=True)
class Line:
    """One line of calls: huey, and the call that it carries."""

    carrier: SqliteHuey
    call: Callable[[str], object]


@lru_cache(maxsize=16)
def line_of(home: Home, name: str) -> Line:
    """A line of a home."""
    carrier = SqliteHuey(f"consilium-{name}", filename=str(home.prepare().queue), utc=True, results=False)

    def run_job(job_id: str) -> None:
        run(home, job_id)

    return Line(carrier, carrier.task()(run_job))


def carry(home: Home, job: Job) -> None:
    """Hand a job's call to the worker."""
    line_of(home, kinds()[job.kind].line).call(job.job_id)


def enqueue(home: Home, name: str, **arguments: Any) -> Job:
    """Ask for background work. The same work that still waits or runs is not asked for twice.

    Raises
    ------
    JobError
        There is no such kind of work.
    """
    if name not in kinds():
        raise JobError("There is no such kind of work.", given=name, expected=", ".join(kinds()))
    store = Store.of(home)
    job = store.jobs.add(name, arguments)
    carry(home, job)
    return job


def owner() -> str:
    """The name under which this process holds leases."""
    return f"{socket.gethostname()}:{os.getpid()}:{threading.get_ident()}"


def run(home: Home, job_id: str) -> None:
    """Do a job, if nobody else holds it."""
    store = Store.of(home)
    me = owner()
    job = store.jobs.lease(job_id, me, seconds=LEASE_S)
    if job is None:
        return
    with _heart(home, job_id, me):
        try:
            work = Work(home, _follower(store, job_id, me))
            result = kinds()[job.kind].function(work, **job.arguments)
        except JobCancelledError:
            logger.info("%s was called off", job_id)
        except ConsiliumError as error:
            store.jobs.fail(job_id, me, error.as_dict())
        except Exception as error:
            logger.exception("%s failed", job_id)
            store.jobs.fail(
                job_id, me, {"error": f"{type(error).__name__}: {error}", "do": "see the worker's log"}
            )
        else:
            store.jobs.finish(job_id, me, result)


def _follower(store: Store, job_id: str, me: str) -> Callable[[float, str], None]:
    noted = 0.0

    def progress(share: float, words: str) -> None:
        nonlocal noted
        if time.monotonic() - noted < 0.3 and share < 1.0:
            return
        noted = time.monotonic()
        if not store.jobs.beat(job_id, me, seconds=LEASE_S, progress=min(share, 1.0), message=words):
            raise JobCancelledError("The job was called off.", given=job_id)

    return progress


@contextmanager
def _heart(home: Home, job_id: str, me: str) -> Iterator[None]:
    """Renew the lease while the work is silent."""
    stop = threading.Event()

    def beat() -> None:
        store = Store.of(home)
        while not stop.wait(BEAT_S):
            if not store.jobs.beat(job_id, me, seconds=LEASE_S):
                break
        store.close()

    thread = threading.Thread(target=beat, daemon=True, name=f"heart of {job_id}")
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join()


def wait(home: Home, job_id: str, *, timeout_s: float, poll_s: float = 0.1) -> Job:
    """Wait until a job has ended.

    Raises
    ------
    JobError
        It failed or was called off, or the time is over: then no worker may be running.
    """
    store = Store.of(home)
    end = time.monotonic() + timeout_s
    while time.monotonic() < end:
        job = store.jobs.get(job_id)
        if job.state == "done":
            return job
        if job.state in ("failed", "cancelled"):
            error = job.error
            raise JobError(
                error.get("error") or "The work was called off.",
                given=error.get("given", ""),
                expected=error.get("expected", ""),
                do=error.get("do", ""),
            )
        time.sleep(poll_s)
    raise JobError(
        "The work has not ended in time.",
        given=f"{job_id} after {timeout_s:.0f} s",
        expected="a running worker",
        do="see `consilium jobs`; start a worker with `consilium worker`",
    )
