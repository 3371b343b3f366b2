"""Tables of choosing."""

from __future__ import annotations

from sqlite_utils import Database

_ADDED: tuple[str, ...] = (
    """CREATE TABLE embeddings (
        name TEXT NOT NULL,
        study_id TEXT NOT NULL REFERENCES studies(study_id) ON DELETE CASCADE,
        source TEXT NOT NULL,
        vector BLOB NOT NULL,
        PRIMARY KEY (name, study_id)
    ) STRICT""",
    "CREATE INDEX embeddings_by_study ON embeddings(study_id)",
)


def bring_up(db: Database) -> None:
    """Bring a database of the migration before to this one."""
    for statement in _ADDED:
        db.execute(statement)
