"""How many labels each way of choosing needs, against random draws and other libraries' own code.

    python -m benchmarks.label_efficiency [--data PATH ...] [--test PATH] [--strategies a,b,...] [--seeds N]
                                          [--cache FOLDER] [--json]

Without ``--data``: adrenal glands (AdrenalMNIST3D) and slices of the spine (SPIDER) from the folder that
``CONSILIUM_REAL_DATA`` names, and two phantom tasks, ``cxr_quality`` and ``adrenal_ct``. ``--data`` takes other
files of the same layout, or the name of such a task. Glands are scored on the val split, or on the file that
``--test`` names.

Whole loops are played: from a start set that all strategies share, each asks for as many cases a round, the same
small model is learnt anew from features that need no labels, and scored on patients who are never in the pool. The
answers are the sets' own. Every loop is kept in the cache, so that the table goes on where it was stopped.

``aulc`` is the area under the learning curve over its width, ``labels_to_random_final`` the labels until the mean
curve reaches random's final quality (None: never), both made as :mod:`active_learning.learning_curves` says;
``saved`` is the share of labels saved against those that random itself needs for it, ``saved_of_all`` against all
that random had. All come with 95% intervals over seeds and test patients, drawn together and alike for both.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections.abc import Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import dataclass
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import numpy as np
import torch
from platformdirs import user_cache_dir

from active_learning.learning_curves import Bounded, Curves, compared, resampled
from benchmarks.label_cases import Pool
from benchmarks.label_learners import setting_of
from benchmarks.label_loops import Loop, kept_loop, known_share, strategies_of
from benchmarks.label_pools import pools

SEEDS = 5
PROCESSES = 2
DRAWS = 1000
BASE, HARD = "random", "foreground_random"
"""What all are held against, and the baseline that is hard to beat."""
COLUMNS = ("aulc", "gain", "over foreground_random", "labels to random's final", "saved", "of all")


@dataclass(frozen=True, eq=False, slots=True)
class _Turn:
    pool: Pool
    strategy: str
    seed: int
    cache: Path


def main() -> None:
    """Play what is missing, and print the table."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument(
        "--data", type=Path, action="append", default=[], help="a file, a folder or a phantom task"
    )
    parser.add_argument("--test", type=Path, help="what is scored, of the same layout")
    parser.add_argument("--strategies", default="", help="names, separated by commas; all without it")
    parser.add_argument("--seeds", type=int, default=SEEDS)
    parser.add_argument("--cache", type=Path, default=Path(user_cache_dir("consilium")) / "label_efficiency")
    parser.add_argument("--json", action="store_true", help="one line of JSON")
    options = parser.parse_args()
    began = time.perf_counter()
    wanted = [name for name in options.strategies.split(",") if name]
    found = {}
    for pool in pools(options.data, options.test, options.cache):
        loops = played(pool, names_of(pool, wanted), options.seeds, options.cache)
        found[pool.name] = judged(pool, loops)
    result = {
        "benchmark": "label_efficiency", "seeds": options.seeds, "data": found,
        "seconds": round(time.perf_counter() - began, 1),
    }  # fmt: skip
    print(json.dumps(result) if options.json else "\n\n".join(table(*item) for item in found.items()))


def names_of(pool: Pool, wanted: Sequence[str]) -> list[str]:
    """The strategies that are played: those wanted that can choose there, and what they are held against."""
    known = strategies_of(pool)
    if not wanted:
        return known
    strange = set(wanted) - {*known, "skactiveml_margin", "skactiveml_badge", "cleanlab_activelab"}
    if strange:
        raise SystemExit(f"There is no strategy {', '.join(sorted(strange))}; there are {', '.join(known)}.")
    return [name for name in known if name in wanted or name in (BASE, HARD)]


def played(pool: Pool, names: Sequence[str], seeds: int, cache: Path) -> dict[str, list[Loop]]:
    """The loops of each strategy, one a seed; two are played at once, by a thread each."""
    turns = [_Turn(pool, name, seed, cache / "loops") for seed in range(seeds) for name in names]
    loops: dict[tuple[str, int], Loop] = {}
    with ProcessPoolExecutor(PROCESSES, mp_context=get_context("spawn"), initializer=_single) as workers:
        waiting = {workers.submit(_turn, turn): turn for turn in turns}
        for done in as_completed(waiting):
            turn = waiting[done]
            loops[turn.strategy, turn.seed] = done.result()
            print(f"{pool.name}: {len(loops)} of {len(turns)} loops", file=sys.stderr, flush=True)
    return {name: [loops[name, seed] for seed in range(seeds)] for name in names}


def _single() -> None:
    torch.set_num_threads(1)


def _turn(turn: _Turn) -> Loop:
    return kept_loop(turn.pool, turn.strategy, turn.seed, turn.cache)


def curves_of(pool: Pool, loops: Sequence[Loop], draws: int = DRAWS) -> Curves:
    """The learning curves of one strategy, one a seed, with resampled test patients."""
    settings = [setting_of(pool, seed) for seed in range(len(loops))]
    measures = [
        [setting.measure(outcome) for outcome in loop.outcomes]
        for setting, loop in zip(settings, loops, strict=True)
    ]
    return resampled(pool.plan.labels, measures, draws=draws)


def judged(pool: Pool, loops: Mapping[str, Sequence[Loop]], draws: int = DRAWS) -> dict[str, Any]:
    """Every strategy against random, and against random draws that favour foreground."""
    curves = {name: curves_of(pool, kept, draws) for name, kept in loops.items()}
    strategies = {}
    for name, own in curves.items():
        against, hard = compared(own, curves[BASE]), compared(own, curves[HARD])
        strategies[name] = {
            **_bounds("aulc", against.aulc), **_bounds("gain", against.aulc_gain),
            **_bounds("over_foreground_random", hard.aulc_gain),
            **_bounds("labels_to_random_final", against.labels), **_bounds("saved", against.saved),
            **_bounds("saved_of_all", against.saved_of_all), "curve": [round(v, 4) for v in own.middle],
            "share_shown": known_share(pool, loops[name]),
            "seconds_a_loop": round(float(np.mean([loop.seconds for loop in loops[name]])), 1),
        }  # fmt: skip
    return {
        "unit": pool.unit, "labels": list(pool.plan.labels), "random_needs": compared(
            curves[BASE], curves[BASE]).labels.value, "strategies": strategies,
    }  # fmt: skip


def _bounds(name: str, figure: Bounded) -> dict[str, Any]:
    value, low, high = (None if v is None else round(v, 4) for v in (figure.value, figure.low, figure.high))
    return {name: value, f"{name}_95": [low, high]}


def table(name: str, result: Mapping[str, Any]) -> str:
    """One data set as Markdown."""
    lines = [
        f"**{name}**, {result['labels'][0]} to {result['labels'][-1]} {result['unit']}s", "",
        f"| strategy | {' | '.join(COLUMNS)} |", "|---" * (len(COLUMNS) + 1) + "|",
    ]  # fmt: skip
    for strategy, row in result["strategies"].items():
        cells = [
            *(_cell(row, key, 3) for key in ("aulc", "gain", "over_foreground_random")),
            _cell(row, "labels_to_random_final", 0),
            *(_cell(row, key, 0, 100) for key in ("saved", "saved_of_all")),
        ]  # fmt: skip
        lines.append(f"| `{strategy}` | {' | '.join(cells)} |")
    return "\n".join(lines)


def _cell(row: Mapping[str, Any], key: str, digits: int, times: float = 1) -> str:
    def said(value: float | None, absent: str) -> str:
        return absent if value is None else f"{value * times:.{digits}f}{'%' if times == 100 else ''}"

    low, high = row[f"{key}_95"]
    return f"{said(row[key], 'never')} ({said(low, '-')} to {said(high, '-')})"


if __name__ == "__main__":
    main()
