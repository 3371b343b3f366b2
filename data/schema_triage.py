"""Tables of triage: operating points, their calibration cases, what was cleared, looks and alarms."""

from __future__ import annotations

from sqlite_utils import Database

_ADDED: tuple[str, ...] = (
    """CREATE TABLE triage_policies (
        policy_id TEXT PRIMARY KEY,
        task TEXT NOT NULL,
        version TEXT NOT NULL REFERENCES versions(version),
        target TEXT NOT NULL,
        miss REAL NOT NULL,
        confidence REAL NOT NULL,
        threshold REAL NOT NULL,
        patients INTEGER NOT NULL,
        pathological INTEGER NOT NULL,
        missed INTEGER NOT NULL,
        unsettled INTEGER NOT NULL,
        bound REAL NOT NULL,
        rightly REAL NOT NULL,
        cleared TEXT NOT NULL,
        omission TEXT,
        prevalence REAL NOT NULL,
        stated INTEGER NOT NULL,
        expected REAL,
        audit_share REAL NOT NULL,
        sets TEXT NOT NULL,
        digest TEXT NOT NULL,
        made_at TEXT NOT NULL
    ) STRICT""",
    "CREATE INDEX triage_policies_by_version ON triage_policies(task, version, made_at)",
    """CREATE TABLE triage_calibration (
        policy_id TEXT NOT NULL REFERENCES triage_policies(policy_id) ON DELETE CASCADE,
        study_id TEXT NOT NULL REFERENCES studies(study_id) ON DELETE CASCADE,
        positive INTEGER,
        score REAL NOT NULL,
        PRIMARY KEY (policy_id, study_id)
    ) STRICT""",
    "CREATE INDEX triage_calibration_by_study ON triage_calibration(study_id)",
    """CREATE TABLE clearances (
        policy_id TEXT NOT NULL REFERENCES triage_policies(policy_id) ON DELETE CASCADE,
        study_id TEXT NOT NULL REFERENCES studies(study_id) ON DELETE CASCADE,
        score REAL NOT NULL,
        audit INTEGER NOT NULL,
        at TEXT NOT NULL,
        PRIMARY KEY (policy_id, study_id)
    ) STRICT""",
    "CREATE INDEX clearances_by_study ON clearances(study_id)",
    """CREATE TABLE triage_strange (
        policy_id TEXT NOT NULL REFERENCES triage_policies(policy_id) ON DELETE CASCADE,
        study_id TEXT NOT NULL REFERENCES studies(study_id) ON DELETE CASCADE,
        reason TEXT NOT NULL,
        PRIMARY KEY (policy_id, study_id)
    ) STRICT""",
    "CREATE INDEX triage_strange_by_study ON triage_strange(study_id)",
    """CREATE TABLE triage_looks (
        policy_id TEXT NOT NULL REFERENCES triage_policies(policy_id) ON DELETE CASCADE,
        watched TEXT NOT NULL,
        number INTEGER NOT NULL,
        figures TEXT NOT NULL,
        at TEXT NOT NULL
    ) STRICT""",
    "CREATE INDEX triage_looks_by_policy ON triage_looks(policy_id, watched, at)",
    """CREATE TABLE triage_alarms (
        alarm_id TEXT PRIMARY KEY,
        policy_id TEXT NOT NULL REFERENCES triage_policies(policy_id) ON DELETE CASCADE,
        task TEXT NOT NULL,
        watched TEXT NOT NULL,
        sentence TEXT NOT NULL,
        raised_at TEXT NOT NULL,
        lifted_at TEXT NOT NULL,
        reason TEXT NOT NULL
    ) STRICT""",
    "CREATE INDEX triage_alarms_by_task ON triage_alarms(task, lifted_at)",
)


def bring_up(db: Database) -> None:
    """Bring a database of the migration before to this one."""
    for statement in _ADDED:
        db.execute(statement)
