"""Files into studies: DICOM, NIfTI, PNG, JPEG and ZIPs of these.

:func:`ingest` is the door. What is behind it is loaded when it is first asked for, so that a decoding process does
not load the store.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from data.ingest.labels import LabelsTable, read_labels
    from data.ingest.report import IngestReport, LabelsReport
    from data.ingest.run import ingest

__all__ = ["IngestReport", "LabelsReport", "LabelsTable", "ingest", "read_labels"]

_HOMES = {
    "IngestReport": "report",
    "LabelsReport": "report",
    "LabelsTable": "labels",
    "ingest": "run",
    "read_labels": "labels",
}


def __getattr__(name: str) -> Any:
    from importlib import import_module  # noqa: PLC0415

    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)
