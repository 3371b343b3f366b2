"""Whether planted leaks are found, how many false alarms there are, and whether the log shows any altered byte.

    python -m benchmarks.leaks [--data FOLDER] [--nih FOLDER] [--studies N] [--phantoms N] [--seed N] [--json]

Of every picture that is measured on, copies are put into what is learnt from: the same pixels, and near-copies at
random strength: rescaled (0.5 to 2 times), re-encoded as JPEG (quality 60 to 95), at 12 bits, cut (up to 5% at
each edge), brighter or darker (gain 0.8 to 1.2, offset -20 to 20 of 256), and all of these at once. Patients are
planted in a version's manifest. All other patients' pictures stand among what is learnt from as well: each pair of
two patients that is called a copy is a false alarm. Pictures are phantoms and, with a folder of real images
(``--data`` or ``CONSILIUM_REAL_DATA``) that has a ``manifest.csv`` with path, patient_id and modality, radiographs
and slices; ``--nih`` is a folder of ChestX-ray14, whose names begin with the patient's number. Where the manifest
calls a patient unknown, no false alarm is counted.

Then a small log is altered by one bit in every byte of every column in turn, its triggers dropped, and verified.
"""

from __future__ import annotations

import argparse
import csv
import json
import os
import sqlite3
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from active_learning.leakage import PATIENT, look
from benchmarks.crossval import told
from data.blobs import Blobs
from data.home import Home
from data.ingest import ingest
from data.leakage import copies
from data.pixels import Pixels, apply_window, robust_window
from data.records import Layout, Part, Series, Study
from data.splits import patient
from data.store import Store
from data.verifying import verify
from models.task import get_task

SAME = "same pixels"
PHANTOMS: Mapping[str, float] = {"cxr_findings": 1.0, "cxr_quality": 1.0, "chest_ct_norm": 0.25}
"""Tasks whose phantoms are taken, and the share of ``--phantoms`` of each: volumes take longer to make."""
PATIENTS = 5
"""Patients that are planted in a manifest."""
KEY = "00" * 32

Stack = NDArray[np.uint8]
"""(pages, rows, columns)."""


@dataclass(frozen=True)
class Source:
    """A picture or stack, and whose it is."""

    patient: str
    pages: Stack


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--data", type=Path, default=os.environ.get("CONSILIUM_REAL_DATA") or None)
    parser.add_argument("--nih", type=Path, help="a folder of ChestX-ray14")
    parser.add_argument("--studies", type=int, default=60, help="real pictures of each kind that are measured on")
    parser.add_argument("--phantoms", type=int, default=24, help="phantoms of a task")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--json", action="store_true", help="one line of JSON")
    options = parser.parse_args()
    began = time.perf_counter()
    result: dict[str, Any] = {"benchmark": "leaks", "seed": options.seed}
    with tempfile.TemporaryDirectory() as folder:
        for name, share in PHANTOMS.items():
            sources = phantoms(name, max(4, round(options.phantoms * share)), Path(folder) / name, options.seed)
            result[f"phantoms_{name}"] = planted(name, sources, len(sources) // 2, options.seed)
        pictures = [*(real(options.data) if options.data else ()), *(nih(options.nih) if options.nih else ())]
        for name, sources in pictures:
            result[name] = planted(name, sources, options.studies, options.seed)
        result["by_patient"] = by_patient(Home(Path(folder) / "patients"))
        result["log"] = altered(Home(Path(folder) / "log"))
    parts = [part for part in result.values() if isinstance(part, dict) and "pairs_of_patients" in part]
    result |= {
        "planted": sum(sum(part["planted"].values()) for part in parts) + result["by_patient"]["planted"],
        "found": sum(sum(part["found"].values()) for part in parts) + result["by_patient"]["found"],
        "pairs_of_patients": sum(p["pairs_of_patients"] for p in parts if "false_alarms" in p),
        "false_alarms": sum(part.get("false_alarms", 0) for part in parts),
    }
    told(result, began, as_json=options.json)


def phantoms(task: str, count: int, folder: Path, seed: int) -> list[Source]:
    """A task's phantoms, as they are kept once they came in."""
    _say(f"making {count} phantoms of {task}")
    get_task(task).write_phantoms(count, folder / "files", seed=seed)
    home = Home(folder / "home")
    ingest(home, [folder / "files"])
    pixels, found = Pixels.of(home), []
    for study in Store.of(home).studies.find():
        array = pixels.array(study.series[0])
        pages = np.asarray(array)[None] if study.series[0].layout is Layout.IMAGE else np.asarray(array)
        grey = pages if pages.dtype == np.uint8 else apply_window(pages, robust_window(pages))
        found.append(Source(study.patient.patient_id, grey))
    return found


def real(data: Path) -> Iterator[tuple[str, list[Source]]]:
    """Real radiographs and slices, one a patient where patients are named."""
    with (data / "manifest.csv").open(newline="", encoding="utf-8") as stream:
        rows = [row for row in csv.DictReader(stream) if row["path"].lower().endswith((".png", ".jpg", ".jpeg"))]
    kinds: Mapping[str, Callable[[Mapping[str, str]], bool]] = {
        "radiographs": lambda row: row["modality"] in ("CR", "DX") and _named(row),
        "ct_slices": lambda row: row["modality"] == "CT" and _named(row),
        "mr_slices": lambda row: row["modality"] == "MR" and _named(row),
        "ct_slices_of_unnamed": lambda row: row["modality"] == "CT" and not _named(row),
    }
    for name, wanted in kinds.items():
        found = [_read(data, row) for row in rows if wanted(row) and "mask" not in row["path"].lower()]
        sources = [source for source in found if source is not None]
        if sources:
            yield name, sources


def nih(folder: Path) -> Iterator[tuple[str, list[Source]]]:
    """Radiographs of ChestX-ray14."""
    paths = sorted(folder.glob("*.png"))
    found = [_read(folder, {"path": path.name, "patient_id": path.name.partition("_")[0]}) for path in paths]
    yield "chestxray14", [source for source in found if source is not None]


def _named(row: Mapping[str, str]) -> bool:
    return bool(row["patient_id"]) and "unknown" not in row["patient_id"]


def _read(data: Path, row: Mapping[str, str]) -> Source | None:
    picture = cv2.imread(str(data / row["path"]), cv2.IMREAD_GRAYSCALE)
    owner = row["patient_id"] if _named(row) else ""
    return None if picture is None else Source(owner, np.asarray(picture, dtype=np.uint8)[None])


def _scaled(pages: Stack, rng: np.random.Generator) -> NDArray[Any]:
    factor = float(np.exp(rng.uniform(np.log(0.5), np.log(2.0))))
    how = cv2.INTER_AREA if factor < 1 else cv2.INTER_CUBIC
    return np.stack([cv2.resize(page, None, fx=factor, fy=factor, interpolation=how) for page in pages])


def _encoded(pages: Stack, rng: np.random.Generator) -> NDArray[Any]:
    quality = [cv2.IMWRITE_JPEG_QUALITY, int(rng.integers(60, 96))]
    coded = [cv2.imencode(".jpg", page, quality)[1] for page in pages]
    return np.stack([np.asarray(cv2.imdecode(code, cv2.IMREAD_GRAYSCALE)) for code in coded])


def _deep(pages: Stack, rng: np.random.Generator) -> NDArray[Any]:
    return (pages.astype(np.uint16) << 4) + rng.integers(0, 16, pages.shape).astype(np.uint16)


def _cut(pages: Stack, rng: np.random.Generator) -> NDArray[Any]:
    rows, columns = pages.shape[1:]
    top, bottom = (int(share * rows) for share in rng.uniform(0, 0.05, 2))
    left, right = (int(share * columns) for share in rng.uniform(0, 0.05, 2))
    return pages[:, top : rows - bottom, left : columns - right]


def _lit(pages: Stack, rng: np.random.Generator) -> NDArray[Any]:
    return np.clip(pages * rng.uniform(0.8, 1.2) + rng.uniform(-20, 20), 0, 255).astype(np.uint8)


def _all(pages: Stack, rng: np.random.Generator) -> NDArray[Any]:
    for step in (_scaled, _cut, _lit, _encoded, _deep):
        pages = step(pages, rng)
    return pages


NEAR: Mapping[str, Callable[[Stack, np.random.Generator], NDArray[Any]]] = {
    "rescaled": _scaled, "re-encoded": _encoded, "12 bits": _deep, "cut": _cut, "brightness": _lit, "all": _all,
}  # fmt: skip


def planted(name: str, sources: Sequence[Source], count: int, seed: int) -> dict[str, Any]:
    """Plant copies of ``count`` sources among all others, look for them, and count.

    Returns
    -------
    dict
        ``planted`` and ``found`` by kind; ``pairs_of_patients`` that were compared, and ``false_alarms`` among
        them where patients are named.
    """
    rng = np.random.default_rng(seed)
    order = rng.permutation(len(sources))
    chosen, others = order[:count].tolist(), order[count:].tolist()
    with tempfile.TemporaryDirectory() as folder:
        home = Home(Path(folder)).prepare()
        store, whose = Store.of(home), dict[str, str]()
        measured = [
            _kept(store, home, f"measured-{i}", sources[i].pages, whose, sources[i].patient) for i in chosen
        ]
        learnt = [_kept(store, home, f"other-{i}", sources[i].pages, whose, sources[i].patient) for i in others]
        for kind in (SAME, *NEAR):
            for i in chosen:
                pages = sources[i].pages if kind == SAME else NEAR[kind](sources[i].pages, rng)
                learnt.append(_kept(store, home, f"{kind}-{i}", pages, whose, sources[i].patient))
        _say(f"{name}: comparing {len(learnt)} studies with {len(measured)}")
        found = copies(store, Pixels.of(home), learnt, measured)
        store.close()
    hit = Counter(
        kind for kind in (SAME, *NEAR) for i in chosen
        if any((c.learnt, c.measured) == (f"{kind}-{i}", f"measured-{i}") for c in found)
    )  # fmt: skip
    result: dict[str, Any] = {
        "planted": {kind: len(chosen) for kind in (SAME, *NEAR)},
        "found": {kind: hit[kind] for kind in (SAME, *NEAR)},
        "pairs_of_patients": sum(whose[a.study_id] != whose[b.study_id] for a in learnt for b in measured),
    }
    if all(source.patient for source in sources):
        result["false_alarms"] = sum(whose[c.learnt] != whose[c.measured] for c in found)
    return result


def _kept(store: Store, home: Home, name: str, pages: NDArray[Any], whose: dict[str, str], owner: str) -> Study:
    array = pages[0] if len(pages) == 1 else pages
    layout = Layout.IMAGE if len(pages) == 1 else Layout.VOLUME
    series = Series(f"se-{name}", name, "OT", layout, array.shape, Blobs.of(home).put_array(array))
    study = Study(name, replace(patient(KEY, f"test:{name}"), part=Part.TRAIN), "OT", (series,))
    store.studies.add(study, {})
    whose[name] = owner
    return study


def by_patient(home: Home) -> dict[str, int]:
    """Patients who are measured on and stand in a version's manifest; how many of them are named."""
    store, blobs, task = Store.of(home), Blobs.of(home), get_task("cxr_quality")
    rng, owners = np.random.default_rng(0), []
    for number in range(2 * PATIENTS):
        series = Series(
            f"se-{number}", f"st-{number}", "DX", Layout.IMAGE, (32, 32),
            blobs.put_array(rng.integers(0, 255, (32, 32)).astype(np.uint8)),
        )  # fmt: skip
        owner = replace(patient(KEY, f"test:{number}"), part=Part.TEST if number % 2 else Part.TRAIN)
        store.studies.add(Study(f"st-{number}", owner, "DX", (series,)), {})
        owners.append(owner)
    learnt = {"patients": [owner.pseudonym for owner in owners], "studies": len(owners)}
    manifest = {"format": 1, "task": task.name, "stages": {}, "data": {"training": learnt}}
    store.versions.add(task=task.name, profile="demo", manifest=blobs.put(json.dumps(manifest).encode()))
    named = {leak.measured for leak in look(store, blobs, task).leaks if leak.kind == PATIENT}
    store.close()
    planted_ = {owner.pseudonym for owner in owners if owner.part == Part.TEST}
    return {"planted": len(planted_), "found": len(named & planted_), "false_alarms": len(named - planted_)}


def altered(home: Home) -> dict[str, int]:
    """How many bytes of a small log there are, and of how many an altered bit is found."""
    store, blobs = Store.of(home), Blobs.of(home)
    for number in range(4):
        store.log.add("round.opened", f"cxr_quality-r{number}", studies=number, champion="")
    columns = ("at", "event", "subject", "detail", "seal", "digest")
    with closing(sqlite3.connect(home.database, isolation_level=None)) as db:
        db.text_factory = bytes
        db.execute("DROP TRIGGER log_is_fixed")
        rows = db.execute(f"SELECT sequence, {', '.join(columns)} FROM log").fetchall()  # noqa: S608 - constants
        allowed = verify(store, blobs).found  # the trigger itself
        count = found = 0
        for sequence, *cells in rows:
            _say(f"log: entry {sequence} of {len(rows)}")
            for column, cell in zip(columns, cells, strict=True):
                write = f"UPDATE log SET {column} = CAST(? AS TEXT) WHERE sequence = ?"  # noqa: S608 - constants
                for place in range(len(cell)):
                    bad = cell[:place] + bytes([cell[place] ^ (1 << place % 8)]) + cell[place + 1 :]
                    db.execute(write, (bad, sequence))
                    found += verify(store, blobs).found > allowed
                    count += 1
                db.execute(write, (cell, sequence))
        untouched = verify(store, blobs).found - allowed
    store.close()
    return {"bytes": count, "found": found, "false_alarms": untouched}


def _say(words: str) -> None:
    print(words, file=sys.stderr, flush=True)


if __name__ == "__main__":
    main()
