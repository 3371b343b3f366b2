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
from contextlib import contextmanager, nullcontext
from contextvars import ContextVar
from dataclasses import asdict
from pathlib import Path
from typing import TypeVar

from models.course import LOSS, Network, read_course
from models.pace import Pace, Planned, Spent

MOST_POINTS = 400
"""Points of a curve that are kept; every second one is left out where there are more."""
MOST_NETWORKS = 100
WRITE_S = 0.7
"""How often the file is written between two epochs, at the most."""

logger = logging.getLogger(__name__)
Point = TypeVar("Point")


class Journal:
    """Writes how a training goes.

    Parameters
    ----------
    path:
        The file; what another run of the same training wrote there is gone on with. None: nothing is written.
    """

    def __init__(self, path: Path | None) -> None:
        self.path = path
        self.plan: Sequence[Planned] = ()
        self.earlier: Pace | None = None
        before = read_course(path) if path else None
        self._before = {one.name: one for one in before.networks} if before else {}
        self.networks: list[Network] = []
        self._written = self._began = self._epoch_began = 0.0
        self._ended = time.monotonic()

    def expect(self, plan: Sequence[Planned], earlier: Pace | None = None) -> None:
        """What is to be trained, and what that took before. The file of a stopped training stays as it is."""
        self.plan, self.earlier = plan, earlier or self.earlier
        if self.networks or all(one.done for one in self._before.values()):
            self._write()

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
        measure: str = LOSS,
    ) -> None:
        """A network begins, or is taken up where its checkpoint says."""
        now = time.monotonic()
        kind = next((one.kind for one in self.plan if one.name == name), name)
        found = Network(
            name, epochs, steps, epoch, step, seconds, done, measure, resumes=resumes, kind=kind,
            prepared_s=now - self._ended,
        )  # fmt: skip
        old = self._before.get(name)
        if old is not None and step:
            found.losses = [point for point in old.losses if point[0] <= step]
        found.curve = _thinned([_row(one) for one in curve])
        others = [one for one in self.networks if one.name != name]
        self.networks = [*others[-MOST_NETWORKS + 1 :], found]
        self._began = self._ended = now
        self._epoch_began = seconds
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
        self._ended = time.monotonic()
        now.epoch, now.done, now.measure = int(row["epoch"]), done, measure
        now.seconds = self._epoch_began + self._ended - self._began
        now.curve = _thinned([*now.curve, _row(row)])
        self._write()

    def ended(self) -> None:
        """The network has had its last epoch, which was not known when it ended."""
        self.networks[-1].done = True
        self._write()

    def pace(self) -> Pace:
        """What the training took, at its end."""
        spent = [Spent(n.name, n.kind, n.epochs, n.epoch, n.seconds, n.prepared_s) for n in self.networks]
        return Pace(spent, time.monotonic() - self._ended)

    def _write(self) -> None:
        """Beside its place, and moved there; a full disk does not end a training."""
        self._written = time.monotonic()
        if self.path is None:
            return
        content = {
            "plan": [asdict(one) for one in self.plan],
            "earlier": self.earlier and self.earlier.as_dict(),
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
def watched(path: Path | None) -> Iterator[Journal]:
    """Keep how the trainings inside go in a file; None: in memory alone."""
    journal = Journal(path)
    before = _journal.set(journal)
    try:
        yield journal
    finally:
        _journal.reset(before)


@contextmanager
def followed(plan: Sequence[Planned], earlier: Pace | None) -> Iterator[Journal]:
    """Follow a training by whoever watches it, and in memory where nobody does.

    Parameters
    ----------
    plan:
        The networks that it trains.
    earlier:
        What that took before.
    """
    present = _journal.get()
    with watched(None) if present is None else nullcontext(present) as journal:
        journal.expect(plan, earlier)
        yield journal


def watching() -> Journal | None:
    """Who watches the training of this thread."""
    return _journal.get()


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
