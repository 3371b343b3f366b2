"""Look and language of the pages as the browser keeps them: two cookies, and an address that may name either.

Streamlit keeps its look by path in the browser's local storage, and reads it before anything else. A few lines
that are put before its own scripts bring the one look of the whole workbench there.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from workbench import language

LOOK = "look"
"""The query parameter."""
LOOKS: Mapping[str, str] = MappingProxyType({"dark": "Dark", "light": "Light"})
"""Id -> how Streamlit calls it; the first is the default."""
COOKIES: Mapping[str, str] = MappingProxyType({LOOK: "consilium-look", language.KEY: language.COOKIE})
"""Query parameter -> the cookie that keeps it."""

CHOOSE = """(event) => {
  const chosen = event.target.closest("button[data-cookie]");
  if (!chosen || chosen.ariaPressed === "true") return;
  document.cookie = `${chosen.dataset.cookie}=${chosen.value}; path=/; max-age=31536000; samesite=lax`;
  const address = new URL(location.href);
  address.searchParams.delete(chosen.name);
  history.replaceState(null, "", address);
  location.reload();
}"""
"""What a click on a choice of language or look does, in the browser."""
_SCRIPT = f"""<script>
(() => {{
  const asked = new URLSearchParams(location.search);
  const kept = (name) => (document.cookie.match(new RegExp("(?:^|; )" + name + "=([^;]*)")) || [])[1];
  const known = {{ {LOOK}: {list(LOOKS)}, {language.KEY}: {list(language.OFFERED)} }};
  const chosen = {{}};
  for (const [name, cookie] of Object.entries({dict(COOKIES)})) {{
    chosen[name] = [asked.get(name), kept(cookie)].find((one) => known[name].includes(one));
    if (chosen[name]) document.cookie = `${{cookie}}=${{chosen[name]}}; path=/; max-age=31536000; samesite=lax`;
  }}
  const look = {dict(LOOKS)}[chosen.{LOOK} || "{next(iter(LOOKS))}"];
  try {{
    localStorage.setItem(`stActiveTheme-${{location.pathname}}-v2`, JSON.stringify(look));
  }} catch {{ /* the browser keeps nothing: it stays dark */ }}
  document.documentElement.lang = chosen.{language.KEY} || "{language.ENGLISH}";
}})();
</script>"""


class Looked:
    """Pages in the look and the language that were chosen.

    Parameters
    ----------
    head:
        HTML that stands at the end of every page's head.
    """

    def __init__(self, app: ASGIApp, *, head: str = "") -> None:
        self.app = app
        self.head = head

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request; a page gets the lines before its first script."""
        if scope["type"] != "http" or scope.get("method") != "GET":
            await self.app(scope, receive, send)
            return
        start: Message = {}
        pieces: list[bytes] = []

        async def page(message: Message) -> None:
            nonlocal start
            if message["type"] == "http.response.start":
                headers = Headers(raw=message["headers"])
                plain = "content-encoding" not in headers and message["status"] == 200
                if plain and headers.get("content-type", "").startswith("text/html"):
                    start = message
                    return
            if not start:
                await send(message)
                return
            pieces.append(message.get("body", b""))
            if message.get("more_body"):
                return
            body = b"".join(pieces).replace(b"<head>", b"<head>" + _SCRIPT.encode(), 1)
            body = body.replace(b"</head>", self.head.encode() + b"</head>", 1)
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
