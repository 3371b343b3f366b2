"""The process that does the background work of one home."""

from __future__ import annotations

import logging
import signal
import threading
import time

from filelock import FileLock, Timeout

from data.errors import BusyError, ConsiliumError, JobError
from data.home import Home
from data.records import (
    WAITING,
    RoundState,
)
from data.store import Store
from workbench.clearing import clear_rounds
from workbench.fetching import note_fetch
from workbench.jobs import LINES, carry, line_of

SWEEP_S = 5.0
"""How often jobs with an expired lease are looked for."""
FETCH_S = 60.0
"""How often the readers' answers are fetched."""
CLEAR_S = 3600.0
"""How often what is done with is removed."""
BRING_UP_S = 2.0
"""How long a sweep brings a task's worklist up to date, at the most."""

logger = logging.getLogger(__name__)


class Worker:
    """Lines of work, one thread each: what people wait for queues behind no training and no huge folder.

    Parameters
    ----------
    home:
        Whose jobs; one worker a home.
    """

    def __init__(self, home: Home) -> None:
        self.home = home.prepare()
        self._stop = threading.Event()

    def run(self) -> None:
        """Work until a signal says stop.

        Raises
        ------
        JobError
            Another worker serves this home.
        """
        try:
            with FileLock(self.home.path / "worker.lock", timeout=0.5):
                self._work()
        except Timeout as error:
            raise JobError(
                "Another worker serves this home.", given=self.home.path, expected="one worker a home",
                do="stop the other one first",
            ) from error  # fmt: skip

    def _work(self) -> None:
        store = Store.of(self.home)
        store.jobs.release_all()  # one worker a home: whoever held these leases is gone
        consumers = []
        for line in LINES:
            carrier = line_of(self.home, line).carrier
            carrier.flush()  # the records say what is due
            consumer = carrier.create_consumer(workers=1, periodic=False, max_delay=0.25)
            consumer.start()
            consumers.append(consumer)
        for number in (signal.SIGINT, signal.SIGTERM):  # after huey, which sets its own
            signal.signal(number, lambda *_: self._stop.set())
        for job in store.jobs.due():
            carry(self.home, job)
        logger.info("working for %s", self.home.path)
        fetched = time.monotonic()
        cleared = -CLEAR_S
        while not self._stop.wait(SWEEP_S):
            for job in store.jobs.expired():
                carry(self.home, job)
            if time.monotonic() - fetched > FETCH_S:
                fetch_answers(self.home)
                fetched = time.monotonic()
            bring_up_worklists(store, stop=self._stop)
            if time.monotonic() - cleared > CLEAR_S:
                clear_rounds(self.home)
                cleared = time.monotonic()
        for consumer in consumers:
            consumer.stop(graceful=False)


def bring_up_worklists(store: Store, *, stop: threading.Event | None = None) -> int:
    """Bring up to date what much writing left due, a few seconds' worth of each task; how much is left."""
    left = 0
    for task in [row["task"] for row in store.db.query("SELECT task FROM worklist_tasks")]:
        if stop is None or not stop.is_set():
            left += store.worklists.refresh(task, limit_s=BRING_UP_S)
    return left


def fetch_answers(home: Home) -> int:
    """Fetch what the readers of the open rounds have answered; how many answers are new or changed.

    A webhook asks for them at once, but it is only a hint: this is how they come in although nobody asks.
    """
    from labelstudio.server import LabelStudioServer  # noqa: PLC0415 - loads its client
    from workbench.work import loop  # noqa: PLC0415 - loads the loop

    store = Store.of(home)
    asked = {r.round_id for r in store.reads.requests(states=WAITING)}
    idle = (RoundState.OPENED, RoundState.CANCELLED)
    out = [
        current
        for current in store.rounds.all(kind=None)
        if current.state in (RoundState.PUSHED, RoundState.READ)
        or (current.round_id in asked and current.state not in idle)
    ]
    if not out or not LabelStudioServer(home).status().running:
        return 0
    new = 0
    for current in out:
        try:
            report = loop(home, current.task, server=True).pull(current.round_id)
        except BusyError:
            continue  # whoever is at a step of the task fetches, or the next look does
        except ConsiliumError as error:
            logger.warning("answers of %s: %s", current.round_id, error)
        else:
            note_fetch(home, current.round_id)
            new += report.kept + report.changed
    return new


def is_running(home: Home) -> bool:
    """Whether a worker serves the home."""
    try:
        with FileLock(home.prepare().path / "worker.lock", timeout=0):
            return False
    except Timeout:
        return True
