"""Indexes by which the log is filtered: kind of event, reader, time; that of the subject is there."""

from __future__ import annotations

from sqlite_utils import Database

KIND = "substr(event, 1, instr(event || '.', '.') - 1)"
"""``round`` of ``round.opened``."""
WHO = """CASE WHEN event >= 'reader.' AND event < 'reader/' THEN subject
WHEN json_valid(detail) THEN detail ->> 'reader' END"""
"""The reader whom an entry names."""


def bring_up(db: Database) -> None:
    """Bring a database of the migration before to this one."""
    db.execute(f"CREATE INDEX log_by_kind ON log({KIND}, sequence)")
    db.execute(f"CREATE INDEX log_by_who ON log({WHO}, sequence)")
    db.execute("CREATE INDEX log_by_time ON log(at, sequence)")
