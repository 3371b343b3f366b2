"""Tables of the worklist: one row a study and task, kept by triggers and :mod:`data.tables.worklist`.

They hold nothing that the records do not say. A trigger notes what a write touched (``worklist_dirty``); whoever
looks brings those rows up to date first. A migration that rebuilds one of these tables makes its triggers anew.
"""

from __future__ import annotations

from sqlite_utils import Database

_TABLES: tuple[str, ...] = (
    """CREATE TABLE worklist_tasks (
        task TEXT PRIMARY KEY,
        modalities TEXT NOT NULL,
        version TEXT NOT NULL
    ) STRICT""",
    """CREATE TABLE worklist_dirty (
        task TEXT NOT NULL,
        study_id TEXT NOT NULL,
        PRIMARY KEY (task, study_id)
    ) STRICT, WITHOUT ROWID""",
    """CREATE TABLE worklist_studies (
        number INTEGER PRIMARY KEY,
        study_id TEXT NOT NULL UNIQUE,
        words TEXT NOT NULL
    ) STRICT""",
    """CREATE VIRTUAL TABLE worklist_words USING fts5(
        words, content='worklist_studies', content_rowid='number', tokenize='trigram', columnsize=0)""",
    """CREATE TABLE worklist_facets (
        facet INTEGER PRIMARY KEY,
        task TEXT NOT NULL,
        part TEXT NOT NULL,
        modality TEXT NOT NULL,
        view TEXT NOT NULL,
        held INTEGER NOT NULL,
        phantom INTEGER NOT NULL,
        standing TEXT NOT NULL,
        answers TEXT NOT NULL,
        rows INTEGER NOT NULL,
        UNIQUE (task, part, modality, view, held, phantom, standing, answers)
    ) STRICT""",
    """CREATE TABLE worklist_rows (
        task TEXT NOT NULL,
        number INTEGER NOT NULL,
        facet INTEGER NOT NULL,
        came_in TEXT NOT NULL,
        certain REAL NOT NULL,
        uncertain REAL NOT NULL,
        patient TEXT NOT NULL,
        PRIMARY KEY (task, number)
    ) STRICT, WITHOUT ROWID""",
    *(
        f"CREATE INDEX worklist_by_{key} ON worklist_rows(task, {key}, number, facet)"
        for key in ("came_in", "certain", "uncertain", "patient")
    ),
    "CREATE INDEX worklist_by_facet ON worklist_rows(task, facet, number, came_in, certain, uncertain, patient)",
)
_OF_A_TASK = ("predictions", "requests", "consensus", "reference_labels", "annotations")
"""Records of a study in a task: any write may change the row."""


def _triggers() -> list[str]:
    note = "INSERT OR IGNORE INTO worklist_dirty"
    events = (("INSERT", "NEW"), ("UPDATE", "NEW"), ("DELETE", "OLD"))
    of_a_task = [
        f"CREATE TRIGGER worklist_{table}_{event.lower()} AFTER {event} ON {table} BEGIN "  # noqa: S608 - constants
        f"{note} SELECT task, {row}.study_id FROM worklist_tasks WHERE task = {row}.task; END"
        for table in _OF_A_TASK
        for event, row in events
    ]
    of_all = [
        f"CREATE TRIGGER worklist_studies_{event.lower()} AFTER {event} ON studies BEGIN "  # noqa: S608
        f"{note} SELECT task, {row}.study_id FROM worklist_tasks; END"
        for event, row in events
    ]
    return [*of_a_task, *of_all]


def bring_up(db: Database) -> None:
    """Bring a database of the migration before to this one."""
    for statement in (*_TABLES, *_triggers()):
        db.execute(statement)


_WHOLE: tuple[tuple[str, str], ...] = (
    ("came_in", "uncertain, certain, patient"),
    ("uncertain", "certain, came_in, patient"),
    ("certain", "uncertain, came_in"),
    ("patient", "came_in, uncertain, certain"),
)
"""Sort key -> what its index holds besides, so that a range is filtered and sorted by one index alone."""


def cover_ranges(db: Database) -> None:
    """Make the indexes of the sorts anew, with the keys of the ranges in each."""
    for key, beside in _WHOLE:
        db.execute(f"DROP INDEX worklist_by_{key}")
        db.execute(f"CREATE INDEX worklist_by_{key} ON worklist_rows(task, {key}, number, facet, {beside})")


_BLOCK_ROWS = 10_000
_COUNTS = """
CREATE TABLE worklist_counts (
    task TEXT NOT NULL,
    sort TEXT NOT NULL,
    facet INTEGER NOT NULL,
    block INTEGER NOT NULL,
    rows INTEGER NOT NULL,
    PRIMARY KEY (task, sort, facet, block)
) STRICT, WITHOUT ROWID"""
_BLOCKS = """
CREATE TABLE worklist_blocks (
    task TEXT NOT NULL,
    sort TEXT NOT NULL,
    block INTEGER NOT NULL,
    key ANY,
    number INTEGER NOT NULL,
    rows INTEGER NOT NULL,
    PRIMARY KEY (task, sort, block)
) STRICT, WITHOUT ROWID"""


def count_by_blocks(db: Database) -> None:
    """Cut each sort into blocks, and count each facet's rows in them; see :mod:`data.tables.worklist_blocks`."""
    for statement in (_BLOCKS, _COUNTS):
        db.execute(statement)
    for sort, _ in _WHOLE:
        placed = f"""SELECT task, facet, {sort} AS key, number,
            row_number() OVER (PARTITION BY task ORDER BY {sort}, number) - 1 AS place
            FROM worklist_rows INDEXED BY worklist_by_{sort}"""  # noqa: S608 - the sorts are constants
        counted = f"""SELECT task, '{sort}', facet, place / {_BLOCK_ROWS}, count(*) FROM ({placed})
            GROUP BY task, facet, place / {_BLOCK_ROWS}"""  # noqa: S608
        db.execute(f"INSERT INTO worklist_counts {counted}")
        begun = f"""SELECT task, '{sort}', place / {_BLOCK_ROWS}, iif(place, key, NULL), iif(place, number, 0),
            (SELECT sum(rows) FROM worklist_counts c WHERE c.task = placed.task AND c.sort = '{sort}'
                AND c.block = placed.place / {_BLOCK_ROWS})
            FROM ({placed}) AS placed WHERE place % {_BLOCK_ROWS} = 0"""  # noqa: S608
        db.execute(f"INSERT INTO worklist_blocks {begun}")
