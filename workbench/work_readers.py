"""The kinds of background work about a task's readers: their measurement, and the report of a reading study."""

from __future__ import annotations

import json
import shutil
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from active_learning.overview import Outlined, Overview
from data.blobs import Blobs
from data.store import Store
from models.task import get_task
from workbench.jobs import QUICK, Work, kind
from workbench.language import ENGLISH, speaking

MEASURE, OUTLINES, REPORT = "consensus.measure", "consensus.outlines", "readers.report"


@kind(MEASURE, line=QUICK)
def measure_readers(work: Work, *, task: str, round_id: str = "", stamp: str = "") -> Mapping[str, Any]:
    """Measure the readers of a task, or of one round of it, and keep the result as a blob.

    Parameters
    ----------
    stamp:
        Of what the result is asked for, as :attr:`active_learning.overview.Stamp.text`, so that the same state is
        asked for once; the result names the state that there was.
    """
    from active_learning.overview_measure import measure  # noqa: PLC0415 - slow to load

    store, blobs = Store.of(work.home), Blobs.of(work.home)
    found = measure(store, blobs, get_task(task), round_id=round_id, progress=work.progress)
    return _keep(store, blobs, MEASURE, found)


@kind(OUTLINES)
def measure_readers_outlines(work: Work, *, task: str, round_id: str = "", stamp: str = "") -> Mapping[str, Any]:
    """The same for outlines and detections, which takes minutes where they are volumes."""
    from active_learning.overview_measure import measure_outlines  # noqa: PLC0415 - slow to load

    store, blobs = Store.of(work.home), Blobs.of(work.home)
    work.progress(0.05, "comparing outlines")
    return _keep(store, blobs, OUTLINES, measure_outlines(store, blobs, get_task(task), round_id=round_id))


def newest_overview(store: Store, blobs: Blobs, task: str, round_id: str = "") -> Overview | None:
    """What was measured last of a task or round; None where nothing was.

    Raises
    ------
    RatingsError
        It was written in another form.
    BlobError
        It is gone.
    """
    done = _done(store, MEASURE, task, round_id)
    return Overview.from_dict(json.loads(blobs.get(done[0]))) if done else None


def newest_outlines(store: Store, blobs: Blobs, task: str, round_id: str = "") -> Outlined | None:
    """The same for outlines and detections."""
    done = _done(store, OUTLINES, task, round_id)
    return Outlined.from_dict(json.loads(blobs.get(done[0]))) if done else None


@kind(REPORT, line=QUICK)
def write_reading_study(
    work: Work, *, task: str, round_id: str = "", language: str = ENGLISH
) -> Mapping[str, Any]:
    """Write a reading study into the home, in a language: a folder with the page and its tables, and a ZIP of it.

    The result names the ZIP, in the home's folder of reports.
    """
    from active_learning.reading_study import reading_study  # noqa: PLC0415 - slow to load
    from workbench.reading_report import folder_of, write_report  # noqa: PLC0415

    home = work.home
    study = reading_study(
        Store.of(home), Blobs.of(home), get_task(task), round_id=round_id,
        progress=lambda share, words: work.progress(0.9 * share, words),
    )  # fmt: skip
    folder = folder_of(home, task, round_id, language)
    name, draft = folder.name, home.reports / f"{folder.name}.draft"
    shutil.rmtree(draft, ignore_errors=True)
    with speaking(language):
        written = write_report(study, draft)
    packed = _packed(written, home.reports / f"{name}.zip", name)
    shutil.rmtree(folder, ignore_errors=True)
    draft.replace(folder)
    return {"task": task, "round": round_id, "zip": packed.name, "files": [path.name for path in written],
            "studies": study.studies, "patients": study.patients}  # fmt: skip


def _packed(files: list[Path], target: Path, folder: str) -> Path:
    """A ZIP of files in one folder; whoever reads the one before meanwhile reads it to the end."""
    draft = target.with_suffix(".part")
    with zipfile.ZipFile(draft, "w", zipfile.ZIP_DEFLATED) as archive:
        for path in files:
            archive.write(path, f"{folder}/{path.name}")
    draft.replace(target)
    return target


def _keep(store: Store, blobs: Blobs, name: str, found: Overview | Outlined) -> Mapping[str, Any]:
    """Keep a result as a blob, and remove earlier ones but the last, which a page may still be reading."""
    blob = blobs.put(json.dumps(found.as_dict(), sort_keys=True).encode())
    earlier = _done(store, name, found.task, found.round_id)
    for old in set(earlier[1:]) - {blob, *earlier[:1]}:
        blobs.remove(old)
    return {"task": found.task, "round": found.round_id, "stamp": found.stamp.text, "measured": blob}


def _done(store: Store, name: str, task: str, round_id: str) -> list[str]:
    """The blobs of what was measured, the newest first."""
    sql = "SELECT arguments, result FROM jobs WHERE kind = ? AND state = 'done' ORDER BY updated_at DESC"
    found = []
    for row in store.db.query(sql, [name]):
        arguments, result = json.loads(row["arguments"]), json.loads(row["result"])
        if (arguments.get("task"), arguments.get("round_id", "")) == (task, round_id) and "measured" in result:
            found.append(str(result["measured"]))
    return found
