"""Uploads of the service: bounded while they come, on the disk and never whole in memory."""

from __future__ import annotations

import secrets
import shutil
from collections.abc import Callable, Coroutine
from pathlib import Path, PurePosixPath
from typing import Any

from fastapi import Request, Response, UploadFile
from fastapi.routing import APIRoute
from starlette.exceptions import HTTPException
from starlette.types import Message

from data.errors import NotAnImageError
from data.home import Home
from workbench.api_errors import TooLargeError
from workbench.demo_work import demo_folder

SCAN_MB = 2048
"""Largest upload: a thin-section CT as a ZIP has a few hundred megabytes."""
FORM_BYTES = 1 << 20
"""Room for what stands beside the file in a form."""
NAME_LONGEST = 200
EMPTY = "The upload is empty."


def too_large() -> TooLargeError:
    """The error of an upload beyond the bound."""
    return TooLargeError(
        "The upload is too large.", given=f"more than {SCAN_MB} MB", expected=f"at most {SCAN_MB} MB",
        do="use `consilium ingest` on the machine itself",
    )  # fmt: skip


class BoundedRoute(APIRoute):
    """A route that stops reading a request whose body goes beyond :data:`SCAN_MB`."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        """The handler, with the bound before it."""
        handle = super().get_route_handler()

        async def bounded(request: Request) -> Response:
            most = SCAN_MB * 2**20 + FORM_BYTES
            said = request.headers.get("content-length", "")
            if said.isdigit() and int(said) > most:
                raise too_large()
            read = 0

            async def receive() -> Message:
                nonlocal read
                message = await request.receive()
                read += len(message.get("body", b""))
                if read > most:
                    raise too_large()
                return message

            try:
                return await handle(Request(request.scope, receive))
            except HTTPException as error:
                if isinstance(error.__cause__, TooLargeError):
                    raise error.__cause__ from None
                raise

        return bounded


def checked(file: UploadFile) -> UploadFile:
    """An upload that is neither empty nor too large.

    Raises
    ------
    NotAnImageError, TooLargeError
        It is.
    """
    if not file.size:
        raise NotAnImageError(EMPTY, given="0 bytes", expected="an image", do="choose a file")
    if file.size > SCAN_MB * 2**20:
        raise too_large()
    return file


def name_of(file: UploadFile) -> str:
    """The upload's own name, without folders; it may identify."""
    name = PurePosixPath((file.filename or "").replace("\\", "/")).name
    return name.encode(errors="replace").decode()[:NAME_LONGEST]


def put_away(home: Home, file: UploadFile) -> Path:
    """Keep an upload, under a name that says nothing, where the work ``demo.predict`` takes it from."""
    folder = demo_folder(home) / secrets.token_hex(12)
    folder.mkdir(parents=True, mode=0o700)
    path = folder / "upload"
    try:
        with path.open("wb") as target:
            shutil.copyfileobj(file.file, target, 1 << 20)
    except BaseException:
        shutil.rmtree(folder, ignore_errors=True)
        raise
    return path
