"""A home served as `consilium run` does, without the labelling server, and a browser before it."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect, sync_playwright

from data.home import Home
from tests.test_browser import CHROMIUM, FLAGS, SERVE, WORK, Served, _free_port, _start, _wait


@contextmanager
def running(home: Home, *, worker: bool = True) -> Iterator[Served]:
    """A home's application, and its worker where it is wanted."""
    if not Path(CHROMIUM).exists():
        pytest.skip(f"{CHROMIUM} is not there; name a Chromium with CONSILIUM_CHROMIUM")
    port = _free_port()
    started = [_start(home, WORK)] if worker else []
    started.append(_start(home, SERVE.format(port=port)))
    try:
        _wait(f"http://127.0.0.1:{port}/api/tasks")
        yield Served(home, f"http://127.0.0.1:{port}")
    finally:
        for process in started:
            process.send_signal(signal.SIGTERM)
        for process in started:
            process.wait(20)


@contextmanager
def opened(served: Served, *, timeout_ms: int = 60_000) -> Iterator[Page]:
    """A page of a browser of its own."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=list(FLAGS))
        context = browser.new_context(viewport={"width": 1440, "height": 900}, base_url=served.url)
        context.set_default_timeout(timeout_ms)
        expect.set_options(timeout=timeout_ms)
        yield context.new_page()
        browser.close()
