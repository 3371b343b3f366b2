"""How fast agreement and consensus are over a million reads, beside crowd-kit and cleanlab in the same run.

    python -m benchmarks.crowd_scale [--cases N] [--readers N] [--options N] [--reads N] [--repeats N] [--json]

Simulated readers of different quality read ``--reads`` cases each case at random; the table is sparse. Each of the
four is measured in a process of its own, with one thread: Krippendorff's alpha, the majority, Dawid and Skene's
model with ten steps, and CROWDLAB with a model's probabilities. The peers' table is made before the clock runs.
It prints the processor's seconds (the least of the repeats; what else the machine does is not counted), the peak
memory of the whole process, how many times faster ours is than the faster peer, and the largest difference between
the results, which should be none but rounding.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import time
from collections.abc import Callable, Mapping
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from multiprocessing import get_context
from typing import Any

import numpy as np
from numpy.typing import NDArray

from active_learning.agreement import krippendorff_alpha
from active_learning.crowd import dawid_skene, majority_vote
from active_learning.crowdlab import crowdlab
from active_learning.ratings import NOT_READ, Ratings
from benchmarks.consensus_peers import frame
from models.bootstrap import FloatArray

STEPS = 10
"""Of Dawid and Skene's model; the libraries stop by different rules."""
OURS = "ours"


@dataclass(frozen=True)
class _Size:
    cases: int
    readers: int
    options: int
    reads: int
    repeats: int


@dataclass(frozen=True)
class _Result:
    seconds: float
    peak_mib: float
    values: FloatArray


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--cases", type=int, default=100_000)
    parser.add_argument("--readers", type=int, default=50)
    parser.add_argument("--options", type=int, default=5)
    parser.add_argument("--reads", type=int, default=10, help="of each case")
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--json", action="store_true", help="one line of JSON")
    options = parser.parse_args()
    size = _Size(options.cases, options.readers, options.options, options.reads, options.repeats)
    found = {name: {who: _apart(size, name, who) for who in works} for name, works in WORKS.items()}
    result = {
        "benchmark": "crowd_scale", "cases": size.cases, "readers": size.readers, "options": size.options,
        "reads": size.cases * size.reads, **{name: _compared(each) for name, each in found.items()},
        "total": _total(found),
    }  # fmt: skip
    print(json.dumps(result) if options.json else "\n".join(f"{key}: {value}" for key, value in result.items()))


def drawn(size: _Size) -> tuple[Ratings, FloatArray]:
    """Reads with a truth behind them, and a model's probabilities; the same in every process."""
    rng = np.random.default_rng(0)
    truth = rng.integers(0, size.options, size.cases)
    quality = np.linspace(0.5, 0.95, size.readers)
    wrong = (truth[:, None] + rng.integers(1, size.options, (size.cases, size.readers))) % size.options
    given = np.where(rng.random(wrong.shape) < quality, truth[:, None], wrong)
    given[rng.random(wrong.shape).argsort(axis=1) >= size.reads] = NOT_READ
    names = tuple(str(number) for number in range(size.cases))
    readers = tuple(f"{number:03}" for number in range(size.readers))
    options = tuple(str(number) for number in range(size.options))
    model = rng.dirichlet(np.ones(size.options), size.cases) + 0.5 * np.eye(size.options)[truth]
    ratings = Ratings(options, readers, names, names, given.astype(np.int16))
    return ratings, model / model.sum(axis=1, keepdims=True)


Work = Callable[[Ratings, FloatArray], Callable[[], FloatArray]]
"""Takes the data, makes its own table of them, and gives what is to be timed."""


def _our_alpha(ratings: Ratings, _: FloatArray) -> Callable[[], FloatArray]:
    def run() -> FloatArray:
        found = krippendorff_alpha(ratings)
        return np.array([np.nan if found is None else found.value])

    return run


def _crowd_kit_alpha(ratings: Ratings, _: FloatArray) -> Callable[[], FloatArray]:
    from crowdkit.metrics.data import alpha_krippendorff

    table = frame(ratings)
    return lambda: np.array([alpha_krippendorff(table)])


def _our_majority(ratings: Ratings, _: FloatArray) -> Callable[[], FloatArray]:
    single = _untied(ratings)
    return lambda: majority_vote(ratings).labels[single].astype(np.float64)


def _crowd_kit_majority(ratings: Ratings, _: FloatArray) -> Callable[[], FloatArray]:
    from crowdkit.aggregation import MajorityVote

    table, single = frame(ratings), _untied(ratings)
    return lambda: MajorityVote().fit_predict(table).sort_index().to_numpy()[single].astype(np.float64)


def _cleanlab_majority(ratings: Ratings, _: FloatArray) -> Callable[[], FloatArray]:
    from cleanlab.multiannotator import get_majority_vote_label

    given, single = np.where(ratings.given == NOT_READ, np.nan, ratings.given.astype(np.float64)), _untied(ratings)
    return lambda: np.asarray(get_majority_vote_label(given, verbose=False)[single], dtype=np.float64)


def _untied(ratings: Ratings) -> NDArray[np.bool_]:
    """(items,) those with one option of most votes: ties are broken by different rules."""
    counts = ratings.counts()
    return np.asarray((counts == counts.max(axis=1, keepdims=True)).sum(axis=1) == 1)


def _our_dawid_skene(ratings: Ratings, _: FloatArray) -> Callable[[], FloatArray]:
    return lambda: dawid_skene(ratings, steps=STEPS, tolerance=-np.inf).probabilities


def _crowd_kit_dawid_skene(ratings: Ratings, _: FloatArray) -> Callable[[], FloatArray]:
    from crowdkit.aggregation import DawidSkene

    table = frame(ratings)
    return lambda: (
        DawidSkene(n_iter=STEPS, tol=-np.inf).fit_predict_proba(table).sort_index().sort_index(axis=1).to_numpy()
    )


def _our_crowdlab(ratings: Ratings, model: FloatArray) -> Callable[[], FloatArray]:
    return lambda: _of_reads(crowdlab(ratings, model).probabilities, ratings)


def _cleanlab_crowdlab(ratings: Ratings, model: FloatArray) -> Callable[[], FloatArray]:
    from cleanlab.multiannotator import get_label_quality_multiannotator

    given = np.where(ratings.given == NOT_READ, np.nan, ratings.given.astype(np.float64))

    def run() -> FloatArray:
        found = get_label_quality_multiannotator(given, model, verbose=False)
        return np.asarray(found["detailed_label_quality"].to_numpy()[ratings.given != NOT_READ])

    return run


def _of_reads(chances: FloatArray, ratings: Ratings) -> FloatArray:
    """(reads,) the probability of each."""
    item, reader = np.nonzero(ratings.given != NOT_READ)
    return np.asarray(chances[item, ratings.given[item, reader]])


WORKS: Mapping[str, Mapping[str, Work]] = {
    "krippendorff_alpha": {OURS: _our_alpha, "crowdkit": _crowd_kit_alpha},
    "majority": {OURS: _our_majority, "crowdkit": _crowd_kit_majority, "cleanlab": _cleanlab_majority},
    "dawid_skene": {OURS: _our_dawid_skene, "crowdkit": _crowd_kit_dawid_skene},
    "crowdlab": {OURS: _our_crowdlab, "cleanlab": _cleanlab_crowdlab},
}


def _apart(size: _Size, name: str, who: str) -> _Result:
    """One work in a process that ends with it."""
    for variable in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
        os.environ[variable] = "1"
    with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as pool:
        return pool.submit(_worked, size, name, who).result()


def _worked(size: _Size, name: str, who: str) -> _Result:
    run = WORKS[name][who](*drawn(size))
    values: FloatArray = np.zeros(0)
    seconds = []
    for _ in range(size.repeats):
        began = time.process_time()
        values = run()
        seconds.append(time.process_time() - began)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    return _Result(min(seconds), peak, values)


def _compared(found: Mapping[str, _Result]) -> dict[str, Any]:
    ours, rivals = found[OURS], {who: one for who, one in found.items() if who != OURS}
    return {
        "seconds": {who: round(one.seconds, 3) for who, one in found.items()},
        "peak_mib": {who: round(one.peak_mib) for who, one in found.items()},
        "ratio": round(min(one.seconds for one in rivals.values()) / ours.seconds, 2),
        "largest_difference": max(_apart_by(ours.values, one.values) for one in rivals.values()),
    }


def _apart_by(ours: NDArray[Any], other: NDArray[Any]) -> float:
    return float(np.abs(ours - other).max())


def _total(found: Mapping[str, Mapping[str, _Result]]) -> dict[str, Any]:
    """All of it: our seconds, those of the faster peer of each, and our largest memory."""
    ours = sum(each[OURS].seconds for each in found.values())
    peers = sum(min(one.seconds for who, one in each.items() if who != OURS) for each in found.values())
    peak = max(each[OURS].peak_mib for each in found.values())
    return {
        "seconds": round(ours, 3), "peers_seconds": round(peers, 3), "ratio": round(peers / ours, 2),
        "peak_mib": round(peak),
    }  # fmt: skip


if __name__ == "__main__":
    main()
