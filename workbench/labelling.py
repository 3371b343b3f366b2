"""The way into the labelling server for people who read there: signed in already, at the case itself.

A page's link holds a signed address that opens for half a day. What it leads to signs the reader in on the
labelling server, gives the browser that session, and goes on to the case: browsers keep cookies by host, not by
port, and both listen on the same one. No password leaves this process.
"""

from __future__ import annotations

import logging
from html import escape

from fastapi import APIRouter
from itsdangerous import BadSignature, URLSafeTimedSerializer
from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response

from data.blobs import Blobs
from data.errors import ConsiliumError
from data.home import Home
from data.records import ReadRequest, RequestState
from data.store import Store
from workbench.language import COOKIE, ENGLISH, speaking, told
from workbench.theme import FONT, palette
from workbench.viewer.tickets import TicketError

PREFIX = "/api/labelling"
VALID_S = 12 * 3600
KEY = "labelling"
"""The name of the secret."""

_log = logging.getLogger(__name__)


def reading_link(home: Home, request: ReadRequest) -> str:
    """Where a read is answered, by an address of ours that signs its reader in; empty while it was not sent."""
    if request.external_task is None or request.state in (RequestState.PLANNED, RequestState.WITHDRAWN):
        return ""
    return f"{PREFIX}/{_signer(home).dumps(request.request_id)}"


def add_sign_in(api: APIRouter, home: Home) -> None:
    """Add the route that these links lead to."""

    @api.get(PREFIX + "/{ticket}", include_in_schema=False)
    def labelling(ticket: str, request: Request) -> Response:
        from labelstudio.server import HOST  # noqa: PLC0415 - loads the server's client

        if request.url.hostname != HOST:  # the session's cookie holds for that name alone
            return RedirectResponse(str(request.url.replace(hostname=HOST)), 303)
        try:
            return _signed_in(home, ticket, request)
        except ConsiliumError as error:
            _log.warning("no way into the labelling server: %s", error)
            with speaking(request.cookies.get(COOKIE, ENGLISH)):
                return HTMLResponse(_told(error), 404 if isinstance(error, TicketError) else 503)


def _signed_in(home: Home, ticket: str, request: Request) -> Response:
    from labelstudio.gateway import LabelStudioGateway  # noqa: PLC0415 - loads the server's client
    from labelstudio.server import LabelStudioServer  # noqa: PLC0415
    from labelstudio.users import SESSION, session_of  # noqa: PLC0415

    store, server = Store.of(home), LabelStudioServer(home)
    read = _named(home, store, ticket)
    link = LabelStudioGateway(server, Blobs.of(home), store.reads.reader).link(read)
    session = session_of(server, store.reads.reader(read.reader_id), request.cookies.get(SESSION, ""))
    answer = RedirectResponse(link, 303, {"Cache-Control": "no-store"})
    answer.set_cookie(SESSION, session, path="/", httponly=True, samesite="lax")
    return answer


def _named(home: Home, store: Store, ticket: str) -> ReadRequest:
    """The read that an address names."""
    try:
        request_id = str(_signer(home).loads(ticket, max_age=VALID_S))
        return store.reads.request(request_id)
    except BadSignature as error:
        raise TicketError(
            "The address is no longer valid.", given="an address of an earlier visit, or of another home",
            expected="one that is younger than 12 hours", do="open the page My reading",
        ) from error  # fmt: skip


def _signer(home: Home) -> URLSafeTimedSerializer:
    return URLSafeTimedSerializer(home.secret(KEY), salt=PREFIX)


def _told(error: ConsiliumError) -> str:
    """An error as a page by itself."""
    look, said = palette(), error.as_dict()
    rows = "".join(f"<p>{escape(told(said[name]))}</p>" for name in ("given", "expected", "do") if said.get(name))
    style = f"background:{look.page};color:{look.text};font:14px/1.6 {FONT};max-width:640px;margin:64px auto"
    title = escape(told(said["error"]))
    return (
        f"<!doctype html><meta charset='utf-8'><title>{title}</title><body style='{style}'><h1>{title}</h1>{rows}"
    )
