"""Background work of the page Data: a folder looked at and taken in, leaks, and labels that are likely wrong."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

from data.blobs import Blobs
from data.errors import HomeError
from data.home import Home
from data.ingest import IngestReport, ingest, read_labels
from data.ingest.labels import is_label_table
from data.ingest.sniff import HEAD, sniff
from data.ingest.sources import Opener, Source, Unusable, walk
from data.splits import part_of, pseudonym_of
from data.store import Store
from models.references import labels_of, record_references
from models.task import discover, get_task
from workbench.jobs import LOOKING, Work, kind

LOOK, TAKE, LEAKS, SUSPECTS = "folder.look", "folder.take", "leaks", "labels.suspects"
KEPT = 200
"""Rows that a job's record keeps; the command line tells all."""
TABLES = 5
"""Tables of labels that are named of a folder."""


def checked(home: Home, given: str) -> Path:
    """A path of this machine, if it can be taken in.

    Raises
    ------
    HomeError
        There is no such file or folder, it is not named in full, or it is the home itself.
    """
    path = Path(given.strip()).expanduser()
    if not given.strip() or not path.is_absolute() or not path.exists():
        raise HomeError(
            "There is no such folder on this machine.", given=given.strip() or "nothing",
            expected="the whole path of a folder, file or ZIP that the worker may read",
            do="correct the path; it starts with /",
        )  # fmt: skip
    if path.resolve() == home.path.resolve():
        raise HomeError(
            "This is the home of the records.", given=path, expected="a folder with images",
            do="name the folder that the images are in",
        )  # fmt: skip
    return path.resolve()


@kind(LOOK, line=LOOKING)
def look(work: Work, *, path: str) -> Mapping[str, Any]:
    """Say what lies in a folder, and take nothing in: files by format, what is no image, what is there already."""
    root = checked(work.home, path)
    store = Store.of(work.home)
    formats: Counter[str] = Counter()
    refused: Counter[str] = Counter()
    tables: list[str] = []
    files = size = known = 0
    with Opener() as opener:
        for found in walk([root], leave_out=work.home.path.absolute()):
            files += 1
            if isinstance(found, Unusable):
                refused[found.error.reason] += 1
            elif named := _format(found, opener):
                formats[named] += 1
                size += found.size
                known += store.studies.by_path(found.location) is not None
            else:
                refused["not an image"] += 1
                if not found.members and len(tables) < TABLES and is_label_table(found.path):
                    tables.append(str(found.path))
            work.progress(0.0, f"{files} files looked at")
    return {
        "path": str(root), "files": files, "bytes": size, "known": known,
        "formats": dict(formats.most_common()), "refused": dict(refused.most_common()), "tables": tables,
    }  # fmt: skip


def _format(source: Source, opener: Opener) -> str:
    """The format of a file by its first bytes; empty for none that is opened."""
    if source.members:
        head = opener.head(source)
    else:
        with source.path.open("rb") as stream:
            head = stream.read(HEAD)
    found = sniff(head)
    return "" if found is None else found.value


@kind(TAKE)
def take(work: Work, *, path: str, labels: str = "", task: str = "", source: str = "") -> Mapping[str, Any]:
    """Take a folder in, with a table of labels where one is named.

    Parameters
    ----------
    labels:
        The path of a CSV; ``task`` names the task that its labels answer.
    source:
        A name in front of every patient id of this import.
    """
    table = None
    if labels:
        named = checked(work.home, labels)
        table = labels_of(get_task(task), named, Blobs.of(work.home)) if task else read_labels(named)
    report = ingest(
        work.home,
        [checked(work.home, path)],
        source=source,
        labels=table,
        progress=lambda done, of, _: work.progress(done / max(of, 1), f"{done} of {of} files"),
    )
    for clinical in discover().values():
        record_references(Store.of(work.home), clinical, report.studies)
    return came_in(report)


def came_in(report: IngestReport) -> dict[str, Any]:
    """An ingest's report as a job keeps it."""
    matched = {} if report.labels is None else {
        "label_rows": report.labels.rows, "label_rows_matched": report.labels.matched,
        "references": report.labels.references, "label_problems": list(report.labels.problems[:KEPT]),
    }  # fmt: skip
    return {
        "files": report.files, "ingested": report.ingested, "duplicates": report.duplicates,
        "studies": len(report.studies), "held": report.held, "refused": report.reasons, **matched,
    }  # fmt: skip


@kind(LEAKS)
def leaks(work: Work, *, task: str) -> Mapping[str, Any]:
    """Look for leaks of a task, and whether each patient is in the part that the home's key draws."""
    from active_learning.leakage import look as look_for  # noqa: PLC0415 - loads what compares pictures

    store = Store.of(work.home)
    patients, moved = parts_checked(work.home, store)
    found = look_for(store, Blobs.of(work.home), get_task(task), progress=work.progress).as_dict()
    return {**found, "found": len(found["leaks"]), "leaks": found["leaks"][:KEPT], "patients": patients,
            "moved": moved}  # fmt: skip


def parts_checked(home: Home, store: Store) -> tuple[int, list[str]]:
    """How many patients there are, and the pseudonyms of those who are not where the home's key draws them.

    A patient is one row with one part; one who stands in another part than the drawn one was moved by hand.
    """
    key, patients, moved = home.secret("key"), 0, list[str]()
    for row in store.db.query("SELECT patient_id, pseudonym, part FROM patients"):
        patients += 1
        if (
            part_of(key, row["patient_id"]) != row["part"]
            or pseudonym_of(key, row["patient_id"]) != row["pseudonym"]
        ):
            moved.append(row["pseudonym"])
    return patients, moved


@kind(SUSPECTS)
def suspects(work: Work, *, task: str, profile: str, max_steps: int | None = None) -> Mapping[str, Any]:
    """Name the training patients' labels that are likely wrong, by models that have not seen the patient."""
    from active_learning.suspect_labels import suspect_labels  # noqa: PLC0415
    from models.crossfit import out_of_fold  # noqa: PLC0415 - loads torch

    clinical = get_task(task)
    found = out_of_fold(
        Store.of(work.home), Blobs.of(work.home), clinical, profile,
        scratch=work.home.path / "scratch" / "crossfit", max_steps=max_steps, progress=work.progress,
    )  # fmt: skip
    suspected = suspect_labels(found, clinical.form)
    return {
        "task": task, "profile": profile, "studies": len(found.examples), "found": len(suspected),
        "suspects": [asdict(one) for one in suspected[:KEPT]],
    }  # fmt: skip
