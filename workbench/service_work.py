"""The service's background work: an uploaded file becomes a study."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from data.blobs import Blobs
from data.deletion import forget_refusals, undo_upload
from data.errors import ConflictError, IngestError, JobCancelledError, NotAnImageError, UnsupportedFileError
from data.ingest import IngestReport, ingest
from data.ingest.labels import LabelRow, LabelsTable
from data.ingest.sources import Source, walk
from data.records import Patient, Study
from data.store import Store
from data.tables.scans import Scan, ScanState
from models.references import record_references
from models.task import ClinicalTask, discover
from workbench.jobs import QUICK, Work, kind

BY_MODALITY: Mapping[str, str] = {"CT": "chest_ct_norm"}
"""The clinical task of a study where nobody names one; others get the first that takes them."""
PICTURE = "OT"
BROKEN: Mapping[str, str] = {
    "error": "The upload could not be taken in.",
    "given": "",
    "expected": "",
    "do": "see `consilium jobs` and the worker's log, and upload it again",
}
"""What a scan says where the worker broke down over it."""


def default_task(study: Study, champions: Collection[str] = ()) -> str:
    """The task that a study is meant for where nobody says: its name, or nothing.

    Parameters
    ----------
    champions:
        Tasks that have a champion; they go before the others.
    """
    fitting = [name for name, task in discover().items() if task.accepts(study)]
    usual = BY_MODALITY.get(study.modality, "")
    return min(fitting, key=lambda name: (name != usual, name not in champions, fitting.index(name)), default="")


@kind("scan.take", line=QUICK)
def take_scan(work: Work, *, scan_id: str) -> Mapping[str, Any]:
    """Take an upload in: its study is kept under the patient of its card.

    What the file says, names of files included, goes into the scan's own record and not into the job's.
    """
    store, blobs = Store.of(work.home), Blobs.of(work.home)
    scan = store.scans.get(scan_id)
    if scan.state is not ScanState.WAITING:
        return {"scan": scan_id, "state": scan.state}
    try:
        study = _study(work, store, blobs, scan)
    except JobCancelledError:
        if not store.scans.is_there(scan_id):
            undo_upload(store, blobs, scan.original)
        raise
    except (IngestError, ConflictError) as error:
        store.scans.refuse(scan_id, error.as_dict())
        undo_upload(store, blobs, scan.original)
        return {"scan": scan_id, "state": ScanState.REFUSED}
    except Exception:
        store.scans.refuse(scan_id, BROKEN)
        raise
    champions = {name for name in discover() if store.versions.champion(name) is not None}
    card = store.cards.of_patient(study.patient.patient_id)
    task = scan.task or default_task(study, champions)
    if not store.scans.take(scan_id, card_id=card.card_id, study_id=study.study_id, task=task):
        undo_upload(store, blobs, scan.original)  # deleted in the meantime
        return {"scan": scan_id, "state": "deleted"}
    for clinical in discover().values():
        record_references(store, clinical, [study.study_id])
    return {"scan": scan_id, "state": ScanState.READY, "study": study.study_id}


def _study(work: Work, store: Store, blobs: Blobs, scan: Scan) -> Study:
    """The study that an upload holds."""
    card = store.cards.get(scan.card_id) if scan.card_id else None
    path = blobs.path(scan.original)
    report = ingest(
        work.home,
        [path],
        labels=_table(path, card.patient if card else None, discover().get(scan.task)),
        progress=lambda done, of, _: work.progress(0.95 * done / max(of, 1), f"{done} of {of} files"),
    )
    forget_refusals(store, blobs, scan.original)
    study = _only(store.studies.find(study_ids=report.studies), report)
    if card is not None:
        if study.patient != card.patient:
            there = store.cards.of_patient(study.patient.patient_id)
            raise ConflictError(
                "The study is here already, under another patient.",
                given=f"a study of {there.patient.pseudonym}", expected=f"a study of {card.patient.pseudonym}",
                do=f"upload it for patient {there.card_id}, or delete it there first",
            )  # fmt: skip
        _fill_in(store, study, card.written.sex, card.written.birth_year)
    return store.studies.get(study.study_id)


def _only(studies: list[Study], report: IngestReport) -> Study:
    if not studies:
        first = next(iter(report.refused), None)
        raise NotAnImageError(
            "The file cannot be read.", given=first.message if first else "a file without pictures",
            expected="DICOM, NIfTI, PNG, JPEG, or a ZIP of one study", do="check the file and upload it again",
        )  # fmt: skip
    if len(studies) > 1:
        raise UnsupportedFileError(
            "There are several studies in the file.", given=f"{len(studies)} studies", expected="one",
            do="upload them one by one",
        )  # fmt: skip
    return studies[0]


def _table(path: Path, patient: Patient | None, task: ClinicalTask | None) -> LabelsTable | None:
    """Who the patient of every file of an upload is and, where no header says it, the modality."""
    modalities = sorted(task.modalities - {PICTURE}) if task is not None else []
    modality = modalities[0] if len(modalities) == 1 else ""
    if patient is None and not modality:
        return None
    source, _, own = patient.patient_id.partition(":") if patient is not None else ("", "", "")
    rows = tuple(
        LabelRow(line, path=found.location, patient=own, source=source, modality=modality)
        for line, found in enumerate(walk([path]))
        if isinstance(found, Source)
    )
    return LabelsTable("upload", "", rows)


def _fill_in(store: Store, study: Study, sex: str, birth_year: int | None) -> None:
    """What the card says where the header says nothing."""
    columns: dict[str, str | float | None] = {}
    if sex and not study.sex:
        columns["sex"] = sex
    if birth_year is not None and study.age_y is None:
        year = study.study_date[:4]
        at = int(year) if year.isdigit() else datetime.now(UTC).year
        if at >= birth_year:
            columns["age_y"] = float(at - birth_year)
    if columns:
        store.studies.update(study.study_id, **columns)
