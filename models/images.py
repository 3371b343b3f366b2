"""Radiographs as the two-dimensional networks take them.

Preparation follows doi 10.24835/1607-0763-1243: 8 bit, histogram equalisation, resized without keeping the aspect.
Dark is air (MONOCHROME1 was inverted when the image came in). Random changes are a function of (seed, epoch,
index) alone, so that a training can be repeated and resumed.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from data.errors import TaskError
from data.pixels import Pixels
from data.records import Layout, Series, Study
from models.config import Augment

GREY_MEAN, GREY_STD = (0.5,), (0.289,)
"""Mean and standard deviation of a uniform distribution from 0 to 1, which equalisation aims at."""

Item = TypeVar("Item")
Result = TypeVar("Result")


def first_image(study: Study) -> Series:
    """The first series of a study that is a single image.

    Raises
    ------
    TaskError
        It has none.
    """
    for series in study.series:
        if series.layout is Layout.IMAGE:
            return series
    raise TaskError(
        "The study has no image.",
        given=f"{study.study_id} with {len(study.series)} series",
        expected="a radiograph: one series of layout image",
        do="leave it out, or ingest the missing file",
    )


def page(study: Study, pixels: Pixels) -> NDArray[np.uint8]:
    """The (rows, columns) 8-bit grey picture of a radiograph, in native pixels."""
    return np.ascontiguousarray(pixels.display8(first_image(study)))


def prepare(picture: NDArray[np.uint8], size_px: tuple[int, int]) -> NDArray[np.uint8]:
    """Equalise the histogram of a picture and resize it.

    Parameters
    ----------
    picture:
        (rows, columns), 8 bit.
    size_px:
        (rows, columns) that come out; the aspect is not kept.
    """
    import cv2  # noqa: PLC0415

    rows, columns = size_px
    smaller = picture.shape[0] > rows and picture.shape[1] > columns
    resized = cv2.resize(
        cv2.equalizeHist(np.ascontiguousarray(picture)),
        (columns, rows),
        interpolation=cv2.INTER_AREA if smaller else cv2.INTER_LINEAR,
    )
    return np.asarray(resized, dtype=np.uint8)


def augment(image: NDArray[np.uint8], changes: Augment, rng: np.random.Generator) -> NDArray[np.uint8]:
    """Change an image at random.

    Parameters
    ----------
    image:
        (rows, columns), prepared.
    changes:
        How far. Turn and crop are one interpolation; what comes in from outside repeats the border.
    rng:
        From which a fixed number of values is drawn, whichever changes are on.
    """
    import cv2  # noqa: PLC0415

    flips, spread = rng.random(2), rng.uniform(-1, 1, 3)
    crop, corner = rng.random(2) * changes.crop, rng.random(2)
    rows, columns = image.shape
    if changes.flip_horizontal and flips[0] < 0.5:
        image = image[:, ::-1]
    if changes.flip_vertical and flips[1] < 0.5:
        image = image[::-1]
    if changes.rotate_deg or changes.crop:
        turn = cv2.getRotationMatrix2D(((columns - 1) / 2, (rows - 1) / 2), spread[0] * changes.rotate_deg, 1.0)
        zoom = np.diag([1 / (1 - crop[1]), 1 / (1 - crop[0])])
        shift = -zoom @ np.array([crop[1] * columns * corner[1], crop[0] * rows * corner[0]])
        matrix = np.hstack([zoom @ turn[:, :2], (zoom @ turn[:, 2] + shift)[:, None]])
        image = cv2.warpAffine(
            np.ascontiguousarray(image), matrix, (columns, rows), borderMode=cv2.BORDER_REPLICATE
        ).astype(np.uint8)
    if changes.brightness or changes.contrast:
        gain = 1 + spread[1] * changes.contrast
        offset = 127.5 * (1 - gain) + 255 * spread[2] * changes.brightness
        levels = np.clip(np.arange(256) * gain + offset + 0.5, 0, 255).astype(np.uint8)
        image = levels[image]
    return np.ascontiguousarray(image)


def augmented(
    images: NDArray[np.uint8], indices: Sequence[int], changes: Augment, seed: int, epoch: int, first: int = 0
) -> NDArray[np.uint8]:
    """A batch of changed images.

    Parameters
    ----------
    images:
        (n, rows, columns).
    indices:
        Which of them, in order; one may be there several times.
    seed, epoch:
        Of the training.
    first:
        Position of the batch's first image in its epoch, so that a repeated image is changed in another way.

    Returns
    -------
    NDArray
        (B, rows, columns).
    """
    return np.stack(
        [
            augment(images[index], changes, np.random.default_rng([seed, epoch, first + offset]))
            for offset, index in enumerate(indices)
        ]
    )


def overlapped(
    function: Callable[[Item], Result], items: Iterable[Item], *, workers: int = 1, ahead: int = 2
) -> Iterator[Result]:
    """The results of a function in the order of the items, computed in threads ahead of whoever takes them.

    Parameters
    ----------
    workers:
        Threads.
    ahead:
        Results that may wait.
    """
    waiting: deque[Future[Result]] = deque()
    with ThreadPoolExecutor(workers, thread_name_prefix="prepare") as pool:
        try:
            for item in items:
                waiting.append(pool.submit(function, item))
                if len(waiting) > ahead:
                    yield waiting.popleft().result()
            while waiting:
                yield waiting.popleft().result()
        finally:
            for future in waiting:
                future.cancel()
