"""Pixels that are made ready before somebody looks: those of the studies of an open batch, compressed once."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from data.blobs import Blobs
from data.records import OPEN_ROUND, RequestState, Series, Study
from data.store import Store
from models.task import get_task
from workbench.jobs import LOOKING, Work, kind
from workbench.viewer.kept_slabs import KeptSlabs
from workbench.viewer.scenes import Scenes
from workbench.viewer.slabs import layout, voxels_of

KIND = "voxels"


@kind(KIND, line=LOOKING)
def prepare(work: Work, *, round_id: str) -> Mapping[str, Any]:
    """Compress the slabs of the studies that are read in a round, those that wait first.

    What is kept already is not made again. Pixels that are gone are left out; for a round that has ended nothing
    is done.
    """
    store, kept, blobs = Store.of(work.home), KeptSlabs.of(work.home), Blobs.of(work.home)
    current = store.rounds.get(round_id)
    if current.state not in OPEN_ROUND:
        return {"round": round_id, "studies": 0, "slabs": 0}
    studies = _waiting_first(store, round_id)
    scenes = Scenes(work.home, get_task(current.task))
    series = [one for study in studies for one in _shown(scenes, blobs, study)]
    total = sum(len(layout(blobs, voxels_of(one))) for one in series)
    done = 0

    def tick() -> None:
        nonlocal done
        done += 1
        work.progress(done / total, f"{done} of {total} parts")

    slabs = sum(kept.prepare(voxels_of(one), tick) for one in series if one.pixels in blobs)
    return {"round": round_id, "studies": len(studies), "slabs": slabs}


def _waiting_first(store: Store, round_id: str) -> list[Study]:
    waits: dict[str, bool] = {}
    for request in store.reads.requests(round_id=round_id):
        if request.state != RequestState.WITHDRAWN:
            waits[request.study_id] = waits.get(request.study_id, False) or request.state == RequestState.PUSHED
    found = store.studies.find(study_ids=list(waits))
    return sorted(found, key=lambda study: not waits[study.study_id])


def _shown(scenes: Scenes, blobs: Blobs, study: Study) -> Iterable[Series]:
    """The series that the viewer fetches, those of the pages first."""
    there = study.series and all(page.series.pixels in blobs for page in scenes.pages(study))
    return scenes.series(study) if there and any(s.pixels in blobs for s in study.series) else ()
