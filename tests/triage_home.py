"""A home whose champion can clear studies: patients of every part with known scores and known answers."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from data.answers import STUDY, Answer
from data.blobs import Blobs
from data.home import Home
from data.records import (
    Consensus,
    ConsensusState,
    Layout,
    Part,
    Patient,
    Prediction,
    QuestionPrediction,
    ReferenceLabel,
    Series,
    Study,
)
from data.store import Store
from models.task import Trained
from models.versions import save

TASK = "chest_ct_norm"
EARLY = "2026-03-01T08:00:00+00:00"
"""When patients came in, unless they are said to be new."""
PICTURE = np.linspace(0, 255, 64 * 64).reshape(64, 64).astype(np.uint8)
LATE = "2099-01-01T08:00:00+00:00"
"""After any operating point was made."""


def fill(home: Home, *, calibration: int = 420, train: int = 120, others: int = 12, seed: int = 3) -> Store:
    """Patients with a study each, a champion that has predicted them all, and answers to the calibration patients.

    Two of five show pathology. Makers and sexes alternate, so that there are subgroups.
    """
    store = Store.of(home)
    counts = {Part.CALIBRATION: calibration, Part.TRAIN: train, Part.TEST: others, Part.VALIDATION: others}
    studies, shown = [], {}
    for part, count in counts.items():
        for number in range(count):
            study = add(home, store, f"{part.value}-{number:04}", part, number)
            studies.append(study)
            shown[study.study_id] = number % 5 < 2
    known = [s for s in studies if s.patient.part == Part.CALIBRATION]
    store.labels.add_references(
        ReferenceLabel(TASK, s.study_id, answer(shown[s.study_id]), "labels.csv") for s in known
    )
    crown(home, store, studies, [shown[s.study_id] for s in studies], seed=seed)
    return store


def add(
    home: Home,
    store: Store,
    name: str,
    part: Part,
    number: int = 0,
    *,
    at: str = EARLY,
    picture: np.ndarray = PICTURE,
    **known: object,
) -> Study:
    """A study of a patient of its own, with a picture."""
    series = Series(
        f"series-{name}", f"study-{name}", "CT", Layout.IMAGE, (64, 64), Blobs.of(home).put_array(picture),
        attributes={"manufacturer": ("Alpha", "Beta")[number % 2]},
    )  # fmt: skip
    patient = Patient(
        str(known.pop("patient", f"hospital:{name}")), str(known.pop("pseudonym", f"P-{name}")), part
    )
    study = Study(
        f"study-{name}", patient, "CT", (series,), sex="FM"[number // 2 % 2], age_y=30.0 + number % 50,
        ingested_at=at, **known,
    )  # type: ignore[arg-type]  # fmt: skip
    store.studies.add(study, {})
    return study


def answer(shows: bool) -> Answer:
    """The answer to whether there is pathology."""
    return Answer("norm", STUDY, "pathology" if shows else "normal")


def crown(
    home: Home,
    store: Store,
    studies: Sequence[Study],
    shown: Sequence[bool],
    *,
    seed: int,
    learnt: Sequence[str] = (),
) -> str:
    """A champion that has learnt from these pseudonyms, with its scores; normal patients 2.6 deviations below."""
    manifest = save(
        Blobs.of(home), TASK, Trained({}, {}, ()), data={"training": {"patients": list(learnt), "studies": 1}}
    )
    version = store.versions.add(task=TASK, profile="demo", manifest=manifest)
    draws = np.random.default_rng(seed).normal(size=len(studies)) + np.where(shown, 1.3, -1.3)
    store.versions.put_predictions(
        predicted(s.study_id, version.version, float(1 / (1 + np.exp(-2.6 * d))))
        for s, d in zip(studies, draws, strict=True)
    )
    store.versions.crown(TASK, version.version, f"version {version.number} of the task")
    return version.version


def predicted(study_id: str, version: str, score: float) -> Prediction:
    """A prediction with this probability of pathology."""
    shares = {"normal": 1 - score, "pathology": score}
    value = "pathology" if score >= 0.5 else "normal"
    return Prediction(TASK, study_id, version, (QuestionPrediction("norm", STUDY, value, shares, 0.5),))


def agree(store: Store, study_id: str, shows: bool | None, *, round_id: str = "") -> None:
    """The readers' consensus on a study; None: disputed."""
    state = ConsensusState.DISPUTED if shows is None else ConsensusState.AGREED
    value = None if shows is None else answer(shows).value
    store.labels.put_consensus(
        [Consensus(TASK, study_id, round_id, "norm", STUDY, state, value, "majority", 1.0, ())]
    )
