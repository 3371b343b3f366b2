"""Studies as bags of slabs with the study's labels, kept on disk while a training runs.

Slabs are prepared once and lie in the scratch folder, mapped into memory, so that a large set needs no more memory
than a batch, and a training that is taken up again need not prepare them anew.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from data.pixels import Pixels
from models.chest.slices import Slabs, chosen, slabs_of
from models.images import overlapped
from models.task import Example, Progress, silent

PREPARATION = 2
"""Of the slabs: to be raised when they are made in another way."""


@dataclass(frozen=True, eq=False)
class Bags:
    """Studies with their slabs and labels.

    Parameters
    ----------
    images:
        (kept, slabs, 3, size, size) of uint8, mapped into memory.
    lungs:
        (kept, slabs, size, size) of bool, mapped into memory.
    rows:
        (n,) which of the kept ones these are.
    patients:
        Pseudonym of each study's patient.
    norm:
        (n,) 0 normal, 1 pathology, -1 not known.
    pathology:
        (n,) index of the only pathology; -1 where there is none or it is not known.
    source:
        A fingerprint of what is kept.
    """

    images: NDArray[np.uint8]
    lungs: NDArray[np.bool_]
    rows: NDArray[np.int64]
    patients: tuple[str, ...]
    norm: NDArray[np.int64]
    pathology: NDArray[np.int64]
    source: str

    def __len__(self) -> int:
        return len(self.rows)

    @property
    def slabs(self) -> int:
        """Slabs of each study."""
        return int(self.images.shape[1])

    @property
    def fingerprint(self) -> str:
        """Of studies and labels."""
        labels = [self.rows.tolist(), self.norm.tolist(), self.pathology.tolist(), self.patients]
        return hashlib.sha256(json.dumps([self.source, labels]).encode()).hexdigest()

    def take(self, which: NDArray[Any]) -> Bags:
        """Those of these indices, or where this is true."""
        indices = np.arange(len(self))[which]
        patients = tuple(self.patients[i] for i in indices)
        labels = self.norm[indices], self.pathology[indices]
        return replace(self, rows=self.rows[indices], patients=patients, norm=labels[0], pathology=labels[1])

    def study(self, index: int) -> NDArray[np.uint8]:
        """(slabs, 3, size, size) of a study."""
        return np.asarray(self.images[self.rows[index]])

    def lungs_of(self, index: int) -> NDArray[np.bool_]:
        """(slabs, size, size) of a study."""
        return np.asarray(self.lungs[self.rows[index]])


def gather(
    examples: Sequence[Example],
    pathologies: Sequence[str],
    pixels: Pixels,
    count: int,
    size_px: int,
    *,
    folder: Path,
    progress: Progress = silent,
) -> Bags:
    """The examples as bags; slabs that are kept in the folder already are taken from there.

    Parameters
    ----------
    pathologies:
        In the order of their indices.
    count, size_px:
        Slabs of a study, and their rows and columns. Where no study has so many slices, there are fewer slabs.
    """
    if examples:
        count = min(count, max(pixels.pages(chosen(e.study)) for e in examples))
    known = [PREPARATION, count, size_px, [(e.study.study_id, chosen(e.study).pixels) for e in examples]]
    source = hashlib.sha256(json.dumps(known).encode()).hexdigest()
    images, lungs = folder / f"slabs-{source[:16]}.npy", folder / f"lungs-{source[:16]}.npy"
    if not (images.exists() and lungs.exists()):
        prepared = overlapped(lambda e: slabs_of(e.study, pixels, count, size_px), examples, workers=2, ahead=6)
        folder.mkdir(parents=True, exist_ok=True)
        shape = len(examples), count, size_px, size_px
        _write(images, lungs, shape, prepared, progress)
    return Bags(
        np.load(images, mmap_mode="r"),
        np.load(lungs, mmap_mode="r"),
        np.arange(len(examples)),
        tuple(e.study.patient.pseudonym for e in examples),
        np.array([_norm(e) for e in examples], dtype=np.int64),
        np.array([_pathology(e, pathologies) for e in examples], dtype=np.int64),
        source,
    )


def _write(images: Path, lungs: Path, shape: tuple[int, int, int, int], prepared: Any, progress: Progress) -> None:
    """Write the slabs beside their place and move them there; a study with fewer slabs repeats some."""
    drafts = images.with_suffix(".draft"), lungs.with_suffix(".draft")
    of_images = (*shape[:2], 3, *shape[2:])
    if not shape[0]:
        np.save(images, np.zeros(of_images, np.uint8))
        np.save(lungs, np.zeros(shape, bool))
        return
    opened: Any = np.lib.format.open_memmap
    pictures = opened(drafts[0], mode="w+", dtype=np.uint8, shape=of_images)
    masks = opened(drafts[1], mode="w+", dtype=np.bool_, shape=shape)
    one: Slabs
    for index, one in enumerate(prepared):
        spread = np.linspace(0, len(one.images) - 1, shape[1]).round().astype(int)
        pictures[index], masks[index] = one.images[spread], one.lungs[spread]
        progress((index + 1) / shape[0], f"preparing study {index + 1} of {shape[0]}")
    pictures.flush()
    masks.flush()
    drafts[0].replace(images)
    drafts[1].replace(lungs)


def _norm(example: Example) -> int:
    return {"normal": 0, "pathology": 1}.get(str(example.value("norm")), -1)


def _pathology(example: Example, pathologies: Sequence[str]) -> int:
    value = example.value("pathology")
    return pathologies.index(value) if isinstance(value, str) and value in pathologies else -1
