"""Small homes for tests of reading: plain pictures with known truth, a version that predicts, scripted readers."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from active_learning.plan import RoundPlan
from active_learning.rounds import Loop
from data.answers import STUDY, Answer
from data.blobs import Blobs
from data.home import Home
from data.records import (
    Layout,
    Part,
    Patient,
    Prediction,
    QuestionPrediction,
    Reader,
    ReaderKind,
    ReaderRole,
    ReadRequest,
    ReferenceLabel,
    RequestState,
    Round,
    RoundState,
    Series,
    Study,
)
from data.splits import patient
from data.store import Store
from labelstudio.gateway import LabelStudioGateway
from labelstudio.scripted import ScriptedReader
from labelstudio.server import LabelStudioServer
from models.task import get_task
from tests.filled_home import manifest_of

TASK = "cxr_quality"
TRUTH = (Answer("projection", STUDY, "frontal"), Answer("borders_frontal", STUDY, "complete"))
CUT = (Answer("projection", STUDY, "frontal"), Answer("borders_frontal", STUDY, "cut_off"))
LATERAL = (
    Answer("projection", STUDY, "lateral"),
    Answer("borders_lateral", STUDY, "complete"),
    Answer("rotation_lateral", STUDY, "straight"),
)


@dataclass
class Reading:
    """A home with training patients' studies, and the loop of its task on a real labelling server."""

    home: Home
    loop: Loop
    server: LabelStudioServer | None
    studies: Sequence[Study]

    @property
    def store(self) -> Store:
        """The home's store."""
        return self.loop.store

    def add(
        self, *names: str, role: ReaderRole = ReaderRole.READER, kind: ReaderKind = ReaderKind.SCRIPTED
    ) -> None:
        """Add readers."""
        for name in names:
            self.store.reads.add_reader(Reader(name, f"Dr {name}", kind, role))

    def open(self, readers: Sequence[str], **plan: Any) -> Round:
        """Open the next round, of training cases alone where the plan says nothing else."""
        settings = {"readers_per_case": len(readers), "budget": 3, "random_share": 0.0, "profile": "tiny", **plan}
        return self.loop.open(RoundPlan(tuple(readers), **settings))

    def send(self, readers: Sequence[str], **plan: Any) -> list[ReadRequest]:
        """Open the next round, and give its cases to their readers without a labelling server."""
        return send(self.store, self.loop.desk.requests(self.open(readers, **plan)))

    def answer(
        self, round_id: str, reader: str, answers: Mapping[str, Iterable[Answer]] | Iterable[Answer], **more: Any
    ) -> None:
        """Let a reader answer on the labelling server all that waits there, by study or all alike."""
        assert self.server is not None
        hand = ScriptedReader(self.server, self.store.reads.reader(reader), self.loop.task.form, self.loop.blobs)
        waiting = self.store.reads.requests(round_id=round_id, reader_id=reader, states={RequestState.PUSHED})
        for request in waiting:
            given = answers[request.study_id] if isinstance(answers, Mapping) else tuple(answers)
            hand.answer(request, given, lead_time_s=10.0, **more)


def reading(home: Home, server: LabelStudioServer | None, *, count: int = 6) -> Reading:
    """A home with this many training patients' studies; their truth is nobody's yet."""
    store, blobs, task = Store.of(home), Blobs.of(home), get_task(TASK)
    owners = training_patients(home, count)
    studies = [_study(store, blobs, owner, number) for number, owner in owners.items()]
    gateway = LabelStudioGateway(server, blobs, store.reads.reader) if server is not None else None
    return Reading(home, Loop(home, task, gateway), server, studies)


def training_patients(home: Home, count: int) -> dict[int, Patient]:
    """The first so many training patients of a home, by a number of their own."""
    key = home.secret("key")
    every = ((number, patient(key, f"site:{number}")) for number in itertools.count(1))
    return dict(itertools.islice((one for one in every if one[1].part == Part.TRAIN), count))


def send(store: Store, planned: Sequence[ReadRequest], *, first: int = 1) -> list[ReadRequest]:
    """Give a round's cases to their readers as if a labelling server had them, as tasks from ``first`` on."""
    store.reads.plan(planned)
    store.reads.set_requests(
        replace(r, state=RequestState.PUSHED, external_project=3, external_task=n)
        for n, r in enumerate(planned, first)
    )
    (round_id,) = {r.round_id for r in planned}
    store.rounds.move(round_id, RoundState.PUSHED, expected=[RoundState.OPENED])
    return store.reads.requests(round_id=round_id)


def _study(store: Store, blobs: Blobs, owner: Patient, number: int) -> Study:
    pixels = (np.indices((64, 48)).sum(axis=0) * 8 + number).astype(np.uint16)
    name = f"study-{number:03d}"
    series = Series(
        f"series-{number:03d}", name, "DX", Layout.IMAGE, pixels.shape, blobs.put_array(pixels),
        spacing_mm=(1.0, 1.0), window=(500.0, 1000.0),
    )  # fmt: skip
    study = Study(name, owner, "DX", (series,), view="PA", phantom=True, ingested_at="2026-01-01T00:00:00+00:00")
    store.studies.add(study, {})
    return study


def champion(given: Reading, *, cut_off: float = 0.6) -> str:
    """Crown a version that says of every study that it is frontal, and cut off with this probability."""
    store, blobs = given.store, given.loop.blobs
    manifest = manifest_of(blobs, TASK, studies=1, phantoms=1)
    version = store.versions.add(task=TASK, profile="tiny", manifest=manifest, parent="", round_id="").version
    odds = {"complete": round(1 - cut_off, 4), "cut_off": cut_off}
    results = (
        QuestionPrediction("projection", STUDY, "frontal", {"frontal": 0.99, "lateral": 0.01}, 0.08),
        QuestionPrediction("borders_frontal", STUDY, max(odds, key=lambda o: odds[o]), odds, 0.97),
    )
    store.versions.put_predictions(Prediction(TASK, s.study_id, version, results) for s in given.studies)
    store.versions.crown(TASK, version, "the first version of the task")
    return version


def standard(given: Reading, answers: Iterable[Answer] = TRUTH, *, studies: Iterable[Study] | None = None) -> None:
    """Import reference labels."""
    given.store.labels.add_references(
        ReferenceLabel(TASK, s.study_id, answer, "labels.csv")
        for s in (given.studies if studies is None else studies)
        for answer in answers
    )
