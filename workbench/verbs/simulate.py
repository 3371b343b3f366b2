"""``consilium simulate``: what other ways to choose cases would have made of the same reading."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from workbench.report import Json, reporting, table


def simulate(
    task: Annotated[str, typer.Argument(help="The clinical task.", show_default=False)],
    strategies: Annotated[str, typer.Option(help="The ways to choose, with commas; random for comparison.")],
    budget: Annotated[int, typer.Option(help="Cases that are read in each loop, the start included.", min=2)],
    seeds: Annotated[int, typer.Option(help="Loops of each way.", min=1)] = 5,
    rounds: Annotated[int | None, typer.Option(help="Rounds after the start.", min=1)] = None,
    batch: Annotated[int | None, typer.Option(help="Cases of a round.", min=1)] = None,
    start: Annotated[int | None, typer.Option(help="Cases of the start, drawn at random.", min=1)] = None,
    learner: Annotated[
        str, typer.Option(help="task: the task's own networks; head: a linear head on features, in seconds.")
    ] = "task",
    profile: Annotated[str, typer.Option(help="The profile of the task's networks: demo or tiny.")] = "demo",
    max_steps: Annotated[int | None, typer.Option(help="Steps of each network at the most.", min=1)] = None,
    readers: Annotated[int, typer.Option(help="Scripted readers of each case.", min=1)] = 3,
    error_rate: Annotated[float, typer.Option(help="How often a reader answers wrong, 0 to 0.5.")] = 0.1,
    out: Annotated[
        Path | None, typer.Option(help="The folder of the report; the home's own without it.", show_default=False)
    ] = None,
    as_json: Json = False,
) -> None:
    """Play whole loops with scripted readers on the known cases, and compare the ways to choose them.

    Nothing of the home's records changes. Cut off, it goes on where it was; asked again, it prints at once.
    """
    with reporting(as_json) as report:
        from active_learning.playing_plan import Play
        from active_learning.promotion_words import metric_name
        from data.home import Home
        from workbench.jobs import Work
        from workbench.simulate_work import played, result_of
        from workbench.simulation_report import HEADS, cells_of, settings_of

        names = [name.strip() for name in strategies.split(",") if name.strip()]
        play = Play.of(
            names, budget, rounds=rounds, batch=batch, start=start, learner=learner, seeds=seeds, profile=profile,
            max_steps=max_steps, readers=readers, error_rate=error_rate,
        )  # fmt: skip
        work = Work(Home.default(), report.progress)
        simulation, files = played(work, task, play, str(out) if out else "")
        report.say(settings_of(simulation))
        title = f"{simulation.title}: {metric_name(simulation.primary)} on the test patients"
        report.result(result_of(simulation, files), table=table(title, HEADS, cells_of(simulation)))
        report.say(f"Curves: {files[0]}")
