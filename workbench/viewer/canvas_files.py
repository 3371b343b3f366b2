"""The canvas's own files for the browser: modules and style, under an address that changes with them."""

from __future__ import annotations

import gzip
import hashlib
from functools import cache
from pathlib import Path

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response

FOLDER = Path(__file__).with_name("canvas")
PREFIX = "/viewer"
TYPES = {".js": "text/javascript", ".css": "text/css"}
FOREVER = "public, max-age=31536000, immutable"


@cache
def files() -> dict[str, bytes]:
    """Name -> contents of each file, gzipped."""
    found = sorted(path for path in FOLDER.iterdir() if path.suffix in TYPES)
    return {path.name: gzip.compress(path.read_bytes(), mtime=0) for path in found}


@cache
def address() -> str:
    """Where the files lie: a folder that is named after what is in them, so that browsers may keep them."""
    digest = hashlib.sha256()
    for name, contents in files().items():
        digest.update(name.encode() + b"\0" + contents)
    return f"{PREFIX}/{digest.hexdigest()[:16]}"


def preloads() -> str:
    """What a page's head says of the modules, so that a browser has them before the page asks for its viewer."""
    names = [name for name in files() if name.endswith(".js")]
    return "".join(f'<link rel="modulepreload" href="{address()}/{name}">' for name in names)


def add_canvas(router: APIRouter) -> None:
    """Add the route of the files. They hold nobody's data and need no login."""

    @router.get(PREFIX + "/{version}/{name}", include_in_schema=False)
    def canvas_file(version: str, name: str, request: Request) -> Response:
        contents = files().get(name)
        if contents is None:
            return Response(status_code=404)
        headers = {"Vary": "Accept-Encoding"}
        headers["Cache-Control"] = FOREVER if address() == f"{PREFIX}/{version}" else "no-store"
        if "gzip" in request.headers.get("accept-encoding", ""):
            headers["Content-Encoding"] = "gzip"
        else:
            contents = gzip.decompress(contents)
        return Response(contents, headers=headers, media_type=TYPES[Path(name).suffix])
