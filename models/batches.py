"""Labelled images, the order in which a training goes through them, and the patients held out of it."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True)
class Labelled:
    """Prepared images with their answers.

    Parameters
    ----------
    images:
        (n, rows, columns), 8 bit; (n, frames, rows, columns) for clips.
    targets:
        (n,) index of the right option; or (n, findings) of 0, 1 and NaN (not known).
    patients:
        Pseudonym of each image's patient.
    """

    images: NDArray[np.uint8]
    targets: NDArray[Any]
    patients: tuple[str, ...]

    def take(self, which: NDArray[Any]) -> Labelled:
        """Those of these indices, or where this is true."""
        indices = np.arange(len(self.patients))[which]
        return Labelled(self.images[indices], self.targets[indices], tuple(self.patients[i] for i in indices))


def balanced_order(targets: NDArray[Any], batch: int, rng: np.random.Generator) -> NDArray[np.int64]:
    """Indices of one epoch in full batches, options equally frequent; findings in their own frequency.

    Parameters
    ----------
    targets:
        (n,) or (n, findings).
    batch:
        Images a batch.
    """
    count = math.ceil(len(targets) / batch) * batch
    pools = [np.flatnonzero(targets == t) for t in np.unique(targets)] if targets.ndim == 1 else []
    pools = pools or [np.arange(len(targets))]
    share = math.ceil(count / len(pools))
    columns = []
    for pool in pools:
        rounds = [rng.permutation(pool) for _ in range(math.ceil(share / len(pool)))]
        columns.append(np.concatenate(rounds)[:share])
    mixed = np.stack([columns[i] for i in rng.permutation(len(columns))], axis=1).reshape(-1)[:count]
    return np.concatenate([rng.permutation(part) for part in mixed.reshape(-1, batch)])


def held_out(
    patients: Sequence[str], targets: NDArray[Any], *, share: float = 0.2, seed: int = 0
) -> NDArray[np.bool_]:
    """Draw patients to be held out, so that of each option about this share is held out, and some is left.

    Parameters
    ----------
    patients:
        The patient of each example; all examples of a patient go together.
    targets:
        (n,) index of the option that each example has.
    share:
        Of the patients with an option; at least one is held out where there are two or more.

    Returns
    -------
    NDArray
        (n,) whether each example is held out.
    """
    rng = np.random.default_rng([seed, 0x5E7])
    names = np.asarray(patients)
    out: set[str] = set()
    for option in np.unique(targets):
        own = rng.permutation(np.unique(names[targets == option]))
        wanted = min(max(1, round(share * len(own))), len(own) - 1)
        already = sum(str(name) in out for name in own)
        fresh = [str(name) for name in own if str(name) not in out]
        out.update(fresh[: max(0, wanted - already)])
    return np.isin(names, sorted(out))
