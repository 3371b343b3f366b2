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
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import numpy as np

from data.blobs import Blobs
from data.errors import TrainingError
from data.leakage import Copy
from data.pixels import Pixels
from data.records import ModelVersion, Origin, Part
from data.store import Store
from models import versions
from models.batches import held_out
from models.config import ProfileName
from models.device import find_device
from models.learnt import without_copies, write_learnt
from models.task import ClinicalTask, Example, Progress, Trained, TrainingRun, silent
from models.watching import followed

LIBRARIES = ("torch", "torchvision", "timm", "numpy", "opencv-python-headless", "scikit-learn", "safetensors")
RULE = (
    "Studies that the task accepts, of patients of the part, with at least one answer: consensus read here before "
    "an imported label; what headers say reliably is imported when a study comes in."
)

NAMED = 20
"""Studies that an entry of the log names; the file beside the manifest names all."""

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
    environment, started = _environment(), _now()
    earlier = versions.pace_before(store, blobs, task.name, ProfileName(profile_name), max_steps, environment)
    with followed(task.planned(profile), earlier) as journal:
        chosen = _chosen(store, blobs, task, progress)
        training, validation, note = _divided(task, chosen, own_seed)
        folder = scratch / f"{task.name}-{ProfileName(profile_name)}"
        run = TrainingRun(training, validation, Pixels(blobs), profile, folder, own_seed, max_steps, progress)
        trained = task.train(run)
        pace = journal.pace()
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
            "note": " ".join(said for said in (note, chosen.note) if said),
            "training": _described(training),
            "validation": _described(validation),
            "left_out_as_copies": len({copy.learnt for copy in chosen.copies}),
            "learnt_from": write_learnt(
                blobs, {"training": training, "validation": validation}, chosen.origins, chosen.copies
            ),
        },
        left_out={n: s["left_out"] for n, s in trained.settings.items() if "left_out" in s},
        validation={r.name: r.detail.get("validation") for r in trained.stages},
        environment=environment,
        pace=pace.as_dict(),
        started_at=started,
        finished_at=_now(),
    )
    with store.write():
        record = store.versions.add(
            task=task.name,
            profile=ProfileName(profile_name).value,
            manifest=manifest,
            parent=parent,
            round_id=round_id,
        )
        if chosen.copies:
            left_out = sorted({copy.learnt for copy in chosen.copies})
            store.log.add("copies.left_out", record.version, count=len(left_out), studies=left_out[:NAMED])
    shutil.rmtree(folder, ignore_errors=True)
    return record, trained


@dataclass(frozen=True, slots=True)
class _Chosen:
    """The examples of training and of validation patients, where their answers are from, and what gave way.

    Parameters
    ----------
    copies:
        Studies that show what a study of a test or calibration patient shows: they are in neither.
    """

    training: list[Example]
    validation: list[Example]
    origins: Mapping[str, Sequence[Origin]]
    copies: tuple[Copy, ...]

    @property
    def note(self) -> str:
        """What was left out, as a sentence; empty where nothing was."""
        if not self.copies:
            return ""
        count = len({copy.learnt for copy in self.copies})
        told = "1 study was" if count == 1 else f"{count} studies were"
        return f"{told} left out: copies of studies of test or calibration patients."


def _chosen(store: Store, blobs: Blobs, task: ClinicalTask, progress: Progress) -> _Chosen:
    with store.snapshot():
        training = examples(store, task, {Part.TRAIN})
        validation = examples(store, task, {Part.VALIDATION})
        origins = store.labels.origins(task.name, {Part.TRAIN, Part.VALIDATION})
    store.labels.assert_parts({e.study.study_id for e in training}, {Part.TRAIN})
    store.labels.assert_parts({e.study.study_id for e in validation}, {Part.VALIDATION})
    kept, found = without_copies(
        store, blobs, task, [*training, *validation], progress=lambda _, words: progress(0.0, words)
    )
    left = {example.study.study_id for example in kept}
    chosen = _Chosen(
        [e for e in training if e.study.study_id in left],
        [e for e in validation if e.study.study_id in left],
        origins,
        found,
    )
    if chosen.note:
        log.warning("%s: %s", task.name, chosen.note)
    return chosen


def _divided(task: ClinicalTask, chosen: _Chosen, seed: int) -> tuple[list[Example], list[Example], str]:
    """Training and validation examples, and a note where validation had to be taken from training patients."""
    training, validation = chosen.training, chosen.validation
    if not training:
        given = f"no answered study of a training patient, {len(validation)} of validation patients"
        raise TrainingError(
            f"There is no reference standard to train {task.name} on.",
            given=f"{given}. {chosen.note}" if chosen.note else given,
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
