"""One turn of the loop: open, push, pull, close, train, compare, promote.

A round's state (:class:`data.records.RoundState`) says which step is next. Every step can be repeated, and a step
that was cut off goes on where it stopped: what it has done is in the store or, for the labelling server, found
again under the request's id.
"""

from __future__ import annotations

import functools
import hashlib
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar, cast

from filelock import FileLock, Timeout

from active_learning.acquisition import Candidate, choose
from active_learning.consensus import adjudicate, majority, needs_adjudication
from active_learning.disputes import dispute
from active_learning.gateway import Gateway
from active_learning.numbering import alike
from active_learning.packages import Packer
from active_learning.plan import RoundPlan
from active_learning.promotion import compare
from data.blobs import Blobs
from data.errors import BusyError, RoundError
from data.home import Home
from data.pixels import Pixels
from data.records import (
    Annotation,
    Consensus,
    Mode,
    Part,
    Prediction,
    Purpose,
    ReadRequest,
    RequestState,
    Round,
    RoundState,
    Study,
)
from data.store import Store
from models.prediction import evaluate_version, predict_studies
from models.task import ClinicalTask, Progress, silent
from models.training import train_version

Step = TypeVar("Step", bound=Callable[..., Any])


def _alone(step: Step) -> Step:
    """Nobody else takes a step of the same task meanwhile, in this process or another."""

    @functools.wraps(step)
    def alone(self: Loop, *arguments: Any, **named: Any) -> Any:
        try:
            with self.lock:
                return step(self, *arguments, **named)
        except Timeout as error:
            raise BusyError(
                "Another process is at a step of this task.",
                given=step.__name__,
                expected="one step at a time",
                do="wait until it is done (`consilium jobs`), then take this step again",
            ) from error

    return cast(Step, alone)


LOCK_TIMEOUT_S = 15.0
"""How long a step waits for another one; long enough for a pull, too short for a training."""
PUSH_CHUNK = 48
"""Reads sent to the labelling server between two notes of how far it is."""


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


class Loop:
    """The rounds of one task.

    Parameters
    ----------
    home:
        Whose store and blobs.
    task:
        The clinical task.
    gateway:
        The labelling server; only push, pull and close need it.
    """

    def __init__(
        self, home: Home, task: ClinicalTask, gateway: Gateway | None = None, *, progress: Progress = silent
    ) -> None:
        self.home = home
        self.task = task
        self.store = Store.of(home)
        self.blobs = Blobs.of(home)
        self.pixels = Pixels(self.blobs)
        self._gateway = gateway
        self.progress = progress
        folder = home.prepare().path / "locks"
        folder.mkdir(exist_ok=True)
        self.lock = FileLock(folder / f"{task.name}.lock", timeout=LOCK_TIMEOUT_S)

    @property
    def gateway(self) -> Gateway:
        """The labelling server, which must have been given."""
        if self._gateway is None:
            raise RoundError(
                "This step needs the labelling server.", given="none", expected="a running server",
                do="start it with `consilium labelstudio start`",
            )  # fmt: skip
        return self._gateway

    # -- open ----------------------------------------------------------------------------------------------

    @_alone
    def open(self, plan: RoundPlan, *, among: Collection[str] | None = None) -> Round:
        """Choose the batch, among these studies or all, and open the next round.

        Studies that are held for a person are left out, and so are those whose reference standard was read here.
        A training case with an imported standard is asked for only where its readers and the model disagree.
        """
        for reader in (*plan.readers, *([plan.adjudicator] if plan.adjudicator else [])):
            self.store.reads.reader(reader)
        champion = self.store.versions.champion(self.task.name)
        found = self.store.studies.find(study_ids=None if among is None else list(among))
        studies = [s for s in found if self.task.accepts(s) and not s.held]
        predictions: Mapping[str, Prediction] = {}
        if champion is not None:
            predictions = predict_studies(self.home, self.task, champion.version, studies, progress=self.progress)
        items = choose(
            list(self._candidates(studies, predictions)),
            budget=plan.budget,
            random_share=plan.random_share,
            independent_share=plan.independent_share,
            seed=plan.seed,
        )
        return self.store.rounds.open(self.task.name, items, plan.as_dict(), champion.version if champion else "")

    def _candidates(self, studies: Sequence[Study], predictions: Mapping[str, Prediction]) -> Iterator[Candidate]:
        asked = self.store.rounds.studies_asked(self.task.name)
        standard = {
            **self.store.labels.standard(self.task.name, {Part.TRAIN, Part.VALIDATION}),
            **self.store.labels.standard(self.task.name, {Part.CALIBRATION, Part.TEST}),
        }
        read: dict[str, list[Annotation]] = {}
        for annotation in self.store.reads.annotations(self.task.name):
            if not annotation.skipped:
                read.setdefault(annotation.study_id, []).append(annotation)
        for study in studies:
            answered = standard.get(study.study_id, ())
            known = bool(answered) and self.task.form.is_complete(answered)
            prediction = predictions.get(study.study_id)
            settled = known and study.study_id in asked
            annotations = [] if settled else alike(read.get(study.study_id, ()), self.task.form, self.blobs)
            disputed = dispute(annotations, prediction, self.task.form)
            yield Candidate(study, prediction, disputed, has_reference=known)

    # -- push and pull -------------------------------------------------------------------------------------

    @_alone
    def push(self, round_id: str) -> Round:
        """Send the batch to the readers."""
        current = self.store.rounds.get(round_id)
        if current.state != RoundState.OPENED:
            return self._past(current, RoundState.OPENED)
        plan = RoundPlan.from_dict(current.plan)
        for reader in plan.readers:
            self.store.reads.reader(reader)
        self.store.reads.plan(self._requests(current, plan))
        self._send(current)
        return self.store.rounds.move(round_id, RoundState.PUSHED, expected=[RoundState.OPENED])

    def _requests(self, current: Round, plan: RoundPlan) -> Iterator[ReadRequest]:
        for position, item in enumerate(self.store.rounds.batch(current.round_id).items):
            for turn in range(plan.readers_per_case):
                reader = plan.readers[(position + turn) % len(plan.readers)]
                yield _request(current, item.study_id, reader, item.purpose, item.mode)

    def _send(self, current: Round) -> None:
        planned = self.store.reads.requests(round_id=current.round_id, states={RequestState.PLANNED})
        predictions: Mapping[str, Prediction] = {}
        if current.champion:
            predictions = self.store.versions.predictions(
                current.champion, study_ids={r.study_id for r in planned if r.mode == Mode.ASSISTED}
            )
        packer = Packer(self.store, self.task, self.pixels)
        for start in range(0, len(planned), PUSH_CHUNK):
            packages = [
                packer.package(request, predictions.get(request.study_id))
                for request in planned[start : start + PUSH_CHUNK]
            ]
            self.store.reads.set_requests(self.gateway.push(packages, self.task.form, title=self.task.title))
            self.progress((start + len(packages)) / len(planned), "sending cases to the readers")

    @_alone
    def pull(self, round_id: str) -> PullReport:
        """Fetch what the readers have answered. Again gives nothing new; a changed answer is a new revision."""
        current = self.store.rounds.get(round_id)
        if current.state not in (RoundState.PUSHED, RoundState.READ):
            return PullReport(0, 0, 0, (), 0)
        open_states = {RequestState.PUSHED, RequestState.ANSWERED, RequestState.SKIPPED}
        requests = self.store.reads.requests(round_id=round_id, states=open_states)
        by_id = {r.request_id: r for r in requests}
        before = {a.annotation_id: a.revision for a in self.store.reads.annotations(self.task.name)}
        report = self.gateway.pull(requests, self.task.form, self._shapes())
        kept = changed = skipped = 0
        for index, read in enumerate(report.reads):
            request = by_id[read.request_id]
            annotation = self.store.reads.keep(
                Annotation(
                    annotation_id=f"an-{request.request_id}",
                    task=self.task.name,
                    study_id=request.study_id,
                    reader_id=request.reader_id,
                    mode=request.mode,
                    purpose=request.purpose,
                    answers=read.answers,
                    request_id=request.request_id,
                    round_id=round_id,
                    raw=self.blobs.put(read.raw),
                    skipped=read.skipped,
                    lead_time_s=read.lead_time_s,
                )
            )
            known = before.get(annotation.annotation_id)
            kept += known is None
            changed += known is not None and annotation.revision > known
            skipped += read.skipped
            self.progress((index + 1) / len(report.reads), "fetching answers")
        for refused in report.refused:
            self.store.log.add("annotation.refused", refused.request_id, message=refused.message)
        outstanding = len(self.store.reads.requests(round_id=round_id, states={RequestState.PUSHED}))
        if not outstanding and current.state == RoundState.PUSHED:
            self.store.rounds.move(round_id, RoundState.READ, expected=[RoundState.PUSHED])
        refusals = tuple((r.request_id, r.message) for r in report.refused)
        return PullReport(kept, changed, skipped, refusals, outstanding)

    def _shapes(self) -> Callable[[str], tuple[tuple[int, int], ...]]:
        def shapes(study_id: str) -> tuple[tuple[int, int], ...]:
            return self.task.page_shapes(self.store.studies.get(study_id))

        return shapes

    # -- close ---------------------------------------------------------------------------------------------

    @_alone
    def close(self, round_id: str) -> Round:
        """Form the consensus; disputed cases go to the adjudicator, and the round waits for those answers.

        The round is closed once every case is agreed, adjudicated, or declined by the adjudicator.
        """
        current = self.store.rounds.get(round_id)
        if current.state != RoundState.READ:
            return self._past(current, RoundState.READ)
        plan = RoundPlan.from_dict(current.plan)
        annotations = alike(
            self.store.reads.annotations(self.task.name, round_id=round_id), self.task.form, self.blobs
        )
        outcomes = self._outcomes(current, annotations)
        disputed = [study_id for study_id, records in outcomes.items() if needs_adjudication(records)]
        if plan.adjudicator and disputed:
            self.store.reads.plan(
                _request(current, study_id, plan.adjudicator, Purpose.ADJUDICATION, Mode.INDEPENDENT)
                for study_id in disputed
            )
            self._send(current)
        decisions = {a.study_id: a for a in annotations if a.purpose == Purpose.ADJUDICATION and not a.skipped}
        for study_id in disputed:
            if study_id in decisions:
                outcomes[study_id] = list(
                    adjudicate(outcomes[study_id], decisions[study_id], self.task.form, annotations=annotations)
                )
        self.store.labels.put_consensus(record for records in outcomes.values() for record in records)
        if self.waiting_for_adjudication(round_id):
            return current
        return self.store.rounds.move(round_id, RoundState.CLOSED, expected=[RoundState.READ])

    def waiting_for_adjudication(self, round_id: str) -> int:
        """How many disputed cases wait for the adjudicator's answer."""
        pushed = self.store.reads.requests(round_id=round_id, states={RequestState.PUSHED})
        return sum(r.purpose == Purpose.ADJUDICATION for r in pushed)

    def _outcomes(self, current: Round, annotations: Sequence[Annotation]) -> dict[str, list[Consensus]]:
        reading = self.task.config.reading
        by_study: dict[str, list[Annotation]] = {}
        for annotation in annotations:
            if annotation.purpose != Purpose.ADJUDICATION:
                by_study.setdefault(annotation.study_id, []).append(annotation)
        outcomes = {}
        for item in self.store.rounds.batch(current.round_id).items:
            outcomes[item.study_id] = list(
                majority(
                    by_study.get(item.study_id, []),
                    self.task.form,
                    task=self.task.name,
                    study_id=item.study_id,
                    round_id=current.round_id,
                    count_assisted=reading.count_assisted and item.purpose == Purpose.ACQUISITION,
                    blobs=self.blobs,
                    reads_expected=RoundPlan.from_dict(current.plan).readers_per_case,
                )
            )
        return outcomes

    # -- train, compare, promote ---------------------------------------------------------------------------

    @_alone
    def train(self, round_id: str, *, max_steps: int | None = None) -> Round:
        """Train a candidate on the reference standard of the training patients, this round's included."""
        current = self.store.rounds.get(round_id)
        if current.state != RoundState.CLOSED:
            return self._past(current, RoundState.CLOSED)
        version, _ = train_version(
            self.store,
            self.blobs,
            self.task,
            RoundPlan.from_dict(current.plan).profile,
            round_id=round_id,
            parent=current.champion,
            scratch=self._scratch(round_id),
            max_steps=max_steps,
            progress=self.progress,
        )
        return self.store.rounds.move(
            round_id, RoundState.TRAINED, expected=[RoundState.CLOSED], candidate=version.version
        )

    def _scratch(self, name: str) -> Path:
        return self.home.path / "scratch" / name

    @_alone
    def compare(self, round_id: str) -> Round:
        """Put the candidate beside the champion on the locked test patients."""
        current = self.store.rounds.get(round_id)
        if current.state != RoundState.TRAINED:
            return self._past(current, RoundState.TRAINED)
        plan = RoundPlan.from_dict(current.plan)
        evaluation = evaluate_version(self.home, self.task, current.candidate, Part.TEST, progress=self.progress)
        outcome: dict[str, Any] = {"candidate": evaluation.metrics_dict()}
        if current.champion:
            champion = evaluate_version(self.home, self.task, current.champion, Part.TEST, progress=self.progress)
            outcome["champion"] = champion.metrics_dict()
            references = self.store.labels.standard(self.task.name, {Part.TEST})
            comparison = compare(
                self.task.form,
                self.task.primary,
                self.store.versions.predictions(current.champion, parts=[Part.TEST]),
                self.store.versions.predictions(current.candidate, parts=[Part.TEST]),
                references,
                {s.study_id: s.patient.patient_id for s in self.store.studies.find(study_ids=list(references))},
                margin=plan.margin,
                seed=plan.seed,
                blobs=self.blobs,
            )
            outcome |= {"primary": self.task.primary, **comparison.as_dict()}
        else:
            outcome |= {
                "primary": self.task.primary,
                "better": True,
                "verdict": "first",
                "sentence": "The task had no champion: the first version becomes it.",
            }
        return self.store.rounds.move(
            round_id, RoundState.COMPARED, expected=[RoundState.TRAINED], outcome=outcome
        )

    @_alone
    def promote(self, round_id: str, *, reason: str = "", force: bool = False) -> Round:
        """Crown the candidate if it was proven better; else keep the champion.

        Parameters
        ----------
        reason:
            Why, for the log; the comparison's sentence where none is given.
        force:
            Crown it although it was not proven better; this needs a reason.
        """
        current = self.store.rounds.get(round_id)
        if current.state != RoundState.COMPARED:
            return self._past(current, RoundState.COMPARED)
        if force and not reason:
            raise RoundError(
                "A promotion against the comparison needs a reason.", given="none", expected="a sentence",
                do="say why with --reason",
            )  # fmt: skip
        with self.store.write():
            if force or current.outcome.get("better"):
                self.store.versions.crown(
                    self.task.name, current.candidate, reason or str(current.outcome.get("sentence", ""))
                )
                return self.store.rounds.move(round_id, RoundState.PROMOTED, expected=[RoundState.COMPARED])
            return self.store.rounds.move(round_id, RoundState.KEPT, expected=[RoundState.COMPARED])

    @_alone
    def rollback(self, reason: str) -> str:
        """Make the version before the champion the champion again. Returns its id.

        Raises
        ------
        RoundError
            There is no earlier champion.
        """
        history = self.store.versions.championships(self.task.name)
        earlier = next((c.version for c in history[1:] if c.version != history[0].version), None)
        if earlier is None:
            raise RoundError(
                "There is no earlier champion.",
                given=history[0].version if history else "no champion",
                expected="a task whose champion changed",
                do="promote another version first",
            )
        self.store.versions.crown(self.task.name, earlier, f"rolled back: {reason}")
        return earlier

    @_alone
    def cancel(self, round_id: str) -> Round:
        """Give a round up before it closes. Its answers are kept; unread cases are taken off the server."""
        current = self.store.rounds.get(round_id)
        if current.state not in (RoundState.OPENED, RoundState.PUSHED, RoundState.READ):
            return self._past(current, RoundState.OPENED)
        pushed = self.store.reads.requests(round_id=round_id, states={RequestState.PUSHED})
        if pushed:
            self.pull(round_id)
            pushed = self.store.reads.requests(round_id=round_id, states={RequestState.PUSHED})
            self.store.reads.set_requests(self.gateway.withdraw(pushed))
        return self.store.rounds.move(
            round_id, RoundState.CANCELLED, expected=[RoundState.OPENED, RoundState.PUSHED, RoundState.READ]
        )

    def _past(self, current: Round, wanted: RoundState) -> Round:
        """A step that was done before changes nothing; one whose turn has not come is refused."""
        order = list(RoundState)
        if order.index(current.state) > order.index(wanted) and current.state != RoundState.CANCELLED:
            return current
        raise RoundError(
            "It is not this step's turn.",
            given=f"{current.round_id} is {current.state}",
            expected=f"a round that is {wanted}",
            do=f"take the step that comes first: {NEXT_STEP.get(current.state, 'none')}",
        )


NEXT_STEP: Mapping[RoundState, str] = {
    RoundState.OPENED: "push",
    RoundState.PUSHED: "pull",
    RoundState.READ: "close",
    RoundState.CLOSED: "train",
    RoundState.TRAINED: "compare",
    RoundState.COMPARED: "promote",
}
"""The step that brings a round out of a state. A round in another state has ended."""


def _request(current: Round, study_id: str, reader: str, purpose: Purpose, mode: Mode) -> ReadRequest:
    digest = hashlib.sha256(f"{current.round_id}\0{study_id}\0{reader}".encode()).hexdigest()[:20]
    return ReadRequest(f"rq-{digest}", current.round_id, current.task, study_id, reader, purpose, mode)
