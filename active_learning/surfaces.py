"""The surface of a mask as elements of known area, each at a corner of the pixel grid.

Every block of 2 x 2 (x 2) neighbouring pixels holds the piece of outline that marching squares or cubes puts into
it; the piece counts by its length in mm, or by its area in mm2, at the middle of the block. So a slanting surface
weighs no more than a straight one, and thick slices weigh as they should.

References
----------
Lorensen, Cline: Marching cubes, SIGGRAPH Computer Graphics 21 (1987), 163 - 169.
Nikolov et al.: Clinically applicable segmentation of head and neck anatomy for radiotherapy, J. Med. Internet Res.
23 (2021), e26151 (surface elements, and figures that weigh them; first arXiv:1809.04430, 2018).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache, cached_property
from itertools import pairwise, product
from typing import Any

import numpy as np
from numpy.typing import NDArray

FloatArray = NDArray[np.float64]
Corner = tuple[int, ...]
Middle = tuple[float, ...]


@dataclass(frozen=True, eq=False)
class Surface:
    """The elements of a surface.

    Parameters
    ----------
    points_mm:
        (elements, axes), from the first corner of the image.
    areas:
        (elements,) in mm2, of an outline in the plane in mm.
    """

    points_mm: FloatArray
    areas: FloatArray

    @cached_property
    def tree(self) -> Any:
        """The points, to be searched for the nearest."""
        from scipy.spatial import cKDTree  # noqa: PLC0415 - slow to load

        return cKDTree(self.points_mm)

    def distances_mm(self, other: Surface) -> FloatArray:
        """(elements,) from each element to the nearest of another surface that is not empty."""
        return np.asarray(other.tree.query(self.points_mm)[0], dtype=np.float64)


def surface(mask: NDArray[np.bool_], spacing_mm: tuple[float, ...], origin: tuple[int, ...]) -> Surface:
    """The surface of a mask in two dimensions or three; what lies beyond its array is outside.

    Parameters
    ----------
    spacing_mm:
        Between pixels along each axis.
    origin:
        Where the first pixel of the array is in the image.
    """
    framed = np.pad(mask, 1)
    codes = np.zeros([length + 1 for length in mask.shape], dtype=np.uint8)
    for number, corner in enumerate(_corners(mask.ndim)):
        block = tuple(slice(c, c + length) for c, length in zip(corner, codes.shape, strict=True))
        codes |= framed[block].astype(np.uint8) << np.uint8(number)
    places = np.nonzero((codes != 0) & (codes != 2**2**mask.ndim - 1))
    points = np.stack([axis + start for axis, start in zip(places, origin, strict=True)], axis=1)
    points_mm = points.astype(np.float64) * np.asarray(spacing_mm, dtype=np.float64)
    return Surface(points_mm, _areas(spacing_mm)[codes[places]])


@cache
def _areas(spacing_mm: tuple[float, ...]) -> FloatArray:
    """How much surface a block holds, by its code: bit n is set where its n-th corner is inside."""
    codes, pieces = _pieces(len(spacing_mm))
    scale = np.asarray(spacing_mm, dtype=np.float64)
    if len(scale) == 3:
        scale = scale.prod() / scale  # a normal grows as the plane across it
    lengths = np.linalg.norm(pieces * scale, axis=1)
    return np.bincount(codes, weights=lengths, minlength=2**2 ** len(spacing_mm)).astype(np.float64)


@cache
def _pieces(axes: int) -> tuple[NDArray[np.int64], FloatArray]:
    """The pieces of all codes, at a spacing of 1: vectors along segments, or half-normals of triangles.

    Of two opposite corners of a face each is cut off by itself. A loop of more than three points is laid out in
    triangles from the point that makes the largest surface, as the usual tables do.
    """
    corners = _corners(axes)
    codes: list[int] = []
    pieces: list[FloatArray] = []
    for code in range(1, 2 ** len(corners) - 1):
        inside = {corner for number, corner in enumerate(corners) if code >> number & 1}
        if 2 * len(inside) > len(corners):
            inside = set(corners) - inside
        segments = [segment for face in _faces(axes) for segment in _cuts(face, inside)]
        if axes == 2:
            found = [np.subtract(one, other) for one, other in segments]
        else:
            found = [normal for loop in _loops(segments) for normal in _triangles(loop)]
        codes += [code] * len(found)
        pieces += found
    return np.array(codes), np.array(pieces, dtype=np.float64)


def _corners(axes: int) -> list[Corner]:
    return list(product((0, 1), repeat=axes))


def _faces(axes: int) -> Iterator[list[Corner]]:
    """The faces of a block, each as its four corners in turn."""
    around = ((0, 0), (0, 1), (1, 1), (1, 0))
    if axes == 2:
        yield list(around)
        return
    for axis, side in product(range(3), (0, 1)):
        yield [(*turn[:axis], side, *turn[axis:]) for turn in around]


def _cuts(face: list[Corner], inside: set[Corner]) -> Iterator[tuple[Middle, Middle]]:
    """The segments between inside and outside on a face, from one edge's middle to another's."""
    edges = [edge for edge in pairwise([*face, face[0]]) if (edge[0] in inside) != (edge[1] in inside)]
    middles = [tuple((a + b) / 2 for a, b in zip(*edge, strict=True)) for edge in edges]
    if len(edges) == 2:
        yield middles[0], middles[1]
    elif edges:
        for corner in inside.intersection(face):
            one, other = (middle for middle, edge in zip(middles, edges, strict=True) if corner in edge)
            yield one, other


def _loops(segments: list[tuple[Middle, Middle]]) -> Iterator[FloatArray]:
    """The closed loops that segments make, each as (points, 3)."""
    beside: dict[Middle, list[Middle]] = {}
    for one, other in segments:
        beside.setdefault(one, []).append(other)
        beside.setdefault(other, []).append(one)
    while beside:
        loop = [next(iter(beside))]
        while ways := [point for point in beside.pop(loop[-1]) if point in beside]:
            loop.append(ways[0])
        yield np.array(loop)


def _triangles(loop: FloatArray) -> FloatArray:
    """(triangles, 3): half-normals, as long as the triangles are large."""
    fans: list[FloatArray] = []
    for first in range(len(loop)):
        apart = np.roll(loop, -first, axis=0)[1:] - loop[first]
        fans.append(np.asarray(np.cross(apart[:-1], apart[1:]) / 2, dtype=np.float64))
    sizes = [round(float(np.linalg.norm(fan, axis=1).sum()), 9) for fan in fans]
    return fans[int(np.argmax(sizes))]
