"""The kinds of background work: what pages and API ask the worker to do."""

from __future__ import annotations

import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from active_learning.desk import PullReport
from active_learning.plan import RoundPlan
from active_learning.rounds import Loop
from data.answers import Answer, Site
from data.blobs import Blobs
from data.errors import BusyError, TaskError
from data.home import Home
from data.ingest import ingest
from data.pixels import Pixels
from data.store import Store
from models.course import course_of
from models.references import record_references
from models.task import Progress, discover, get_task, silent
from models.watching import watched
from workbench.fetching import note_fetch
from workbench.jobs import LOOKING, QUICK, Work, enqueue, kind
from workbench.report import Told

FETCH_TRIES, FETCH_PAUSE_S = 6, 0.5
"""How often, and after how long, a fetch looks again where somebody else is at a step of the task."""


def loop(home: Home, task: str, *, progress: Progress = silent, server: bool = False) -> Loop:
    """The rounds of a task; with the labelling server where the step needs it."""
    gateway = None
    if server:
        from labelstudio.gateway import LabelStudioGateway  # noqa: PLC0415 - only some steps need it
        from labelstudio.server import LabelStudioServer  # noqa: PLC0415

        gateway = LabelStudioGateway(LabelStudioServer(home), Blobs.of(home), Store.of(home).reads.reader)
    return Loop(home, get_task(task), gateway, progress=progress)


@kind("ingest")
def ingest_paths(work: Work, *, paths: list[str]) -> Mapping[str, Any]:
    """Take files in."""
    report = ingest(
        work.home,
        [Path(p) for p in paths],
        progress=lambda done, of, _: work.progress(done / max(of, 1), f"{done} of {of} files"),
    )
    for clinical in discover().values():
        record_references(Store.of(work.home), clinical, report.studies)
    return {
        "files": report.files,
        "ingested": report.ingested,
        "duplicates": report.duplicates,
        "studies": list(report.studies),
        "refused": [{"path": r.path, "reason": r.reason, "message": r.message} for r in report.refused],
    }


@kind("predict", line=QUICK)
def predict(
    work: Work, *, task: str, study_ids: list[str] | None = None, version: str | None = None
) -> Mapping[str, Any]:
    """Predict studies with a version; the champion, and all that the task accepts, where nothing is named."""
    from models.prediction import predict_studies  # noqa: PLC0415 - loads torch

    store, clinical = Store.of(work.home), get_task(task)
    chosen = version or champion_of(store, task)
    studies = [s for s in store.studies.find(study_ids=study_ids) if clinical.accepts(s)]
    predicted = predict_studies(work.home, clinical, chosen, studies, progress=work.progress)
    return {"task": task, "version": chosen, "studies": len(predicted)}


@kind("explain", line=QUICK)
def explain(
    work: Work,
    *,
    task: str,
    study_id: str,
    question: str,
    site: str = "study",
    finding: str = "",
    version: str | None = None,
) -> Mapping[str, Any]:
    """The heat map of an answer, or of a finding: its page, and the blob of (rows, columns) of uint8, 0 to 255."""
    import numpy as np  # noqa: PLC0415

    from models.versions import load  # noqa: PLC0415 - loads torch

    store, blobs = Store.of(work.home), Blobs.of(work.home)
    chosen = version or champion_of(store, task)
    model = load(store, blobs, chosen)
    found = model.explain(store.studies.get(study_id), question, Pixels(blobs), site=Site(site), finding=finding)
    return {
        "page": found.page,
        "heat": blobs.put_array(np.round(found.heat * 255).astype(np.uint8)),
        "version": chosen,
        "question": question,
    }


@kind("train")
def train(work: Work, *, task: str, profile: str, max_steps: int | None = None) -> Mapping[str, Any]:
    """Train a version by hand; the task's first one becomes champion."""
    from models.training import train_version  # noqa: PLC0415 - loads torch

    store = Store.of(work.home)
    champion = store.versions.champion(task)
    with watched(course_of(work.home, f"{task}-{profile}")):
        version, trained = train_version(
            store,
            Blobs.of(work.home),
            get_task(task),
            profile,
            parent=champion.version if champion else "",
            scratch=work.home.path / "scratch" / f"{task}-{profile}",
            max_steps=max_steps,
            progress=work.progress,
        )
    if champion is None and profile != "tiny":
        store.versions.crown(task, version.version, "the first version of the task")
    return {
        "task": task,
        "profile": profile,
        "version": version.version,
        "stages": [stage.as_dict() for stage in trained.stages],
    }


@kind("evaluate")
def evaluate(work: Work, *, task: str, version: str | None = None) -> Mapping[str, Any]:
    """Measure a version on the locked test patients."""
    from models.prediction import measure_version  # noqa: PLC0415 - loads torch

    store = Store.of(work.home)
    chosen = version or champion_of(store, task)
    evaluation = measure_version(work.home, get_task(task), chosen, progress=work.progress)
    return {"task": task, "version": chosen, "patients": evaluation.patients, "metrics": evaluation.metrics_dict()}


@kind("round.open", line=LOOKING)
def open_round(work: Work, *, task: str, plan: Mapping[str, Any], batch: str = "") -> Mapping[str, Any]:
    """Open the task's next round; where a batch is named, only with that one."""
    opened = loop(work.home, task, progress=work.progress).open(RoundPlan.from_dict(plan), batch=batch)
    return {"round": opened.round_id, "state": opened.state}


@kind("round.preview", line=LOOKING)
def preview_round(work: Work, *, task: str, plan: Mapping[str, Any]) -> Mapping[str, Any]:
    """The batch that opening a round now would give."""
    return loop(work.home, task, progress=work.progress).preview(RoundPlan.from_dict(plan)).as_dict()


@kind("round.step")
def step(work: Work, *, round_id: str, step: str, reason: str = "", force: bool = False) -> Mapping[str, Any]:
    """Take one step of a round: push, pull, close, train, compare or promote."""
    task = Store.of(work.home).rounds.get(round_id).task
    turn = loop(work.home, task, progress=work.progress, server=step in ("push", "pull", "close", "cancel"))
    detail: dict[str, Any] = {}
    if step == "pull":
        detail = _brought(turn.pull(round_id))
        note_fetch(work.home, round_id)
    elif step == "promote":
        turn.promote(round_id, reason=reason, force=force)
    elif step == "train":
        with watched(course_of(work.home, round_id)):
            turn.train(round_id)
    elif step in ("push", "close", "compare", "cancel"):
        getattr(turn, step)(round_id)
        if step == "push":
            enqueue(work.home, "voxels", round_id=round_id)
    else:
        raise TaskError(
            "There is no such step.", given=step, expected="push, pull, close, train, compare, promote or cancel"
        )
    after = turn.store.rounds.get(round_id)
    waiting = turn.waiting_for_adjudication(round_id) if step == "close" else 0
    return {"round": round_id, "step": step, "state": after.state, "waiting_for_adjudication": waiting, **detail}


@kind("case.decide", line=QUICK)
def decide(
    work: Work, *, round_id: str, study_id: str, reader_id: str, answers: list[dict[str, Any]], why: str
) -> Mapping[str, Any]:
    """An adjudicator's decision on a disputed case, made in the workbench."""
    task = Store.of(work.home).rounds.get(round_id).task
    given = [Answer.from_json(raw) for raw in answers]
    turn = loop(work.home, task, progress=work.progress, server=True)
    decision = turn.decide(round_id, study_id, reader_id, given, why)
    return {"decision": decision.decision_id, "study": study_id, "round": round_id}


@kind("case.appeal", line=QUICK)
def appeal(work: Work, *, decision_id: str, reader_id: str, reason: str) -> Mapping[str, Any]:
    """An appeal against a decision: another adjudicator gets the case."""
    store = Store.of(work.home)
    decision = store.decisions.get(decision_id)
    turn = loop(work.home, decision.task, progress=work.progress, server=True)
    turn.appeal(decision_id, reader_id=reader_id, reason=reason)
    return {"decision": decision_id, "study": decision.study_id, "round": decision.round_id}


@kind("reader.qualify", line=QUICK)
def qualify(work: Work, *, task: str, reader_id: str, cases: int | None = None) -> Mapping[str, Any]:
    """Send a reader the cases of a qualification, or fetch and score those that were sent.

    Answers that are still missing leave it open; asking again goes on.
    """
    turn = loop(work.home, task, progress=work.progress, server=True)
    current = turn.qualify(reader_id, cases=cases)
    outstanding = turn.pull(current.round_id).outstanding
    if not outstanding:
        turn.close(current.round_id)
    outcome = turn.qualification(current.round_id)
    scored = {} if outcome is None else {
        "score": round(outcome.score, 4), "needed": outcome.needed, "answers": outcome.answers,
        "passed": outcome.passed,
    }  # fmt: skip
    return {"task": task, "reader": reader_id, "round": current.round_id, "outstanding": outstanding, **scored}


@kind("round.fetch", line=QUICK)
def fetch(work: Work, *, round_id: str, turn: int = 0) -> Mapping[str, Any]:
    """Fetch a round's answers because the labelling server hinted at some.

    Where somebody else is at a step of the task for longer than :data:`FETCH_TRIES` looks, nothing is fetched: the
    worker's own look follows within a minute.
    """
    task = Store.of(work.home).rounds.get(round_id).task
    for _ in range(FETCH_TRIES):
        try:
            report = loop(work.home, task, progress=work.progress, server=True).pull(round_id)
        except BusyError:
            time.sleep(FETCH_PAUSE_S)
        else:
            note_fetch(work.home, round_id)
            return {"round": round_id, "busy": False, **_brought(report)}
    return {"round": round_id, "busy": True}


def _brought(report: PullReport) -> dict[str, Any]:
    return {
        "kept": report.kept,
        "changed": report.changed,
        "skipped": report.skipped,
        "refused": [{"request": r, "message": m} for r, m in report.refused],
        "outstanding": report.outstanding,
    }


@kind("demo.play")
def play_demo(work: Work, *, task: str) -> Mapping[str, Any]:
    """Prepare a task's part of the embedded demo: phantoms, a champion, and a round read by scripted readers."""
    from workbench.embedded import play  # noqa: PLC0415 - loads torch
    from workbench.welcome import invite  # noqa: PLC0415

    played = play(work.home, task=task, report=Told(work.progress))
    waiting = invite(loop(work.home, task, progress=work.progress, server=True))
    if waiting is not None:
        enqueue(work.home, "voxels", round_id=waiting.round_id)
    return played


def champion_of(store: Store, task: str) -> str:
    """The champion's id.

    Raises
    ------
    TaskError
        The task has none yet.
    """
    champion = store.versions.champion(task)
    if champion is None:
        raise TaskError(
            "The task has no champion yet.", given=task, expected="a trained version",
            do=f"train one with `consilium train {task}`",
        )  # fmt: skip
    return champion.version
