"""``consilium triage ...``: what needs no reading, with a promise that is kept and watched."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from workbench.report import Json, reporting, table

if TYPE_CHECKING:
    from active_learning.triage_run import TriageStatus

app = typer.Typer(no_args_is_help=True, help="Clear studies that need no reading, with a promised miss rate.")

Task = Annotated[str, typer.Argument(help="The clinical task.", show_default=False)]


@app.command()
def plan(
    task: Task,
    miss: Annotated[
        float | None, typer.Option(help="Of the pathological patients at most this share may be cleared.")
    ] = None,
    confidence: Annotated[
        float | None, typer.Option(help="Confidence over the draw of the calibration patients.")
    ] = None,
    prevalence: Annotated[
        float | None, typer.Option(help="Share of the site's patients with pathology.", min=0.0, max=1.0)
    ] = None,
    as_json: Json = False,
) -> None:
    """Make the champion's operating point from the calibration patients, or say how many more it takes."""
    with reporting(as_json) as report:
        from data.home import Home
        from workbench import triage_work
        from workbench.jobs import Work

        made = triage_work.plan(
            Work(Home.default(), report.progress),
            task=task,
            miss=miss,
            confidence=confidence,
            prevalence=prevalence,
        )
        report.result(made, table=table(f"Operating point of {made['version']}", ["", ""], _rows(dict(made))))


@app.command("run")
def run_(task: Task, as_json: Json = False) -> None:
    """Decide on every unread study: clear, read or adjudicate. Again it clears nothing twice."""
    with reporting(as_json) as report:
        from data.home import Home
        from workbench import triage_work
        from workbench.jobs import Work

        done = triage_work.run(Work(Home.default(), report.progress), task=task)
        for alarm in done["alarms"]:
            report.say(f"Alarm: {alarm['sentence']} Nothing is cleared until it is lifted.")
        rows = [(r["way"], r["studies"], r["reason"]) for r in done["reasons"]]
        report.result(done, table=table(f"Decided by {done['version']}", ["way", "studies", "reason"], rows))


@app.command()
def status(task: Task, as_json: Json = False) -> None:
    """Show the operating point that rules, what it cleared, what audits have shown, and the alarms."""
    with reporting(as_json) as report:
        from active_learning.triage_run import status as of
        from data.home import Home
        from models.task import get_task

        values = _status(task, of(Home.default(), get_task(task)))
        shown = {key: value for key, value in values.items() if key not in ("policy", "looks", "alarms", "due")}
        rows = [*_rows(values["policy"] or {}), *_rows(shown)]
        rows += [("alarm", f"{a['sentence']} {'stands' if not a['lifted_at'] else 'lifted: ' + a['reason']}")
                 for a in values["alarms"]]  # fmt: skip
        report.result(values, table=table(f"Triage of {task}", ["", ""], rows))


@app.command()
def resume(
    task: Task,
    reason: Annotated[str, typer.Option(help="Why clearing may go on, for the log.", show_default=False)],
    as_json: Json = False,
) -> None:
    """Lift the alarms of a task, so that clearing goes on."""
    with reporting(as_json) as report:
        from data.home import Home
        from data.store import Store
        from models.task import get_task
        from workbench.triage_work import alarm_dict

        lifted = [alarm_dict(a) for a in Store.of(Home.default()).triage.resume(get_task(task).name, reason)]
        rows = [(a["alarm"], a["sentence"], a["reason"]) for a in lifted]
        shown = table("Lifted", ["alarm", "what was seen", "why it was lifted"], rows)
        report.result({"task": task, "lifted": lifted}, table=shown)


def _status(task: str, found: TriageStatus) -> dict[str, Any]:
    from workbench.triage_work import alarm_dict, policy_dict

    seen = found.audit
    return {
        "task": task,
        "champion": found.champion or None,
        "clearing": "stopped" if found.stopped else "on" if found.policy else "no operating point",
        "policy": policy_dict(found.policy) if found.policy else None,
        "cleared": found.cleared,
        "audit": None if seen is None else {
            "drawn": seen.drawn, "read": seen.read, "pathological": seen.pathological, "miss": seen.miss,
            "miss_95": [seen.miss_low, seen.miss_high], "omission_95": list(seen.omission),
            "omission_at_all_looks": list(seen.omission_always), "evidence": seen.evidence,
        },
        "due": list(found.due),
        "looks": [{"watched": one.watched.value, "number": one.number, "at": one.at, **one.figures}
                  for one in found.looks],
        "alarms": [alarm_dict(alarm) for alarm in found.alarms],
    }  # fmt: skip


def _rows(values: dict[str, Any]) -> list[tuple[str, str]]:
    """Names and values for people."""
    return [(key, _said(value)) for key, value in values.items() if value not in (None, [], "")]


def _said(value: Any) -> str:
    if isinstance(value, dict) and {"value", "low", "high"} <= set(value):
        bounds = "" if value["low"] is None else f" ({value['low']:.3g} to {value['high']:.3g})"
        return f"{value['value']:.3g}{bounds}"
    if isinstance(value, dict):
        return ", ".join(f"{name} {_said(inner)}" for name, inner in value.items())
    if isinstance(value, list):
        return ", ".join(_said(inner) for inner in value)
    return f"{value:.4g}" if isinstance(value, float) else str(value)
