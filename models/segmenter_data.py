"""Outlined pages, as a segmenter is trained on them: scaled to its input, eight labels in a byte."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from models.segmenter import framed, stretched


@dataclass(frozen=True)
class OutlinedPage:
    """A page with its outlines.

    Parameters
    ----------
    page:
        (rows, columns), 8 bit.
    masks:
        (rows, columns) by label. A known label without a mask is not on the page.
    known:
        The labels of which the page says anything; the loss passes over the others.
    """

    page: NDArray[np.uint8]
    masks: Mapping[str, NDArray[np.bool_]]
    known: frozenset[str]
    patient: str


@dataclass(frozen=True)
class Outlined:
    """Pages as the network takes them.

    Parameters
    ----------
    images:
        (n, rows, columns), 8 bit.
    packed:
        (n, planes, rows, columns): eight labels a plane, the first in the highest bit.
    known:
        (n, labels).
    """

    images: NDArray[np.uint8]
    packed: NDArray[np.uint8]
    known: NDArray[np.bool_]
    patients: tuple[str, ...]

    @classmethod
    def of(cls, pages: Iterable[OutlinedPage], labels: Sequence[str], size_px: tuple[int, int]) -> Outlined:
        """Pages scaled to the input; one at a time, so that little more than the result is held in memory."""
        images, packed, known, patients = [], [], [], []
        for page in pages:
            planes = np.zeros((math.ceil(len(labels) / 8), *size_px), np.uint8)
            for number, label in enumerate(labels):
                if label in page.known and label in page.masks:
                    mask = framed(page.masks[label].astype(np.uint8), size_px, nearest=True)
                    planes[number // 8] |= mask << (7 - number % 8)
            images.append(framed(stretched(page.page), size_px))
            packed.append(planes)
            known.append([label in page.known for label in labels])
            patients.append(page.patient)
        count, planes_each = len(images), math.ceil(len(labels) / 8)
        return cls(
            np.array(images, np.uint8).reshape(count, *size_px),
            np.array(packed, np.uint8).reshape(count, planes_each, *size_px),
            np.array(known, bool).reshape(count, len(labels)),
            tuple(patients),
        )

    def take(self, which: NDArray[np.bool_]) -> Outlined:
        """The pages where this is true."""
        patients = tuple(p for p, there in zip(self.patients, which, strict=True) if there)
        return Outlined(self.images[which], self.packed[which], self.known[which], patients)


def unpacked(packed: NDArray[np.uint8], labels: int) -> NDArray[np.uint8]:
    """(..., planes, rows, columns) -> (..., labels, rows, columns) of 0 and 1."""
    bits = np.unpackbits(packed[..., None, :, :], axis=-3)  # (..., planes, 8, rows, columns)
    joined = bits.reshape(*packed.shape[:-3], -1, *packed.shape[-2:])
    return np.ascontiguousarray(joined[..., :labels, :, :])
