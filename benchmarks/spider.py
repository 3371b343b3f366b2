"""How well vertebrae, discs and canal are outlined on SPIDER's sagittal MRI, by cross-validation over patients.

    python -m benchmarks.spider --data FOLDER [--folds K] [--seeds N] [--json]

The folder has ``images`` and ``masks`` (PNG slices or MetaImage volumes). The sagittal segmenter of
``lumbar_stenosis`` in the ``demo`` profile is trained on the patients of all folds but one, of which a fifth is
held out for validation, and outlines the slices of the fold that is left. The printed line is JSON: Dice by label,
the mean over slices and seeds with a 95% interval over patients.
"""

from __future__ import annotations

import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.crossval import at_once, dice_by, options_of, told
from data.datasets.spider import KNOWN, SpiderSlice, read_slices
from models.batches import held_out
from models.segmenter import Segmenter
from models.segmenter_data import Outlined, OutlinedPage
from models.segmenter_fitting import fit_segmenter
from models.spine.settings import LumbarProfile
from models.task import get_task

LABELS = tuple(sorted(KNOWN))
SIZE_PX, EPOCHS = (192, 144), 24
"""Larger and longer than in ``demo``, whose phantoms have wide discs and are many."""


def main() -> None:
    """Measure and print."""
    options = options_of(__doc__)
    began = time.perf_counter()
    with tempfile.TemporaryDirectory() as folder:
        result = measure(list(read_slices(options.data)), options.folds, options.seeds, Path(folder))
    told({"benchmark": "spider", **result}, began, as_json=options.json)


def measure(slices: Sequence[SpiderSlice], folds: int, seeds: int, scratch: Path) -> dict[str, Any]:
    """Cross-validation, once a seed."""
    pages = [OutlinedPage(s.image, s.masks, KNOWN, s.patient) for s in slices]
    patients = sorted({page.patient for page in pages})
    turns = []
    for seed in range(seeds):
        order = np.random.default_rng(seed).permutation(patients)
        turns += [
            _Turn(pages, frozenset(order[k::folds].tolist()), seed, scratch / f"{seed}-{k}") for k in range(folds)
        ]
    dices = [dice for turn in at_once(_left_out, turns) for dice in turn]
    found: dict[str, Any] = {"slices": len(pages), "patients": len(patients), "folds": folds, "seeds": seeds}
    return {**found, **dice_by(LABELS, dices)}


@dataclass(frozen=True)
class _Turn:
    """One fold: the pages, the patients that are left out, and a seed."""

    pages: Sequence[OutlinedPage]
    out: frozenset[str]
    seed: int
    scratch: Path


def _left_out(turn: _Turn) -> list[tuple[str, float, str]]:
    """(label, Dice, patient) of the pages that are left out."""
    profile = get_task("lumbar_stenosis").profile("demo")
    assert isinstance(profile, LumbarProfile)
    stage = profile.sagittal.model_copy(update={"size_px": SIZE_PX, "epochs": EPOCHS})
    rest = [page for page in turn.pages if page.patient not in turn.out]
    names = [page.patient for page in rest]
    apart = held_out(names, np.zeros(len(names), dtype=np.int64), seed=turn.seed)
    training, validation = (
        Outlined.of([p for p, held in zip(rest, apart, strict=True) if held == side], LABELS, stage.size_px)
        for side in (False, True)
    )
    result = fit_segmenter(
        "sagittal", stage, LABELS, training, validation, scratch=turn.scratch, seed=turn.seed
    )  # fmt: skip
    segmenter = Segmenter.restore(result.settings, result.weights)
    left = [page for page in turn.pages if page.patient in turn.out]
    found = []
    for page, maps in zip(left, segmenter.probabilities([p.page for p in left]), strict=True):
        given = segmenter.outlined(maps)
        dices = ((label, _dice(given.get(label), page.masks.get(label))) for label in LABELS)
        found += [(label, dice, page.patient) for label, dice in dices if dice is not None]
    return found


def _dice(given: Any, truth: Any) -> float | None:
    """Dice of two masks, either None where it is empty; None where both are."""
    total = sum(int(np.count_nonzero(mask)) for mask in (given, truth) if mask is not None)
    if not total:
        return None
    both = 0 if given is None or truth is None else int(np.count_nonzero(given & truth))
    return 2 * both / total


if __name__ == "__main__":
    main()
