"""How fast several readers' outlines of a volume become one by STAPLE, beside SimpleITK.

``python -m benchmarks.staple [--readers N] [--shape SLICES ROWS COLUMNS] [--radius PX] [--repeats N] [--json]``

Readers are simulated: each outlines the same ball with a hand of their own, shifted, larger or smaller, and
frayed. Either side runs in a process of its own, in turns, with the readers' masks in memory as it wants them; the
time is that of the estimate alone, and the memory what the process holds at the most beyond its masks. ``ours``
and ``peer`` are the medians, the ratio is the median over the repeats of the peer's time over ours, its spread
their 10th and 90th percentile. ``agreement`` is the largest difference of the probabilities over the whole volume,
and of the readers' sensitivities and specificities.
"""

from __future__ import annotations

import argparse
import json
import os
import tempfile
import time
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from importlib import import_module
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

Mask = NDArray[np.bool_]
Shape = tuple[int, int, int]


@dataclass(frozen=True)
class Panel:
    """Simulated readers of one volume: how many, its shape, and the ball's radius in pixels."""

    readers: int
    shape: Shape
    radius: float
    seed: int = 0

    def masks(self) -> list[Mask]:
        """One a reader, of the volume's shape."""
        rng = np.random.default_rng(self.seed)
        found: list[Mask] = []
        reach = int(self.radius) + 8
        for _ in range(self.readers):
            mask = np.zeros(self.shape, dtype=bool)
            middle = [length // 2 for length in self.shape]
            box = tuple(
                slice(max(0, m - reach), min(length, m + reach))
                for m, length in zip(middle, self.shape, strict=True)
            )
            centre = np.array(middle) + rng.normal(0, 1.0, 3)
            grid = np.ogrid[box]
            far = np.sqrt(sum((axis - c) ** 2 for axis, c in zip(grid, centre, strict=True)))
            mask[box] = far + rng.normal(0, 0.8, far.shape) < self.radius + rng.normal(0, 1.5)
            found.append(mask)
        return found


@dataclass(frozen=True)
class Run:
    """One estimate: seconds, bytes beyond the masks, and what came out; the probabilities lie in a file."""

    seconds: float
    peak_bytes: int
    probability: Path
    sensitivity: tuple[float, ...]
    specificity: tuple[float, ...]


def run_ours(panel: Panel, folder: Path) -> Run:
    """Our estimate."""
    from active_learning.staple import staple

    masks = panel.masks()
    before = _peak_from_here()
    start = time.perf_counter()
    found = staple(masks)
    seconds = time.perf_counter() - start
    peak = _status("VmHWM") - before
    whole = np.full(panel.shape, found.elsewhere)
    whole[found.window] = found.probability
    path = folder / "ours.npy"
    np.save(path, whole)
    return Run(seconds, peak, path, tuple(found.sensitivity.tolist()), tuple(found.specificity.tolist()))


def run_peer(panel: Panel, folder: Path) -> Run:
    """SimpleITK's, with as many threads as it takes, and as many steps as ours may take."""
    from active_learning.staple import MOST_STEPS

    sitk: Any = import_module("SimpleITK")
    images = [sitk.GetImageFromArray(mask.astype(np.uint8)) for mask in panel.masks()]
    peer = sitk.STAPLEImageFilter()
    peer.SetForegroundValue(1.0)
    peer.SetMaximumIterations(MOST_STEPS)
    before = _peak_from_here()
    start = time.perf_counter()
    found = peer.Execute(images)
    seconds = time.perf_counter() - start
    peak = _status("VmHWM") - before
    path = folder / "peer.npy"
    np.save(path, sitk.GetArrayViewFromImage(found))
    return Run(seconds, peak, path, tuple(peer.GetSensitivity()), tuple(peer.GetSpecificity()))


def measure(panel: Panel, repeats: int) -> dict[str, Any]:
    """Both in turns."""
    runs: list[tuple[Run, Run]] = []
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        for _ in range(repeats):
            runs.append((_alone(run_ours, panel, folder), _alone(run_peer, panel, folder)))
        ours, peer = runs[-1]
        probability = _apart(np.load(ours.probability), np.load(peer.probability))
    seconds = np.array([[run.seconds for run in pair] for pair in runs])
    peaks = np.array([[run.peak_bytes for run in pair] for pair in runs]) / 2**20
    low, middle, high = np.percentile(seconds[:, 1] / seconds[:, 0], (10, 50, 90))
    memory = np.median(peaks, axis=0)
    return {
        "benchmark": "staple",
        "unit": "s",
        "readers": panel.readers,
        "shape": list(panel.shape),
        "marked_px": int(np.logical_or.reduce(panel.masks()).sum()),
        "repeats": repeats,
        "cores": os.cpu_count(),
        "ours": float(np.median(seconds[:, 0])),
        "peer": float(np.median(seconds[:, 1])),
        "ratio": float(middle),
        "spread": [float(low), float(high)],
        "peak_mib": {"ours": float(memory[0]), "peer": float(memory[1])},
        "agreement": {
            "probability": probability,
            "sensitivity": _apart(np.array(ours.sensitivity), np.array(peer.sensitivity)),
            "specificity": _apart(np.array(ours.specificity), np.array(peer.specificity)),
        },
    }


def _alone(side: Any, panel: Panel, folder: Path) -> Run:
    """One side in a fresh process, so that neither holds what the other left."""
    with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as pool:
        run: Run = pool.submit(side, panel, folder).result()
    return run


def _apart(one: NDArray[Any], other: NDArray[Any]) -> float:
    return float(np.abs(one - other).max())


def _peak_from_here() -> int:
    """Forget the most memory that was held so far, and tell what is held now, in bytes."""
    Path("/proc/self/clear_refs").write_text("5", encoding="ascii")
    return _status("VmRSS")


def _status(name: str) -> int:
    for line in Path("/proc/self/status").read_text(encoding="utf-8").splitlines():
        if line.startswith(f"{name}:"):
            return int(line.split()[1]) * 1024
    raise SystemExit(f"/proc/self/status has no {name}: memory is measured on Linux alone.")


def main() -> None:
    """Print the comparison."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.staple", description=__doc__)
    parser.add_argument("--readers", type=int, default=5)
    parser.add_argument("--shape", type=int, nargs=3, default=(120, 512, 512), metavar="N")
    parser.add_argument("--radius", type=float, default=25.0, help="of the ball that is outlined, in pixels")
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--json", action="store_true", help="one line of JSON")
    arguments = parser.parse_args()
    slices, rows, columns = arguments.shape
    found = measure(Panel(arguments.readers, (slices, rows, columns), arguments.radius), arguments.repeats)
    if arguments.json:
        print(json.dumps(found))
        return
    low, high = found["spread"]
    memory, apart = found["peak_mib"], found["agreement"]
    print(
        f"{found['readers']} readers, {slices} x {rows} x {columns}, {found['marked_px']} pixels marked: "
        f"{found['ours']:.3f} s, SimpleITK {found['peer']:.2f} s, {found['ratio']:.0f} times as fast "
        f"({low:.0f} to {high:.0f} over {found['repeats']} repeats)"
    )
    print(f"memory beyond the masks: {memory['ours']:.0f} MiB, SimpleITK {memory['peer']:.0f} MiB")
    print(
        f"largest difference: probability {apart['probability']:.1e}, sensitivity {apart['sensitivity']:.1e}, "
        f"specificity {apart['specificity']:.1e}"
    )


if __name__ == "__main__":
    main()
