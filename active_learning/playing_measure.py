"""From the turns of a simulation to its curves, and to how each way of choosing stands beside random."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np

from active_learning.learning_curves import DRAWS, Bounded, Curves, compared, resampled
from active_learning.playing import Played
from active_learning.playing_kept import Turn
from active_learning.playing_outcome import FILE, Against, Outcome, Simulation, kept_simulation
from active_learning.playing_plan import RANDOM
from data.records import Prediction
from models.bootstrap import MAX_LEFT_OUT
from models.measures import measures
from models.metrics import Measure
from models.task import Progress, silent

SECONDS_A_MINUTE = 60


def measured(played: Played, *, draws: int = DRAWS, progress: Progress = silent) -> Simulation:
    """Measure what was played, and keep it; measured before, it is taken from there.

    Parameters
    ----------
    draws:
        Resamples for the intervals.
    """
    earlier = kept_simulation(played.kept)
    if earlier is not None and earlier.play == played.play:
        return earlier
    by_turn: dict[int, Measure] = {}  # the start is the same turn in every way of choosing
    by_cases: dict[str, Curves] = {}
    for place, (way, loops) in enumerate(played.turns.items()):
        progress(place / len(played.turns), f"measuring {way}")
        by_cases[way] = resampled(played.play.labels, _measures(played, loops, by_turn), draws=draws)
    patients = all(_defined(curves) for curves in by_cases.values())
    if not patients:
        by_cases = {way: replace(curves, drawn=None) for way, curves in by_cases.items()}
    both = {way: (curves, _by_minutes(curves, played.turns[way])) for way, curves in by_cases.items()}
    material, task = played.material, played.task
    simulation = Simulation(
        played.kept.key, task.name, task.title, task.primary, played.play, played.play.labels,
        len(material.pool), len(set(material.patients.values())), patients,
        tuple(_outcome(way, loops, both) for way, loops in played.turns.items()),
    )  # fmt: skip
    played.kept.write(FILE, simulation.as_dict())
    return simulation


def _measures(played: Played, loops: Sequence[Sequence[Turn]], by_turn: dict[int, Measure]) -> list[list[Measure]]:
    """The primary metric of each loop's turns; a turn that is there already is not measured again."""
    for turn in (turn for loop in loops for turn in loop if id(turn) not in by_turn):
        by_turn[id(turn)] = _measure(played, turn.tested)
    return [[by_turn[id(turn)] for turn in loop] for loop in loops]


def _measure(played: Played, tested: Mapping[str, Prediction]) -> Measure:
    found = measures(
        played.task.form, tested, played.material.references, played.material.patients, blobs=played.kept.blobs
    )
    return found.measures[played.task.primary]


def _defined(curves: Curves) -> bool:
    """Whether enough resamples of the test patients have the metric at every step."""
    undefined = curves.drawn is None or np.isnan(curves.drawn).any(axis=(1, 2)).mean()
    return bool(undefined <= MAX_LEFT_OUT)


def _by_minutes(curves: Curves, loops: Sequence[Sequence[Turn]]) -> Curves:
    """The same curves over minutes of reading, the mean over the loops."""
    return replace(curves, labels=np.mean([_minutes(loop) for loop in loops], axis=0))


def _minutes(loop: Sequence[Turn]) -> list[float]:
    """Minutes of reading up to each step of a loop."""
    return [float(m) for m in np.cumsum([turn.seconds for turn in loop]) / SECONDS_A_MINUTE]


def _outcome(way: str, loops: Sequence[Sequence[Turn]], curves: Mapping[str, tuple[Curves, Curves]]) -> Outcome:
    own, own_minutes = curves[way]
    turns = [turn for loop in loops for turn in loop]
    against = None
    if RANDOM in curves:
        usual, usual_minutes = curves[RANDOM]
        cases, minutes = compared(own, usual), compared(own_minutes, usual_minutes)
        against = Against(cases.aulc_gain, cases.labels, cases.saved, minutes.labels, minutes.saved)
    return Outcome(
        way,
        tuple(tuple(turn.value for turn in loop) for loop in loops),
        tuple(tuple(_minutes(loop)) for loop in loops),
        compared(own, own).aulc,
        _final(own),
        against,
        sum(turn.reads for turn in turns),
        sum(turn.wrong_reads for turn in turns),
        sum(len(turn.cases) for turn in turns),
        sum(turn.disputed for turn in turns),
        sum(turn.wrong_cases for turn in turns),
        sum(not turn.trained for turn in turns),
    )


def _final(curves: Curves) -> Bounded:
    """The quality when the budget is used: the area under a curve that stays where the curves end."""
    drawn = None if curves.drawn is None else np.repeat(curves.drawn[:, :, -1:], 2, axis=2)
    flat = Curves(np.array([1.0, 2.0]), np.repeat(curves.values[:, -1:], 2, axis=1), drawn)
    return compared(flat, flat).aulc
