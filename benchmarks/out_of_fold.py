"""A network's probabilities for images that it never learned from, taught by the majority of the readers alone.

The patients are dealt into folds; the network of ``cxr_findings`` in the ``demo`` profile, with an output for each
label, learns the majority of all reads of the other folds' patients. The reference standard is not looked at. A
few hundred images teach little: how little stands beside the figures (``benchmarks.consensus.model_quality``).
"""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from active_learning.crowd import majority_vote
from active_learning.ratings import NOT_READ
from benchmarks.crossval import at_once, folds_of, probabilities
from benchmarks.reader_tables import ReaderTable, write_probabilities
from models.batches import Labelled, held_out
from models.bootstrap import FloatArray
from models.classifier import Classifier
from models.config import Stage
from models.images import prepare
from models.stages import train_stage
from models.task import get_task

EPOCHS = 12
FOLDS = 5
LEAST_TAUGHT = 5
"""Images of either option that a label needs to be taught at all."""


@dataclass(frozen=True)
class _Turn:
    stage: Stage
    labels: tuple[str, ...]
    data: Labelled
    fold: NDArray[np.int64]
    number: int
    scratch: Path


def trained(images: Path, table: ReaderTable, *, write: Path | None, case: str) -> Mapping[str, FloatArray]:
    """By label with two options: (cases, 2) probabilities out of fold; NaN for cases without an image.

    Parameters
    ----------
    images:
        A folder with a file named as each case, with or without its ending.
    write:
        Where to keep them as a CSV file; nowhere without it.
    """
    stage = next(iter(get_task("cxr_findings").profile("demo").stages.values()))
    stage = stage.model_copy(update={"epochs": EPOCHS})
    labels = tuple(label for label in table.labels if _teachable(table, label))
    files = {path.name: path for path in images.iterdir()} | {path.stem: path for path in images.iterdir()}
    kept = np.array([name in files for name in table.cases])
    if not kept.any() or not labels:
        raise SystemExit(
            f"{images} holds no image named as a case, or the reads say too little to teach a network."
        )
    data = Labelled(
        np.stack([_picture(files[name], stage.size_px) for name in np.array(table.cases)[kept]]),
        np.column_stack([_majority(table, label) for label in labels])[kept],
        tuple(np.array(table.patients)[kept].tolist()),
    )
    fold = folds_of(replace(data, targets=(np.nansum(data.targets, axis=1) > 0).astype(np.int64)), FOLDS, 0)
    with tempfile.TemporaryDirectory() as folder:
        turns = [_Turn(stage, labels, data, fold, number, Path(folder) / str(number)) for number in range(FOLDS)]
        results = at_once(_left_out, turns)
    found = np.full((len(table.cases), len(labels)), np.nan)
    for number, result in enumerate(results):
        found[np.flatnonzero(kept)[fold == number]] = result
    model = {label: np.column_stack([1 - found[:, n], found[:, n]]) for n, label in enumerate(labels)}
    if write is not None:
        write_probabilities(write, table, model, case=case)
        print(f"written to {write}", file=sys.stderr)
    return model


def _left_out(turn: _Turn) -> FloatArray:
    """(images of the fold, labels) probabilities."""
    rest, left = turn.data.take(turn.fold != turn.number), turn.data.take(turn.fold == turn.number)
    rare = (np.nansum(rest.targets, axis=1) > 0).astype(np.int64)
    apart = held_out(rest.patients, rare, seed=turn.number)
    result = train_stage(
        "readers", turn.stage, turn.labels, rest.take(~apart), rest.take(apart),
        scratch=turn.scratch, exclusive=False, seed=turn.number,
    )  # fmt: skip
    return probabilities(Classifier.restore(result.settings, result.weights), left.images)


def _teachable(table: ReaderTable, label: str) -> bool:
    targets = _majority(table, label)
    return (
        len(table.ratings[label].options) == 2 and min((targets == 0).sum(), (targets == 1).sum()) >= LEAST_TAUGHT
    )


def _majority(table: ReaderTable, label: str) -> FloatArray:
    """(cases,) the option of most reads; NaN where two have equally many."""
    labels = majority_vote(table.ratings[label]).labels
    return np.where(labels == NOT_READ, np.nan, labels)


def _picture(path: Path, size_px: tuple[int, int]) -> NDArray[np.uint8]:
    picture = cv2.imread(str(path), cv2.IMREAD_GRAYSCALE)
    if picture is None:
        raise SystemExit(f"{path} is no picture.")
    return prepare(np.asarray(picture, dtype=np.uint8), size_px)
