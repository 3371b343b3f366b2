"""A home whose task has test patients enough to be compared: a champion, a candidate, a round that trained it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np

from data.answers import STUDY, Answer
from data.blobs import Blobs
from data.home import Home
from data.records import (
    BatchItem,
    Layout,
    Mode,
    ModelVersion,
    Part,
    Patient,
    Prediction,
    Purpose,
    QuestionPrediction,
    Reader,
    ReferenceLabel,
    Round,
    RoundState,
    Series,
    Study,
)
from data.store import Store
from tests.filled_home import manifest_of

TASK = "cxr_quality"
QUESTIONS = {"projection": ("frontal", "lateral"), "borders_frontal": ("complete", "cut_off")}
READERS = ("reader-1", "reader-2", "reader-3")


def many_patients(home: Home, count: int) -> list[Study]:
    """Frontal and lateral studies of as many test patients, each with a reference standard."""
    return _patients(home, range(count), Part.TEST)


def calibration_patients(home: Home, count: int, *, first: int = 200) -> list[Study]:
    """As many calibration patients as are asked for, each with a reference standard.

    Parameters
    ----------
    first:
        The number of the first one, which its answers follow from; above those of the test patients.
    """
    return _patients(home, range(first, first + count), Part.CALIBRATION)


def _patients(home: Home, numbers: range, part: Part) -> list[Study]:
    store, shade = Store.of(home), int(part is Part.CALIBRATION)  # no picture of one part is a copy of another's
    pixels = Blobs.of(home).put_array(np.full((8, 8), shade, dtype=np.uint16))
    studies = []
    for i in numbers:
        name = f"t{i:03d}"
        series = Series(name, name, "DX", Layout.IMAGE, (8, 8), pixels,
                        attributes={"manufacturer": "Acme" if i % 3 else "Bolt"})  # fmt: skip
        study = Study(name, Patient(f"site:{name}", f"P-{name}", part), "DX", (series,), "PA",
                      "FM"[i % 2], 30.0 + i % 40,
                      ingested_at=f"2026-01-{1 + i % 28:02d}T08:00:00+00:00")  # fmt: skip
        store.studies.add(study, {})
        studies.append(study)
    store.labels.add_references(
        ReferenceLabel(TASK, s.study_id, Answer(question, STUDY, option), "labels.csv")
        for i, s in zip(numbers, studies, strict=True)
        for question, option in truth(i).items()
    )
    return studies


def truth(i: int) -> dict[str, str]:
    """The reference standard of a study by its number."""
    return {"projection": QUESTIONS["projection"][i % 4 == 3], "borders_frontal":
            QUESTIONS["borders_frontal"][i % 5 < 2]}  # fmt: skip


def version(home: Home, studies: Sequence[Study], skill: float, *, seed: int, round_id: str = "") -> ModelVersion:
    """A version that is right the oftener, the larger its skill; it has predicted the studies."""
    store = Store.of(home)
    made = store.versions.add(
        task=TASK, profile="demo", manifest=manifest_of(Blobs.of(home), TASK, phantoms=0), round_id=round_id
    )
    store.versions.put_predictions(_predictions(made.version, studies, skill, seed))
    return made


def _predictions(version_: str, studies: Sequence[Study], skill: float, seed: int) -> Iterator[Prediction]:
    shared, own = np.random.default_rng(999), np.random.default_rng(seed)
    for study in studies:
        results = []
        for question, answer in truth(int(study.study_id[1:])).items():
            options = QUESTIONS[question]
            sign = 1 if answer == options[1] else -1
            p = 1 / (1 + np.exp(-(sign * skill + shared.normal() + 0.5 * own.normal())))
            shares = {options[0]: float(1 - p), options[1]: float(p)}
            value = options[int(p >= 0.5)]
            results.append(QuestionPrediction(question, STUDY, value, shares, 0.5))
        yield Prediction(TASK, study.study_id, version_, tuple(results))


def trained_round(
    home: Home, studies: Sequence[Study], champion: str, candidate_skill: float, *, seed: int
) -> Round:
    """The task's next round, at the state in which its candidate waits to be compared."""
    store = Store.of(home)
    for reader in READERS:
        store.reads.add_reader(Reader(reader, reader))
    items = [BatchItem(s.study_id, Purpose.TEST, Mode.INDEPENDENT, 0.0, "drawn") for s in studies[:3]]
    current = store.rounds.open(TASK, items, {"readers": list(READERS)}, champion)
    candidate = version(home, studies, candidate_skill, seed=seed, round_id=current.round_id)
    state = RoundState.OPENED
    for after in (RoundState.PUSHED, RoundState.READ, RoundState.CLOSED, RoundState.TRAINED):
        store.rounds.move(current.round_id, after, expected=[state], candidate=candidate.version)
        state = after
    return store.rounds.get(current.round_id)
