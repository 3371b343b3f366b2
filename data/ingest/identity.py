"""Who a file belongs to: ids of study and series by keyed hashes, and the patient."""

from __future__ import annotations

import hashlib
import hmac
from dataclasses import dataclass

from data import splits
from data.ingest.found import Facts
from data.records import Patient


@dataclass(frozen=True, slots=True)
class Ids:
    """Ids by the home's key: the same in every import, and not to be turned back into UIDs without it."""

    key: str

    def study(self, study_key: str) -> str:
        """The id of a study, by StudyInstanceUID or what stands in its place."""
        return f"st-{self._hash('study', study_key)}"

    def series(self, series_key: str) -> str:
        """The id of a series, by SeriesInstanceUID and the group of its slices, or what stands in their place."""
        return f"se-{self._hash('series', series_key)}"

    def _hash(self, purpose: str, value: str) -> str:
        return hmac.new(self.key.encode(), f"{purpose}:{value}".encode(), hashlib.sha256).hexdigest()[:16]

    def patient(self, facts: Facts, *, named: str, source: str) -> Patient:
        """The patient of a file.

        Parameters
        ----------
        named:
            Who the table of labels says it is; it goes before the header.
        source:
            Where the files are from: the same number of two hospitals is two patients. Without one it is ``dicom``
            for files with a header, ``file`` for those without.

        A file that names nobody is a patient of its own, by the hash of its study: ``file:<16 digits>``.
        """
        own_id = named or facts.patient_id
        if own_id:
            source = source or ("dicom" if facts.kind == "dicom" else "file")
            return splits.patient(self.key, f"{source}:{own_id}")
        digest = hashlib.sha256(facts.study_key.encode()).hexdigest()[:16]
        return splits.patient(self.key, f"file:{digest}")
