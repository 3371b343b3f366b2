"""Every error that Consilium raises for something its user did or can mend.

Each one says what was given, what was expected and what to do::

    ConsiliumError
    ├── HomeError                   the folder of the run-time state cannot be used
    ├── StoreError                  the database refuses or cannot be opened
    │   ├── NotFoundError           no record under that name or id
    │   ├── ConflictError           the record is there already and differs
    │   └── PartError               patients of one part were asked for in the place of another
    ├── BlobError                   a stored file is missing or is not what its name says
    ├── IngestError                 an input that cannot come in; ``reason`` names the class of refusal
    │   ├── NotAnImageError         nothing that Consilium reads
    │   ├── DamagedFileError        truncated, or its header contradicts itself
    │   ├── UnsupportedFileError    readable, but of a kind that Consilium does not take
    │   ├── GeometryError           slices that do not make one volume
    │   └── UnsafeArchiveError      an archive that expands beyond bounds or out of its folder
    ├── LabelsError                 a table of labels that does not fit
    ├── CurationError               terms, a rule or studies from which no data set can be curated
    ├── AnswerError                 a value that its question does not admit
    ├── ConfigError                 a setting or task configuration that cannot be
    ├── TaskError                   no such clinical task, or a study that it does not take
    ├── TrainingError               too little, or unfit, to train on
    ├── VersionError                model weights or manifest missing, damaged or of another task
    ├── RoundError                  a step that the round's state does not allow
    │   └── BusyError               somebody else is at a step of the task just now
    ├── TriageError                 a promise that calibration cannot carry, or clearing that is stopped
    ├── RatingsError                reads that do not make one table
    ├── LabelServerError            the labelling server is missing, busy, unreachable or refuses
    │   ├── PortBusyError           its port belongs to another program
    │   └── ForeignAnswerError      an annotation by somebody who was not asked, or of another form
    ├── JobError                    background work that failed, or no worker to do it
    │   └── JobCancelledError       the work was called off
    └── ServiceError                a part of the application does not start, or has ended
"""

from __future__ import annotations


class ConsiliumError(Exception):
    """An error with its remedy.

    Parameters
    ----------
    message:
        One sentence that says what went wrong.
    given, expected, do:
        What was given, what was expected in its place, and what to do now.
    """

    def __init__(self, message: str, *, given: object = "", expected: str = "", do: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.given = str(given)
        self.expected = expected
        self.do = do

    def __str__(self) -> str:
        parts = [self.message]
        if self.given:
            parts.append(f"Given: {self.given}.")
        if self.expected:
            parts.append(f"Expected: {self.expected}.")
        if self.do:
            parts.append(f"Do: {self.do}.")
        return " ".join(parts)

    def as_dict(self) -> dict[str, str]:
        """The error as the JSON object that scripts read: error, given, expected, do."""
        return {"error": self.message, "given": self.given, "expected": self.expected, "do": self.do}


class HomeError(ConsiliumError):
    """The folder of the run-time state cannot be used."""


class StoreError(ConsiliumError):
    """The database refuses or cannot be opened."""


class NotFoundError(StoreError):
    """No record under that name or id."""


class ConflictError(StoreError):
    """The record is there already and differs."""


class PartError(StoreError):
    """Patients of one part (train, validation, calibration, test) stand where another was asked for."""


class BlobError(ConsiliumError):
    """A stored file is missing or is not what its name says."""


class IngestError(ConsiliumError):
    """An input that cannot come in. ``reason`` is the short, stable name of the class of refusal."""

    reason = "refused"


class NotAnImageError(IngestError):
    """Nothing that Consilium reads."""

    reason = "not an image"


class DamagedFileError(IngestError):
    """A file that is truncated, or whose header contradicts itself."""

    reason = "damaged"


class UnsupportedFileError(IngestError):
    """A file that can be read but is of a kind that Consilium does not take."""

    reason = "unsupported"


class GeometryError(IngestError):
    """Slices that do not make one volume."""

    reason = "geometry"


class UnsafeArchiveError(IngestError):
    """An archive that expands beyond bounds or out of its folder."""

    reason = "unsafe archive"


class LabelsError(ConsiliumError):
    """A table of labels that does not fit."""


class CurationError(ConsiliumError):
    """Terms, a rule or studies from which no data set can be curated."""


class AnswerError(ConsiliumError):
    """A value that its question does not admit."""


class ConfigError(ConsiliumError):
    """A setting or task configuration that cannot be."""


class TaskError(ConsiliumError):
    """No such clinical task, or a study that it does not take."""


class TrainingError(ConsiliumError):
    """Too little, or unfit, to train on."""


class VersionError(ConsiliumError):
    """Model weights or manifest missing, damaged or of another task."""


class RoundError(ConsiliumError):
    """A step that the round's state does not allow."""


class BusyError(RoundError):
    """Somebody else is at a step of the task just now."""


class TriageError(ConsiliumError):
    """A promise that the calibration patients cannot carry, or a step of triage that cannot be taken now."""


class RatingsError(ConsiliumError):
    """Reads that do not make one table of items, readers and options."""


class LabelServerError(ConsiliumError):
    """The labelling server is missing, busy, unreachable or refuses."""


class PortBusyError(LabelServerError):
    """The server's port belongs to another program."""


class ForeignAnswerError(LabelServerError):
    """An annotation by somebody who was not asked, or that does not fit the form."""


class JobError(ConsiliumError):
    """Background work that failed, or no worker to do it."""


class JobCancelledError(JobError):
    """The work was called off, or its lease passed to another worker."""


class ServiceError(ConsiliumError):
    """A part of the application does not start, or has ended."""
