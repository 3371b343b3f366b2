"""How well normal chest CT slices are told from those with a pathology, by cross-validation over slices.

    python -m benchmarks.chest_ct_slices --data FOLDER [--folds K] [--seeds N] [--json]

The folder holds pictures of slices in the folders ``normal``, ``benign`` and ``malignant`` (IQ-OTH/NCCD). The set
names no patients: slices of one patient may lie on both sides, so that nothing patient-exclusive is claimed and
the figures are per slice. The classifier's stage of ``chest_ct_norm`` in the ``demo`` profile is trained.
"""

from __future__ import annotations

import tempfile
import time
from pathlib import Path

import cv2
import numpy as np

from benchmarks.crossval import crossvalidated, options_of, told
from data.pixels import to_grey
from models.batches import Labelled
from models.task import get_task

OPTIONS = ("normal", "pathology")
SIZE_PX, EPOCHS = (112, 112), 24
"""Of these few slices; the profile's own epochs are for slabs of hundreds of studies."""
FOLDERS = {"normal": 0, "benign": 1, "malignant": 1}


def main() -> None:
    """Measure and print."""
    options = options_of(__doc__)
    began = time.perf_counter()
    stage = get_task("chest_ct_norm").profile("demo").stages["classifier"]
    stage = stage.model_copy(update={"size_px": SIZE_PX, "epochs": EPOCHS})
    data = load(options.data, stage.size_px)
    with tempfile.TemporaryDirectory() as folder:
        result = crossvalidated(
            "classifier", stage, OPTIONS, data,
            folds=options.folds, seeds=options.seeds, scratch=Path(folder), unit="slice",
        )  # fmt: skip
    told({"benchmark": "chest_ct_slices", **result}, began, as_json=options.json)


def load(folder: Path, size_px: tuple[int, int]) -> Labelled:
    """The slices, scaled; each counts as a unit of its own."""
    found = [(path, target) for name, target in FOLDERS.items() for path in sorted((folder / name).iterdir())]
    images = []
    for path, _ in found:
        picture = cv2.imread(str(path), cv2.IMREAD_COLOR_RGB)
        if picture is None:
            raise SystemExit(f"{path} is no picture.")
        images.append(cv2.resize(to_grey(picture), size_px[::-1], interpolation=cv2.INTER_AREA))
    targets = np.array([target for _, target in found], dtype=np.int64)
    return Labelled(
        np.stack(images).astype(np.uint8), targets, tuple(str(p.relative_to(folder)) for p, _ in found)
    )


if __name__ == "__main__":
    main()
