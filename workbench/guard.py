"""What every answer of the web process is bound by: nothing is loaded from, or sent to, another machine."""

from __future__ import annotations

from collections.abc import Sequence

from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

POLICY = "; ".join(
    (
        "default-src 'self' data: blob:",
        "script-src 'self' 'unsafe-inline' 'unsafe-eval' 'wasm-unsafe-eval' blob:",
        "style-src 'self' 'unsafe-inline'",
        "connect-src 'self' ws: data: blob:",
        "frame-ancestors 'self'",
        "form-action 'self'",
        "base-uri 'self'",
    )
)
"""The browser is told to fetch nothing from elsewhere, whatever a page asks."""
CHANGING = frozenset({"POST", "PUT", "PATCH", "DELETE"})


class Guard:
    """Refuse foreign hosts and foreign pages, and forbid the browser everything from elsewhere.

    Parameters
    ----------
    hosts:
        The names under which this process may be addressed. A page elsewhere cannot use a name of its own that
        leads here (DNS rebinding).
    """

    def __init__(self, app: ASGIApp, *, hosts: Sequence[str]) -> None:
        self.app = app
        self.hosts = frozenset(hosts)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request, or refuse it."""
        if scope["type"] not in ("http", "websocket"):
            await self.app(scope, receive, send)
            return
        headers = Headers(scope=scope)
        host = headers.get("host", "").rsplit(":", 1)[0]
        foreign = scope.get("method") in CHANGING and headers.get("sec-fetch-site") == "cross-site"
        if host not in self.hosts or foreign:
            await self._refuse(scope, receive, send, host, foreign=foreign)
            return

        async def bound(message: Message) -> None:
            if message["type"] == "http.response.start":
                answer = MutableHeaders(scope=message)
                answer["Content-Security-Policy"] = POLICY
                answer["Referrer-Policy"] = "no-referrer"
                answer["X-Content-Type-Options"] = "nosniff"
            await send(message)

        await self.app(scope, receive, bound)

    @staticmethod
    async def _refuse(scope: Scope, receive: Receive, send: Send, host: str, *, foreign: bool) -> None:
        if scope["type"] == "websocket":
            await send({"type": "websocket.close", "code": 1008})
            return
        problem = {
            "error": "Another site's page may not change anything here."
            if foreign
            else "Not a name of this host.",
            "given": host,
            "expected": "an address on 127.0.0.1",
            "do": "open the workbench itself",
        }
        await JSONResponse(problem, 403 if foreign else 421)(scope, receive, send)
