"""Background work: the truth about each job, with the lease of the worker that runs it."""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from data.errors import NotFoundError
from data.records import Job, JobState
from data.tables.base import Row, Table, dump, fresh_id, now


def _in(seconds: float) -> str:
    return (datetime.now(UTC) + timedelta(seconds=seconds)).isoformat(timespec="microseconds")


class Jobs(Table):
    """What runs outside the page."""

    def add(self, kind: str, arguments: Mapping[str, Any]) -> Job:
        """Note a job to be done. The same kind and arguments, still waiting or running, are one job."""
        with self._store.write() as db:
            row = self._one(
                "SELECT * FROM jobs WHERE kind = ? AND arguments = ? AND state IN ('waiting', 'running')",
                [kind, dump(dict(arguments))],
            )
            if row is not None:
                return _job(row)
            job_id, at = fresh_id("job"), now()
            db.execute(
                "INSERT INTO jobs VALUES (?, ?, ?, 'waiting', 0, '', 0, '', '', '{}', '{}', ?, ?)",
                (job_id, kind, dump(dict(arguments)), at, at),
            )
            self._store.log.add("job.added", job_id, kind=kind)
            return self.get(job_id)

    def lease(self, job_id: str, owner: str, *, seconds: float) -> Job | None:
        """Take a job for a while; None where it is done, or where another holds a lease that still runs."""
        with self._store.write() as db:
            cursor = db.execute(
                """UPDATE jobs SET state = 'running', owner = ?, lease_until = ?, attempts = attempts + 1,
                updated_at = ? WHERE job_id = ?
                AND (state = 'waiting' OR (state = 'running' AND lease_until < ?))""",
                (owner, _in(seconds), now(), job_id, now()),
            )
            return self.get(job_id) if cursor.rowcount else None

    def beat(
        self,
        job_id: str,
        owner: str,
        *,
        seconds: float,
        progress: float | None = None,
        message: str | None = None,
    ) -> bool:
        """Renew the lease and note how far the job is. False: the lease is another's, or the job was cancelled."""
        with self._store.write() as db:
            cursor = db.execute(
                """UPDATE jobs SET lease_until = ?, progress = coalesce(?, progress),
                message = coalesce(?, message), updated_at = ?
                WHERE job_id = ? AND owner = ? AND state = 'running'""",
                (_in(seconds), progress, message, now(), job_id, owner),
            )
            return bool(cursor.rowcount)

    def finish(self, job_id: str, owner: str, result: Mapping[str, Any]) -> None:
        """The job is done, if the lease is still this owner's."""
        self._end(job_id, owner, JobState.DONE, result=result, error={})

    def fail(self, job_id: str, owner: str, error: Mapping[str, str]) -> None:
        """The job failed, if the lease is still this owner's. ``error`` as of ``ConsiliumError.as_dict``."""
        self._end(job_id, owner, JobState.FAILED, result={}, error=error)

    def _end(
        self, job_id: str, owner: str, state: JobState, *, result: Mapping[str, Any], error: Mapping[str, str]
    ) -> None:
        with self._store.write() as db:
            cursor = db.execute(
                """UPDATE jobs SET state = ?, result = ?, error = ?, lease_until = '', updated_at = ?,
                progress = CASE WHEN ? = 'done' THEN 1.0 ELSE progress END
                WHERE job_id = ? AND owner = ? AND state = 'running'""",
                (state, dump(dict(result)), dump(dict(error)), now(), state, job_id, owner),
            )
            if cursor.rowcount:
                self._store.log.add(f"job.{state}", job_id)

    def cancel(self, job_id: str) -> Job:
        """Call a job off; the worker that runs it stops at its next beat."""
        with self._store.write() as db:
            db.execute(
                """UPDATE jobs SET state = 'cancelled', updated_at = ? WHERE job_id = ?
                AND state IN ('waiting', 'running')""",
                (now(), job_id),
            )
            self._store.log.add("job.cancelled", job_id)
            return self.get(job_id)

    def due(self) -> list[Job]:
        """What ought to run: the waiting, and the running whose lease has passed. The oldest first."""
        rows = self._rows(
            """SELECT * FROM jobs WHERE state = 'waiting' OR (state = 'running' AND lease_until < ?)
            ORDER BY created_at""",
            [now()],
        )
        return [_job(row) for row in rows]

    def expired(self) -> list[Job]:
        """The running jobs whose lease has passed: their worker is gone."""
        return [job for job in self.due() if job.state == JobState.RUNNING]

    def release_all(self) -> None:
        """Put every running job back in line. Only who knows that no worker runs may call this."""
        with self._store.write() as db:
            db.execute("UPDATE jobs SET state = 'waiting', lease_until = '' WHERE state = 'running'")

    def get(self, job_id: str) -> Job:
        """One job.

        Raises
        ------
        NotFoundError
            There is none.
        """
        row = self._one("SELECT * FROM jobs WHERE job_id = ?", [job_id])
        if row is None:
            raise NotFoundError(
                "There is no such job.", given=job_id, expected="the id of a job",
                do="list the jobs with `consilium jobs`",
            )  # fmt: skip
        return _job(row)

    def all(self, *, states: Collection[JobState] | None = None, limit: int = 50) -> list[Job]:
        """The newest jobs first; in some states, or in all."""
        rows = self._rows(
            """SELECT * FROM jobs WHERE :states IS NULL OR state IN (SELECT value FROM json_each(:states))
            ORDER BY created_at DESC LIMIT :limit""",
            {"states": None if states is None else dump(sorted(states)), "limit": limit},
        )
        return [_job(row) for row in rows]


def _job(row: Row) -> Job:
    return Job(
        job_id=row["job_id"],
        kind=row["kind"],
        arguments=json.loads(row["arguments"]),
        state=JobState(row["state"]),
        progress=row["progress"],
        message=row["message"],
        attempts=row["attempts"],
        lease_until=row["lease_until"],
        result=json.loads(row["result"]),
        error=json.loads(row["error"]),
        created_at=row["created_at"],
        updated_at=row["updated_at"],
    )
