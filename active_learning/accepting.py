"""Reads that are given in the workbench: the model's answer taken over, a case skipped, a read taken back.

A read is one record under its request's id, wherever it was given: what comes from the labelling server and what
is given here are revisions of it, and the newest counts. What a reader changes on the labelling server afterwards
is the next revision; what stood there before is passed over by the next fetch
(:func:`active_learning.desk.is_overtaken`), so that nothing has to be deleted there and nothing here waits for the
server. Every step is one short transaction, without the lock of a round's steps: a reader never waits for them.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from enum import StrEnum

from active_learning.as_read import as_read
from active_learning.desk import FIXED, fixed
from data.answers import Answer
from data.blobs import Blobs
from data.errors import AnswerError, ConflictError, RoundError
from data.home import Home
from data.records import (
    Annotation,
    Mode,
    Prediction,
    Purpose,
    ReadRequest,
    RequestState,
    Round,
    RoundState,
)
from data.store import Store
from models.task import ClinicalTask

LONGEST_S = 1800.0
"""A read that took longer was left lying: how long it took is not known."""
LONGEST_WHY = 2000
"""Characters of a reason."""
READABLE = (RoundState.PUSHED, RoundState.READ)
"""A round in one of these can still change a read."""


class Lack(StrEnum):
    """What keeps a model's answer from being taken over."""

    NOTHING = ""
    INDEPENDENT = "the read is independent"
    SILENT = "the model has said nothing of this study"
    OPEN = "questions are left open"
    UNFIT = "an answer does not fit the form"


@dataclass(frozen=True, slots=True)
class Offer:
    """The model's answer, as the read that it would become.

    Parameters
    ----------
    version:
        Whose answer it is; empty where there is none.
    answers:
        In the form in which a reader gives them.
    lack:
        Why it cannot be taken over.
    open_questions:
        The names of those that are left open.
    """

    version: str = ""
    answers: tuple[Answer, ...] = ()
    lack: Lack = Lack.NOTHING
    open_questions: tuple[str, ...] = ()


class Accepting:
    """What readers of a task do with their reads in the workbench."""

    def __init__(self, home: Home, task: ClinicalTask) -> None:
        self.store, self.blobs, self.task = Store.of(home), Blobs.of(home), task

    def prediction(self, request: ReadRequest) -> Prediction | None:
        """What the request's version says of its study; None where the read is independent, or it says nothing."""
        if request.mode != Mode.ASSISTED:
            return None
        version = self.store.rounds.get(request.round_id).champion
        found = self.store.versions.predictions(version, study_ids={request.study_id}) if version else {}
        return found.get(request.study_id)

    def offer(self, request: ReadRequest) -> Offer:
        """The answer that :meth:`accept` would keep, or why there is none."""
        if request.mode != Mode.ASSISTED:
            return Offer(lack=Lack.INDEPENDENT)
        found = self.prediction(request)
        if found is None:
            return Offer(lack=Lack.SILENT)
        shapes = self.task.page_shapes(self.store.studies.get(request.study_id))
        try:
            given = as_read(self.task.form, (r.answer for r in found.results), shapes, self.blobs)
        except AnswerError:
            return Offer(found.version, lack=Lack.UNFIT)
        open_ = self.task.form.unanswered(given)
        if open_:
            return Offer(found.version, given, Lack.OPEN, tuple(open_))
        return Offer(found.version, given)

    def accept(self, request_id: str, reader_id: str, *, lead_time_s: float | None = None) -> Annotation:
        """Take over the model's answer as the reader's own read. Again changes nothing.

        Parameters
        ----------
        lead_time_s:
            How long the reader looked, in seconds; None where that is not known.

        Raises
        ------
        RoundError
            The read is not this reader's, is independent, or can no longer be given; the answer is not whole.
        ConflictError
            The read was given otherwise.
        """
        request = self._request(request_id, reader_id)
        offer = self.offer(request)
        if offer.lack:
            lack = f"{offer.lack}: {', '.join(offer.open_questions)}" if offer.open_questions else str(offer.lack)
            raise RoundError(
                "The model's answer cannot be taken over.", given=lack,
                expected="an assisted read, and an answer to every question", do="answer it in Label Studio",
            )  # fmt: skip
        return self._give(
            request, replace(_blank(request, lead_time_s), answers=offer.answers, accepted=offer.version)
        )

    def give(
        self, request_id: str, reader_id: str, answers: Iterable[Answer], *, lead_time_s: float | None = None
    ) -> Annotation:
        """Give a read: an answer to every question that is asked. The same again changes nothing.

        Raises
        ------
        AnswerError
            An answer does not fit the form.
        RoundError
            Questions are left open; the read is not this reader's or can no longer be given.
        ConflictError
            The read was given otherwise.
        """
        request = self._request(request_id, reader_id)
        checked = self.task.form.check(answers)
        open_ = self.task.form.unanswered(checked)
        if open_:
            sites = [f"{name} ({len(of)})" for name, of in open_.items()]
            raise RoundError(
                "Questions are left open.", given=", ".join(sites), expected="an answer to every question",
                do="answer them, or skip the case",
            )  # fmt: skip
        return self._give(request, replace(_blank(request, lead_time_s), answers=checked))

    def skip(self, request_id: str, reader_id: str, why: str, *, lead_time_s: float | None = None) -> Annotation:
        """Decline a case, with the reason. Again with the same reason changes nothing.

        Raises
        ------
        RoundError
            No reason is given; the read is not this reader's or can no longer be given.
        ConflictError
            The read was given otherwise.
        """
        if not why.strip():
            raise RoundError(
                "A case that is skipped needs a reason.", given="none", expected="a sentence",
                do="say why it cannot be read",
            )  # fmt: skip
        request = self._request(request_id, reader_id)
        said = why.strip()[:LONGEST_WHY]
        return self._give(request, replace(_blank(request, lead_time_s), skipped=True, remark=said))

    def take_back(self, request_id: str, reader_id: str) -> Annotation:
        """Take a read back, wherever it was given: the case waits again. Again changes nothing.

        What was said stays in the records. A round whose reads were all in waits again, too.

        Raises
        ------
        RoundError
            Nothing was given; the round is closed; the answer is fixed since the model's was shown.
        """
        with self.store.write():
            request = self._request(request_id, reader_id)
            current = self._open_round(request)
            newest = self._newest(request)
            if newest is None:
                raise RoundError(
                    "There is nothing to take back.", given=request_id, expected="a read that was given",
                    do="give it first",
                )  # fmt: skip
            if newest.withdrawn:
                return newest
            if request_id in fixed(self.store.reads.requests(round_id=request.round_id)):
                raise RoundError(FIXED, given=request_id, expected="a read without a second look", do="leave it")
            gone = replace(newest, raw="", accepted="", withdrawn=True, lead_time_s=None, created_at="")
            kept = self.store.reads.keep(gone)
            if current.state == RoundState.READ:
                self.store.rounds.move(current.round_id, RoundState.PUSHED, expected=[RoundState.READ])
            return kept

    # -- what all of them ask -----------------------------------------------------------------------------

    def _give(self, request: ReadRequest, given: Annotation) -> Annotation:
        """Keep a read that waits; one that was given alike is found."""
        with self.store.write():
            self._open_round(request)
            state = self._request(request.request_id, request.reader_id).state
            newest = self._newest(request)
            if newest is not None and not newest.withdrawn:
                if _said(newest) == _said(given):
                    return newest
                raise ConflictError(
                    "This case was read otherwise meanwhile.", given=request.request_id,
                    expected="a case that waits", do="look at what was given, and take it back first",
                )  # fmt: skip
            if state != RequestState.PUSHED:
                raise RoundError(
                    "This case does not wait for a read.", given=f"{request.request_id} is {state}",
                    expected="a case that was sent", do="choose another one",
                )  # fmt: skip
            return self.store.reads.keep(given)

    def _request(self, request_id: str, reader_id: str) -> ReadRequest:
        asked = self.store.reads.requests(reader_id=reader_id, task=self.task.name)
        request = next((r for r in asked if r.request_id == request_id), None)
        if request is None or request.purpose == Purpose.ADJUDICATION:
            raise RoundError(
                "This case is not yours to read.", given=f"{reader_id} for {request_id}",
                expected="a case of your own queue", do="see the page My reading for the cases that wait",
            )  # fmt: skip
        return request

    def _open_round(self, request: ReadRequest) -> Round:
        current = self.store.rounds.get(request.round_id)
        if current.state not in READABLE:
            raise RoundError(
                "The round takes no reads any more: what was read stands.",
                given=f"{current.round_id} is {current.state}", expected="a round that is being read",
                do="tell the curator",
            )  # fmt: skip
        return current

    def _newest(self, request: ReadRequest) -> Annotation | None:
        """The newest revision of a read, one that was taken back included."""
        kept = self.store.reads.annotations(
            self.task.name, study_id=request.study_id, reader_id=request.reader_id, every_revision=True
        )
        own = [a for a in kept if a.annotation_id == f"an-{request.request_id}"]
        return max(own, key=lambda a: a.revision, default=None)


def _blank(request: ReadRequest, lead_time_s: float | None) -> Annotation:
    """A read without answers yet."""
    known = lead_time_s is not None and 0.0 < lead_time_s <= LONGEST_S
    return Annotation(
        annotation_id=f"an-{request.request_id}",
        task=request.task,
        study_id=request.study_id,
        reader_id=request.reader_id,
        mode=request.mode,
        answers=(),
        request_id=request.request_id,
        round_id=request.round_id,
        purpose=request.purpose,
        lead_time_s=lead_time_s if known else None,
        guideline=request.guideline,
    )


def _said(annotation: Annotation) -> tuple[object, ...]:
    return annotation.answers, annotation.skipped, annotation.remark
