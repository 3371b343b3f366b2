"""Errors of the API: the same four words as everywhere, with a status code."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from starlette.exceptions import HTTPException
from starlette.routing import Match

from data.errors import (
    BlobError,
    ConflictError,
    ConsiliumError,
    GeometryError,
    IngestError,
    JobError,
    LabelServerError,
    NotFoundError,
    RoundError,
    StoreError,
    TaskError,
    VersionError,
)
from workbench.api_models import Problem
from workbench.theme import UPLOAD_MB

STATUS: Sequence[tuple[type[ConsiliumError], int]] = (
    (NotFoundError, 404),
    (TaskError, 404),
    (ConflictError, 409),
    (RoundError, 409),
    (VersionError, 409),
    (GeometryError, 422),
    (IngestError, 422),
    (BlobError, 410),
    (StoreError, 503),
    (LabelServerError, 503),
    (JobError, 503),
    (ConsiliumError, 400),
)
"""The status code of each class of error; the first that fits counts."""


class TooLargeError(IngestError):
    """An upload beyond the bound."""


class NotAdmittedError(LabelServerError):
    """A hint without the secret."""


def not_admitted() -> NotAdmittedError:
    """The error of a hint without the secret."""
    return NotAdmittedError(
        "The secret is missing or wrong.", given="a call that the labelling server was not told to make",
        expected="the header with the home's own secret", do="nothing: answers are fetched every minute as well",
    )  # fmt: skip


def too_large() -> TooLargeError:
    """The error of an upload beyond the bound."""
    return TooLargeError(
        "The upload is too large.", given=f"more than {UPLOAD_MB} MB", expected=f"at most {UPLOAD_MB} MB",
        do="use `consilium ingest` on the machine itself",
    )  # fmt: skip


def status_of(error: ConsiliumError) -> int:
    """The status code of an error."""
    if isinstance(error, TooLargeError):
        return 413
    if isinstance(error, NotAdmittedError):
        return 403
    return next(code for cls, code in STATUS if isinstance(error, cls))


PROBLEMS: Mapping[int | str, dict[str, Any]] = {
    403: {"model": Problem, "description": "The secret is missing or wrong."},
    404: {"model": Problem, "description": "There is no such thing."},
    422: {"model": Problem, "description": "A parameter or file does not fit."},
    503: {"model": Problem, "description": "A part that is needed does not answer."},
}
"""What the documentation says of errors."""


def add_errors(app: FastAPI) -> None:
    """Give every error its form, that of addresses below ``/api`` which are none included."""

    @app.exception_handler(ConsiliumError)
    async def ours(request: Request, error: ConsiliumError) -> JSONResponse:
        return JSONResponse(error.as_dict(), status_of(error))

    @app.exception_handler(RequestValidationError)
    async def unfit(request: Request, error: RequestValidationError) -> JSONResponse:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"])
        given = first.get("input")
        return _problem(
            422, "A parameter does not fit.", given=f"{where} = {_shorten(given)}", expected=str(first["msg"]),
            do="see /docs for what each parameter admits",
        )  # fmt: skip

    @app.exception_handler(HTTPException)
    async def plain(request: Request, error: HTTPException) -> JSONResponse:
        return _problem(error.status_code, str(error.detail), given=f"{request.method} {request.url.path}",
                        do="see /docs for the addresses and their methods")  # fmt: skip

    methods = ["GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE"]

    @app.api_route("/api/{rest:path}", methods=methods, include_in_schema=False)
    @app.api_route("/hooks/{rest:path}", methods=methods, include_in_schema=False)
    @app.api_route("/inference/{rest:path}", methods=methods, include_in_schema=False)
    async def nowhere(request: Request, rest: str) -> JSONResponse:
        allowed = _methods(app, request)
        if allowed:
            answer = _problem(405, "The address has no such method.", given=request.method,
                              expected=", ".join(allowed), do="see /docs")  # fmt: skip
            answer.headers["Allow"] = ", ".join(allowed)
            return answer
        return _problem(404, "There is no such address.", given=request.url.path,
                        expected="an address of the API", do="see /docs")  # fmt: skip


def _methods(app: FastAPI, request: Request) -> list[str]:
    """The methods that the address has, if it is one of the API."""
    found: set[str] = set()
    for route in app.routes:
        if getattr(route, "include_in_schema", False) and route.matches(request.scope)[0] != Match.NONE:
            found |= set(getattr(route, "methods", None) or ())
    return sorted(found)


def _shorten(value: object) -> str:
    text = repr(value)
    return text if len(text) <= 200 else text[:200] + "…"


def _problem(code: int, error: str, *, given: str = "", expected: str = "", do: str = "") -> JSONResponse:
    return JSONResponse(Problem(error=error, given=given, expected=expected, do=do).model_dump(), code)
