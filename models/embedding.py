"""What a study looks like, without labels, networks or a word of its task: a short vector.

A few of the pages that readers see are each described by three parts of length 1: the low frequencies of a small
picture with its brightness and contrast taken out (arrangement), histograms of its gradients' directions (edges),
and the histogram of its grey values (exposure). The pages of the first, middle and last third of a study are
averaged each, so that a stack of slices has a beginning, a middle and an end; of a single image all three are the
same.

References
----------
Dalal, Triggs: Histograms of oriented gradients for human detection, CVPR 2005.
Ahmed, Natarajan, Rao: Discrete cosine transform, IEEE Trans. Computers C-23 (1974), 90 - 93.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

from data.pixels import Pixels
from data.records import Study
from data.store import Store
from models.task import ClinicalTask, Progress, silent

VERSION = "look-1"
"""Of the description: another one is kept beside it."""
SIDE_PX = 64
"""Rows and columns of the small picture."""
FREQUENCIES = 8
"""Along each axis that are kept, the mean (0, 0) left out."""
CELL_PX, ANGLES = 16, 9
"""Side of a cell, and directions that are told apart in it."""
GREYS = 16
"""Bins of the histogram of grey values."""
THIRDS, PAGES_A_THIRD = 3, 3
"""Parts of a study, and pages of each that are looked at."""
LENGTH_A_PAGE = FREQUENCIES**2 - 1 + (SIDE_PX // CELL_PX) ** 2 * ANGLES + GREYS
LENGTH = THIRDS * LENGTH_A_PAGE
KEEP_EVERY = 64
"""Vectors between two writes: what a kill can cost."""


def name_of(task: ClinicalTask) -> str:
    """Under which a task's vectors are kept: tasks show different pages of a study."""
    return f"{task.name}/{VERSION}"


def embed(
    store: Store, task: ClinicalTask, studies: Sequence[Study], pixels: Pixels, *, progress: Progress = silent
) -> int:
    """Describe the studies that have not been, or whose pixels have changed since, and keep the vectors.

    A call that was cut off is taken up by the next. Returns how many were described.

    Parameters
    ----------
    studies:
        Studies that the task accepts.
    """
    name = name_of(task)
    known = store.embeddings.sources(name)
    missing = [study for study in studies if known.get(study.study_id) != _source(study)]
    done = 0
    for start in range(0, len(missing), KEEP_EVERY):
        some = missing[start : start + KEEP_EVERY]
        store.embeddings.put(
            name, [(study.study_id, _source(study), describe_study(task, study, pixels)) for study in some]
        )
        done += len(some)
        progress(done / len(missing), "looking at the studies")
    return done


def describe_study(task: ClinicalTask, study: Study, pixels: Pixels) -> NDArray[np.float32]:
    """(:data:`LENGTH`,) description of the pages that readers see of a study."""
    sources = task.sources(study)
    seen: dict[int, NDArray[np.float32]] = {}
    parts = []
    for indices in _looked_at(len(sources)):
        for index in indices:
            if index not in seen:
                seen[index] = describe(task.page(sources[index], pixels))
        parts.append(np.mean([seen[index] for index in indices], axis=0))
    return np.concatenate(parts).astype(np.float32)


def describe(page: NDArray[np.uint8]) -> NDArray[np.float32]:
    """(:data:`LENGTH_A_PAGE`,) description of one page of grey values, (rows, columns) of any size."""
    import cv2  # noqa: PLC0415 - slow to load

    shrinks = min(page.shape) >= SIDE_PX
    small = cv2.resize(page, (SIDE_PX, SIDE_PX), interpolation=cv2.INTER_AREA if shrinks else cv2.INTER_LINEAR)
    grey = small.astype(np.float32)
    evened = (grey - grey.mean()) / max(float(grey.std()), 1.0)
    arrangement = cv2.dct(evened)[:FREQUENCIES, :FREQUENCIES].reshape(-1)[1:]
    edges = cv2.HOGDescriptor(
        (SIDE_PX, SIDE_PX), (2 * CELL_PX,) * 2, (2 * CELL_PX,) * 2, (CELL_PX, CELL_PX), ANGLES
    ).compute(small)
    exposure = np.histogram(page, bins=GREYS, range=(0, 256))[0]
    parts = (arrangement, np.asarray(edges).reshape(-1), np.sqrt(exposure))
    return np.concatenate([_of_length_one(part) for part in parts])


def _of_length_one(part: NDArray[np.floating]) -> NDArray[np.float32]:
    length = float(np.linalg.norm(part))
    return (part / length if length > 0 else part).astype(np.float32)


def _looked_at(pages: int) -> Iterator[list[int]]:
    """For each third of a study, the indices of the pages that are looked at, evenly spaced in it."""
    for third in range(THIRDS):
        shares = [(third + (i + 0.5) / PAGES_A_THIRD) / THIRDS for i in range(PAGES_A_THIRD)]
        yield sorted({int(share * pages) for share in shares})


def _source(study: Study) -> str:
    """A fingerprint of a study's pixels."""
    named = "\0".join(sorted(series.pixels for series in study.series))
    return hashlib.sha256(named.encode()).hexdigest()[:16]
