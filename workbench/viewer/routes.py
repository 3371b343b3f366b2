"""Pixels, masks and heat maps for the canvas, by signed addresses alone."""

from __future__ import annotations

import gzip
import zlib
from typing import Annotated

import numpy as np
from fastapi import APIRouter, Path
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from data.blobs import Blobs
from data.errors import BlobError, ConsiliumError, NotFoundError
from data.home import Home
from workbench.viewer.kept_slabs import KeptSlabs, pack
from workbench.viewer.tickets import (
    HOUR_S,
    PREFIX,
    ExpiredError,
    HeatMap,
    Masks,
    Named,
    TicketError,
    Tickets,
    Voxels,
)

CACHED = f"private, max-age={HOUR_S}"
TYPE = "application/octet-stream"
Ticket = Annotated[str, Path(max_length=64)]


def add_routes(api: APIRouter, home: Home) -> None:
    """Add the routes. They run in threads: what they do takes up to a few tenths of a second."""
    kept, blobs = KeptSlabs.of(home), Blobs.of(home)

    @api.get(PREFIX + "/{ticket}/{slab}", include_in_schema=False)
    def voxels(ticket: Ticket, slab: int, request: Request) -> Response:
        try:
            named = Tickets.of(home).named(ticket)
        except TicketError as error:
            return _refused(error)
        if not isinstance(named, Voxels):
            raise _no_such(named)
        return _answer(request, kept.get(named, slab))

    @api.get(PREFIX + "/{ticket}", include_in_schema=False)
    def drawn(ticket: Ticket, request: Request) -> Response:
        try:
            named = Tickets.of(home).named(ticket)
        except TicketError as error:
            return _refused(error)
        if isinstance(named, Masks):
            return _answer(request, pack(mask_bytes(blobs, named)))
        if isinstance(named, HeatMap):
            heat = np.ascontiguousarray(blobs.get_array(named.blob), dtype=np.uint8)
            return _answer(request, pack(heat.tobytes()))
        raise _no_such(named)


def mask_bytes(blobs: Blobs, masks: Masks) -> bytes:
    """Masks one after another as they are kept: bits by rows, each mask padded to a whole byte.

    Raises
    ------
    BlobError
        One of them is not there, or has another size.
    """
    wanted = (masks.shape[0] * masks.shape[1] + 7) // 8
    found = []
    for blob in masks.blobs:
        try:
            bits = zlib.decompress(blobs.get(blob))
        except zlib.error as error:
            raise BlobError("A kept mask cannot be read.", given=blob, expected="packed bits") from error
        if len(bits) != wanted:
            raise BlobError(
                "A kept mask has another size.", given=f"{len(bits)} bytes", expected=f"{wanted} bytes"
            )
        found.append(bits)
    return b"".join(found)


def _answer(request: Request, packed: bytes) -> Response:
    headers = {"Cache-Control": CACHED, "Vary": "Accept-Encoding"}
    if takes_gzip(request.headers.get("accept-encoding", "")):
        headers["Content-Encoding"] = "gzip"
    else:
        packed = gzip.decompress(packed)
    return Response(packed, headers=headers, media_type=TYPE)


def takes_gzip(accepted: str) -> bool:
    """Whether a header ``Accept-Encoding`` takes gzip."""
    quality: dict[str, float] = {}
    for one in accepted.lower().split(","):
        name, _, rest = one.strip().partition(";")
        _, _, share = rest.strip().partition("q=")
        try:
            quality[name.strip()] = float(share) if share else 1.0
        except ValueError:
            quality[name.strip()] = 0.0
    return quality.get("gzip", quality.get("*", 0.0)) > 0


def _refused(error: ConsiliumError) -> Response:
    status = 410 if isinstance(error, ExpiredError) else 403
    return JSONResponse(error.as_dict(), status, headers={"Cache-Control": "no-store"})


def _no_such(named: Named) -> NotFoundError:
    return NotFoundError("There is no such address.", given=type(named).__name__, expected="as the page gave it",
                         do="reload the page")  # fmt: skip
