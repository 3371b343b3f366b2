"""Whether one picture is a copy of another: rescaled, re-encoded, brighter, inverted, cut at its edges.

Each picture is kept as a thumbnail. Candidates are those whose coarse pictures correlate best, the whole of one
with the whole and with :data:`BOXES` of the other, so that a picture that was cut by up to a tenth is found. A
candidate is registered by an affine map (ECC; Evangelidis and Psarakis, IEEE TPAMI 30(10), 2008), and then the
details alone are correlated: two chests share their outlines, and only copies share their details. Where that
leaves doubt, they are copies only if the map is no more than a change of scale and a cut.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

SIDE_PX = 64
"""Side of a thumbnail."""
COARSE_PX = 12
"""Side of a coarse picture."""
CUTS = (0.05, 0.10)
"""Shares of the extent that a cut picture may lack."""
BEST = 3
"""Candidates that are looked at for each picture."""
COARSE_LEAST = 0.88
"""Correlation of coarse pictures from which on a pair is a candidate: copies have 0.93 or more on real images."""
SUSPECT = 0.7
"""Correlation of the details of thumbnails from which on a pair is looked at in large."""
COPY = 0.7
"""Correlation of details from which on a pair is a copy: on real images 0.73 and more, where others have 0.54."""
FLAT = 2.0
"""Standard deviation of grey values under which a picture shows nothing that could be compared."""
LEAST_SHARE = 0.25
"""Share of the pixels that must be comparable: in both pictures, and clipped in none or in both."""
SURE = 0.9
"""Correlation of details from which on a pair is a copy however the one lies in the other."""
SHRUNK = 0.88
"""Share of the extent that is left of a copy at the least, along either axis."""
TURNED = 0.02
"""How much a copy may seem turned or sheared, and reach beyond the other, as a share of the side: nothing, but for
errors of the registration. Two chests that an affine map brings together are turned and stretched more than so."""
BLUR_PX = 3.0
"""Standard deviation of the blur that is taken off, in pixels of a thumbnail."""
EDGE_PX = 3
"""How far from its edge a picture is not compared: the blur knows nothing of what was beyond."""

Thumbnails = NDArray[np.uint8]
Picture = NDArray[np.uint8]
Coarse = NDArray[np.float32]
Box = tuple[float, float, float, float]
"""Top, left, bottom and right of a part of a picture, each 0 to 1."""

BOXES: tuple[Box, ...] = (
    (0.0, 0.0, 1.0, 1.0),
    *((c * v, c * h, 1 - c + c * v, 1 - c + c * h) for c in CUTS for v in (0, 0.5, 1) for h in (0, 0.5, 1)),
)
"""The whole, and what may be left of a picture that was cut."""


@dataclass(frozen=True, slots=True)
class Candidate:
    """A pair to be looked at.

    Parameters
    ----------
    one, other:
        Indices of the two pictures.
    box:
        The part of the one that the whole of the other shows; of the other that the one shows, if ``reverse``.
    inverted:
        Whether bright is dark in the other.
    coarse:
        The correlation of the coarse pictures, 0 to 1.
    """

    one: int
    other: int
    box: Box
    reverse: bool
    inverted: bool
    coarse: float


def thumbnail(picture: Picture, side: int = SIDE_PX) -> Thumbnails | None:
    """A picture, (rows, columns), as side x side pixels; None where it shows nothing."""
    import cv2  # noqa: PLC0415 - slow to load

    small = cv2.resize(picture, (side, side), interpolation=cv2.INTER_AREA)
    return np.asarray(small, dtype=np.uint8) if float(small.std()) >= FLAT else None


@lru_cache(maxsize=64)
def _sampling(start: float, end: float) -> Coarse:
    """(:data:`COARSE_PX`, :data:`SIDE_PX`) weights that blur and sample the part from start to end of an axis."""
    step = (end - start) * SIDE_PX / COARSE_PX
    centres = start * SIDE_PX + (np.arange(COARSE_PX) + 0.5) * step - 0.5
    away = np.arange(SIDE_PX)[None, :] - centres[:, None]
    weights = np.exp(-0.5 * (away / (SIDE_PX / COARSE_PX / 2.2)) ** 2)
    return np.asarray(weights / weights.sum(axis=1, keepdims=True), dtype=np.float32)


def coarse(thumbnails: Thumbnails, box: Box = BOXES[0]) -> Coarse:
    """(n, COARSE_PX ** 2) coarse pictures of a part of thumbnails, (n, SIDE_PX, SIDE_PX): mean 0, length 1."""
    top, left, bottom, right = box
    small = _sampling(top, bottom) @ thumbnails.astype(np.float32) @ _sampling(left, right).T
    flat = small.reshape(len(thumbnails), -1)
    flat = flat - flat.mean(axis=1, keepdims=True)
    return np.asarray(flat / np.maximum(np.linalg.norm(flat, axis=1, keepdims=True), 1e-6), dtype=np.float32)


def candidates(
    ones: Thumbnails,
    others: Thumbnails,
    *,
    piece: int = 512,
    progress: Callable[[float], None] = lambda share: None,
) -> Iterator[Candidate]:
    """For each of the ones, the :data:`BEST` others whose coarse pictures are most alike, the best first.

    Every pair is compared, in pieces: memory is of about ``piece`` x ``piece`` x boxes numbers.

    Parameters
    ----------
    ones, others:
        (n, SIDE_PX, SIDE_PX) and (m, SIDE_PX, SIDE_PX).
    progress:
        Is told the share that is done.
    """
    pieces = [others[i : i + piece] for i in range(0, len(others), piece)]
    wholes = [coarse(some) for some in pieces]
    parts = [np.stack([coarse(some, box) for box in BOXES]) for some in pieces]  # (boxes, m, dimensions)
    for start in range(0, len(ones), piece):
        some = ones[start : start + piece]
        own = np.stack([coarse(some, box) for box in BOXES])
        yield from _best(start, own, wholes, parts)
        progress(min(start + piece, len(ones)) / len(ones))


def _best(start: int, own: Coarse, wholes: list[Coarse], parts: list[Coarse]) -> Iterator[Candidate]:
    """The best of all pieces of the others for one piece of the ones, whose boxes are (boxes, n, dimensions)."""
    boxes, count, _ = own.shape
    kept: list[list[Candidate]] = [[] for _ in range(count)]
    offset = 0
    for whole, part in zip(wholes, parts, strict=True):
        scores = np.concatenate([own @ whole.T, own[:1] @ part.transpose(0, 2, 1)])  # (2 boxes, n, m)
        strength = np.abs(scores)
        which = strength.argmax(axis=0)
        best = np.take_along_axis(strength, which[None], axis=0)[0]
        width = min(BEST, best.shape[1])
        for row, columns in enumerate(np.argpartition(-best, width - 1, axis=1)[:, :width]):
            for column in columns.tolist():
                if best[row, column] >= COARSE_LEAST:
                    place = int(which[row, column])
                    kept[row].append(
                        Candidate(
                            start + row, offset + column, BOXES[place % boxes], place >= boxes,
                            bool(scores[place, row, column] < 0), float(best[row, column]),
                        )
                    )  # fmt: skip
        offset += whole.shape[0]
    for found in kept:
        yield from sorted(found, key=lambda c: -c.coarse)[:BEST]


def likeness(one: Picture, other: Picture, candidate: Candidate) -> float:
    """The correlation of the details of two registered pictures, -1 to 1; 0 where they do not lie as copies do.

    Parameters
    ----------
    one, other:
        Square, of the same side: thumbnails, or the pictures themselves made larger thumbnails of.
    candidate:
        What is known of how one lies in the other.
    """
    whole, part = (one, other) if candidate.reverse else (other, one)
    whole = 255 - whole if candidate.inverted else whole
    warp = _registered(part, whole, candidate.box)
    found = _details(part.astype(np.float32), whole.astype(np.float32), warp)
    return found if found >= SURE or _lies_as_copies_do(warp, len(part)) else 0.0


def _registered(part: Picture, whole: Picture, box: Box) -> NDArray[np.float32]:
    """(2, 3): from the pixels of the whole to those of the part, beginning with a box of it."""
    import cv2  # noqa: PLC0415 - slow to load

    side = len(part)
    top, left, bottom, right = box
    wide, high = right - left, bottom - top
    warp = np.array(
        [[wide, 0, left * side + (wide - 1) / 2], [0, high, top * side + (high - 1) / 2]], dtype=np.float32
    )
    until = (cv2.TERM_CRITERIA_EPS | cv2.TERM_CRITERIA_COUNT, 30, 1e-4)
    softly = side / SIDE_PX
    everywhere = np.full((side, side), 255, dtype=np.uint8)
    soft_whole, soft_part = (cv2.GaussianBlur(picture, (0, 0), softly) for picture in (whole, part))
    try:
        _, found = cv2.findTransformECC(
            soft_whole, soft_part, warp.copy(), cv2.MOTION_AFFINE, until, everywhere, 1
        )
    except cv2.error:  # it does not converge: they are not alike
        return warp
    return np.asarray(found, dtype=np.float32)


def _lies_as_copies_do(warp: NDArray[np.float32], side: int) -> bool:
    """Whether the one is the other in another scale, or a part of it that was cut out along the axes."""
    scales, turned, start = warp[[0, 1], [0, 1]], warp[[0, 1], [1, 0]], warp[:, 2] / side
    end = start + scales
    fits = scales.min() >= SHRUNK and start.min() >= -TURNED and end.max() <= 1 + TURNED
    return bool(fits and np.abs(turned).max() <= TURNED)


def _details(part: Coarse, whole: Coarse, warp: NDArray[np.float32]) -> float:
    """The correlation of the details where both pictures are, or where none alone is clipped, if that is more.

    A picture that was made so bright that parts of it are white has lost them there; a background that is black in
    one and nearly so in the other has not.
    """
    import cv2  # noqa: PLC0415 - slow to load

    size, edge = (len(part), len(part)), EDGE_PX * len(part) // SIDE_PX
    how = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
    inside = cv2.warpAffine(np.ones(size, dtype=np.float32), warp, size, flags=how) > 0.999
    inside[:edge] = inside[-edge:] = inside[:, :edge] = inside[:, -edge:] = False
    own, details = (_detailed(picture) for picture in (whole, part))
    moved = np.asarray(cv2.warpAffine(details, warp, size, flags=how), dtype=np.float32)
    alike = (cv2.warpAffine(_clipped(part), warp, size, flags=how) > 0.01) == (_clipped(whole) > 0)
    return max(_correlated(moved, own, inside), _correlated(moved, own, inside & alike))


def _detailed(picture: Coarse) -> Coarse:
    """A picture less its blurred self."""
    import cv2  # noqa: PLC0415 - slow to load

    return np.asarray(picture - np.asarray(cv2.GaussianBlur(picture, (0, 0), BLUR_PX)), dtype=np.float32)


def _correlated(one: Coarse, other: Coarse, where: NDArray[np.bool_]) -> float:
    if np.count_nonzero(where) < LEAST_SHARE * where.size or min(one[where].std(), other[where].std()) < FLAT / 10:
        return 0.0
    return float(np.corrcoef(one[where], other[where])[0, 1])


def _clipped(picture: Coarse) -> Coarse:
    """1 where a pixel is as dark or as bright as the picture gets: what lay beyond is lost."""
    low, high = float(picture.min()), float(picture.max())
    return np.asarray((picture <= low + 1) | (picture >= high - 1), dtype=np.float32)
