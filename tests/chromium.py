"""The Chromium that the browser tests drive: ``CONSILIUM_CHROMIUM`` names another than Debian's."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from playwright.sync_api import Browser, sync_playwright

CHROMIUM = os.environ.get("CONSILIUM_CHROMIUM", "/usr/bin/chromium")
FLAGS = (
    "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
    "--disable-background-networking", "--disable-component-update", "--disable-sync",
)  # fmt: skip


def need_chromium() -> None:
    """Skip the test where there is none, before anything is made ready for it."""
    if not Path(CHROMIUM).exists():
        pytest.skip(f"{CHROMIUM} is not there; name a Chromium with CONSILIUM_CHROMIUM")


@contextmanager
def chromium() -> Iterator[Browser]:
    """A browser, while the block runs."""
    need_chromium()
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=list(FLAGS))
        yield browser
        browser.close()
