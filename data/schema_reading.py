"""The tables of reading since the fourth migration: readers, rounds, requests, and what came of them."""

from __future__ import annotations

from sqlite_utils import Database

_REBUILT = {
    "readers": """(
        reader_id TEXT PRIMARY KEY,
        name TEXT NOT NULL,
        kind TEXT NOT NULL CHECK (kind IN ('person', 'scripted')),
        role TEXT NOT NULL CHECK (role IN ('reader', 'adjudicator', 'curator')),
        experience_y REAL,
        active INTEGER NOT NULL DEFAULT 1
    ) STRICT""",
    "rounds": """(
        round_id TEXT PRIMARY KEY,
        task TEXT NOT NULL,
        number INTEGER NOT NULL,
        state TEXT NOT NULL,
        plan TEXT NOT NULL,
        champion TEXT NOT NULL,
        candidate TEXT NOT NULL,
        outcome TEXT NOT NULL,
        opened_at TEXT NOT NULL,
        updated_at TEXT NOT NULL,
        kind TEXT NOT NULL DEFAULT 'query' CHECK (kind IN ('query', 'qualification')),
        UNIQUE (task, kind, number)
    ) STRICT""",
    "requests": """(
        request_id TEXT PRIMARY KEY,
        round_id TEXT NOT NULL REFERENCES rounds(round_id) ON DELETE CASCADE,
        task TEXT NOT NULL,
        study_id TEXT NOT NULL REFERENCES studies(study_id),
        reader_id TEXT NOT NULL REFERENCES readers(reader_id),
        purpose TEXT NOT NULL,
        mode TEXT NOT NULL CHECK (mode IN ('assisted', 'independent')),
        state TEXT NOT NULL,
        external_project INTEGER,
        external_task INTEGER,
        guideline INTEGER NOT NULL DEFAULT 0,
        position INTEGER NOT NULL DEFAULT 0,
        UNIQUE (round_id, study_id, reader_id, purpose)
    ) STRICT""",
}
"""Tables whose constraints changed: a curator, rounds that qualify a reader, a reader's second read of a study."""
_ADDED = (
    "CREATE INDEX requests_by_study ON requests(study_id, task)",
    "ALTER TABLE annotations ADD COLUMN guideline INTEGER NOT NULL DEFAULT 0",
    "ALTER TABLE annotations ADD COLUMN remark TEXT NOT NULL DEFAULT ''",
    "ALTER TABLE consensus ADD COLUMN probability REAL",
    "ALTER TABLE consensus ADD COLUMN quality TEXT NOT NULL DEFAULT '[]'",
    "ALTER TABLE consensus ADD COLUMN guideline INTEGER NOT NULL DEFAULT 0",
    """CREATE TABLE guidelines (
        task TEXT NOT NULL,
        version INTEGER NOT NULL,
        text TEXT NOT NULL,
        questions TEXT NOT NULL,
        created_at TEXT NOT NULL,
        PRIMARY KEY (task, version)
    ) STRICT""",
    """CREATE TABLE qualifications (
        round_id TEXT PRIMARY KEY REFERENCES rounds(round_id) ON DELETE CASCADE,
        task TEXT NOT NULL,
        reader_id TEXT NOT NULL REFERENCES readers(reader_id),
        guideline INTEGER NOT NULL,
        score REAL NOT NULL,
        needed REAL NOT NULL,
        answers INTEGER NOT NULL,
        created_at TEXT NOT NULL
    ) STRICT""",
    """CREATE TABLE decisions (
        decision_id TEXT PRIMARY KEY,
        task TEXT NOT NULL,
        study_id TEXT NOT NULL REFERENCES studies(study_id) ON DELETE CASCADE,
        round_id TEXT NOT NULL REFERENCES rounds(round_id) ON DELETE CASCADE,
        reader_id TEXT NOT NULL REFERENCES readers(reader_id),
        annotation_id TEXT NOT NULL,
        revision INTEGER NOT NULL,
        why TEXT NOT NULL,
        appeal_of TEXT NOT NULL,
        created_at TEXT NOT NULL
    ) STRICT""",
    "CREATE INDEX decisions_by_round ON decisions(round_id, study_id)",
    """INSERT INTO decisions
        SELECT 'dc-' || annotation_id, task, study_id, round_id, reader_id, annotation_id, revision, '', '',
        created_at
        FROM annotations a WHERE purpose = 'adjudication' AND skipped = 0
        AND round_id IN (SELECT round_id FROM rounds)
        AND revision = (SELECT max(revision) FROM annotations n WHERE n.annotation_id = a.annotation_id)""",
    """CREATE TABLE appeals (
        decision_id TEXT PRIMARY KEY REFERENCES decisions(decision_id) ON DELETE CASCADE,
        reader_id TEXT NOT NULL,
        reason TEXT NOT NULL,
        created_at TEXT NOT NULL
    ) STRICT""",
)


def bring_up(db: Database) -> None:
    """Bring a database of the third migration to the fourth. Foreign keys must be off: tables are rebuilt."""
    for table, columns in _REBUILT.items():
        db.execute(f"CREATE TABLE new_{table} {columns}")
        kept = ", ".join(column.name for column in db.table(table).columns)
        db.execute(f"INSERT INTO new_{table} ({kept}) SELECT {kept} FROM {table}")  # noqa: S608 - own names
        db.execute(f"DROP TABLE {table}")
        db.execute(f"ALTER TABLE new_{table} RENAME TO {table}")
    db.execute(
        """UPDATE requests SET position = coalesce((SELECT b.position FROM batch_items b
        WHERE b.round_id = requests.round_id AND b.study_id = requests.study_id), 0)"""
    )
    for statement in _ADDED:
        db.execute(statement)
