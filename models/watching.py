"""How a training goes, for those who watch it: the curve of each network in one small file, bounded in size.

Whoever trains inside :func:`watched` is followed; a training that nobody watches writes nothing. The file stays
when the training has ended. A training that is taken up again goes on in the same file.
"""

from __future__ import annotations

import json
import logging
import math
import os
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, TypeVar

from data.home import Home

MOST_POINTS = 400
"""Points of a curve that are kept; every second one is left out where there are more."""
MOST_NETWORKS = 100
WRITE_S = 0.7
"""How often the file is written between two epochs, at the most."""
LOSS = "loss"

logger = logging.getLogger(__name__)
Point = TypeVar("Point")


@dataclass
class Network:
    """How far one network is.

    Parameters
    ----------
    name:
        Its stage and architecture.
    epochs, steps:
        At the most; a training that no longer improves ends before.
    epoch, step:
        Done.
    seconds:
        That the done steps took, looks at the validation examples included.
    measure:
        What ``validation`` of an epoch is: ``loss``, or a metric.
    losses:
        (step, training loss), the newest last.
    curve:
        By epoch: ``epoch``, ``training``, ``validation``.
    resumes:
        Whether a stop costs at most the epoch that is under way, not the whole network.
    """

    name: str
    epochs: int
    steps: int
    epoch: int = 0
    step: int = 0
    seconds: float = 0.0
    done: bool = False
    measure: str = LOSS
    losses: list[tuple[int, float]] = field(default_factory=list)
    curve: list[dict[str, float]] = field(default_factory=list)
    resumes: bool = True

    @property
    def left_s(self) -> float | None:
        """Seconds to its last epoch at the measured pace; None before there is one."""
        return None if not self.step else (self.steps - self.step) * self.seconds / self.step


@dataclass(frozen=True)
class Course:
    """How a training goes.

    Parameters
    ----------
    planned:
        Networks that it trains.
    """

    planned: int
    networks: Sequence[Network]
    updated_at: float = 0.0

    @property
    def current(self) -> Network | None:
        """The network that is trained now, or was trained last."""
        return self.networks[-1] if self.networks else None

    @property
    def total(self) -> int:
        """Networks in all: those planned, or more where more were met."""
        return max(self.planned, len(self.networks))


def course_of(home: Home, training: str) -> Path:
    """Where the course of a training is kept.

    Parameters
    ----------
    training:
        The round whose candidate is trained; or the task and the profile of a training by hand.
    """
    return home.path / "training" / f"{training}.json"


def read_course(path: Path) -> Course | None:
    """What a file tells; None where there is none or it cannot be read."""
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
        networks = [
            Network(**{**one, "losses": [(int(step), float(loss)) for step, loss in one["losses"]]})
            for one in content["networks"]
        ]
        return Course(int(content["planned"]), networks, float(content["updated_at"]))
    except (OSError, ValueError, KeyError, TypeError):
        return None


class Journal:
    """Writes how a training goes.

    Parameters
    ----------
    path:
        The file; what another run of the same training wrote there is gone on with.
    planned:
        Networks that it trains.
    """

    def __init__(self, path: Path, planned: int) -> None:
        self.path, self.planned = path, planned
        before = read_course(path)
        self._before = {one.name: one for one in before.networks} if before else {}
        self.networks: list[Network] = []
        self._written = 0.0
        self._began = 0.0
        self._epoch_began = 0.0

    def network(
        self,
        name: str,
        *,
        epochs: int,
        steps: int,
        epoch: int = 0,
        step: int = 0,
        seconds: float = 0.0,
        curve: Sequence[Mapping[str, float]] = (),
        done: bool = False,
        resumes: bool = True,
    ) -> None:
        """A network begins, or is taken up where its checkpoint says."""
        found = Network(name, epochs, steps, epoch, step, seconds, done, resumes=resumes)
        old = self._before.get(name)
        if old is not None and step:
            found.losses = [point for point in old.losses if point[0] <= step]
        found.curve = _thinned([_row(one) for one in curve])
        others = [one for one in self.networks if one.name != name]
        self.networks = [*others[-MOST_NETWORKS + 1 :], found]
        self._began, self._epoch_began = time.monotonic(), seconds
        self._write()

    def step(self, loss: float | None = None) -> None:
        """A step was taken.

        Parameters
        ----------
        loss:
            Of its batch.
        """
        now = self.networks[-1]
        now.step = min(now.step + 1, now.steps)
        now.seconds = self._epoch_began + time.monotonic() - self._began
        if loss is not None and math.isfinite(loss):
            now.losses = _thinned([*now.losses, (now.step, float(loss))])
        if time.monotonic() - self._written > WRITE_S:
            self._write()

    def epoch(self, row: Mapping[str, float], *, done: bool = False, measure: str = LOSS) -> None:
        """An epoch has ended.

        Parameters
        ----------
        row:
            ``epoch``, ``training_loss`` and ``validation_loss``, or ``training`` and ``validation``.
        """
        now = self.networks[-1]
        now.epoch, now.done, now.measure = int(row["epoch"]), done, measure
        now.seconds = self._epoch_began + time.monotonic() - self._began
        now.curve = _thinned([*now.curve, _row(row)])
        self._write()

    def _write(self) -> None:
        """Beside its place, and moved there; a full disk does not end a training."""
        self._written = time.monotonic()
        content = {
            "planned": self.planned,
            "updated_at": time.time(),
            "networks": [asdict(n) for n in self.networks],
        }
        draft = self.path.with_name(f".{self.path.name}.{os.getpid()}")
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            draft.write_text(json.dumps(content), encoding="utf-8")
            draft.replace(self.path)
        except OSError as error:
            draft.unlink(missing_ok=True)
            logger.warning("the curve of the training is not kept: %s", error)


_journal: ContextVar[Journal | None] = ContextVar("journal", default=None)


@contextmanager
def watched(path: Path, planned: int) -> Iterator[Journal]:
    """Keep how the trainings inside go in a file."""
    journal = Journal(path, planned)
    before = _journal.set(journal)
    try:
        yield journal
    finally:
        _journal.reset(before)


def watching() -> Journal | None:
    """Who watches the training of this thread."""
    return _journal.get()


def planned_networks(settings: Any) -> int:
    """Networks that a profile names, in all its stages.

    Parameters
    ----------
    settings:
        A profile as plain data: ``networks`` is a list of names, ``network`` one name.
    """
    if isinstance(settings, Mapping):
        several, one = settings.get("networks"), settings.get("network")
        count = len(several) if isinstance(several, list | tuple) else int(isinstance(one, str))
        return count + sum(planned_networks(value) for name, value in settings.items() if name != "networks")
    return 0


def _row(given: Mapping[str, float]) -> dict[str, float]:
    """Epoch, training and validation of an epoch; what is no number is left out."""
    row = {
        "epoch": given["epoch"],
        "training": given.get("training_loss", given.get("training")),
        "validation": given.get("validation_loss", given.get("validation")),
    }
    return {name: float(value) for name, value in row.items() if value is not None and math.isfinite(value)}


def _thinned(points: list[Point]) -> list[Point]:
    """The points, of too many every second one and the last."""
    if len(points) <= MOST_POINTS:
        return points
    return points[:-1:2] + points[-1:]
