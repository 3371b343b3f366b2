"""The background work of simulations: whole loops with scripted readers, played on the known cases of the home."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

from active_learning.playing_outcome import Simulation
from active_learning.playing_plan import Play
from models.task import get_task
from workbench.jobs import Work, kind
from workbench.simulation_report import figures_of, minutes_of, write_report

SIMULATE = "simulate"
MEASURING = 0.97
"""Share of the progress from which on it is measured."""


@kind(SIMULATE)
def simulate(work: Work, *, task: str, play: Mapping[str, Any], out: str = "") -> Mapping[str, Any]:
    """Play a simulation, or what is left of it, and write its report.

    Parameters
    ----------
    play:
        Settings, as :meth:`active_learning.playing_plan.Play.as_dict` gives them.
    out:
        The folder of the report; the simulation's own in the home where it is empty.
    """
    simulation, files = played(work, task, Play.from_dict(play), out)
    return result_of(simulation, files)


def played(work: Work, task: str, play: Play, out: str = "") -> tuple[Simulation, list[Path]]:
    """Play, measure and report; what it came to, and the files."""
    from active_learning.playing import simulate as play_out  # noqa: PLC0415 - slow to load
    from active_learning.playing_measure import measured  # noqa: PLC0415

    found = play_out(
        work.home, get_task(task), play, progress=lambda share, words: work.progress(MEASURING * share, words)
    )
    simulation = measured(
        found, progress=lambda share, words: work.progress(MEASURING + (1 - MEASURING) * share, words)
    )
    return simulation, write_report(simulation, Path(out) if out else found.kept.folder)


def result_of(simulation: Simulation, files: list[Path]) -> dict[str, Any]:
    """The figures as JSON."""
    ways = {
        one.name: {
            **{name: asdict(bounded) for name, bounded in figures_of(one).items()},
            "minutes": minutes_of(one),
            "reads": one.reads,
            "wrong_reads": one.wrong_reads,
            "wrong_cases": one.wrong_cases,
        }
        for one in simulation.outcomes
    }
    return {
        "task": simulation.task, "simulation": simulation.key, "primary": simulation.primary,
        "labels": list(simulation.labels), "pool": simulation.pool, "test_patients": simulation.test_patients,
        "strategies": ways, "files": [str(path) for path in files],
    }  # fmt: skip
