"""The next batch of a simulated loop, by the code that chooses a round's."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from active_learning.acquisition import Candidate, Way, choose
from active_learning.foretold import Foretold
from active_learning.playing_looks import Looks
from active_learning.quotas import origins
from active_learning.strategies.view import View
from active_learning.views import BLIND, stand_in, view_of
from data.records import Mode, Prediction, Study
from models.task import ClinicalTask, Example


@dataclass(frozen=True, eq=False, slots=True)
class Chosen:
    """The cases of a turn, the most wanted first, and the reason for each."""

    cases: tuple[str, ...]
    why: tuple[str, ...]


@dataclass(frozen=True, eq=False, slots=True)
class Chooser:
    """Chooses among the studies that were not read, one of each patient."""

    task: ClinicalTask
    looks: Looks

    def batch(
        self,
        way: str,
        free: Sequence[Study],
        answered: Sequence[Example],
        predictions: Mapping[str, Prediction],
        count: int,
        *,
        seed: int,
    ) -> Chosen:
        """The next batch.

        Parameters
        ----------
        free:
            Studies that may be asked for.
        answered:
            What was read so far, with what the readers agreed on.
        predictions:
            Of the newest model, of both; empty where there was too little to train one.
        """
        taken = stand_in(way, modelled=bool(predictions))
        known = [example.study for example in answered]
        rows = {study.study_id: row for row, study in enumerate((*free, *known))}
        foretold = Foretold(self.task.form, len(rows), self.task.config.reading.positive)
        for study_id, row in rows.items():
            if study_id in predictions:
                foretold.put(row, predictions[study_id])

        def look(candidates: Sequence[Candidate]) -> View:
            studies = [candidate.study for candidate in candidates]
            seeing = taken not in BLIND
            return view_of(
                foretold,
                [rows[study.study_id] for study in studies],
                [rows[study.study_id] for study in known],
                [example.answers for example in answered],
                self.task.form,
                looks=self.looks.of(studies) if seeing else None,
                known_looks=self.looks.of(known) if seeing else None,
                origins=[" ".join(origins(study)) for study in studies],
            )

        items = choose(
            [Candidate.of(study, predictions.get(study.study_id)) for study in free],
            budget=count, random_share=0.0, mode=Mode.INDEPENDENT, seed=seed, way=Way(taken), look=look,
        )  # fmt: skip
        return Chosen(tuple(item.study_id for item in items), tuple(item.reason for item in items))
