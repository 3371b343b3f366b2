"""How well findings of real chest radiographs are told, against the adjudicated consensus of five readers.

    python -m benchmarks.cxr_consensus --data FOLDER [--labels CSV] [--finding NAME ...] [--epochs N]
                                       [--folds K] [--seeds N] [--json]

The folder holds the radiographs; the table (``consensus_all_findings.csv`` in the folder, where none is named) has
the columns ``Image ID``, ``Patient ID`` and one with YES or NO for each finding. The network of ``cxr_findings``
in the ``demo`` profile is trained for each finding on the patients of all folds but one.
"""

from __future__ import annotations

import argparse
import csv
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

import cv2
import numpy as np

from benchmarks.crossval import crossvalidated, options_of, told
from models.batches import Labelled
from models.images import prepare
from models.task import get_task

FINDINGS = ("Cardiomegaly", "Effusion")
EPOCHS = 16
"""Of each training; fewer than the profile has, so that five seeds do not take hours."""
TABLE = "consensus_all_findings.csv"


def main() -> None:
    """Measure and print."""

    def more(parser: argparse.ArgumentParser) -> None:
        parser.add_argument("--labels", type=Path, help="a CSV with Image ID, Patient ID and the findings")
        parser.add_argument("--finding", action="append", help="a column; Cardiomegaly and Effusion without it")

        parser.add_argument("--epochs", type=int, default=EPOCHS)

    options = options_of(__doc__, more=more)
    began = time.perf_counter()
    stage = next(iter(get_task("cxr_findings").profile("demo").stages.values()))
    stage = stage.model_copy(update={"epochs": options.epochs})
    results = {}
    for finding in options.finding or FINDINGS:
        data = load(options.data, options.labels or options.data / TABLE, finding, stage.size_px)
        with tempfile.TemporaryDirectory() as folder:
            results[finding] = crossvalidated(
                finding.lower(), stage, ("absent", "present"), data,
                folds=options.folds, seeds=options.seeds, scratch=Path(folder),
            )  # fmt: skip
    told({"benchmark": "cxr_consensus", **results}, began, as_json=options.json)


def load(folder: Path, labels: Path, finding: str, size_px: tuple[int, int]) -> Labelled:
    """The radiographs with a consensus on a finding, prepared."""
    with labels.open(newline="", encoding="utf-8") as stream:
        rows: Sequence[dict[str, str]] = list(csv.DictReader(stream))
    if not rows or finding not in rows[0]:
        raise SystemExit(f"{labels} has no column {finding}.")
    known = [row for row in rows if row[finding] in {"YES", "NO"} and (folder / row["Image ID"]).is_file()]
    images = []
    for row in known:
        picture = cv2.imread(str(folder / row["Image ID"]), cv2.IMREAD_GRAYSCALE)
        if picture is None:
            raise SystemExit(f"{row['Image ID']} is no picture.")
        images.append(prepare(np.asarray(picture, dtype=np.uint8), size_px))
    targets = np.array([row[finding] == "YES" for row in known], dtype=np.int64)
    return Labelled(np.stack(images), targets, tuple(row["Patient ID"] for row in known))


if __name__ == "__main__":
    main()
