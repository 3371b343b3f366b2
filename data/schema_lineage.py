"""Tables of lineage: the chained log, the seals of records, and what pages of pixels look like."""

from __future__ import annotations

from sqlite_utils import Database

GUARDS = {
    "log_is_kept": "CREATE TRIGGER log_is_kept BEFORE DELETE ON log "
    "BEGIN SELECT RAISE(ABORT, 'the log is append-only'); END",
    "log_is_fixed": "CREATE TRIGGER log_is_fixed BEFORE UPDATE ON log "
    "BEGIN SELECT RAISE(ABORT, 'the log is append-only'); END",
    "seals_are_kept": "CREATE TRIGGER seals_are_kept BEFORE DELETE ON seals "
    "BEGIN SELECT RAISE(ABORT, 'the log is append-only'); END",
    "seals_are_fixed": "CREATE TRIGGER seals_are_fixed BEFORE UPDATE ON seals "
    "BEGIN SELECT RAISE(ABORT, 'the log is append-only'); END",
}
"""The triggers that refuse changes, as ``sqlite_master`` has them."""

_ADDED: tuple[str, ...] = (
    "ALTER TABLE log ADD COLUMN seal TEXT NOT NULL DEFAULT ''",
    "ALTER TABLE log ADD COLUMN digest TEXT NOT NULL DEFAULT ''",
    "CREATE INDEX log_by_event ON log(event)",
    """CREATE TABLE seals (
        sequence INTEGER NOT NULL,
        record TEXT NOT NULL,
        key TEXT NOT NULL,
        width INTEGER NOT NULL,
        digest TEXT NOT NULL,
        PRIMARY KEY (sequence, record, key)
    ) STRICT, WITHOUT ROWID""",
    "CREATE INDEX seals_by_row ON seals(record, key, sequence)",
    """CREATE TABLE thumbnails (
        pixels TEXT NOT NULL,
        page INTEGER NOT NULL,
        thumbnail BLOB NOT NULL,
        PRIMARY KEY (pixels, page)
    ) STRICT""",
    """CREATE TABLE likenesses (
        one TEXT NOT NULL,
        one_page INTEGER NOT NULL,
        other TEXT NOT NULL,
        other_page INTEGER NOT NULL,
        likeness REAL NOT NULL,
        PRIMARY KEY (one, one_page, other, other_page)
    ) STRICT, WITHOUT ROWID""",
    *(f"DROP TRIGGER IF EXISTS {name}" for name in GUARDS),
    *GUARDS.values(),
)


def bring_up(db: Database) -> None:
    """Bring a database of the migration before to this one. The entries that there are get chained by the log."""
    for statement in _ADDED:
        db.execute(statement)
