"""Start all that one machine needs; an empty home gets the embedded demo."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

import httpx

from active_learning.rounds import NEXT_STEP
from data.errors import JobCancelledError, JobError, ServiceError
from data.home import HOME_VARIABLE, Home
from data.store import Store
from labelstudio.server import LabelStudioServer
from models.task import discover
from workbench import jobs
from workbench.embedded import play
from workbench.report import Report, Told
from workbench.welcome import READER, invite
from workbench.work import loop
from workbench.worker import is_running

TASK = "cxr_quality"
"""The task whose demo is prepared before the addresses are shown; those of the others follow in the background."""


def run_everything(home: Home, *, port: int, label_port: int | None, report: Report, demo: bool = True) -> None:
    """Start everything and stay until stopped; then stop what was started here, save the labelling server.

    Parameters
    ----------
    demo:
        Whether a home without studies of its own gets the embedded demo.

    Raises
    ------
    ServiceError
        The port is taken, or a part does not start.
    """
    home.prepare()
    refuse_busy(port)
    if is_running(home):
        raise JobError(
            "Another worker serves this home.", given=home.path, expected="one worker a home",
            do="stop the other `consilium run` or `consilium worker` first",
        )  # fmt: skip
    stop = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: stop.set())
    server = LabelStudioServer(home, port=label_port)
    fresh = demo and needs_demo(home, TASK)
    if not fresh:
        report.progress(0.0, "starting Label Studio")
        server.install(progress=lambda words: report.progress(0.0, words))
        server.start()
    with _child(home, ["worker"]) as worker, _child(home, ["serve", "--port", str(port)]) as pages:
        if fresh:
            prepare_demo(home, server, report, stop)
        _wait(f"http://127.0.0.1:{port}/api/health", pages)
        report.say(addresses(port, server.status().url, fresh=fresh, invited=is_invited(home)))
        if demo and (others := ask_for_demos(home)):
            report.say(f"  In the background:  {', '.join(others)}; their pages show how far they are")
        while not stop.wait(1.0):
            for name, child in (("worker", worker), ("application", pages)):
                if child.poll() is not None:
                    raise ServiceError(
                        f"The {name} has ended.", given=f"exit code {child.returncode}",
                        expected="that it runs", do=f"see {home.logs}",
                    )  # fmt: skip
        report.say("Stopping. Label Studio goes on; stop it with `consilium labelstudio stop`.")


def needs_demo(home: Home, task: str) -> bool:
    """Whether a home without studies of its own lacks a task's demo, or that was cut off."""
    store = Store.of(home)
    if store.studies.count(phantom=False):
        return False
    first = store.rounds.first(task)
    return first is None or first.state in NEXT_STEP


def ask_for_demos(home: Home) -> list[str]:
    """Have the worker prepare the demos of the other tasks that lack theirs; their names."""
    lacking = [task for task in discover() if task != TASK and needs_demo(home, task)]
    for task in lacking:
        jobs.enqueue(home, "demo.play", task=task)
    return lacking


def prepare_demo(home: Home, server: LabelStudioServer, report: Report, stop: threading.Event) -> None:
    """Play the demo's round, or what is left of it, until it is done or a signal says stop.

    Raises
    ------
    JobCancelledError
        A signal said stop; the next call goes on.
    """

    def progress(share: float, words: str) -> None:
        if stop.is_set():
            raise JobCancelledError("Stopped.", given=words, do="run it again to go on")
        report.progress(share, words)

    play(home, task=TASK, report=Told(progress), server=server)
    waiting = invite(loop(home, TASK, progress=progress, server=True))
    if waiting is not None:
        jobs.enqueue(home, "voxels", round_id=waiting.round_id)


def is_invited(home: Home) -> bool:
    """Whether the demo's reader is there, who has cases to read."""
    return any(reader.reader_id == READER.reader_id for reader in Store.of(home).reads.readers())


def addresses(port: int, label_server: str, *, fresh: bool, invited: bool) -> str:
    """Where everything is, and one line for each next step."""
    pages = f"http://127.0.0.1:{port}"
    lines = [
        "",
        f"  Workbench     {pages}/",
        f"  Demo          {pages}/gradio",
        f"  API           {pages}/docs",
        f"  Label Studio  {label_server}",
        "",
        *([f"  Read a case:        {pages}/reading?as={READER.reader_id}"] if invited else []),
        f"  Follow the loop:    {pages}/loop" + ("  (scripted readers read its first round)" if fresh else ""),
        f"  Bring own images:   {pages}/data?show=take",
        f"  Add a reader:       {pages}/readers",
        "",
        "  Stop with Ctrl-C.",
    ]
    return "\n".join(lines)


def refuse_busy(port: int) -> None:
    """Refuse a port on loopback that another program listens on."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError as error:
            raise ServiceError(
                "The port is taken.", given=port, expected="a free port on 127.0.0.1",
                do="stop the other program, or name another port with --port",
            ) from error  # fmt: skip


@contextmanager
def _child(home: Home, verb: list[str]) -> Iterator[subprocess.Popen[bytes]]:
    """A verb in a process of its own, with a log; ended when the block ends."""
    with (home.logs / f"{verb[0]}.log").open("ab") as log:
        child = subprocess.Popen(
            [sys.executable, "-m", "workbench", *verb],
            stdout=log,
            stderr=log,
            stdin=subprocess.DEVNULL,
            env={**os.environ, HOME_VARIABLE: str(home.path)},
        )
        try:
            yield child
        finally:
            child.terminate()
            try:
                child.wait(10)
            except subprocess.TimeoutExpired:
                child.kill()
                child.wait()


def _wait(url: str, child: subprocess.Popen[bytes], *, timeout_s: float = 90.0) -> None:
    end = time.monotonic() + timeout_s
    while time.monotonic() < end and child.poll() is None:
        try:
            if httpx.get(url, timeout=5).status_code < 500:
                return
        except httpx.HTTPError:
            time.sleep(0.3)
    raise ServiceError("The application does not answer.", given=url, expected="an answer", do="see its log")
