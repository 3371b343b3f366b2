"""Training a version of a task on the reference standard of its training patients, and keeping it.

A version is kept whole or not at all. A training that is killed is taken up from the checkpoints in its scratch
folder when it is asked for again; a round's version is trained once.
"""

from __future__ import annotations

import hashlib
import json
import logging
import platform
import shutil
import tomllib
from collections.abc import Collection, Sequence
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import numpy as np

from data.blobs import Blobs
from data.errors import TrainingError
from data.pixels import Pixels
from data.records import ModelVersion, Part
from data.store import Store
from models import versions
from models.batches import held_out
from models.config import ProfileName
from models.device import find_device
from models.task import ClinicalTask, Example, Progress, Trained, TrainingRun, silent

LIBRARIES = ("torch", "torchvision", "timm", "numpy", "opencv-python-headless", "scikit-learn", "safetensors")
RULE = (
    "Studies that the task accepts, of patients of the part, with at least one answer: consensus read here before "
    "an imported label; what headers say reliably is imported when a study comes in."
)

log = logging.getLogger(__name__)


def examples(store: Store, task: ClinicalTask, parts: Collection[Part]) -> list[Example]:
    """The studies of patients of these parts that have a reference standard, by study id.

    Parameters
    ----------
    parts:
        Training or validation.

    Raises
    ------
    PartError
        The parts mix what is trained on with what is measured on.
    """
    standard = store.labels.standard(task.name, parts)
    found = []
    for study in store.studies.find(parts=parts):
        if not task.accepts(study):
            continue
        if answers := standard.get(study.study_id):
            found.append(Example(study, tuple(answers)))
    return task.select(store, sorted(found, key=lambda example: example.study.study_id), parts)


def train_version(
    store: Store,
    blobs: Blobs,
    task: ClinicalTask,
    profile_name: ProfileName | str,
    *,
    round_id: str = "",
    parent: str = "",
    scratch: Path,
    seed: int | None = None,
    max_steps: int | None = None,
    progress: Progress = silent,
) -> tuple[ModelVersion, Trained]:
    """Train a version and keep it.

    Parameters
    ----------
    round_id:
        The round whose candidate it is; its version comes back where it has one already.
    parent:
        The champion that it is trained to replace.
    scratch:
        A folder for checkpoints; what lies there from an interrupted run of the same training is taken up, and
        removed once the version is kept.
    seed:
        Of every random draw; the profile's own where it is None.
    max_steps:
        Optimiser steps of each network at the most.

    Raises
    ------
    TrainingError
        There is too little to train on.
    PartError
        A study belongs to a patient of another part.
    """
    kept = next((v for v in store.versions.all(task.name) if round_id and v.round_id == round_id), None)
    if kept is not None:
        return kept, versions.read(blobs, kept)
    profile = task.profile(profile_name)
    own_seed = profile.seed if seed is None else seed
    training, validation, note = _divided(store, task, own_seed)
    folder = scratch / f"{task.name}-{ProfileName(profile_name)}"
    run = TrainingRun(training, validation, Pixels(blobs), profile, folder, own_seed, max_steps, progress)
    started = _now()
    trained = task.train(run)
    manifest = versions.save(
        blobs,
        task.name,
        trained,
        profile=ProfileName(profile_name).value,
        configuration=profile.model_dump(mode="json"),
        seed=own_seed,
        max_steps=max_steps,
        parent=parent,
        round=round_id,
        data={
            "rule": RULE,
            "note": note,
            "training": _described(training),
            "validation": _described(validation),
        },
        left_out={n: s["left_out"] for n, s in trained.settings.items() if "left_out" in s},
        validation={r.name: r.detail.get("validation") for r in trained.stages},
        environment=_environment(),
        started_at=started,
        finished_at=_now(),
    )
    record = store.versions.add(
        task=task.name,
        profile=ProfileName(profile_name).value,
        manifest=manifest,
        parent=parent,
        round_id=round_id,
    )
    shutil.rmtree(folder, ignore_errors=True)
    return record, trained


def _divided(store: Store, task: ClinicalTask, seed: int) -> tuple[list[Example], list[Example], str]:
    """Training and validation examples, and a note where validation had to be taken from training patients."""
    training = examples(store, task, {Part.TRAIN})
    validation = examples(store, task, {Part.VALIDATION})
    store.labels.assert_parts({e.study.study_id for e in training}, {Part.TRAIN})
    store.labels.assert_parts({e.study.study_id for e in validation}, {Part.VALIDATION})
    if not training:
        raise TrainingError(
            f"There is no reference standard to train {task.name} on.",
            given=f"no answered study of a training patient, {len(validation)} of validation patients",
            expected="studies of the task's modalities with imported labels or a consensus",
            do="import labels with `consilium ingest`, or read a round",
        )
    if validation:
        return training, validation, ""
    patients = [e.study.patient.pseudonym for e in training]
    apart = held_out(patients, np.zeros(len(patients), dtype=np.int64), seed=seed)
    if not apart.any():
        raise TrainingError(
            f"All examples of {task.name} are of one patient.",
            given=f"{len(training)} studies of one patient",
            expected="two patients or more, so that one can be held out",
            do="import more labelled studies",
        )
    note = (
        "No validation patient has a reference standard: validation uses "
        f"{len({p for p, out in zip(patients, apart, strict=True) if out})} training patients, held out whole."
    )
    log.warning("%s: %s", task.name, note)
    return (
        [e for e, out in zip(training, apart, strict=True) if not out],
        [e for e, out in zip(training, apart, strict=True) if out],
        note,
    )


def _described(chosen: Sequence[Example]) -> dict[str, Any]:
    """Counts, pseudonyms and a fingerprint of examples, for the manifest."""
    digest = hashlib.sha256()
    questions: dict[str, int] = {}
    for example in chosen:
        answers = sorted((a.to_json() for a in example.answers), key=lambda a: (a["question"], a["site"]))
        digest.update(json.dumps([example.study.study_id, answers], sort_keys=True).encode())
        for question in {a.question for a in example.answers}:
            questions[question] = questions.get(question, 0) + 1
    return {
        "patients": sorted({e.study.patient.pseudonym for e in chosen}),
        "studies": len(chosen),
        "phantoms": sum(e.study.phantom for e in chosen),
        "studies_by_question": questions,
        "sha256": digest.hexdigest(),
    }


def _environment() -> dict[str, Any]:
    """Versions of what the training ran with."""
    return {
        "consilium": _own_version(),
        "python": platform.python_version(),
        "libraries": {name: version(name) for name in LIBRARIES},
        "device": str(find_device()),
    }


def _own_version() -> str:
    try:
        return version("consilium")
    except PackageNotFoundError:
        project = Path(__file__).parent.parent / "pyproject.toml"
        return str(tomllib.loads(project.read_text(encoding="utf-8"))["project"]["version"])


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds")
