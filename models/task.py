"""What a clinical task is, and how the tasks are found.

A task is one file in :mod:`models.tasks` with a subclass of :class:`ClinicalTask`; there is no list to edit. It
says what is asked, what readers see, how its networks are trained and how a trained version predicts and
explains. Everything else (rounds, reading, consensus, evaluation, promotion, pages) follows from that.
"""

from __future__ import annotations

import importlib
import pkgutil
from abc import ABC, abstractmethod
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from data.answers import STUDY, Answer, Form, Site
from data.errors import TaskError
from data.pixels import Pixels
from data.records import Part, Prediction, Series, Study
from models.changes import NONE, Changes
from models.config import Profile, ProfileName, TaskConfig, load_config
from models.pace import Planned, planned

if TYPE_CHECKING:
    import torch

    from data.store import Store

Progress = Callable[[float, str], None]
"""Called with a share from 0 to 1 and a few words. It may raise to stop the work."""


def silent(share: float, words: str) -> None:
    """Progress that nobody follows."""


@dataclass(frozen=True, slots=True)
class Page:
    """One page that readers see: a slice of a series, by its index from 0, or a series that is one image."""

    series: Series
    index: int = 0


@dataclass(frozen=True, slots=True)
class Example:
    """A study with the answers that stand for the truth."""

    study: Study
    answers: tuple[Answer, ...]

    def value(self, question: str) -> object | None:
        """The study-level answer to a question, or None."""
        return next((a.value for a in self.answers if a.question == question and a.site.key == "study"), None)


@dataclass(frozen=True, slots=True)
class StageReport:
    """How one network was trained.

    Parameters
    ----------
    parameters:
        Number of parameters, those of the added layers included.
    input:
        (channels, rows, columns) of one image, or (channels, frames, rows, columns) of a clip.
    steps, seconds:
        Optimiser steps done, and wall time.
    detail:
        What else the manifest keeps: curves, validation metrics, whether the backbone was frozen, the counts of
        examples, which network was chosen ...
    """

    name: str
    network: str
    parameters: int
    input: tuple[int, ...]
    steps: int
    seconds: float
    detail: Mapping[str, Any] = field(default_factory=dict)

    def as_dict(self) -> dict[str, Any]:
        """The report as JSON, without the detail."""
        return {
            "name": self.name,
            "network": self.network,
            "parameters": self.parameters,
            "input": list(self.input),
            "steps": self.steps,
            "seconds": round(self.seconds, 3),
        }


@dataclass(frozen=True, slots=True)
class Trained:
    """What a training gives.

    Parameters
    ----------
    weights:
        By stage: name of a tensor -> tensor, as they are kept in one safetensors file each.
    settings:
        By stage: what is needed to build the network again and to read its output (JSON): network, size,
        options, temperature, operating point ...
    stages:
        How each network was trained, in order.
    """

    weights: Mapping[str, Mapping[str, torch.Tensor]]
    settings: Mapping[str, Mapping[str, Any]]
    stages: tuple[StageReport, ...]


@dataclass(frozen=True, slots=True)
class TrainingRun:
    """What a task is given to train with.

    Parameters
    ----------
    training, validation:
        Examples of patients of these parts, and of no other.
    pixels:
        Reads the studies' pixels.
    scratch:
        A folder for checkpoints; what lies there from an interrupted run of the same training is taken up.
    max_steps:
        Optimiser steps of each network at the most; None for no bound.
    """

    training: Sequence[Example]
    validation: Sequence[Example]
    pixels: Pixels
    profile: Profile
    scratch: Path
    seed: int = 0
    max_steps: int | None = None
    progress: Progress = silent


@dataclass(frozen=True, eq=False)
class Explanation:
    """Where an answer comes from.

    Parameters
    ----------
    page:
        The page that shows it best, from 0.
    heat:
        (rows, columns) of that page in native pixels, from 0 (nothing) to 1 (most).
    """

    page: int
    heat: NDArray[np.float32]


class Model(ABC):
    """A trained version in memory."""

    version: str

    @abstractmethod
    def predict(
        self, studies: Sequence[Study], pixels: Pixels, *, progress: Progress = silent
    ) -> Iterator[Prediction]:
        """Predictions in the order of the studies, as they are made."""

    @abstractmethod
    def explain(
        self, study: Study, question: str, pixels: Pixels, *, site: Site = STUDY, finding: str = ""
    ) -> Explanation:
        """Where in the pictures the answer to a question at a site comes from.

        Parameters
        ----------
        finding:
            Of a question of findings, which one; the most probable one without. Other questions are explained by
            their answer.

        Raises
        ------
        TaskError
            The version does not answer that question there.
        """


class ClinicalTask(ABC):
    """A clinical question that models answer and readers correct."""

    name: ClassVar[str]
    """Lower-case letters, digits and ``_``; the file and the configuration have the same name."""
    title: ClassVar[str]
    """What people see."""
    settings: ClassVar[type[TaskConfig]] = TaskConfig
    """The class of its configuration; a task with settings of its own has a subclass."""
    modalities: ClassVar[frozenset[str]]
    """DICOM modalities that it takes."""
    body_parts: ClassVar[frozenset[str]] = frozenset()
    """DICOM body parts that it takes, in capitals; a study that names none is taken as well. Empty: all."""
    description: ClassVar[str]
    """One or two sentences for the pages."""
    form: Form
    """What is asked."""
    window: ClassVar[tuple[float, float] | None] = None
    """(centre, width) that its pages are shown with; None: as each series asks."""
    primary: ClassVar[str]
    """The metric on which versions are compared, as evaluation names it; larger is better."""

    @property
    def config(self) -> TaskConfig:
        """The task's configuration."""
        return load_config(self.name, model=self.settings)

    def profile(self, name: ProfileName | str) -> Profile:
        """One profile of the task's configuration."""
        return self.config.profiles[ProfileName(name)]

    def accepts(self, study: Study) -> bool:
        """Whether the task can be asked of a study."""
        named = {series.attributes.get("body_part", "").upper() for series in study.series} - {""}
        elsewhere = self.body_parts and named and not named & self.body_parts
        return study.modality in self.modalities and bool(study.series) and not elsewhere

    def sources(self, study: Study) -> tuple[Page, ...]:
        """The pages that readers see, in order: a radiograph's one image unless a task says otherwise."""
        from models.images import first_image  # noqa: PLC0415

        return (Page(first_image(study)),)

    def page_slices(self, count: int) -> Sequence[int]:
        """Which slices of a stack of so many are pages, in order: all, unless a task shows fewer."""
        return range(count)

    def page(self, source: Page, pixels: Pixels) -> NDArray[np.uint8]:
        """One page as a reader sees it: (rows, columns) in native pixels, windowed."""
        return np.ascontiguousarray(pixels.display8(source.series, source.index, window=self.window))

    def pages(self, study: Study, pixels: Pixels) -> list[NDArray[np.uint8]]:
        """What a reader sees: (rows, columns) pictures in native pixels, windowed."""
        return [self.page(source, pixels) for source in self.sources(study)]

    def page_shapes(self, study: Study) -> tuple[tuple[int, int], ...]:
        """(rows, columns) of each page."""
        return tuple(Pixels.page_shape(page.series) for page in self.sources(study))

    def references(self, study: Study) -> tuple[Answer, ...]:
        """Answers that a study's own header gives reliably enough to stand for the truth; often none."""
        return ()

    def changes(self, now: Prediction, earlier: Prediction) -> Changes:
        """What changed between two studies of a patient that one version measured; nothing, unless a task says."""
        return NONE

    def select(self, store: Store, examples: Sequence[Example], parts: Collection[Part]) -> list[Example]:
        """What is trained on of the examples of these parts' patients; all, unless a task chooses."""
        return list(examples)

    def planned(self, profile: Profile) -> tuple[Planned, ...]:
        """The networks that :meth:`train` trains, in its order; those that lack examples are left out then."""
        return planned(profile.stages)

    @abstractmethod
    def train(self, run: TrainingRun) -> Trained:
        """Train every stage of a profile.

        Raises
        ------
        TrainingError
            There is too little to train on.
        """

    @abstractmethod
    def load(
        self,
        version: str,
        settings: Mapping[str, Mapping[str, Any]],
        weights: Mapping[str, Mapping[str, torch.Tensor]],
    ) -> Model:
        """A trained version, from what :meth:`train` gave."""

    @abstractmethod
    def write_phantoms(self, count: int, folder: Path, *, seed: int = 0, first: int = 0) -> Path:
        """Write synthetic studies with known truth, one a patient.

        Returns
        -------
        Path
            A CSV of labels, as :func:`data.ingest.ingest` reads it: paths, patients and every answer.
        """


@cache
def discover() -> Mapping[str, ClinicalTask]:
    """Every clinical task by name.

    Raises
    ------
    TaskError
        A file in :mod:`models.tasks` has no task, several, or one of another name.
    """
    import models.tasks  # noqa: PLC0415 - the tasks import this module

    found: dict[str, ClinicalTask] = {}
    for module in pkgutil.iter_modules(models.tasks.__path__):
        loaded = importlib.import_module(f"models.tasks.{module.name}")
        classes = [
            member
            for member in vars(loaded).values()
            if isinstance(member, type)
            and issubclass(member, ClinicalTask)
            and member.__module__ == loaded.__name__
        ]
        if len(classes) != 1 or classes[0].name != module.name:
            raise TaskError(
                "A file of tasks does not hold its task.",
                given=f"{module.name}: {', '.join(c.__name__ for c in classes) or 'no task'}",
                expected=f"one subclass of ClinicalTask with the name {module.name!r}",
                do="correct the file",
            )
        found[module.name] = classes[0]()
    return dict(sorted(found.items()))


def get_task(name: str) -> ClinicalTask:
    """A clinical task by name.

    Raises
    ------
    TaskError
        There is none.
    """
    tasks = discover()
    if name not in tasks:
        raise TaskError(
            "There is no such clinical task.",
            given=name,
            expected=f"one of {', '.join(tasks)}",
            do="correct the name",
        )
    return tasks[name]
