"""Choosing a round's batch out of a home: every way, what may come back, times, audits, and the preview."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from active_learning import opening
from active_learning.plan import RoundPlan
from active_learning.proposal import Proposal
from active_learning.rounds import Loop
from active_learning.strategies.registry import STRATEGIES
from data.answers import STUDY, Answer, Value
from data.errors import ConfigError, RoundError
from data.home import Home
from data.records import (
    Annotation,
    Consensus,
    ConsensusState,
    Mode,
    Part,
    Purpose,
    Reader,
    RoundState,
)
from data.store import Store
from models.embedding import name_of
from models.task import get_task
from tests.filled_home import TASK
from tests.shared_homes import copied


@pytest.fixture(scope="module")
def filled(filled: Home) -> Home:
    """Two versions and reads of two rounds, of which none is open."""
    store = Store.of(filled)
    store.rounds.move(f"{TASK}-r2", RoundState.CANCELLED, expected=[RoundState.PUSHED])
    for name in ("reader-4", "reader-5", "reader-6"):
        store.reads.add_reader(Reader(name, f"Dr {name}"))
    store.close()
    return filled


@pytest.fixture
def loop(filled: Home, tmp_path: Path) -> Iterator[Loop]:
    """The loop of a home that its test may change."""
    made = Loop(copied(filled, tmp_path), get_task(TASK))
    yield made
    made.store.close()


def plan(loop: Loop, **changes: object) -> RoundPlan:
    settings = {"readers_per_case": 2, "budget": 12, **changes}
    return RoundPlan.of(loop.task.config.reading, ("reader-1", "reader-2"), **settings)


def training(proposal: Proposal) -> list[str]:
    return [case.item.study_id for case in proposal.cases if case.item.purpose == Purpose.ACQUISITION]


@pytest.mark.parametrize("name", ["", *STRATEGIES])
def test_every_way_to_choose_gives_a_batch_with_reasons_twice_the_same(loop: Loop, name: str) -> None:
    proposal = loop.preview(plan(loop, strategy=name))
    assert proposal.strategy == name
    assert 0 < len(proposal.cases) <= 12
    assert all(case.item.reason for case in proposal.cases)
    assert len({case.label for case in proposal.cases}) == len(proposal.cases)
    assert {case.part for case in proposal.cases if case.item.purpose == Purpose.ACQUISITION} == {Part.TRAIN}
    again = Loop(loop.home, loop.task).preview(plan(loop, strategy=name))
    assert again == proposal
    assert again.batch == proposal.batch


def test_looks_are_computed_once_and_only_where_they_are_needed(loop: Loop) -> None:
    looks, name = loop.store.embeddings, name_of(loop.task)
    loop.preview(plan(loop, strategy="entropy"))
    assert looks.sources(name) == {}
    shares: list[float] = []
    loop.around.progress = lambda share, words: shares.append(share)
    loop.preview(plan(loop, strategy="k_centre"))
    assert shares == sorted(shares)  # predicting, looking and choosing follow each other
    assert shares[0] < shares[-1] < 1
    first = looks.sources(name)
    trained_on = {s.study_id for s in loop.store.studies.find(parts=[Part.TRAIN])}
    assert set(first) <= trained_on
    assert len(first) > 20
    loop.store.db.execute("UPDATE embeddings SET source = source")
    told: list[str] = []
    loop.around.progress = lambda _, words: told.append(words)
    loop.preview(plan(loop, strategy="k_centre", seed=5))
    assert looks.sources(name) == first
    assert told == ["comparing reads with the model", "choosing cases"]  # nothing is looked at again


def test_the_opened_batch_is_the_previewed_one(loop: Loop) -> None:
    wanted = plan(loop, strategy="badge", quotas=("projection=lateral>=0.3",), seed=4)
    proposal = loop.preview(wanted)
    assert loop.store.rounds.latest(TASK).state == RoundState.CANCELLED  # type: ignore[union-attr]
    opened = loop.open(wanted, batch=proposal.batch)
    assert loop.store.rounds.batch(opened.round_id).items == proposal.items
    assert RoundPlan.from_dict(opened.plan) == wanted
    assert opened.champion == proposal.champion


def test_a_batch_that_has_changed_since_is_refused(loop: Loop) -> None:
    proposal = loop.preview(plan(loop))
    loop.store.studies.update(proposal.items[0].study_id, held="a name is burnt in")
    with pytest.raises(RoundError, match="not the one that was previewed"):
        loop.open(plan(loop), batch=proposal.batch)
    assert loop.store.rounds.latest(TASK).state == RoundState.CANCELLED  # type: ignore[union-attr]
    fresh = loop.preview(plan(loop))
    assert proposal.items[0].study_id not in {item.study_id for item in fresh.items}
    assert loop.open(plan(loop), batch=fresh.batch).state == RoundState.OPENED


def test_without_a_champion_typical_cases_come_first(loop: Loop) -> None:
    loop.store.db.execute("DELETE FROM champions")
    proposal = loop.preview(plan(loop, strategy="entropy"))
    assert (proposal.champion, proposal.strategy) == ("", "typiclust")
    assert loop.preview(plan(loop, strategy="mix")).items == proposal.items
    new = [case for case in proposal.cases if case.item.purpose == Purpose.ACQUISITION and not case.again]
    assert new
    assert all("typical of a group" in case.item.reason for case in new)
    assert {case.item.mode for case in proposal.cases} == {Mode.INDEPENDENT}
    assert loop.preview(plan(loop, strategy="random")).strategy == "random"


def test_an_unknown_way_to_choose_is_refused_before_anything_is_computed(loop: Loop) -> None:
    with pytest.raises(ConfigError, match="no such way"):
        loop.preview(plan(loop, strategy="by_the_stars"))


def test_predictions_in_pieces_give_the_same_batch(loop: Loop, monkeypatch: pytest.MonkeyPatch) -> None:
    whole = loop.preview(plan(loop, strategy="badge"))
    monkeypatch.setattr(opening, "CHUNK", 7)
    monkeypatch.setattr("data.tables.embeddings.CHUNK", 5)
    assert loop.preview(plan(loop, strategy="badge")).items == whole.items


def test_a_budget_in_minutes_is_kept(loop: Loop) -> None:
    proposal = loop.preview(plan(loop, budget_minutes=4, strategy="entropy"))
    assert 3 < proposal.minutes <= 4
    assert proposal.minutes == pytest.approx(sum(case.seconds for case in proposal.cases) / 60)
    assert len(loop.preview(plan(loop, budget_minutes=8, strategy="entropy")).cases) > len(proposal.cases)


def test_times_follow_from_what_readers_took(loop: Loop) -> None:
    expected = loop.task.config.reading.seconds_per_case
    before = loop.preview(plan(loop)).cases[0].seconds / 2
    assert expected < before < 21.5 + 1  # reads took 21.5 s each; the task's 15 s count as five
    loop.store.db.execute("UPDATE annotations SET lead_time_s = 80.0")
    after = loop.preview(plan(loop)).cases[0].seconds / 2
    assert 40 < after < 80


def test_the_times_of_who_is_drawn_at_random_know_no_prediction(loop: Loop) -> None:
    loop.store.db.execute("UPDATE annotations SET lead_time_s = 10.0 + 40.0 * (rowid % 2)")
    proposal = loop.preview(plan(loop, random_share=0.5))
    drawn = {case.seconds for case in proposal.cases if case.item.purpose != Purpose.ACQUISITION}
    assert len(drawn) == 1
    assert len({case.seconds for case in proposal.cases}) > 1


def settled(loop: Loop, *readers: str, as_model: bool) -> str:
    """A training case that these readers settled in the first round, with the model or against it."""
    parts = {s.study_id: s.patient.part for s in loop.store.studies.find()}
    ended = loop.store.rounds.batch(f"{TASK}-r1").items
    study = next(item.study_id for item in ended if parts[item.study_id] == Part.TRAIN)
    said = {
        r.question: r.value
        for r in loop.store.versions.predictions(f"{TASK}-v2", study_ids={study})[study].results
    }
    if not as_model:
        said = OTHER[str(said["projection"])]
    answers = tuple(Answer(question, STUDY, value) for question, value in said.items())
    with loop.store.write() as db:
        db.execute("DELETE FROM annotations WHERE study_id = ?", [study])
        db.execute("DELETE FROM consensus WHERE study_id = ?", [study])
    for reader in readers:
        name = f"an-{reader}-{study}"
        loop.store.reads.keep(
            Annotation(name, TASK, study, reader, Mode.INDEPENDENT, answers, round_id=f"{TASK}-r1")
        )
    loop.store.labels.put_consensus(
        Consensus(
            TASK, study, f"{TASK}-r1", a.question, STUDY, ConsensusState.AGREED, a.value, "majority", 1.0, ()
        )
        for a in answers
    )
    return study


OTHER: dict[str, dict[str, Value]] = {
    "lateral": {"projection": "frontal", "borders_frontal": "complete"},
    "frontal": {"projection": "lateral", "borders_lateral": "complete", "rotation_lateral": "straight"},
}
"""By the model's answer, what readers say who see it otherwise."""


def test_a_settled_case_comes_back_for_as_many_fresh_eyes_as_settled_it(loop: Loop) -> None:
    study = settled(loop, "reader-1", "reader-2", as_model=False)

    def comes_back(*readers: str, per_case: int = 2) -> bool:
        wanted = replace(plan(loop, budget=60), readers=readers, readers_per_case=per_case)
        case = next((c for c in loop.preview(wanted).cases if c.item.study_id == study), None)
        assert case is None or case.again
        return case is not None

    assert not comes_back("reader-1", "reader-2")
    assert not comes_back("reader-2", "reader-4")  # one of them has seen it
    assert comes_back("reader-4", "reader-5")
    assert comes_back("reader-1", "reader-4", "reader-5")
    assert not comes_back("reader-4", "reader-5", per_case=1)  # one would overrule two


def test_a_settled_case_that_the_model_agrees_with_stays_settled(loop: Loop) -> None:
    study = settled(loop, "reader-1", "reader-2", as_model=True)
    wanted = replace(plan(loop, budget=60), readers=("reader-4", "reader-5"))
    assert study not in {case.item.study_id for case in loop.preview(wanted).cases}


def test_audits_that_are_due_are_in_the_batch_and_other_cleared_cases_are_not(
    loop: Loop, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = training(loop.preview(plan(loop)))
    monkeypatch.setattr(opening, "audits_due", lambda store, task, seed: [first[0]])
    monkeypatch.setattr(opening, "cleared", lambda store, task: frozenset(first[:4]))
    proposal = loop.preview(plan(loop))
    audits = [case for case in proposal.cases if case.item.purpose == Purpose.AUDIT]
    assert [case.item.study_id for case in audits] == [first[0]]
    assert audits[0].item.mode == Mode.INDEPENDENT
    assert not set(first[:4]) & set(training(proposal))


def test_quotas_bound_predicted_classes_and_origins(loop: Loop) -> None:
    def lateral(*quotas: str) -> int:
        proposal = loop.preview(plan(loop, random_share=0.0, budget=8, quotas=quotas))
        assert len(proposal.cases) == 8
        return proposal.composition()["projection"]["lateral"]

    assert lateral() == 2
    assert lateral("projection=lateral>=35%") == 3
    assert lateral("projection=lateral<=20%", "manufacturer=Example<=100%") == 1
    assert loop.preview(plan(loop, quotas=("site=hospital<=0",), random_share=0.0)).cases == ()


def test_a_proposal_says_what_it_is_made_of_and_comes_back_from_json(loop: Loop) -> None:
    proposal = loop.preview(plan(loop, quotas=("site=hospital<=90%",)))
    assert Proposal.from_dict(proposal.as_dict()).as_dict() == proposal.as_dict()
    assert Proposal.from_dict(proposal.as_dict()).batch == proposal.batch
    made_of = proposal.composition()
    assert sum(made_of["part"].values()) == sum(made_of["reason"].values()) == len(proposal.cases)
    assert made_of["site"] == {"hospital": len(proposal.cases)}
    assert set(made_of["reason"]) <= {"new", "read again", "drawn at random", "audit"}


def test_plans_of_older_rounds_are_read(loop: Loop) -> None:
    old = {"readers": ["reader-1"], "adjudicator": "", "readers_per_case": 1, "budget": 9, "random_share": 0.25,
           "independent_share": 1.0, "profile": "demo", "margin": 0.0, "seed": 3}  # fmt: skip
    read = RoundPlan.from_dict(old)
    assert (read.strategy, read.budget_minutes, read.per_patient, read.quotas) == ("", 0.0, 1, ())
    assert read.budget_s is None
    assert RoundPlan.from_dict(read.as_dict()) == read


@pytest.mark.parametrize(
    "changes", [{"budget_minutes": -1}, {"per_patient": 0}, {"quotas": ("projection",)}, {"budget": 0}]
)
def test_plans_that_cannot_be_are_refused(loop: Loop, changes: dict[str, object]) -> None:
    with pytest.raises(RoundError):
        plan(loop, **changes)


def test_who_may_not_read_is_named(loop: Loop) -> None:
    Store.of(loop.home).reads.update_reader("reader-2", active=False)
    with pytest.raises(RoundError, match="no longer active"):
        loop.preview(plan(loop))
