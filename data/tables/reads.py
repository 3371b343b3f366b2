"""The reads that are asked of readers, and the annotations that came."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable
from dataclasses import replace
from hashlib import sha256

from data.answers import Answer
from data.errors import NotFoundError
from data.records import (
    Annotation,
    Mode,
    Purpose,
    ReadRequest,
    RequestState,
)
from data.seals import RowKey
from data.tables.base import Row, dump, now
from data.tables.readers import Readers


class Reads(Readers):
    """Who reads what, and what they said."""

    def plan(self, requests: Iterable[ReadRequest]) -> None:
        """Note reads to be asked for; one that is planned already stays as it is."""
        with self._store.write() as db:
            for r in requests:
                db.execute(
                    "INSERT OR IGNORE INTO requests VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
                    (
                        r.request_id, r.round_id, r.task, r.study_id, r.reader_id, r.purpose, r.mode, r.state,
                        r.external_project, r.external_task, r.guideline, r.position,
                    ),
                )  # fmt: skip

    def set_requests(self, requests: Iterable[ReadRequest]) -> None:
        """Keep the state and the server's ids of reads."""
        with self._store.write() as db:
            for r in requests:
                db.execute(
                    "UPDATE requests SET state = ?, external_project = ?, external_task = ? WHERE request_id = ?",
                    (r.state, r.external_project, r.external_task, r.request_id),
                )

    def requests(
        self,
        *,
        round_id: str | None = None,
        reader_id: str | None = None,
        study_id: str | None = None,
        task: str | None = None,
        states: Collection[RequestState] | None = None,
    ) -> list[ReadRequest]:
        """The reads asked for, in the order of the readers' queues; filtered by what is given."""
        sql = """SELECT * FROM requests
            WHERE (:round IS NULL OR round_id = :round) AND (:reader IS NULL OR reader_id = :reader)
            AND (:study IS NULL OR study_id = :study) AND (:task IS NULL OR task = :task)
            ORDER BY round_id, purpose IN ('adjudication', 'second_look'), position, reader_id, request_id"""
        parameters = {"round": round_id, "reader": reader_id, "study": study_id, "task": task}
        found = [_request(row) for row in self._rows(sql, parameters)]
        return [r for r in found if states is None or r.state in states]

    def request(self, request_id: str) -> ReadRequest:
        """The read asked for with an id.

        Raises
        ------
        NotFoundError
            There is none.
        """
        row = self._one("SELECT * FROM requests WHERE request_id = ?", [request_id])
        if row is None:
            raise NotFoundError(
                "There is no such read.", given=request_id, expected="the id of a read that was asked for",
                do="see the page My reading",
            )  # fmt: skip
        return _request(row)

    def state_of(self, task: str, reader_id: str) -> str:
        """Something short that changes with every read of a reader that comes, changes or is taken back."""
        sql = """SELECT count(*) AS n, coalesce(max(a.rowid), 0) AS newest,
            (SELECT group_concat(state) FROM (SELECT state FROM requests
                WHERE reader_id = :reader AND task = :task ORDER BY request_id)) AS states
            FROM annotations a WHERE a.reader_id = :reader AND a.task = :task"""
        rows = self._rows(sql, {"reader": reader_id, "task": task})
        return sha256(repr(list(rows)).encode()).hexdigest()[:16]

    def keep(self, annotation: Annotation) -> Annotation:
        """Keep an annotation. The same again changes nothing; a changed one is kept as the next revision.

        Its request becomes answered or skipped in the same transaction; it waits again where the annotation was
        taken back.

        Returns
        -------
        Annotation
            As it is kept, with its revision.
        """
        with self._store.write() as db:
            newest = self._one(
                "SELECT * FROM annotations WHERE annotation_id = ? ORDER BY revision DESC LIMIT 1",
                [annotation.annotation_id],
            )
            answers = dump([answer.to_json() for answer in annotation.answers])
            if newest is not None:
                known = (newest["answers"], bool(newest["skipped"]), newest["remark"], bool(newest["withdrawn"]))
                if known == (answers, annotation.skipped, annotation.remark, annotation.withdrawn):
                    return _annotation(newest)
                annotation = replace(annotation, revision=newest["revision"] + 1)
            annotation = replace(annotation, created_at=annotation.created_at or now())
            db.execute(
                "INSERT INTO annotations VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
                (
                    annotation.annotation_id, annotation.revision, annotation.task, annotation.study_id,
                    annotation.reader_id, annotation.mode, annotation.purpose, annotation.request_id,
                    annotation.round_id, answers, annotation.raw, int(annotation.skipped),
                    annotation.lead_time_s, annotation.created_at, annotation.guideline, annotation.remark,
                    annotation.accepted, int(annotation.withdrawn),
                ),
            )  # fmt: skip
            if annotation.withdrawn:
                db.execute(
                    """UPDATE requests SET state = iif(external_task IS NULL, 'planned', 'pushed')
                    WHERE request_id = ?""",
                    (annotation.request_id,),
                )
            elif annotation.request_id:
                state = RequestState.SKIPPED if annotation.skipped else RequestState.ANSWERED
                db.execute("UPDATE requests SET state = ? WHERE request_id = ?", (state, annotation.request_id))
            self._store.log.add(
                "annotation.taken_back"
                if annotation.withdrawn
                else "annotation.kept"
                if annotation.revision == 1
                else "annotation.changed",
                annotation.annotation_id,
                [RowKey("annotations", (annotation.annotation_id, annotation.revision))],
                reader=annotation.reader_id,
                study=annotation.study_id,
                revision=annotation.revision,
            )
            return annotation

    def annotations(
        self,
        task: str,
        *,
        round_id: str | None = None,
        study_id: str | None = None,
        reader_id: str | None = None,
        every_revision: bool = False,
    ) -> list[Annotation]:
        """The annotations of a task, the oldest first; the newest revision of each unless all are asked for.

        What its reader took back is left out unless every revision is asked for.
        """
        newest = "" if every_revision else (
            """ AND withdrawn = 0
            AND revision = (SELECT max(revision) FROM annotations n WHERE n.annotation_id = a.annotation_id)"""
        )  # fmt: skip
        sql = f"""SELECT * FROM annotations a WHERE task = :task
            AND (:round IS NULL OR round_id = :round) AND (:study IS NULL OR study_id = :study)
            AND (:reader IS NULL OR reader_id = :reader) {newest} ORDER BY created_at, annotation_id, revision"""  # noqa: S608
        parameters = {"task": task, "round": round_id, "study": study_id, "reader": reader_id}
        return [_annotation(row) for row in self._rows(sql, parameters)]

    def given_here(self, annotation_id: str) -> str:
        """When a read was last given or taken back in the workbench itself, ISO 8601; empty where it never was."""
        sql = "SELECT max(created_at) AS at FROM annotations WHERE annotation_id = ? AND raw = ''"
        row = self._one(sql, [annotation_id])
        return str(row["at"] or "") if row else ""


def _request(row: Row) -> ReadRequest:
    return ReadRequest(
        request_id=row["request_id"],
        round_id=row["round_id"],
        task=row["task"],
        study_id=row["study_id"],
        reader_id=row["reader_id"],
        purpose=Purpose(row["purpose"]),
        mode=Mode(row["mode"]),
        state=RequestState(row["state"]),
        external_project=row["external_project"],
        external_task=row["external_task"],
        guideline=row["guideline"],
        position=row["position"],
    )


def _annotation(row: Row) -> Annotation:
    return Annotation(
        annotation_id=row["annotation_id"],
        task=row["task"],
        study_id=row["study_id"],
        reader_id=row["reader_id"],
        mode=Mode(row["mode"]),
        answers=tuple(Answer.from_json(raw) for raw in json.loads(row["answers"])),
        request_id=row["request_id"],
        round_id=row["round_id"],
        purpose=Purpose(row["purpose"]),
        raw=row["raw"],
        skipped=bool(row["skipped"]),
        lead_time_s=row["lead_time_s"],
        created_at=row["created_at"],
        revision=row["revision"],
        guideline=row["guideline"],
        remark=row["remark"],
        accepted=row["accepted"],
        withdrawn=bool(row["withdrawn"]),
    )
