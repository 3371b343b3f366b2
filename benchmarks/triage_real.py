"""Operating points on the scores of real images: normal chest CT slices, and radiographs read by several readers.

The scores are out of fold, by a logistic regression on oriented gradients: a light model, so that what is shown is
clearing and not the network. There are few positives, so that 2% cannot be promised: what is promised stands with
each figure. The scored cases are taken for the whole population; calibration sets are drawn from it with
replacement, so that the true miss rate is known exactly (``exceeded``), and as halves of which the other half is
measured (``split``), as one would in practice, where the measurement has its own noise.

The slices name no patients: they are drawn singly, slices of one patient may lie in different folds, and the
figures are per slice. The radiographs have one a patient; pathology is what the adjudicated consensus calls so.
"""

from __future__ import annotations

import csv
import math
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import roc_auc_score
from sklearn.model_selection import StratifiedKFold, cross_val_predict
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from active_learning.risk_control import safe_point
from data.errors import TriageError
from data.pixels import to_grey
from models.bootstrap import BoolArray, FloatArray

CONFIDENCE, FOLDS, SIZE_PX = 0.95, 5, 64
PROMISED = (0.05, 0.10, 0.20)
SLICES, RADIOGRAPHS = Path("C_chestct/iqoth_nccd"), Path("B_cxr/nih_chestxray14")
TABLE, COLUMN = "consensus_all_findings.csv", "Abnormal"
FOLDERS = {"normal": False, "benign": True, "malignant": True}


def on_real_images(folder: Path, draws: int, seed: int = 0) -> dict[str, Any]:
    """By set: its cases, and for each promise how it was kept and what it clears. A missing set is left out."""
    sets = {"chest_ct_slices": (folder / SLICES, slices), "radiographs": (folder / RADIOGRAPHS, radiographs)}
    found = {}
    for name, (place, load) in sets.items():
        if not place.is_dir():
            print(f"{place} is missing: {name} is left out", file=sys.stderr)
            continue
        print(f"scoring {name}", file=sys.stderr, flush=True)
        files, positive = load(place)
        scores = out_of_fold(files, positive)
        found[name] = {
            "per": "slice" if name == "chest_ct_slices" else "patient", "cases": len(files),
            "pathological": int(positive.sum()), "auc": round(float(roc_auc_score(positive, scores)), 4),
            "promised": {miss: promised(scores, positive, miss, draws, seed) for miss in PROMISED},
        }  # fmt: skip
    return found


def slices(folder: Path) -> tuple[list[Path], BoolArray]:
    """The slices, and whether each shows pathology."""
    found = [(path, shown) for name, shown in FOLDERS.items() for path in sorted((folder / name).iterdir())]
    return [path for path, _ in found], np.array([shown for _, shown in found])


def radiographs(folder: Path) -> tuple[list[Path], BoolArray]:
    """The radiographs with a consensus, and whether it calls each abnormal."""
    with (folder / TABLE).open(newline="", encoding="utf-8") as stream:
        rows = [row for row in csv.DictReader(stream) if (folder / row["Image ID"]).is_file()]
    return [folder / row["Image ID"] for row in rows], np.array([row[COLUMN] == "YES" for row in rows])


def out_of_fold(files: Sequence[Path], positive: BoolArray) -> FloatArray:
    """(cases,) probabilities of pathology by a model that did not learn from the case."""
    model = make_pipeline(StandardScaler(), LogisticRegression(C=0.003, max_iter=2000))
    folds = StratifiedKFold(FOLDS, shuffle=True, random_state=0)
    features = np.stack([described(path) for path in files])
    given = cross_val_predict(model, features, positive, cv=folds, method="predict_proba")
    return np.asarray(given[:, 1], dtype=np.float64)


def described(path: Path) -> NDArray[np.float32]:
    """Oriented gradients of a picture (Dalal and Triggs, CVPR 2005), and the picture itself, small."""
    picture = cv2.imread(str(path), cv2.IMREAD_COLOR_RGB)
    if picture is None:
        raise SystemExit(f"{path} is no picture.")
    small = cv2.resize(to_grey(picture), (SIZE_PX, SIZE_PX), interpolation=cv2.INTER_AREA).astype(np.uint8)
    gradients = cv2.HOGDescriptor((SIZE_PX, SIZE_PX), (16, 16), (8, 8), (8, 8), 9).compute(small)
    coarse = cv2.resize(small, (16, 16), interpolation=cv2.INTER_AREA).astype(np.float32) / 255
    return np.concatenate([np.ravel(gradients), coarse.ravel()]).astype(np.float32)


def promised(scores: FloatArray, positive: BoolArray, miss: float, draws: int, seed: int) -> dict[str, Any]:
    """How a promise is kept on these cases, and what it clears; beside it the plain threshold on sensitivity."""
    rng = np.random.default_rng(seed)
    n = len(scores)
    drawn = [rng.integers(n, size=n) for _ in range(draws)]
    halves = [rng.permutation(n) for _ in range(draws)]
    found: dict[str, Any] = {"oracle_cleared": round(float(np.mean(scores < _oracle(scores, positive, miss))), 4)}
    for name, rule in (("guaranteed", _guaranteed), ("plain", _plain)):
        points = np.array([rule(scores[d][positive[d]], miss) for d in drawn])
        missed = np.array([float(np.mean(scores[positive] < t)) for t in points])
        found[name] = {
            "exceeded": round(float(np.mean(missed > miss)), 4),
            "refused": round(float(np.mean(~np.isfinite(points))), 4),
            "mean_miss": round(float(missed.mean()), 4),
            "cleared": round(float(np.mean([np.mean(scores < t) for t in points])), 4),
            "split": _split(scores, positive, miss, halves, rule),
        }
    return found


def _split(
    scores: FloatArray, positive: BoolArray, miss: float, halves: Sequence[NDArray[np.int64]], rule: Any
) -> dict[str, float]:
    """One half gives the operating point, the other is measured."""
    missed, cleared, refused = [], [], 0
    for order in halves:
        ours, theirs = order[: len(order) // 2], order[len(order) // 2 :]
        point = rule(scores[ours][positive[ours]], miss)
        refused += not math.isfinite(point)
        missed.append(float(np.mean(scores[theirs][positive[theirs]] < point)))
        cleared.append(float(np.mean(scores[theirs] < point)))
    return {
        "mean_miss": round(float(np.mean(missed)), 4),
        "cleared": round(float(np.mean(cleared)), 4),
        "refused": round(refused / len(halves), 4),
    }


def _guaranteed(scores: FloatArray, miss: float) -> float:
    try:
        return safe_point(scores, miss=miss, confidence=CONFIDENCE).threshold
    except TriageError:
        return -math.inf


def _plain(scores: FloatArray, miss: float) -> float:
    return float(np.sort(scores)[math.floor(miss * len(scores) + 1e-9)])


def _oracle(scores: FloatArray, positive: BoolArray, miss: float) -> float:
    """The largest threshold that clears no more of these pathological cases than was promised."""
    return _plain(scores[positive], miss)
