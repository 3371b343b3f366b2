"""What the steps of a round work with."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from active_learning.gateway import Gateway
from data.blobs import Blobs
from data.errors import RoundError
from data.home import Home
from data.pixels import Pixels
from data.store import Store
from models.task import ClinicalTask, Progress, silent


@dataclass
class Surroundings:
    """A home, a task, and the labelling server where there is one."""

    home: Home
    task: ClinicalTask
    server: Gateway | None = None
    progress: Progress = silent
    store: Store = field(init=False)
    blobs: Blobs = field(init=False)
    pixels: Pixels = field(init=False)

    def __post_init__(self) -> None:
        self.store = Store.of(self.home)
        self.blobs = Blobs.of(self.home)
        self.pixels = Pixels(self.blobs)

    @property
    def gateway(self) -> Gateway:
        """The labelling server.

        Raises
        ------
        RoundError
            None was given.
        """
        if self.server is None:
            raise RoundError(
                "This step needs the labelling server.", given="none", expected="a running server",
                do="start it with `consilium labelstudio start`",
            )  # fmt: skip
        return self.server

    def shapes(self) -> Callable[[str], tuple[tuple[int, int], ...]]:
        """(rows, columns) of each page of a study, by its id."""
        return lambda study_id: self.task.page_shapes(self.store.studies.get(study_id))
