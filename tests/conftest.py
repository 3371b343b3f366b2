"""What all tests share: a home of their own, the real images, and a real labelling server."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from data.home import HOME_VARIABLE, Home
from data.store import Store

pytest_plugins = ["tests.labelstudio_server", "tests.shared_homes"]

REAL_DATA = os.environ.get("CONSILIUM_REAL_DATA", "")


@pytest.fixture(autouse=True)
def own_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """No test ever touches the user's own home."""
    monkeypatch.setenv(HOME_VARIABLE, str(tmp_path / "home"))


@pytest.fixture(autouse=True)
def own_main(monkeypatch: pytest.MonkeyPatch) -> None:
    """A page that is tested takes the place of ``__main__``, which processes that are spawned later would run."""
    monkeypatch.setitem(sys.modules, "__main__", sys.modules["__main__"])


@pytest.fixture
def home(tmp_path: Path) -> Home:
    """An empty home."""
    return Home(tmp_path / "home").prepare()


@pytest.fixture
def store(home: Home) -> Iterator[Store]:
    """The store of an empty home."""
    opened = Store.of(home)
    yield opened
    opened.close()


@pytest.fixture(scope="session")
def real_data() -> Path:
    """The folder of real images that ``CONSILIUM_REAL_DATA`` names."""
    if not REAL_DATA:
        pytest.skip("CONSILIUM_REAL_DATA is not set: no real images on this machine")
    return Path(REAL_DATA)
