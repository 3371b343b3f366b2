"""A round's comparison as the store keeps it: looks over rounds, the evidence, promotion, and the way back."""

from __future__ import annotations

import pytest

from active_learning.looks import look_after
from active_learning.promotion import Judgement
from active_learning.rounds import Loop
from data.errors import RoundError
from data.home import Home
from data.records import Round, RoundState
from data.store import Store
from models.task import get_task
from tests.compared_home import TASK, many_patients, trained_round, version

COUNT = 160


@pytest.fixture
def loop(home: Home) -> Loop:
    """The rounds of a task with a champion of little skill."""
    studies = many_patients(home, COUNT)
    champion = version(home, studies, 0.5, seed=1)
    Store.of(home).versions.crown(TASK, champion.version, "the first one")
    return Loop(home, get_task(TASK))


def compared(loop: Loop, skill: float, *, seed: int) -> Round:
    """A round whose candidate has a skill, compared."""
    store = loop.store
    studies = store.studies.find()
    champion = store.versions.champion(TASK)
    assert champion is not None
    return loop.compare(trained_round(loop.home, studies, champion.version, skill, seed=seed).round_id)


def test_the_evidence_is_kept_with_the_round(loop: Loop) -> None:
    found = compared(loop, 2.5, seed=2)
    judged = Judgement.from_dict(found.outcome)
    assert found.state == RoundState.COMPARED
    assert judged.verdict == "better"
    assert judged.look == look_after((), 0.05)
    assert [(c.kind, c.value, c.difference.n) for c in judged.subgroups] == [
        ("sex", "F", 80), ("sex", "M", 80), ("age", "under 40", 40), ("age", "40 to 59", 80),
        ("age", "60 to 79", 40), ("manufacturer", "Acme", 106), ("manufacturer", "Bolt", 54),
    ]  # fmt: skip
    assert {c.metric: c.margin for c in judged.guarded} == dict(get_task(TASK).config.promotion.guarded)
    assert found.outcome["candidate"]["mean_auc"]["value"] > found.outcome["champion"]["mean_auc"]["value"]


def test_each_round_is_a_further_look_and_a_passed_one_hands_its_level_on(loop: Loop) -> None:
    passed = []
    for number, skill in enumerate((0.4, 2.5, 0.4), 1):
        found = compared(loop, skill, seed=number + 1)
        judged = Judgement.from_dict(found.outcome)
        assert judged.look == look_after(passed, 0.05)
        passed.append(judged.better)
        loop.promote(found.round_id)
    assert passed == [False, True, False]
    again = loop.compare(found.round_id)  # a round that was compared stays as it is
    assert again.outcome == found.outcome


def test_a_promotion_against_the_comparison_needs_a_reason_and_hands_nothing_on(loop: Loop) -> None:
    worse = compared(loop, 0.2, seed=2)
    with pytest.raises(RoundError, match="needs a reason"):
        loop.promote(worse.round_id, force=True)
    loop.promote(worse.round_id, force=True, reason="the old one has no licence any more")
    champion = loop.store.versions.champion(TASK)
    assert champion is not None
    assert champion.version == worse.candidate
    following = Judgement.from_dict(compared(loop, 2.5, seed=3).outcome)
    assert following.look == look_after((False,), 0.05)


def test_rolling_back_is_one_step_and_keeps_the_history(loop: Loop) -> None:
    better = compared(loop, 2.5, seed=2)
    loop.promote(better.round_id)
    assert loop.rollback("it was trained on a wrong export") == better.champion
    assert [(c.version, c.reason) for c in loop.store.versions.championships(TASK)] == [
        (better.champion, "rolled back: it was trained on a wrong export"),
        (better.candidate, better.outcome["sentence"]),
        (better.champion, "the first one"),
    ]
