"""Cross-validation of one stage on labelled images, grouped by patient, over several seeds."""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from multiprocessing import get_context
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
import torch
from numpy.typing import NDArray

from data.records import Metric
from models.batches import Labelled, held_out
from models.classifier import Classifier, decide
from models.config import Stage
from models.metrics import Measure, auc, average, mean
from models.stages import train_stage

DRAWS = 2000
"""Resamples of the patients for an interval."""
PROCESSES = 2
"""Trainings at once."""
BATCH = 32
"""Images that a network sees at once."""
Turn = TypeVar("Turn")
Result = TypeVar("Result")


def folds_of(data: Labelled, folds: int, seed: int) -> NDArray[np.int64]:
    """The fold of each image: patients are dealt out, those with the rarer option first, to spread them."""
    names = np.asarray(data.patients)
    rng = np.random.default_rng(seed)
    rare = sorted(set(names[data.targets == 1]))
    others = sorted(set(names) - set(rare))
    order = [*rng.permutation(rare), *rng.permutation(others)]
    fold = {str(name): place % folds for place, name in enumerate(order)}
    return np.array([fold[name] for name in data.patients])


def at_once(work: Callable[[Turn], Result], turns: Sequence[Turn]) -> list[Result]:
    """The results of turns, in their order, two at a time in processes of a thread each.

    So small networks use two cores best, and the figures do not depend on how many there are. How many have ended
    goes to standard error.
    """
    results = []
    with ProcessPoolExecutor(PROCESSES, mp_context=get_context("spawn"), initializer=_single) as pool:
        for result in pool.map(work, turns):
            results.append(result)
            print(f"trained {len(results)} of {len(turns)}", file=sys.stderr, flush=True)
    return results


def _single() -> None:
    torch.set_num_threads(1)


def probabilities(classifier: Classifier, images: NDArray[np.uint8]) -> NDArray[np.float64]:
    """(n, options) calibrated probabilities of prepared images, batch by batch."""
    batches = (images[i : i + BATCH] for i in range(0, len(images), BATCH))
    return np.concatenate([classifier.probabilities(batch) for batch in batches])


def dice_by(names: Sequence[str], dices: Sequence[tuple[str, float, str]]) -> dict[str, Any]:
    """The mean Dice of each structure, with its interval over patients; without those that nothing shows.

    Parameters
    ----------
    dices:
        (structure, Dice, patient) of each image.
    """
    found = {}
    for name in names:
        own = [(dice, patient) for structure, dice, patient in dices if structure == name]
        measured = mean(np.array([dice for dice, _ in own]), [patient for _, patient in own])
        if measured is not None:
            metric = measured.metric(DRAWS, 0)
            found[name] = {"dice": round(metric.value, 4), "dice_95": bounds(metric)}
    return found


@dataclass(frozen=True)
class _Turn:
    """One fold of one seed."""

    name: str
    stage: Stage
    options: Sequence[str]
    data: Labelled
    folds: int
    seed: int
    number: int
    scratch: Path


def _left_out(turn: _Turn) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    """(n,) probability of the second option, and the chosen one, of the images of the fold that is left out."""
    fold, seed = folds_of(turn.data, turn.folds, turn.seed), turn.seed
    rest, left = turn.data.take(fold != turn.number), turn.data.take(fold == turn.number)
    apart = held_out(rest.patients, rest.targets, seed=seed)
    result = train_stage(
        turn.name, turn.stage, turn.options, rest.take(~apart), rest.take(apart),
        scratch=turn.scratch / f"{seed}-{turn.number}", seed=seed,
    )  # fmt: skip
    classifier = Classifier.restore(result.settings, result.weights)
    given = probabilities(classifier, left.images)
    return given[:, 1], np.array([decide(row, classifier.settings) for row in given], dtype=np.int64)


def crossvalidated(
    name: str,
    stage: Stage,
    options: Sequence[str],
    data: Labelled,
    *,
    folds: int,
    seeds: int,
    scratch: Path,
    unit: str = "patient",
) -> dict[str, Any]:
    """Train on the patients of all folds but one, of which a fifth is held out, and measure on the one left.

    Parameters
    ----------
    data:
        Its targets are 0 and 1.
    unit:
        What ``data.patients`` names; where it is no patient, nothing patient-exclusive is claimed.

    Returns
    -------
    dict
        ``auc`` (mean over the seeds), ``auc_95`` (over the units, of that mean), ``auc_range`` over the seeds,
        ``accuracy`` at the operating points, and the counts.
    """
    found: list[Measure] = []
    right = []
    turns = [
        _Turn(name, stage, options, data, folds, seed, k, scratch) for seed in range(seeds) for k in range(folds)
    ]
    results = iter(at_once(_left_out, turns))
    for seed in range(seeds):
        fold, scores = folds_of(data, folds, seed), np.zeros(len(data.patients))
        chosen = np.zeros(len(data.patients), dtype=np.int64)
        for number in range(folds):
            scores[fold == number], chosen[fold == number] = next(results)
        measure = auc(scores, data.targets == 1, data.patients)
        if measure is None:
            raise SystemExit(f"Only one class is there: {' and '.join(options)} are needed.")
        found.append(measure)
        right.append(float(np.mean(chosen == data.targets)))
    whole = average(found).metric(DRAWS, 0)
    values = [measure.value for measure in found]
    positive = {p for p, t in zip(data.patients, data.targets, strict=True) if t}
    return {
        "per": unit,
        "images": len(data.patients),
        f"{unit}s": len(set(data.patients)),
        f"{options[1]}_images": int(data.targets.sum()),
        f"{options[1]}_{unit}s": len(positive),
        "folds": folds,
        "seeds": seeds,
        "auc": round(whole.value, 4),
        "auc_95": bounds(whole),
        "auc_range": [round(min(values), 4), round(max(values), 4)],
        "accuracy": round(float(np.mean(right)), 4),
    }


def bounds(metric: Metric) -> list[float | None]:
    """The interval, rounded."""
    return [None if v is None else round(v, 4) for v in (metric.low, metric.high)]


def options_of(
    doc: str | None, *, seeds: int = 5, more: Callable[[argparse.ArgumentParser], None] | None = None
) -> Any:
    """The command line that these benchmarks share: ``--data``, ``--folds``, ``--seeds``, ``--json``."""
    parser = argparse.ArgumentParser(description=(doc or "").splitlines()[0])
    parser.add_argument("--data", type=Path, required=True, help="the folder of images")
    parser.add_argument("--folds", type=int, default=5)
    parser.add_argument("--seeds", type=int, default=seeds)
    parser.add_argument("--json", action="store_true", help="one line of JSON")
    if more is not None:
        more(parser)
    return parser.parse_args()


def told(result: Mapping[str, Any], began: float, *, as_json: bool) -> None:
    """Print a result with the seconds that it took."""
    result = {**result, "seconds": round(time.perf_counter() - began, 1)}
    print(json.dumps(result) if as_json else "\n".join(f"{key}: {value}" for key, value in result.items()))
