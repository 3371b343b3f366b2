"""Deleting patients, studies and uploads, with the files that nothing else names.

The log keeps that there was something, under keyed hashes; nothing that was written of the patient. What models
learnt from a study stays in them, and a version's manifest goes on naming the pseudonyms that it was trained on.
"""

from __future__ import annotations

import re
import shutil
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from data.blobs import Blobs
from data.errors import BlobError, ConflictError
from data.home import Home
from data.seals import RowKey, rows_of_studies
from data.store import Store
from data.tables.base import dump
from data.tables.rounds import ENDED
from data.tables.scans import Scan

_NAME = re.compile(r"[0-9a-f]{64}")
_IN = "IN (SELECT value FROM json_each(:ids))"
_NAMING: Sequence[tuple[str, str, str]] = (
    ("series", "pixels", ""), ("scans", "original", ""), ("versions", "manifest", ""), ("annotations", "raw", ""),
    ("annotations", "answers", "masks"), ("predictions", "results", "masks"),
    ("reference_labels", "value", "masks"), ("consensus", "value", "masks"), ("jobs", "result", ""),
)  # fmt: skip
"""The columns that name blobs, and the word that stands in those that do."""
_OF_STUDY = ("annotations", "consensus", "requests", "batch_items", "predictions", "reference_labels", "reports")


_MEASURED = "(kind LIKE 'consensus.%' OR kind = 'round.preview') AND state IN ('done', 'failed', 'cancelled')"
"""What was measured of a task's readers holds answers to single studies, a previewed batch names them: both are
made anew."""


@dataclass(frozen=True, slots=True)
class Deleted:
    """What is gone.

    Parameters
    ----------
    blobs:
        How many files were removed.
    annotations:
        How many reads of these studies were removed.
    requests:
        The ids of the reads that had been asked for: the labelling server may still have their pages.
    """

    scans: tuple[str, ...]
    studies: tuple[str, ...]
    blobs: int
    annotations: int
    requests: tuple[str, ...]


def delete_scan(store: Store, blobs: Blobs, scan_id: str) -> Deleted:
    """Delete an upload and the study that it became, unless another upload became the same.

    Raises
    ------
    NotFoundError
        There is no such scan.
    ConflictError
        A round that has not ended has the study.
    """
    with store.write():
        scan = store.scans.get(scan_id)
        others = [s for s in store.scans.find(study_id=scan.study_id) if s.scan_id != scan_id]
        studies = [scan.study_id] if scan.study_id and not others else []
        gone = _delete(store, blobs, [scan], studies)
        if not store.scans.names(scan.original):
            undo_upload(store, blobs, scan.original)  # what an ingest that was broken off has left
        return gone


def delete_patient(store: Store, blobs: Blobs, card_id: str) -> Deleted:
    """Delete a patient with the card, every study and every upload.

    Raises
    ------
    NotFoundError
        There is no such card.
    ConflictError
        A round that has not ended has one of the studies.
    """
    with store.write() as db:
        card = store.cards.get(card_id)
        patient = card.patient
        rows = db.query("SELECT study_id FROM studies WHERE patient_id = ?", [patient.patient_id])
        studies = [row["study_id"] for row in rows]
        scans = {s.scan_id: s for s in store.scans.find(card_id=card_id)}
        scans |= {s.scan_id: s for study_id in studies for s in store.scans.find(study_id=study_id)}
        gone = _delete(store, blobs, list(scans.values()), studies)
        db.execute("DELETE FROM cards WHERE card_id = ?", [card_id])
        db.execute("DELETE FROM patients WHERE patient_id = ?", [patient.patient_id])
        row = RowKey("patients", (patient.pseudonym,))
        store.log.add("patient.deleted", patient.pseudonym, [row], studies=len(gone.studies))
        return gone


def undo_upload(store: Store, blobs: Blobs, original: str) -> None:
    """Delete what an upload brought in: studies, patients whom only its headers named, what was refused of it.

    Studies that a scan stands for, or that other files belong to as well, stay.
    """
    start = str(blobs.path(original))
    with store.write() as db:
        rows = db.query(
            "SELECT DISTINCT study_id FROM files JOIN series USING (series_id) WHERE instr(path, ?) = 1", [start]
        )
        alone = [
            study
            for study in store.studies.find(study_ids=[row["study_id"] for row in rows])
            if all(path.startswith(start) for series in study.series for path in series.source_paths)
            and not store.scans.find(study_id=study.study_id)
        ]
        _delete(store, blobs, [], [study.study_id for study in alone])
        forget_refusals(store, blobs, original)
        db.execute(
            """DELETE FROM patients WHERE patient_id IN (SELECT value FROM json_each(:ids))
            AND NOT EXISTS (SELECT 1 FROM studies s WHERE s.patient_id = patients.patient_id)
            AND EXISTS (SELECT 1 FROM cards c WHERE c.patient_id = patients.patient_id
                AND c.created_at = c.updated_at AND c.card_id NOT IN (SELECT coalesce(card_id, '') FROM scans))""",
            {"ids": dump(sorted({study.patient.patient_id for study in alone}))},
        )
        left = {patient.pseudonym for patient in store.studies.patients()} if alone else set()
        for pseudonym in sorted({study.patient.pseudonym for study in alone} - left):
            store.log.add("patient.deleted", pseudonym, [RowKey("patients", (pseudonym,))], studies=0)


def forget_refusals(store: Store, blobs: Blobs, original: str) -> None:
    """Forget which members of an upload were refused: their names may identify."""
    with store.write() as db:
        db.execute("DELETE FROM refusals WHERE instr(path, ?) = 1", [str(blobs.path(original))])


def _delete(store: Store, blobs: Blobs, scans: Sequence[Scan], studies: Sequence[str]) -> Deleted:
    """Delete inside a transaction. The files go last: a deletion that was broken off can be asked for again."""
    _refuse_under_way(store, studies)
    ids = {"ids": dump(sorted(studies))}
    named = _named_by(store, studies) | {scan.original for scan in scans}
    with store.write() as db:
        sealed = {study_id: rows_of_studies(db.conn, [study_id]) for study_id in studies}
        asked = db.query(f"SELECT request_id FROM requests WHERE study_id {_IN}", ids)  # noqa: S608
        requests = [row["request_id"] for row in asked]
        annotations = db.execute(f"DELETE FROM annotations WHERE study_id {_IN}", ids).rowcount  # noqa: S608
        for table in _OF_STUDY:
            db.execute(f"DELETE FROM {table} WHERE study_id {_IN}", ids)  # noqa: S608 - constant tables
        for scan in scans:
            db.execute("DELETE FROM scans WHERE scan_id = ?", [scan.scan_id])
            forget_refusals(store, blobs, scan.original)
        _forget_jobs(store, studies, [scan.scan_id for scan in scans])
        db.execute(f"DELETE FROM studies WHERE study_id {_IN}", ids)  # noqa: S608
        store.worklists.forget(studies)
        for study_id in studies:
            store.log.add("study.deleted", study_id, sealed[study_id])
        for scan in scans:
            store.log.add("scan.deleted", scan.scan_id, study=scan.study_id)
        unnamed = named - _still_named(store, blobs, named)
        store.thumbnails.forget(unnamed)
        removed = sum(blobs.remove(name) for name in unnamed)
        for name in unnamed:
            shutil.rmtree(Home(store.path.parent).viewer / name[:2] / name, ignore_errors=True)
        if studies:  # simulations hold answers to single studies: they are played anew
            shutil.rmtree(Home(store.path.parent).simulations, ignore_errors=True)
    return Deleted(tuple(s.scan_id for s in scans), tuple(studies), removed, annotations, tuple(requests))


def _refuse_under_way(store: Store, studies: Sequence[str]) -> None:
    rows = store.db.query(
        """SELECT round_id, state FROM rounds WHERE round_id IN (
            SELECT round_id FROM batch_items WHERE study_id IN (SELECT value FROM json_each(:ids))
            UNION SELECT round_id FROM requests WHERE study_id IN (SELECT value FROM json_each(:ids)))
        AND state NOT IN (SELECT value FROM json_each(:ended))
        AND NOT (kind = 'qualification' AND state = 'closed') ORDER BY round_id""",
        {"ids": dump(sorted(studies)), "ended": dump(sorted(ENDED))},
    )
    under_way = [f"{row['round_id']} is {row['state']}" for row in rows]
    if under_way:
        first = under_way[0].split()[0]
        raise ConflictError(
            "A round that has not ended has the study.", given=", ".join(under_way),
            expected="rounds that were promoted, kept or cancelled",
            do=f"finish it, or cancel it with `consilium round cancel {first}`; then delete again",
        )  # fmt: skip


def _forget_jobs(store: Store, studies: Sequence[str], scans: Sequence[str]) -> None:
    """The work that was asked for these alone; what still runs is called off thereby."""
    with store.write() as db:
        for study_id in studies:
            db.execute(
                """DELETE FROM jobs WHERE json_extract(arguments, '$.study_id') = :study
                OR json_extract(arguments, '$.study_ids') = json_array(:study)""",
                {"study": study_id},
            )
        for scan_id in scans:
            db.execute("DELETE FROM jobs WHERE json_extract(arguments, '$.scan_id') = ?", [scan_id])
        if studies:
            db.execute(f"DELETE FROM jobs WHERE {_MEASURED}")  # noqa: S608 - a constant


def _named_by(store: Store, studies: Sequence[str]) -> set[str]:
    """The blobs that records of these studies name."""
    names: set[str] = set()
    for table, column, _ in _NAMING:
        if table in ("scans", "versions"):
            continue
        study = "json_extract(arguments, '$.study_id')" if table == "jobs" else "study_id"
        rows = store.db.query(
            f"SELECT {column} AS told FROM {table} WHERE {study} {_IN}",  # noqa: S608 - constants
            {"ids": dump(sorted(studies))},
        )
        names |= _names(row["told"] for row in rows)
    if studies:
        names |= _names(row["result"] for row in store.db.query(f"SELECT result FROM jobs WHERE {_MEASURED}"))  # noqa: S608
    return names


def _still_named(store: Store, blobs: Blobs, names: set[str]) -> set[str]:
    """Of these blobs, those that a record or the manifest of a version names."""
    found: set[str] = set()
    if not names:
        return found
    for table, column, word in _NAMING:
        rows = store.db.query(f"SELECT {column} AS told FROM {table} WHERE instr({column}, ?)", [word])  # noqa: S608
        told = _names(row["told"] for row in rows)
        if table == "versions":
            told |= _names(_manifest(blobs, name) for name in told)
        found |= told & names
    return found


def _manifest(blobs: Blobs, name: str) -> str:
    try:
        return blobs.get(name).decode(errors="replace")
    except BlobError:
        return ""


def _names(texts: Iterable[str | None]) -> set[str]:
    return {name for text in texts if text for name in _NAME.findall(text)}
