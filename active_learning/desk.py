"""What a round asks of its readers, and what they answer: requests, sending, fetching.

A reader's queue holds the cases of the batch and, hidden among them, second reads of earlier ones. Where the plan
wants a second look, a training case comes back to its reader with the model's answer in view; from then on the
first answer is fixed, so that it stays one that no model had a say in.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from active_learning.assignment import Seat, assign, queues, rereads
from active_learning.guidelines import standing
from active_learning.pace import pace_s
from active_learning.packages import Packer
from active_learning.plan import RoundPlan
from active_learning.surroundings import Surroundings
from data.records import (
    OPEN_ROUND,
    WAITING,
    Annotation,
    Mode,
    Prediction,
    PulledRead,
    Purpose,
    ReadRequest,
    RequestState,
    Round,
    RoundKind,
)
from models.task import get_task

PUSH_CHUNK = 48
"""Reads sent to the labelling server between two notes of how far it is."""
FIXED = "The first answer is fixed since the model's answer was shown: change the second one."


@dataclass(frozen=True, slots=True)
class PullReport:
    """What a pull brought.

    Parameters
    ----------
    kept, changed, skipped:
        New annotations; annotations whose answers changed since; reads declined.
    refused:
        (request id, why) of answers that did not fit.
    outstanding:
        Reads still to come.
    """

    kept: int
    changed: int
    skipped: int
    refused: tuple[tuple[str, str], ...]
    outstanding: int


class Desk:
    """Requests and reads of a task's rounds."""

    def __init__(self, around: Surroundings) -> None:
        self.around = around
        self.store, self.task = around.store, around.task

    # -- asking --------------------------------------------------------------------------------------------

    def requests(self, current: Round) -> list[ReadRequest]:
        """The reads that a round asks for, not kept yet: who reads what, and where it stands in the queue."""
        plan = RoundPlan.from_dict(current.plan)
        guideline = standing(self.around.home, self.task).version
        items = {item.study_id: item for item in self.store.rounds.batch(current.round_id).items}
        earlier = self.store.reads.annotations(self.task.name)
        pairs = assign(
            list(items),
            [self._seat(reader) for reader in plan.readers],
            plan.readers_per_case,
            barred={(a.study_id, a.reader_id) for a in earlier if a.purpose == Purpose.ADJUDICATION},
            seen={(a.study_id, a.reader_id) for a in earlier},
            seed=plan.seed,
        )
        again: list[tuple[str, str]] = []
        if current.kind == RoundKind.QUERY:
            again = list(self._second_reads(plan, earlier, Counter(reader for _, reader in pairs), items))
        places = queues(pairs, again, seed=plan.seed)
        asked = [(study, reader, items[study].purpose, items[study].mode) for study, reader in pairs]
        asked += [(study, reader, Purpose.REREAD, Mode.INDEPENDENT) for study, reader in again]
        return [
            request_of(current, study, reader, purpose, mode, guideline, places[study, reader])
            for study, reader, purpose, mode in asked
        ]

    def _seat(self, reader_id: str) -> Seat:
        """What waits for a reader in all tasks, at the pace that the reader has shown."""
        waiting = Counter(r.task for r in self.store.reads.requests(reader_id=reader_id, states=WAITING))
        load = sum(count * pace_s(self.store, get_task(task), reader_id) for task, count in waiting.items())
        return Seat(reader_id, load, pace_s(self.store, self.task, reader_id))

    def _second_reads(
        self, plan: RoundPlan, earlier: Sequence[Annotation], counts: Mapping[str, int], batch: Collection[str]
    ) -> Iterator[tuple[str, str]]:
        open_ = {r.round_id for r in self.store.rounds.all(self.task.name, kind=None) if r.state in OPEN_ROUND}
        before = (datetime.now(UTC) - timedelta(days=plan.reread_after_days)).isoformat()
        ended = [a for a in earlier if a.round_id not in open_]
        chosen = rereads(ended, counts, share=plan.reread_share, batch=batch, before=before, seed=plan.seed)
        held = {s.study_id for s in self.store.studies.find(study_ids=[study for study, _ in chosen]) if s.held}
        yield from (pair for pair in chosen if pair[0] not in held)

    def send(self, current: Round) -> None:
        """Send what is planned and not sent yet, in the order of the queues."""
        planned = self.store.reads.requests(round_id=current.round_id, states={RequestState.PLANNED})
        predictions: Mapping[str, Prediction] = {}
        if current.champion:
            predictions = self.store.versions.predictions(
                current.champion, study_ids={r.study_id for r in planned if r.mode == Mode.ASSISTED}
            )
        packer = Packer(self.store, self.task, self.around.pixels)
        for start in range(0, len(planned), PUSH_CHUNK):
            packages = [
                packer.package(request, predictions.get(request.study_id))
                for request in planned[start : start + PUSH_CHUNK]
            ]
            self.store.reads.set_requests(
                self.around.gateway.push(packages, self.task.form, title=self.task.title)
            )
            self.around.progress((start + len(packages)) / len(planned), "sending cases to the readers")

    # -- fetching ------------------------------------------------------------------------------------------

    def fetch(self, requests: Sequence[ReadRequest]) -> PullReport:
        """Fetch answers and keep them. Again gives nothing new; a changed answer is a new revision.

        Returns
        -------
        PullReport
            It says nothing of what is outstanding.
        """
        by_id = {r.request_id: r for r in requests}
        known = {a.annotation_id: a for a in self.store.reads.annotations(self.task.name)}
        settled = fixed(requests)
        report = self.around.gateway.pull(requests, self.task.form, self.around.shapes())
        refused = [(r.request_id, r.message) for r in report.refused]
        kept = changed = skipped = 0
        for index, read in enumerate(report.reads):
            given = self._annotation(by_id[read.request_id], read)
            before = known.get(given.annotation_id)
            if before is not None and read.request_id in settled and before.answers != given.answers:
                refused.append((read.request_id, FIXED))
                continue
            with self.store.write():  # the reader may act here meanwhile
                if is_overtaken(read.updated_at, self.store.reads.given_here(given.annotation_id)):
                    continue
                annotation = self.store.reads.keep(given)
            kept += before is None
            skipped += annotation.skipped
            changed += before is not None and annotation.revision > before.revision
            self.around.progress((index + 1) / len(report.reads), "fetching answers")
        for request_id, message in refused:
            self.store.log.add("annotation.refused", request_id, message=message)
        return PullReport(kept, changed, skipped, tuple(refused), 0)

    def _annotation(self, request: ReadRequest, read: PulledRead) -> Annotation:
        return Annotation(
            annotation_id=f"an-{request.request_id}",
            task=self.task.name,
            study_id=request.study_id,
            reader_id=request.reader_id,
            mode=request.mode,
            purpose=request.purpose,
            answers=read.answers,
            request_id=request.request_id,
            round_id=request.round_id,
            raw=self.around.blobs.put(read.raw),
            skipped=read.skipped,
            lead_time_s=read.lead_time_s,
            guideline=request.guideline,
            remark=read.remark,
        )

    def look_again(self, current: Round) -> None:
        """Plan a look at the model's answer for each training case that was answered without it, where wanted."""
        if RoundPlan.from_dict(current.plan).second_look and current.champion:
            self.store.reads.plan(self._second_looks(current))

    def _second_looks(self, current: Round) -> Iterator[ReadRequest]:
        answered = [
            r
            for r in self.store.reads.requests(round_id=current.round_id, states={RequestState.ANSWERED})
            if r.purpose == Purpose.ACQUISITION and r.mode == Mode.INDEPENDENT
        ]
        seen = self.store.versions.predictions(current.champion, study_ids={r.study_id for r in answered})
        for r in answered:
            if r.study_id in seen:
                purpose, mode = Purpose.SECOND_LOOK, Mode.ASSISTED
                yield request_of(current, r.study_id, r.reader_id, purpose, mode, r.guideline, r.position)


def fixed(requests: Iterable[ReadRequest]) -> set[str]:
    """The requests of a round whose second look has been asked for."""
    given = list(requests)
    looked = {(r.study_id, r.reader_id) for r in given if r.purpose == Purpose.SECOND_LOOK}
    return {
        r.request_id for r in given if r.purpose == Purpose.ACQUISITION and (r.study_id, r.reader_id) in looked
    }


def is_overtaken(updated_at: str, given_here: str) -> bool:
    """Whether an answer on the labelling server is older than what was done with the read in the workbench.

    Parameters
    ----------
    updated_at, given_here:
        ISO 8601; the first as the server says it, the second of the records, empty where nothing was done here.
    """
    return bool(given_here) and _moment(updated_at) <= _moment(given_here)


def _moment(at: str) -> datetime:
    when = datetime.fromisoformat(at)
    return when if when.tzinfo else when.replace(tzinfo=UTC)


def request_of(
    current: Round, study_id: str, reader: str, purpose: Purpose, mode: Mode, guideline: int, position: int
) -> ReadRequest:
    """A read to be asked for; its id follows from what it is."""
    name = f"{current.round_id}\0{study_id}\0{reader}"
    if purpose in (Purpose.REREAD, Purpose.SECOND_LOOK):
        name += f"\0{purpose}"
    digest = hashlib.sha256(name.encode()).hexdigest()[:20]
    return ReadRequest(
        f"rq-{digest}",
        current.round_id,
        current.task,
        study_id,
        reader,
        purpose,
        mode,
        guideline=guideline,
        position=position,
    )
