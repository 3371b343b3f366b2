"""Pools of cases whose answers are known, to play readers with: glands, slices of the spine, phantom radiographs.

A pool is what may be asked for; the test cases are of other patients and are never in it. What cases look like is
learnt without labels (:mod:`benchmarks.label_features`) and kept, as are phantoms, in a folder of its own.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from benchmarks import label_features as look
from benchmarks.label_cases import CasePool, Cases, Floats, Ints, PagePool, Plan, Pool, fingerprint, kept
from benchmarks.label_phantoms import PHANTOMS
from data.datasets.spider import KNOWN, SpiderSlice, read_slices

REAL = "CONSILIUM_REAL_DATA"
ROWS, COLUMNS = 80, 64
"""The grid on which slices are outlined."""
STRUCTURES = tuple(sorted(KNOWN))


def pools(data: Sequence[Path], test: Path | None, cache: Path) -> Iterator[Pool]:
    """The pools of the paths given; without any, of ``CONSILIUM_REAL_DATA`` and phantoms.

    Parameters
    ----------
    data:
        A file as MedMNIST keeps AdrenalMNIST3D, a folder with ``images`` and ``masks`` as SPIDER has them, or
        the name of a phantom task in :data:`benchmarks.label_phantoms.PHANTOMS`.
    test:
        Of the same kind as the one path in ``data``: what is scored in the place of the val split, or of the
        patients that are drawn.
    """
    given = [*data] if data else [*found(), *(Path(name) for name in PHANTOMS)]
    if test is not None and len(given) != 1:
        raise SystemExit("--test goes with one --data.")
    for path in given:
        if path.suffix == ".npz":
            yield glands(path, test, cache)
        elif (path / "images").is_dir():
            yield slices(path, test, cache)
        elif str(path) in PHANTOMS:
            yield PHANTOMS[str(path)](cache)
        else:
            raise SystemExit(f"{path} is no .npz file, no folder with images and masks, and no phantom task.")


def found() -> list[Path]:
    """The data sets in the folder that ``CONSILIUM_REAL_DATA`` names."""
    if not os.environ.get(REAL):
        return []
    root = Path(os.environ[REAL])
    folders = [path.parent for path in root.rglob("masks") if (path.parent / "images").is_dir()]
    return [*sorted(root.rglob("adrenalmnist3d*train*.npz")), *sorted(p for p in folders if "spider" in p.name)]


def glands(path: Path, test: Path | None, cache: Path) -> CasePool:
    """Adrenal glands by their shape: the train split to choose from, the val split or a test file to score."""
    shape, rough, targets = _glands(path, "train", cache)
    name = "test" if test is not None else "val"
    other = _glands(test or path, name, cache)
    columns = look.beside(look.standard(shape, other[0]), look.axes(16, 2.0, rough, other[1]))
    return CasePool(
        "adrenalmnist3d", "gland", Plan(20, 48, 10).within(len(targets)),
        Cases(columns[0], targets, tuple(f"train-{i}" for i in range(len(targets)))),
        Cases(columns[1], other[2], tuple(f"{name}-{i}" for i in range(len(other[2])))),
        (None,), fingerprint(path, test),
    )  # fmt: skip


def _glands(path: Path, split: str, cache: Path) -> tuple[Floats, Floats, Ints]:
    """Shapes, coarse cubes and answers (n, 1) of a split."""

    def make() -> dict[str, NDArray[Any]]:
        with np.load(path, allow_pickle=False) as file:
            if f"{split}_images" not in file:
                raise SystemExit(f"{path} has no {split}_images, only {', '.join(file.files)}.")
            images, labels = file[f"{split}_images"], file[f"{split}_labels"]
        solid = images > (127 if images.max() > 1 else 0)
        return {
            "shape": np.stack([look.gland(one) for one in solid]),
            "coarse": np.stack([look.coarse(one) for one in solid]),
            "targets": labels.reshape(-1, 1).astype(np.int64),
        }

    found = kept(cache / f"glands-{split}-{fingerprint(path)}.npz", make)
    return found["shape"].astype(np.float32), found["coarse"].astype(np.float32), found["targets"].astype(np.int64)


def slices(path: Path, test: Path | None, cache: Path) -> PagePool:
    """Sagittal slices of the spine; patients are for choosing or for testing, never both."""
    sets = [_slices(one, cache) for one in ([path] if test is None else [path, test])]
    images, pages, masks = (np.concatenate([one[key] for one in sets]) for key in ("images", "pixels", "masks"))
    names = np.concatenate([one["patients"] for one in sets])
    apart = None
    if test is not None:
        apart = np.arange(len(names)) >= len(sets[0]["patients"])
        both = np.intersect1d(names[apart], names[~apart])
        if both.size:
            raise SystemExit(f"Patients {', '.join(map(str, both))} are in both folders.")
    (features,) = look.axes(24, 1.0, images.reshape(len(images), -1).astype(np.float32))
    (flat,) = look.standard(pages.reshape(-1, pages.shape[-1]).astype(np.float32))
    pool = len(names) if apart is None else int((~apart).sum())
    return PagePool(
        "spider", "slice", Plan(3, 2, 8).within(pool if apart is not None else pool * 2 // 3), features,
        flat.reshape(pages.shape), masks.astype(np.uint8), tuple(map(str, names)), apart, fingerprint(path, test),
    )  # fmt: skip


def _slices(path: Path, cache: Path) -> dict[str, NDArray[Any]]:
    def make() -> dict[str, NDArray[Any]]:
        read = list(read_slices(path))
        return {
            "images": np.stack([cv2.resize(one.image, (32, 40), interpolation=cv2.INTER_AREA) for one in read]),
            "pixels": np.stack([look.pixels(one.image, ROWS, COLUMNS) for one in read]),
            "masks": np.stack([_mask(one) for one in read]),
            "patients": np.array([one.patient for one in read]),
        }

    return kept(cache / f"slices-{fingerprint(path)}.npz", make)


def _mask(one: SpiderSlice) -> NDArray[np.uint8]:
    """(rows * columns,) the structure that has most of a pixel, counted from 1; 0 where none has half of it."""
    shares = np.zeros((len(STRUCTURES), ROWS, COLUMNS), dtype=np.float32)
    for place, name in enumerate(STRUCTURES):
        if name in one.masks:
            mask = one.masks[name].astype(np.float32)
            shares[place] = cv2.resize(mask, (COLUMNS, ROWS), interpolation=cv2.INTER_AREA)
    return np.where(shares.max(axis=0) > 0.5, shares.argmax(axis=0) + 1, 0).astype(np.uint8).ravel()
