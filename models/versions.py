"""Model versions as files: a manifest (JSON) and the weights of each stage (safetensors), both kept as blobs."""

from __future__ import annotations

import json
import logging
from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path
from typing import Any

from data.blobs import Blobs
from data.errors import BlobError, NotFoundError, VersionError
from data.records import ModelVersion, Study
from data.store import Store
from models.pace import Pace
from models.task import Model, StageReport, Trained, get_task

FORMAT = 1
"""Of the manifest; one with another number is refused."""
LOOKED_THROUGH = 10
"""Versions in which a training like the next one is looked for, at the most."""
ONLY_PHANTOMS = "This version has learnt from phantoms alone: what it says of a person's images means nothing."
IN_MEMORY = 6
"""Versions that are kept in memory at the most."""

log = logging.getLogger(__name__)


def save(blobs: Blobs, task: str, trained: Trained, **known: Any) -> str:
    """Keep what a training gave.

    Parameters
    ----------
    task:
        The clinical task's name.
    known:
        What else the manifest shall say, as JSON.

    Returns
    -------
    str
        The manifest's blob. The same training and words give the same blob.
    """
    from safetensors.torch import save as as_bytes  # noqa: PLC0415

    reports = {report.name: report for report in trained.stages}
    stages: dict[str, Any] = {}
    for name, settings in trained.settings.items():
        entry: dict[str, Any] = {"settings": dict(settings)}
        if name in trained.weights:
            tensors = {key: tensor.contiguous() for key, tensor in trained.weights[name].items()}
            entry["weights"] = blobs.put(as_bytes(tensors))
        if name in reports:
            entry |= {"report": reports[name].as_dict(), "detail": dict(reports[name].detail)}
        stages[name] = entry
    manifest = {"format": FORMAT, "task": task, **known, "stages": stages}
    return blobs.put(json.dumps(manifest, indent=1, sort_keys=True).encode())


def read_manifest(blobs: Blobs, version: ModelVersion) -> dict[str, Any]:
    """The manifest of a version.

    Raises
    ------
    VersionError
        It is missing, damaged or of another task.
    """
    try:
        manifest = json.loads(blobs.get(version.manifest, verify=True))
    except (BlobError, ValueError) as error:
        raise _broken(version, "manifest", str(getattr(error, "message", error))) from error
    if not isinstance(manifest, dict) or manifest.get("format") != FORMAT:
        raise _broken(version, "manifest", "its format is not known")
    if manifest.get("task") != version.task:
        raise VersionError(
            "The manifest belongs to another clinical task.",
            given=f"{version.version}: {manifest.get('task')}",
            expected=version.task,
            do="restore the home from a copy, or train a new version",
        )
    return manifest


def pace_before(
    store: Store, blobs: Blobs, task: str, profile: str, max_steps: int | None, environment: Mapping[str, Any]
) -> Pace | None:
    """What the newest training took that was like another one; None without one, or where it cannot be read.

    Parameters
    ----------
    max_steps:
        Optimiser steps of each network at the most; a training that was cut elsewhere is none like it.
    environment:
        As the manifest has it; the device must be the same.
    """
    alike = [version for version in store.versions.all(task) if version.profile == profile]
    for version in alike[:LOOKED_THROUGH]:
        try:
            manifest = read_manifest(blobs, version)
            same = (
                manifest["max_steps"] == max_steps and manifest["environment"]["device"] == environment["device"]
            )
            if same and "pace" in manifest:
                return Pace.from_dict(manifest["pace"])
        except (VersionError, KeyError, TypeError, ValueError) as error:
            log.warning("%s tells nothing of how long a training takes: %s", version.version, error)
    return None


def caution(blobs: Blobs, version: ModelVersion, study: Study) -> str:
    """What must be said beside a version's answers about a study: that it knows nothing but phantoms; else empty.

    Raises
    ------
    VersionError
        The manifest is missing, damaged or of another task.
    """
    learnt = read_manifest(blobs, version).get("data", {}).get("training", {})
    alone = learnt.get("studies") and learnt.get("phantoms") == learnt["studies"]
    return ONLY_PHANTOMS if alone and not study.phantom else ""


def read(blobs: Blobs, version: ModelVersion) -> Trained:
    """What the training of a version gave, with its weights checked.

    Raises
    ------
    VersionError
        Manifest or weights are missing, damaged or of another task.
    """
    from safetensors import SafetensorError  # noqa: PLC0415
    from safetensors.torch import load as from_bytes  # noqa: PLC0415

    weights, settings, reports = {}, {}, []
    for name, entry in read_manifest(blobs, version)["stages"].items():
        settings[name] = entry["settings"]
        if "weights" in entry:
            try:
                weights[name] = from_bytes(blobs.get(entry["weights"], verify=True))
            except (BlobError, SafetensorError) as error:
                raise _broken(version, f"weights of {name}", str(getattr(error, "message", error))) from error
        if "report" in entry:
            reports.append(_report(entry["report"], entry.get("detail", {})))
    return Trained(weights, settings, tuple(reports))


def load(store: Store, blobs: Blobs, version: str) -> Model:
    """A version in memory, ready to predict; kept there for the next call.

    Parameters
    ----------
    version:
        Its id.

    Raises
    ------
    VersionError
        There is no such version, or its files are missing, damaged or of another task.
    """
    try:
        record = store.versions.get(version)
    except NotFoundError as error:
        raise VersionError(error.message, given=error.given, expected=error.expected, do=error.do) from error
    return _load(blobs.folder.resolve(), record, _stamps(blobs, record))


def _stamps(blobs: Blobs, version: ModelVersion) -> tuple[tuple[str, int, int], ...]:
    """Name, size and time of change of each weights file, so that a changed one is read (and refused) anew."""
    found = []
    for name, entry in read_manifest(blobs, version)["stages"].items():
        if "weights" in entry:
            try:
                known = blobs.path(entry["weights"]).stat()
            except OSError as error:
                raise _broken(version, f"weights of {name}", "the file is missing") from error
            found.append((name, known.st_size, known.st_mtime_ns))
    return tuple(found)


@lru_cache(maxsize=IN_MEMORY)
def _load(folder: Path, version: ModelVersion, stamps: tuple[tuple[str, int, int], ...]) -> Model:
    trained = read(Blobs(folder), version)
    return get_task(version.task).load(version.version, trained.settings, trained.weights)


def _report(known: Mapping[str, Any], detail: Mapping[str, Any]) -> StageReport:
    return StageReport(**{**known, "input": tuple(known["input"])}, detail=detail)


def _broken(version: ModelVersion, what: str, why: str) -> VersionError:
    return VersionError(
        f"The {what} of a model version cannot be read.",
        given=f"{version.version}: {why}",
        expected="the files as they were kept",
        do="restore the home from a copy, or train a new version",
    )
