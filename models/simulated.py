"""Simulated radiographs of bad quality, for questions that too few read ones answer.

A cut border is made from a training radiograph by cropping it at the border of its lungs; a rotated patient by
projecting a volume at a known angle: a phantom thorax, or a chest CT that the profile names.
"""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from functools import partial

import numpy as np
from numpy.typing import NDArray

from data.pixels import Pixels
from models.config import Profile
from models.images import page
from models.radiographs import Picture, Simulator
from models.rotations import Chest, lateral, read_chests
from models.task import Example

PHANTOM_SEED = 0x5EED
"""Added to the training's seed, so that its phantoms are none of those that a demonstration brings in."""
PHANTOM_PX = 256
"""Longer side of a simulated phantom radiograph."""
SOURCE_PX = 640
"""Longer side at the most of a radiograph that is cropped."""
MOST_ROTATED_DEG = 22.0
"""As the phantoms are rotated at the most."""
MOST_CROPS = 8
"""Pairs of crops that one radiograph gives at the most."""


def simulators(profile: Profile) -> Mapping[str, Simulator]:
    """What makes pictures for a profile, by question. The CT volumes that it names are read here, before training.

    Raises
    ------
    ConfigError, GeometryError
        A named volume is missing, or is no CT of a chest.
    """
    chests = read_chests(profile.rotation_volumes) if profile.simulate else ()
    return {
        "borders_frontal": partial(cut_borders, question="borders_frontal", projection="frontal"),
        "borders_lateral": partial(cut_borders, question="borders_lateral", projection="lateral"),
        "rotation_lateral": partial(rotated_laterals, chests=chests),
    }


def rotated_laterals(
    examples: Sequence[Example], pixels: Pixels, count: int, seed: int, *, chests: Sequence[Chest] = ()
) -> list[Picture]:
    """Lateral projections of volumes: straight (0, up to 4 degrees) and rotated (1, 12 to 22), of each about half.

    Where there are CTs, half of each option are theirs, in turn, and half are of phantoms. A CT brings the texture
    of a real chest, but a few make a network know these chests; each phantom is another one. Since both give each
    option alike, where a picture comes from does not tell its answer. A CT counts as one patient, so that
    training and validation do not share it.

    Parameters
    ----------
    examples, pixels:
        Not needed; every simulator takes them.
    count:
        Pictures.
    chests:
        Of CTs.
    """
    taken = 2 * round(count / 4) if chests else 0
    return _of_chests(chests, taken, seed) + _of_phantoms(count - taken, seed)


def _of_chests(chests: Sequence[Chest], count: int, seed: int) -> list[Picture]:
    """Projections of CTs, straight and rotated in turn."""
    from data.phantoms.cxr_quality import ROTATED_DEG, STRAIGHT_DEG  # noqa: PLC0415

    found = []
    for number in range(count):
        pair, rotated = divmod(number, 2)
        which = pair % len(chests)
        rng = np.random.default_rng((PHANTOM_SEED + seed, number, 2))
        angle = rng.uniform(ROTATED_DEG, MOST_ROTATED_DEG) if rotated else rng.uniform(0.0, STRAIGHT_DEG)
        angle *= 1.0 if rng.random() < 0.5 else -1.0
        made = lateral(chests[which], float(angle), rng, size_px=PHANTOM_PX)
        found.append(Picture(_eight_bits(made), rotated, f"simulated-ct-{which}", of_ct=True))
    return found


def _of_phantoms(count: int, seed: int) -> list[Picture]:
    """Projections of phantom thoraces, one a phantom."""
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
