"""A home with a reading study: seven scripted readers, an adjudicator and a model, all told what to answer."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field

import numpy as np

from data.answers import Answer, Site
from data.blobs import Blobs
from data.home import Home
from data.records import (
    Annotation,
    Consensus,
    ConsensusState,
    Mode,
    Part,
    Patient,
    Prediction,
    Purpose,
    QuestionPrediction,
    Reader,
    ReaderKind,
    ReaderRole,
    Study,
)
from data.store import Store
from models.task import Trained
from models.versions import save

TASK = "lumbar_stenosis"
LEVELS = ("L3/L4", "L4/L5", "L5/S1")
READERS = tuple(f"scripted-{letter}" for letter in "abcdefg")
ADJUDICATOR = "scripted-senior"
GRADES = 4
IDENTITY = "hospital:MRN-"
"""The beginning of every patient's own id, which no report may show."""


@dataclass
class Told:
    """What everybody was told to answer to ``central``.

    Parameters
    ----------
    truth:
        (items,) the grade that the scripts start from. An item is a study and a level; a patient has one study.
    readers, again, shown:
        (readers, items): the first reads, the second reads (-1: none), the reads with the model's answer in view.
    model:
        (items, grades) probabilities.
    adjudicated:
        By item: what the adjudicator decided.
    """

    items: list[str]
    patients: list[str]
    truth: np.ndarray
    readers: np.ndarray
    again: np.ndarray
    shown: np.ndarray
    model: np.ndarray
    seconds: np.ndarray
    adjudicated: dict[int, int] = field(default_factory=dict)

    @property
    def consensus(self) -> np.ndarray:
        """(items,) the strict majority of the seven, or the adjudicator's decision, or -1."""
        found = []
        for column in self.readers.T:
            (top, votes), *_ = Counter(column.tolist()).most_common(1)
            found.append(top if 2 * votes > len(column) else self.adjudicated.get(len(found), -1))
        return np.array(found)

    def without(self, reader: int) -> np.ndarray:
        """(items,) the same for one reader: the strict majority of the other six where nobody decided."""
        found = []
        for item, column in enumerate(np.delete(self.readers, reader, axis=0).T):
            (top, votes), *_ = Counter(column.tolist()).most_common(1)
            found.append(self.adjudicated.get(item, top if 2 * votes > len(column) else -1))
        return np.array(found)


def tell(*, studies: int = 40, seed: int = 5) -> Told:
    """Draw what everybody shall answer: each reader errs by a step, each at a rate of the own."""
    draws = np.random.default_rng(seed)
    items = [f"study-{number:03} level:{level}" for number in range(studies) for level in LEVELS]
    truth = draws.integers(0, GRADES, len(items))
    rates = np.linspace(0.15, 0.55, len(READERS))[:, None]

    def err(rate: np.ndarray, shape: tuple[int, ...]) -> np.ndarray:
        step = draws.choice([-1, 1, 2], size=shape) * (draws.random(shape) < rate)
        return np.clip(truth + step, 0, GRADES - 1)

    readers = err(rates, (len(READERS), len(items)))
    again = np.full_like(readers, -1)
    again[0, : 12 * len(LEVELS)] = err(np.array(0.3), (len(items),))[: 12 * len(LEVELS)]
    noise = draws.normal(0, 1.1, len(items))[:, None]
    held = np.exp(-((np.arange(GRADES) - truth[:, None] - noise) ** 2))
    told = Told(
        items, [f"{IDENTITY}{number:03}" for number in range(studies)], truth, readers, again,
        err(rates / 2, readers.shape), np.round(held / held.sum(axis=1, keepdims=True), 6),
        draws.lognormal(4.0, 0.4, (len(READERS), studies)),
    )  # fmt: skip
    disputed = np.flatnonzero(told.consensus < 0)
    told.adjudicated = {int(item): int(truth[item]) for item in disputed[: max(1, len(disputed) // 2)]}
    return told


def fill(home: Home, told: Told) -> Store:
    """Keep it all, through the store's own methods."""
    store = Store.of(home)
    names = list(dict.fromkeys(item.split(" ")[0] for item in told.items))
    for number, (study_id, patient) in enumerate(zip(names, told.patients, strict=True)):
        of = Patient(patient, f"P-{number:010}", Part.TEST)
        store.studies.add(Study(study_id, of, "MR", ingested_at="2026-03-01T08:00:00+00:00"), {})
    for reader in READERS:
        store.reads.add_reader(Reader(reader, reader.title(), ReaderKind.SCRIPTED))
    store.reads.add_reader(Reader(ADJUDICATOR, "Senior", ReaderKind.SCRIPTED, ReaderRole.ADJUDICATOR))
    for row, reader in enumerate(READERS):
        for number, study_id in enumerate(names):
            for kind, grades in (("first", told.readers), ("again", told.again), ("shown", told.shown)):
                given = _answers(told, study_id, grades[row])
                if given:
                    store.reads.keep(_read(kind, reader, study_id, number, given, told.seconds[row, number]))
    _agree(store, told)
    _predict(store, Blobs.of(home), told, names)
    return store


def _read(
    kind: str, reader: str, study_id: str, number: int, given: tuple[Answer, ...], seconds: float
) -> Annotation:
    purpose = {"first": Purpose.TEST, "again": Purpose.REREAD, "shown": Purpose.SECOND_LOOK}[kind]
    day = {"first": 2, "shown": 3, "again": 9}[kind]
    return Annotation(
        f"an-{kind}-{reader}-{study_id}", TASK, study_id, reader,
        Mode.ASSISTED if kind == "shown" else Mode.INDEPENDENT, given, purpose=purpose, lead_time_s=float(seconds),
        created_at=f"2026-03-{day:02}T{8 + number // 60:02}:{number % 60:02}:00+00:00",
    )  # fmt: skip


def _answers(told: Told, study_id: str, grades: np.ndarray) -> tuple[Answer, ...]:
    rows = [row for row, item in enumerate(told.items) if item.startswith(f"{study_id} ")]
    return tuple(
        Answer("central", Site(told.items[row].split(" ")[1]), int(grades[row]))
        for row in rows
        if grades[row] >= 0
    )


def _agree(store: Store, told: Told) -> None:
    records = []
    for row, item in enumerate(told.items):
        study_id, site = item.split(" ")
        value = int(told.consensus[row])
        state = ConsensusState.ADJUDICATED if row in told.adjudicated else ConsensusState.AGREED
        support = float(np.mean(told.readers[:, row] == value))
        votes = tuple(f"an-first-{reader}-{study_id}" for reader in READERS)
        records.append(
            Consensus(TASK, study_id, "", "central", Site(site), state if value >= 0 else ConsensusState.DISPUTED,
                      value if value >= 0 else None, "majority", support, votes)
        )  # fmt: skip
    store.labels.put_consensus(records)


def _predict(store: Store, blobs: Blobs, told: Told, names: list[str]) -> None:
    levels = ("absent", "mild", "moderate", "severe")
    version = store.versions.add(task=TASK, profile="demo", manifest=save(blobs, TASK, Trained({}, {}, ())))
    predictions = []
    for study_id in names:
        results = []
        for row, item in enumerate(told.items):
            if item.startswith(f"{study_id} "):
                shares = dict(zip(levels, told.model[row].tolist(), strict=True))
                results.append(
                    QuestionPrediction(
                        "central", Site(item.split(" ")[1]), int(told.model[row].argmax()), shares, 0.5
                    )
                )
        predictions.append(Prediction(TASK, study_id, version.version, tuple(results)))
    store.versions.put_predictions(predictions)
    store.versions.crown(TASK, version.version, "the first version of the task")
