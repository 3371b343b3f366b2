"""Which studies look like none of the calibration patients': a promise that others carry says nothing of them.

Strangeness is the Mahalanobis distance of what a study looks like (:mod:`models.embedding`) from the calibration
patients' studies. Stranger than 99 of 100 of these counts as unlike them. A calibration study is held against the
others, never against itself, so that as many of them are unlike as of new patients of the same kind.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from active_learning.appearance import Directions, Features, applied, learnt_from
from active_learning.novelty import LEAST, in_words, mahalanobis
from data.blobs import Blobs
from data.home import Home
from data.pixels import Pixels
from data.records import Study, TriagePolicy
from data.store import Store
from models.embedding import embed, name_of
from models.task import ClinicalTask, Progress, silent

STRANGE = 0.99
"""Share of the calibration patients' studies that are less strange, from which a study is unlike them."""
FOLDS = 5
"""Parts of the calibration studies, each of which is held against the others."""


@dataclass(frozen=True)
class Looks:
    """What the studies of an operating point look like; called with studies, it gives the reason for strange ones.

    Studies that were not looked at yet are described first, and the descriptions kept.
    """

    home: Home
    task: ClinicalTask
    policy: TriagePolicy
    progress: Progress = silent

    def __call__(self, studies: Sequence[Study]) -> dict[str, str]:
        """By study, why it is unlike the calibration patients; nothing where these are too few to tell."""
        store = Store.of(self.home)
        cases = sorted(case.study_id for case in store.triage.cases(self.policy.policy_id))
        calibration = store.studies.find(study_ids=cases)
        known, asked = [s.study_id for s in calibration], [s.study_id for s in studies]
        if len(known) < 2 * LEAST or not asked:
            return {}
        embed(store, self.task, [*calibration, *studies], Pixels(Blobs.of(self.home)), progress=self.progress)
        features = self._features(store, known, [study for study in asked if study not in set(known)])
        return {
            study: f"it looks {in_words(share)} of the calibration set"
            for study, share in _strangeness(features, known, asked)
            if share >= STRANGE
        }

    def _features(self, store: Store, known: Sequence[str], others: Sequence[str]) -> dict[str, Features]:
        """By study, (1, k) features in the main directions of the known ones."""
        name, kept = name_of(self.task), store.embeddings
        directions = Directions.of_chunks(kept.chunks(name, [known[i] for i in learnt_from(len(known))]))
        every = [*known, *others]
        rows = applied(directions, kept.chunks(name, every), len(every))
        return {study: rows[n : n + 1] for n, study in enumerate(every)}


def _strangeness(
    features: dict[str, Features], known: Sequence[str], asked: Sequence[str]
) -> Iterator[tuple[str, float]]:
    """The share of known studies that are less strange than each asked one; known ones against the others."""
    fold = {study: n % FOLDS for n, study in enumerate(known)}
    for number in (None, *range(FOLDS)):
        some = [study for study in asked if fold.get(study) == number]
        against = [study for study in known if fold[study] != number]
        if some:
            found = mahalanobis(_stack(features, some), _stack(features, against))
            yield from zip(some, found.percentiles.tolist(), strict=True)


def _stack(features: dict[str, Features], studies: Sequence[str]) -> Features:
    return np.concatenate([features[study] for study in studies])
