"""A home whose every answer is known: small drawn radiographs, a patient each, and no model."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from data.answers import STUDY, Answer
from data.blobs import Blobs
from data.home import Home
from data.records import Layout, Part, Patient, ReferenceLabel, Series, Study
from data.store import Store

TASK = "cxr_quality"
PARTS = {Part.TRAIN: 48, Part.VALIDATION: 16, Part.CALIBRATION: 4, Part.TEST: 24}
"""Patients by part."""


def fill(home: Home, *, parts: dict[Part, int] = PARTS) -> Store:
    """Studies with complete answers; what is asked can be seen in the pictures."""
    store, blobs, index = Store.of(home), Blobs.of(home), 0
    for part, count in parts.items():
        for _ in range(count):
            truth = truth_of(index)
            study = _study(blobs, index, part, truth)
            store.studies.add(study, {})
            store.labels.add_references(
                ReferenceLabel(TASK, study.study_id, Answer(name, STUDY, value), "labels.csv")
                for name, value in truth.items()
            )
            index += 1
    return store


def truth_of(index: int) -> dict[str, str]:
    """The answers of a study: every third is lateral, every other one cut off, every fourth lateral rotated."""
    cut = "cut_off" if index % 2 else "complete"
    if index % 3:
        return {"projection": "frontal", "borders_frontal": cut}
    rotated = "rotated" if index // 3 % 4 < 2 else "straight"
    return {"projection": "lateral", "borders_lateral": cut, "rotation_lateral": rotated}


def _study(blobs: Blobs, index: int, part: Part, truth: dict[str, str]) -> Study:
    pixels = _picture(index, truth)
    study_id = f"study-{index:03d}"
    series = Series(f"series-{index:03d}", study_id, "DX", Layout.IMAGE, pixels.shape, blobs.put_array(pixels),
                    spacing_mm=(4.0, 4.0), window=(2048.0, 4096.0))  # fmt: skip
    patient = Patient(f"hospital:{index:03d}", f"P-{index:010d}", part)
    return Study(study_id, patient, "DX", (series,), phantom=True, ingested_at="2026-03-01T08:00:00+00:00")


def _picture(index: int, truth: dict[str, str]) -> NDArray[np.uint16]:
    """(64, 64), 12 bits: one lung or two, that reach the upper edge where cut off and slant where rotated."""
    rows, columns = np.mgrid[-1:1:64j, -1:1:64j]
    lateral = truth["projection"] == "lateral"
    slant = 0.4 * rows if truth.get("rotation_lateral") == "rotated" else 0.0
    up = 0.55 if "cut_off" in truth.values() else 0.0
    grey = np.full(rows.shape, 0.75)
    for centre in (0.0,) if lateral else (-0.4, 0.4):
        inside = ((columns - centre - slant) / 0.3) ** 2 + ((rows + up) / 0.6) ** 2 < 1
        grey[inside] = 0.3
    noise = np.random.default_rng(index).normal(0, 0.05, rows.shape)
    return (np.clip(grey + noise, 0, 1) * 4095).astype(np.uint16)
