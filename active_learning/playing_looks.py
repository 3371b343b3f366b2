"""What the studies of a simulation look like: vectors that no label had a say in, kept beside what is played."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from active_learning.appearance import Directions, Features
from active_learning.playing_kept import Kept
from data.pixels import Pixels
from data.records import Study
from models.embedding import VERSION, describe_study
from models.task import ClinicalTask, Progress


@dataclass(frozen=True, eq=False, slots=True)
class Looks:
    """Vectors of studies.

    Parameters
    ----------
    rows:
        The row of each study.
    vectors:
        (studies, d), as :mod:`models.embedding` makes them.
    """

    rows: Mapping[str, int]
    vectors: NDArray[np.float32]

    def of(self, pool: Sequence[Study], known: Sequence[Study]) -> tuple[Features, Features]:
        """(n, k) and (m, k) features of a pool and of what is known, in the pool's main directions."""
        directions = Directions.of(self.raw(pool))
        return directions.apply(self.raw(pool)), directions.apply(self.raw(known))

    def raw(self, studies: Sequence[Study]) -> NDArray[np.float32]:
        """(n, d) vectors, in the order of the studies."""
        places = [self.rows[study.study_id] for study in studies]
        return self.vectors[np.array(places, dtype=np.int64)]


def look_at(kept: Kept, task: ClinicalTask, studies: Sequence[Study], pixels: Pixels, progress: Progress) -> Looks:
    """The vectors of studies; those that were made before are taken from the simulation's folder."""
    name = f"{VERSION}.npy"
    vectors = kept.array(name)
    if vectors is None:
        described = []
        for place, study in enumerate(studies):
            progress(place / len(studies), "looking at the studies")
            described.append(describe_study(task, study, pixels))
        vectors = np.stack(described)
        kept.put_array(name, vectors)
    return Looks({study.study_id: row for row, study in enumerate(studies)}, vectors)
