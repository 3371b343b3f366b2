"""Pictures of 40 x 40 pixels that stand for radiographs: each answer is a bright patch at a place of its own."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from data.answers import STUDY, Answer
from data.blobs import Blobs
from data.records import Layout, Part, Patient, ReferenceLabel, Series, Study
from data.store import Store

TASK = "cxr_quality"
PATCHES = {
    ("projection", "lateral"): (slice(4, 14), slice(4, 14)),
    ("borders_frontal", "cut_off"): (slice(26, 36), slice(4, 14)),
    ("borders_lateral", "cut_off"): (slice(26, 36), slice(4, 14)),
    ("rotation_lateral", "rotated"): (slice(26, 36), slice(26, 36)),
}
BRANCHES: Sequence[Mapping[str, str]] = (
    {"projection": "frontal", "borders_frontal": "complete"},
    {"projection": "lateral", "borders_lateral": "complete", "rotation_lateral": "straight"},
    {"projection": "frontal", "borders_frontal": "cut_off"},
    {"projection": "lateral", "borders_lateral": "cut_off", "rotation_lateral": "rotated"},
    {"projection": "lateral", "borders_lateral": "complete", "rotation_lateral": "rotated"},
    {"projection": "lateral", "borders_lateral": "cut_off", "rotation_lateral": "straight"},
)


def picture(truth: Mapping[str, str], seed: int) -> np.ndarray:
    """(40, 40) of uint8, noise with a patch for each positive answer."""
    pixels = np.random.default_rng(seed).integers(0, 110, (40, 40)).astype(np.uint8)
    for answer in truth.items():
        if answer in PATCHES:
            pixels[PATCHES[answer]] += 130
    return pixels


def add_study(
    store: Store, blobs: Blobs, number: int, truth: Mapping[str, str], part: Part, *, view: str = ""
) -> Study:
    """Keep one such study, with its truth as imported labels."""
    name = f"study-{part}-{number:03}"
    pixels = picture(truth, number + 1000 * list(Part).index(part))
    series = Series(f"{name}-1", name, "DX", Layout.IMAGE, pixels.shape, blobs.put_array(pixels))
    patient = Patient(f"test:{part}-{number}", f"P-{part.upper()}-{number:03}", part)
    store.studies.add(Study(name, patient, "DX", (series,), view=view), {})
    store.labels.add_references(ReferenceLabel(TASK, name, Answer(q, STUDY, v), "test") for q, v in truth.items())
    return store.studies.get(name)


def fill(store: Store, blobs: Blobs, counts: Mapping[Part, int], *, questions: Sequence[str] = ()) -> None:
    """Keep studies of these parts; with labels of these questions only, or of all."""
    for part, count in counts.items():
        for number in range(count):
            truth = BRANCHES[number % len(BRANCHES)]
            add_study(
                store, blobs, number, {q: v for q, v in truth.items() if not questions or q in questions}, part
            )
