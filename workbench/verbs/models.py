"""``consilium tasks``, ``models``, ``train``, ``evaluate``, ``predict`` and ``rollback``: what predicts."""

from __future__ import annotations

import time
from typing import Annotated, Any

import typer

from workbench.report import Json, reporting, table

Task = Annotated[str, typer.Argument(help="The clinical task.", show_default=False)]
Version = Annotated[str | None, typer.Option(help="The model version; the champion where none is named.")]


def tasks(as_json: Json = False) -> None:
    """List the clinical tasks, what they ask, and their champions."""
    with reporting(as_json) as report:
        from data.home import Home
        from data.store import Store
        from models.task import discover

        store = Store.of(Home.default())
        found: list[dict[str, Any]] = []
        for task in discover().values():
            champion = store.versions.champion(task.name)
            found.append(
                {
                    "name": task.name,
                    "title": task.title,
                    "modality": sorted(task.modalities),
                    "questions": [q.name for q in task.form.questions],
                    "profiles": [p.value for p in task.config.profiles],
                    "champion": champion.version if champion else None,
                }
            )
        rows = [(t["name"], t["title"], ", ".join(t["questions"]), t["champion"] or "none yet") for t in found]
        report.result(
            {"tasks": found}, table=table("Clinical tasks", ["name", "title", "questions", "champion"], rows)
        )


def models(task: Task, as_json: Json = False) -> None:
    """List a task's model versions; the champion is marked."""
    with reporting(as_json) as report:
        from data.home import Home
        from data.store import Store
        from models.task import get_task

        store, clinical = Store.of(Home.default()), get_task(task)
        champion = store.versions.champion(task)
        listed: list[dict[str, Any]] = []
        for version in store.versions.all(task):
            metrics = (store.versions.evaluation(version.version) or {}).get("metrics", {})
            listed.append(
                {
                    "version": version.version,
                    "profile": version.profile,
                    "round": version.round_id,
                    "created_at": version.created_at,
                    "champion": champion is not None and champion.version == version.version,
                    "primary": {clinical.primary: metrics.get(clinical.primary)},
                }
            )
        rows = [
            (v["version"], "champion" if v["champion"] else "", v["profile"], v["round"], v["created_at"][:16],
             figure(v["primary"][clinical.primary]))
            for v in listed
        ]  # fmt: skip
        columns = ["version", "", "profile", "round", "trained (UTC)", f"{clinical.primary}, test"]
        report.result({"task": task, "versions": listed}, table=table(clinical.title, columns, rows))


def figure(metric: dict[str, Any] | None) -> str:
    """A metric with its interval and number of patients, for people."""
    if not metric:
        return "not measured"
    if metric["low"] is None:
        return f"{metric['value']:.3f} (no interval; {metric['n']} patients)"
    return f"{metric['value']:.3f} ({metric['low']:.3f} to {metric['high']:.3f}; {metric['n']} patients)"


def train(
    task: Task,
    profile: Annotated[str, typer.Option(help="paper, demo or tiny.")] = "demo",
    max_steps: Annotated[
        int | None, typer.Option(help="Optimiser steps of each network at the most.", min=1)
    ] = None,
    as_json: Json = False,
) -> None:
    """Train a version on the reference standard of the training patients. The first becomes champion."""
    with reporting(as_json) as report:
        from data.errors import ConfigError
        from data.home import Home
        from models.config import ProfileName
        from workbench import work
        from workbench.jobs import Work

        if profile not in set(ProfileName):
            raise ConfigError("There is no such profile.", given=profile, expected=", ".join(ProfileName))
        done = work.train(Work(Home.default(), report.progress), task=task, profile=profile, max_steps=max_steps)
        rows = [
            (
                s["name"],
                s["network"],
                f"{s['parameters']:,}",
                "x".join(map(str, s["input"])),
                s["steps"],
                s["seconds"],
            )
            for s in done["stages"]
        ]
        columns = ["stage", "network", "parameters", "input", "steps", "seconds"]
        report.result(done, table=table(f"{done['version']} ({profile})", columns, rows))


def evaluate(task: Task, version: Version = None, as_json: Json = False) -> None:
    """Measure a version on the locked test patients, with 95% intervals over patients."""
    with reporting(as_json) as report:
        from data.home import Home
        from workbench import work
        from workbench.jobs import Work

        done = work.evaluate(Work(Home.default(), report.progress), task=task, version=version)
        rows = [(name, figure(metric)) for name, metric in done["metrics"].items()]
        report.result(
            done, table=table(f"{done['version']}: {done['patients']} test patients", ["metric", ""], rows)
        )


def predict(
    task: Task,
    version: Version = None,
    study: Annotated[list[str] | None, typer.Option(help="Only these studies.")] = None,
    as_json: Json = False,
) -> None:
    """Predict every study that the task accepts; what is predicted already is not computed again."""
    with reporting(as_json) as report:
        from data.home import Home
        from workbench import work
        from workbench.jobs import Work

        start = time.perf_counter()
        done = dict(
            work.predict(
                Work(Home.default(), report.progress), task=task, study_ids=study or None, version=version
            )
        )
        done["seconds"] = round(time.perf_counter() - start, 3)
        report.result(done, table=f"{done['studies']} studies by {done['version']} in {done['seconds']} s")


def rollback(
    task: Task,
    reason: Annotated[str, typer.Option(help="Why, for the log.")],
    as_json: Json = False,
) -> None:
    """Make the champion before this one the champion again."""
    with reporting(as_json) as report:
        from data.home import Home
        from workbench.work import loop

        version = loop(Home.default(), task).rollback(reason)
        report.result({"task": task, "champion": version}, table=f"{version} is champion again.")
