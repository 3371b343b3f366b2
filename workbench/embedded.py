"""The embedded demo: phantoms with known truth, a small champion, and one whole round read by scripted readers.

Everything goes the way that a site's own cases go: files on disk, ingest, training, the real labelling server,
consensus, retraining, comparison. Cut off half-way, it can be run again and goes on.
"""

from __future__ import annotations

import csv
import time
from collections.abc import Collection, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor, wait
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from active_learning.plan import RoundPlan
from active_learning.rounds import NEXT_STEP, Loop
from active_learning.simulation import Script, scripted
from data.answers import Answer
from data.blobs import Blobs
from data.home import Home
from data.ingest import ingest
from data.records import Part, Purpose, ReaderRole, RequestState, Round, RoundState
from data.splits import part_of
from data.store import Store
from labelstudio.gateway import LabelStudioGateway
from labelstudio.scripted import ScriptedReader
from labelstudio.server import LabelStudioServer
from models.config import Demo, ProfileName
from models.prediction import measure_version, predict_studies
from models.references import labels_of, record_references
from models.task import ClinicalTask, get_task
from models.training import train_version
from workbench.report import Report

STARTER = {Part.TRAIN: 0.4, Part.VALIDATION: 1.0, Part.CALIBRATION: 0.7, Part.TEST: 0.8}
"""Share of each part's patients whose truth is imported as reference labels; the readers give the rest."""
TINY = Demo(phantoms=60, budget=8)
"""What the profile ``tiny`` is tried with."""
SCRIPTS = (
    scripted("scripted-a", error_rate=0.05),
    scripted("scripted-b", error_rate=0.10),
    scripted("scripted-c", error_rate=0.15),
)
ADJUDICATOR = scripted("scripted-d", error_rate=0.0, role=ReaderRole.ADJUDICATOR)
KNOWN = "what the phantom was made with"
"""The reason of a scripted adjudicator."""
LOOK_S = 1.0
"""Between two looks at how many phantoms there are."""

Truth = Mapping[str, tuple[Answer, ...]]


@dataclass
class _Clock:
    """Seconds by step."""

    seconds: dict[str, float] = field(default_factory=dict)

    @contextmanager
    def step(self, name: str) -> Iterator[None]:
        start = time.perf_counter()
        yield
        self.seconds[name] = round(self.seconds.get(name, 0.0) + time.perf_counter() - start, 2)


def play(
    home: Home,
    *,
    task: str = "cxr_quality",
    profile: str = ProfileName.DEMO,
    phantoms: int | None = None,
    report: Report,
    server: LabelStudioServer | None = None,
) -> dict[str, Any]:
    """Play the demo's round, or what is left of it.

    Parameters
    ----------
    phantoms:
        Phantom patients; by profile where it is None.
    server:
        The labelling server; the home's own where it is None. It is started if it does not run.

    Returns
    -------
    dict
        What the round came to, as JSON (see the README's reference).
    """
    clinical, name = get_task(task), ProfileName(profile)
    size = TINY if name is ProfileName.TINY else clinical.config.demo
    clock = _Clock()
    store = Store.of(home)
    label_server = server or LabelStudioServer(home)
    with ThreadPoolExecutor(max_workers=1) as aside:
        starting = aside.submit(_start, label_server)  # 30 s the first time; the phantoms do not need it
        with clock.step("phantoms"):
            truth = bring_in(home, clinical, phantoms or size.phantoms, report=report)
        with clock.step("champion"):
            first_champion(home, clinical, name, report=report)
        with clock.step("labelling server"):
            starting.result()
    for script in (*SCRIPTS, ADJUDICATOR):
        store.reads.add_reader(script.reader)
    gateway = LabelStudioGateway(label_server, Blobs.of(home), store.reads.reader)
    loop = Loop(home, clinical, gateway, progress=report.progress)
    with clock.step("open"):
        current = _open(loop, size.budget, name, among=truth)
    while (step := NEXT_STEP.get(current.state)) is not None:
        with clock.step(step):
            current = take_step(loop, current, step, label_server, truth)
    champion = store.versions.champion(task)
    if champion is not None:
        with clock.step("predict"):
            studies = [s for s in store.studies.find(study_ids=list(truth)) if clinical.accepts(s)]
            predict_studies(home, clinical, champion.version, studies, progress=report.progress)
    return summary(store, clinical, current, clock.seconds)


def _start(server: LabelStudioServer) -> None:
    server.install()
    server.start()


def _open(loop: Loop, budget: int, profile: ProfileName, *, among: Collection[str]) -> Round:
    first = loop.store.rounds.first(loop.task.name)
    if first is not None:
        return first
    plan = RoundPlan.of(
        loop.task.config.reading,
        tuple(script.reader.reader_id for script in SCRIPTS),
        adjudicator=ADJUDICATOR.reader.reader_id,
        budget=budget,
        profile=profile.value,
    )
    return loop.open(plan, among=among)


def take_step(loop: Loop, current: Round, step: str, server: LabelStudioServer, truth: Truth) -> Round:
    """Take one step of a round, with the scripted readers answering before their answers are fetched."""
    if step == "pull":
        read(loop, current.round_id, SCRIPTS, server, truth)
        loop.pull(current.round_id)
    elif step == "close":
        loop.close(current.round_id)
        if loop.waiting_for_adjudication(current.round_id):
            read(loop, current.round_id, (ADJUDICATOR,), server, truth)
            loop.pull(current.round_id)
            loop.close(current.round_id)
    else:
        getattr(loop, step)(current.round_id)
    return loop.store.rounds.get(current.round_id)


def read(loop: Loop, round_id: str, scripts: Sequence[Script], server: LabelStudioServer, truth: Truth) -> None:
    """Let scripted readers answer what the labelling server has for them."""
    for number, script in enumerate(scripts):
        reader = ScriptedReader(server, script.reader, loop.task.form, loop.blobs)
        requests = loop.store.reads.requests(
            round_id=round_id, reader_id=script.reader.reader_id, states={RequestState.PUSHED}
        )
        for index, request in enumerate(requests):
            answers = script.answers(loop.task.form, request.study_id, truth[request.study_id])
            lead_time_s = script.lead_time_s(request.study_id)
            decides = request.purpose == Purpose.ADJUDICATION
            reader.answer(request, answers, lead_time_s=lead_time_s, remark=KNOWN if decides else "")
            share = (number + (index + 1) / len(requests)) / len(scripts)
            loop.progress(share, f"{script.reader.name} reads")


def bring_in(home: Home, task: ClinicalTask, count: int, *, report: Report, seed: int = 0) -> Truth:
    """Generate phantoms, ingest them with the starter's reference labels, and give every study's truth."""
    folder = home.prepare().path / "phantoms" / f"{task.name}-{seed}-{count}"
    images, labels, starter = folder / "images", folder / "truth.csv", folder / "starter.csv"
    if not labels.exists():
        _make(task, count, images, seed, report).replace(labels)
    _write_starter(home, task, labels, starter)
    blobs = Blobs.of(home)
    table = labels_of(task, starter, blobs, folder=images)
    done = ingest(home, [images], labels=table, progress=report.count)
    record_references(Store.of(home), task, done.studies)
    return truth_of(Store.of(home), blobs, task, labels, images)


def _make(task: ClinicalTask, count: int, images: Path, seed: int, report: Report) -> Path:
    """Phantoms and the table of what is true of them; the folder, a place for each, tells how far they are."""
    with ThreadPoolExecutor(max_workers=1) as aside:
        making = aside.submit(task.write_phantoms, count, images, seed=seed)
        while not making.done():
            made = sum(1 for _place in images.iterdir()) if images.is_dir() else 0
            report.progress(min(made / count, 0.99), f"making {count} phantoms")
            wait([making], timeout=LOOK_S)
    return making.result()


def _write_starter(home: Home, task: ClinicalTask, labels: Path, starter: Path) -> None:
    """The table without the labels of the patients who are not in the starter set."""
    key = home.secret("key")
    with labels.open(newline="", encoding="utf-8") as source:
        rows = list(csv.DictReader(source))
    seen: dict[Part, int] = {}
    with starter.open("w", newline="", encoding="utf-8") as stream:
        writer = csv.DictWriter(stream, fieldnames=list(rows[0]))
        writer.writeheader()
        for known in rows:
            row = dict(known)
            part = part_of(key, f"dicom:{row['patient']}")
            number = seen[part] = seen.get(part, 0) + 1
            if int(number * STARTER[part]) == int((number - 1) * STARTER[part]):
                row |= dict.fromkeys((c for c in row if c.partition("@")[0] in task.form), "")
            writer.writerow(row)


def truth_of(store: Store, blobs: Blobs, task: ClinicalTask, labels: Path, images: Path) -> Truth:
    """The truth of every study of a table of phantoms, by study; its paths start at the folder of the images."""
    table = labels_of(task, labels, blobs, folder=images)
    found = ((store.studies.by_path(str(images / row.path)), row.answers) for row in table.rows)
    return {study_id: answers for study_id, answers in found if study_id is not None}


def first_champion(home: Home, task: ClinicalTask, profile: ProfileName, *, report: Report) -> None:
    """Train the task's first champion on the starter set, unless there is one, and measure it."""
    store = Store.of(home)
    if store.versions.champion(task.name) is None:
        version, _ = train_version(
            store,
            Blobs.of(home),
            task,
            profile,
            scratch=home.path / "scratch" / f"{task.name}-first",
            progress=report.progress,
        )
        store.versions.crown(task.name, version.version, "the first version of the task")
    champion = store.versions.champion(task.name)
    if champion is not None and store.versions.evaluation(champion.version) is None:
        measure_version(home, task, champion.version, progress=report.progress)


def summary(store: Store, task: ClinicalTask, played: Round, seconds: Mapping[str, float]) -> dict[str, Any]:
    """What a round came to, as JSON."""
    requests = store.reads.requests(round_id=played.round_id)
    annotations = store.reads.annotations(task.name, round_id=played.round_id)
    consensus = store.labels.consensus(task.name, round_id=played.round_id)
    adjudications = {r.study_id for r in requests if r.purpose == Purpose.ADJUDICATION}
    outcome = played.outcome

    def side(name: str, version: str) -> dict[str, Any] | None:
        metrics = outcome.get(name) or {}
        return (
            {"version": version, "primary": task.primary, **(metrics.get(task.primary) or {})} if version else None
        )

    return {
        "task": task.name,
        "round": played.round_id,
        "rounds": len(store.rounds.all(task.name)),
        "studies": len(store.rounds.batch(played.round_id).items),
        "pushed": sum(r.external_task is not None for r in requests),
        "annotations": len(annotations),
        "consensus": len({c.study_id for c in consensus if c.value is not None}),
        "disputed": len(adjudications),
        "adjudicated": len({c.study_id for c in consensus if c.state == "adjudicated"}),
        "champion": side("champion", played.champion),
        "candidate": side("candidate", played.candidate),
        "verdict": outcome.get("verdict"),
        "sentence": outcome.get("sentence"),
        "promoted": played.state == RoundState.PROMOTED,
        "seconds": dict(seconds),
    }
