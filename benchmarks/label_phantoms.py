"""Phantoms as pools: radiographs with questions of quality, and adrenal lesions with their phenotype.

They are drawn by number, so that everybody has the same ones; what they look like is made once and kept.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmarks import label_features as look
from benchmarks.label_cases import NOT_KNOWN, CasePool, Cases, Floats, Plan, kept
from data.phantoms import adrenal_ct, cxr_quality

POOL, TEST, PX = 600, 300, 128
"""Radiographs to choose from, to test on, and pixels of their longer side."""
QUALITY = {"borders_frontal": "cut_off", "borders_lateral": "cut_off", "rotation_lateral": "rotated"}
"""The answer that is looked for, by question; each is asked of one projection alone."""
STUDIES, LESION_PX, TESTED = 600, 112, 1 / 3
"""Abdominal scans, of which two thirds show a lesion; pixels of a side; the share of patients to test on."""
PHENOTYPES = ("malignant", "indeterminate")
"""One question each; what is neither is benign."""


def quality(cache: Path) -> CasePool:
    """Radiographs: projection; cut borders by projection; rotation of lateral ones."""
    count = POOL + TEST

    def make() -> dict[str, NDArray[Any]]:
        made = [look.radiograph(cxr_quality.radiograph(n, size_px=PX).pixels) for n in range(count)]
        return {str(place): np.stack(block) for place, block in enumerate(zip(*made, strict=True))}

    blocks = kept(cache / f"cxr_quality-{count}-{PX}.npz", make)
    columns = look.beside(
        *(
            look.axes(number, 3.0, *np.split(blocks[name].astype(np.float32), [POOL]))
            for name, number in (("0", 32), ("1", 48), ("2", 24))
        )
    )
    targets = np.array([_asked(cxr_quality.truth_of(number)) for number in range(count)])
    ids = tuple(f"phantom-{number}" for number in range(count))
    return CasePool(
        "cxr_quality", "radiograph", Plan(20, 36, 10), Cases(columns[0], targets[:POOL], ids[:POOL]),
        Cases(columns[1], targets[POOL:], ids[POOL:]), (None, (0, 0), (0, 1), (0, 1)), f"cxr_quality-{count}-{PX}",
    )  # fmt: skip


def _asked(truth: Mapping[str, str]) -> list[int]:
    """Whether it is a lateral view, then the questions of :data:`QUALITY`."""
    lateral = int(truth["projection"] == "lateral")
    return [lateral, *(int(truth[name] == bad) if name in truth else NOT_KNOWN for name, bad in QUALITY.items())]


def lesions(cache: Path) -> CasePool:
    """Outlined adrenal lesions: is it malignant, is it indeterminate. Lesions of one patient stay together."""

    def make() -> dict[str, NDArray[Any]]:
        shown = [number for number in range(STUDIES) if adrenal_ct.truth_of(number, size_px=LESION_PX)]
        rows = [row for number in shown for row in _lesions(number)]
        return {
            "features": np.stack([row[0] for row in rows]),
            "targets": np.array([[int(row[1] == name) for name in PHENOTYPES] for row in rows]),
            "studies": np.array([row[2] for row in rows]),
        }

    found = kept(cache / f"adrenal_ct-{STUDIES}-{LESION_PX}.npz", make)
    features, targets, studies = found["features"].astype(np.float32), found["targets"], found["studies"]
    names = np.unique(studies)
    test = np.isin(studies, names[round(len(names) * (1 - TESTED)) :])
    columns = look.standard(features[~test], features[test])
    ids = np.array([f"phantom-{number}" for number in studies])
    pool, scored = (
        Cases(block, targets[place].astype(np.int64), tuple(map(str, ids[place])))
        for block, place in zip(columns, (~test, test), strict=True)
    )
    plan = Plan(20, 20, 10).within(len(pool.features))
    return CasePool(
        "adrenal_ct", "lesion", plan, pool, scored, (None,) * len(PHENOTYPES), f"adrenal_ct-{STUDIES}-{LESION_PX}"
    )  # fmt: skip


def _lesions(number: int) -> list[tuple[Floats, str, int]]:
    """What each lesion of a scan looks like, its phenotype, and the scan's number."""
    made = adrenal_ct.study(number, size_px=LESION_PX)
    phases = [series.pixels for series in made.study.series]
    masks = made.study.masks["lesions"]
    return [
        (look.lesion(phases, np.asarray(masks[one.label])), one.phenotype, number)
        for one in made.lesions
        if np.count_nonzero(masks[one.label]) >= look.LESION_VOXELS
    ]


PHANTOMS: dict[str, Callable[[Path], CasePool]] = {"cxr_quality": quality, "adrenal_ct": lesions}
"""By the name of the task; the folder is where things are kept."""
