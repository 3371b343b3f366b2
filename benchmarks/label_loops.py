"""Whole loops of asking and learning, each kept in a file of its own: a table goes on where it was stopped."""

from __future__ import annotations

import ast
import hashlib
import inspect
import json
import os
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np

from active_learning.strategies.registry import STRATEGIES
from active_learning.strategies.view import FloatArray, IntArray, View
from benchmarks import label_features, label_learners, label_phantoms, label_pools
from benchmarks.label_cases import CasePool, PagePool, Pool
from benchmarks.label_learners import Fitted, setting_of
from benchmarks.label_peers import PEERS, peers_of

DIGITS = 6
"""Of the scores that are kept."""


@dataclass(frozen=True, eq=False, slots=True)
class Loop:
    """One loop.

    Parameters
    ----------
    labels:
        (steps,) known cases.
    known:
        (cases,) places of the pool in the order in which they were asked for.
    outcomes:
        (steps, kinds, test cases) what the quality is made of.
    seconds:
        That it took, on a thread.
    """

    labels: tuple[int, ...]
    known: IntArray
    outcomes: FloatArray
    seconds: float


def strategies_of(pool: Pool) -> list[str]:
    """The house's strategies, then the peers' that can choose there."""
    return [*STRATEGIES, *peers_of(outlines=isinstance(pool, PagePool))]


def kept_loop(pool: Pool, strategy: str, seed: int, folder: Path) -> Loop:
    """A loop out of its file; played and written where there is none."""
    code = source_of(inspect.getsourcefile(PEERS.get(strategy) or STRATEGIES[strategy]) or "")
    path = folder / f"{pool.name}-{strategy}-{seed}-{settings_of(pool, code)}.json"
    return stored(path, lambda: play(pool, strategy, seed))


def stored(path: Path, make: Callable[[], Loop]) -> Loop:
    """The loop in a file; made and written, whole or not at all, where there is none."""
    if not path.exists():
        loop = make()
        path.parent.mkdir(parents=True, exist_ok=True)
        partial = path.with_name(f".{os.getpid()}-{path.name}")
        outcomes = loop.outcomes.round(DIGITS).astype(object)
        outcomes[np.isnan(loop.outcomes)] = None
        written = {"labels": loop.labels, "known": loop.known.tolist(), "seconds": loop.seconds}
        partial.write_text(json.dumps({**written, "outcomes": outcomes.tolist()}))
        partial.replace(path)
    kept = json.loads(path.read_text())
    read = np.array(kept["outcomes"], dtype=np.float64)
    return Loop(tuple(kept["labels"]), np.array(kept["known"], dtype=np.int64), read, kept["seconds"])


def play(pool: Pool, strategy: str, seed: int) -> Loop:
    """A loop from the start set of the seed, which all strategies share, to the end of the plan."""
    began = time.perf_counter()
    setting = setting_of(pool, seed)
    known = np.random.default_rng((seed, 0)).permutation(setting.size)[: pool.plan.start]
    outcomes = []
    for number, _ in enumerate(pool.plan.labels):
        model = setting.fit(known, (seed, number, 1))
        outcomes.append(model.outcome())
        if number < pool.plan.rounds:
            free = np.setdiff1d(np.arange(setting.size), known)
            places = chosen(strategy, model, known, free, pool.plan.step, (seed, number, 2))
            known = np.concatenate([known, free[places]])
    return Loop(pool.plan.labels, known, np.array(outcomes), round(time.perf_counter() - began, 2))


def chosen(
    strategy: str, model: Fitted, known: IntArray, free: IntArray, count: int, seed: tuple[int, ...]
) -> IntArray:
    """(count,) places within ``free``."""
    rng = np.random.default_rng(seed)
    view = model.view(known, free, strategy.removeprefix("baal_"))
    if strategy in PEERS:
        places = PEERS[strategy](view, free, model, count, int(rng.integers(2**31)))
    else:
        places = STRATEGIES[strategy](seen(view, strategy), count, rng).places
    if len(np.unique(places)) != count:
        raise ValueError(f"{strategy} picked {len(np.unique(places))} different cases of {count}")
    return places


def seen(view: View, strategy: str) -> View:
    """Of outlines BADGE sees two classes whose doubt is the score, since it knows gradients of classes alone."""
    if strategy != "badge" or view.heads or view.scores is None:
        return view
    doubt = np.clip(view.scores, 0, 1) / 2
    head = np.stack([1 - doubt, doubt], axis=1)
    return View((head,), view.features, view.known)


def settings_of(pool: Pool, *code: str) -> str:
    """A fingerprint of all that a loop follows from: data, plan, and the code of learners and strategy."""
    own = code[0] if len(code) == 1 else code
    return hashlib.sha256(repr((pool.print, pool.plan, _learners(), own)).encode()).hexdigest()[:12]


@cache
def _learners() -> str:
    modules = (label_features, label_learners, label_phantoms, label_pools)
    return "".join(source_of(str(module.__file__)) for module in modules)


@cache
def source_of(path: str) -> str:
    """A fingerprint of what code does: comments and docstrings are passed over."""
    tree = ast.parse(Path(path).read_text(encoding="utf-8"))
    for node in ast.walk(tree):
        if isinstance(node, (ast.Module, ast.ClassDef, ast.FunctionDef)) and ast.get_docstring(node) is not None:
            node.body = [*node.body[1:], ast.Pass()]
    return hashlib.sha256(ast.dump(tree).encode()).hexdigest()


def known_share(pool: Pool, loops: Sequence[Loop]) -> float | None:
    """The share of the asked-for cases that have any yes; None for outlines."""
    if not isinstance(pool, CasePool):
        return None
    return float(np.mean([(pool.pool.targets[loop.known] == 1).any(axis=1).mean() for loop in loops]))
