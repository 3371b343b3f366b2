"""How well adrenal glands with a mass are told from normal ones by their shape (MedMNIST's AdrenalMNIST3D).

    python -m benchmarks.adrenalmnist --train TRAINVAL.npz [--test TEST.npz] [--folds K] [--seeds N] [--json]

The first file holds ``train_images``, ``train_labels``, ``val_images`` and ``val_labels``, the second
``test_images`` and ``test_labels``, as MedMNIST keeps them. With a test file the train and val splits are learnt
from and the test split is scored; without one the train split is learnt from and the val split is scored.

What is learnt from is dealt into folds. For each fold the three-dimensional network of ``adrenal_ct``'s second
stage in the ``demo`` profile is trained on the other folds; its epoch and temperature are chosen on the fold left
out. The probability of a mass is the mean over these networks, each of which sees a gland as it is and mirrored.
``auc`` and ``accuracy`` (a mass from a probability of 0.5 on) come with intervals over glands: the set names no
patients, so that nothing patient-exclusive is claimed.
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

from benchmarks.crossval import DRAWS, at_once, bounds, folds_of, probabilities, told
from models.batches import Labelled
from models.classifier import Classifier
from models.config import Augment, Stage
from models.metrics import Measure, auc, average, mean
from models.stages import train_stage
from models.task import get_task

OPTIONS = ("normal", "mass")
SIZE = 32
"""Voxels along each side that the network sees."""
FOLDS = 5


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--train", type=Path, required=True, help="a file with the train and val splits")
    parser.add_argument("--test", type=Path, help="a file with the test split")
    parser.add_argument("--folds", type=int, default=FOLDS)
    parser.add_argument("--seeds", type=int, default=1)
    parser.add_argument("--json", action="store_true", help="one line of JSON")
    options = parser.parse_args()
    began = time.perf_counter()
    train, val = split(options.train, "train"), split(options.train, "val")
    learnt, scored = (joined(train, val), split(options.test, "test")) if options.test else (train, val)
    result = measure(learnt, scored, options.folds, options.seeds)
    name = "test" if options.test else "val"
    told({"benchmark": "adrenalmnist", "scored": name, **result}, began, as_json=options.json)


def joined(one: Labelled, other: Labelled) -> Labelled:
    """Both splits as one."""
    images, targets = (np.concatenate(pair) for pair in ((one.images, other.images), (one.targets, other.targets)))
    return Labelled(images, targets, (*one.patients, *other.patients))


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


def measure(learnt: Labelled, scored: Labelled, folds: int, seeds: int) -> dict[str, Any]:
    """Train a network for each fold, once a seed, and score their mean."""
    turns = [(learnt, scored.images, folds, seed, number) for seed in range(seeds) for number in range(folds)]
    given = np.stack(at_once(_turn, turns)).reshape(seeds, folds, -1).mean(axis=1)
    positive = scored.targets == 1
    aucs = [auc(one, positive, scored.patients) for one in given]
    rights = [mean(((one >= 0.5) == positive).astype(np.float64), scored.patients) for one in given]
    known: list[Measure] = [one for one in aucs if one is not None]
    right: list[Measure] = [one for one in rights if one is not None]
    if len(known) < seeds or len(right) < seeds:
        raise SystemExit("Only one class is there.")
    area, accuracy = (average(some).metric(DRAWS, 0) for some in (known, right))
    return {
        "per": "gland",
        "learnt_glands": len(learnt.patients),
        "glands": len(scored.patients),
        "masses": int(positive.sum()),
        "folds": folds,
        "seeds": seeds,
        "auc": round(area.value, 4),
        "auc_95": bounds(area),
        "auc_range": [round(min(m.value for m in known), 4), round(max(m.value for m in known), 4)],
        "accuracy": round(accuracy.value, 4),
        "accuracy_95": bounds(accuracy),
    }


def _turn(given: tuple[Labelled, NDArray[np.uint8], int, int, int]) -> NDArray[np.float64]:
    """Probabilities of a mass by the network of one fold."""
    learnt, images, folds, seed, number = given
    left = folds_of(learnt, folds, seed) == number
    with tempfile.TemporaryDirectory() as folder:
        result = train_stage(
            "phenotype", stage_of(), OPTIONS, learnt.take(~left), learnt.take(left),
            scratch=Path(folder), seed=seed * folds + number,
        )  # fmt: skip
    classifier = Classifier.restore(result.settings, result.weights)
    views = images, np.ascontiguousarray(images[..., ::-1])
    seen: NDArray[np.float64] = np.mean([probabilities(classifier, view)[:, 1] for view in views], axis=0)
    return seen


if __name__ == "__main__":
    main()
