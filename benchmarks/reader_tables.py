"""A table of readers with a reference standard, for the benchmarks that leave the reference out and predict it.

Reads of a case can be drawn (:func:`reading_order`, :func:`first_reads`), a model's probabilities come beside
(:func:`model_probabilities`), and figures are compared on the same drawn patients (:func:`by_patient`,
:func:`together`, :func:`gap`).
"""

from __future__ import annotations

import argparse
import csv
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from active_learning.rating_tables import read_ratings
from active_learning.ratings import NOT_READ, Ratings
from models.bootstrap import FloatArray, interval
from models.metrics import Measure

NO, YES = "NO", "YES"
MEANS = {
    "0": NO, "no": NO, "false": NO, "absent": NO, "negative": NO,
    "1": YES, "yes": YES, "true": YES, "present": YES, "positive": YES,
}  # fmt: skip
"""Words, in small letters, that tables use for one and the same answer."""
SUMMARIES = ("Other", "Abnormal")
"""Labels that are no finding of their own: left out of a mean over findings unless told otherwise."""
LEAST_POSITIVES = 10
"""Cases of the rarer options that a finding needs to count in a mean over findings."""
DRAWS = 1000
"""Resamples of the patients for an interval."""


@dataclass(frozen=True, slots=True)
class ReaderTable:
    """Several labels of the same cases by the same readers.

    Parameters
    ----------
    cases, patients, readers:
        Names; ``patients`` has the patient of each case.
    ratings:
        By label, over all of the cases and readers.
    truth:
        By label: (cases,) the reference's option, :data:`active_learning.ratings.NOT_READ` where it has none.
    """

    cases: tuple[str, ...]
    patients: tuple[str, ...]
    readers: tuple[str, ...]
    ratings: Mapping[str, Ratings]
    truth: Mapping[str, NDArray[np.int16]]

    @property
    def labels(self) -> tuple[str, ...]:
        """The labels, in the table's order."""
        return tuple(self.ratings)

    def findings(self, without: Sequence[str] = SUMMARIES, least: int = LEAST_POSITIVES) -> tuple[str, ...]:
        """The labels that count in a mean: those whose options but the commonest have ``least`` cases in all."""
        return tuple(label for label in self.labels if label not in without and self.rarer(label) >= least)

    def rarer(self, label: str) -> int:
        """The cases whose reference is another option than the commonest."""
        known = self.truth[label][self.truth[label] != NOT_READ]
        return int(len(known) - np.bincount(known, minlength=1).max(initial=0))


def read_table(
    readers: Path,
    truth: Path,
    *,
    case: str,
    reader: str,
    patient: str = "",
    labels: Sequence[str] = (),
) -> ReaderTable:
    """Read both tables; without ``labels`` every column that both have, but the case, the reader and the patient.

    Without ``patient`` a column of both tables that is called "patient" or "Patient ID" or alike is taken.
    Words for yes and no are made alike. Cases without a reference are kept; they are not scored.
    """
    shared = [name for name in _columns(readers) if name in _columns(truth)]
    patient = patient or next((name for name in shared if name.lower() in {"patient", "patient id"}), "")
    names = list(labels) or [name for name in shared if name not in {case, reader, patient}]
    table = read_ratings(readers, case=case, reader=reader, labels=names, patient=patient, truth=truth)
    cases = tuple(sorted({item for ratings in table.ratings.values() for item in ratings.items}))
    people = tuple(sorted({name for ratings in table.ratings.values() for name in ratings.readers}))
    owners = {
        i: p for ratings in table.ratings.values() for i, p in zip(ratings.items, ratings.patients, strict=True)
    }
    patients = tuple(owners[item] for item in cases)
    rated, known = {}, {}
    for name in names:
        alike, options = _alike(table.ratings[name].options)
        rated[name] = _spread(table.ratings[name], alike, options, cases, people, patients)
        index = {word: alike[n] for n, word in enumerate(table.ratings[name].options)}
        said = table.truth[name]
        known[name] = np.array([index[said[c]] if said.get(c) else NOT_READ for c in cases], dtype=np.int16)
    return ReaderTable(cases, patients, people, rated, known)


def model_probabilities(path: Path, table: ReaderTable, *, case: str) -> dict[str, FloatArray]:
    """By label: (cases, options) a model's probabilities from a CSV file; NaN where it has none.

    A column called as the label holds the probability of the second of two options; columns called
    ``label=option`` hold one option each. Labels without a column are missing in the result.
    """
    with path.open(newline="", encoding="utf-8-sig") as stream:
        rows = {row[case]: row for row in csv.DictReader(stream)}
    header = next(iter(rows.values()), {})
    found = {}
    for label, ratings in table.ratings.items():
        single = [f"{label}={option}" for option in ratings.options]
        names = single if single[0] in header else [label]
        if names[0] not in header or (names == [label] and len(ratings.options) != 2):
            continue
        values = np.array(
            [[float(rows[c][n] or "nan") if c in rows else np.nan for n in names] for c in table.cases]
        )
        found[label] = np.column_stack([1 - values, values]) if names == [label] else values
    return found


def write_probabilities(path: Path, table: ReaderTable, model: Mapping[str, FloatArray], *, case: str) -> None:
    """The CSV file that :func:`model_probabilities` reads."""
    with path.open("w", newline="", encoding="utf-8") as stream:
        writer = csv.writer(stream)
        names = [(label, n) for label in model for n in range(len(table.ratings[label].options))]
        writer.writerow([case, *(f"{label}={table.ratings[label].options[n]}" for label, n in names)])
        for row, item in enumerate(table.cases):
            writer.writerow([item, *(f"{model[label][row, n]:.6f}" for label, n in names)])


def reading_order(table: ReaderTable, seed: int, *, same_readers: bool = False) -> NDArray[np.int64]:
    """(cases, readers): the place, from 0, at which each reader reads a case, drawn at random.

    Parameters
    ----------
    same_readers:
        One order for all cases. Otherwise each case has an order of its own, and readers who read nothing of a
        case come last.
    """
    rng = np.random.default_rng(seed)
    shape = (len(table.cases), len(table.readers))
    if same_readers:
        return np.tile(rng.permutation(shape[1]), (shape[0], 1))
    read = np.any([ratings.given != NOT_READ for ratings in table.ratings.values()], axis=0)
    return np.asarray(np.where(read, rng.random(shape), 2.0).argsort(axis=1).argsort(axis=1))


def first_reads(ratings: Ratings, order: NDArray[np.int64], reads: int | NDArray[np.int64]) -> Ratings:
    """What is known after the first ``reads`` of each case, one number for all cases or (cases,) of them."""
    kept = order < (reads if isinstance(reads, int) else reads[:, None])
    given = np.where(kept, ratings.given, NOT_READ).astype(np.int16)
    return Ratings(ratings.options, ratings.readers, ratings.items, ratings.patients, given)


def by_patient(measure: Measure, names: Sequence[str]) -> Measure:
    """The same figure, with a weight for each of the patients ``names`` rather than for each item."""
    place = {name: number for number, name in enumerate(names)}
    index = np.array([place[patient] for patient in measure.patients], dtype=np.int64)
    return Measure(measure.value, lambda weights: measure.statistic(weights[:, index]), tuple(names))


def together(measures: Sequence[Measure]) -> Measure:
    """The mean of figures over the same patients; one that a resample leaves undefined is left out of it."""

    def statistic(weights: FloatArray) -> FloatArray:
        values = np.stack([measure.statistic(weights) for measure in measures])
        defined = np.isfinite(values)
        with np.errstate(invalid="ignore"):
            return np.asarray(np.where(defined, values, 0).sum(axis=0) / defined.sum(axis=0))

    return Measure(float(np.mean([measure.value for measure in measures])), statistic, measures[0].patients)


def gap(first: Measure, second: Measure, *, draws: int = DRAWS, seed: int = 0) -> dict[str, float | None]:
    """``first`` less ``second`` with its 95% interval, both on the same drawn patients."""
    bounds = interval(lambda w: first.statistic(w) - second.statistic(w), first.patients, draws, seed)
    return {"difference": first.value - second.value, "low": bounds.low, "high": bounds.high}


def table_options(parser: argparse.ArgumentParser) -> None:
    """The options that say which tables, and how many resamples."""
    parser.add_argument("--readers", type=Path, required=True, help="a CSV with a row for each read")
    parser.add_argument("--truth", type=Path, required=True, help="a CSV with the reference standard of each case")
    parser.add_argument("--case", required=True, help="the column that names the case, in both tables")
    parser.add_argument("--reader", required=True, help="the column that names the reader")
    parser.add_argument("--patient", default="", help="the column that names the patient")
    parser.add_argument(
        "--label", action="append", default=[], help="a column to predict; all common ones without"
    )
    parser.add_argument("--without", action="append", help="a label that does not count in the mean over findings")
    parser.add_argument("--model", type=Path, help="a CSV with a model's probabilities, out of fold, of each case")
    parser.add_argument("--draws", type=int, default=DRAWS, help="resamples of the patients for an interval")
    parser.add_argument("--json", action="store_true", help="one line of JSON")


def table_of(options: Any) -> ReaderTable:
    """The table that the command line names."""
    return read_table(
        options.readers, options.truth, case=options.case, reader=options.reader, patient=options.patient,
        labels=options.label,
    )  # fmt: skip


def _columns(path: Path) -> list[str]:
    with path.open(newline="", encoding="utf-8-sig") as stream:
        return next(csv.reader(stream), [])


def _alike(options: Sequence[str]) -> tuple[list[int], tuple[str, ...]]:
    """The new index of each option, and the options; yes and no become one word each."""
    if not all(option.lower() in MEANS for option in options):
        return list(range(len(options))), tuple(options)
    return [int(MEANS[option.lower()] == YES) for option in options], (NO, YES)


def _spread(
    ratings: Ratings,
    alike: Sequence[int],
    options: tuple[str, ...],
    cases: tuple[str, ...],
    readers: tuple[str, ...],
    patients: tuple[str, ...],
) -> Ratings:
    """The ratings over all cases and readers of a table."""
    given = np.full((len(cases), len(readers)), NOT_READ, dtype=np.int16)
    rows = np.searchsorted(np.array(cases), np.array(ratings.items))
    columns = np.searchsorted(np.array(readers), np.array(ratings.readers))
    said = np.where(ratings.given == NOT_READ, NOT_READ, np.array([*alike, NOT_READ])[ratings.given])
    given[np.ix_(rows, columns)] = said
    return Ratings(options, readers, cases, patients, given)
