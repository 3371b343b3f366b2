"""The labels of a data card: how many patients have each answer, and how many reads there are."""

from __future__ import annotations

from data.holdings import classes
from data.records import Part
from data.store import Store
from data.suppression import withheld
from models.task import ClinicalTask
from workbench.data_card_grid import Grid, grid
from workbench.language import _
from workbench.views.parts import words


def class_table(store: Store, task: ClinicalTask) -> Grid:
    """Patients by part for each answer to a question of the whole study, small cells withheld."""
    counted = classes(store, task.name)
    names = []
    for one in counted:
        asked = words.asked(task.form, one.question)
        answer = words.value(asked.kind, one.value) if asked else str(one.value)
        names.append(_("{question}: {answer}", question=words.short(one.question), answer=answer))
    cells = withheld([[one.parts[part] for part in Part] for one in counted], sums=False)
    return grid(_("Answers"), names, cells)


def read_counts(store: Store, task: str) -> tuple[int, int]:
    """How many reads there are of a task, and of how many readers; skipped and withdrawn ones do not count."""
    sql = """SELECT count(DISTINCT annotation_id), count(DISTINCT reader_id) FROM annotations a
        WHERE task = ? AND skipped = 0 AND revision = (SELECT max(revision) FROM annotations b
            WHERE b.annotation_id = a.annotation_id) AND withdrawn = 0"""
    reads, readers = store.db.execute(sql, [task]).fetchone()
    return int(reads), int(readers)
