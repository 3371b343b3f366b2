"""Decoding processes: as many as asked, each replaced when it dies, none waited for without end."""

from __future__ import annotations

import contextlib
import os
import pickle
import signal
import subprocess
import sys
import time
from collections import deque
from dataclasses import dataclass, field
from multiprocessing.connection import Connection, wait

from data.errors import IngestError
from data.ingest.work import BuildStack, Lost, Outcome, ReadFile, Setup, Task

AHEAD = 2
"""Tasks that a process holds at a time, so that it need not wait for the next one."""
START_S = 60.0


@dataclass(slots=True)
class _Process:
    popen: subprocess.Popen[bytes]
    inbox: Connection
    outbox: Connection
    tasks: deque[Task] = field(default_factory=deque)
    since: float = field(default_factory=time.monotonic)
    ready: bool = False


class Pool:
    """Decoding processes.

    Parameters
    ----------
    workers:
        How many.
    setup:
        What each is told when it starts; a task that takes longer than its ``timeout_s`` is given up.

    They are programs of their own (``python -c``), so that it does not matter what the main program is, whether it
    has threads, or whether it is itself a worker of something.
    """

    def __init__(self, workers: int, setup: Setup) -> None:
        self.setup = setup
        self._waiting: deque[Task] = deque()
        self._processes = [self._start() for _ in range(max(1, workers))]

    def __enter__(self) -> Pool:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    @property
    def workers(self) -> int:
        """How many processes there are."""
        return len(self._processes)

    @property
    def pids(self) -> list[int]:
        """Ids of the processes."""
        return [process.popen.pid for process in self._processes]

    @property
    def reading(self) -> bool:
        """Whether a file has no outcome yet."""
        tasks = (task for process in self._processes for task in process.tasks)
        return any(isinstance(task, ReadFile) for task in (*self._waiting, *tasks))

    @property
    def outstanding(self) -> int:
        """Tasks that have no outcome yet."""
        return len(self._waiting) + sum(len(p.tasks) for p in self._processes)

    def submit(self, task: Task) -> None:
        """Put a task in line."""
        self._waiting.append(task)

    def collect(self) -> list[tuple[Task, Outcome]]:
        """Wait for at least one outcome; empty only where no task is outstanding.

        Raises
        ------
        IngestError
            A process cannot even start.
        """
        done: list[tuple[Task, Outcome]] = []
        while not done and self.outstanding:
            for process in list(self._processes):
                self._feed(process)
            limits = [p.since + self._limit(p) for p in self._processes if p.tasks or not p.ready]
            pause = max(0.0, min(limits, default=0.0) - time.monotonic())
            for connection in wait([p.outbox for p in self._processes], timeout=pause):
                process = next(p for p in self._processes if p.outbox is connection)
                done += self._receive(process)
            for process in list(self._processes):
                if (process.tasks or not process.ready) and time.monotonic() > process.since + self._limit(
                    process
                ):
                    done += self._lose(process, f"It was given up after {self.setup.timeout_s:.0f} s.")
        return done

    def _limit(self, process: _Process) -> float:
        return self.setup.timeout_s if process.ready else START_S

    def _feed(self, process: _Process) -> None:
        while self._waiting and process.ready and len(process.tasks) < AHEAD:
            large = isinstance(self._waiting[0], BuildStack)
            if large and process.tasks:
                return  # it may not fit into the pipe, which only an idle process empties
            task = self._waiting.popleft()
            if not process.tasks:
                process.since = time.monotonic()
            process.tasks.append(task)
            try:
                process.inbox.send(task)
            except OSError:
                return  # it is dead: its outbox says so

    def _receive(self, process: _Process) -> list[tuple[Task, Outcome]]:
        try:
            message = process.outbox.recv()
        except (EOFError, OSError, pickle.UnpicklingError):
            return self._lose(process, "")
        process.since = time.monotonic()
        if not process.ready:
            process.ready = True
            return []
        return [(process.tasks.popleft(), message)]

    def _lose(self, process: _Process, why: str) -> list[tuple[Task, Outcome]]:
        """Replace a process. The task that it was at is lost; those behind it go back in line."""
        started = process.ready
        code = self._stop(process)
        if not started:
            raise IngestError(
                "A decoding process could not start.",
                given=why or f"it ended with {code}",
                expected="a Python that can import Consilium",
                do="run `python -c 'import data.ingest.worker'` and see what it says",
            )
        self._processes[self._processes.index(process)] = self._start()
        if not process.tasks:
            return []
        task = process.tasks.popleft()
        self._waiting.extendleft(reversed(process.tasks))
        return [(task, Lost(why or _death(code)))]

    def _start(self) -> _Process:
        environment = os.environ | {
            "PYTHONPATH": os.pathsep.join(path or str(os.getcwd()) for path in sys.path),  # noqa: PTH109
            "OMP_NUM_THREADS": "1",
            "OPENBLAS_NUM_THREADS": "1",
        }
        popen = subprocess.Popen(
            [sys.executable, "-c", "from data.ingest.worker import main; main()"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            env=environment,
        )
        assert popen.stdin is not None  # noqa: S101 - both are pipes
        assert popen.stdout is not None  # noqa: S101
        process = _Process(
            popen,
            Connection(os.dup(popen.stdin.fileno()), readable=False),
            Connection(os.dup(popen.stdout.fileno()), writable=False),
        )
        popen.stdin.close()
        popen.stdout.close()
        with contextlib.suppress(OSError):  # it is dead: its outbox says so
            process.inbox.send(self.setup)
        return process

    @staticmethod
    def _stop(process: _Process) -> int:
        process.popen.kill() if process.popen.poll() is None else None
        code = process.popen.wait()
        process.inbox.close()
        process.outbox.close()
        return code

    def close(self) -> None:
        """End the processes, whatever they are at."""
        for process in self._processes:
            self._stop(process)
        self._processes.clear()


def _death(code: int) -> str:
    if code >= 0:
        return f"The decoding process ended with {code}."
    return f"The decoding process was ended by {signal.Signals(-code).name}."
