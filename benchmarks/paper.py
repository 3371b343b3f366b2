"""Whether the published networks run as published, what they need, and what our own code adds to a prediction.

    python -m benchmarks.paper [--task TASK ...] [--phantoms N] [--steps N] [--count N] [--json]

For each task phantoms are written and ingested into a temporary home, a version of the ``paper`` profile is
trained for a few optimiser steps of each of its networks, and it predicts studies that it was not trained on. The
networks know nothing after so few steps; their sizes, the memory and the time are those of the profile.

Networks are timed from outside: from the start to the end of each outermost call of a module. What is left of a
prediction is our own code: reading, windows, resizing, measuring, joining. A task whose later networks look at
what the earlier ones found runs those alone here, so its share is what it would be for a study without findings;
where a lesion or level is found the networks take longer and the share is smaller.

The printed line is JSON by task: ``stages`` with the parameters and the input of every network and the seconds of
its steps, ``peak_gib`` of memory, ``seconds_a_study`` of a prediction and ``own_share`` of it. Every task is
measured in a process of its own.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from data.blobs import Blobs
from data.home import Home
from data.ingest import ingest
from data.pixels import Pixels
from data.records import Part, Study
from data.store import Store
from models import versions
from models.references import labels_of, record_references
from models.task import ClinicalTask, discover, get_task
from models.training import train_version

PHANTOMS, MORE = 48, {"cxr_findings": 260}
"""About the fewest that show every option, and every finding, to training, validation and test."""


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--task", action="append", help="a task, or several; all without it")
    parser.add_argument("--phantoms", type=int, help="phantom patients; as many as the task needs without it")
    parser.add_argument("--steps", type=int, default=2, help="optimiser steps of each network")
    parser.add_argument("--count", type=int, default=4, help="studies that are predicted")
    parser.add_argument("--json", action="store_true", help="one line of JSON")
    options = parser.parse_args()
    names = options.task or list(discover())
    if len(names) == 1:
        phantoms = options.phantoms or MORE.get(names[0], PHANTOMS)
        found = {names[0]: measure(get_task(names[0]), phantoms, options.steps, options.count)}
    else:
        given = ["--steps", options.steps, "--count", options.count]
        given += ["--phantoms", options.phantoms] if options.phantoms else []
        found = {}
        for name in names:
            command = [sys.executable, "-m", "benchmarks.paper", "--task", name, *map(str, given), "--json"]
            done = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True)
            found.update(json.loads(done.stdout.splitlines()[-1]))
    print(json.dumps(found, indent=None if options.json else 2))


def measure(task: ClinicalTask, phantoms: int, steps: int, count: int) -> dict[str, Any]:
    """Train for some steps, and predict."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        home = Home(folder / "home").prepare()
        store, blobs, images = Store.of(home), Blobs.of(home), folder / "images"
        table = labels_of(task, task.write_phantoms(phantoms, images), blobs)
        record_references(store, task, ingest(home, [images], labels=table).studies)
        began = time.perf_counter()
        version, trained = train_version(store, blobs, task, "paper", scratch=folder / "scratch", max_steps=steps)
        seconds = time.perf_counter() - began
        found = store.studies.find(parts={Part.TEST, Part.CALIBRATION})
        studies = [study for study in found if task.accepts(study)][:count]
        model = versions.load(store, blobs, version.version)
        predicted = _predicted(model, studies, Pixels(blobs))
    stages = [_brief(stage.as_dict()) for stage in trained.stages]
    compared = [_brief(each) for stage in trained.stages for each in stage.detail.get("compared_with") or ()]
    left_out = {n: s["left_out"] for n, s in trained.settings.items() if "left_out" in s}
    return {
        "stages": [*stages, *compared],
        "left_out": left_out,
        "training_seconds": round(seconds, 1),
        "peak_gib": round(_peak_bytes() / 2**30, 2),
        **predicted,
    }


def _brief(stage: dict[str, Any]) -> dict[str, Any]:
    return {key: stage.get(key) for key in ("name", "network", "parameters", "input", "steps", "seconds")}


def _predicted(model: Any, studies: list[Study], pixels: Pixels) -> dict[str, Any]:
    """Seconds a study, and the share of them that no network was running; after a study that is not measured."""
    list(model.predict(studies[:1], pixels))
    with _timed() as clock:
        began = time.perf_counter()
        list(model.predict(studies, pixels))
        total = time.perf_counter() - began
    return {
        "studies": len(studies),
        "seconds_a_study": round(total / len(studies), 3),
        "network_calls": clock.calls,
        "own_share": round(1 - clock.seconds / total, 4),
    }


@dataclass
class _NetworkClock:
    """Seconds inside of outermost calls of modules, by all threads together."""

    seconds: float = 0.0
    calls: int = 0
    inside: threading.local = field(default_factory=threading.local)

    def enter(self, module: Any, given: Any) -> None:
        """Before a module's forward pass."""
        depth = getattr(self.inside, "depth", 0)
        if not depth:
            self.inside.began = time.perf_counter()
        self.inside.depth = depth + 1

    def leave(self, module: Any, given: Any, output: Any) -> None:
        """After it."""
        self.inside.depth -= 1
        if not self.inside.depth:
            self.seconds += time.perf_counter() - self.inside.began
            self.calls += 1


@contextmanager
def _timed() -> Iterator[_NetworkClock]:
    from torch.nn.modules import module

    clock = _NetworkClock()
    hooks = [
        module.register_module_forward_pre_hook(clock.enter),
        module.register_module_forward_hook(clock.leave),
    ]
    try:
        yield clock
    finally:
        for hook in hooks:
            hook.remove()


def _peak_bytes() -> int:
    """The most memory that this process ever held, as Linux tells."""
    for line in Path("/proc/self/status").read_text(encoding="utf-8").splitlines():
        if line.startswith("VmHWM:"):
            return int(line.split()[1]) * 1024
    raise SystemExit("/proc/self/status has no VmHWM: the peak of memory is measured on Linux alone.")


if __name__ == "__main__":
    main()
