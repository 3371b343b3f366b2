"""What an ingest says of itself when it is done."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass

from data.tables.studies import Refusal


@dataclass(frozen=True, slots=True)
class LabelsReport:
    """What became of a table of labels.

    Parameters
    ----------
    rows, matched:
        How many rows there are, and how many of them name a study that is here.
    references, annotations:
        How many labels were kept as reference standard, and how many reads of named readers.
    unmatched:
        The first rows that match nothing, in words.
    ignored:
        Columns that mean nothing here.
    problems:
        Values that do not fit, and rows that contradict one another.
    """

    rows: int
    matched: int
    references: int
    annotations: int
    unmatched: tuple[str, ...] = ()
    ignored: tuple[str, ...] = ()
    problems: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class IngestReport:
    """What came in.

    Parameters
    ----------
    files:
        How many files there were; every one is ingested, a duplicate or refused.
    ingested, duplicates:
        How many came in, and how many had come in before (or twice now).
    refused:
        What did not, each with the class and the words of its refusal.
    studies:
        Ids of the studies that the files belong to, duplicates' included, sorted.
    series:
        How many series are new or have grown.
    held:
        How many of these studies wait for a person to look for a burnt-in identity.
    pictures:
        How many of the ingested files have no header (PNG, JPEG, NIfTI): nobody can say from the file whether an
        identity is burnt in, and they are not held.
    notes:
        What else a person should know.
    labels:
        What became of the table of labels; None without one.
    """

    files: int
    ingested: int
    duplicates: int
    refused: tuple[Refusal, ...]
    studies: tuple[str, ...]
    series: int
    held: int
    pictures: int
    notes: tuple[str, ...] = ()
    labels: LabelsReport | None = None

    @property
    def reasons(self) -> dict[str, int]:
        """How many refusals there are of each class."""
        return dict(sorted(Counter(refusal.reason for refusal in self.refused).items()))
