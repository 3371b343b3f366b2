"""How many minutes of reading a minute budget saves against a case budget, for the same quality.

    python -m benchmarks.reader_minutes [--data PATH ...] [--seeds N] [--strategy NAME] [--cache FOLDER] [--json]

Without ``--data``: adrenal glands from the folder that ``CONSILIUM_REAL_DATA`` names, and phantom lesions.

The time of a read is drawn from a log-normal distribution that depends on the case, once a seed and case::

    ln seconds = ln 45 + ln 2 * abnormal + ln 1.6 * doubt + effect * pages + 0.3 * e

``abnormal`` is 1 where the reference has any yes; ``doubt`` is the entropy over ln 2, in the most doubtful head,
of what a regression on all labels of the pool says of a case that it was not fitted on; ``pages`` (how much there
is to look at) and ``e`` are standard normal, and e is of the single read. The figures are stated, not measured;
the effect of pages is played as 0 (nothing but the model's own doubt foretells a time), 0.3 and 0.6.

Both budgets choose by the same strategy. The case budget asks for as many cases a round; the minute budget may
spend the same minutes in each round, and takes the cases by gain per minute as foretold by
:mod:`active_learning.minutes` from the reads that were made before (the model's chances and doubt as they were
then, and the pages). What is spent is the true time. ``minutes`` are those until the case budget's final quality,
``minutes_to_90`` those until nine tenths of its rise, where curves are not yet flat; ``saved`` is against the case
budget's own.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from platformdirs import user_cache_dir

from active_learning.learning_curves import Bounded, Curves, compared, resampled
from active_learning.minutes import learn, picks_for
from active_learning.strategies.heads import doubt_of
from active_learning.strategies.registry import STRATEGIES, strategy
from active_learning.strategies.view import View
from active_learning.uncertainty import entropy
from benchmarks.label_cases import NOT_KNOWN, CasePool
from benchmarks.label_learners import setting_of
from benchmarks.label_loops import Loop, kept_loop, settings_of, source_of, stored
from benchmarks.label_pools import found, pools

Floats = NDArray[np.float64]

EFFECTS = (0.0, 0.3, 0.6)
"""Of pages on log seconds, by one standard deviation."""
MEDIAN_S, ABNORMAL, DOUBT, SINGLE = 45.0, np.log(2.0), np.log(1.6), 0.3
PRIOR_S = 60.0
"""What a task would state, in s a case."""
NEAR = 0.9
"""Of the case budget's rise: a goal before the curve is flat."""
STEPS = 40
"""Of the common scale of minutes."""


@dataclass(frozen=True, eq=False, slots=True)
class Times:
    """(n,) seconds that the read of each case of the pool takes, and its pages."""

    seconds: Floats
    pages: Floats


@dataclass(frozen=True, eq=False, slots=True)
class _Turn:
    pool: CasePool
    strategy: str
    seed: int
    effect: float | None
    cache: Path


def main() -> None:
    """Play what is missing, and print."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--data", type=Path, action="append", default=[], help="a file or a phantom task")
    parser.add_argument("--strategy", default="mix", choices=sorted(STRATEGIES))
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--cache", type=Path, default=Path(user_cache_dir("consilium")) / "label_efficiency")
    parser.add_argument("--json", action="store_true", help="one line of JSON")
    options = parser.parse_args()
    began = time.perf_counter()
    data = options.data or [*(p for p in found() if p.suffix == ".npz"), Path("adrenal_ct")]
    results = {}
    for pool in pools(data, None, options.cache):
        if not isinstance(pool, CasePool):
            raise SystemExit(f"{pool.name} has outlines: cases with answers are needed.")
        results[pool.name] = measured(pool, options.strategy, options.seeds, options.cache)
    result = {
        "benchmark": "reader_minutes", "strategy": options.strategy, "seeds": options.seeds, "data": results,
        "seconds": round(time.perf_counter() - began, 1),
    }  # fmt: skip
    print(json.dumps(result) if options.json else "\n\n".join(table(*item) for item in results.items()))


def measured(pool: CasePool, name: str, seeds: int, cache: Path) -> dict[str, Any]:
    """Both budgets, by the effect of pages."""
    turns = [
        _Turn(pool, name, seed, effect, cache / "loops") for effect in (None, *EFFECTS) for seed in range(seeds)
    ]
    with ProcessPoolExecutor(2, mp_context=get_context("spawn"), initializer=_single) as workers:
        loops = []
        for loop in workers.map(_played, turns):
            loops.append(loop)
            print(f"{pool.name}: {len(loops)} of {len(turns)} loops", file=sys.stderr, flush=True)
    cases, rest = loops[:seeds], loops[seeds:]
    by_effect = {}
    for place, effect in enumerate(EFFECTS):
        minutes = rest[place * seeds : (place + 1) * seeds]
        by_effect[str(effect)] = judged(pool, effect, cases, minutes)
    return {"unit": pool.unit, "by_effect": by_effect}


def _single() -> None:
    torch.set_num_threads(1)


def _played(turn: _Turn) -> Loop:
    cases = kept_loop(turn.pool, turn.strategy, turn.seed, turn.cache)
    if turn.effect is None:
        return cases
    code = [source_of(str(path)) for path in (__file__, sys.modules[learn.__module__].__file__)]
    code.append(source_of(str(sys.modules[strategy(turn.strategy).__module__].__file__)))
    mark = settings_of(turn.pool, *code)
    path = turn.cache / f"{turn.pool.name}-{turn.strategy}-minutes-{turn.effect}-{turn.seed}-{mark}.json"
    return stored(path, lambda: play(turn.pool, turn.strategy, turn.seed, turn.effect or 0.0, cases))


def times_of(pool: CasePool, seed: int, effect: float) -> Times:
    """The stated distribution, drawn for one seed."""
    rng = np.random.default_rng((seed, 11))
    size = len(pool.pool.features)
    pages, single = rng.standard_normal(size), rng.standard_normal(size)
    abnormal = (pool.pool.targets == 1).any(axis=1)
    logs = np.log(MEDIAN_S) + ABNORMAL * abnormal + DOUBT * doubts(pool) + effect * pages + SINGLE * single
    return Times(np.exp(logs), pages)


def doubts(pool: CasePool) -> Floats:
    """(n,) how doubtful a case is to one who knows the others, 0 to 1, in its most doubtful head."""
    from sklearn.linear_model import LogisticRegression
    from sklearn.model_selection import cross_val_predict

    most = np.zeros(len(pool.pool.features))
    for targets in pool.pool.targets.T:
        applies = targets != NOT_KNOWN
        probe = LogisticRegression(C=0.1, solver="newton-cholesky")
        given = cross_val_predict(
            probe, pool.pool.features[applies], targets[applies], cv=5, method="predict_proba"
        )
        most[applies] = np.maximum(most[applies], entropy(given))
    return most


def play(pool: CasePool, name: str, seed: int, effect: float, cases: Loop) -> Loop:
    """A loop with the minutes of each round that the case budget spent in it."""
    began = time.perf_counter()
    setting, times = setting_of(pool, seed), times_of(pool, seed, effect)
    spent = minutes_of(cases, times)
    known = cases.known[: pool.plan.start]
    model = setting.fit(known, (seed, 0, 1))
    outcomes, labels = [model.outcome()], [len(known)]
    seen = [_foreseen(model.view(known, known, "entropy"), times.pages[known])]
    for number in range(1, len(cases.labels)):
        free = np.setdiff1d(np.arange(setting.size), known)
        view = model.view(known, free, "entropy")
        ahead = _foreseen(view, times.pages[free])
        foretold = learn(np.concatenate(seen), times.seconds[known], PRIOR_S).seconds(ahead)
        budget_s = 60 * (spent[number] - float(times.seconds[known].sum()) / 60)
        rng = np.random.default_rng((seed, number, 2))
        places = picks_for(strategy(name), view, foretold, max(budget_s, 0.0), rng).places
        known = np.concatenate([known, free[places]])
        seen.append(ahead[places])
        model = setting.fit(known, (seed, number, 1))
        outcomes.append(model.outcome())
        labels.append(len(known))
    return Loop(tuple(labels), known, np.array(outcomes), round(time.perf_counter() - began, 2))


def _foreseen(view: View, pages: Floats) -> Floats:
    """(n, 3) what is known before a case is read: the chance of a yes, the model's doubt, and the pages."""
    shown = np.zeros(view.size) if view.foreground is None else np.asarray(view.foreground)
    return np.stack([shown, doubt_of(view.heads, view.size, entropy).scores, pages], axis=1)


def minutes_of(loop: Loop, times: Times) -> Floats:
    """(steps,) minutes that were read in all, after each round."""
    spent = np.concatenate([[0.0], np.cumsum(times.seconds[loop.known])]) / 60
    return np.asarray(spent[list(loop.labels)])


def on_scale(pool: CasePool, loops: Sequence[Loop], minutes: Sequence[Floats], scale: Floats) -> Curves:
    """The curves of loops on one scale of minutes, interpolated between rounds."""
    values, drawn = [], []
    for seed, (loop, spent) in enumerate(zip(loops, minutes, strict=True)):
        setting = setting_of(pool, seed)
        steps = range(len(spent))
        apart = np.concatenate([[True], np.diff(spent) > 0])
        own = resampled(steps, [[setting.measure(outcome) for outcome in loop.outcomes]])
        assert own.drawn is not None
        values.append(np.interp(scale, spent[apart], own.values[0][apart]))
        drawn.append(np.stack([np.interp(scale, spent[apart], row[apart]) for row in own.drawn[:, 0]]))
    return Curves(scale, np.stack(values), np.stack(drawn, axis=1))


def judged(pool: CasePool, effect: float, cases: Sequence[Loop], minutes: Sequence[Loop]) -> dict[str, Any]:
    """Minutes until the case budget's final quality, by both budgets."""
    times = [times_of(pool, seed, effect) for seed in range(len(cases))]
    spent = [[minutes_of(one, t) for one, t in zip(loops, times, strict=True)] for loops in (cases, minutes)]
    start, end = (max(one[0] for one in spent[0]), min(one[-1] for both in spent for one in both))
    scale = np.linspace(start, end, STEPS)
    by_cases, by_minutes = (on_scale(pool, *pair, scale) for pair in zip((cases, minutes), spent, strict=True))
    against, near = compared(by_minutes, by_cases), compared(by_minutes, by_cases, share=NEAR)
    reads = [float(np.mean([loop.labels[-1] for loop in loops])) for loops in (cases, minutes)]
    return {
        **_bounds("minutes", against.labels), **_bounds("minutes_by_cases", against.labels_other),
        **_bounds("saved", against.saved), **_bounds("minutes_to_90", near.labels),
        **_bounds("minutes_to_90_by_cases", near.labels_other), **_bounds("saved_to_90", near.saved),
        **_bounds("aulc", against.aulc), **_bounds("gain", against.aulc_gain),
        "cases_read": reads, "minutes_in_all": round(float(end), 1),
    }  # fmt: skip


def _bounds(name: str, figure: Bounded) -> dict[str, Any]:
    value, low, high = (None if v is None else round(v, 4) for v in (figure.value, figure.low, figure.high))
    return {name: value, f"{name}_95": [low, high]}


def table(name: str, result: dict[str, Any]) -> str:
    """One pool as Markdown."""
    titles = ("effect of pages", "goal", "minutes, case budget", "minutes, minute budget", "saved", "cases read")
    lines = [f"**{name}**", "", f"| {' | '.join(titles)} |", "|---" * len(titles) + "|"]
    for effect, row in result["by_effect"].items():
        reads = " and ".join(f"{count:.0f}" for count in row["cases_read"])
        for goal, end in (("final", ""), ("90% of the rise", "_to_90")):
            key = f"minutes{end}"
            needed = ["never" if v is None else f"{v:.0f}" for v in (row[f"{key}_by_cases"], row[key])]
            saved = row[f"saved{end}"], *row[f"saved{end}_95"]
            own, low, high = ("-" if share is None else f"{share:.0%}" for share in saved)
            lines.append(f"| {effect} | {goal} | {needed[0]} | {needed[1]} | {own} ({low} to {high}) | {reads} |")
    return "\n".join(lines)


if __name__ == "__main__":
    main()
