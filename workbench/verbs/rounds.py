"""``consilium round ...``: the loop, step by step."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from workbench.report import Json, Report, reporting, table

if TYPE_CHECKING:
    from active_learning.plan import RoundPlan
    from active_learning.rounds import Loop

app = typer.Typer(no_args_is_help=True, help="Open, follow and close the rounds of a task.")

Task = Annotated[str, typer.Argument(help="The clinical task.", show_default=False)]
RoundId = Annotated[str, typer.Argument(help="The round, such as cxr_quality-r1.", show_default=False)]


Readers = Annotated[
    list[str] | None, typer.Option("--reader", help="A reader's id; all people where none is named.")
]
Adjudicator = Annotated[str | None, typer.Option(help="Who decides disputed cases, and reads no other.")]
Budget = Annotated[int | None, typer.Option(help="Cases at the most.", min=1)]
Minutes = Annotated[float | None, typer.Option(help="Reader minutes at the most, in place of cases.", min=0)]
PerCase = Annotated[int | None, typer.Option(help="Reads of each case.", min=1)]
Strategy = Annotated[str | None, typer.Option(help="How training cases are chosen, such as entropy or badge.")]
QuotaTexts = Annotated[
    list[str] | None,
    typer.Option(
        "--quota", help="A bound on a group, such as 'site=hospital<=50%' or 'phenotype=malignant>=0.2'."
    ),
]
PerPatient = Annotated[int | None, typer.Option(help="Studies of a training patient at the most.", min=1)]
ProfileOf = Annotated[str | None, typer.Option(help="The candidate's profile.")]
Seed = Annotated[int | None, typer.Option(help="Seed of the random draws.")]


@app.command("open")
def open_round(
    task: Task,
    reader: Readers = None,
    adjudicator: Adjudicator = None,
    budget: Budget = None,
    minutes: Minutes = None,
    readers_per_case: PerCase = None,
    strategy: Strategy = None,
    quota: QuotaTexts = None,
    per_patient: PerPatient = None,
    profile: ProfileOf = None,
    seed: Seed = None,
    batch: Annotated[str, typer.Option(help="The name of the previewed batch; another one is refused.")] = "",
    as_json: Json = False,
) -> None:
    """Choose the cases that need reading, and open the task's next round."""
    with reporting(as_json) as report:
        plan = _plan(
            task, reader, adjudicator, budget=budget, budget_minutes=minutes, readers_per_case=readers_per_case,
            strategy=strategy, quotas=quota, per_patient=per_patient, profile=profile, seed=seed,
        )  # fmt: skip
        opened = _loop(task, report).open(plan, batch=batch)
        _show(report, opened.round_id)


@app.command()
def preview(
    task: Task,
    reader: Readers = None,
    adjudicator: Adjudicator = None,
    budget: Budget = None,
    minutes: Minutes = None,
    readers_per_case: PerCase = None,
    strategy: Strategy = None,
    quota: QuotaTexts = None,
    per_patient: PerPatient = None,
    profile: ProfileOf = None,
    seed: Seed = None,
    as_json: Json = False,
) -> None:
    """Show the batch that opening a round now would give, with reasons and minutes; nothing is opened or sent."""
    with reporting(as_json) as report:
        plan = _plan(
            task, reader, adjudicator, budget=budget, budget_minutes=minutes, readers_per_case=readers_per_case,
            strategy=strategy, quotas=quota, per_patient=per_patient, profile=profile, seed=seed,
        )  # fmt: skip
        proposal = _loop(task, report).preview(plan)
        rows = [(c.label, c.part.value, c.item.mode.value, f"{c.seconds / 60:.1f}", c.item.reason)
                for c in proposal.cases]  # fmt: skip
        title = f"{len(rows)} cases, {proposal.minutes:.0f} reader minutes; batch {proposal.batch}"
        shown = table(title, ["patient", "part", "mode", "minutes", "reason"], rows)
        report.result(proposal.as_dict(), table=shown)


def _plan(task: str, reader: list[str] | None, adjudicator: str | None, **changes: Any) -> RoundPlan:
    """A plan by a task's settings and what was named; all who read, and the first adjudicator, without names."""
    from active_learning.plan import RoundPlan
    from data.home import Home
    from data.records import ReaderKind, ReaderRole
    from data.store import Store
    from models.task import get_task

    people = Store.of(Home.default()).reads.readers(kind=ReaderKind.PERSON)
    names = reader or [r.reader_id for r in people if r.role == ReaderRole.READER]
    deciders = [r.reader_id for r in people if r.role == ReaderRole.ADJUDICATOR]
    if changes["quotas"] is not None:
        changes["quotas"] = tuple(changes["quotas"])
    return RoundPlan.of(
        get_task(task).config.reading,
        tuple(names),
        adjudicator=adjudicator if adjudicator is not None else (deciders[0] if deciders else ""),
        **changes,
    )


def _loop(task: str, report: Report) -> Loop:
    from data.home import Home
    from workbench.work import loop

    return loop(Home.default(), task, progress=report.progress)


def _step(name: str, help_: str, *, options: bool = False) -> None:
    def step(round_id: RoundId, as_json: Json = False) -> None:
        with reporting(as_json) as report:
            _take(report, round_id, name)

    step.__doc__ = help_
    app.command(name)(step)


_step("push", "Send the round's cases to its readers.")
_step("pull", "Fetch what the readers have answered. Again brings nothing twice.")
_step("close", "Form the consensus; disputed cases go to the adjudicator.")
_step("train", "Train a candidate on the consensus of the training patients.")
_step("compare", "Put the candidate beside the champion on the locked test patients.")
_step("cancel", "Give a round up before it closes. Its answers are kept.")


@app.command()
def promote(
    round_id: RoundId,
    reason: Annotated[str, typer.Option(help="Why, for the log.")] = "",
    force: Annotated[bool, typer.Option("--force", help="Crown it although it was not proven better.")] = False,
    as_json: Json = False,
) -> None:
    """Crown the candidate if it was proven better; else keep the champion."""
    with reporting(as_json) as report:
        _take(report, round_id, "promote", reason=reason, force=force)


def _take(report: Report, round_id: str, step: str, **arguments: Any) -> None:
    from data.home import Home
    from workbench import work
    from workbench.jobs import Work

    done = work.step(Work(Home.default(), report.progress), round_id=round_id, step=step, **arguments)
    _show(report, round_id, {key: value for key, value in done.items() if key not in ("round", "step", "state")})


def _show(report: Report, round_id: str, detail: dict[str, Any] | None = None) -> None:
    from active_learning.rounds import NEXT_STEP
    from data.home import Home
    from data.store import Store

    store = Store.of(Home.default())
    current = store.rounds.get(round_id)
    requests = store.reads.requests(round_id=round_id)
    answered = sum(r.state in ("answered", "skipped") for r in requests)
    values = {
        "round": round_id,
        "task": current.task,
        "state": current.state.value,
        "next": NEXT_STEP.get(current.state),
        "studies": len(store.rounds.batch(round_id).items),
        "reads": len(requests),
        "answered": answered,
        "champion": current.champion or None,
        "candidate": current.candidate or None,
        "sentence": current.outcome.get("sentence"),
        **(detail or {}),
    }
    rows = [(key, value) for key, value in values.items() if value not in (None, [], "")]
    report.result(values, table=table(round_id, ["", ""], rows))


@app.command()
def status(task: Task, as_json: Json = False) -> None:
    """Show a task's rounds, the newest first, with each one's next step."""
    with reporting(as_json) as report:
        from active_learning.rounds import NEXT_STEP
        from data.home import Home
        from data.store import Store
        from models.task import get_task

        store = Store.of(Home.default())
        listed = []
        for current in store.rounds.all(get_task(task).name):
            requests = store.reads.requests(round_id=current.round_id)
            listed.append(
                {
                    "round": current.round_id,
                    "state": current.state.value,
                    "next": NEXT_STEP.get(current.state),
                    "reads": len(requests),
                    "answered": sum(r.state in ("answered", "skipped") for r in requests),
                    "candidate": current.candidate or None,
                    "sentence": current.outcome.get("sentence"),
                }
            )
        rows = [(v["round"], v["state"], v["next"] or "", f"{v['answered']}/{v['reads']}", v["sentence"] or "")
                for v in listed]  # fmt: skip
        shown = table("Rounds", ["round", "state", "next step", "read", "outcome"], rows)
        report.result({"task": task, "rounds": listed}, table=shown)
