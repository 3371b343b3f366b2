"""Readings at a threshold that were saved: entries of the log. They change nothing of what a version answers."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from data.errors import VersionError
from data.store import Store
from models.thresholds import Reading

EVENT = "threshold.read"
CURATOR = "curator"
MOST = 200
"""Readings of a version that are looked through."""


@dataclass(frozen=True, slots=True)
class Kept:
    """A saved reading.

    Parameters
    ----------
    calibration, test:
        Counts and figures, as :meth:`models.thresholds.Reading.as_dict` gives them.
    who:
        The reader's id, or ``curator``.
    """

    version: str
    question: str
    threshold: float
    calibration: Mapping[str, Any]
    test: Mapping[str, Any]
    who: str
    why: str
    at: str


def save_reading(
    store: Store, version: str, question: str, calibration: Reading, test: Reading, *, who: str, why: str
) -> None:
    """Keep what a threshold made of calibration and test patients.

    Raises
    ------
    VersionError
        The reason is missing.
    """
    if not why.strip():
        raise VersionError("Saving a reading needs a reason.", given="none", expected="a sentence",
                             do="say what the threshold is for")  # fmt: skip
    store.log.add(EVENT, version, question=question, threshold=test.threshold, calibration=calibration.as_dict(),
                  test=test.as_dict(), who=who or CURATOR, why=why.strip())  # fmt: skip


def kept_readings(store: Store, version: str, question: str) -> list[Kept]:
    """The saved readings of a version on a question, the newest first."""
    entries = store.log.entries(subject=version, event=EVENT, limit=MOST)
    return [Kept(version=version, at=entry.at, **entry.detail) for entry in entries
            if entry.detail["question"] == question]  # fmt: skip
