"""How well the projection of real chest radiographs is told, by cross-validation over patients.

    python -m benchmarks.projection --data FOLDER [--labels CSV] [--folds K] [--seeds N] [--json]

The folder holds radiographs; the table (``manifest.csv`` or ``labels.csv`` in the folder or above it, where none
is named) has the columns path, patient_id and view, as ``consilium ingest`` reads it. All are ingested into a
temporary home. The projection stage of the ``demo`` profile is trained on the patients of all folds but one, of
which a fifth is held out for validation, and measured on the fold that is left; no patient is on both sides.

The printed line is JSON: the area under the ROC curve of the out-of-fold probabilities, the mean over the seeds
with a 95% interval over patients, the range over the seeds, accuracy at the operating points, and the counts.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from pathlib import Path

from benchmarks.crossval import crossvalidated, options_of, told
from data.blobs import Blobs
from data.home import Home
from data.ingest import ingest, read_labels
from data.pixels import Pixels
from data.store import Store
from models.batches import Labelled
from models.radiographs import read
from models.task import Example, get_task

OPTIONS = ("frontal", "lateral")


def main() -> None:
    """Measure and print."""

    def more(parser: argparse.ArgumentParser) -> None:
        parser.add_argument("--labels", type=Path, help="a CSV with path, patient_id and view")

    options = options_of(__doc__, more=more)
    began = time.perf_counter()
    stage = get_task("cxr_quality").profile("demo").stages["projection"]
    with tempfile.TemporaryDirectory() as folder:
        data = load(Path(folder), options.data, options.labels or _table(options.data))
        result = crossvalidated(
            "projection", stage, OPTIONS, data,
            folds=options.folds, seeds=options.seeds, scratch=Path(folder) / "scratch",
        )  # fmt: skip
    told({"benchmark": "projection", **result}, began, as_json=options.json)


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


if __name__ == "__main__":
    main()
