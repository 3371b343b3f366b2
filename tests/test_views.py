"""Predictions as columns, looks as features, and both as the view of ways to choose."""

from __future__ import annotations

import numpy as np
import pytest

from active_learning.appearance import Directions, applied, beside, learnt_from, log_odds
from active_learning.foretold import Foretold, answered, groups_of, heads_of
from active_learning.strategies.registry import STRATEGIES
from active_learning.views import BLIND, COLD, MOST_STRATA, NEED_A_MODEL, stand_in, view_of
from data.answers import STUDY, Answer, Choice, Findings, Form, Grade, Mask, MaskValue, Measurement, Question, Site
from data.records import Prediction, QuestionPrediction
from models.task import discover

LEFT, RIGHT = Site.level("L4/L5", "left"), Site.level("L4/L5", "right")
FORM = Form(
    (
        Question("side", "Which side?", Choice(("front", "back"))),
        Question("grade", "How narrow?", Grade(("none", "some", "much")), (LEFT, RIGHT)),
        Question("seen", "What is seen?", Findings(("air", "fluid"))),
        Question("shape", "Outline it.", Mask(("disc", "cord"))),
        Question("size", "How large?", Measurement("mm")),
    )
)


def said(
    question: str, value: object, uncertainty: float = 0.5, site: Site = STUDY, **p: float
) -> QuestionPrediction:
    return QuestionPrediction(question, site, value, p, uncertainty)  # type: ignore[arg-type]


def full(study: str) -> Prediction:
    """A prediction of every question but the right grade."""
    return Prediction("t", study, "v", (
        said("side", "back", 0.9, front=0.3, back=0.7),
        said("grade", 2, 0.4, LEFT, none=0.1, some=0.2, much=0.7),
        said("seen", frozenset({"fluid"}), 0.6, air=0.2, fluid=0.4),
        said("shape", MaskValue((4, 4), (("disc", "blob"),)), 0.3, Site.page(2), disc=0.8, cord=0.1),
        said("shape", MaskValue((4, 4)), 0.7, Site.page(3), disc=0.6, cord=0.25),
        said("size", 4.0, 0.1),
    ))  # fmt: skip


def test_there_is_a_head_for_each_thing_that_is_asked() -> None:
    heads = heads_of(FORM, {"grade": ("some", "much")})
    assert [(h.question, h.site.key, h.label) for h in heads] == [
        ("side", "study", ""), ("grade", LEFT.key, ""), ("grade", RIGHT.key, ""), ("seen", "study", "air"),
        ("seen", "study", "fluid"), ("shape", "study", "disc"), ("shape", "study", "cord"),
    ]  # fmt: skip
    assert [h.positive for h in heads] == [(1,), (1, 2), (1, 2), (1,), (1,), (1,), (1,)]
    assert [h.positive for h in heads_of(FORM)][1:3] == [(), ()]


def test_every_task_has_heads_of_its_own_form_alone() -> None:
    for task in discover().values():
        heads = heads_of(task.form, task.config.reading.positive)
        assert len({head.key for head in heads}) == len(heads) > 0
        assert any(head.positive for head in heads)


def test_a_prediction_becomes_a_row() -> None:
    columns = Foretold(FORM, 2)
    columns.put(1, full("s"))
    rows = [table[1] for table in columns.tables]
    expected = [[0.3, 0.7], [0.1, 0.2, 0.7], [np.nan] * 3, [0.8, 0.2], [0.6, 0.4], [0.2, 0.8], [0.75, 0.25]]
    for row, wanted in zip(rows, expected, strict=True):
        assert row == pytest.approx(wanted, nan_ok=True, abs=1e-6)
    assert all(np.isnan(table[0]).all() for table in columns.tables)
    assert columns.doubts.tolist() == pytest.approx([np.nan, 0.9], nan_ok=True)
    assert columns.outlines.tolist() == pytest.approx([np.nan, 0.7], nan_ok=True)
    assert columns.known.tolist() == [False, True]
    assert columns.classes()[1].tolist() == [1, 2, -1, 0, 0, 1, 0]


def test_the_chance_that_something_shows_leaves_anatomy_out() -> None:
    columns = Foretold(FORM, 2, {"grade": ("much",), "side": ()})
    columns.put(1, full("s"))
    assert columns.foreground() == pytest.approx([0.0, 0.7])  # of grade and findings; not the disc's 0.8
    only = Form((FORM["shape"],))
    drawn = Foretold(only, 1)
    drawn.put(0, Prediction("t", "s", "v", full("s").results[3:5]))
    assert drawn.foreground() == pytest.approx([0.8])
    assert Foretold(FORM, 3).foreground() is None


def test_the_groups_of_a_prediction() -> None:
    assert groups_of(full("s"), FORM) == ("side=back", "grade=much", "seen=fluid", "shape=disc")


def test_answers_become_classes() -> None:
    answers = [
        (Answer("side", STUDY, "back"), Answer("grade", RIGHT, 1), Answer("seen", STUDY, frozenset({"air"})),
         Answer("shape", Site.page(1), MaskValue((4, 4), (("cord", "blob"),)))),
        (Answer("seen", STUDY, frozenset()), Answer("grade", LEFT, 0)),
        (),
    ]  # fmt: skip
    found = np.stack(answered(heads_of(FORM), answers, FORM), axis=1)
    assert found.tolist() == [[1, -1, 1, 1, 0, 0, 1], [-1, 0, -1, 0, 0, -1, -1], [-1] * 7]


def test_directions_have_a_total_variance_of_one_and_even_out() -> None:
    draws = np.random.default_rng(0)
    stretched = draws.normal(size=(4000, 6)) * [100.0, 10.0, 1.0, 0.0, 0.0, 0.0]
    turned = stretched @ np.linalg.qr(draws.normal(size=(6, 6)))[0] + 5
    directions = Directions.of(turned, most=4)
    found = directions.apply(turned)
    assert found.shape == (4000, 3)  # it varies in three directions
    assert found.dtype == np.float32
    assert found.mean(axis=0) == pytest.approx(np.zeros(3), abs=1e-3)
    assert float(found.var(axis=0).sum()) == pytest.approx(1, abs=1e-3)
    spread = found.std(axis=0)
    assert spread[0] / spread[1] == pytest.approx(10**0.5, rel=0.05)
    assert np.corrcoef(found, rowvar=False) == pytest.approx(np.eye(3), abs=1e-3)


def test_what_does_not_vary_still_has_a_feature() -> None:
    assert Directions.of(np.ones((5, 3))).apply(np.ones((2, 3))).tolist() == [[0.0], [0.0]]
    assert Directions.of(np.ones((1, 3))).axes.shape == (3, 1)


def test_vectors_in_chunks_give_the_same_features() -> None:
    given = np.random.default_rng(1).normal(size=(103, 9)).astype(np.float32)
    directions = Directions.of_chunks([given[:50], given[50:]])
    whole = Directions.of(given)
    assert directions.apply(given) == pytest.approx(whole.apply(given))
    assert applied(whole, [given[:60], given[60:]], 103) == pytest.approx(whole.apply(given))


def test_directions_are_learnt_from_studies_evenly_spaced(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("active_learning.appearance.LEARNT_FROM", 5)
    assert learnt_from(9).tolist() == [0, 2, 4, 6, 8]
    assert learnt_from(3).tolist() == [0, 1, 2]


def test_log_odds_of_two_classes_and_of_three() -> None:
    two = np.array([[0.2, 0.8], [np.nan, np.nan], [1.0, 0.0]])
    three = np.array([[0.5, 0.25, 0.25]] * 3)
    found = log_odds([two, three])
    assert found.shape == (3, 4)
    assert found[:, 0] == pytest.approx([np.log(4), 0.0, np.log(1e-3)], abs=1e-5)
    assert found[0, 1:] == pytest.approx(np.log([2, 1, 1]) - np.log(2) / 3, abs=1e-5)
    assert found[:, 1:].sum(axis=1) == pytest.approx(np.zeros(3), abs=1e-6)


def test_looks_and_log_odds_have_an_equal_say() -> None:
    draws = np.random.default_rng(2)
    looks, odds = (
        draws.normal(size=(500, 3)).astype(np.float32),
        40 * draws.normal(size=(500, 2)).astype(np.float32),
    )
    both, known = beside(looks, odds, looks[:7], odds[:7])
    assert both[:, :3].tolist() == looks.tolist()
    assert known == pytest.approx(both[:7], abs=1e-6)
    assert both[:, 3:].var(axis=0).sum() == pytest.approx(looks.var(axis=0).sum(), rel=1e-3)
    same, _ = beside(looks, np.ones((500, 2), np.float32), looks[:7], np.ones((7, 2), np.float32))
    assert same is looks


def pool(count: int) -> Foretold:
    columns = Foretold(FORM, count)
    for row in range(count):
        p = row / count
        columns.put(row, Prediction("t", f"s{row}", "v", (
            said("side", "back", 0.1 + p / 2, front=1 - p, back=p),
            said("seen", frozenset(), 0.2, air=0.1, fluid=0.1),
        )))  # fmt: skip
    return columns


def test_the_view_of_a_pool() -> None:
    columns = pool(10)
    answers = [(Answer("side", STUDY, "front"),), (Answer("side", STUDY, "back"),)]
    view = view_of(columns, [5, 2, 9], [0, 7], answers, FORM, origins=["a", "b", "a"])
    assert [head.shape for head in view.heads] == [(3, 2)] * 3  # nobody was asked for the grade or an outline
    assert view.heads[0][:, 1] == pytest.approx([0.5, 0.2, 0.9])
    assert view.labels[0].tolist() == [0, 1]
    assert view.labels[1].tolist() == [-1, -1]
    assert view.features.shape == (3, 3)
    assert view.known.shape == (2, 3)
    assert view.scores is None  # no outlines
    assert view.foreground == pytest.approx([0.5, 0.2, 0.9])
    assert view.strata is not None
    assert len(set(view.strata.tolist())) == 3  # 5 is a draw: front; 9 is back


def test_before_there_is_a_model_a_view_has_looks_alone() -> None:
    looks, known = np.ones((3, 2), np.float32), np.zeros((1, 2), np.float32)
    view = view_of(Foretold(FORM, 4), [0, 1, 2], [3], [()], FORM, looks=looks, known_looks=known)
    assert view.heads == view.labels == ()
    assert view.features is looks
    assert view.known is known
    assert view.scores is view.strata is view.foreground is None


def test_outlines_make_the_view_a_score() -> None:
    columns = pool(3)
    columns.put(1, full("s1"))
    view = view_of(columns, [0, 1, 2], [], [], FORM)
    assert view.scores == pytest.approx(columns.doubts)
    assert view.scores == pytest.approx([0.2, 0.9, 0.2 + 1 / 3 - 0.1], abs=1e-6)


def test_many_predicted_classes_become_shown_or_not() -> None:
    sites = tuple(Site.level(f"L{i}") for i in range(1, 7))
    form = Form((Question("grade", "?", Choice(("no", "yes")), sites),))
    columns = Foretold(form, 64)
    for row in range(64):
        on = [(row >> bit) & 1 for bit in range(6)]
        columns.put(row, Prediction("t", f"s{row}", "v", tuple(
            said("grade", "yes", 0.5, site, no=0.9 - 0.8 * bit, yes=0.1 + 0.8 * bit)
            for site, bit in zip(sites, on, strict=True)
        )))  # fmt: skip
    strata = view_of(columns, range(64), [], [], form).strata
    assert strata is not None
    assert MOST_STRATA < 64
    assert np.bincount(strata).tolist() == [1, 63]


@pytest.mark.parametrize("name", sorted(BLIND))
def test_blind_ways_take_no_look_at_features(name: str) -> None:
    view = view_of(
        pool(30),
        range(30),
        [],
        [],
        FORM,
        looks=np.zeros((30, 1), np.float32),
        known_looks=np.zeros((0, 1), np.float32),
    )
    other = view_of(pool(30), range(30), [], [], FORM)
    picks = [STRATEGIES[name](one, 5, np.random.default_rng(4)) for one in (view, other)]
    assert picks[0].places.tolist() == picks[1].places.tolist()
    assert picks[0].why == picks[1].why


def test_a_way_that_needs_a_model_is_stood_in_for() -> None:
    assert {stand_in(name, modelled=False) for name in NEED_A_MODEL} == {COLD}
    assert {name: stand_in(name, modelled=True) for name in NEED_A_MODEL} == {name: name for name in NEED_A_MODEL}
    assert stand_in("random", modelled=False) == "random"
    assert (NEED_A_MODEL | BLIND | {COLD}) - {""} <= set(STRATEGIES)
