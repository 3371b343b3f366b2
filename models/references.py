"""Reference labels: out of the studies' own headers, and out of tables in a task's terms."""

from __future__ import annotations

from collections.abc import Collection
from pathlib import Path

from data.blobs import Blobs
from data.ingest import LabelsTable, read_labels
from data.records import ReferenceLabel
from data.store import Store
from models.task import ClinicalTask


def labels_of(task: ClinicalTask, path: Path, blobs: Blobs, *, folder: Path | None = None) -> LabelsTable:
    """A table of labels in a task's terms: its questions, and its pages of the slices that masks are drawn on.

    Parameters
    ----------
    path:
        A CSV file (see :func:`data.ingest.read_labels`).
    folder:
        Where the relative paths of files of masks start; the table's own folder without it.

    Raises
    ------
    LabelsError
        The file cannot be read, or no column names a study.
    """
    return read_labels(path, form=task.form, task=task.name, blobs=blobs, folder=folder, shown=task.page_slices)


def record_references(store: Store, task: ClinicalTask, study_ids: Collection[str]) -> int:
    """Keep what the headers of studies say reliably of a task's questions; returns how many labels were new.

    A label that was imported before stays: a table goes before a header.
    """
    studies = [s for s in store.studies.find(study_ids=study_ids) if task.accepts(s)]
    known = {
        (label.study_id, label.answer.question, label.answer.site)
        for label in store.labels.references(task.name, study_ids=[s.study_id for s in studies])
    }
    return store.labels.add_references(
        ReferenceLabel(task.name, study.study_id, answer, "header")
        for study in studies
        for answer in task.references(study)
        if (study.study_id, answer.question, answer.site) not in known
    )
