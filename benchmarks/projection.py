"""How well the projection of real chest radiographs is told, by cross-validation over patients.

    python -m benchmarks.projection --data FOLDER [--labels CSV] [--folds K] [--seeds N] [--json]

The folder holds radiographs; the table (``manifest.csv`` or ``labels.csv`` in the folder or above it, where none
is named) has the columns path, patient_id and view, as ``consilium ingest`` reads it. All are ingested into a
temporary home. The projection stage of the ``demo`` profile is trained on the patients of all folds but one, of
which a fifth is held out for validation, and measured on the fold that is left; no patient is on both sides.

The printed line is JSON: the area under the ROC curve of the out-of-fold probabilities with a 95% interval over
patients, the mean over the seeds with the least and the largest, accuracy at the operating points, and the counts.
"""

from __future__ import annotations

import argparse
import json
import tempfile
import time
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from data.blobs import Blobs
from data.home import Home
from data.ingest import ingest, read_labels
from data.pixels import Pixels
from data.store import Store
from models.batches import Labelled, held_out
from models.classifier import Classifier, decide
from models.metrics import auc
from models.radiographs import read
from models.stages import train_stage
from models.task import Example, get_task

OPTIONS = ("frontal", "lateral")


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--data", type=Path, required=True, help="a folder of radiographs")
    parser.add_argument("--labels", type=Path, help="a CSV with path, patient_id and view")
    parser.add_argument("--folds", type=int, default=5)
    parser.add_argument("--seeds", type=int, default=1)
    parser.add_argument("--json", action="store_true", help="one line of JSON")
    options = parser.parse_args()
    labels = options.labels or _table(options.data)
    began = time.perf_counter()
    with tempfile.TemporaryDirectory() as folder:
        data = load(Path(folder), options.data, labels)
        result = measure(data, options.folds, options.seeds, Path(folder) / "scratch")
    result["seconds"] = round(time.perf_counter() - began, 1)
    print(json.dumps(result) if options.json else "\n".join(f"{k}: {v}" for k, v in result.items()))


def _table(data: Path) -> Path:
    places = [parent / name for parent in (data, *data.parents[:2]) for name in ("manifest.csv", "labels.csv")]
    found = next((place for place in places if place.is_file()), None)
    if found is None:
        raise SystemExit(f"No manifest.csv or labels.csv in {data} or beside it: name one with --labels.")
    return found


def load(folder: Path, data: Path, labels: Path) -> Labelled:
    """The radiographs whose view is known, prepared for the stage."""
    home, task = Home(folder / "home").prepare(), get_task("cxr_quality")
    ingest(home, [data], labels=read_labels(labels))
    known = [Example(s, task.references(s)) for s in Store.of(home).studies.find() if task.accepts(s)]
    known = sorted((e for e in known if e.answers), key=lambda e: e.study.study_id)
    size_px = task.profile("demo").stages["projection"].size_px
    return read(task.form["projection"], known, Pixels(Blobs.of(home)), size_px)


def folds_of(data: Labelled, folds: int, seed: int) -> NDArray[np.int64]:
    """The fold of each image: patients are dealt out, those with a lateral view first, to spread them."""
    names = np.asarray(data.patients)
    rng = np.random.default_rng(seed)
    lateral = sorted(set(names[data.targets == 1]))
    others = sorted(set(names) - set(lateral))
    order = [*rng.permutation(lateral), *rng.permutation(others)]
    fold = {str(name): place % folds for place, name in enumerate(order)}
    return np.array([fold[name] for name in data.patients])


def measure(data: Labelled, folds: int, seeds: int, scratch: Path) -> dict[str, object]:
    """Cross-validation, once a seed."""
    stage = get_task("cxr_quality").profile("demo").stages["projection"]
    runs, right = [], []
    for seed in range(seeds):
        fold, scores = folds_of(data, folds, seed), np.zeros(len(data.patients))
        chosen = np.zeros(len(data.patients), dtype=np.int64)
        for number in range(folds):
            rest, left = data.take(fold != number), data.take(fold == number)
            apart = held_out(rest.patients, rest.targets, seed=seed)
            result = train_stage(
                "projection", stage, OPTIONS, rest.take(~apart), rest.take(apart),
                scratch=scratch / f"{seed}-{number}", seed=seed,
            )  # fmt: skip
            classifier = Classifier.restore(result.settings, result.weights)
            given = classifier.probabilities(left.images)
            scores[fold == number] = given[:, 1]
            chosen[fold == number] = [decide(row, classifier.settings) for row in given]
        found = auc(scores, data.targets == 1, data.patients)
        if found is None:
            raise SystemExit("Only one projection is there: frontal and lateral radiographs are needed.")
        runs.append(found.metric(2000, seed))
        right.append(float(np.mean(chosen == data.targets)))
    values = [run.value for run in runs]
    return {
        "benchmark": "projection",
        "images": len(data.patients),
        "patients": len(set(data.patients)),
        "laterals": int(data.targets.sum()),
        "lateral_patients": len({p for p, t in zip(data.patients, data.targets, strict=True) if t}),
        "folds": folds,
        "seeds": seeds,
        "auc": round(float(np.mean(values)), 4),
        "auc_95": [runs[0].low, runs[0].high],
        "auc_range": [round(min(values), 4), round(max(values), 4)],
        "accuracy": round(float(np.mean(right)), 4),
    }


if __name__ == "__main__":
    main()
