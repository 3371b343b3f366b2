"""How well kidney and tumour are outlined on KiTS19 slices by ``adrenal_ct``'s first stage, leaving out each case.

    python -m benchmarks.kits --data FOLDER [--cases CSV] [--folds K] [--seeds N] [--json]

The folder has ``images`` and ``masks`` of the same names: grey CT slices, and pictures in which kidney is blue and
tumour red. The table (``manifest.csv`` in the folder or above it) has the columns path and patient_id. YOLO11-seg
of the ``demo`` profile is trained from nothing on the cases of all folds but one, once for each of both.
The printed line is JSON: Dice over slices with a 95% interval over cases. With a handful of cases the interval is
what it is: this shows that the machinery holds on real CT, not how accurate it is.
"""

from __future__ import annotations

import argparse
import csv
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from benchmarks.crossval import at_once, dice_by, options_of, told
from models.adrenal_settings import AdrenalProfile, SegmenterStage
from models.task import get_task
from models.yolo import Segmenter
from models.yolo_data import Frame, write_description, write_part
from models.yolo_training import fit_yolo

CHANNELS = {"kidney": 2, "tumour": 0}
"""Channel of the mask's colour, in the order red, green, blue."""
SIZE = 224
EPOCHS, REPEATS = 15, 8
"""Every slice is shown so often in an epoch: they are few, and the end of an epoch costs more than they do."""
LEAST_PX = 8
"""A smaller piece of a mask is no instance of its own."""


@dataclass(frozen=True, eq=False)
class Slice:
    """A CT slice, (rows, columns), with its masks by structure, and the case that it is of."""

    picture: NDArray[np.uint8]
    masks: Mapping[str, NDArray[np.bool_]]
    case: str


def main() -> None:
    """Measure and print."""

    def more(parser: argparse.ArgumentParser) -> None:
        parser.add_argument("--cases", type=Path, help="a CSV with path and patient_id")
        parser.add_argument("--epochs", type=int, default=EPOCHS)

    options = options_of(__doc__, more=more)
    began = time.perf_counter()
    slices = list(load(options.data, options.cases or _table(options.data)))
    with tempfile.TemporaryDirectory() as folder:
        result = measure(slices, options.folds, options.seeds, options.epochs, Path(folder))
    told({"benchmark": "kits", **result}, began, as_json=options.json)


def _table(data: Path) -> Path:
    found = next((p / "manifest.csv" for p in (data, *data.parents[:2]) if (p / "manifest.csv").is_file()), None)
    if found is None:
        raise SystemExit(f"No manifest.csv in {data} or above it: name one with --cases.")
    return found


def load(folder: Path, table: Path) -> Iterator[Slice]:
    """The slices that have a mask."""
    with table.open(newline="", encoding="utf-8") as stream:
        cases = {Path(row["path"]).name: row["patient_id"] for row in csv.DictReader(stream) if row["patient_id"]}
    for path in sorted((folder / "images").glob("*.png")):
        picture = cv2.imread(str(path), cv2.IMREAD_GRAYSCALE)
        colour = cv2.imread(str(folder / "masks" / path.name), cv2.IMREAD_COLOR_RGB)
        if picture is None or colour is None or path.name not in cases:
            raise SystemExit(f"{path.name} has no mask of the same name, or no case in {table}.")
        masks = {name: _inked(colour, channel) for name, channel in CHANNELS.items()}
        yield Slice(np.asarray(picture, dtype=np.uint8), masks, cases[path.name])


def _inked(colour: NDArray[Any], channel: int) -> NDArray[np.bool_]:
    """Where one colour prevails."""
    others = np.delete(colour, channel, axis=2).max(axis=2)
    return np.asarray((colour[..., channel] > 127) & (others < 128), dtype=bool)


def measure(slices: Sequence[Slice], folds: int, seeds: int, epochs: int, scratch: Path) -> dict[str, Any]:
    """Cross-validation over cases, once a seed and structure."""
    cases = sorted({one.case for one in slices})
    found: dict[str, Any] = {
        "slices": len(slices),
        "cases": len(cases),
        "folds": min(folds, len(cases)),
        "seeds": seeds,
    }
    turns = []
    for name in CHANNELS:
        for seed in range(seeds):
            order = np.random.default_rng(seed).permutation(cases)
            for number in range(min(folds, len(cases))):
                out = frozenset(order[number :: min(folds, len(cases))].tolist())
                turns.append(_Turn(slices, name, out, seed, epochs, scratch / f"{name}-{seed}-{number}"))
    dices = [dice for turn in at_once(_left_out, turns) for dice in turn]
    return {**found, **dice_by(tuple(CHANNELS), dices)}


@dataclass(frozen=True)
class _Turn:
    """One structure, and the cases that are left out."""

    slices: Sequence[Slice]
    name: str
    out: frozenset[str]
    seed: int
    epochs: int
    scratch: Path


def _left_out(turn: _Turn) -> list[tuple[str, float, str]]:
    """(structure, Dice, case) of the slices that are left out and show the structure."""
    profile = get_task("adrenal_ct").profile("demo")
    assert isinstance(profile, AdrenalProfile)
    own = {"size_px": (SIZE, SIZE), "field": None, "epochs": turn.epochs, "patience": 0, "drop_frames": 0}
    stage = profile.segmenter.model_copy(update=own)
    rest = [s for s in turn.slices if s.case not in turn.out]
    segmenter = _trained(rest, turn.name, stage, turn.seed, turn.scratch)
    left = [s for s in turn.slices if s.case in turn.out and s.masks[turn.name].any()]
    return [(turn.name, _dice(segmenter, one, turn.name), one.case) for one in left]


def _trained(slices: Sequence[Slice], name: str, stage: SegmenterStage, seed: int, scratch: Path) -> Segmenter:
    """A segmenter of one structure; every fifth slice chooses the epoch."""

    def frame(number: int, turn: int = 0) -> Frame:
        one = slices[number]
        return Frame(f"{number:03}-{turn}", _small(one.picture), _pieces(one.masks[name]))

    learnt = [number for number in range(len(slices)) if number % 5]
    write_part(scratch / "frames", "train", [frame(number, turn) for turn in range(REPEATS) for number in learnt])
    write_part(scratch / "frames", "val", [frame(number) for number in range(0, len(slices), 5)])
    fitted = fit_yolo(stage.networks[0], stage, write_description(scratch / "frames"), scratch=scratch, seed=seed)
    return Segmenter.restore(fitted.settings.model_dump(), fitted.weights)


def _pieces(mask: NDArray[np.bool_]) -> list[NDArray[np.bool_]]:
    """A mask's connected pieces at the network's size: each kidney is an instance."""
    count, labels = cv2.connectedComponents(_small(mask.astype(np.uint8)))
    pieces = [labels == number for number in range(1, count)]
    return [piece for piece in pieces if np.count_nonzero(piece) >= LEAST_PX]


def _dice(segmenter: Segmenter, one: Slice, name: str) -> float:
    rows, columns = one.picture.shape
    (instances,) = segmenter.instances(_small(one.picture)[None], (rows, columns))
    given = np.zeros((rows, columns), dtype=bool)
    for mask, _ in instances:
        given |= mask
    truth = one.masks[name]
    return float(2 * np.count_nonzero(given & truth) / (np.count_nonzero(given) + np.count_nonzero(truth)))


def _small(picture: NDArray[np.uint8]) -> NDArray[np.uint8]:
    how = cv2.INTER_NEAREST if picture.max(initial=0) <= 1 else cv2.INTER_AREA
    return np.asarray(cv2.resize(picture, (SIZE, SIZE), interpolation=how), dtype=np.uint8)


if __name__ == "__main__":
    main()
