"""What one file turned out to hold, as it goes from a decoding process to the ingest."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from data.records import Layout


@dataclass(frozen=True, slots=True)
class Place:
    """Where a single slice belongs.

    Parameters
    ----------
    group:
        Equal for slices that may make one volume; see :func:`data.ingest.volumes.group_key`.
    position:
        Of the first pixel's centre, LPS, mm; None where the header has none.
    orientation:
        Direction cosines of the rows and of the columns.
    number:
        InstanceNumber.
    """

    group: str
    position: tuple[float, float, float] | None
    orientation: tuple[float, ...] | None
    number: int


@dataclass(frozen=True, slots=True)
class Facts:
    """What is known of one decoded file, without its pixels.

    Parameters
    ----------
    patient_id:
        As the header has it; empty where there is none.
    study_key, series_key:
        What makes the study and the series themselves: UIDs, or what stands in their place. Empty where the
        file names neither; then it is the file's own hash.
    study_uid:
        StudyInstanceUID, or empty.
    place:
        For a slice of a stack; None where the file is a series by itself.
    """

    kind: str
    modality: str
    layout: Layout
    study_key: str = ""
    series_key: str = ""
    patient_id: str = ""
    study_uid: str = ""
    spacing_mm: tuple[float, ...] | None = None
    affine: tuple[float, ...] | None = None
    window: tuple[float, float] | None = None
    view: str = ""
    sex: str = ""
    age_y: float | None = None
    study_date: str = ""
    description: str = ""
    series_description: str = ""
    held: str = ""
    phantom: bool = False
    place: Place | None = None
    attributes: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class PixelRef:
    """Pixels of one slice in a scratch file of their own, without a header."""

    path: str
    dtype: str
    shape: tuple[int, int]

    @property
    def nbytes(self) -> int:
        """How much room they take."""
        return int(self.dtype[2:]) * self.shape[0] * self.shape[1]
