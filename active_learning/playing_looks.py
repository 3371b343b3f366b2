"""What the studies of a simulation look like: vectors that no label had a say in, kept beside what is played."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from active_learning.appearance import Directions, Features, learnt_from
from active_learning.playing_kept import Kept
from data.pixels import Pixels
from data.records import Study
from models.embedding import VERSION, describe_study
from models.task import ClinicalTask, Progress, silent


@dataclass(frozen=True, eq=False, slots=True)
class Looks:
    """Features of studies, in the main directions of what the pool looks like.

    Parameters
    ----------
    rows:
        The row of each study.
    features:
        (studies, k).
    """

    rows: Mapping[str, int]
    features: Features

    def of(self, studies: Sequence[Study]) -> Features:
        """(n, k) features, in the order of the studies."""
        places = [self.rows[study.study_id] for study in studies]
        return self.features[np.array(places, dtype=np.int64)]


def look_at(
    kept: Kept,
    task: ClinicalTask,
    pool: Sequence[Study],
    others: Sequence[Study],
    pixels: Pixels,
    *,
    progress: Progress = silent,
) -> Looks:
    """What studies look like; what was described before is taken from the simulation's folder.

    Parameters
    ----------
    pool:
        The directions are learnt from these, as many at the most as a round learns them from.
    """
    name, studies = f"{VERSION}.npy", [*pool, *others]
    vectors = kept.array(name)
    if vectors is None:
        described = []
        for place, study in enumerate(studies):
            progress(place / len(studies), "looking at the studies")
            described.append(describe_study(task, study, pixels))
        vectors = np.stack(described)
        kept.put_array(name, vectors)
    directions = Directions.of(vectors[learnt_from(len(pool))])
    rows = {study.study_id: row for row, study in enumerate(studies)}
    return Looks(rows, directions.apply(vectors))
