"""Simulated radiographs of bad quality, for questions that too few read ones answer.

A cut border is made from a training radiograph by cropping it at the border of its lungs; a rotated patient by
projecting the volume of a phantom thorax at a known angle.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from functools import partial

import numpy as np
from numpy.typing import NDArray

from data.pixels import Pixels
from models.images import page
from models.radiographs import Picture, Simulator
from models.task import Example

PHANTOM_SEED = 0x5EED
"""Added to the training's seed, so that its phantoms are none of those that a demonstration brings in."""
PHANTOM_PX = 256
"""Longer side of a simulated phantom radiograph."""
SOURCE_PX = 640
"""Longer side at the most of a radiograph that is cropped."""
MOST_CROPS = 8
"""Pairs of crops that one radiograph gives at the most."""


def rotated_laterals(examples: Sequence[Example], pixels: Pixels, count: int, seed: int) -> list[Picture]:
    """Lateral projections of phantom thoraces, one a phantom: straight (0) and rotated (1), of each about half.

    Parameters
    ----------
    examples, pixels:
        Not needed; every simulator takes them.
    count:
        Pictures.
    """
    from data.phantoms.cxr_quality import radiograph, truth_of  # noqa: PLC0415

    options = ("straight", "rotated")
    wanted = {option: (count + i) // 2 for i, option in enumerate(options)}
    found: list[Picture] = []
    for number in itertools.count():
        if not any(wanted.values()):
            return found
        answer = truth_of(number, seed=PHANTOM_SEED + seed).get("rotation_lateral")
        if answer is not None and wanted[answer]:
            wanted[answer] -= 1
            made = radiograph(number, seed=PHANTOM_SEED + seed, size_px=PHANTOM_PX)
            found.append(Picture(_eight_bits(made.pixels), options.index(answer), f"simulated-{made.study}"))
    return found


def _eight_bits(pixels: NDArray[np.uint16]) -> NDArray[np.uint8]:
    low, high = float(pixels.min()), float(pixels.max())
    return np.asarray(np.rint((pixels - low) * (255 / max(1.0, high - low))), dtype=np.uint8)


def cut_borders(
    examples: Sequence[Example], pixels: Pixels, count: int, seed: int, *, question: str, projection: str
) -> list[Picture]:
    """Crops of training radiographs in pairs of one size: lungs whole (0), and cut at one side (1).

    Radiographs of the projection that are labelled complete are taken; where none is, those without a label of
    their borders, which are assumed to be complete. Those whose lungs are not found are left out.

    Parameters
    ----------
    examples:
        Of training patients.
    count:
        Pictures; each radiograph gives several where they are few.
    question:
        ``borders_frontal`` or ``borders_lateral``.
    projection:
        ``frontal`` or ``lateral``.
    """
    from data.borders import LungBox, crop_pair, find_lungs  # noqa: PLC0415

    rng = np.random.default_rng([seed, len(question)])
    good = [e for e in examples if e.value(question) == "complete"]
    good = good or [e for e in examples if e.value("projection") == projection and e.value(question) is None]
    sources: list[tuple[NDArray[np.uint8], LungBox, str]] = []
    for example in (good[i] for i in rng.permutation(len(good))):
        if len(sources) >= count / 2:
            break
        picture = _smaller(page(example.study, pixels))
        if (lungs := find_lungs(picture)) is not None:
            sources.append((picture, lungs, example.study.patient.pseudonym))
    found: list[Picture] = []
    for picture, lungs, patient in sources * MOST_CROPS:
        if len(found) >= count:
            break
        pair = crop_pair((picture.shape[0], picture.shape[1]), lungs, rng)
        if pair is not None:
            cut, whole = (np.ascontiguousarray(crop.of(picture)) for crop in pair)
            found += [Picture(whole, 0, patient), Picture(cut, 1, patient)]
    return found


def _smaller(picture: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """A picture whose longer side is at most :data:`SOURCE_PX`."""
    import cv2  # noqa: PLC0415

    scale = SOURCE_PX / max(picture.shape)
    if scale >= 1:
        return picture
    size = (max(1, round(picture.shape[1] * scale)), max(1, round(picture.shape[0] * scale)))
    return np.asarray(cv2.resize(picture, size, interpolation=cv2.INTER_AREA), dtype=np.uint8)


SIMULATORS: dict[str, Simulator] = {
    "borders_frontal": partial(cut_borders, question="borders_frontal", projection="frontal"),
    "borders_lateral": partial(cut_borders, question="borders_lateral", projection="lateral"),
    "rotation_lateral": rotated_laterals,
}
"""By question."""
