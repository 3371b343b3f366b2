"""Predicting stored studies with a stored version, and evaluating a version on the patients of a part."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from itertools import islice

from data.blobs import Blobs
from data.errors import PartError
from data.home import Home
from data.pixels import Pixels
from data.records import Part, Prediction, Study
from data.store import Store
from models.evaluation import Evaluation, evaluate
from models.task import ClinicalTask, Progress, silent
from models.versions import load

KEEP_EVERY = 64
"""Predictions between two writes: what a kill can cost."""


def predict_studies(
    home: Home,
    task: ClinicalTask,
    version: str,
    studies: Sequence[Study],
    *,
    progress: Progress = silent,
) -> Mapping[str, Prediction]:
    """What a version says of studies, by study; only what is not kept yet is computed, and kept.

    Parameters
    ----------
    studies:
        Studies that the task accepts.
    """
    store, blobs = Store.of(home), Blobs.of(home)
    kept = store.versions.predictions(version, study_ids={s.study_id for s in studies})
    missing = [s for s in studies if s.study_id not in kept]
    if not missing:
        return kept
    model = load(store, blobs, version)
    done = 0
    for some in _batches(model.predict(missing, Pixels(blobs)), KEEP_EVERY):
        store.versions.put_predictions(some)
        kept.update((p.study_id, p) for p in some)
        done += len(some)
        progress(done / len(missing), f"predicting with {version}")
    return kept


def evaluate_version(
    home: Home, task: ClinicalTask, version: str, part: Part = Part.TEST, *, progress: Progress = silent
) -> Evaluation:
    """How a version does on the patients of a part that have a reference standard; kept with the version.

    Raises
    ------
    PartError
        The part is one that is trained on.
    """
    if part in (Part.TRAIN, Part.VALIDATION):
        raise PartError(
            "A version is not measured on patients that it was trained on.",
            given=part,
            expected="test or calibration",
            do="name one of them",
        )
    store = Store.of(home)
    references = store.labels.standard(task.name, {part})
    studies = [s for s in store.studies.find(study_ids=list(references)) if task.accepts(s)]
    predictions = predict_studies(home, task, version, studies, progress=progress)
    patients = {s.study_id: s.patient.patient_id for s in studies}
    evaluation = evaluate(
        task.form, predictions, {s: references[s] for s in patients}, patients, blobs=Blobs.of(home)
    )
    store.versions.put_evaluation(version, part, evaluation.as_dict())
    return evaluation


def measure_version(home: Home, task: ClinicalTask, version: str, *, progress: Progress = silent) -> Evaluation:
    """How a version does on the locked test patients, and on those that thresholds are chosen on; kept."""
    measured = evaluate_version(home, task, version, Part.TEST, progress=progress)
    if Store.of(home).labels.standard(task.name, {Part.CALIBRATION}):
        evaluate_version(home, task, version, Part.CALIBRATION, progress=progress)
    return measured


def _batches(predictions: Iterator[Prediction], size: int) -> Iterator[list[Prediction]]:
    while some := list(islice(predictions, size)):
        yield some
