"""Reads that are given in the workbench: taken over, skipped, taken back; each counts once, whatever happens."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from threading import Barrier

import numpy as np
import pytest

from active_learning.accepting import LONGEST_S, Accepting, Lack, Offer
from active_learning.as_read import as_read
from active_learning.desk import FIXED, is_overtaken, request_of
from data.answers import STUDY, Answer, Choice, Findings, Form, Mask, MaskValue, Question, Site
from data.blobs import Blobs
from data.errors import AnswerError, ConflictError, RoundError
from data.home import Home
from data.records import (
    Annotation,
    Mode,
    Purpose,
    QuestionPrediction,
    ReadRequest,
    RequestState,
    Round,
    RoundState,
)
from data.verifying import verify
from labelstudio.client import LabelStudioClient
from labelstudio.convert import from_result, to_result
from labelstudio.scripted import ScriptedReader
from labelstudio.server import LabelStudioServer
from models.task import discover
from tests.reading_home import CUT, TASK, TRUTH, Reading, champion, reading
from workbench.worklist_filter import Standing

WHY = "The lower edge is not on the picture."


@pytest.fixture
def made(home: Home) -> Reading:
    """Two readers, and a champion that says of every study that it is frontal and cut off. No labelling server."""
    prepared = reading(home, None)
    prepared.add("ann", "ben")
    champion(prepared)
    return prepared


def sent(made: Reading, *, readers: tuple[str, ...] = ("ann",), **plan: object) -> tuple[Round, list[ReadRequest]]:
    """A round whose cases are with their readers, without a labelling server."""
    asked = made.send(readers, **{"independent_share": 0.0, **plan})
    return made.store.rounds.get(asked[0].round_id), asked


def hand(made: Reading) -> Accepting:
    return Accepting(made.home, made.loop.task)


def state(made: Reading, request: ReadRequest) -> RequestState:
    found = made.store.reads.requests(study_id=request.study_id, reader_id=request.reader_id)
    return next(r.state for r in found if r.request_id == request.request_id)


def from_server(request: ReadRequest, answers: tuple[Answer, ...]) -> Annotation:
    """A read as a fetch keeps it."""
    return Annotation(
        f"an-{request.request_id}", TASK, request.study_id, request.reader_id, request.mode, answers,
        request.request_id, request.round_id, request.purpose, raw=64 * "a",
    )  # fmt: skip


def reads(made: Reading, *, every: bool = False) -> list[Annotation]:
    return made.store.reads.annotations(TASK, every_revision=every)


# -- taking over -----------------------------------------------------------------------------------------------


def test_the_models_answer_becomes_the_readers_own_read_once(made: Reading) -> None:
    _, (request, *others) = sent(made)
    first = hand(made).accept(request.request_id, "ann", lead_time_s=12.5)
    again = hand(made).accept(request.request_id, "ann", lead_time_s=99.0)
    assert again == first
    assert [a.annotation_id for a in reads(made, every=True)] == [f"an-{request.request_id}"]
    assert (first.answers, first.revision, first.accepted) == (CUT, 1, f"{TASK}-v1")
    assert (first.reader_id, first.mode, first.purpose) == ("ann", Mode.ASSISTED, Purpose.ACQUISITION)
    assert (first.lead_time_s, first.skipped, first.withdrawn) == (12.5, False, False)
    assert state(made, request) == RequestState.ANSWERED
    assert {state(made, other) for other in others} == {RequestState.PUSHED}
    assert verify(made.store, made.loop.blobs).findings == ()


@pytest.mark.parametrize(
    ("took", "kept"), [(0.0, None), (-3.0, None), (None, None), (LONGEST_S, LONGEST_S), (LONGEST_S + 1, None)]
)
def test_a_time_that_cannot_be_meant_is_left_empty(made: Reading, took: float | None, kept: float | None) -> None:
    _, (request, *_) = sent(made)
    assert hand(made).accept(request.request_id, "ann", lead_time_s=took).lead_time_s == kept


def test_two_who_press_at_once_keep_one_read(made: Reading) -> None:
    _, (request, *_) = sent(made)
    both = Barrier(4)

    def press(_: int) -> int:
        own = hand(made)
        both.wait()
        return own.accept(request.request_id, "ann").revision

    with ThreadPoolExecutor(4) as pool:
        assert list(pool.map(press, range(4))) == [1, 1, 1, 1]
    assert len(reads(made, every=True)) == 1


def test_what_may_not_be_taken_over_is_refused(made: Reading) -> None:
    current, (request, *_) = sent(made, independent_share=1.0, readers=("ann", "ben"), readers_per_case=1)
    own = hand(made)
    assert request.mode == Mode.INDEPENDENT
    assert own.prediction(request) is None
    assert own.offer(request) == Offer(lack=Lack.INDEPENDENT)
    with pytest.raises(RoundError, match="cannot be taken over"):
        own.accept(request.request_id, request.reader_id)
    other = "ben" if request.reader_id == "ann" else "ann"
    with pytest.raises(RoundError, match="not yours to read"):
        own.skip(request.request_id, other, WHY)
    judged = request_of(current, request.study_id, "ben", Purpose.ADJUDICATION, Mode.INDEPENDENT, 0, 0)
    made.store.reads.plan([judged])
    with pytest.raises(RoundError, match="not yours to read"):
        own.skip(judged.request_id, "ben", WHY)
    assert reads(made, every=True) == []


def test_an_answer_that_is_not_whole_is_not_offered(made: Reading) -> None:
    current, (whole, half, silent) = sent(made)
    known = made.store.versions.predictions(current.champion, study_ids={half.study_id})[half.study_id]
    with made.store.write() as db:
        db.execute("DELETE FROM predictions WHERE study_id IN (?, ?)", [half.study_id, silent.study_id])
    made.store.versions.put_predictions([replace(known, results=known.results[:1])])
    own = hand(made)
    assert own.offer(whole) == Offer(current.champion, CUT)
    assert own.offer(half) == Offer(current.champion, CUT[:1], Lack.OPEN, ("borders_frontal",))
    assert own.offer(silent) == Offer(lack=Lack.SILENT)
    with pytest.raises(RoundError, match="cannot be taken over") as refused:
        own.accept(half.request_id, "ann")
    assert refused.value.as_dict()["given"] == "questions are left open: borders_frontal"
    known = replace(known, results=(QuestionPrediction("projection", STUDY, "oblique", {"oblique": 1.0}, 0.0),))
    made.store.versions.put_predictions([replace(known, study_id=silent.study_id)])
    assert own.offer(silent) == Offer(current.champion, lack=Lack.UNFIT)
    assert reads(made, every=True) == []


# -- skipping --------------------------------------------------------------------------------------------------


def test_a_skipped_case_keeps_its_reason_and_counts_as_skipped(made: Reading) -> None:
    _, (request, *_) = sent(made)
    own = hand(made)
    with pytest.raises(RoundError, match="needs a reason"):
        own.skip(request.request_id, "ann", "  ")
    kept = own.skip(request.request_id, "ann", f" {WHY} ")
    assert own.skip(request.request_id, "ann", WHY) == kept
    assert (kept.skipped, kept.answers, kept.remark) == (True, (), WHY)
    assert state(made, request) == RequestState.SKIPPED
    with pytest.raises(ConflictError, match="read otherwise"):
        own.accept(request.request_id, "ann")
    assert [(a.skipped, a.remark) for a in reads(made)] == [(True, WHY)]


# -- taking back -----------------------------------------------------------------------------------------------


def test_what_is_taken_back_waits_again_and_is_not_lost(made: Reading) -> None:
    _, (request, *_) = sent(made)
    own = hand(made)
    with pytest.raises(RoundError, match="nothing to take back"):
        own.take_back(request.request_id, "ann")
    own.accept(request.request_id, "ann", lead_time_s=8.0)
    gone = own.take_back(request.request_id, "ann")
    assert own.take_back(request.request_id, "ann") == gone
    assert reads(made) == []
    assert [(a.revision, a.withdrawn, a.answers) for a in reads(made, every=True)] == [
        (1, False, CUT),
        (2, True, CUT),
    ]
    assert state(made, request) == RequestState.PUSHED
    events = [e.event for e in made.store.log.entries(subject=f"an-{request.request_id}")]
    assert sorted(events) == ["annotation.kept", "annotation.taken_back"]
    again = own.accept(request.request_id, "ann")  # the same answer once more
    assert (again.revision, [a.revision for a in reads(made)]) == (3, [3])
    own.take_back(request.request_id, "ann")
    assert own.skip(request.request_id, "ann", WHY).revision == 5
    assert verify(made.store, made.loop.blobs).findings == ()


def test_a_study_whose_only_read_was_taken_back_is_not_read(made: Reading) -> None:
    current, (request, *_) = sent(made)
    hand(made).accept(request.request_id, "ann")
    hand(made).take_back(request.request_id, "ann")
    made.store.reads.set_requests([replace(request, state=RequestState.WITHDRAWN)])

    def standing() -> str:
        return str(
            made.store.worklists.now(TASK, current.champion, [request.study_id])[request.study_id]["standing"]
        )

    assert standing() == Standing.POOL
    made.store.reads.set_requests([replace(request, state=RequestState.PUSHED)])
    hand(made).accept(request.request_id, "ann")
    assert standing() == Standing.READ


def test_a_round_that_was_read_waits_again_and_its_consensus_is_formed_anew(made: Reading) -> None:
    current, asked = sent(made, readers=("ann", "ben"), budget=1, independent_share=1.0)
    own = hand(made)
    for request in asked:
        made.store.reads.keep(from_server(request, TRUTH))
    made.store.rounds.move(current.round_id, RoundState.READ, expected=[RoundState.PUSHED])
    (outcome, *_) = made.loop.closing.form(current)[asked[0].study_id]
    assert len(outcome.annotations) == 2
    own.take_back(asked[0].request_id, asked[0].reader_id)
    assert made.store.rounds.get(current.round_id).state == RoundState.PUSHED
    with pytest.raises(RoundError, match="not this step's turn"):
        made.loop.close(current.round_id)
    made.loop.closing.catch_up(current)
    (outcome, *_) = made.store.labels.consensus(TASK, round_id=current.round_id)
    assert outcome.annotations == (f"an-{asked[1].request_id}",)


def test_a_step_that_is_cut_off_changes_nothing(made: Reading, monkeypatch: pytest.MonkeyPatch) -> None:
    current, asked = sent(made)
    own = hand(made)
    for request in asked:
        own.accept(request.request_id, "ann")
    made.store.rounds.move(current.round_id, RoundState.READ, expected=[RoundState.PUSHED])

    def cut_off(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(own.store.rounds, "move", cut_off)
        with pytest.raises(KeyboardInterrupt):
            own.take_back(asked[0].request_id, "ann")
    assert state(made, asked[0]) == RequestState.ANSWERED
    assert [a.revision for a in reads(made, every=True)] == [1, 1, 1]
    assert own.take_back(asked[0].request_id, "ann").revision == 2


def test_once_the_round_is_closed_reads_stand(made: Reading) -> None:
    current, asked = sent(made)
    own = hand(made)
    for request in asked:
        own.accept(request.request_id, "ann")
    made.store.rounds.move(current.round_id, RoundState.READ, expected=[RoundState.PUSHED])
    made.store.rounds.move(current.round_id, RoundState.CLOSED, expected=[RoundState.READ])
    with pytest.raises(RoundError, match="takes no reads any more") as refused:
        own.take_back(asked[0].request_id, "ann")
    assert refused.value.as_dict()["given"] == f"{current.round_id} is closed"
    with pytest.raises(RoundError, match="takes no reads any more"):
        own.skip(asked[0].request_id, "ann", WHY)
    assert len(reads(made)) == 3


def test_a_first_answer_is_fixed_once_the_models_was_shown(made: Reading) -> None:
    current, (request, *_) = sent(made, independent_share=1.0)
    own = hand(made)
    made.store.reads.keep(from_server(request, TRUTH))
    look = request_of(current, request.study_id, "ann", Purpose.SECOND_LOOK, Mode.ASSISTED, 0, 0)
    made.store.reads.plan([look])
    with pytest.raises(RoundError, match=FIXED[:20]):
        own.take_back(request.request_id, "ann")
    with pytest.raises(RoundError, match="does not wait"):
        own.accept(look.request_id, "ann")  # it has not been sent yet
    made.store.reads.set_requests([replace(look, state=RequestState.PUSHED, external_project=3, external_task=9)])
    assert own.accept(look.request_id, "ann").purpose == Purpose.SECOND_LOOK
    own.take_back(look.request_id, "ann")
    assert [a.answers for a in reads(made)] == [TRUTH]


def test_a_read_is_given_whole_or_not_at_all(made: Reading) -> None:
    _, (request, *_) = sent(made)
    own = hand(made)
    with pytest.raises(RoundError, match="left open") as refused:
        own.give(request.request_id, request.reader_id, TRUTH[:1])
    assert refused.value.as_dict()["given"] == "borders_frontal (1)"
    with pytest.raises(AnswerError):
        own.give(request.request_id, request.reader_id, [Answer("projection", STUDY, "oblique")])
    assert reads(made, every=True) == []
    first = own.give(request.request_id, request.reader_id, reversed(TRUTH), lead_time_s=12.0)
    assert (first.answers, first.accepted, first.mode, first.lead_time_s) == (TRUTH, "", request.mode, 12.0)
    assert own.give(request.request_id, request.reader_id, TRUTH) == first
    with pytest.raises(ConflictError):
        own.give(request.request_id, request.reader_id, CUT)
    assert [a.answers for a in reads(made)] == [TRUTH]


# -- beside the labelling server -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("updated_at", "given_here", "overtaken"),
    [
        ("2026-03-01T08:00:00.000001Z", "2026-03-01T08:00:00.000002+00:00", True),
        ("2026-03-01T08:00:00.000003Z", "2026-03-01T08:00:00.000002+00:00", False),
        ("2026-03-01T10:00:00+02:00", "2026-03-01T08:00:00+00:00", True),
        ("2026-03-01T08:00:00", "2026-03-01T08:00:00+00:00", True),
        ("2026-03-01T08:00:00Z", "", False),
    ],
)
def test_the_last_act_counts(updated_at: str, given_here: str, overtaken: bool) -> None:
    assert is_overtaken(updated_at, given_here) == overtaken


@pytest.mark.labelstudio
def test_accepted_and_taken_back_beside_a_real_labelling_server(
    home: Home, label_server: LabelStudioServer
) -> None:
    made = reading(home, label_server)
    made.add("acc-ann")
    champion(made)
    current = made.open(["acc-ann"], independent_share=0.0)
    made.loop.push(current.round_id)
    taken, given, changed = made.store.reads.requests(round_id=current.round_id)
    own, who = hand(made), "acc-ann"
    scripted = ScriptedReader(label_server, made.store.reads.reader(who), made.loop.task.form, made.loop.blobs)

    # accepted, taken back, fetched: nothing counts
    own.accept(taken.request_id, who)
    own.take_back(taken.request_id, who)
    # answered on the server, fetched, taken back, fetched: it does not come back
    number = scripted.answer(given, TRUTH, lead_time_s=5.0)
    assert made.loop.pull(current.round_id).kept == 1
    assert [a.answers for a in reads(made)] == [TRUTH]
    own.take_back(given.request_id, who)
    report = made.loop.pull(current.round_id)
    assert (report.kept, report.changed, report.outstanding, reads(made)) == (0, 0, 3, [])
    # accepted, then answered otherwise on the server: one read, two revisions
    own.accept(changed.request_id, who)
    scripted.answer(changed, TRUTH, lead_time_s=5.0)
    assert made.loop.pull(current.round_id).changed == 1
    assert made.loop.pull(current.round_id).changed == 0
    assert [(a.revision, a.answers, a.accepted) for a in reads(made)] == [(2, TRUTH, "")]
    # the very same answer, sent once more on the server after it was taken back: it counts
    with LabelStudioClient(label_server.url, scripted.credentials.token) as client:
        [row] = client.task(given.external_task or 0).annotations
        client.request("PATCH", f"/api/annotations/{number}/", json={"result": row["result"]})
    made.loop.pull(current.round_id)
    again = next(a for a in reads(made) if a.request_id == given.request_id)
    assert (again.revision, again.answers) == (3, TRUTH)
    # answered on the server, not fetched yet, and accepted here afterwards: the last act counts
    scripted.answer(taken, TRUTH, lead_time_s=5.0)
    own.accept(taken.request_id, who)
    assert made.loop.pull(current.round_id).outstanding == 0
    assert {a.request_id: a.answers for a in reads(made)} == {
        taken.request_id: CUT, given.request_id: TRUTH, changed.request_id: TRUTH,
    }  # fmt: skip
    assert made.store.rounds.get(current.round_id).state == RoundState.READ
    assert verify(made.store, made.loop.blobs).findings == ()


# -- a model's answer as a read --------------------------------------------------------------------------------


def answers_of(form: Form, shapes: tuple[tuple[int, int], ...], blobs: Blobs, seed: int) -> list[Answer]:
    """An answer to every question at every site, as a model gives them: outlines page by page or as a stack."""
    draws, given = np.random.default_rng(seed), []
    for question in form.questions:
        kind = question.kind
        for site in question.sites:
            if isinstance(kind, Mask):
                stack = draws.random((len(shapes), *shapes[0])) < 0.1
                stack[0] = False
                if seed % 2:
                    masks = tuple((label, blobs.put_mask(stack)) for label in sorted(kind.labels))
                    given.append(Answer(question.name, STUDY, MaskValue(stack.shape, masks)))
                    continue
                for page, drawn in enumerate(stack):
                    masks = tuple((label, blobs.put_mask(drawn)) for label in sorted(kind.labels))
                    given.append(Answer(question.name, Site.page(page), MaskValue(drawn.shape, masks)))
            elif isinstance(kind, Choice):
                given.append(Answer(question.name, site, kind.options[draws.integers(len(kind.options))]))
            elif isinstance(kind, Findings):
                given.append(
                    Answer(question.name, site, frozenset(draws.permutation(kind.labels)[:seed].tolist()))
                )
            elif hasattr(kind, "levels"):
                given.append(Answer(question.name, site, int(draws.integers(len(kind.levels)))))
            else:
                given.append(Answer(question.name, site, kind.low + 1.5))
    return given


@pytest.mark.parametrize("seed", [0, 1, 2, 3])
@pytest.mark.parametrize("name", sorted(discover()))
def test_taken_over_is_what_the_server_would_give_back(name: str, seed: int, tmp_path: object, home: Home) -> None:
    form, blobs = discover()[name].form, Blobs.of(home)
    shapes = ((9, 12),) * 3
    given = answers_of(form, shapes, blobs, seed)
    found = as_read(form, given, shapes, blobs)
    asked = [
        a for a in given if form.asked(form[a.question], {x.question: x.value for x in given if x.site == STUDY})
    ]
    assert found == from_result(form, to_result(form, asked, shapes, blobs), shapes, blobs)


def test_an_outline_that_does_not_fit_its_pages_is_refused(home: Home) -> None:
    form, blobs = Form((Question("lesions", "Lesions", Mask(("Lesion 1",))),)), Blobs.of(home)
    mask = MaskValue((4, 5), (("Lesion 1", blobs.put_mask(np.ones((4, 5)))),))
    with pytest.raises(AnswerError, match="does not fit its pages"):
        as_read(form, [Answer("lesions", Site.page(0), mask)], ((5, 4),), blobs)
    assert as_read(form, [Answer("lesions", Site.page(0), mask)], ((4, 5),), blobs)[0].value == mask
