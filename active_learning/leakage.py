"""Leaks between what a task's versions learn from and what they are measured on, over all rounds and versions.

By patient: a version's own record names a patient who is measured on. By content: a study of a training or
validation patient has the same pixels as one of a calibration or test patient. By near-copy: it has nearly the
same (:mod:`data.leakage`). Training leaves copies out by itself; a version that was trained before that, or before
the other study came in, is named here.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from typing import Any

from active_learning.lineage import Lineage
from data.blobs import Blobs
from data.errors import VersionError
from data.leakage import copies
from data.pixels import Pixels
from data.records import Part, RoundKind, Study
from data.store import Store
from models.learnt import MEASURED
from models.task import ClinicalTask, Progress, silent
from models.versions import read_manifest

PATIENT = "patient"
"""The kind of a leak by patient; the others are those of :class:`data.leakage.CopyKind`."""


@dataclass(frozen=True, slots=True)
class Leak:
    """A patient or study on both sides.

    Parameters
    ----------
    kind:
        How it was found.
    learnt, measured:
        The two studies; of a leak by patient, the pseudonym.
    learnt_part, measured_part:
        What their patients serve.
    likeness:
        Correlation of details, 0 to 1; None by patient.
    versions:
        The versions that learnt from it.
    rounds:
        The rounds that had the study to learn from in their batch.
    """

    kind: str
    learnt: str
    learnt_part: str
    measured: str
    measured_part: str
    likeness: float | None
    versions: tuple[str, ...]
    rounds: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Leaks:
    """What was compared and what was found.

    Parameters
    ----------
    learnt, measured:
        How many studies there are to learn from and to measure on.
    versions:
        How many versions were looked at.
    """

    task: str
    learnt: int
    measured: int
    versions: int
    leaks: tuple[Leak, ...]

    @property
    def learnt_from(self) -> tuple[Leak, ...]:
        """The leaks that a version learnt from."""
        return tuple(leak for leak in self.leaks if leak.versions)

    @property
    def sentence(self) -> str:
        """The result in words."""
        compared = f"{self.learnt:,} studies to learn from, {self.measured:,} to measure on"
        if not self.leaks:
            return f"No leak: {compared}, {self.versions} versions"
        kept = len(self.leaks) - len(self.learnt_from)
        return f"{len(self.leaks)} leaks ({kept} kept out of every version): {compared}, {self.versions} versions"

    def as_dict(self) -> dict[str, Any]:
        """The result as JSON."""
        return {
            "task": self.task,
            "learnt": self.learnt,
            "measured": self.measured,
            "versions": self.versions,
            "learnt_from": len(self.learnt_from),
            "leaks": [asdict(leak) for leak in self.leaks],
        }


def look(store: Store, blobs: Blobs, task: ClinicalTask, *, progress: Progress = silent) -> Leaks:
    """Look for leaks of a task.

    Raises
    ------
    BlobError
        The pixels of a series are not there.
    """
    learnt = [s for s in store.studies.find(parts=[Part.TRAIN, Part.VALIDATION]) if task.accepts(s)]
    measured = [s for s in store.studies.find(parts=MEASURED) if task.accepts(s)]
    found = [*_by_patient(store, blobs, task.name), *_by_copy(store, blobs, task.name, learnt, measured, progress)]
    versions = len(store.versions.all(task.name))
    return Leaks(task.name, len(learnt), len(measured), versions, tuple(found))


def _by_patient(store: Store, blobs: Blobs, task: str) -> Iterator[Leak]:
    """Patients who are measured on and whom a version's manifest names as learnt from."""
    measured = {p.pseudonym: p.part for p in store.studies.patients() if p.part in MEASURED}
    touched: dict[str, list[str]] = defaultdict(list)
    for version in reversed(store.versions.all(task)):
        try:
            data = read_manifest(blobs, version).get("data", {})
        except VersionError:  # `consilium verify` names the file
            continue
        named = {p for use in ("training", "validation") for p in data.get(use, {}).get("patients", ())}
        for pseudonym in sorted(named & measured.keys()):
            touched[pseudonym].append(version.version)
    for pseudonym, versions in touched.items():
        part = measured[pseudonym].value
        yield Leak(PATIENT, pseudonym, part, pseudonym, part, None, tuple(versions), ())


def _by_copy(
    store: Store, blobs: Blobs, task: str, learnt: list[Study], measured: list[Study], progress: Progress
) -> Iterator[Leak]:
    lineage, rounds = Lineage(store, blobs, task), _rounds_of(store, task)
    parts = {study.study_id: study.patient.part.value for study in (*learnt, *measured)}
    for copy in copies(store, Pixels(blobs), learnt, measured, progress=progress):
        yield Leak(
            copy.kind.value,
            copy.learnt,
            parts[copy.learnt],
            copy.measured,
            parts[copy.measured],
            round(copy.likeness, 4),
            tuple(lineage.versions_of(copy.learnt)),
            tuple(rounds.get(copy.learnt, ())),
        )


def _rounds_of(store: Store, task: str) -> Mapping[str, list[str]]:
    """The rounds that had each study in their batch, the oldest first."""
    found: dict[str, list[str]] = defaultdict(list)
    for turn in reversed(store.rounds.all(task, kind=RoundKind.QUERY)):
        for item in store.rounds.batch(turn.round_id).items:
            found[item.study_id].append(turn.round_id)
    return found
