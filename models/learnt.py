"""What a version learnt from, study by study, as a file beside its manifest; and what was kept from it."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from data.answers import Site
from data.blobs import Blobs
from data.errors import BlobError
from data.leakage import Copy, CopyKind, copies
from data.pixels import Pixels
from data.records import ModelVersion, Origin, Part
from data.store import Store
from models.task import ClinicalTask, Example, Progress, silent
from models.versions import read_manifest

MEASURED = (Part.CALIBRATION, Part.TEST)
"""Whose studies are measured on, and never learnt from."""


@dataclass(frozen=True, slots=True)
class LearntStudy:
    """A study that a version learnt from.

    Parameters
    ----------
    use:
        ``training``, or ``validation`` for what chose the epoch and calibrated.
    origins:
        Where each of its answers is from.
    """

    study_id: str
    pseudonym: str
    use: str
    origins: tuple[Origin, ...]


@dataclass(frozen=True, slots=True)
class LearntFrom:
    """The studies that a version learnt from, and the copies that were kept from it."""

    studies: tuple[LearntStudy, ...]
    left_out: tuple[Copy, ...]


def without_copies(
    store: Store,
    blobs: Blobs,
    task: ClinicalTask,
    examples: Sequence[Example],
    *,
    progress: Progress = silent,
) -> tuple[list[Example], tuple[Copy, ...]]:
    """Examples without those that show what a study to measure on shows, and the copies that were found.

    What is measured on stays as it is; what is learnt from gives way.
    """
    measured = [study for study in store.studies.find(parts=MEASURED) if task.accepts(study)]
    found = copies(store, Pixels(blobs), [e.study for e in examples], measured, progress=progress)
    out = {copy.learnt for copy in found}
    return [e for e in examples if e.study.study_id not in out], found


def write_learnt(
    blobs: Blobs,
    by_use: Mapping[str, Iterable[Example]],
    origins: Mapping[str, Sequence[Origin]],
    left_out: Sequence[Copy],
) -> str:
    """Keep what a version learnt from; the blob's name comes back.

    Parameters
    ----------
    by_use:
        The examples of ``training`` and ``validation``.
    origins:
        Where the answers of each study are from.
    """
    studies = [
        {
            "study": example.study.study_id,
            "patient": example.study.patient.pseudonym,
            "use": use,
            "origins": [_origin_as_json(o) for o in origins.get(example.study.study_id, ()) if _used(o, example)],
        }
        for use, examples in by_use.items()
        for example in examples
    ]
    kept = {"studies": studies, "left_out": [asdict(copy) for copy in left_out]}
    return blobs.put(json.dumps(kept, sort_keys=True).encode())


def read_learnt(blobs: Blobs, version: ModelVersion) -> LearntFrom | None:
    """What a version learnt from; None where its manifest does not say so study by study, as older ones do not.

    Raises
    ------
    VersionError
        The manifest is missing, damaged or of another task.
    BlobError
        The file beside it is missing or has changed.
    """
    name = read_manifest(blobs, version).get("data", {}).get("learnt_from")
    if not name:
        return None
    try:
        raw = json.loads(blobs.get(name, verify=True))
        studies = tuple(
            LearntStudy(s["study"], s["patient"], s["use"], tuple(_origin(o) for o in s["origins"]))
            for s in raw["studies"]
        )
        left_out = tuple(Copy(**{**c, "kind": CopyKind(c["kind"])}) for c in raw["left_out"])
    except (ValueError, KeyError, TypeError) as error:
        raise BlobError(
            "What a version learnt from cannot be read.", given=f"{version.version}: {name}",
            expected="the file as it was kept", do="restore the home from a copy",
        ) from error  # fmt: skip
    return LearntFrom(studies, left_out)


def _used(origin: Origin, example: Example) -> bool:
    """Whether an answer is among those that the example has: a task may choose."""
    return any((a.question, a.site) == (origin.question, origin.site) for a in example.answers)


def _origin_as_json(origin: Origin) -> dict[str, Any]:
    known: dict[str, Any] = {"question": origin.question, "site": origin.site.key}
    if origin.round_id:
        return {**known, "round": origin.round_id, "annotations": list(origin.annotations)}
    return {**known, "source": origin.source}


def _origin(raw: Mapping[str, Any]) -> Origin:
    return Origin(
        raw["question"], Site(raw["site"]), raw.get("round", ""), tuple(raw.get("annotations", ())),
        raw.get("source", ""),
    )  # fmt: skip
