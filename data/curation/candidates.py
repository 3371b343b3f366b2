"""The studies that a set may be drawn from, as curation sees them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from data.curation.intensity import IntensityStatistics


@dataclass(frozen=True, slots=True)
class Candidate:
    """A study that may come into a curated set.

    Parameters
    ----------
    patient_id:
        Whose study it is; any stable id, a pseudonym too.
    sex, age_y, view, device:
        As in :class:`data.records.Study`; ``device`` is the manufacturer. Empty or None where it is not known.
    report:
        The report's text; empty where there is none.
    labels:
        Concepts that were given as present, empty where none is; None where the report is to be read. Labels come
        before the report.
    quality:
        Answers to questions of quality by the question's name, such as ``borders_frontal`` -> ``complete``.
    intensity, phash:
        See :mod:`data.curation.intensity` and :mod:`data.curation.duplicates`; None where they were not computed.
    """

    study_id: str
    patient_id: str
    sex: str = ""
    age_y: float | None = None
    view: str = ""
    device: str = ""
    report: str = ""
    labels: frozenset[str] | None = None
    quality: Mapping[str, str] = field(default_factory=dict)
    intensity: IntensityStatistics | None = None
    phash: int | None = None
