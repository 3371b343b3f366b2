"""Background work: done once, resumed after a kill, called off, and honest about failures."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from data.errors import JobError
from data.home import Home
from data.records import Job, JobState
from data.store import Store
from workbench import jobs
from workbench.data_work import LOOK
from workbench.disk_use import MEASURE
from workbench.worker import is_running


@contextmanager
def working(home: Home) -> Iterator[subprocess.Popen[bytes]]:
    worker = subprocess.Popen([sys.executable, "-m", "tests.killed", str(home.path), "none"])
    try:
        yield worker
    finally:
        worker.terminate()
        worker.wait(20)


def ended(home: Home, job: Job, *, timeout_s: float = 60) -> Job:
    end = time.monotonic() + timeout_s
    while time.monotonic() < end:
        now = Store.of(home).jobs.get(job.job_id)
        if now.state not in (JobState.WAITING, JobState.RUNNING):
            return now
        time.sleep(0.1)
    raise AssertionError(f"the job has not ended: {now}")


def test_a_failure_is_kept_with_what_to_do(home: Home) -> None:
    job = jobs.enqueue(home, "evaluate", task="cxr_quality")
    with working(home):
        failed = ended(home, job)
        assert failed.state == JobState.FAILED
        assert failed.error["error"] == "The task has no champion yet."
        assert "consilium train" in failed.error["do"]
        with pytest.raises(JobError, match="no champion"):
            jobs.wait(home, job.job_id, timeout_s=1)
        assert is_running(home)
        second = subprocess.run(
            [sys.executable, "-m", "tests.killed", str(home.path), "none"], capture_output=True, check=False
        )
        assert second.returncode == 1
        assert b"one worker a home" in second.stderr
    assert not is_running(home)


def test_the_same_work_is_asked_for_once(home: Home) -> None:
    first = jobs.enqueue(home, "evaluate", task="cxr_quality")
    assert jobs.enqueue(home, "evaluate", task="cxr_quality").job_id == first.job_id
    assert jobs.enqueue(home, "evaluate", task="cxr_quality", version="v").job_id != first.job_id
    with pytest.raises(JobError, match="no such kind"):
        jobs.enqueue(home, "conjure")


def test_a_call_that_was_lost_is_found_again(home: Home) -> None:
    job = Store.of(home).jobs.add("evaluate", {"task": "cxr_quality"})  # noted, but never handed to a worker
    with working(home):
        assert ended(home, job).state == JobState.FAILED


def test_looking_through_a_folder_holds_up_nothing_that_a_person_waits_for(home: Home, tmp_path: Path) -> None:
    kinds = jobs.kinds()
    waited_for = {kinds[name].line for name in ("predict", "explain", "demo.predict", "round.fetch")}
    looking = {kinds[name].line for name in (LOOK, MEASURE, "voxels", "round.preview", "round.open")}
    assert looking == {jobs.LOOKING}
    assert waited_for == {jobs.QUICK}
    (tmp_path / "images").mkdir()
    job = jobs.enqueue(home, LOOK, path=str(tmp_path / "images"))
    with working(home):
        assert ended(home, job).result["files"] == 0


def test_a_lease_is_held_by_one(store: Store) -> None:
    job = store.jobs.add("evaluate", {"task": "t"})
    assert store.jobs.lease(job.job_id, "first", seconds=60) is not None
    assert store.jobs.lease(job.job_id, "second", seconds=60) is None
    assert store.jobs.beat(job.job_id, "second", seconds=60) is False
    store.jobs.finish(job.job_id, "second", {"stolen": True})
    assert store.jobs.get(job.job_id).state == JobState.RUNNING
    assert store.jobs.beat(job.job_id, "first", seconds=-1, progress=0.5, message="half") is True
    assert [j.job_id for j in store.jobs.expired()] == [job.job_id]
    taken = store.jobs.lease(job.job_id, "second", seconds=60)
    assert taken is not None
    assert taken.attempts == 2
    assert taken.progress == 0.5
    assert store.jobs.beat(job.job_id, "first", seconds=60) is False


def test_work_that_is_called_off_stops_at_its_next_beat(home: Home) -> None:
    store = Store.of(home)
    seen: list[float] = []

    def patient_work(work: jobs.Work) -> dict[str, float]:
        for step in range(100):
            seen.append(step / 100)
            if step == 3:
                store.jobs.cancel(job.job_id)
            time.sleep(0.31)
            work.progress(step / 100, "working")
        return {}

    jobs.kind("test.patient")(patient_work)
    try:
        job = store.jobs.add("test.patient", {})
        jobs.run(home, job.job_id)
    finally:
        del jobs._KINDS["test.patient"]
    assert store.jobs.get(job.job_id).state == JobState.CANCELLED
    assert len(seen) <= 5
