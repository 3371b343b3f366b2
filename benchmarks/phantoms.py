"""What each task's ``demo`` profile reaches on phantoms that it was not trained on, beside two yardsticks.

    python -m benchmarks.phantoms [--task TASK ...] [--phantoms N] [--json]

For each task phantoms are written, ingested into a temporary home with their truths as labels, and a version is
trained on the patients of the training and validation parts, as ``consilium train`` does. It is measured on the
patients of the test and calibration parts, which nothing of it has seen. Beside each figure stand a linear model
on down-sampled pixels and a reference network with a fixed recipe (``benchmarks/plain.py``), of the same training
patients and on the same test patients; None where a figure has no such yardstick.

The printed line is JSON: ``{task: {metric: {value, low, high, linear, reference}}}``, with ``seconds`` by task.
"""

from __future__ import annotations

import argparse
import json
import tempfile
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from benchmarks.phantom_figures import FIGURES, Measured
from data.blobs import Blobs
from data.home import Home
from data.ingest import ingest
from data.pixels import Pixels
from data.records import Part
from data.store import Store
from models.evaluation import evaluate
from models.prediction import predict_studies
from models.references import labels_of, record_references
from models.task import ClinicalTask, Example, discover, get_task
from models.training import train_version

MEASURED_ON = (Part.TEST, Part.CALIBRATION)
KEY = f"{0:064x}"
"""Of the home: which patients are for training follows from it, so that every run has the same ones."""


@dataclass
class _Clock:
    seconds: dict[str, float] = field(default_factory=dict)
    began: float = field(default_factory=time.perf_counter)

    def lap(self, name: str) -> None:
        """Note the seconds since the last lap."""
        now = time.perf_counter()
        self.seconds[name], self.began = round(now - self.began, 1), now


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--task", action="append", help="a task, or several; all without it")
    parser.add_argument("--phantoms", type=int, help="phantom patients; as many as the task's demo has without it")
    parser.add_argument("--profile", default="demo")
    parser.add_argument("--json", action="store_true", help="one line of JSON")
    options = parser.parse_args()
    found: dict[str, Any] = {}
    for name in options.task or list(discover()):
        with tempfile.TemporaryDirectory() as folder:
            found[name] = measure(Path(folder), get_task(name), options.phantoms, options.profile)
        if not options.json:
            print(name, json.dumps(found[name], indent=2))
    if options.json:
        print(json.dumps(found))


def measure(folder: Path, task: ClinicalTask, phantoms: int | None, profile: str) -> dict[str, Any]:
    """Train on phantoms, and measure on others."""
    clock, home = _Clock(), Home(folder / "home").prepare()
    (home.secrets / "key").write_text(KEY)
    store, blobs, images = Store.of(home), Blobs.of(home), folder / "images"
    count = phantoms or task.config.demo.phantoms
    labels = task.write_phantoms(count, images)
    table = labels_of(task, labels, blobs)
    clock.lap("phantoms")
    record_references(store, task, ingest(home, [images], labels=table).studies)
    clock.lap("ingest")
    version, trained = train_version(store, blobs, task, profile, scratch=folder / "scratch")
    clock.lap("training")
    references = store.labels.standard(task.name, MEASURED_ON)
    studies = [s for s in store.studies.find(study_ids=list(references)) if task.accepts(s)]
    predictions = predict_studies(home, task, version.version, studies)
    clock.lap("prediction")
    patients = {s.study_id: s.patient.patient_id for s in studies}
    references = {s: references[s] for s in patients}
    evaluation = evaluate(task.form, predictions, references, patients, blobs=blobs)
    test = [Example(s, references[s.study_id]) for s in studies]
    learnt = store.labels.standard(task.name, {Part.TRAIN, Part.VALIDATION})
    training = [Example(s, learnt[s.study_id]) for s in store.studies.find(study_ids=list(learnt))]
    known = Measured(home, task, version.version, Pixels(blobs), training, test, predictions, evaluation)
    figures = {name: figure(known).as_dict() for name, figure in FIGURES[task.name].items()}
    clock.lap("yardsticks")
    counts = {"training": len(training), "test": len(test)}
    stages = [stage.as_dict() for stage in trained.stages]
    return {**figures, "patients": counts, "stages": stages, "seconds": clock.seconds}


if __name__ == "__main__":
    main()
