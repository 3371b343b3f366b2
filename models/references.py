"""Reference labels out of the studies' own headers."""

from __future__ import annotations

from collections.abc import Collection

from data.records import ReferenceLabel
from data.store import Store
from models.task import ClinicalTask


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
