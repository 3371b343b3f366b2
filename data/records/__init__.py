"""The frozen records that cross package borders.

Ids are text. A study's id and a series' id come from its DICOM UIDs, or from the file's content where there are
none; they never hold an identity. Times are UTC, ISO 8601, to the second.
"""

from data.records.consensus import Appeal, Consensus, ConsensusState, Decision, Origin
from data.records.jobs import Job, JobState, LogEntry
from data.records.predictions import Measured, Metric, ModelVersion, Prediction, QuestionPrediction
from data.records.reads import (
    WAITING,
    Annotation,
    Guideline,
    Mode,
    PulledRead,
    Purpose,
    Qualification,
    Reader,
    ReaderKind,
    ReaderRole,
    ReadPackage,
    ReadRequest,
    RefusedRead,
    RequestState,
)
from data.records.rounds import OPEN_ROUND, BatchItem, QueryBatch, Round, RoundKind, RoundState
from data.records.studies import Layout, Part, Patient, ReferenceLabel, Series, Study
from data.records.triage import (
    CalibrationCase,
    Clearance,
    ConformalSets,
    TriageAlarm,
    TriageLook,
    TriagePolicy,
    Watched,
    Way,
)

__all__ = [
    "OPEN_ROUND",
    "WAITING",
    "Annotation",
    "Appeal",
    "BatchItem",
    "CalibrationCase",
    "Clearance",
    "ConformalSets",
    "Consensus",
    "ConsensusState",
    "Decision",
    "Guideline",
    "Job",
    "JobState",
    "Layout",
    "LogEntry",
    "Measured",
    "Metric",
    "Mode",
    "ModelVersion",
    "Origin",
    "Part",
    "Patient",
    "Prediction",
    "PulledRead",
    "Purpose",
    "Qualification",
    "QueryBatch",
    "QuestionPrediction",
    "ReadPackage",
    "ReadRequest",
    "Reader",
    "ReaderKind",
    "ReaderRole",
    "ReferenceLabel",
    "RefusedRead",
    "RequestState",
    "Round",
    "RoundKind",
    "RoundState",
    "Series",
    "Study",
    "TriageAlarm",
    "TriageLook",
    "TriagePolicy",
    "Watched",
    "Way",
]
