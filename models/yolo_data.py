"""Frames with lesions as YOLO-seg and COCO data sets in files, and the masks back from them.

A row of YOLO-seg is one ring without holes: a shape of several parts is written as a row each, and a part with a
hole is cut through the hole; the notes say how often. COCO keeps the shape whole, as polygons, or as run lengths
down the columns where it has holes. Places are pixel centres: the middle of the first pixel is 0.5.

References
----------
Suzuki, Abe: Topological structural analysis of digitized binary images by border following, CVGIP 30 (1985), 32
(what ``cv2.findContours`` does). Lin et al.: Microsoft COCO, ECCV 2014, arXiv:1405.0312.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

CLASS = "lesion"
"""The one class."""
Masks = Sequence[NDArray[np.bool_]]


@dataclass(frozen=True, eq=False)
class Frame:
    """A picture with the masks of the lesions on it.

    Parameters
    ----------
    name:
        Of its files, without a suffix.
    picture:
        (rows, columns), 8 bit.
    masks:
        (rows, columns) each; empty for a frame without a lesion.
    """

    name: str
    picture: NDArray[np.uint8]
    masks: Masks = ()


@dataclass
class Counts:
    """What was written: frames, those with a lesion, lesions on them, rows, and shapes that had to be split."""

    frames: int = 0
    with_lesion: int = 0
    lesions: int = 0
    rows: int = 0
    split_parts: int = 0
    split_holes: int = 0
    notes: list[str] = field(default_factory=list)

    def as_dict(self) -> dict[str, Any]:
        """The counts as JSON."""
        return dict(vars(self))


def balanced(with_lesion: Sequence[bool], rng: np.random.Generator) -> NDArray[np.int64]:
    """Indices of the frames with a lesion, and of as many without one, drawn at random; in their order."""
    held = np.asarray(with_lesion, dtype=bool)
    empty = np.flatnonzero(~held)
    kept = rng.permutation(empty)[: max(1, int(held.sum()))]
    return np.sort(np.concatenate([np.flatnonzero(held), kept])).astype(np.int64)


def parts(mask: NDArray[np.bool_]) -> list[NDArray[np.bool_]]:
    """The connected parts of a mask, cut so that none has a hole; together they are the mask."""
    import cv2  # noqa: PLC0415

    count, named = cv2.connectedComponents(mask.astype(np.uint8), connectivity=8)
    found = []
    for number in range(1, count):
        part = named == number
        hole = _hole(part)
        if hole is None:
            found.append(part)
            continue
        left = part.copy()
        left[:, hole:] = False
        found += [*parts(left), *parts(part & ~left)]
    return found


def ring(part: NDArray[np.bool_]) -> NDArray[np.int64]:
    """(points, 2) column and row of the border pixels of a part without holes; three points or more."""
    import cv2  # noqa: PLC0415

    contours, _ = cv2.findContours(part.astype(np.uint8), cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_SIMPLE)
    points = max(contours, key=len).reshape(-1, 2).astype(np.int64)
    return np.concatenate([points, np.repeat(points[-1:], max(0, 3 - len(points)), axis=0)])


def yolo_rows(mask: NDArray[np.bool_]) -> list[str]:
    """The rows ``class x1 y1 x2 y2 ...`` of a mask, places as shares of the width and the height."""
    rows, columns = mask.shape
    lines = []
    for part in parts(mask):
        points = (ring(part) + 0.5) / (columns, rows)
        lines.append("0 " + " ".join(f"{value:.6f}" for value in points.reshape(-1)))
    return lines


def read_yolo(text: str, shape: tuple[int, int]) -> list[NDArray[np.bool_]]:
    """The mask (rows, columns) of each row."""
    scale = np.array([shape[1], shape[0]])
    rings = [np.array(line.split()[1:], dtype=np.float64).reshape(-1, 2) * scale for line in text.splitlines()]
    return [filled([ring_], shape) for ring_ in rings]


def filled(rings: Sequence[NDArray[np.float64]], shape: tuple[int, int]) -> NDArray[np.bool_]:
    """(rows, columns) of the pixels in rings (points, 2) of pixel centres, the rings themselves included."""
    import cv2  # noqa: PLC0415

    mask = np.zeros(shape, dtype=np.uint8)
    for one in rings:
        cv2.fillPoly(mask, [np.floor(one).astype(np.int32)], 1)
    return mask.astype(bool)


def coco_annotation(mask: NDArray[np.bool_], number: int, image: int) -> dict[str, Any]:
    """One COCO annotation: box, area and shape of a mask that is not empty.

    Parameters
    ----------
    number, image:
        Its id, and that of its image.
    """
    rows, columns = np.nonzero(mask)
    box = [int(columns.min()), int(rows.min()), int(np.ptp(columns)) + 1, int(np.ptp(rows)) + 1]
    shape: Any = run_lengths(mask)
    if _hole(mask) is None:
        shape = [(ring(part) + 0.5).reshape(-1).tolist() for part in parts(mask)]
    return {
        "id": number, "image_id": image, "category_id": 1, "bbox": box, "area": int(mask.sum()),
        "segmentation": shape, "iscrowd": 0,
    }  # fmt: skip


def run_lengths(mask: NDArray[np.bool_]) -> dict[str, Any]:
    """COCO's uncompressed run lengths: down the columns, the first run of zeros."""
    flat = np.concatenate([[False], mask.T.reshape(-1), [False]])
    edges = np.flatnonzero(flat[1:] != flat[:-1])
    runs = np.diff(np.concatenate([[0], edges, [mask.size]])).tolist()
    return {"counts": runs, "size": list(mask.shape)}


def read_coco(document: dict[str, Any]) -> dict[str, list[NDArray[np.bool_]]]:
    """The masks (rows, columns) of each image of a COCO document, by file name."""
    images = {image["id"]: image for image in document["images"]}
    found: dict[str, list[NDArray[np.bool_]]] = {image["file_name"]: [] for image in images.values()}
    for annotation in document["annotations"]:
        image = images[annotation["image_id"]]
        size = image["height"], image["width"]
        shape = annotation["segmentation"]
        if isinstance(shape, dict):
            values = np.arange(len(shape["counts"])) % 2 == 1
            mask = np.repeat(values, shape["counts"]).reshape(size[::-1]).T
        else:
            mask = filled([np.array(one, dtype=np.float64).reshape(-1, 2) for one in shape], size)
        found[image["file_name"]].append(mask)
    return found


def write_part(folder: Path, part: str, frames: Iterable[Frame]) -> Counts:
    """Write the frames of ``train`` or ``val``: PNG, rows of YOLO-seg, and one COCO document.

    Parameters
    ----------
    folder:
        ``images/<part>``, ``labels/<part>`` and ``annotations/<part>.json`` are written in it.
    frames:
        Taken one by one.
    """
    import cv2  # noqa: PLC0415

    images, labels = folder / "images" / part, folder / "labels" / part
    for place in (images, labels, folder / "annotations"):
        place.mkdir(parents=True, exist_ok=True)
    counts = Counts()
    document: dict[str, Any] = {"images": [], "annotations": [], "categories": [{"id": 1, "name": CLASS}]}
    for number, frame in enumerate(frames, 1):
        masks = [mask for mask in frame.masks if mask.any()]
        cv2.imwrite(str(images / f"{frame.name}.png"), frame.picture)
        rows = [yolo_rows(mask) for mask in masks]
        (labels / f"{frame.name}.txt").write_text("".join(f"{line}\n" for some in rows for line in some))
        height, width = frame.picture.shape
        document["images"].append(
            {"id": number, "file_name": f"{frame.name}.png", "width": width, "height": height}
        )
        for mask in masks:
            document["annotations"].append(coco_annotation(mask, len(document["annotations"]) + 1, number))
            counts.split_holes += _hole(mask) is not None
        counts.frames += 1
        counts.with_lesion += bool(masks)
        counts.lesions += len(masks)
        counts.rows += sum(map(len, rows))
    counts.split_parts = counts.rows - counts.lesions
    if counts.split_parts:
        counts.notes.append(
            f"{part}: {counts.split_parts} rows more than lesions: several parts, or {counts.split_holes} holes."
        )
    (folder / "annotations" / f"{part}.json").write_text(json.dumps(document))
    return counts


def write_description(folder: Path) -> Path:
    """The YAML file by which Ultralytics finds the data set in a folder."""
    path = folder / "lesions.yaml"
    path.write_text(
        f"path: {json.dumps(str(folder.resolve()))}\ntrain: images/train\nval: images/val\nnames:\n  0: {CLASS}\n"
    )
    return path


def _hole(part: NDArray[np.bool_]) -> int | None:
    """A column that runs through a hole of a mask; None where it has none."""
    import cv2  # noqa: PLC0415

    outside = np.pad(~part, 1, constant_values=True).astype(np.uint8)
    count, named, stats, _ = cv2.connectedComponentsWithStats(outside, connectivity=4)
    if count <= 2:
        return None
    number = next(n for n in range(1, count) if n != named[0, 0])
    left, width = int(stats[number, cv2.CC_STAT_LEFT]), int(stats[number, cv2.CC_STAT_WIDTH])
    return max(1, left - 1 + width // 2)
