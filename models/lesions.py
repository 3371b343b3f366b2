"""Lesions in three dimensions: instances of neighbouring pages joined, numbered, and matched to a reference's.

Pages are gone through in order. An instance goes on with a lesion of the page before, or of the one before that
where the page between is empty, when the two overlap or their middles are near; each lesion takes one instance of
a page at the most (Kuhn: The Hungarian method, 1955), so that two that touch but were found apart stay apart.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from data.answers import Answer, Mask, MaskValue, Question, Site
from data.blobs import Blobs
from data.records import Measured, Prediction, QuestionPrediction
from models.clips import Stack

NEAR_MM = 8.0
"""Between the middles of two instances that are one lesion although they do not overlap."""
BRIDGED = 1
"""Empty pages that a lesion may have in between."""
SUREST = 3
"""Frames whose mean confidence is the lesion's; missing ones count as 0."""
SAME_IOU = 0.1
"""Above it a predicted lesion is a reference's."""


@dataclass(frozen=True, eq=False)
class Instance:
    """What the segmenter found on one page: its mask (rows, columns) in native pixels, and how sure it was."""

    mask: NDArray[np.bool_]
    confidence: float

    @cached_property
    def area_px(self) -> int:
        """Pixels of the mask."""
        return int(np.count_nonzero(self.mask))

    @cached_property
    def middle(self) -> NDArray[np.float64]:
        """Mean row and column."""
        rows, columns = np.nonzero(self.mask)
        return np.array([rows.mean(), columns.mean()])


@dataclass(frozen=True, eq=False)
class Lesion:
    """One lesion.

    Parameters
    ----------
    mask:
        (pages, rows, columns), native pixels.
    confidence:
        0 to 1.
    volume_mm3:
        None where the study has no geometry.
    """

    mask: NDArray[np.bool_]
    confidence: float
    volume_mm3: float | None

    @property
    def largest_page(self) -> int:
        """The page on which most of it is, from 0."""
        return int(self.mask.sum(axis=(1, 2)).argmax())


def link(
    found: Sequence[Sequence[Instance]], seen: Stack, *, least_mm3: float = 0.0, most: int = 5
) -> list[Lesion]:
    """Join the instances of the pages into lesions.

    Parameters
    ----------
    found:
        Of each page.
    seen:
        Where the pages lie.
    least_mm3:
        Volume below which a lesion is a speck and dropped; not asked of studies without a geometry.
    most:
        How many are kept, the largest.

    Returns
    -------
    list of Lesion
        Numbered by :func:`in_order`.
    """
    tracks: list[list[tuple[int, Instance]]] = []
    for page, instances in enumerate(found):
        open_ = [track for track in tracks if page - track[-1][0] <= 1 + BRIDGED]
        joined = _paired(open_, instances, seen, page)
        for index, instance in enumerate(instances):
            if index in joined:
                open_[joined[index]].append((page, instance))
            else:
                tracks.append([(page, instance)])
    lesions = [_lesion(track, seen) for track in tracks]
    kept = [lesion for lesion in lesions if lesion.volume_mm3 is None or lesion.volume_mm3 >= least_mm3]
    largest = sorted(kept, key=lambda lesion: -_size(lesion))[:most]
    return in_order(largest, seen)


def in_order(lesions: Sequence[Lesion], seen: Stack) -> list[Lesion]:
    """From head to feet, then from the patient's right to the left; by page, then column without a geometry."""

    def place(lesion: Lesion) -> tuple[float, float]:
        page, row, column = (float(v.mean()) for v in np.nonzero(lesion.mask))
        at = seen.place_mm(page, row, column)
        return (page, column) if at is None else (-float(at[2]), float(at[0]))

    return sorted(lesions, key=place)


def volume_mm3(mask: NDArray[np.bool_], seen: Stack) -> float | None:
    """The volume of a mask (pages, rows, columns); each page stands for the slab half-way to its neighbours."""
    if seen.pixel_mm is None or seen.slab_mm is None:
        return None
    return float(mask.sum(axis=(1, 2)) @ seen.slab_mm) * seen.pixel_mm[0] * seen.pixel_mm[1]


def read_lesions(
    answers: Sequence[Answer], question: Question, shape: tuple[int, int, int], blobs: Blobs
) -> dict[str, NDArray[np.bool_]]:
    """The masks that answers give, by label: (pages, rows, columns) of a study of this shape.

    Pages that the study does not show, and masks of another size, are passed over.
    """
    assert isinstance(question.kind, Mask)  # noqa: S101 - the caller asks of a mask
    found: dict[str, NDArray[np.bool_]] = {}
    for answer in answers:
        page = answer.site.page_index
        fits = isinstance(answer.value, MaskValue) and answer.value.shape == shape[1:]
        if answer.question != question.name or page is None or page >= shape[0] or not fits:
            continue
        assert isinstance(answer.value, MaskValue)  # noqa: S101 - just seen
        for label, blob in answer.value.masks:
            found.setdefault(label, np.zeros(shape, dtype=bool))[page] |= blobs.get_mask(blob, shape[1:])
    return {label: found[label] for label in question.kind.labels if label in found and found[label].any()}


def matched(prediction: Prediction, references: Sequence[Answer], question: Question, blobs: Blobs) -> Prediction:
    """A prediction with its lesions numbered as the reference's, so that what is said of each can be compared.

    Pairs are made by greatest overlap first, above an IoU of 0.1. A lesion without a partner gets a number that
    the reference does not have, and is left out where there is none left.

    Parameters
    ----------
    references:
        The study's answers that stand for the truth.
    question:
        The mask whose n-th label is the n-th lesion.
    """
    assert isinstance(question.kind, Mask)  # noqa: S101 - the caller asks of a mask
    labels = question.kind.labels
    if not any(a.question == question.name for a in references):
        return prediction
    given = [result.answer for result in prediction.results]
    numbers = _numbers(_planes(given, question, blobs), _planes(references, question, blobs), labels)
    results = [r for result in prediction.results if (r := _renumbered(result, question, labels, numbers))]
    measured = [m for one in prediction.measured if (m := _moved(one, labels, numbers))]
    return replace(prediction, results=tuple(results), measured=tuple(measured))


def numbered_alike(
    reads: Sequence[Sequence[Answer]], question: Question, blobs: Blobs
) -> list[tuple[Answer, ...]]:
    """Several readers' answers to a study with their lesions numbered as the first reader's who drew each.

    A lesion for which no number is left is left out, with what is said of it.

    Parameters
    ----------
    question:
        The mask whose n-th label is the n-th lesion.
    """
    assert isinstance(question.kind, Mask)  # noqa: S101 - the caller asks of a mask
    labels = question.kind.labels
    known: dict[str, Mapping[Site, NDArray[np.bool_]]] = {}
    found = []
    for answers in reads:
        given = _planes(answers, question, blobs)
        numbers = _numbers(given, known, labels) if known else {label: label for label in labels}
        found.append(tuple(a for each in answers if (a := _answered_anew(each, question, labels, numbers))))
        for old, new in numbers.items():
            if old in given:
                known.setdefault(new, given[old])
    return found


def _paired(
    tracks: Sequence[Sequence[tuple[int, Instance]]], instances: Sequence[Instance], seen: Stack, page: int
) -> dict[int, int]:
    """For each instance that goes on with a track, the track's index."""
    from scipy.optimize import linear_sum_assignment  # noqa: PLC0415 - heavy

    if not tracks or not instances:
        return {}
    gain = np.zeros((len(tracks), len(instances)))
    for t, track in enumerate(tracks):
        before, last = track[-1]
        for i, instance in enumerate(instances):
            both = np.count_nonzero(last.mask & instance.mask)
            smaller = max(1, min(last.area_px, instance.area_px))
            near = max(0.0, 1 - _apart_mm(last, instance, seen) / NEAR_MM)
            if both or near:
                gain[t, i] = (both / smaller + near + 1e-6) / (page - before)
    rows, columns = linear_sum_assignment(gain, maximize=True)
    return {int(i): int(t) for t, i in zip(rows, columns, strict=True) if gain[t, i] > 0}


def _apart_mm(one: Instance, other: Instance, seen: Stack) -> float:
    """Between the middles of two instances, in the plane."""
    return float(np.linalg.norm((one.middle - other.middle) * np.array(seen.pixel_mm or (1.0, 1.0))))


def _lesion(track: Sequence[tuple[int, Instance]], seen: Stack) -> Lesion:
    mask = np.zeros(seen.pages.shape, dtype=bool)
    for page, instance in track:
        mask[page] |= instance.mask
    for (before, one), (after, other) in pairwise(track):
        for page in range(before + 1, after):
            mask[page] = between(one.mask, other.mask)
    surest = sorted((instance.confidence for _, instance in track), reverse=True)[:SUREST]
    return Lesion(mask, sum(surest) / SUREST, volume_mm3(mask, seen))


def between(one: NDArray[np.bool_], other: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """The mask half-way between two (rows, columns): where the sum of their signed distances is positive.

    References
    ----------
    Raya, Udupa: Shape-based interpolation of multidimensional objects, IEEE TMI 9 (1990), 32 - 42.
    """
    from scipy.ndimage import distance_transform_edt as distance  # noqa: PLC0415 - heavy

    total = sum(distance(mask) - distance(~mask) for mask in (one, other))
    return np.asarray(total > 0, dtype=bool)


def _size(lesion: Lesion) -> float:
    return float(lesion.mask.sum()) if lesion.volume_mm3 is None else lesion.volume_mm3


Planes = Mapping[str, Mapping[Site, NDArray[np.bool_]]]


def _planes(answers: Sequence[Answer], question: Question, blobs: Blobs) -> Planes:
    """By label and page."""
    found: dict[str, dict[Site, NDArray[np.bool_]]] = {}
    for answer in answers:
        if answer.question == question.name and isinstance(answer.value, MaskValue):
            for label, blob in answer.value.masks:
                found.setdefault(label, {})[answer.site] = blobs.get_mask(blob, answer.value.shape)
    return found


def _iou(one: Mapping[Site, NDArray[np.bool_]], other: Mapping[Site, NDArray[np.bool_]]) -> float:
    shared = [s for s in one.keys() & other.keys() if one[s].shape == other[s].shape]
    both = sum(int(np.count_nonzero(one[s] & other[s])) for s in shared)
    total = sum(int(np.count_nonzero(m)) for side in (one, other) for m in side.values())
    return both / (total - both) if total > both else float(total > 0)


def _numbers(given: Planes, wanted: Planes, labels: Sequence[str]) -> dict[str, str]:
    """New label by old; lesions that are left out are missing."""
    pairs = sorted(((_iou(given[g], wanted[w]), g, w) for g in given for w in wanted), reverse=True)
    numbers: dict[str, str] = {}
    for overlap, old, new in pairs:
        if overlap > SAME_IOU and old not in numbers and new not in numbers.values():
            numbers[old] = new
    free = [label for label in labels if label not in wanted]
    for old in labels:
        if old in given and old not in numbers and free:
            numbers[old] = free.pop(0)
    return numbers


def _renumbered(
    result: QuestionPrediction, question: Question, labels: Sequence[str], numbers: Mapping[str, str]
) -> QuestionPrediction | None:
    answer = _answered_anew(result.answer, question, labels, numbers)
    if answer is None:
        return None
    known = result.probabilities
    if result.question == question.name:
        known = {numbers[label]: p for label, p in known.items() if label in numbers}
    return replace(result, site=answer.site, value=answer.value, probabilities=known)


def _answered_anew(
    answer: Answer, question: Question, labels: Sequence[str], numbers: Mapping[str, str]
) -> Answer | None:
    """An answer under the new numbers; None where nothing of it is left."""
    if answer.question == question.name and isinstance(answer.value, MaskValue):
        masks = tuple(sorted((numbers[label], blob) for label, blob in answer.value.masks if label in numbers))
        left = masks or not answer.value.masks  # an empty mask is an answer: nothing is there
        return replace(answer, value=MaskValue(answer.value.shape, masks)) if left else None
    site = _site(answer.site, labels, numbers)
    return None if site is None else replace(answer, site=site)


def _moved(measured: Measured, labels: Sequence[str], numbers: Mapping[str, str]) -> Measured | None:
    site = _site(measured.site, labels, numbers)
    return None if site is None else replace(measured, site=site)


def _site(site: Site, labels: Sequence[str], numbers: Mapping[str, str]) -> Site | None:
    """The site under its new number; None where its lesion is left out."""
    if not site.key.startswith("lesion:"):
        return site
    new = numbers.get(labels[int(site.key.removeprefix("lesion:")) - 1])
    return None if new is None else Site.lesion(labels.index(new) + 1)
