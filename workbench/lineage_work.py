"""The kind of background work that verifies the log."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from data.blobs import Blobs
from data.store import Store
from data.verifying import verify
from workbench.jobs import Work, kind

VERIFY = "verify"
SHOWN = 50
"""Findings that a job keeps; the command line tells more."""
_WHOLE = re.compile(r"\b([0-9a-f]{16})[0-9a-f]{48}\b")


@kind(VERIFY)
def verify_log(work: Work, *, pixels: bool = False) -> Mapping[str, Any]:
    """Compare the log with its chain, and records and files with the log.

    Names of files are shortened: a job's record is no reason to keep a file that is to be deleted.
    """
    found = verify(Store.of(work.home), Blobs.of(work.home), pixels=pixels, progress=work.progress)
    findings = [
        {name: _WHOLE.sub(r"\1…", str(value)) for name, value in asdict(one).items()}
        for one in found.findings[:SHOWN]
    ]
    return {
        "sound": found.sound,
        "entries": found.entries,
        "records": found.records,
        "files": found.files,
        "newest": found.head.sequence,
        "behind": found.behind,
        "found": found.found,
        "findings": findings,
    }
