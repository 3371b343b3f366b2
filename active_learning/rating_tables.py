"""Reads from a table of one's own: a row for each read, with columns for case, reader and what was said."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from active_learning.ratings import Ratings
from data.errors import RatingsError

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True, slots=True)
class RatingTable:
    """The ratings of each label of a table.

    Parameters
    ----------
    ratings:
        By label, in the order asked for.
    truth:
        By label: the reference standard's option of each case; empty without one.
    notes:
        What was left out, for people.
    """

    ratings: Mapping[str, Ratings]
    truth: Mapping[str, Mapping[str, str]]
    notes: tuple[str, ...]


def read_ratings(
    path: Path,
    *,
    case: str,
    reader: str,
    labels: Sequence[str],
    patient: str = "",
    order: Sequence[str] = (),
    truth: Path | None = None,
) -> RatingTable:
    """Read a CSV file of reads, and one of the reference standard.

    An empty cell is no answer. Where a reader gave a case several answers, the last one of the file counts.

    Parameters
    ----------
    case, reader, labels, patient:
        Names of columns. Without ``patient`` each case is a patient of its own.
    order:
        The options in their order; without it numbers are ordered as such, and words by the alphabet.
    truth:
        A CSV file with the columns ``case`` and ``labels``, a row for each case.

    Raises
    ------
    RatingsError
        A file cannot be read, lacks a column, or holds an option that is not in ``order``.
    """
    rows = _read(path, [case, reader, *labels, *([patient] if patient else [])])
    standard = _read(truth, [case, *labels]) if truth is not None else None
    repeated = rows.duplicated([case, reader], keep="last")
    notes = []
    if repeated.any():
        notes.append(f"{int(repeated.sum())} reads were given again by the same reader: the last one counts.")
    rows = rows[~repeated]
    owners = dict(zip(rows[case], rows[patient], strict=True)) if patient else None
    ratings: dict[str, Ratings] = {}
    references: dict[str, Mapping[str, str]] = {}
    for label in labels:
        given = rows[rows[label] != ""]
        if len(given) < len(rows):
            notes.append(f"{label}: {len(rows) - len(given)} cells are empty.")
        known = {} if standard is None else dict(zip(standard[case], standard[label], strict=True))
        options = tuple(order) or _ordered({*given[label], *(v for v in known.values() if v)})
        reads = zip(given[case], given[reader], given[label], strict=True)
        ratings[label] = Ratings.of(reads, options, patients=owners)
        references[label] = known
        if standard is not None and (missing := len(set(given[case]) - {c for c, v in known.items() if v})):
            notes.append(f"{label}: {missing} cases have no reference standard.")
    return RatingTable(ratings, references if standard is not None else {}, tuple(notes))


def _read(path: Path, columns: Sequence[str]) -> pd.DataFrame:
    import pandas as pd  # noqa: PLC0415 - slow to load

    try:
        table = pd.read_csv(path, dtype=str, keep_default_na=False, encoding="utf-8-sig")
    except (OSError, ValueError) as error:
        raise RatingsError(
            "The table cannot be read.", given=f"{path}: {error}", expected="a CSV file in UTF-8",
            do="name another file, or save it as CSV",
        ) from error  # fmt: skip
    missing = [column for column in columns if column not in table.columns]
    if missing:
        raise RatingsError(
            "The table lacks columns.", given=f"{path} with {', '.join(map(str, table.columns))}",
            expected=", ".join(missing), do="name the columns as the file has them",
        )  # fmt: skip
    return table[list(dict.fromkeys(columns))].apply(lambda column: column.str.strip())


def _ordered(options: set[str]) -> tuple[str, ...]:
    try:
        return tuple(sorted(options, key=float))
    except ValueError:
        return tuple(sorted(options))
