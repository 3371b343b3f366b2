"""One turn of the loop: open, push, pull, close, train, compare, promote.

A round's state (:class:`data.records.RoundState`) says which step is next. Every step can be repeated, and a step
that was cut off goes on where it stopped: what it has done is in the store or, for the labelling server, found
again under the request's id. What a batch is chosen from is in :mod:`active_learning.opening`, what is asked of
readers in :mod:`active_learning.desk`, what their answers come to in :mod:`active_learning.closing`.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import replace
from typing import Any, TypeVar, cast

from filelock import FileLock, Timeout

from active_learning.adjudication import needs_adjudication
from active_learning.closing import Closing
from active_learning.desk import Desk, PullReport
from active_learning.gateway import Gateway
from active_learning.learning import candidate, comparison, roll_back
from active_learning.opening import Opening
from active_learning.plan import RoundPlan
from active_learning.proposal import Proposal
from active_learning.qualifying import Qualifying
from active_learning.surroundings import Surroundings
from data.answers import Answer
from data.errors import BusyError, LabelServerError, RoundError
from data.home import Home
from data.records import (
    OPEN_ROUND,
    Decision,
    Qualification,
    RequestState,
    Round,
    RoundKind,
    RoundState,
)
from models.task import ClinicalTask, Progress, silent

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
        self.around = Surroundings(home, task, gateway, progress)
        self.home, self.task = home, task
        self.store, self.blobs = self.around.store, self.around.blobs
        self.opening, self.desk, self.closing = Opening(self.around), Desk(self.around), Closing(self.around)
        self.qualifying = Qualifying(self.around)
        folder = home.prepare().path / "locks"
        folder.mkdir(exist_ok=True)
        self.lock = FileLock(folder / f"{task.name}.lock", timeout=LOCK_TIMEOUT_S)

    @property
    def progress(self) -> Progress:
        """Who is told how far a step is."""
        return self.around.progress

    # -- open ----------------------------------------------------------------------------------------------

    def preview(self, plan: RoundPlan, *, among: Collection[str] | None = None) -> Proposal:
        """The batch that :meth:`open` would choose now, with reasons and minutes; nothing is opened or sent."""
        return self.opening.propose(plan, among=among)

    @_alone
    def open(self, plan: RoundPlan, *, among: Collection[str] | None = None, batch: str = "") -> Round:
        """Choose the batch, among these studies or all, and open the next round (:class:`Opening`).

        Parameters
        ----------
        batch:
            The name of the batch that was previewed; another one is refused.
        """
        return self.opening.open(plan, among=among, batch=batch)

    # -- push and pull -------------------------------------------------------------------------------------

    @_alone
    def push(self, round_id: str) -> Round:
        """Send the batch to the readers."""
        current = self.store.rounds.get(round_id)
        if current.state != RoundState.OPENED:
            return self._past(current, RoundState.OPENED)
        for reader in RoundPlan.from_dict(current.plan).readers:
            self.store.reads.reader(reader)
        self.store.reads.plan(self.desk.requests(current))
        self.desk.send(current)
        return self.store.rounds.move(round_id, RoundState.PUSHED, expected=[RoundState.OPENED])

    @_alone
    def pull(self, round_id: str) -> PullReport:
        """Fetch what the readers have answered. Again gives nothing new; a changed answer is a new revision.

        Once the round is closed only adjudications that are still to come, after an appeal, are fetched.
        """
        current = self.store.rounds.get(round_id)
        reading = current.state in (RoundState.PUSHED, RoundState.READ)
        if reading:
            open_states = {RequestState.PUSHED, RequestState.ANSWERED, RequestState.SKIPPED}
            requests = self.store.reads.requests(round_id=round_id, states=open_states)
        else:
            requests = [r for r in self.closing.waiting(round_id) if r.state == RequestState.PUSHED]
        report = PullReport(0, 0, 0, (), 0)
        if current.state in (RoundState.OPENED, RoundState.CANCELLED):
            return report
        if requests:
            report = self.desk.fetch(requests)
        self.closing.catch_up(current)
        if reading:
            self.desk.look_again(current)
        if self.store.reads.requests(round_id=round_id, states={RequestState.PLANNED}):
            self.desk.send(current)
        with self.store.write():  # a reader may take a read back meanwhile
            outstanding = len(self.store.reads.requests(round_id=round_id, states={RequestState.PUSHED}))
            if not outstanding and current.state == RoundState.PUSHED:
                self.store.rounds.move(round_id, RoundState.READ, expected=[RoundState.PUSHED])
        return replace(report, outstanding=outstanding)

    # -- close ---------------------------------------------------------------------------------------------

    @_alone
    def close(self, round_id: str) -> Round:
        """Form the consensus; disputed cases go to an adjudicator, and the round waits for those answers.

        The round is closed once every case is agreed, adjudicated, or declined by the adjudicator. A qualification
        round is scored.
        """
        current = self.store.rounds.get(round_id)
        if current.state != RoundState.READ:
            return self._past(current, RoundState.READ)
        if current.kind == RoundKind.QUALIFICATION:
            self.qualifying.score(current)
            return self.store.rounds.move(round_id, RoundState.CLOSED, expected=[RoundState.READ])
        outcomes = self.closing.form(current)
        disputed = [study_id for study_id, records in outcomes.items() if needs_adjudication(records)]
        self.closing.ask(current, disputed)
        if self.closing.waiting(round_id):
            self.desk.send(current)
            return current
        return self.store.rounds.move(round_id, RoundState.CLOSED, expected=[RoundState.READ])

    def waiting_for_adjudication(self, round_id: str) -> int:
        """How many disputed cases wait for an adjudicator's answer."""
        return len(self.closing.waiting(round_id))

    @_alone
    def decide(
        self, round_id: str, study_id: str, reader_id: str, answers: Sequence[Answer], why: str
    ) -> Decision:
        """Decide on a disputed case in the workbench; it is taken off the labelling server."""
        current = self.store.rounds.get(round_id)
        before = [r for r in self.closing.waiting(round_id) if (r.study_id, r.reader_id) == (study_id, reader_id)]
        decision = self.closing.decide(current, study_id, reader_id, answers, why)
        if before and self.around.server is not None:
            try:
                gone = self.around.server.withdraw(before)
                self.store.reads.set_requests(
                    replace(r, state=RequestState.ANSWERED, external_project=None, external_task=None)
                    for r in gone
                )
            except LabelServerError as error:
                self.store.log.add("case.left_on_server", study_id, message=str(error))
        return decision

    @_alone
    def appeal(self, decision_id: str, *, reader_id: str, reason: str) -> None:
        """Appeal against a decision, once; the case is sent to another adjudicator.

        Where the labelling server cannot be reached it is sent with the next fetch; meanwhile it can be decided in
        the workbench.
        """
        request = self.closing.appeal(decision_id, reader_id=reader_id, reason=reason)
        try:
            self.desk.send(self.store.rounds.get(request.round_id))
        except LabelServerError as error:
            self.store.log.add("case.not_sent", request.study_id, message=str(error))

    # -- readers -------------------------------------------------------------------------------------------

    @_alone
    def qualify(self, reader_id: str, *, cases: int | None = None) -> Round:
        """Open a reader's qualification round and send it; one that is open already is found."""
        current = self.qualifying.open(self.store.reads.reader(reader_id), cases=cases)
        return self.push(current.round_id) if current.state == RoundState.OPENED else current

    def qualification(self, round_id: str) -> Qualification | None:
        """The outcome of a qualification round; None before it is closed."""
        current = self.store.rounds.get(round_id)
        return next((q for q in self.store.qualifications.all(current.task) if q.round_id == round_id), None)

    # -- train, compare, promote ---------------------------------------------------------------------------

    @_alone
    def train(self, round_id: str, *, max_steps: int | None = None) -> Round:
        """Train a candidate on the reference standard of the training patients, this round's included."""
        current = self.store.rounds.get(round_id)
        if current.state != RoundState.CLOSED:
            return self._past(current, RoundState.CLOSED)
        version = candidate(self.around, current, max_steps=max_steps).version
        return self.store.rounds.move(
            round_id, RoundState.TRAINED, expected=[RoundState.CLOSED], candidate=version
        )

    @_alone
    def compare(self, round_id: str) -> Round:
        """Put the candidate beside the champion on the locked test patients."""
        current = self.store.rounds.get(round_id)
        if current.state != RoundState.TRAINED:
            return self._past(current, RoundState.TRAINED)
        outcome = comparison(self.around, current)
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
        return roll_back(self.around, reason)

    @_alone
    def cancel(self, round_id: str) -> Round:
        """Give a round up before it closes. Its answers are kept; unread cases are taken off the server."""
        current = self.store.rounds.get(round_id)
        if current.state not in OPEN_ROUND:
            return self._past(current, RoundState.OPENED)
        pushed = self.store.reads.requests(round_id=round_id, states={RequestState.PUSHED})
        if pushed:
            self.pull(round_id)
            pushed = self.store.reads.requests(round_id=round_id, states={RequestState.PUSHED})
            self.store.reads.set_requests(self.around.gateway.withdraw(pushed))
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
