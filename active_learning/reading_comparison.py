"""Readers and model, and readers with and without it: Obuchowski and Rockette's comparisons of one topic."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from active_learning.mrmc import Merit, Modalities, Standalone, compare_modalities, compare_standalone, crossed
from active_learning.ratings import NOT_READ, Ratings
from active_learning.reading_topic import Said, View
from active_learning.reference import Reference


@dataclass(frozen=True, slots=True)
class Beside:
    """The model beside the readers on the cases that all of them answered (Obuchowski and Rockette).

    Parameters
    ----------
    readers, left_out:
        Who is in the comparison, and who is not because too few cases were read.
    items, patients:
        The cases that all read; ``items_left_out`` are those that somebody did not.
    results:
        AUC, sensitivity and specificity, as far as they can be had.
    """

    version: str
    readers: tuple[str, ...]
    left_out: tuple[str, ...]
    items: int
    items_left_out: int
    patients: int
    results: tuple[Standalone, ...]


@dataclass(frozen=True, slots=True)
class Assistance:
    """The same readers on the same cases without (first) and with (second) the model's answer in view."""

    topic: str
    readers: tuple[str, ...]
    items: int
    patients: int
    results: tuple[Modalities, ...]


def beside(view: View, ratings: Ratings, reference: Reference, model: Said | None) -> Beside | None:
    """The model beside the readers; None without a binary view, a model, or two readers of the same cases.

    Each reader, and the model beside that reader, is held against the reference without that reader's vote.
    """
    if not view.positive or model is None:
        return None
    asked = model.given != NOT_READ
    chosen, cases = crossed(((ratings.given != NOT_READ) & asked[:, None]).T)
    if not chosen:
        return None
    readers = tuple(ratings.readers[index] for index in chosen)
    items = [item for item, kept in zip(ratings.items, cases, strict=True) if kept]
    patients = [owner for owner, kept in zip(ratings.patients, cases, strict=True) if kept]
    truth = np.stack([view.binary(reference.without(reader, items).truth) for reader in readers]).astype(np.int64)
    given = ratings.given[cases][:, list(chosen)].T
    results = []
    for merit in Merit:
        graded = merit is Merit.AUC and view.ordered
        said = given.astype(np.float64) if graded else view.binary(given).astype(np.float64)
        score = model.score(view) if merit is Merit.AUC else view.binary(model.given).astype(np.float64)
        results.append(compare_standalone(said, score[cases], truth, patients, merit))
    kept = tuple(one for one in results if one is not None)
    if not kept:
        return None
    left_out = tuple(name for name in ratings.readers if name not in readers)
    return Beside(
        model.version, readers, left_out, len(items), int(asked.sum()) - len(items), len(set(patients)), kept
    )


def assistance(view: View, alone: Ratings, shown: Ratings, reference: Reference) -> Assistance | None:
    """Readers with and without the model's answer; None without a binary view, or readers of the same cases."""
    names = [name for name in alone.readers if name in shown.readers]
    both = set(alone.items) & set(shown.items)
    items = [item for item in alone.items if item in both]
    if not view.positive or not names or not items:
        return None
    given = np.stack([_answers(one, names, items) for one in (alone, shown)])  # (2, readers, items)
    chosen, cases = crossed((given != NOT_READ).all(axis=0))
    if not chosen:
        return None
    readers = tuple(names[index] for index in chosen)
    kept = [item for item, used in zip(items, cases, strict=True) if used]
    owner = dict(zip(alone.items, alone.patients, strict=True))
    patients = [owner[item] for item in kept]
    truth = np.stack([view.binary(reference.without(reader, kept).truth) for reader in readers]).astype(np.int64)
    given = given[:, list(chosen)][:, :, cases]
    results = []
    for merit in Merit:
        graded = merit is Merit.AUC and view.ordered
        scores = (given if graded else view.binary(given)).astype(np.float64)
        results.append(compare_modalities(scores, truth, patients, merit))
    found = tuple(one for one in results if one is not None)
    return Assistance(view.name, readers, len(kept), len(set(patients)), found) if found else None


def _answers(ratings: Ratings, readers: Sequence[str], items: Sequence[str]) -> NDArray[np.int16]:
    """(readers, items)."""
    rows = {item: number for number, item in enumerate(ratings.items)}
    columns = [ratings.readers.index(reader) for reader in readers]
    return ratings.given[[rows[item] for item in items]][:, columns].T
