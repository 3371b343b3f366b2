"""Where the next read helps most: from one read a case to all, added where the expected gain says.

    python -m benchmarks.next_read --readers CSV --truth CSV --case COLUMN --reader COLUMN [--patient COLUMN]
                                   [--label COLUMN ...] [--model CSV] [--images FOLDER] [--method NAME]
                                   [--by quality|workload] [--repeats N] [--json]

Each case starts with the read of one reader, drawn at random; a read answers all labels at once. Then reads that
the table holds are added: where :func:`active_learning.next_read.next_reads` says (``score``); evenly over the
cases (``evenly``); where the votes so far have the largest entropy, summed over the findings (``vote_entropy``).
The score names the reader too; with the others the reader is drawn among those who have not read the case.

All orders are judged by the same consensus (``--method``, made new after each step from the reads that there are)
and by the majority beside, in which a tie is no finding. The figure is the mean F1 of what is present against the
reference, over the findings and the random starts; ``at_60_macro`` has the mean over the options, as
:mod:`benchmarks.consensus` does. Intervals are over patients. The reference is used for nothing else.
"""

from __future__ import annotations

import argparse
import json
import os
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, replace
from functools import partial
from multiprocessing import get_context
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from active_learning.crowd import Estimate
from active_learning.methods import METHODS, estimate_all
from active_learning.next_read import By, next_reads
from active_learning.ratings import NOT_READ, Ratings
from benchmarks.reader_tables import YES, ReaderTable, gap, model_probabilities, table_of, table_options, together
from models.bootstrap import FloatArray
from models.metrics import Measure

METHOD = "pooled"
"""The consensus by which all orders are judged, and what the score believes."""
MAJORITY = "majority"
ORDERS = ("score", "evenly", "vote_entropy")
STEPS = 20
"""Of equal size, from one read a case to all; what is believed is made new after each."""
SHARE = 0.6
"""Of all reads, where the score is compared with all of them."""
REPEATS = 20
PROCESSES = 2

Mask: TypeAlias = NDArray[np.bool_]
"""(cases, readers) which reads were made."""
Said: TypeAlias = NDArray[np.int8]
"""(steps, labels, cases) the consensus's option."""


@dataclass(frozen=True, slots=True, eq=False)
class Setting:
    """What all orders share.

    Parameters
    ----------
    ratings:
        By finding, all reads of the table.
    model:
        By finding, the model's probabilities; empty without a model.
    method:
        See :data:`METHOD`.
    by:
        How the score chooses readers.
    targets:
        How many reads there are after each step, the start first.
    """

    ratings: Mapping[str, Ratings]
    model: Mapping[str, FloatArray]
    method: str
    by: By = By.QUALITY
    targets: tuple[int, ...] = ()

    def known(self, made: Mask) -> dict[str, Ratings]:
        """The ratings of the reads that were made."""
        return {
            label: Ratings(
                one.options, one.readers, one.items, one.patients,
                np.where(made, one.given, NOT_READ).astype(np.int16),
            )
            for label, one in self.ratings.items()
        }  # fmt: skip

    def there(self) -> Mask:
        """The reads that the table holds."""
        return np.asarray(np.any([one.given != NOT_READ for one in self.ratings.values()], axis=0))


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    table_options(parser)
    parser.add_argument("--images", type=Path, help="a folder of images named as the cases: a model is trained")
    parser.add_argument("--method", default=METHOD, choices=sorted(METHODS), help="the consensus of all curves")
    parser.add_argument(
        "--by", type=By, default=By.QUALITY, choices=list(By), help="how the score chooses readers"
    )
    parser.add_argument("--repeats", type=int, default=REPEATS, help="random starts")
    options = parser.parse_args()
    began = time.perf_counter()
    table = table_of(options)
    model = model_of(options, table)
    names = table.findings(options.without) if options.without is not None else table.findings()
    setting = replace(setting_of(table, names, model, options.method), by=options.by)
    runs = at_once(partial(repeat, setting), range(options.repeats))
    result = {
        "benchmark": "next_read", "findings": list(names), "cases": len(table.cases), "repeats": options.repeats,
        "with_model": bool(model), "by": str(options.by),
        **{method: judged(table, setting, runs, method, options.draws) for method in (options.method, MAJORITY)},
    }  # fmt: skip
    own = result[options.method]
    result = {
        **result,
        "at_60": own["at_60"],
        "at_60_macro": own["at_60_macro"],
        "seconds": round(time.perf_counter() - began, 1),
    }
    print(json.dumps(result) if options.json else plainly(result, options.method))


def model_of(options: Any, table: ReaderTable) -> Mapping[str, FloatArray]:
    """The model's probabilities by label; trained out of fold where there are images and no file."""
    if options.images is not None and not (options.model and options.model.exists()):
        from benchmarks.out_of_fold import trained

        return trained(options.images, table, write=options.model, case=options.case)
    return model_probabilities(options.model, table, case=options.case) if options.model else {}


def setting_of(
    table: ReaderTable, names: Sequence[str], model: Mapping[str, FloatArray], method: str, steps: int = STEPS
) -> Setting:
    """The findings of a table, and the steps from one read a case to all; one step ends at 60%."""
    ratings = {name: table.ratings[name] for name in names}
    setting = Setting(ratings, {n: m for n, m in model.items() if n in ratings}, method)
    total, start = int(setting.there().sum()), int(setting.there().any(axis=1).sum())
    targets = {round(x) for x in np.linspace(start, total, steps + 1)} | {round(SHARE * total)}
    return replace(setting, targets=tuple(sorted(t for t in targets if t >= start)))


def repeat(setting: Setting, seed: int) -> dict[tuple[str, str], Said]:
    """By order and method, the consensus after each step from one random start."""
    thoughts: dict[bytes, dict[str, Estimate]] = {}

    def believe(made: Mask) -> dict[str, Estimate]:
        key = made.tobytes()
        if key not in thoughts:
            thoughts[key] = estimate_all(setting.method, setting.known(made), setting.model)
        return thoughts[key]

    found: dict[tuple[str, str], Said] = {}
    for order in ORDERS:
        said: dict[str, list[NDArray[np.int8]]] = {setting.method: [], MAJORITY: []}
        for made in growing(setting, order, seed, believe):
            said[setting.method].append(_labels(believe(made)))
            said[MAJORITY].append(_labels(estimate_all(MAJORITY, setting.known(made))))
        found |= {(order, method): np.stack(kept) for method, kept in said.items()}
    return found


def growing(
    setting: Setting, order: str, seed: int, believe: Callable[[Mask], Mapping[str, Estimate]]
) -> Iterator[Mask]:
    """The reads that were made, after each step."""
    rng = np.random.default_rng(seed)
    there = setting.there()
    made = np.zeros_like(there)
    read = np.flatnonzero(there.any(axis=1))
    made[read, any_reader(there, rng)[read]] = True
    yield made.copy()
    for target in setting.targets[1:]:
        while made.sum() < target:
            free, number = there & ~made, target - int(made.sum())
            if order == "score":
                places = scored(setting, made, free, believe(made), number)
            else:
                places = drawn(worth(setting.known(made), order), free, number, rng)
            for item, reader in places:
                made[item, reader] = True
        yield made.copy()


def scored(
    setting: Setting, made: Mask, free: Mask, estimates: Mapping[str, Estimate], number: int
) -> list[tuple[int, int]]:
    """The next reads as (case, reader), where the expected gain says."""
    known = setting.known(made)
    first = next(iter(known.values()))
    items = {name: place for place, name in enumerate(first.items)}
    reads = next_reads(known, estimates, number, model=setting.model, by=setting.by, allowed=free)
    return [(items[read.item], first.readers.index(read.reader)) for read in reads]


def worth(known: Mapping[str, Ratings], order: str) -> FloatArray:
    """(cases,) by which the other orders choose."""
    if order == "vote_entropy":
        return np.asarray(np.sum([entropy(one) for one in known.values()], axis=0))
    reads = np.any([one.given != NOT_READ for one in known.values()], axis=0).sum(axis=1)
    return np.asarray(-reads, dtype=np.float64)


def drawn(values: FloatArray, free: Mask, number: int, rng: np.random.Generator) -> list[tuple[int, int]]:
    """(case, reader) of the cases with the largest values, one read each, the reader drawn; ties at random."""
    cases = np.flatnonzero(free.sum(axis=1) > 0)
    ranked = cases[np.lexsort((rng.random(len(cases)), -values[cases]))][:number]
    readers = any_reader(free, rng)
    return [(int(item), int(readers[item])) for item in ranked]


def _labels(estimates: Mapping[str, Estimate]) -> NDArray[np.int8]:
    """(labels, cases)."""
    return np.stack([one.labels for one in estimates.values()]).astype(np.int8)


def any_reader(free: Mask, rng: np.random.Generator) -> NDArray[np.int64]:
    """(cases,) one of the free readers of each case."""
    return np.asarray(np.where(free, rng.random(free.shape), -1.0).argmax(axis=1))


def entropy(ratings: Ratings) -> FloatArray:
    """(cases,) the entropy of the votes so far."""
    counts = ratings.counts()
    shares = counts / np.maximum(counts.sum(axis=1, keepdims=True), 1)
    return np.asarray(-(shares * np.log(np.where(shares > 0, shares, 1.0))).sum(axis=1))


def judged(
    table: ReaderTable, setting: Setting, runs: Sequence[Mapping[tuple[str, str], Said]], method: str, draws: int
) -> dict[str, Any]:
    """The curves of all orders under one consensus, and how far the score lies above the others."""
    said = {order: np.stack([run[order, method] for run in runs]) for order in ORDERS}  # (runs, steps, labels, n)
    steps = range(len(setting.targets))
    total = setting.targets[-1]
    place = setting.targets.index(round(SHARE * total)) if round(SHARE * total) in setting.targets else 0
    curves = {
        order: [mean_f1(table, setting, kept[:, step]).value for step in steps] for order, kept in said.items()
    }
    sixty = {}
    for name, macro in (("at_60", False), ("at_60_macro", True)):
        full = mean_f1(table, setting, said["score"][:1, -1], macro=macro)
        at = mean_f1(table, setting, said["score"][:, place], macro=macro)
        sixty[name] = {**gap(at, full, draws=draws), "f1": at.value, "f1_of_all": full.value}
    between = {}
    for other in ORDERS[1:]:
        apart = np.subtract(curves["score"], curves[other])[1:-1]
        whole = [
            mean_f1(table, setting, s[:, 1:-1].reshape(-1, *s.shape[2:])) for s in (said["score"], said[other])
        ]
        between[other] = {
            **gap(whole[0], whole[1], draws=draws), "least": float(apart.min()),
            "least_at": setting.targets[1 + int(apart.argmin())], "steps_above": float((apart > 0).mean()),
        }  # fmt: skip
    return {
        **sixty, "reads": list(setting.targets), "curves": curves, "between": between,
    }  # fmt: skip


def mean_f1(table: ReaderTable, setting: Setting, said: NDArray[np.int8], *, macro: bool = False) -> Measure:
    """The mean F1 over repeats (repeats, labels, cases) and findings, over the cases with a reference.

    Of two options F1 is that of the second, such as present; of more, and with ``macro``, the mean over those that
    the reference has.
    """
    names = sorted(set(table.patients))
    index = np.searchsorted(np.array(names), np.array(table.patients))
    measures = []
    for place, (label, ratings) in enumerate(setting.ratings.items()):
        truth = table.truth[label]
        options = list(range(len(ratings.options)))
        if not macro and (YES in ratings.options or len(options) == 2):
            options = [ratings.options.index(YES) if YES in ratings.options else 1]
        scored = [o for o in options if (truth == o).any()]
        given = np.where(truth == NOT_READ, NOT_READ, said[:, place])
        statistic = _f1(truth, given, scored, index)
        value = float(statistic(np.ones((1, len(names))))[0])
        measures.append(Measure(value, statistic, tuple(names)))
    return together(measures)


def _f1(
    truth: NDArray[np.int16], given: NDArray[np.int16], scored: Sequence[int], index: NDArray[np.int64]
) -> Callable[[FloatArray], FloatArray]:
    """Weights of patients (resamples, patients) -> (resamples,) the mean F1 over rows of ``given``."""

    def statistic(weights: FloatArray) -> FloatArray:
        drawn = weights[:, index]
        found = []
        for option in scored:
            true, said = truth == option, given == option
            support = drawn @ true
            size = support[:, None] + drawn @ said.T
            both = drawn @ (said & true).T
            with np.errstate(divide="ignore", invalid="ignore"):
                found.append(np.where(support > 0, (2 * both / size).mean(axis=1), np.nan))
        return np.asarray(np.mean(found, axis=0))

    return statistic


def at_once(work: Callable[[int], Any], turns: Sequence[int]) -> list[Any]:
    """The results of turns, in processes of a thread each."""
    for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS"):
        os.environ.setdefault(name, "1")
    with ProcessPoolExecutor(PROCESSES, mp_context=get_context("spawn")) as pool:
        return list(pool.map(work, turns))


def plainly(result: Mapping[str, Any], method: str) -> str:
    """For people."""
    lines = [f"{len(result['findings'])} findings of {result['cases']} cases, {result['repeats']} starts"]
    for name in (method, MAJORITY):
        part = result[name]
        lines += ["", f"consensus: {name}", f"at_60: {part['at_60']}", f"at_60_macro: {part['at_60_macro']}"]
        lines += [f"score less {other}, mean over the curve: {told}" for other, told in part["between"].items()]
        lines.append("reads  " + "  ".join(order.rjust(16) for order in ORDERS))
        for step, reads in enumerate(part["reads"]):
            lines.append(f"{reads:5d}  " + "  ".join(f"{part['curves'][order][step]:16.3f}" for order in ORDERS))
    return "\n".join([*lines, "", f"{result['seconds']} seconds"])


if __name__ == "__main__":
    main()
