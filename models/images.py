"""Images as the networks take them, and their random changes.

Preparation follows doi 10.24835/1607-0763-1243: 8 bit, histogram equalisation, resized without keeping the aspect.
Dark is air (MONOCHROME1 was inverted when the image came in). Random changes are a function of (seed, epoch,
index) alone, so that a training can be repeated and resumed.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any, TypeVar

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


@dataclass(frozen=True)
class Change:
    """One random change, to be made alike to an image, the frames of a clip, or a mask.

    Parameters
    ----------
    left_right, head_feet:
        Whether it mirrors columns, or rows.
    matrix:
        2 x 3, from (column, row) to (column, row); None where nothing turns or is cropped.
    levels:
        (256,) of uint8: what becomes of each grey value; None where they stay.
    """

    left_right: bool
    head_feet: bool
    matrix: NDArray[np.float64] | None
    levels: NDArray[np.uint8] | None

    def image(self, image: NDArray[np.uint8]) -> NDArray[np.uint8]:
        """An image (rows, columns), or a clip (frames, rows, columns), changed."""
        moved = self.moved(image)
        return np.ascontiguousarray(moved if self.levels is None else self.levels[moved])

    def moved(self, image: NDArray[np.uint8], *, nearest: bool = False) -> NDArray[np.uint8]:
        """(..., rows, columns) with its pixels in their new places; what comes in from outside repeats the border.

        Parameters
        ----------
        nearest:
            Take the nearest pixel, for masks; else interpolate between four.
        """
        import cv2  # noqa: PLC0415

        if self.left_right:
            image = image[..., ::-1]
        if self.head_feet:
            image = image[..., ::-1, :]
        if self.matrix is None:
            return np.ascontiguousarray(image)
        rows, columns = image.shape[-2:]
        flat = np.ascontiguousarray(image).reshape(-1, rows, columns)
        method = cv2.INTER_NEAREST if nearest else cv2.INTER_LINEAR
        options: dict[str, Any] = {"flags": method, "borderMode": cv2.BORDER_REPLICATE}
        turned = [cv2.warpAffine(frame, self.matrix, (columns, rows), **options) for frame in flat]
        return np.stack(turned).reshape(image.shape).astype(np.uint8)


def draw_change(shape: tuple[int, int], changes: Augment, rng: np.random.Generator) -> Change:
    """Draw a random change for images of (rows, columns).

    Parameters
    ----------
    changes:
        How far. Turn and crop are one interpolation.
    rng:
        From which a fixed number of values is drawn, whichever changes are on.
    """
    import cv2  # noqa: PLC0415

    flips, spread = rng.random(2), rng.uniform(-1, 1, 3)
    crop, corner = rng.random(2) * changes.crop, rng.random(2)
    rows, columns = shape
    matrix = levels = None
    if changes.rotate_deg or changes.crop:
        turn = cv2.getRotationMatrix2D(((columns - 1) / 2, (rows - 1) / 2), spread[0] * changes.rotate_deg, 1.0)
        zoom = np.diag([1 / (1 - crop[1]), 1 / (1 - crop[0])])
        shift = -zoom @ np.array([crop[1] * columns * corner[1], crop[0] * rows * corner[0]])
        matrix = np.hstack([zoom @ turn[:, :2], (zoom @ turn[:, 2] + shift)[:, None]])
    if changes.brightness or changes.contrast:
        gain = 1 + spread[1] * changes.contrast
        offset = 127.5 * (1 - gain) + 255 * spread[2] * changes.brightness
        levels = np.clip(np.arange(256) * gain + offset + 0.5, 0, 255).astype(np.uint8)
    mirrored = bool(changes.flip_horizontal and flips[0] < 0.5), bool(changes.flip_vertical and flips[1] < 0.5)
    return Change(*mirrored, matrix, levels)


def augment(image: NDArray[np.uint8], changes: Augment, rng: np.random.Generator) -> NDArray[np.uint8]:
    """Change an image (rows, columns), or all frames of a clip (frames, rows, columns) alike, at random."""
    return draw_change((image.shape[-2], image.shape[-1]), changes, rng).image(image)


def augmented(
    images: NDArray[np.uint8], indices: Sequence[int], changes: Augment, seed: int, epoch: int, first: int = 0
) -> NDArray[np.uint8]:
    """A batch of changed images.

    Parameters
    ----------
    images:
        (n, rows, columns), or (n, frames, rows, columns).
    indices:
        Which of them, in order; one may be there several times.
    seed, epoch:
        Of the training.
    first:
        Position of the batch's first image in its epoch, so that a repeated image is changed in another way.

    Returns
    -------
    NDArray
        (B, rows, columns), or (B, frames, rows, columns).
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
