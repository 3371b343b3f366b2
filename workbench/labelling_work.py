"""The kind of background work that starts the labelling server."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from data.store import Store
from labelstudio.server import LabelStudioServer, ServerStatus
from labelstudio.users import ensure_reader_user
from workbench.jobs import QUICK, Work, kind

START = "labelling.start"


def start_with_users(server: LabelStudioServer) -> ServerStatus:
    """Start an installed server where it does not run, and make the users that its readers lack.

    Raises
    ------
    LabelServerError
        It is not installed, does not start, or refuses a user.
    """
    status = server.start()
    for reader in Store.of(server.home).reads.readers():
        ensure_reader_user(server, reader)
    return status


@kind(START, line=QUICK)
def start(work: Work) -> Mapping[str, Any]:
    """Start the labelling server of the home; it outlives the worker."""
    work.progress(0.0, "starting Label Studio")
    return {"url": start_with_users(LabelStudioServer(work.home)).url}
