"""STAPLE: the outline behind several readers' outlines, and each reader's sensitivity and specificity.

A pixel counts by the readers who marked it: pixels marked by the same readers are equally likely to be in. So the
expectation maximisation runs over the patterns of readers that occur, each with its number of pixels; all that
nobody marked is one pattern. The result is that of the whole image at the cost of what was marked.

References
----------
Warfield, Zou, Wells: Simultaneous truth and performance level estimation (STAPLE), IEEE Trans. Med. Imaging 23
(2004), 903 - 921.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from data.errors import RatingsError

START = 0.99999
"""Sensitivity and specificity of every reader at the start."""
TOLERANCE = 1e-14
"""The sum of the squared changes of both below which it has converged."""
MOST_STEPS = 1000
MOST_READERS = 32

Masks = Sequence[NDArray[np.bool_]]


@dataclass(frozen=True, slots=True, eq=False)
class Staple:
    """The outline and its readers.

    Parameters
    ----------
    probability:
        Of each pixel to be in, of the masks' shape; outside ``window`` it is ``elsewhere``.
    window:
        The smallest box that holds all that anybody marked.
    elsewhere:
        The probability of a pixel that nobody marked.
    sensitivity, specificity:
        (readers,) by the estimated outline.
    """

    probability: NDArray[np.float32]
    window: tuple[slice, ...]
    elsewhere: float
    sensitivity: NDArray[np.float64]
    specificity: NDArray[np.float64]
    steps: int

    def mask(self, shape: tuple[int, ...], *, above: float = 0.5) -> NDArray[np.bool_]:
        """The outline in an image of a shape: all pixels above a probability."""
        whole = np.full(shape, self.elsewhere > above)
        whole[self.window] = self.probability > above
        return whole


def staple(masks: Masks, *, weight: float = 1.0, beyond: int = 0) -> Staple:
    """Estimate the outline of readers' masks, in any number of dimensions: it knows no neighbours.

    Parameters
    ----------
    masks:
        One a reader, of one shape.
    weight:
        By which the share of marked pixels is multiplied to give the prior of a pixel to be in.
    beyond:
        Pixels of the image that are no part of these arrays, which were cropped: nobody marked them.

    Raises
    ------
    RatingsError
        There are no masks or too many, they differ in shape, or nobody marked anything.
    """
    if not 1 <= len(masks) <= MOST_READERS or len({mask.shape for mask in masks}) != 1:
        raise RatingsError(
            "These outlines cannot be joined.", given=f"{len(masks)} of {sorted({m.shape for m in masks})}",
            expected=f"1 to {MOST_READERS} of one shape", do="bring them to one geometry first",
        )  # fmt: skip
    window = _window(masks)
    codes = np.zeros(tuple(s.stop - s.start for s in window), dtype=np.uint32)
    for number, mask in enumerate(masks):
        codes |= mask[window].astype(np.uint32) << np.uint32(number)
    patterns, place, pixels = np.unique(codes, return_inverse=True, return_counts=True)
    total = masks[0].size + beyond
    if patterns[0] != 0:
        patterns, pixels, place = np.append(np.uint32(0), patterns), np.append(0, pixels), place + 1
    counts = pixels.astype(np.float64)
    counts[0] += total - codes.size
    marked = ((patterns[:, None] >> np.arange(len(masks), dtype=np.uint32)) & 1).astype(
        bool
    )  # (patterns, readers)
    prior = weight * float((counts @ marked).sum()) / (total * len(masks))
    inside, sensitivity, specificity, steps = _maximised(marked, counts, prior)
    probability = inside[place].astype(np.float32).reshape(codes.shape)
    return Staple(probability, window, float(inside[0]), sensitivity, specificity, steps)


def _maximised(
    marked: NDArray[np.bool_], counts: NDArray[np.float64], prior: float
) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64], int]:
    """(patterns,) probabilities to be in, (readers,) sensitivities and specificities, and the steps taken."""
    readers = marked.shape[1]
    p, q = np.full(readers, START), np.full(readers, START)
    inside, step = np.zeros(len(marked)), 0
    for step in range(1, MOST_STEPS + 1):  # noqa: B007 - it is told
        within = prior * np.where(marked, p, 1 - p).prod(axis=1)
        without = (1 - prior) * np.where(marked, 1 - q, q).prod(axis=1)
        inside = np.divide(within, within + without, out=np.zeros_like(within), where=within + without > 0)
        held, left = counts * inside, counts * (1 - inside)
        after_p = (held @ marked) / max(held.sum(), np.finfo(float).tiny)
        after_q = (left @ ~marked) / max(left.sum(), np.finfo(float).tiny)
        moved = float(((after_p - p) ** 2).sum() + ((after_q - q) ** 2).sum())
        p, q = after_p, after_q
        if moved <= TOLERANCE:
            break
    return inside, p, q, step


def _window(masks: Masks) -> tuple[slice, ...]:
    """The smallest box that holds all that is marked."""
    axes = range(masks[0].ndim)
    found = []
    for axis in axes:
        others = tuple(other for other in axes if other != axis)
        used = np.flatnonzero(np.logical_or.reduce([mask.any(axis=others) for mask in masks]))
        if not len(used):
            raise RatingsError(
                "Nobody marked anything.", given=f"{len(masks)} empty masks", expected="a marked pixel",
                do="take it as absent",
            )  # fmt: skip
        found.append(slice(int(used[0]), int(used[-1]) + 1))
    return tuple(found)
