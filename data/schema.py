"""The tables of the database, as migrations. A migration that has been released is never changed."""

from __future__ import annotations

from sqlite_utils import Database, Migrations

from data import schema_choosing, schema_lineage, schema_log, schema_triage, schema_worklist
from data.schema_reading import bring_up

migrations = Migrations("consilium")

_TABLES = """
CREATE TABLE patients (
    patient_id TEXT PRIMARY KEY,
    pseudonym TEXT NOT NULL UNIQUE,
    part TEXT NOT NULL CHECK (part IN ('train', 'validation', 'calibration', 'test'))
) STRICT;

CREATE TABLE studies (
    study_id TEXT PRIMARY KEY,
    patient_id TEXT NOT NULL REFERENCES patients(patient_id),
    modality TEXT NOT NULL,
    view TEXT NOT NULL,
    sex TEXT NOT NULL,
    age_y REAL,
    study_date TEXT NOT NULL,
    description TEXT NOT NULL,
    held TEXT NOT NULL,
    phantom INTEGER NOT NULL,
    ingested_at TEXT NOT NULL
) STRICT;
CREATE INDEX studies_by_patient ON studies(patient_id);
CREATE INDEX studies_by_modality ON studies(modality, ingested_at);

CREATE TABLE series (
    series_id TEXT PRIMARY KEY,
    study_id TEXT NOT NULL REFERENCES studies(study_id) ON DELETE CASCADE,
    modality TEXT NOT NULL,
    layout TEXT NOT NULL CHECK (layout IN ('image', 'volume', 'frames')),
    shape TEXT NOT NULL,
    pixels TEXT NOT NULL,
    spacing_mm TEXT,
    affine TEXT,
    window TEXT,
    description TEXT NOT NULL,
    source_paths TEXT NOT NULL,
    attributes TEXT NOT NULL
) STRICT;
CREATE INDEX series_by_study ON series(study_id);

CREATE TABLE files (
    sha256 TEXT PRIMARY KEY,
    series_id TEXT NOT NULL REFERENCES series(series_id) ON DELETE CASCADE,
    path TEXT NOT NULL
) STRICT;
CREATE INDEX files_by_series ON files(series_id);

CREATE TABLE refusals (
    path TEXT NOT NULL,
    sha256 TEXT NOT NULL,
    reason TEXT NOT NULL,
    message TEXT NOT NULL,
    at TEXT NOT NULL,
    PRIMARY KEY (path, sha256)
) STRICT;

CREATE TABLE reference_labels (
    task TEXT NOT NULL,
    study_id TEXT NOT NULL REFERENCES studies(study_id) ON DELETE CASCADE,
    question TEXT NOT NULL,
    site TEXT NOT NULL,
    value TEXT NOT NULL,
    source TEXT NOT NULL,
    PRIMARY KEY (task, study_id, question, site)
) STRICT;

CREATE TABLE readers (
    reader_id TEXT PRIMARY KEY,
    name TEXT NOT NULL,
    kind TEXT NOT NULL CHECK (kind IN ('person', 'scripted')),
    role TEXT NOT NULL CHECK (role IN ('reader', 'adjudicator'))
) STRICT;

CREATE TABLE versions (
    version TEXT PRIMARY KEY,
    task TEXT NOT NULL,
    number INTEGER NOT NULL,
    profile TEXT NOT NULL,
    manifest TEXT NOT NULL,
    parent TEXT NOT NULL,
    round_id TEXT NOT NULL,
    created_at TEXT NOT NULL,
    UNIQUE (task, number)
) STRICT;

CREATE TABLE champions (
    sequence INTEGER PRIMARY KEY AUTOINCREMENT,
    task TEXT NOT NULL,
    version TEXT NOT NULL REFERENCES versions(version),
    reason TEXT NOT NULL,
    at TEXT NOT NULL
) STRICT;
CREATE INDEX champions_by_task ON champions(task, sequence);

CREATE TABLE evaluations (
    version TEXT NOT NULL REFERENCES versions(version),
    part TEXT NOT NULL,
    result TEXT NOT NULL,
    at TEXT NOT NULL,
    PRIMARY KEY (version, part)
) STRICT;

CREATE TABLE predictions (
    task TEXT NOT NULL,
    study_id TEXT NOT NULL REFERENCES studies(study_id) ON DELETE CASCADE,
    version TEXT NOT NULL REFERENCES versions(version),
    results TEXT NOT NULL,
    uncertainty REAL NOT NULL,
    created_at TEXT NOT NULL,
    PRIMARY KEY (version, study_id)
) STRICT;
CREATE INDEX predictions_by_study ON predictions(study_id, task);

CREATE TABLE rounds (
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
    UNIQUE (task, number)
) STRICT;

CREATE TABLE batch_items (
    round_id TEXT NOT NULL REFERENCES rounds(round_id) ON DELETE CASCADE,
    position INTEGER NOT NULL,
    study_id TEXT NOT NULL REFERENCES studies(study_id),
    purpose TEXT NOT NULL,
    mode TEXT NOT NULL,
    score REAL NOT NULL,
    reason TEXT NOT NULL,
    PRIMARY KEY (round_id, study_id)
) STRICT;

CREATE TABLE requests (
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
    UNIQUE (round_id, study_id, reader_id)
) STRICT;
CREATE INDEX requests_by_study ON requests(study_id, task);

CREATE TABLE annotations (
    annotation_id TEXT NOT NULL,
    revision INTEGER NOT NULL,
    task TEXT NOT NULL,
    study_id TEXT NOT NULL REFERENCES studies(study_id),
    reader_id TEXT NOT NULL REFERENCES readers(reader_id),
    mode TEXT NOT NULL CHECK (mode IN ('assisted', 'independent')),
    purpose TEXT NOT NULL,
    request_id TEXT NOT NULL,
    round_id TEXT NOT NULL,
    answers TEXT NOT NULL,
    raw TEXT NOT NULL,
    skipped INTEGER NOT NULL,
    lead_time_s REAL,
    created_at TEXT NOT NULL,
    PRIMARY KEY (annotation_id, revision)
) STRICT;
CREATE INDEX annotations_by_study ON annotations(study_id, task);
CREATE INDEX annotations_by_round ON annotations(round_id);

CREATE TABLE consensus (
    task TEXT NOT NULL,
    study_id TEXT NOT NULL REFERENCES studies(study_id),
    round_id TEXT NOT NULL,
    question TEXT NOT NULL,
    site TEXT NOT NULL,
    state TEXT NOT NULL CHECK (state IN ('agreed', 'disputed', 'adjudicated')),
    value TEXT,
    method TEXT NOT NULL,
    support REAL NOT NULL,
    annotations TEXT NOT NULL,
    created_at TEXT NOT NULL,
    PRIMARY KEY (task, study_id, round_id, question, site)
) STRICT;
CREATE INDEX consensus_by_study ON consensus(study_id, task);

CREATE TABLE jobs (
    job_id TEXT PRIMARY KEY,
    kind TEXT NOT NULL,
    arguments TEXT NOT NULL,
    state TEXT NOT NULL CHECK (state IN ('waiting', 'running', 'done', 'failed', 'cancelled')),
    progress REAL NOT NULL,
    message TEXT NOT NULL,
    attempts INTEGER NOT NULL,
    owner TEXT NOT NULL,
    lease_until TEXT NOT NULL,
    result TEXT NOT NULL,
    error TEXT NOT NULL,
    created_at TEXT NOT NULL,
    updated_at TEXT NOT NULL
) STRICT;
CREATE INDEX jobs_by_state ON jobs(state, created_at);

CREATE TABLE log (
    sequence INTEGER PRIMARY KEY AUTOINCREMENT,
    at TEXT NOT NULL,
    event TEXT NOT NULL,
    subject TEXT NOT NULL,
    detail TEXT NOT NULL
) STRICT;
CREATE INDEX log_by_subject ON log(subject);
CREATE TRIGGER log_is_kept BEFORE DELETE ON log BEGIN SELECT RAISE(ABORT, 'the log is append-only'); END;
CREATE TRIGGER log_is_fixed BEFORE UPDATE ON log BEGIN SELECT RAISE(ABORT, 'the log is append-only'); END;
"""


@migrations()
def m001_first_tables(db: Database) -> None:
    """Patients and studies, labels and reads, versions and rounds, jobs and the log."""
    statement = ""
    for line in _TABLES.splitlines(keepends=True):
        statement += line
        ends = line.rstrip().endswith("END;") if "CREATE TRIGGER" in statement else line.rstrip().endswith(";")
        if ends:
            db.execute(statement)
            statement = ""


@migrations()
def m002_measured_reports_curations(db: Database) -> None:
    """What versions measure, the studies' report texts, and curated sets by name."""
    db.execute("ALTER TABLE predictions ADD COLUMN measured TEXT NOT NULL DEFAULT '[]'")
    db.execute(
        """CREATE TABLE reports (
            study_id TEXT PRIMARY KEY REFERENCES studies(study_id) ON DELETE CASCADE,
            text TEXT NOT NULL,
            source TEXT NOT NULL
        ) STRICT"""
    )
    db.execute(
        """CREATE TABLE curations (
            name TEXT NOT NULL,
            task TEXT NOT NULL,
            rule TEXT NOT NULL,
            result TEXT NOT NULL,
            created_at TEXT NOT NULL,
            PRIMARY KEY (task, name)
        ) STRICT"""
    )


@migrations()
def m003_cards_and_scans(db: Database) -> None:
    """A card for every patient, those that come later included, and the files that were uploaded."""
    db.execute(
        """CREATE TABLE cards (
            card_id TEXT PRIMARY KEY,
            patient_id TEXT NOT NULL UNIQUE REFERENCES patients(patient_id) ON DELETE CASCADE,
            name TEXT NOT NULL DEFAULT '',
            description TEXT NOT NULL DEFAULT '',
            sex TEXT NOT NULL DEFAULT '' CHECK (sex IN ('', 'F', 'M')),
            birth_year INTEGER,
            created_at TEXT NOT NULL,
            updated_at TEXT NOT NULL
        ) STRICT"""
    )
    fresh = "'pc-' || lower(hex(randomblob(8)))"
    at = "strftime('%Y-%m-%dT%H:%M:%f000+00:00', 'now')"
    columns = "cards (card_id, patient_id, created_at, updated_at)"
    db.execute(f"INSERT INTO {columns} SELECT {fresh}, patient_id, {at}, {at} FROM patients")  # noqa: S608
    made = f"INSERT INTO {columns} VALUES ({fresh}, NEW.patient_id, {at}, {at});"  # noqa: S608
    db.execute(f"CREATE TRIGGER patients_have_cards AFTER INSERT ON patients BEGIN {made} END")
    db.execute(
        """CREATE TABLE scans (
            scan_id TEXT PRIMARY KEY,
            card_id TEXT REFERENCES cards(card_id),
            study_id TEXT REFERENCES studies(study_id),
            task TEXT NOT NULL,
            description TEXT NOT NULL,
            file_name TEXT NOT NULL,
            original TEXT NOT NULL,
            size_bytes INTEGER NOT NULL,
            state TEXT NOT NULL CHECK (state IN ('waiting', 'ready', 'refused')),
            problem TEXT NOT NULL,
            created_at TEXT NOT NULL,
            updated_at TEXT NOT NULL
        ) STRICT"""
    )
    db.execute("CREATE INDEX scans_by_card ON scans(card_id, created_at)")
    db.execute("CREATE INDEX scans_by_study ON scans(study_id)")
    db.execute("CREATE INDEX scans_by_original ON scans(original)")


@migrations()
def m004_reading(db: Database) -> None:
    """Guidelines, qualification, second reads, decisions and appeals."""
    bring_up(db)


@migrations()
def m005_lineage(db: Database) -> None:
    """The log as a chain of hashes."""
    schema_lineage.bring_up(db)


@migrations()
def m006_triage(db: Database) -> None:
    """Operating points with a guarantee, what was cleared by them, audits and alarms."""
    schema_triage.bring_up(db)


@migrations()
def m007_choosing(db: Database) -> None:
    """What studies look like, for choosing batches."""
    schema_choosing.bring_up(db)


@migrations()
def m008_worklist(db: Database) -> None:
    """The worklist's rows, kept beside the records."""
    schema_worklist.bring_up(db)


@migrations()
def m009_accepted_reads(db: Database) -> None:
    """Reads that took over a version's answer, and reads that were taken back."""
    db.execute("ALTER TABLE annotations ADD COLUMN accepted TEXT NOT NULL DEFAULT ''")
    db.execute("ALTER TABLE annotations ADD COLUMN withdrawn INTEGER NOT NULL DEFAULT 0")


@migrations()
def m010_log_pages(db: Database) -> None:
    """Indexes by which the log is filtered."""
    schema_log.bring_up(db)


@migrations()
def m011_worklist_ranges(db: Database) -> None:
    """Indexes by which the worklist is filtered by days and uncertainty."""
    schema_worklist.cover_ranges(db)


@migrations()
def m012_worklist_blocks(db: Database) -> None:
    """How many rows of the worklist lie where in each sort."""
    schema_worklist.count_by_blocks(db)
