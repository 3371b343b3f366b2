"""How well the readers' answers, and a model's beside them, foretell an adjudicated reference standard.

    python -m benchmarks.consensus --readers CSV --truth CSV --case COL --reader COL [--patient COL]
                                   [--label COL ...] [--model CSV] [--images FOLDER] [--reads N ...]
                                   [--random N] [--peer NAME ...] [--same-readers] [--json]

The reference standard is left out and predicted from all reads of each case, and from 2 and 3 of them, drawn at
random 20 times: by the methods of :mod:`active_learning.methods`, and in the same run by cleanlab and crowd-kit.
Nothing is fitted to the reference; but ``pooled`` was designed with the figures of a table of 260 radiographs in
view, so that another table says more of it. Of each finding, and as a mean over the findings with ten positives or
more:

``accuracy``, ``f1``
    Of the consensus; F1 is the mean over the options.
``auroc``
    How well the reads that differ from the reference are found.

Intervals, and the paired differences between ours and the best peer of each figure, are over patients. ``--model``
names a CSV file with probabilities of a model that never learned from the patient it tells of: a column for the
case and one for each label (``label``: of the second of two options; or ``label=option``). With ``--images`` a
network is trained out of fold on the majority of the readers, and the file is written where it is not there yet.
The methods that take a model are then measured with it as well, beside the peers that take none.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections.abc import Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from active_learning.methods import METHODS, estimate_all
from active_learning.ratings import NOT_READ, Ratings
from benchmarks.consensus_peers import Answer, answer_of, peers, quietly
from benchmarks.reader_tables import (
    SUMMARIES,
    ReaderTable,
    by_patient,
    first_reads,
    model_probabilities,
    reading_order,
    table_of,
    table_options,
)
from models.bootstrap import FloatArray
from models.metrics import Measure, auc, f1, mean

OURS = "pooled"
"""The method that is compared with the best peer."""
OWN, MODEL = "ours:", " and model"
FIGURES = ("accuracy", "f1", "auroc")
SLOW = ("crowdkit_glad",)
"""Peers that run where they are named alone."""
PROCESSES = 2


@dataclass(frozen=True)
class _Turn:
    """One draw of reads for one group of methods; ``number`` of the draw."""

    table: ReaderTable
    findings: tuple[str, ...]
    model: Mapping[str, FloatArray]
    method: str
    reads: int
    number: int
    same_readers: bool
    draws: int


@dataclass(frozen=True)
class _Result:
    """By finding and figure: (1 + resamples,) the value, and those over drawn patients; why it did not run."""

    values: Mapping[tuple[str, str], FloatArray]
    why: str = ""


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    table_options(parser)
    parser.add_argument("--images", type=Path, help="a folder of images named as the cases: a model is trained")
    parser.add_argument("--reads", type=int, nargs="+", help="reads of a case; all, 3 and 2 without it")
    parser.add_argument("--random", type=int, default=20, help="draws of which readers read a case")
    parser.add_argument("--peer", action="append", help=f"a peer; all but {', '.join(SLOW)} without it")
    parser.add_argument("--same-readers", action="store_true", help="draw readers for all cases at once")
    options = parser.parse_args()
    began = time.perf_counter()
    table = table_of(options)
    findings = table.findings(SUMMARIES if options.without is None else tuple(options.without))
    if not findings:
        raise SystemExit("No label has ten cases of its rarer options: there is nothing to compare.")
    model = _model(options, table)
    result: dict[str, Any] = {
        "benchmark": "consensus", "cases": len(table.cases), "patients": len(set(table.patients)),
        "readers": len(table.readers), "findings": list(findings), "ours": OURS,
    }  # fmt: skip
    if model:
        result["model"] = model_quality(table, findings, model)
    result["reads"] = _measured(options, table, findings, model)
    result["seconds"] = round(time.perf_counter() - began, 1)
    print(json.dumps(result) if options.json else _lines(result))


def _model(options: Any, table: ReaderTable) -> Mapping[str, FloatArray]:
    """The model's probabilities by label; trained where there are images and no file."""
    if options.images is not None and not (options.model and options.model.exists()):
        from benchmarks.out_of_fold import trained

        return trained(options.images, table, write=options.model, case=options.case)
    return model_probabilities(options.model, table, case=options.case) if options.model else {}


def model_quality(
    table: ReaderTable, findings: Sequence[str], model: Mapping[str, FloatArray]
) -> dict[str, float | None]:
    """The model's own AUC against the reference, of each finding with two options and as a mean."""
    found: dict[str, float | None] = {}
    for label in findings:
        if label in model and len(table.ratings[label].options) == 2:
            known = (table.truth[label] != NOT_READ) & np.isfinite(model[label][:, 1])
            measure = auc(model[label][known, 1], table.truth[label][known] == 1, _some(table.patients, known))
            found[label] = None if measure is None else round(measure.value, 4)
    values = [value for value in found.values() if value is not None]
    return {"mean_auc": round(float(np.mean(values)), 4) if values else None, **found}


def _measured(
    options: Any, table: ReaderTable, findings: tuple[str, ...], model: Mapping[str, FloatArray]
) -> dict[str, Any]:
    """By how many reads, with and without the model: all methods."""
    most = int(max((ratings.given != NOT_READ).sum(axis=1).max() for ratings in table.ratings.values()))
    names = [*(f"{OWN}{n}" for n in METHODS), *(options.peer or (n for n in peers() if n not in SLOW))]
    with_model = [f"{OWN}{OURS}", f"{OWN}crowdlab", "cleanlab_majority", "cleanlab_crowdlab"]
    turns: dict[tuple[str, str], list[_Turn]] = {}
    for reads in options.reads or [most, *(n for n in (3, 2) if n < most)]:
        for kind, methods in (("", names), (MODEL, with_model if model else [])):
            for method in methods:
                turns[f"{reads}{kind}", method] = [
                    _Turn(
                        table, findings, model if kind else {}, method, reads, number, options.same_readers,
                        options.draws,
                    )
                    for number in range(1 if reads >= most else options.random)
                ]  # fmt: skip
    flat = [turn for some in turns.values() for turn in some]
    with ProcessPoolExecutor(PROCESSES, mp_context=get_context("spawn"), initializer=quietly) as pool:
        done = []
        for result in pool.map(_turned, flat, chunksize=4):
            done.append(result)
            if len(done) % 20 == 0:
                print(f"{len(done)} of {len(flat)}", file=sys.stderr, flush=True)
    results = iter(done)
    found: dict[str, dict[str, list[_Result]]] = {}
    for (kind, method), some in turns.items():
        found.setdefault(kind, {})[method] = [next(results) for _ in some]
    for kind, each in found.items():
        alone = found[kind.removesuffix(MODEL)]
        found[kind] = {**{method: some for method, some in alone.items() if not method.startswith(OWN)}, **each}
    return {kind: _compared(each, findings) for kind, each in found.items()}


def _turned(turn: _Turn) -> _Result:
    order = reading_order(turn.table, turn.number, same_readers=turn.same_readers)
    ratings = {label: first_reads(one, order, turn.reads) for label, one in turn.table.ratings.items()}
    weights = _resamples(turn.table, turn.draws)
    try:
        answers = _answers(turn, ratings)
    except (ImportError, AttributeError, ValueError) as error:
        return _Result({}, f"{type(error).__name__}: {str(error)[:100]}")
    values = {}
    for label in turn.findings:
        measures = figures(answers[label], ratings[label], turn.table.truth[label])
        for name, measure in measures.items():
            if measure is not None:
                whole = by_patient(measure, sorted(set(turn.table.patients)))
                values[label, name] = np.append(whole.value, whole.statistic(weights))
    return _Result(values)


def _answers(turn: _Turn, ratings: Mapping[str, Ratings]) -> dict[str, Answer]:
    """Ours from all labels at once, but summaries of others; a peer's from each label by itself."""
    if turn.method.startswith(OWN):
        own = {label: one for label, one in ratings.items() if label in turn.findings or label not in SUMMARIES}
        model = {label: chances for label, chances in turn.model.items() if label in own}
        estimates = estimate_all(turn.method.removeprefix(OWN), own, model or None)
        return {label: answer_of(estimates[label], ratings[label]) for label in turn.findings}
    peer = peers()[turn.method]
    return {label: peer(ratings[label], turn.model.get(label)) for label in turn.findings}


def figures(answer: Answer, ratings: Ratings, truth: NDArray[np.int16]) -> dict[str, Measure | None]:
    """Accuracy and F1 of a consensus, and the AUC for its finding the reads that differ from the reference."""
    known = (truth != NOT_READ) & (ratings.given != NOT_READ).any(axis=1)
    patients = _some(ratings.patients, known)
    reference, said = truth[known].astype(np.int64), answer.labels[known]
    item, reader = np.nonzero((ratings.given != NOT_READ) & known[:, None])
    wrong = ratings.given[item, reader] != truth[item]
    owners = tuple(ratings.patients[number] for number in item)
    return {
        "accuracy": mean((said == reference).astype(np.float64), patients),
        "f1": f1(reference, said, patients, classes=range(len(ratings.options))),
        "auroc": auc(-np.round(answer.right[item, reader], 9), wrong, owners),  # equal but for rounding is equal
    }


def _compared(results: Mapping[str, Sequence[_Result]], findings: Sequence[str]) -> dict[str, Any]:
    """Each method's figures with intervals, and ours less the best peer of each figure."""
    ran = {method: some for method, some in results.items() if not any(one.why for one in some)}
    told: dict[str, Any] = {"methods": {}, "not_run": {m: r[0].why for m, r in results.items() if m not in ran}}
    means = {method: {name: _mean(some, findings, name) for name in FIGURES} for method, some in ran.items()}
    for method, some in ran.items():
        told["methods"][method] = {
            **{name: _told(values) for name, values in means[method].items()},
            "findings": {
                label: {name: _round(_mean(some, [label], name)[0]) for name in FIGURES} for label in findings
            },
        }
    rivals = [method for method in ran if not method.startswith(OWN)]
    told["paired"] = {}
    for name in FIGURES if rivals else ():
        best = max(rivals, key=lambda method: float(means[method][name][0]))
        apart = _told(means[f"{OWN}{OURS}"][name] - means[best][name])
        told["paired"][name] = {"peer": best, "difference": apart.pop("value"), **apart}
    return told


def _mean(results: Sequence[_Result], findings: Sequence[str], name: str) -> FloatArray:
    """(1 + resamples,) the mean over draws of reads and findings; what a resample leaves undefined is left out."""
    rows = [one.values[label, name] for one in results for label in findings if (label, name) in one.values]
    if not rows:
        return np.full(1, np.nan)
    table = np.stack(rows)
    known = np.isfinite(table)
    return np.asarray(np.where(known, table, 0).sum(axis=0) / np.maximum(known.sum(axis=0), 1))


def _told(values: FloatArray) -> dict[str, float]:
    low, high = np.quantile(values[1:], [0.025, 0.975]) if len(values) > 1 else (np.nan, np.nan)
    return {"value": _round(values[0]), "low": _round(low), "high": _round(high)}


def _resamples(table: ReaderTable, draws: int) -> FloatArray:
    """(resamples, patients) how often each is drawn; the same for every method."""
    number = len(set(table.patients))
    rng = np.random.default_rng(0)
    return rng.multinomial(number, np.full(number, 1 / number), size=draws).astype(np.float64)


def _some(names: Sequence[str], kept: NDArray[np.bool_]) -> tuple[str, ...]:
    return tuple(name for name, take in zip(names, kept, strict=True) if take)


def _round(value: float) -> float:
    return round(float(value), 4)


def _lines(result: Mapping[str, Any]) -> str:
    lines = [f"{result['cases']} cases, {result['readers']} readers; mean over {', '.join(result['findings'])}"]
    if "model" in result:
        lines.append(f"model: mean AUC {result['model']['mean_auc']}")
    for reads, told in result["reads"].items():
        lines.append(f"\n{reads} reads")
        for method, found in told["methods"].items():
            each = (
                f"{n} {found[n]['value']:.4f} [{found[n]['low']:.4f}, {found[n]['high']:.4f}]" for n in FIGURES
            )
            lines.append(f"  {method:24} {'  '.join(each)}")
        lines += [f"  {method:24} not run: {why}" for method, why in told["not_run"].items()]
        lines += [
            f"  {result['ours']} less {gap['peer']}: {name} {gap['difference']:+.4f} "
            f"[{gap['low']:+.4f}, {gap['high']:+.4f}]"
            for name, gap in told["paired"].items()
        ]
    return "\n".join([*lines, f"\n{result['seconds']} seconds"])


if __name__ == "__main__":
    main()
