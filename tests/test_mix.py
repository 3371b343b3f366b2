import warnings

import numpy as np
import pytest

from active_learning.strategies.mix import OUTLINES, PRIOR, answered, learnt_from, mix
from active_learning.strategies.registry import strategy
from active_learning.strategies.typiclust import typiclust
from active_learning.strategies.view import View


def view_of(rng, *, n=300, m=200, d=5, signal=3.0):
    """Two classes along the first axis, a rare one; the heads say what a right model would."""
    points = rng.normal(size=(n + m, d)).astype(np.float32)
    chance = 1 / (1 + np.exp(-signal * (points[:, 0] - 1)))
    labels = (rng.random(n + m) < chance).astype(np.int64)
    head = np.stack([1 - chance, chance], axis=1)[:n]
    return View((head,), points[:n], points[n:], (labels[n:],), foreground=head[:, 1])


def test_it_is_known_by_name():
    assert strategy("mix") is mix


def test_before_there_is_a_model_cases_are_typical():
    view = View((), np.random.default_rng(0).normal(size=(60, 3)).astype(np.float32), np.zeros((0, 3), np.float32))
    own, other = (way(view, 5, np.random.default_rng(1)) for way in (mix, typiclust))
    assert own.places.tolist() == other.places.tolist()
    assert own.why == other.why


def test_the_same_view_and_generator_give_the_same_different_places():
    view = view_of(np.random.default_rng(2))
    first, second = (mix(view, 40, np.random.default_rng(3)) for _ in range(2))
    assert first.places.tolist() == second.places.tolist()
    assert len(set(first.places.tolist())) == 40
    assert (first.gains >= 0).all()
    assert len(first.why) == 40


def test_nothing_left_to_choose_gives_nothing():
    view = view_of(np.random.default_rng(12), n=0)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        found = mix(view, 5, np.random.default_rng(13))
    assert (found.places.size, found.gains.size, found.why) == (0, 0, ())


def test_undecided_cases_are_wanted_more_than_decided_ones():
    view = view_of(np.random.default_rng(4))
    chance = view.heads[0][:, 1]
    picked = chance[mix(view, 30, np.random.default_rng(5)).places]
    assert np.abs(picked - 0.5).mean() < np.abs(chance - 0.5).mean() - 0.05


def test_weights_sum_to_one_and_doubt_explains_the_loss_of_an_honest_model():
    learnt = learnt_from(view_of(np.random.default_rng(6), m=1500), np.random.default_rng(7))
    assert sum(learnt.weights) == pytest.approx(1)
    assert learnt.weights[0] > 0.8
    assert learnt.shortfalls[0] == pytest.approx(1, abs=0.2)


def test_newness_has_weight_where_losses_lie_far_out():
    rng = np.random.default_rng(8)
    points = rng.normal(size=(1500, 4)).astype(np.float32) * rng.choice([0.3, 2.0], size=(1500, 1))
    far = np.linalg.norm(points, axis=1) > 2
    labels = np.where(far, rng.integers(0, 2, 1500), points[:, 0] > 0).astype(np.int64)
    labels[~far & (rng.random(1500) < 0.02)] ^= 1
    head = np.full((10, 2), 0.5)
    view = View((head,), points[:10], points, (labels,))
    plain = view_of(np.random.default_rng(6), m=1500)
    weights = [learnt_from(one, np.random.default_rng(9)).weights[2] for one in (view, plain)]
    assert weights[0] > 2 * weights[1]


def test_answers_are_given_without_having_been_seen():
    rng = np.random.default_rng(10)
    features, labels = rng.normal(size=(400, 30)).astype(np.float32), rng.integers(0, 2, 400)
    chances, own = answered(features, labels, rng.permutation(400) % 5)
    assert own.tolist() == labels.tolist()
    assert chances.sum(axis=1) == pytest.approx(np.ones(400))
    right = (chances.argmax(axis=1) == labels).mean()
    assert 0.4 < right < 0.6  # labels are noise: who has seen them says more


def test_unknown_and_single_answers_are_passed_over():
    features = np.random.default_rng(11).normal(size=(50, 3)).astype(np.float32)
    folds = np.arange(50) % 5
    assert (answered(features, np.ones(50, np.int64), folds)[1] == -1).all()
    labels = np.where(np.arange(50) % 2, -1, np.arange(50) % 4 // 2).astype(np.int64)
    own = answered(features, labels, folds)[1]
    assert (own[labels < 0] == -1).all()
    assert (own[labels >= 0] == labels[labels >= 0]).all()


def test_with_one_answer_known_the_prior_stands():
    rng = np.random.default_rng(12)
    view = view_of(rng, m=20)
    alike = View(view.heads, view.features, view.known, (np.zeros(20, np.int64),))
    learnt = learnt_from(alike, rng)
    assert learnt.weights == PRIOR
    assert learnt.shortfalls == (1.0,)


def test_a_head_that_falls_short_counts_for_more():
    rng = np.random.default_rng(13)
    points = rng.normal(size=(800, 4)).astype(np.float32)
    easy, noise = (points[:, 0] > 0).astype(np.int64), rng.integers(0, 2, 800)
    head = np.full((5, 2), 0.5)
    learnt = learnt_from(View((head, head), points[:5], points, (easy, noise)), rng)
    assert learnt.shortfalls[1] > learnt.shortfalls[0]


def test_cases_that_are_asked_nothing_come_last():
    view = view_of(np.random.default_rng(14), n=100)
    head = view.heads[0].copy()
    head[50:] = np.nan
    picks = mix(View((head,), view.features, view.known, view.labels), 30, np.random.default_rng(15))
    assert (picks.places < 50).all()


def test_outlines_go_by_their_scores_and_are_spread():
    rng = np.random.default_rng(16)
    points = np.repeat(rng.normal(size=(20, 6)) * 5, 4, axis=0) + rng.normal(size=(80, 6)) * 0.01
    view = View((), points.astype(np.float32), np.zeros((0, 6), np.float32), scores=np.full(80, 0.5))
    assert learnt_from(view, rng).weights == OUTLINES
    picks = mix(view, 20, rng)
    assert len(set((picks.places // 4).tolist())) == 20  # one of each four alike
    doubtful = View((), points.astype(np.float32), np.zeros((0, 6), np.float32), scores=np.arange(80) / 80)
    assert mix(doubtful, 1, rng).places.tolist() == [79]


def test_the_pool_may_be_smaller_than_the_batch():
    view = view_of(np.random.default_rng(17), n=7)
    assert sorted(mix(view, 50, np.random.default_rng(18)).places.tolist()) == list(range(7))


def test_reasons_name_the_criterion_that_decided():
    view = view_of(np.random.default_rng(19))
    why = mix(view, 20, np.random.default_rng(20)).why
    assert sum(reason.startswith("the answer is likely to be wrong") for reason in why) > 10
    assert all("times as much as the usual case" in reason for reason in why)
