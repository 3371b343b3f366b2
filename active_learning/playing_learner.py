"""What a simulation trains in every round, without keeping a version: the task's own networks, or heads."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from active_learning.playing_plan import Play
from data.pixels import Pixels
from data.records import Prediction, Study
from models.task import ClinicalTask, Example, Progress, TrainingRun

VERSION = "simulated"
"""The model version that predictions of a simulation name."""

Predict = Callable[[Sequence[Study]], Mapping[str, Prediction]]
"""Studies -> what a trained model says of them, by study."""


class Learner(Protocol):
    """Trains, and gives what predicts."""

    def fit(self, training: Sequence[Example], *, seed: int, scratch: Path, progress: Progress) -> Predict:
        """Train on these examples.

        Parameters
        ----------
        seed:
            Of every random draw.
        scratch:
            A folder for checkpoints; what lies there of the same training is taken up.

        Raises
        ------
        TrainingError
            There is too little to train on.
        """


@dataclass(frozen=True, eq=False, slots=True)
class Networks:
    """The task's own networks, trained as a round trains its candidate.

    Parameters
    ----------
    validation:
        Examples of validation patients, for early stopping and calibration.
    """

    task: ClinicalTask
    play: Play
    validation: Sequence[Example]
    pixels: Pixels

    def fit(self, training: Sequence[Example], *, seed: int, scratch: Path, progress: Progress) -> Predict:
        """See :class:`Learner`."""
        profile = self.task.profile(self.play.profile)
        run = TrainingRun(
            training, self.validation, self.pixels, profile, scratch, seed, self.play.max_steps, progress
        )
        trained = self.task.train(run)
        model = self.task.load(VERSION, trained.settings, trained.weights)
        shutil.rmtree(scratch, ignore_errors=True)

        def predict(studies: Sequence[Study]) -> Mapping[str, Prediction]:
            return {p.study_id: p for p in model.predict(studies, self.pixels)}

        return predict
