"""The log as a file: ``GET /api/log.csv`` with the filters of the page Log."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Query
from fastapi.responses import StreamingResponse

from data.home import Home
from data.store import Store
from workbench.api_errors import PROBLEMS
from workbench.log_pages import Wanted, table


def add_log(api: APIRouter, home: Home) -> None:
    """Add the route to a router."""
    store = Store.of(home)

    csv: dict[int | str, dict[str, Any]] = {
        200: {"content": {"text/csv": {"schema": {"type": "string"}}}}, 422: PROBLEMS[422],
    }  # fmt: skip

    @api.get("/api/log.csv", tags=["state"], response_class=StreamingResponse, responses=csv)
    def log_table(
        kind: Annotated[str, Query(max_length=60, description="Before the point of the event: `round`.")] = "",
        who: Annotated[str, Query(max_length=60, description="The reader whom an entry names.")] = "",
        study: Annotated[str, Query(max_length=200, description="A study's id or a pseudonym.")] = "",
        subject: Annotated[str, Query(max_length=200, description="The id of a record.")] = "",
        since: Annotated[str, Query(max_length=10, description="First day, UTC, as 2026-03-31.")] = "",
        until: Annotated[str, Query(max_length=10, description="Last day, UTC.")] = "",
    ) -> StreamingResponse:
        """Every entry that the filter leaves as one table, the newest first; a day that is none is passed over."""
        given = {"kind": kind, "who": who, "study": study, "subject": subject, "since": since, "until": until}
        named = {"Content-Disposition": 'attachment; filename="log.csv"'}
        return StreamingResponse(table(store, Wanted.of_query(given)), media_type="text/csv", headers=named)
