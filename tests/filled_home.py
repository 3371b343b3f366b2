"""A small home with everything in it, written through the store's own methods."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter

from data.answers import STUDY, Answer, Choice, Form
from data.blobs import Blobs
from data.home import Home
from data.records import (
    Annotation,
    BatchItem,
    Consensus,
    ConsensusState,
    Layout,
    Mode,
    ModelVersion,
    Part,
    Prediction,
    Purpose,
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
from data.tables.studies import Refusal
from models.evaluation import evaluate
from models.task import ClinicalTask, Trained, get_task
from models.versions import save

TASK = "cxr_quality"
READERS = (
    Reader("reader-1", "Dr Ahn"),
    Reader("reader-2", "Dr Berg"),
    Reader("reader-3", "Script C", ReaderKind.SCRIPTED),
    Reader("senior", "Prof Dahl", role=ReaderRole.ADJUDICATOR),
)
REASON = "the model is unsure: which projection is it"
SENTENCE = "Better: mean AUC +0.131 (95% CI 0.058 to 0.205) on 64 patients."
SOURCE_ID = "hospital:MRN-77"
"""The beginning of every patient's own id, which no page may show."""


def fill(home: Home, *, count: int = 64) -> Store:
    """Studies, two versions, a round that ended and one that is being read, labels, refusals, a failed job."""
    store, blobs, task = Store.of(home), Blobs.of(home), get_task(TASK)
    draws = np.random.default_rng(7)
    studies = [_study(store, blobs, home, index) for index in range(count)]
    for reader in READERS:
        store.reads.add_reader(reader)
    truths = {s.study_id: _truth(task.form, s, draws) for s in studies}
    _references(store, studies[: count // 2], truths)
    versions = _versions(store, blobs, task, studies, truths, draws)
    _ended_round(store, task, studies, truths, versions)
    _open_round(store, task, studies[-10:], truths, versions[1])
    store.studies.update(studies[0].study_id, held="text at the upper edge of the picture")
    store.studies.refuse(
        [
            Refusal("/in/report.pdf", "a" * 64, "not an image", "This is nothing that Consilium reads."),
            Refusal("/in/cut.dcm", "b" * 64, "damaged", "The file ends before its pixels do. Do: fetch it again."),
        ]
    )
    failed = store.jobs.add("evaluate", {"task": TASK, "version": "cxr_quality-v9"})
    store.jobs.lease(failed.job_id, "test", seconds=5)
    store.jobs.fail(
        failed.job_id,
        "test",
        {"error": "There is no such model version.", "given": "cxr_quality-v9", "expected": "<task>-v<number>",
         "do": "list the versions with `consilium models`"},
    )  # fmt: skip
    return store


def _picture(index: int, lateral: bool) -> NDArray[np.uint16]:
    """A thorax of ellipses, 12 bits, with details that no other has, so that none is a copy of another."""
    rows, columns = np.mgrid[-1:1:320j, -1:1:288j]
    shift = 0.05 * np.sin(index)
    body = np.clip(1.15 - (rows**2 * 0.7 + (columns - shift) ** 2 * 1.1), 0, 1)
    lungs = np.zeros_like(body)
    for centre in (0.0,) if lateral else (-0.38, 0.38):
        lungs += np.clip(1 - ((columns - centre - shift) / 0.34) ** 2 - ((rows + 0.1) / 0.62) ** 2, 0, 1)
    ribs = 0.08 * (np.sin(rows * 24 + np.abs(columns) * 6) > 0.5)
    draws = np.random.default_rng(index)
    noise = draws.normal(0, 0.012, body.shape)
    own = gaussian_filter(draws.normal(0, 1, body.shape), 5)
    return (np.clip(body * (0.85 - 0.55 * lungs + ribs) + noise + 0.1 * own / own.std(), 0, 1) * 4095).astype(
        np.uint16
    )


def _study(store: Store, blobs: Blobs, home: Home, index: int) -> Study:
    lateral = index % 3 == 2
    pixels = _picture(index, lateral)
    study_id = f"study-{index:03d}"
    series = Series(
        f"series-{index:03d}", study_id, "DX", Layout.IMAGE, pixels.shape, blobs.put_array(pixels),
        spacing_mm=(1.2, 1.2), window=(2048.0, 4096.0),
        attributes={"manufacturer": "Example", "transfer_syntax": "Explicit VR Little Endian"},
    )  # fmt: skip
    study = Study(
        study_id, patient(home.secret("key"), f"{SOURCE_ID}{index:03d}"), "DX", (series,),
        view="LL" if lateral else "PA", sex="FM"[index % 2], age_y=30.0 + index % 50, phantom=index % 5 == 0,
        ingested_at=f"2026-03-{1 + index % 28:02d}T08:{index % 60:02d}:00+00:00",
    )  # fmt: skip
    store.studies.add(study, {})
    return study


def _truth(form: Form, study: Study, draws: np.random.Generator) -> dict[str, str]:
    """An option for each question that is asked."""
    answers: dict[str, str] = {}
    for question in form.questions:
        if form.asked(question, answers) and isinstance(question.kind, Choice):
            options = question.kind.options
            first = options[1 if study.view == "LL" else 0] if question.name == "projection" else ""
            answers[question.name] = first or options[int(draws.random() < 0.35)]
    return answers


def _answers(truth: dict[str, str]) -> tuple[Answer, ...]:
    return tuple(Answer(name, STUDY, option) for name, option in truth.items())


def _references(store: Store, studies: list[Study], truths: dict[str, dict[str, str]]) -> None:
    store.labels.add_references(
        ReferenceLabel(TASK, s.study_id, answer, "labels.csv")
        for s in studies
        for answer in _answers(truths[s.study_id])
    )


def _predictions(
    form: Form, version: str, studies: list[Study], truths: dict[str, dict[str, str]], draws: np.random.Generator,
    *, skill: float,
) -> Iterator[Prediction]:  # fmt: skip
    for study in studies:
        results = []
        for name, truth in truths[study.study_id].items():
            kind = form[name].kind
            assert isinstance(kind, Choice)
            p = float(np.clip(draws.normal(0.5 + skill, 0.22), 0.02, 0.98))
            second = p if truth == kind.options[1] else 1 - p
            shares = {kind.options[0]: round(1 - second, 4), kind.options[1]: round(second, 4)}
            entropy = -sum(x * np.log2(x) for x in shares.values())
            results.append(
                QuestionPrediction(name, STUDY, max(shares, key=shares.__getitem__), shares, float(entropy))
            )
        yield Prediction(TASK, study.study_id, version, tuple(results))


def manifest_of(blobs: Blobs, task: str, *, phantoms: int, studies: int = 9) -> str:
    """The manifest of a version without networks that has learnt from so many studies, some of them phantoms."""
    return save(blobs, task, Trained({}, {}, ()), data={"training": {"studies": studies, "phantoms": phantoms}})


def _versions(
    store: Store, blobs: Blobs, task: ClinicalTask, studies: list[Study], truths: dict[str, dict[str, str]],
    draws: np.random.Generator,
) -> list[ModelVersion]:  # fmt: skip
    versions = []
    for number, skill in ((1, 0.18), (2, 0.3)):
        parent = versions[-1].version if versions else ""
        version = store.versions.add(
            task=TASK, profile="demo", manifest=manifest_of(blobs, TASK, phantoms=number), parent=parent,
            round_id=f"{TASK}-r1" if number == 2 else "",
        )  # fmt: skip
        made = list(_predictions(task.form, version.version, studies, truths, draws, skill=skill))
        store.versions.put_predictions(made)
        found = evaluate(
            task.form,
            {p.study_id: p for p in made},
            {s.study_id: _answers(truths[s.study_id]) for s in studies},
            {s.study_id: s.patient.patient_id for s in studies},
            n_bootstrap=100,
        )
        store.versions.put_evaluation(version.version, Part.TEST, found.as_dict())
        versions.append(version)
    store.versions.crown(TASK, versions[0].version, "the first version of the task")
    store.versions.crown(TASK, versions[1].version, SENTENCE)
    return versions


def _plan() -> dict[str, object]:
    return {
        "readers": [r.reader_id for r in READERS[:3]], "adjudicator": "senior", "readers_per_case": 3,
        "budget": 10, "random_share": 0.25, "independent_share": 0.5, "profile": "demo", "margin": 0.0, "seed": 0,
    }  # fmt: skip


def _open(store: Store, studies: list[Study], champion: str) -> Round:
    items = [
        BatchItem(s.study_id, Purpose(s.patient.part) if s.patient.part != Part.TRAIN else Purpose.ACQUISITION,
                  Mode.ASSISTED if s.patient.part == Part.TRAIN and i % 2 else Mode.INDEPENDENT, 0.9 - i / 20,
                  REASON if s.patient.part == Part.TRAIN else f"drawn at random for {s.patient.part}")
        for i, s in enumerate(studies)
    ]  # fmt: skip
    return store.rounds.open(TASK, items, _plan(), champion)


def _requests(store: Store, current: Round) -> list[ReadRequest]:
    requests = [
        ReadRequest(f"rq-{current.number}-{item.study_id}-{reader.reader_id}", current.round_id, TASK,
                    item.study_id, reader.reader_id, item.purpose, item.mode)
        for item in store.rounds.batch(current.round_id).items
        for reader in READERS[:3]
    ]  # fmt: skip
    store.reads.plan(requests)
    pushed = [
        replace(r, state=RequestState.PUSHED, external_project=1, external_task=i) for i, r in enumerate(requests)
    ]
    store.reads.set_requests(pushed)
    return pushed


def _read(store: Store, request: ReadRequest, truth: dict[str, str], *, wrong: bool = False) -> Annotation:
    given = dict(truth)
    if wrong:
        given = {"projection": "lateral" if truth["projection"] == "frontal" else "frontal"}
    return store.reads.keep(
        Annotation(f"an-{request.request_id}", TASK, request.study_id, request.reader_id, request.mode,
                   _answers(given), request.request_id, request.round_id, request.purpose, lead_time_s=21.5)
    )  # fmt: skip


def _ended_round(
    store: Store, task: ClinicalTask, studies: list[Study], truths: dict[str, dict[str, str]],
    versions: list[ModelVersion],
) -> None:  # fmt: skip
    current = _open(store, studies[32:40], versions[0].version)
    reads = [_read(store, r, truths[r.study_id]) for r in _requests(store, current)]
    store.labels.put_consensus(
        Consensus(TASK, s.study_id, current.round_id, a.question, a.site, ConsensusState.AGREED, a.value,
                  "majority", 1.0, tuple(r.annotation_id for r in reads if r.study_id == s.study_id))
        for s in studies[32:40]
        for a in _answers(truths[s.study_id])
    )  # fmt: skip
    outcome = {"better": True, "verdict": "better", "sentence": SENTENCE}
    state = RoundState.OPENED
    for after in (RoundState.PUSHED, RoundState.READ, RoundState.CLOSED, RoundState.TRAINED, RoundState.COMPARED,
                  RoundState.PROMOTED):  # fmt: skip
        store.rounds.move(
            current.round_id, after, expected=[state], candidate=versions[1].version, outcome=outcome
        )
        state = after


def _open_round(
    store: Store,
    task: ClinicalTask,
    studies: list[Study],
    truths: dict[str, dict[str, str]],
    champion: ModelVersion,
) -> None:
    current = _open(store, studies, champion.version)
    requests = _requests(store, current)
    store.rounds.move(current.round_id, RoundState.PUSHED, expected=[RoundState.OPENED])
    for index, request in enumerate(requests):
        if index % 4 != 1 or index < 6:
            _read(store, request, truths[request.study_id], wrong=index in (0, 8))
    first = studies[0]
    store.labels.put_consensus(
        [Consensus(TASK, first.study_id, current.round_id, "projection", STUDY, ConsensusState.DISPUTED, None,
                   "majority", 0.5, ())]
    )  # fmt: skip
