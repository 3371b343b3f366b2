"""The background work about a task's champion: measuring its drift."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from active_learning.champion_drift import ChampionDrift, champion_drift
from data.blobs import Blobs
from data.home import Home
from data.store import Store
from models.task import get_task
from workbench.jobs import QUICK, Work, kind

DRIFT = "champion.drift"


@kind(DRIFT, line=QUICK)
def measure_drift(work: Work, *, task: str, stamp: str = "") -> Mapping[str, Any]:
    """Measure the champion's drift, and keep the result as a blob.

    Parameters
    ----------
    stamp:
        Of what it is asked for (:func:`active_learning.champion_drift.drift_stamp`), so that the same state is
        asked for once; the result names the state that there was.
    """
    store, blobs = Store.of(work.home), Blobs.of(work.home)
    found = champion_drift(store, blobs, get_task(task))
    if found is None:
        return {"task": task, "version": "", "stamp": stamp}
    blob = blobs.put(json.dumps(found.as_dict(), sort_keys=True).encode())
    earlier = _kept(store, task)
    for old in set(earlier[1:]) - {blob, *earlier[:1]}:  # a page may still be reading the last one
        blobs.remove(old)
    return {"task": task, "version": found.version, "stamp": found.stamp, "measured": blob}


def newest_drift(home: Home, task: str) -> ChampionDrift | None:
    """What was measured last; None where nothing was.

    Raises
    ------
    RatingsError
        It was written in another form.
    BlobError
        It is gone.
    """
    kept = _kept(Store.of(home), task)
    return ChampionDrift.from_dict(json.loads(Blobs.of(home).get(kept[0]))) if kept else None


def _kept(store: Store, task: str) -> list[str]:
    """The blobs of what was measured, the newest first."""
    sql = "SELECT arguments, result FROM jobs WHERE kind = ? AND state = 'done' ORDER BY updated_at DESC"
    rows = [(json.loads(r["arguments"]), json.loads(r["result"])) for r in store.db.query(sql, [DRIFT])]
    return [str(r["measured"]) for arguments, r in rows if arguments.get("task") == task and "measured" in r]
