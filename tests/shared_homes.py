"""The filled and the disputed home: made once a run, copied for each file and for each test that changes it.

A file that needs more in its home than ``filled`` has gives a fixture of the same name that begins with this one;
``changed`` copies that one then.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from data.home import HOME_VARIABLE, Home
from data.store import Store
from tests import disputed_home, filled_home


@pytest.fixture(scope="session")
def filled_once(tmp_path_factory: pytest.TempPathFactory) -> Home:
    """The home to copy; who serves which part is the same in every run."""
    home = Home(tmp_path_factory.mktemp("filled-once") / "home").prepare()
    (home.secrets / "key").write_text("5" * 64)
    filled_home.fill(home).close()
    return home


@pytest.fixture(scope="session")
def disputed_once(tmp_path_factory: pytest.TempPathFactory) -> Home:
    """The disputed home to copy."""
    home = Home(tmp_path_factory.mktemp("disputed-once") / "home").prepare()
    disputed_home.fill(home).close()
    return home


@pytest.fixture(scope="module")
def filled(filled_once: Home, tmp_path_factory: pytest.TempPathFactory) -> Home:
    """A home with everything in it; its tests leave it as it is."""
    return copied(filled_once, tmp_path_factory.mktemp("filled"))


@pytest.fixture(scope="module")
def disputed(disputed_once: Home, tmp_path_factory: pytest.TempPathFactory) -> Home:
    """A home with disputed cases; its tests leave it as it is."""
    return copied(disputed_once, tmp_path_factory.mktemp("disputed"))


@pytest.fixture
def at_filled(filled: Home, monkeypatch: pytest.MonkeyPatch) -> Home:
    """The pages find the filled home."""
    monkeypatch.setenv(HOME_VARIABLE, str(filled.path))
    return filled


@pytest.fixture
def at_disputed(disputed: Home, monkeypatch: pytest.MonkeyPatch) -> Home:
    """The pages find the disputed home."""
    monkeypatch.setenv(HOME_VARIABLE, str(disputed.path))
    return disputed


@pytest.fixture
def changed(filled: Home, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Store]:
    """The store of a filled home that its test may change, and that verbs and pages find."""
    home = copied(filled, tmp_path / "changed")
    monkeypatch.setenv(HOME_VARIABLE, str(home.path))
    store = Store.of(home)
    yield store
    store.close()


def copied(home: Home, folder: Path) -> Home:
    """A copy of a home in a folder."""
    return Home(Path(shutil.copytree(home.path, folder / "home")))
