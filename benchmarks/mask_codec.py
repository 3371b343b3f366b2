"""How fast masks are written and read in Label Studio's code, beside label_studio_sdk.

``python -m benchmarks.mask_codec [--data FOLDER] [--repeats N] [--json]``

Each mask is encoded and decoded by both in turns; a mask's time is the best of the repeats, and its ratio the
peer's time over ours. The printed ratio is the median over the masks, its spread their 10th and 90th percentile;
``ours`` and ``peer`` are the total seconds. They stand for encoding, for decoding, and at the top for both
together. Bytes and pixels are compared for every mask.
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
from label_studio_sdk.converter import brush
from numpy.typing import NDArray
from PIL import Image

from labelstudio.masks import decode, encode

Mask = NDArray[np.bool_]
Result = TypeVar("Result")


def generated(side_px: int = 1024, seed: int = 0) -> dict[str, Mask]:
    """Masks as readers and models make them, and the extremes; each (side, side)."""
    rng = np.random.default_rng(seed)
    y, x = np.mgrid[:side_px, :side_px] / side_px
    masks: dict[str, Mask] = {}
    for index in range(6):
        row, column = rng.uniform(0.3, 0.7, 2)
        angle = np.arctan2(y - row, x - column)
        edge = 0.2 + 0.03 * np.sin(5 * angle + index) + 0.01 * np.sin(37 * angle)
        ragged = edge + rng.normal(0, 0.002, (side_px, side_px))
        masks[f"blob {index}"] = np.hypot(y - row, x - column) < ragged
    masks["noise"] = rng.random((side_px // 2, side_px // 2)) < 0.5
    masks["empty"] = np.zeros((side_px, side_px), dtype=bool)
    masks["full"] = np.ones((side_px, side_px), dtype=bool)
    return masks


def read(folder: Path) -> dict[str, Mask]:
    """The masks of a folder: PNG files, one mask a colour that is not black, and arrays in npz files.

    Of an npz file the two- and three-dimensional arrays are taken; of a stack the first 20 slices with anything.
    """
    masks: dict[str, Mask] = {}
    for path in sorted(folder.rglob("*.png")):
        if "image" in path.parent.name:
            continue
        with Image.open(path) as picture:
            values = np.asarray(picture.convert("RGB")).astype(np.int64) @ np.array([65536, 256, 1])
        for colour in np.unique(values[values > 0])[:8]:
            masks[f"{path.name} {colour:06x}"] = values == colour
    for path in sorted(folder.rglob("*.npz")):
        with np.load(path, allow_pickle=False) as arrays:
            for name in arrays.files:
                masks |= {f"{path.name} {name} {index}": page for index, page in _pages(arrays[name])}
    return masks


def _pages(array: NDArray[Any]) -> Iterator[tuple[int, Mask]]:
    stack = array[None] if array.ndim == 2 else array if array.ndim == 3 else array[:0]
    marked = [index for index in range(len(stack)) if np.any(stack[index])]
    for index in marked[:20]:
        yield index, np.asarray(stack[index]) != 0


def _timed(work: Callable[[], Result]) -> tuple[Result, float]:
    start = time.perf_counter()
    result = work()
    return result, time.perf_counter() - start


def measure(masks: dict[str, Mask], repeats: int) -> dict[str, Any]:
    """Both codecs on every mask; times in seconds."""
    best = np.full((len(masks), 4), np.inf)  # encode: ours, peer; decode: ours, peer
    identical = True
    for index, mask in enumerate(masks.values()):
        shown = mask.astype(np.uint8) * 255
        for _ in range(repeats):
            code, ours_in = _timed(lambda mask=mask: encode(mask))  # type: ignore[misc]
            peer_code, peer_in = _timed(lambda shown=shown: brush.mask2rle(shown))  # type: ignore[misc,no-untyped-call]
            page, ours_out = _timed(lambda code=code, mask=mask: decode(code, mask.shape))  # type: ignore[misc]
            values, peer_out = _timed(lambda code=peer_code: brush.decode_rle(code))  # type: ignore[misc]
            best[index] = np.minimum(best[index], (ours_in, peer_in, ours_out, peer_out))
        peer_page = values.reshape(*mask.shape, 4)[..., 3] > 127
        identical &= code == peer_code and np.array_equal(page, mask) and np.array_equal(peer_page, mask)
    return {
        "benchmark": "mask_codec",
        "unit": "s",
        "masks": len(masks),
        "repeats": repeats,
        **_compared(best[:, 0] + best[:, 2], best[:, 1] + best[:, 3]),
        "encode": _compared(best[:, 0], best[:, 1]),
        "decode": _compared(best[:, 2], best[:, 3]),
        "identical": bool(identical),
    }


def _compared(ours: NDArray[np.float64], peer: NDArray[np.float64]) -> dict[str, Any]:
    low, middle, high = np.percentile(peer / ours, (10, 50, 90))
    return {
        "ours": float(ours.sum()),
        "peer": float(peer.sum()),
        "ratio": float(middle),
        "spread": [float(low), float(high)],
    }


def main() -> None:
    """Print the comparison."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.mask_codec", description=__doc__)
    parser.add_argument("--data", type=Path, help="a folder of mask PNGs or npz files; default: generated masks")
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--json", action="store_true", help="one line of JSON")
    arguments = parser.parse_args()
    masks = read(arguments.data) if arguments.data else generated()
    if not masks:
        parser.error(f"no masks in {arguments.data}: give a folder with PNG or npz files")
    found = measure(masks, arguments.repeats)
    if arguments.json:
        print(json.dumps(found))
        return
    print(f"{found['masks']} masks, the best of {found['repeats']}; identical: {found['identical']}")
    for side in ("encode", "decode"):
        row = found[side]
        low, high = row["spread"]
        print(
            f"{side}: {row['ours'] * 1e3:.1f} ms, label_studio_sdk {row['peer'] * 1e3:.1f} ms, "
            f"{row['ratio']:.1f} times as fast (single masks {low:.1f} to {high:.1f})"
        )


if __name__ == "__main__":
    main()
