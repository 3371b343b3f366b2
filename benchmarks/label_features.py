"""What cases look like, in numbers learnt without any label: adrenal glands and lesions, radiographs, pixels.

Fixed descriptors, with principal components of coarse pictures. All are of the pool alone; test cases are put on
the same axes.

References
----------
Koenderink, van Doorn: Representation of local geometry in the visual system, Biol. Cybern. 55 (1987), 367 - 375
(Gaussian derivatives).
Dalal, Triggs: Histograms of oriented gradients for human detection, CVPR 2005.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeAlias

import cv2
import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

Floats: TypeAlias = NDArray[np.float32]

SIDE = 64
"""Voxels along a side to which the sizes of glands are referred."""
THICKNESSES = (2, 3, 4, 5, 6, 8)
"""Voxels of half a thickness: how much of a gland lies as deep."""
RADII = (0, 0.3, 0.6, 0.9, 1.2, 1.5, 2, 3)
PICTURE = 28
"""Pixels along a side of a coarse radiograph."""
CELLS, BINS = 8, 6
"""Cells along a side, and directions, of oriented gradients."""
LESION_VOXELS = 8
"""Of a lesion, at the least."""
SCALES = (1, 2, 4, 8, 16)
"""Standard deviations, in half pixels of the grid, of the filters of slices."""
AROUND = (
    (-6, 0),
    (6, 0),
    (0, -6),
    (0, 6),
    (-12, 0),
    (12, 0),
    (0, -12),
    (0, 12),
    (-4, -4),
    (4, 4),
    (-4, 4),
    (4, -4),
)
"""(rows, columns) from a pixel to where the slice is looked at as well."""


def gland(volume: NDArray[np.bool_]) -> Floats:
    """(46,) the shape of a gland: size, axes, surface, thickness, how far it is spread.

    Sizes are in voxels of a cube of :data:`SIDE`; lengths and areas go in by their logarithm.
    """
    unit = SIDE / volume.shape[0]
    cut = volume[ndimage.find_objects(volume.astype(np.uint8))[0]]
    within = np.pad(cut, 1)
    points = np.argwhere(within) * unit
    apart = points - points.mean(axis=0)
    axes = np.linalg.eigvalsh(np.cov(apart.T))[::-1]
    depth = ndimage.distance_transform_edt(within)[within] * unit
    size = len(points) * unit**3
    surface = sum(np.count_nonzero(np.diff(within.astype(np.int8), axis=a)) for a in range(3)) * unit**2
    spread = np.sqrt((apart**2).sum(axis=1) / axes.sum())
    sides = np.array(cut.shape) * unit
    shadows = [within.any(axis=a).sum() * unit**2 for a in range(3)]
    parts = ndimage.label(within)[1]
    shape = np.concatenate([
        [np.log(size)], np.log(axes + 1), axes[1:] / axes[:-1], [np.log(surface), surface / size ** (2 / 3)],
        np.quantile(depth, (0.5, 0.75, 0.9, 0.95, 0.99, 1)), [depth.mean(), depth.std()],
        np.histogram(spread, bins=RADII)[0] / len(points), [np.mean(depth > t) for t in THICKNESSES],
        sides, np.log(shadows), [parts], np.log(_sections(within, unit)), [size / np.prod(sides)],
    ])  # fmt: skip
    return np.asarray(shape, dtype=np.float32)


def _sections(within: NDArray[np.bool_], unit: float) -> list[float]:
    """(9,) the largest, the fourth largest and the mean area of sections across each axis."""
    found = []
    for axis in range(3):
        areas = within.sum(axis=tuple(a for a in range(3) if a != axis)) * unit**2
        areas = np.sort(areas[areas > 0])[::-1]
        found += [areas[0], areas[min(len(areas) - 1, 3)], areas.mean()]
    return found


def coarse(volume: NDArray[np.bool_]) -> Floats:
    """(4096,) a gland in a cube of 16 voxels a side, smoothed."""
    step = volume.shape[0] / 16
    smooth = ndimage.gaussian_filter(volume.astype(np.float32), 0.375 * step)
    places = np.minimum((np.arange(16) * step).astype(int), volume.shape[0] - 1)
    return np.asarray(smooth[np.ix_(places, places, places)].ravel(), dtype=np.float32)


def radiograph(pixels: NDArray[np.uint16]) -> tuple[Floats, Floats, Floats]:
    """A coarse picture, oriented gradients, and rim with profiles, of a radiograph in any grey levels."""
    low, high = (float(level) for level in np.percentile(pixels, (1, 99)))
    grey = np.clip((pixels.astype(np.float32) - low) / max(high - low, 1.0), 0, 1)
    rim = cv2.resize(grey, (32, 32), interpolation=cv2.INTER_AREA)
    rims = (rim[0], rim[-1], rim[:, 0], rim[:, -1], rim.mean(axis=0), rim.mean(axis=1))
    picture = cv2.resize(grey, (PICTURE, PICTURE), interpolation=cv2.INTER_AREA)
    return picture.ravel().astype(np.float32), _oriented(grey), np.concatenate(rims).astype(np.float32)


def _oriented(grey: Floats) -> Floats:
    """(CELLS * CELLS * BINS,) gradients by direction, each cell of about unit length."""
    side = 64 // CELLS
    small = cv2.resize(grey, (64, 64), interpolation=cv2.INTER_AREA)
    across, down = cv2.Sobel(small, cv2.CV_32F, 1, 0), cv2.Sobel(small, cv2.CV_32F, 0, 1)
    strength, turn = np.hypot(across, down), (np.arctan2(down, across) % np.pi) / np.pi * BINS
    cells = np.zeros((CELLS, CELLS, BINS), dtype=np.float32)
    for number in range(BINS):
        off = np.abs(turn - number - 0.5)
        share = np.maximum(0, 1 - np.minimum(off, BINS - off)) * strength
        cells[:, :, number] = share.reshape(CELLS, side, CELLS, side).sum(axis=(1, 3))
    length = np.linalg.norm(cells, axis=2, keepdims=True)
    return np.asarray((cells / (length + 0.5)).ravel(), dtype=np.float32)


def lesion(phases: Sequence[NDArray[np.int16]], mask: NDArray[np.bool_]) -> Floats:
    """(27,) an outlined lesion on scans of the same place: levels, grain, size, and how it takes up contrast.

    Phases that were not scanned are 0, and said to be missing.

    Parameters
    ----------
    phases:
        (slices, rows, columns) in HU, one to three: unenhanced, portal, delayed.
    mask:
        (slices, rows, columns), :data:`LESION_VOXELS` or more.
    """
    inner = ndimage.binary_erosion(mask)
    core = inner if inner.any() else mask
    rim = ndimage.binary_dilation(mask, iterations=2) & ~ndimage.binary_dilation(mask)
    found: list[float] = []
    for phase in phases[:3]:
        levels, around = phase[core].astype(np.float64), phase[rim].astype(np.float64)
        found += [levels.mean(), levels.std(), *np.quantile(levels, (0.1, 0.5, 0.9)), around.mean()]
    found += [0.0] * (6 * (3 - min(len(phases), 3)))
    first, portal, delayed = found[0], found[6], found[12]
    sides = np.array([axis.max() - axis.min() + 1 for axis in np.nonzero(mask)])
    size = np.count_nonzero(mask)
    grain = ndimage.gaussian_laplace(phases[0].astype(np.float32), 1)[mask].std()
    return np.array([
        *found, float(len(phases) > 1), portal - first, portal - delayed, np.log(size), *np.log(sides),
        size / np.prod(sides), grain,
    ], dtype=np.float32)  # fmt: skip


def pixels(image: NDArray[np.uint8], rows: int, columns: int) -> Floats:
    """(rows * columns, 51) what a slice shows at and around each pixel of a grid, and where that is.

    Gaussian derivatives up to the second at :data:`SCALES`, levels at :data:`AROUND`, and the place.
    """
    fine = cv2.resize(image, (2 * columns, 2 * rows), interpolation=cv2.INTER_AREA).astype(np.float32)
    fine = (fine - fine.mean()) / (fine.std() + 1e-6)
    maps = []
    for scale in SCALES:
        level, across, down, *second = (
            ndimage.gaussian_filter(fine, scale, order=order) * scale ** sum(order)
            for order in ((0, 0), (0, 1), (1, 0), (0, 2), (2, 0), (1, 1))
        )
        maps += [level, across, down, np.hypot(across, down), *second]
    maps = [one[::2, ::2] for one in maps]
    smooth = ndimage.gaussian_filter(fine, 3)[::2, ::2]
    maps += [ndimage.shift(smooth, shift, order=0, mode="nearest") for shift in AROUND]
    y, x = np.mgrid[:rows, :columns] / np.array([rows, columns])[:, None, None] - 0.5
    maps += [y, x, 4 * x**2, 4 * y**2]
    return np.stack(maps, axis=-1).reshape(rows * columns, -1).astype(np.float32)


def standard(pool: Floats, *others: Floats) -> tuple[Floats, ...]:
    """Each column with mean 0 and deviation 1 in the pool; the others on the same scale."""
    middle, scale = pool.mean(axis=0), pool.std(axis=0) + 1e-6
    return tuple(np.asarray((one - middle) / scale, dtype=np.float32) for one in (pool, *others))


def axes(count: int, scale: float, pool: Floats, *others: Floats) -> tuple[Floats, ...]:
    """The first principal components of the pool, the first with deviation ``scale``; the others on those axes."""
    from sklearn.decomposition import PCA

    found = PCA(min(count, *pool.shape), random_state=0).fit(pool)
    factor = scale / np.sqrt(found.explained_variance_[0])
    return tuple(np.asarray(found.transform(one) * factor, dtype=np.float32) for one in (pool, *others))


def beside(*blocks: Sequence[Floats]) -> tuple[Floats, ...]:
    """Blocks of columns, each as (pool, others ...), put side by side."""
    return tuple(np.concatenate(parts, axis=1) for parts in zip(*blocks, strict=True))
