"""What the tables share: the store behind them, times, and JSON columns."""

from __future__ import annotations

import json
import uuid
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from data.store import Store

Row = dict[str, Any]


def now() -> str:
    """The time, UTC, ISO 8601, to the microsecond, so that records sort by it."""
    return datetime.now(UTC).isoformat(timespec="microseconds")


def fresh_id(prefix: str) -> str:
    """A new id that names nothing else."""
    return f"{prefix}-{uuid.uuid4().hex[:16]}"


def dump(value: Any) -> str:
    """A JSON column, with sorted keys."""
    return json.dumps(value, sort_keys=True, ensure_ascii=False)


class Table:
    """Rows of the store."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def _rows(self, sql: str, parameters: Sequence[Any] | dict[str, Any] = ()) -> Iterator[Row]:
        yield from self._store.db.query(sql, parameters)

    def _one(self, sql: str, parameters: Sequence[Any] | dict[str, Any] = ()) -> Row | None:
        return next(self._rows(sql, parameters), None)
