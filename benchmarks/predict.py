"""How fast a version predicts, against a bare loop of the same networks on ready tensors.

    python -m benchmarks.predict [--data FOLDER] [--profile demo|paper] [--count N] [--repeats N] [--json]

Ours is ``Model.predict`` over studies that are kept in a home: pixels are read, windowed, equalised, resized and
normalised in a thread beside the networks, the cascade takes its branches, and outputs become predictions.

The peer runs the same networks on tensors that lie ready in memory, in batches of the same size: the first network
on all images, the others on those whose branch ours took. It reads and prepares nothing and makes no predictions.

The networks have random weights: the time does not depend on them. The headline is the ``paper`` profile's VGG19
at 244 x 244 pixels; ``demo`` is the small network, beside which the preparation weighs most. Without ``--data``
512 x 512 radiographs of noise are generated. The printed line is JSON: images a second of ours and of the peer
(medians), their ratio (ours / peer: 1 is the best there is), and the least and largest ratio over the repeats.
"""

from __future__ import annotations

import argparse
import json
import statistics
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from data.answers import Choice
from data.blobs import Blobs
from data.home import Home
from data.ingest import ingest
from data.pixels import Pixels
from data.records import Layout, Part, Patient, Prediction, Series, Study
from data.store import Store
from models.cascade import BATCH, Cascade
from models.images import page, prepare
from models.task import get_task

SIZE_PX = 512
NETWORKS = {"paper": ("vgg19", (244, 244), (512, 128)), "demo": ("small_resnet", (128, 128), ())}
COUNTS = {"paper": 64, "demo": 500}
"""Images without ``--count``: VGG19 takes long on a processor."""


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--data", type=Path, help="a folder of radiographs; generated without it")
    parser.add_argument("--profile", choices=sorted(NETWORKS), default="paper")
    parser.add_argument("--count", type=int, help="images")
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--json", action="store_true", help="one line of JSON")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        home = Home(Path(folder)).prepare()
        studies = _studies(home, options.data, options.count or COUNTS[options.profile])
        result = measure(home, studies, options.profile, options.repeats)
    print(json.dumps(result) if options.json else "\n".join(f"{k}: {v}" for k, v in result.items()))


def measure(home: Home, studies: Sequence[Study], profile: str, repeats: int) -> dict[str, object]:
    """Both speeds, turn by turn, after a pass of ours that is not measured."""
    model, pixels = _model(profile), Pixels(Blobs.of(home))
    first = list(model.predict(studies, pixels))
    ready = np.stack([prepare(page(study, pixels), NETWORKS[profile][1]) for study in studies])
    ours, peer = [], []
    for _ in range(repeats):
        began = time.perf_counter()
        predictions = list(model.predict(studies, pixels))
        ours.append(len(studies) / (time.perf_counter() - began))
        peer.append(len(studies) / _bare(model, ready, predictions))
    ratios = [a / b for a, b in zip(ours, peer, strict=True)]
    device = next(iter(model.classifiers.values())).device
    return {
        "benchmark": "predict",
        "profile": profile,
        "network": NETWORKS[profile][0],
        "unit": "images/s",
        "images": len(studies),
        "networks_run": sum(len(p.results) for p in first),
        "device": str(device),
        "ours": round(statistics.median(ours), 2),
        "peer": round(statistics.median(peer), 2),
        "ratio": round(statistics.median(ratios), 3),
        "spread": [round(min(ratios), 3), round(max(ratios), 3)],
        "repeats": repeats,
    }


def _model(profile: str) -> Cascade:
    """The cascade of four networks with random weights."""
    import torch

    from models.classifier import ClassifierSettings, build_network

    network, size_px, hidden = NETWORKS[profile]
    task = get_task("cxr_quality")
    settings, weights = {}, {}
    torch.manual_seed(0)
    for question in task.form.questions:
        assert isinstance(question.kind, Choice)
        known = ClassifierSettings(network=network, options=question.kind.options, size_px=size_px, hidden=hidden)
        settings[question.name] = known.model_dump(mode="json")
        weights[question.name] = build_network(known).state_dict()
    return Cascade(task, "benchmark", settings, weights)


def _bare(model: Cascade, ready: NDArray[np.uint8], predictions: Sequence[Prediction]) -> float:
    """Seconds of the networks alone, on tensors that are made before the clock starts."""
    import torch

    work = []
    for name, classifier in model.classifiers.items():
        asked = [i for i, p in enumerate(predictions) if p.result(name) is not None]
        for start in range(0, len(asked), BATCH):
            work.append((classifier.network, classifier.tensor(ready[asked[start : start + BATCH]])))
    began = time.perf_counter()
    with torch.inference_mode():
        for network, batch in work:
            network(batch).float().cpu().numpy()
    return time.perf_counter() - began


def _studies(home: Home, data: Path | None, count: int) -> list[Study]:
    """The radiographs of a folder, over and over up to the count; or noise."""
    if data is None:
        return [_noise(Blobs.of(home), number) for number in range(count)]
    ingest(home, [data])
    task = get_task("cxr_quality")
    found = sorted((s for s in Store.of(home).studies.find() if task.accepts(s)), key=lambda s: s.study_id)
    if not found:
        raise SystemExit(f"No radiograph in {data}.")
    return [found[i % len(found)] for i in range(count)]


def _noise(blobs: Blobs, number: int) -> Study:
    pixels = np.random.default_rng(number).integers(0, 4096, (SIZE_PX, SIZE_PX)).astype(np.uint16)
    name = f"noise-{number}"
    series = Series(name, name, "DX", Layout.IMAGE, pixels.shape, blobs.put_array(pixels), window=(2048.0, 4096.0))
    return Study(name, Patient(name, name, Part.TEST), "DX", (series,))


if __name__ == "__main__":
    main()
