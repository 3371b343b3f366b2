"""A real labelling server for the session: started on a free port in a temporary home, stopped at the end."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from data.home import Home
from labelstudio.server import LabelStudioServer
from tests.ports import free_port


@pytest.fixture(scope="session")
def label_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LabelStudioServer]:
    """The server that ``CONSILIUM_LABEL_STUDIO_ENV`` names; where it names none, one is installed."""
    home = Home(tmp_path_factory.mktemp("labelstudio") / "home").prepare()
    server = LabelStudioServer(home, port=free_port())
    server.install()
    server.start()
    try:
        yield server
    finally:
        server.stop()


def home_beside(server: LabelStudioServer, folder: Path) -> Home:
    """An empty home whose labelling server this is: it shares the server's files and secrets, and nothing else."""
    folder.mkdir(parents=True)
    for name in ("labelstudio", "secrets"):
        (folder / name).symlink_to(server.home.path / name)
    return Home(folder).prepare()
