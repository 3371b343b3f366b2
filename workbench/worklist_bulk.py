"""What is done with many studies of the worklist at once: hold them, release them."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import replace

from data.errors import ConsiliumError
from data.store import Store
from workbench.worklist import selected
from workbench.worklist_filter import ORDERS, Filter, Sort

CHUNK = 500
MOST = 2000
"""Studies in one go, at the most: what is more is likely a filter that was forgotten."""


class BulkError(ConsiliumError):
    """Something cannot be done with so many studies at once, or without a reason."""


def studies_of(
    store: Store, task: str, version: str, filtered: Filter, *, modalities: Collection[str] | None = None
) -> list[str]:
    """The ids of all studies that a filter leaves, in its order, of every page; see :func:`worklist.worklist`."""
    found = selected(store, task, version, filtered, modalities=modalities)
    sql = "SELECT study_id FROM worklist_studies WHERE number = ?"
    return [
        study_id
        for numbers in found.in_chunks(ORDERS[Sort(filtered.sort)], CHUNK)
        for number in numbers
        for (study_id,) in store.db.execute(sql, [number])
    ]


def held_of(
    store: Store, task: str, version: str, filtered: Filter, *, modalities: Collection[str] | None = None
) -> int:
    """How many of the studies that a filter leaves are held; see :func:`worklist.worklist`."""
    return selected(store, task, version, replace(filtered, held=True), modalities=modalities).total


def hold(store: Store, study_ids: Sequence[str], reason: str) -> int:
    """Hold studies, in one transaction; those that are held already keep their reason.

    Returns
    -------
    int
        How many are held now that were not.

    Raises
    ------
    BulkError
        Too many at once, or no reason.
    """
    return _set(store, study_ids, reason, held=True)


def release(store: Store, study_ids: Sequence[str], reason: str) -> int:
    """Release studies, in one transaction; returns how many were held. Raises as :func:`hold` does."""
    return _set(store, study_ids, reason, held=False)


def _set(store: Store, study_ids: Sequence[str], reason: str, *, held: bool) -> int:
    if not reason.strip():
        raise BulkError("It needs a reason.", given="none", expected="a sentence", do="say why")
    if len(study_ids) > MOST:
        raise BulkError(
            "These are too many studies at once.", given=f"{len(study_ids)}", expected=f"at most {MOST}",
            do="narrow the filter",
        )  # fmt: skip
    changed = 0
    with store.write():
        for study in store.studies.find(study_ids=study_ids):
            if bool(study.held) != held:
                store.studies.update(study.study_id, held=reason.strip() if held else "")
                event = "study.held" if held else "study.released"
                store.log.add(event, study.study_id, reason=reason.strip())
                changed += 1
    return changed
