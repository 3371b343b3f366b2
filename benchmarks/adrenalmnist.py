"""How well adrenal glands with a mass are told from normal ones by their shape (MedMNIST's AdrenalMNIST3D).

    python -m benchmarks.adrenalmnist --train TRAINVAL.npz [--test TEST.npz] [--seeds N] [--json]

The first file holds ``train_images``, ``train_labels``, ``val_images`` and ``val_labels``, the second
``test_images`` and ``test_labels``, as MedMNIST keeps them. The three-dimensional network of ``adrenal_ct``'s
second stage in the ``demo`` profile is trained on the train split. With a test file its epoch and operating point
are chosen on the val split and the test split is scored; without one they are chosen on a fifth of the train
split, held out, and the val split is scored. The set names no patients: the figures are per gland.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from benchmarks.crossval import DRAWS, bounds, told
from models.batches import Labelled, held_out
from models.classifier import Classifier, decide
from models.config import Augment, Stage
from models.metrics import Measure, auc, average, mean
from models.stages import train_stage
from models.task import get_task

OPTIONS = ("normal", "mass")
SIZE = 32
"""Voxels along each side that the network sees."""


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--train", type=Path, required=True, help="a file with the train and val splits")
    parser.add_argument("--test", type=Path, help="a file with the test split")
    parser.add_argument("--seeds", type=int, default=1)
    parser.add_argument("--json", action="store_true", help="one line of JSON")
    options = parser.parse_args()
    began = time.perf_counter()
    train, val = split(options.train, "train"), split(options.train, "val")
    apart = held_out(train.patients, train.targets, seed=0)
    learnt, chosen, scored = (train, val, split(options.test, "test")) if options.test else (
        train.take(~apart), train.take(apart), val
    )  # fmt: skip
    with tempfile.TemporaryDirectory() as folder:
        result = measure(learnt, chosen, scored, options.seeds, Path(folder))
    name = "test" if options.test else "val"
    told({"benchmark": "adrenalmnist", "scored": name, **result}, began, as_json=options.json)


def split(path: Path, name: str) -> Labelled:
    """One split of a file, scaled."""
    with np.load(path, allow_pickle=False) as file:
        if f"{name}_images" not in file:
            raise SystemExit(f"{path} has no {name}_images, only {', '.join(file.files)}.")
        images, labels = file[f"{name}_images"], file[f"{name}_labels"]
    return Labelled(
        np.stack([_scaled(image) for image in images]),
        labels.reshape(-1).astype(np.int64),
        tuple(f"{name}-{number}" for number in range(len(labels))),
    )


def _scaled(image: NDArray[Any]) -> NDArray[np.uint8]:
    levels = image.astype(np.float32) * (1 if image.max(initial=0) > 1 else 255)
    factor = SIZE / image.shape[0]
    if factor < 1:  # mean over the voxels that become one, so that thin parts are kept
        levels = ndimage.uniform_filter(levels, round(1 / factor))
    small = ndimage.zoom(levels, factor, order=1, grid_mode=True, mode="nearest")
    return np.asarray(np.clip(np.rint(small), 0, 255), dtype=np.uint8)


def stage_of() -> Stage:
    """The second stage of ``adrenal_ct``, for glands: cubes, of which left and right ones are mirror images."""
    demo = get_task("adrenal_ct").profile("demo").stages["phenotype"]
    changes = Augment(flip_horizontal=True, flip_vertical=True, rotate_deg=20.0, crop=0.1)
    own = {
        "frames": SIZE,
        "size_px": (SIZE, SIZE),
        "epochs": 24,
        "batch_size": 32,
        "augment": changes,
        "patience": 8,
    }
    return demo.model_copy(update=own)


def measure(learnt: Labelled, chosen: Labelled, scored: Labelled, seeds: int, scratch: Path) -> dict[str, Any]:
    """Train once a seed, and score."""
    aucs: list[Measure] = []
    rights: list[Measure] = []
    for seed in range(seeds):
        result = train_stage(
            "phenotype", stage_of(), OPTIONS, learnt, chosen, scratch=scratch / str(seed), seed=seed
        )
        classifier = Classifier.restore(result.settings, result.weights)
        given = np.concatenate(
            [classifier.probabilities(scored.images[i : i + 32]) for i in range(0, len(scored.images), 32)]
        )
        predicted = np.array([decide(row, classifier.settings) for row in given])
        found = auc(given[:, 1], scored.targets == 1, scored.patients)
        right = mean((predicted == scored.targets).astype(np.float64), scored.patients)
        if found is None or right is None:
            raise SystemExit("Only one class is there.")
        aucs.append(found)
        rights.append(right)
    area, accuracy = (average(some).metric(DRAWS, 0) for some in (aucs, rights))
    return {
        "per": "gland",
        "glands": len(scored.patients),
        "masses": int(scored.targets.sum()),
        "seeds": seeds,
        "auc": round(area.value, 4),
        "auc_95": bounds(area),
        "auc_range": [round(min(m.value for m in aucs), 4), round(max(m.value for m in aucs), 4)],
        "accuracy": round(accuracy.value, 4),
        "accuracy_95": bounds(accuracy),
    }


if __name__ == "__main__":
    main()
