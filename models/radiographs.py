"""The training images of a question about radiographs: read ones, and simulated ones where those are too few."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray

from data.answers import Choice, Question
from data.pixels import Pixels
from models.batches import Labelled, held_out
from models.config import Stage
from models.images import overlapped, page, prepare
from models.task import Example, StageReport, TrainingRun

FEW = 8
"""Training images of each option below which simulated ones are taken, where the profile asks for any."""
LEAST = 3
"""Training images of each option below which a question is left out."""
VALIDATION_LEAST = 2
"""Validation images of each option below which training patients are held out for validation instead."""


@dataclass(frozen=True)
class Picture:
    """A simulated radiograph: (rows, columns), 8 bit; its option's index; the patient that it was made from.

    ``of_ct`` says that it is the projection of a CT which the profile names.
    """

    pixels: NDArray[np.uint8]
    target: int
    patient: str
    of_ct: bool = False


Simulator = Callable[[Sequence[Example], Pixels, int, int], Sequence[Picture]]
"""(training examples, pixels, images wanted, seed) -> simulated radiographs, of each option about as many."""


@dataclass(frozen=True)
class QuestionData:
    """What a question is trained on.

    Parameters
    ----------
    options:
        In the order of the targets.
    lacking:
        Why it cannot be trained; empty where it can.
    notes:
        What the manifest must say of the images.
    simulated:
        How many of the images are simulated.
    """

    options: tuple[str, ...]
    training: Labelled
    validation: Labelled
    lacking: str = ""
    notes: tuple[str, ...] = field(default=())
    simulated: int = 0

    def noted(self, report: StageReport) -> StageReport:
        """The stage's report with the notes."""
        detail = {**report.detail, "simulated": self.simulated, "data_notes": list(self.notes)}
        return replace(report, detail=detail)


def gather(question: Question, stage: Stage, run: TrainingRun, simulator: Simulator | None = None) -> QuestionData:
    """The images of a choice at the study, prepared for a stage.

    Read labels go first. Where an option has fewer than :data:`FEW` training images, simulated ones of every
    option join; images of only one option do not stay beside them, or a network would tell read from simulated.
    Where the validation patients do not show every option, whole training patients are held out for validation.

    Parameters
    ----------
    simulator:
        Makes images, where the profile asks for any.
    """
    assert isinstance(question.kind, Choice)  # noqa: S101 - tasks of radiographs ask choices
    options = question.kind.options
    training = read(question, run.training, run.pixels, stage.size_px)
    validation = read(question, run.validation, run.pixels, stage.size_px)
    notes: list[str] = []
    simulated = 0
    if _fewest(training, options) < FEW and simulator is not None and run.profile.simulate:
        pictures = simulator(run.training, run.pixels, run.profile.simulate, run.seed)
        if pictures:
            simulated = len(pictures)
            if not _fewest(training, options):
                training = training.take(np.zeros(len(training.patients), dtype=bool))
            training = _joined(training, _labelled(pictures, stage.size_px))
            notes.append(f"{simulated} simulated images, since an option had fewer than {FEW} read ones.")
            if projected := [p.patient for p in pictures if p.of_ct]:
                notes.append(
                    f"{len(projected)} of them are projections of {len(set(projected))} named CT volumes."
                )
    if _fewest(training, options) < LEAST:
        counts = ", ".join(f"{int(np.sum(training.targets == i))} {o}" for i, o in enumerate(options))
        return QuestionData(options, training, validation, lacking=f"too few training images: {counts}")
    if _fewest(validation, options) < VALIDATION_LEAST:
        apart = held_out(training.patients, training.targets, seed=run.seed)
        left, taken = training.take(~apart), training.take(apart)
        if not _fewest(left, options) or not _fewest(taken, options):
            return QuestionData(options, training, validation, lacking="too few patients to hold some out")
        notes.append(
            f"The validation patients do not show every option: {len(set(taken.patients))} training patients "
            "were held out for validation."
        )
        training, validation = left, taken
    return QuestionData(options, training, validation, notes=tuple(notes), simulated=simulated)


def read(question: Question, examples: Sequence[Example], pixels: Pixels, size_px: tuple[int, int]) -> Labelled:
    """The examples that answer a choice at the study, as prepared images."""
    assert isinstance(question.kind, Choice)  # noqa: S101 - tasks of radiographs ask choices
    answered = [(e, v) for e in examples if isinstance(v := e.value(question.name), str)]
    images = overlapped(
        lambda example: prepare(page(example.study, pixels), size_px),
        [example for example, _ in answered],
        workers=os.cpu_count() or 1,
        ahead=8,
    )
    return _stacked(
        list(images),
        [question.kind.options.index(value) for _, value in answered],
        [example.study.patient.pseudonym for example, _ in answered],
        size_px,
    )


def _labelled(pictures: Sequence[Picture], size_px: tuple[int, int]) -> Labelled:
    return _stacked(
        [prepare(p.pixels, size_px) for p in pictures],
        [p.target for p in pictures],
        [p.patient for p in pictures],
        size_px,
    )


def _stacked(
    images: Sequence[NDArray[np.uint8]], targets: Sequence[int], patients: Sequence[str], size_px: tuple[int, int]
) -> Labelled:
    stack = np.stack(images) if images else np.zeros((0, *size_px), dtype=np.uint8)
    return Labelled(stack, np.asarray(targets, dtype=np.int64), tuple(patients))


def _joined(first: Labelled, second: Labelled) -> Labelled:
    return Labelled(
        np.concatenate([first.images, second.images]),
        np.concatenate([first.targets, second.targets]),
        first.patients + second.patients,
    )


def _fewest(data: Labelled, options: Sequence[str]) -> int:
    """Images of the option that has the fewest."""
    return int(np.bincount(data.targets, minlength=len(options)).min())
