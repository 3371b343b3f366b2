"""A home served as `consilium run` does, and a page of a browser before it."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from playwright.sync_api import Page, expect

from data.home import HOME_VARIABLE, Home
from labelstudio import webhook
from tests.chromium import chromium, need_chromium
from tests.ports import free_port, wait_for

ROOT = Path(__file__).parent.parent
SERVE = "from data.home import Home; from workbench.serve import serve; serve(Home.default(), port={port})"
WORK = "import workbench.demo_work; from workbench.worker import Home, Worker; Worker(Home.default()).run()"


@dataclass(frozen=True)
class Served:
    """A home, and where its application answers."""

    home: Home
    url: str


@contextmanager
def running(home: Home, *, worker: bool = True, port: int | None = None) -> Iterator[Served]:
    """A home's application, and its worker where it is wanted.

    Parameters
    ----------
    port:
        Where the application listens; None: on a free port.
    """
    need_chromium()
    port = free_port() if port is None else port
    started = [_start(home, WORK)] if worker else []
    started.append(_start(home, SERVE.format(port=port)))
    try:
        wait_for(f"http://127.0.0.1:{port}/api/tasks")
        yield Served(home, f"http://127.0.0.1:{port}")
    finally:
        for process in started:
            process.send_signal(signal.SIGTERM)
        for process in started:
            try:
                process.wait(20)
            except subprocess.TimeoutExpired:
                process.kill()


@contextmanager
def announced(home: Home) -> Iterator[int]:
    """A port that the home's labelling server is told to call with new answers, while the block runs."""
    port = free_port()
    webhook.announce(home, f"http://127.0.0.1:{port}")
    try:
        yield port
    finally:
        (home.labelstudio / "hook").unlink(missing_ok=True)


@contextmanager
def opened(served: Served, *, timeout_ms: int = 60_000) -> Iterator[Page]:
    """A page of a browser of its own."""
    with chromium() as browser:
        context = browser.new_context(viewport={"width": 1440, "height": 900}, base_url=served.url)
        context.set_default_timeout(timeout_ms)
        expect.set_options(timeout=timeout_ms)
        yield context.new_page()


def _start(home: Home, code: str) -> subprocess.Popen[bytes]:
    own = {**os.environ, HOME_VARIABLE: str(home.path)}
    with (home.logs / "test.log").open("ab") as log:
        return subprocess.Popen([sys.executable, "-c", code], cwd=ROOT, env=own, stdout=log, stderr=log)
