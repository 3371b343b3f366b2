"""How far a simulation is: one file a turn, whole or not at all, in a folder of its own beside the records."""

from __future__ import annotations

import io
import json
import os
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, fields, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from data.answers import Answer, Site, decode_value, encode_value
from data.blobs import Blobs
from data.errors import BlobError, ConflictError, HomeError
from data.home import Home
from data.records import Prediction, QuestionPrediction

START = "start"
"""The folder of the starts, which all ways of choosing share."""


@dataclass(frozen=True, slots=True)
class Turn:
    """One turn of a loop: the start, or a round.

    Parameters
    ----------
    cases, why:
        Studies that were read, the most wanted first, and the reason for each.
    answers:
        By study, what the readers' answers came to; empty where nothing stood.
    seconds, reads, wrong_reads, disputed, wrong_cases:
        Of this turn's reading (see :class:`active_learning.playing_readers.Reading`).
    trained:
        Whether there was enough to train on; else the model is chance.
    tested:
        What the trained model says of the test patients, chance where it was not asked.
    value:
        The task's primary metric on them.
    """

    cases: tuple[str, ...]
    why: tuple[str, ...]
    answers: Mapping[str, tuple[Answer, ...]]
    seconds: float
    reads: int
    wrong_reads: int
    disputed: int
    wrong_cases: int
    trained: bool
    tested: Mapping[str, Prediction]
    value: float

    def as_dict(self) -> dict[str, Any]:
        """The turn as JSON."""
        plain = {f.name: getattr(self, f.name) for f in fields(self)}
        answers = {study_id: [a.to_json() for a in given] for study_id, given in self.answers.items()}
        return {**plain, "answers": answers, "tested": [_prediction(p) for p in self.tested.values()]}

    @classmethod
    def from_dict(cls, raw: Mapping[str, Any]) -> Turn:
        """The turn back from JSON."""
        answers = {s: tuple(Answer.from_json(a) for a in given) for s, given in raw["answers"].items()}
        tested = {p["study_id"]: _from_prediction(p) for p in raw["tested"]}
        named = {"cases": tuple(raw["cases"]), "why": tuple(raw["why"])}
        return cls(**{**raw, **named, "answers": answers, "tested": tested})


class Aside(Blobs):
    """A folder of blobs over a home's own: what is there is read there, what is new is kept in the folder.

    Parameters
    ----------
    folder:
        Where new ones lie.
    base:
        The home's, which stay as they are.
    """

    def __init__(self, folder: Path, base: Blobs) -> None:
        super().__init__(folder)
        self.base = base

    def path(self, name: str) -> Path:
        """Where a blob lies: in the home if it is there, else in the folder."""
        own = self.base.path(name)
        return own if own.is_file() else super().path(name)

    def remove(self, name: str) -> bool:
        """Remove a blob of the folder; the home's stay."""
        return name not in self.base and super().remove(name)


class Kept:
    """What was played of one simulation.

    Parameters
    ----------
    home, key:
        Whose, and under which digest (see :func:`active_learning.playing_material.key_of`).
    """

    def __init__(self, home: Home, key: str) -> None:
        self.key = key
        self.folder = home.simulations / key
        self.blobs = Aside(self.folder / "blobs", Blobs.of(home))

    def turn(self, way: str, seed: int, number: int) -> Turn | None:
        """A turn that was played, or None."""
        name = _name(way, seed, f"turn-{number}")
        raw = self.read(name)
        try:
            return None if raw is None else Turn.from_dict(raw)
        except (KeyError, TypeError) as error:
            raise _damaged(self.folder / name, f"{type(error).__name__}: {error}") from error

    def put_turn(self, way: str, seed: int, number: int, turn: Turn, pool: Iterable[Prediction]) -> None:
        """Keep a turn, with what its model says of the pool, which the next turn chooses by.

        The turn is written last: where it is, all of it is. What chose this turn is not needed any more.

        Raises
        ------
        ConflictError
            The simulation was removed meanwhile, because a study was deleted.
        """
        if not self.folder.is_dir():
            raise ConflictError(
                "The simulation was removed while it was played.", given=self.folder,
                expected="the studies that it began with", do="ask for it again: a study was deleted",
            )  # fmt: skip
        self.write(_name(way, seed, f"pool-{number}"), [_prediction(p) for p in pool])
        self.write(_name(way, seed, f"turn-{number}"), turn.as_dict())
        if number > 1:
            (self.folder / _name(way, seed, f"pool-{number - 1}")).unlink(missing_ok=True)

    def pool(self, way: str, seed: int, number: int) -> dict[str, Prediction]:
        """What a turn's model says of the studies that were not read, by study."""
        name = _name(way, seed, f"pool-{number}")
        raw = self.read(name)
        if raw is None:
            raise _damaged(self.folder / name, "it is not there")
        return {p["study_id"]: _from_prediction(p) for p in raw}

    def read(self, name: str) -> Any | None:
        """The content of a JSON file of the folder, or None where there is none."""
        path = self.folder / name
        try:
            return json.loads(path.read_text(encoding="utf-8"))
        except FileNotFoundError:
            return None
        except (OSError, ValueError) as error:
            raise _damaged(path, str(error)) from error

    def array(self, name: str) -> NDArray[np.float32] | None:
        """An array of the folder, or None where there is none."""
        path = self.folder / name
        try:
            found: NDArray[np.float32] = np.load(path, allow_pickle=False)
        except FileNotFoundError:
            return None
        except (OSError, ValueError, EOFError) as error:
            raise _damaged(path, str(error)) from error
        return found

    def put_array(self, name: str, array: NDArray[np.float32]) -> None:
        """Keep an array in the folder, whole or not at all."""
        stream = io.BytesIO()
        np.save(stream, array, allow_pickle=False)
        _write(self.folder / name, stream.getvalue())

    def write(self, name: str, content: object) -> None:
        """Keep JSON in a file of the folder, whole or not at all."""
        _write(self.folder / name, json.dumps(content).encode())


def _write(path: Path, content: bytes) -> None:
    """Write a file beside its place, and move it there."""
    draft = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with draft.open("wb") as stream:
            stream.write(content)
            stream.flush()
            os.fsync(stream.fileno())
        draft.replace(path)
    except OSError as error:
        draft.unlink(missing_ok=True)
        raise HomeError(
            "The simulation's state cannot be kept.", given=f"{path}: {error.strerror}",
            expected="room on the disk", do="free space and run it again: it goes on where it is",
        ) from error  # fmt: skip


def _name(way: str, seed: int, name: str) -> str:
    """A file of a loop, under the simulation's folder."""
    return f"{way}/seed-{seed}/{name}.json"


def _prediction(one: Prediction) -> dict[str, Any]:
    """A prediction as JSON, without what was measured beside the answers."""
    results = [{**asdict(r), "site": r.site.key, "value": encode_value(r.value)} for r in one.results]
    return {"task": one.task, "study_id": one.study_id, "version": one.version, "results": results}


def _from_prediction(raw: Mapping[str, Any]) -> Prediction:
    results: Sequence[Mapping[str, Any]] = raw["results"]
    plain = Prediction(raw["task"], raw["study_id"], raw["version"], ())
    return replace(
        plain,
        results=tuple(
            QuestionPrediction(**{**r, "site": Site(r["site"]), "value": decode_value(r["value"])})
            for r in results
        ),
    )


def _damaged(path: Path, why: str) -> BlobError:
    return BlobError(
        "A simulation's state cannot be read.", given=f"{path}: {why}", expected="what was written there",
        do="remove the simulation's folder and play again",
    )  # fmt: skip
