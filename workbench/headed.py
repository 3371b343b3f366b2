"""Lines in the head of pages that an application answers with; files that are downloaded stay as they are."""

from __future__ import annotations

from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send


class Headed:
    """An application whose pages have more in their head.

    Parameters
    ----------
    first, last:
        HTML that stands at the beginning and at the end of a page's head.
    path:
        Of the one page that is meant; empty for all.
    """

    def __init__(self, app: ASGIApp, *, first: str = "", last: str = "", path: str = "") -> None:
        self.app = app
        self.path = path
        self.first = first
        self.last = last

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request; a page gets its lines."""
        if scope["type"] != "http" or scope.get("method") != "GET" or self.path not in ("", scope["path"]):
            await self.app(scope, receive, send)
            return
        start: Message = {}
        pieces: list[bytes] = []

        async def page(message: Message) -> None:
            nonlocal start
            if message["type"] == "http.response.start":
                headers = Headers(raw=message["headers"])
                shown = "content-encoding" not in headers and "content-disposition" not in headers
                if shown and message["status"] == 200 and headers.get("content-type", "").startswith("text/html"):
                    start = message
                    return
            if not start:
                await send(message)
                return
            pieces.append(message.get("body", b""))
            if message.get("more_body"):
                return
            body = b"".join(pieces).replace(b"<head>", b"<head>" + self.first.encode(), 1)
            body = body.replace(b"</head>", self.last.encode() + b"</head>", 1)
            headers = MutableHeaders(scope=start)
            headers["content-length"] = str(len(body))
            for changed in ("etag", "last-modified"):
                if changed in headers:
                    del headers[changed]
            await send(start)
            await send({"type": "http.response.body", "body": body})

        await self.app(_whole(scope), receive, page)


def _whole(scope: Scope) -> Scope:
    """The request for the page itself, never for a part of it, for 'not changed', or compressed."""
    document = dict(scope.get("headers", ())).get(b"accept", b"").startswith(b"text/html")
    if not document:
        return scope
    left = (b"if-none-match", b"if-modified-since", b"accept-encoding", b"range")
    return {**scope, "headers": [(name, value) for name, value in scope["headers"] if name not in left]}
