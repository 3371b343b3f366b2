"""What a way to choose sees of the cases, and what it gives back."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

FloatArray: TypeAlias = NDArray[np.floating]
IntArray: TypeAlias = NDArray[np.int64]


@dataclass(frozen=True, eq=False, slots=True)
class View:
    """The pool of cases that may be asked for, and the cases whose answers are known.

    A head is one thing that is asked: a question at a site, or one finding of a question.

    Parameters
    ----------
    heads:
        Calibrated probabilities, one (n, classes) array a head; a row of NaN where a case was not asked. Empty
        before there is a model.
    features:
        (n, d) float32: what the cases look like, of about the same scale in all directions; may be a memory map.
    known:
        (m, d) float32: the same of the cases that are known.
    labels:
        The answers of those, one (m,) array of classes a head, -1 where unknown.
    members:
        As ``heads`` by each of k models or dropout passes, one (k, n, classes) array a head; empty without them.
    scores:
        (n,) uncertainty of the model by a measure of its own, 0 to 1, such as that of outlines; None: take
        ``heads``.
    strata:
        (n,) groups that a stratified draw keeps in proportion, such as site or predicted class; None: one
        group.
    foreground:
        (n,) chance, 0 to 1, that a case shows something to answer about (a finding, a lesion, a structure); None:
        not known.
    """

    heads: tuple[FloatArray, ...]
    features: NDArray[np.float32]
    known: NDArray[np.float32]
    labels: tuple[IntArray, ...] = ()
    members: tuple[FloatArray, ...] = ()
    scores: FloatArray | None = None
    strata: IntArray | None = None
    foreground: FloatArray | None = None

    @property
    def size(self) -> int:
        """Cases in the pool, n."""
        return len(self.features)


@dataclass(frozen=True, eq=False, slots=True)
class Picks:
    """The cases that were chosen.

    Parameters
    ----------
    places:
        (count,) places in the pool, all different, the most wanted first.
    gains:
        (count,) how much each is wanted, at least 0, on a scale of the method's own.
    why:
        The reason for each in words for a curator, such as ``unlike any case that was read``.
    """

    places: IntArray
    gains: FloatArray
    why: tuple[str, ...]


Strategy: TypeAlias = Callable[[View, int, np.random.Generator], Picks]
"""(view, count, generator) -> picks; fewer than ``count`` only where the pool is smaller."""
