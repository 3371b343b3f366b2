"""Ratings: which option each reader gave each item, with gaps where a reader did not read one.

An item is one thing that a reader decides about: a question of a study at one site, or one finding of it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from active_learning.votes import ballots, counted
from data.answers import Form, Question
from data.errors import RatingsError
from data.records import Annotation, Mode

NOT_READ = -1


@dataclass(frozen=True, slots=True, eq=False)
class Ratings:
    """A table of items and readers.

    Parameters
    ----------
    options:
        What could be said, in its order where it has one.
    readers, items:
        Their names.
    patients:
        The patient of each item.
    given:
        (items, readers): the index of the option, or :data:`NOT_READ`.

    Raises
    ------
    RatingsError
        The parts do not fit together.
    """

    options: tuple[str, ...]
    readers: tuple[str, ...]
    items: tuple[str, ...]
    patients: tuple[str, ...]
    given: NDArray[np.int16]

    def __post_init__(self) -> None:
        fits = self.given.shape == (len(self.items), len(self.readers)) and len(self.patients) == len(self.items)
        known = not self.given.size or NOT_READ <= self.given.min() <= self.given.max() < len(self.options)
        if not (fits and known):
            raise RatingsError(
                "The ratings do not fit their readers, items and options.",
                given=f"{self.given.shape} for {len(self.items)} items, {len(self.readers)} readers, "
                f"{len(self.patients)} patients and {len(self.options)} options",
                expected="(items, readers) of indices of options, -1 where nothing was read",
            )

    @classmethod
    def of(
        cls,
        reads: Iterable[tuple[str, str, str]],
        options: Sequence[str],
        *,
        patients: Mapping[str, str] | None = None,
    ) -> Ratings:
        """From (item, reader, option), in any order; items and readers are sorted.

        Parameters
        ----------
        patients:
            The patient of each item; without it each item is a patient of its own.

        Raises
        ------
        RatingsError
            An option is none of ``options``, or a reader gives one item two answers.
        """
        rows = list(reads)
        index = {option: number for number, option in enumerate(options)}
        items = {name: number for number, name in enumerate(sorted({item for item, _, _ in rows}))}
        readers = {name: number for number, name in enumerate(sorted({reader for _, reader, _ in rows}))}
        given = np.full((len(items), len(readers)), NOT_READ, dtype=np.int16)
        for item, reader, option in rows:
            if option not in index:
                raise RatingsError(
                    "There is no such option.", given=f"{option!r} for {item}", expected=", ".join(options)
                )
            place = items[item], readers[reader]
            if given[place] not in (NOT_READ, index[option]):
                raise RatingsError(
                    "A reader gave one item two answers.", given=f"{reader} for {item}", expected="one answer",
                    do="leave one of them out",
                )  # fmt: skip
            given[place] = index[option]
        owners = tuple((patients or {}).get(item, item) for item in items)
        return cls(tuple(options), tuple(readers), tuple(items), owners, given)

    def counts(self) -> NDArray[np.int64]:
        """(items, options): how many readers gave each."""
        table = np.zeros((len(self.items), len(self.options)), dtype=np.int64)
        for option in range(len(self.options)):
            table[:, option] = (self.given == option).sum(axis=1)
        return table

    def of_reader(self, reader: str) -> NDArray[np.int16]:
        """(items,) answers of one reader."""
        return np.asarray(self.given[:, self.readers.index(reader)])

    def without(self, reader: str) -> Ratings:
        """The others' ratings of the same items."""
        left = [number for number, name in enumerate(self.readers) if name != reader]
        names = tuple(self.readers[number] for number in left)
        return Ratings(self.options, names, self.items, self.patients, self.given[:, left])


def ratings_of(
    annotations: Iterable[Annotation],
    form: Form,
    *,
    patients: Mapping[str, str] | None = None,
    assisted: bool = False,
    counts: Callable[[Annotation, Question], bool] | None = None,
) -> dict[tuple[str, str], Ratings]:
    """The ratings by (question, label), in the form's order; label is a finding or what was drawn, else empty.

    Reads without a vote (adjudications, second reads) are left out, and so are measurements; masks count as marked
    or not marked. An item is a study and a site.

    Parameters
    ----------
    patients:
        The patient of each study; without it each study is a patient of its own.
    assisted:
        The reads with the model's answer in view, in place of the independent ones.
    counts:
        Whether what a read says to a question counts; everything does without it.
    """
    by_study: dict[str, list[Annotation]] = {}
    for annotation in annotations:
        independent = annotation.mode == Mode.INDEPENDENT
        if annotation.purpose.votes and independent != assisted:
            by_study.setdefault(annotation.study_id, []).append(annotation)
    rows: dict[tuple[str, str], list[tuple[str, str, str]]] = {}
    options: dict[tuple[str, str], tuple[str, ...]] = {}
    owners: dict[str, str] = {}
    for study_id, reads in by_study.items():
        for ballot in ballots(counted(reads, count_assisted=assisted), form, counts):
            key, item = (ballot.question, ballot.label), f"{study_id} {ballot.site.key}"
            options[key] = ballot.options
            owners[item] = (patients or {}).get(study_id, study_id)
            rows.setdefault(key, []).extend((item, reader, option) for reader, option in ballot.said)
    return {key: Ratings.of(rows[key], options[key], patients=owners) for key in sorted(rows, key=_place(form))}


def _place(form: Form) -> Callable[[tuple[str, str]], tuple[int, str]]:
    order = [question.name for question in form.questions]
    return lambda key: (order.index(key[0]), key[1])
