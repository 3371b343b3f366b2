"""Tables of triage."""

from __future__ import annotations

from sqlite_utils import Database

_ADDED: tuple[str, ...] = ()


def bring_up(db: Database) -> None:
    """Bring a database of the migration before to this one."""
    for statement in _ADDED:
        db.execute(statement)
