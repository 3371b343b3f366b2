"""Predictions of training patients by models that have not seen them: fold by fold, exclusive by patient."""

from __future__ import annotations

import hashlib
import shutil
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from data.blobs import Blobs
from data.errors import TrainingError
from data.pixels import Pixels
from data.records import Part, Prediction
from data.store import Store
from models.config import ProfileName
from models.task import ClinicalTask, Example, Progress, TrainingRun, silent
from models.training import examples

FOLDS = 4


@dataclass(frozen=True, slots=True)
class OutOfFold:
    """What models that have not seen the patient say.

    Parameters
    ----------
    examples:
        The studies with their labels.
    folds:
        The fold of each study, by its id; a patient's studies are in one.
    predictions:
        By study; those that a model gave no answer to are missing.
    """

    examples: tuple[Example, ...]
    folds: Mapping[str, int]
    predictions: Mapping[str, Prediction]


def out_of_fold(
    store: Store,
    blobs: Blobs,
    task: ClinicalTask,
    profile_name: ProfileName | str,
    *,
    folds: int = FOLDS,
    scratch: Path,
    max_steps: int | None = None,
    progress: Progress = silent,
) -> OutOfFold:
    """Train on the patients of all folds but one, and predict the one that was left out; nothing of it is kept.

    Parameters
    ----------
    scratch:
        A folder for checkpoints; a fold that was cut off is taken up there.
    max_steps:
        Optimiser steps of each network at the most.

    Raises
    ------
    TrainingError
        There are fewer labelled training patients than folds, or no validation patients with labels.
    """
    training = examples(store, task, {Part.TRAIN})
    validation = examples(store, task, {Part.VALIDATION})
    fold = {e.study.study_id: fold_of(e.study.patient.patient_id, folds) for e in training}
    if len(set(fold.values())) < folds or folds < 2 or not validation:
        raise TrainingError(
            "There are too few labelled patients to check labels by folds.",
            given=f"{len(training)} studies in {len(set(fold.values()))} of {folds} folds, "
            f"{len(validation)} studies of validation patients",
            expected="two folds or more with labelled training patients in each, and labelled validation patients",
            do="import more labels, or name fewer folds",
        )
    predictions: dict[str, Prediction] = {}
    for number in range(folds):

        def told(share: float, words: str, number: int = number) -> None:
            progress((number + share) / folds, f"fold {number + 1} of {folds}: {words}")

        rest = [e for e in training if fold[e.study.study_id] != number]
        left = [e for e in training if fold[e.study.study_id] == number]
        folder = scratch / f"{task.name}-fold-{number}-of-{folds}"
        profile = task.profile(profile_name)
        run = TrainingRun(rest, validation, Pixels(blobs), profile, folder, profile.seed, max_steps, told)
        predictions.update(_predicted(task, run, left))
        shutil.rmtree(folder, ignore_errors=True)
    return OutOfFold(tuple(training), fold, predictions)


def fold_of(patient_id: str, folds: int) -> int:
    """The fold of a patient, by a hash."""
    return int.from_bytes(hashlib.sha256(f"fold\0{patient_id}".encode()).digest()[:8], "big") % folds


def _predicted(task: ClinicalTask, run: TrainingRun, left: Sequence[Example]) -> Iterator[tuple[str, Prediction]]:
    trained = task.train(run)
    model = task.load("out-of-fold", trained.settings, trained.weights)
    for prediction in model.predict([e.study for e in left], run.pixels):
        yield prediction.study_id, prediction
