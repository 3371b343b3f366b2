"""Choosing a batch of 500 from a million cases: seconds, memory, growth, and the same by scikit-activeml and baal.

    python -m benchmarks.choice_scale [--cases 1000000] [--features 512] [--batch 500] [--classes 2]
                                      [--ways k_centre,badge] [--peers-until 100000] [--limit 300] [--json]

Generated, into a temporary folder: float32 features in a file that is mapped into memory (a thousand groups of
very different sizes along 32 directions, with noise in all), probabilities of a model and of five members. Each
way chooses from a hundredth, a tenth and all of the cases, each time in a process of its own with one thread and
at most 4 GiB of memory; peaks are the kernel's own (VmHWM), pages of the mapped file counted. Measured is the call
alone, scores and choice, after a small one before it, in seconds of the processor, so that a busy machine weighs
on no side.

Peers do the same in the same run, under the same limits, at the sizes up to ``--peers-until``; where they take
more than 4 GiB, or longer than ``--limit`` seconds, they are stopped and that is told. ``ratio``: seconds of the
peer over ours. ``growth``: the exponent of seconds between the sizes. What is exact is so by tests; what
approximates is measured here on the smallest size: ``typiclust_coverage`` is the mean distance of all cases to the
nearest pick where groups are learnt from a tenth of them, over that where they are learnt from all.
"""

from __future__ import annotations

import argparse
import json
import math
import os
import resource
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from importlib import import_module
from itertools import pairwise
from multiprocessing import get_context
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

import numpy as np

from active_learning.strategies.distances import nearest_squares
from active_learning.strategies.registry import STRATEGIES
from active_learning.strategies.view import Picks, View
from benchmarks.choice_peers import PEERS

WAYS = ("k_centre", "badge", "typiclust", "mix", "entropy", "margin", "bald")
MOST_BYTES = 4 * 2**30
MEMBERS, KNOWN, GROUPS, DIRECTIONS = 5, 200, 1_000, 32
WARM = 100
"""Cases of a first call, which is not measured."""
ROWS = 20_000
"""Cases that are generated at once."""


@dataclass(frozen=True)
class Work:
    """What is generated, and where it lies."""

    folder: Path
    cases: int
    features: int
    classes: int

    def generate(self) -> None:
        """Write features, probabilities of the model, and of the members."""
        rng = np.random.default_rng(0)
        turn = rng.normal(size=(DIRECTIONS, self.features)).astype(np.float32) / math.sqrt(DIRECTIONS)
        centres = rng.normal(size=(GROUPS, DIRECTIONS)).astype(np.float32)
        features = self._open("features", (self.cases, self.features))
        heads = self._open("heads", (self.cases, self.classes))
        members = self._open("members", (MEMBERS, self.cases, self.classes))
        for start in range(0, self.cases, ROWS):
            part = slice(start, min(start + ROWS, self.cases))
            number = part.stop - start
            group = np.minimum(rng.zipf(1.3, number) - 1, GROUPS - 1)
            along = centres[group] + 0.3 * rng.standard_normal((number, DIRECTIONS), np.float32)
            features[part] = along @ turn + 0.3 * rng.standard_normal((number, self.features), np.float32)
            members[:, part] = rng.dirichlet(np.full(self.classes, 0.5), (MEMBERS, number))
            heads[part] = members[:, part].mean(axis=0)
        print(f"generated {self.cases:,} cases", file=sys.stderr, flush=True)

    def _open(self, name: str, shape: tuple[int, ...]) -> Any:
        return np.lib.format.open_memmap(self.folder / f"{name}.npy", "w+", np.float32, shape)  # type: ignore[no-untyped-call]

    def view(self, size: int) -> View:
        """The first cases; the last of all are known."""
        features, heads, members = (
            np.load(self.folder / f"{name}.npy", mmap_mode="r") for name in ("features", "heads", "members")
        )
        known = np.array(features[-KNOWN:])
        labels = (np.asarray(heads[-KNOWN:].argmax(axis=1), dtype=np.int64),)
        return View((heads[:size],), features[:size], known, labels, (members[:, :size],))


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--cases", type=int, default=1_000_000)
    parser.add_argument("--features", type=int, default=512)
    parser.add_argument("--batch", type=int, default=500)
    parser.add_argument("--classes", type=int, default=2)
    parser.add_argument(
        "--peers-until", type=int, default=100_000, help="the largest size that peers are asked for"
    )
    parser.add_argument("--ways", type=lambda v: v.split(","), default=[w for w in WAYS if w in STRATEGIES])
    parser.add_argument("--limit", type=int, default=300, help="seconds after which a peer is stopped")
    parser.add_argument("--json", action="store_true", help="one line of JSON")
    given = parser.parse_args()
    for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
        os.environ[name] = "1"
    began = time.perf_counter()
    with tempfile.TemporaryDirectory(prefix="consilium-benchmark-") as name:
        work = Work(Path(name), given.cases, given.features, given.classes)
        work.generate()
        result = measured(work, given.ways, given.batch, given.peers_until, given.limit)
    result["seconds"] = round(time.perf_counter() - began, 1)
    print(json.dumps(result) if given.json else "\n".join(f"{key}: {value}" for key, value in result.items()))


def measured(work: Work, names: Sequence[str], batch: int, peers_until: int, limit_s: int) -> dict[str, Any]:
    """Every way at every size, and the peers."""
    sizes = [max(batch, work.cases // share) for share in (100, 10, 1)]
    ways: dict[str, Any] = {}
    for way in names:
        own = [_alone(_ours, work, size, batch, way) for size in sizes]
        ways[way] = {
            "seconds": [one["seconds"] for one in own],
            "peak_mib": [one["peak_mib"] for one in own],
            "growth": [_growth(a, b) for a, b in pairwise(own)],
            "peers": {
                library: [
                    _compared(_alone(_peer, work, size, batch, (way, library), limit_s=limit_s), one)
                    for size, one in zip(sizes, own, strict=True)
                    if size <= peers_until
                ]
                for library in PEERS.get(way, {})
            },
        }
    found = {"sizes": sizes, "features": work.features, "batch": batch, "classes": work.classes, "ways": ways}
    if "typiclust" in names:
        found["typiclust_coverage"] = _alone(_coverage, work, sizes[0], batch, "")["found"]
    return found


def _growth(one: dict[str, Any], other: dict[str, Any]) -> float | None:
    if not one["seconds"] or not other["seconds"]:
        return None
    return round(math.log(other["seconds"] / one["seconds"]) / math.log(other["size"] / one["size"]), 2)


def _compared(peer: dict[str, Any], own: dict[str, Any]) -> dict[str, Any]:
    if peer["seconds"] is None:
        return {"size": peer["size"], "stopped": peer["stopped"]}
    return {
        "size": peer["size"],
        "seconds": peer["seconds"],
        "peak_mib": peer["peak_mib"],
        "ratio": round(peer["seconds"] / own["seconds"], 1),
    }


def _ours(work: Work, size: int, batch: int, way: Any) -> Callable[[], Any]:
    import_module("sklearn.cluster")  # not to be measured
    STRATEGIES[way](work.view(WARM), WARM // 2, np.random.default_rng(0))
    view = work.view(size)
    return lambda: _checked(STRATEGIES[way](view, batch, np.random.default_rng(0)), batch)


def _peer(work: Work, size: int, batch: int, of: Any) -> Callable[[], Any]:
    way, library = of
    view = work.view(size)
    PEERS[way][library](work.view(WARM), WARM // 2)
    return lambda: len(PEERS[way][library](view, batch)) == batch


def _coverage(work: Work, size: int, batch: int, _: Any) -> Callable[[], float]:
    """The mean distance to the nearest pick where groups are learnt from a tenth, over that from all."""
    from active_learning.strategies import typiclust

    view = work.view(size)

    def found() -> float:
        far = []
        for learnt, looked in ((size // 10, batch), (size + KNOWN, size)):
            typiclust.LEARNT_FROM, typiclust.LOOKED_AT = learnt, looked
            picks = STRATEGIES["typiclust"](view, batch, np.random.default_rng(0))
            far.append(float(np.sqrt(nearest_squares(view.features, view.features[picks.places])).mean()))
        return round(far[0] / far[1], 4)

    return found


def _checked(picks: Picks, batch: int) -> bool:
    assert len(set(picks.places.tolist())) == len(picks.why) == batch
    return True


def _alone(
    made: Callable[[Work, int, int, Any], Callable[[], Any]],
    work: Work, size: int, batch: int, of: Any, *, limit_s: int = 0,
) -> dict[str, Any]:  # fmt: skip
    """Seconds and peak of a call in a process of its own; or why it was stopped."""
    ours, theirs = get_context("spawn").Pipe(duplex=False)
    process = get_context("spawn").Process(target=_run, args=(theirs, made, work, size, batch, of))
    process.start()
    theirs.close()
    result: dict[str, Any] = {"size": size, "seconds": None, "stopped": ""}
    try:
        began_s = ours.recv()
        while not ours.poll(1):
            if limit_s and _processor_s(process.pid) - began_s > limit_s:
                process.kill()
                result["stopped"] = f"longer than {limit_s} s"
        result |= ours.recv()
    except EOFError:
        process.join()
        result["stopped"] = result["stopped"] or f"ended with {process.exitcode}"
    process.join()
    print(f"{made.__name__[1:]} {of} of {size:,}: {result}", file=sys.stderr, flush=True)
    return result


def _run(
    answer: Connection, made: Callable[[Work, int, int, Any], Callable[[], Any]],
    work: Work, size: int, batch: int, of: Any,
) -> None:  # fmt: skip
    call = made(work, size, batch, of)
    resource.setrlimit(resource.RLIMIT_DATA, (MOST_BYTES, MOST_BYTES))
    start = time.process_time()
    answer.send(start)
    try:
        found = call()
    except MemoryError:
        answer.send({"stopped": f"more than {MOST_BYTES // 2**30} GiB"})
        return
    seconds = time.process_time() - start
    answer.send({"seconds": round(seconds, 5), "peak_mib": _peak_mib(), "found": found})


def _processor_s(process: int | None) -> float:
    """Seconds of the processor that a process had; 0 once it has ended."""
    try:
        fields = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return 0.0
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def _peak_mib() -> int:
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith("VmHWM:"):
            return int(line.split()[1]) // 1024
    raise SystemExit("/proc/self/status has no VmHWM: the peak of memory is measured on Linux alone.")


if __name__ == "__main__":
    main()
