"""Simulated radiographs of bad quality, for questions that too few read ones answer.

A cut border is made from a training radiograph by cropping it at the border of its lungs; a rotated patient by
projecting the volume of a phantom thorax at a known angle.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from data.pixels import Pixels
from models.radiographs import Picture, Simulator
from models.task import Example

PHANTOM_SEED = 0x5EED
"""Added to the training's seed, so that its phantoms are none of those that a demonstration brings in."""
PHANTOM_PX = 256
"""Longer side of a simulated phantom radiograph."""


def rotated_laterals(examples: Sequence[Example], pixels: Pixels, count: int, seed: int) -> list[Picture]:
    """Lateral projections of phantom thoraces, one a phantom: straight (0) and rotated (1), of each about half.

    Parameters
    ----------
    examples, pixels:
        Not needed; every simulator takes them.
    count:
        Pictures.
    """
    from data.phantoms.cxr_quality import generate  # noqa: PLC0415

    options = ("straight", "rotated")
    wanted = {option: (count + i) // 2 for i, option in enumerate(options)}
    found: list[Picture] = []
    for made in generate(8 * count + 40, seed=PHANTOM_SEED + seed, size_px=PHANTOM_PX):
        answer = made.truth.get("rotation_lateral")
        if answer is None or not wanted[answer]:
            continue
        wanted[answer] -= 1
        found.append(Picture(_eight_bits(made.pixels), options.index(answer), f"simulated-{made.study}"))
        if not any(wanted.values()):
            break
    return found


def _eight_bits(pixels: NDArray[np.uint16]) -> NDArray[np.uint8]:
    low, high = float(pixels.min()), float(pixels.max())
    return np.rint((pixels - low) * (255 / max(1.0, high - low))).astype(np.uint8)


SIMULATORS: dict[str, Simulator] = {"rotation_lateral": rotated_laterals}
"""By question."""
