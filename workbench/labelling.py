"""Links into the labelling server, for people who read there."""

from __future__ import annotations

from data.blobs import Blobs
from data.errors import LabelServerError
from data.home import Home
from data.records import ReadRequest
from data.store import Store


def reading_link(home: Home, store: Store, request: ReadRequest) -> str:
    """Where a read is answered; empty while it has not been sent."""
    from labelstudio.gateway import LabelStudioGateway  # noqa: PLC0415 - loads the server's client
    from labelstudio.server import LabelStudioServer  # noqa: PLC0415

    try:
        return LabelStudioGateway(LabelStudioServer(home), Blobs.of(home), store.reads.reader).link(request)
    except LabelServerError:
        return ""
