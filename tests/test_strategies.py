import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.spatial.distance import cdist
from scipy.stats import chisquare
from skactiveml.pool import CoreSet, uncertainty_scores
from skactiveml.pool._typi_clust import _typicality

from active_learning.strategies import at_random, distances, k_centre, seeding, typiclust
from active_learning.strategies.badge import errors_of
from active_learning.strategies.foreground import SHARE
from active_learning.strategies.ranking import highest
from active_learning.strategies.registry import STRATEGIES, strategy
from active_learning.strategies.view import View
from data.errors import ConfigError

BY_DOUBT = ["least_confidence", "margin", "entropy", "bald"]
NAMES = sorted(STRATEGIES)


def rng(seed=0):
    return np.random.default_rng(seed)


def view(n=60, d=5, known=7, classes=(3, 2), members=0, seed=0, **more):
    r = rng(seed)
    heads = tuple(r.dirichlet(np.ones(c), n) for c in classes)
    passes = tuple(r.dirichlet(np.ones(c), (members, n)) for c in classes) if members else ()
    features = r.normal(size=(n + known, d)).astype(np.float32)
    return View(heads, features[known:], features[:known], members=passes, **more)


def whole(name, seen, count, seed=0):
    picks = strategy(name)(seen, count, rng(seed))
    number = max(0, min(count, seen.size))
    assert len(picks.places) == len(picks.gains) == len(picks.why) == number
    assert len(set(picks.places.tolist())) == number
    assert picks.places.dtype == np.int64
    assert ((picks.places >= 0) & (picks.places < seen.size)).all()
    assert np.isfinite(picks.gains).all()
    assert (picks.gains >= 0).all()
    assert all(picks.why)
    return picks


@pytest.mark.parametrize("name", NAMES)
@settings(deadline=None, max_examples=15)
@given(
    n=st.integers(0, 40), count=st.integers(-1, 45), known=st.integers(0, 6), members=st.sampled_from([0, 3]),
    holes=st.floats(0, 1), alike=st.booleans(), seed=st.integers(0, 9),
)  # fmt: skip
def test_any_pool_gives_different_cases_and_the_same_again(name, n, count, known, members, holes, alike, seed):
    r = rng(seed)
    seen = view(n, known=known, members=members, seed=seed, strata=r.integers(0, 3, n), foreground=r.random(n))
    for head in (*seen.heads, *seen.members):
        head[..., r.random(n) < holes, :] = np.nan
    if alike:
        seen.features[:] = 1
        for head in seen.heads:
            head[:] = 1 / head.shape[1]
    first, again = whole(name, seen, count, seed), whole(name, seen, count, seed)
    np.testing.assert_array_equal(first.places, again.places)
    assert first.why == again.why


@pytest.mark.parametrize("name", NAMES)
def test_before_a_model_all_ways_choose_and_those_that_need_one_say_so(name):
    seen = View((), view().features, np.zeros((0, 5), np.float32))
    picks = whole(name, seen, 10)
    if name in {*BY_DOUBT, "badge"}:
        assert set(picks.why) == {"drawn at random: no model has seen the cases yet"}
        np.testing.assert_array_equal(picks.places, whole("random", seen, 10).places)


def test_an_unknown_way_is_named_with_those_there_are():
    with pytest.raises(ConfigError, match="k_centre"):
        strategy("best")


@pytest.mark.parametrize("name", ["least_confidence", "margin", "entropy"])
def test_doubt_ranks_as_scikit_activeml_ranks(name):
    method = {"margin": "margin_sampling", "least_confidence": "least_confident"}.get(name, name)
    seen = view(400, classes=(4,))
    peer = np.argsort(-uncertainty_scores(seen.heads[0], method=method))[:50]
    np.testing.assert_array_equal(whole(name, seen, 50).places, peer)


def test_a_case_is_as_doubtful_as_its_most_doubtful_head_and_the_reason_is_true_of_it():
    sure, even = [0.98, 0.02], [0.51, 0.49]
    heads = (np.array([sure, even, sure, [np.nan] * 2]), np.array([sure, sure, [0.6, 0.4], [np.nan] * 2]))
    picks = whole("margin", View(heads, np.zeros((4, 2), np.float32), np.zeros((0, 2), np.float32)), 4)
    np.testing.assert_array_equal(picks.places, [1, 2, 0, 3])
    np.testing.assert_allclose(picks.gains, [0.98, 0.8, 0.04, 0], atol=1e-9)
    assert picks.why[0] == "undecided in its most doubtful answer: the two likeliest options are 0.02 apart"
    assert picks.why[2].startswith("among the least certain of those left in its most doubtful answer")
    assert "asked nothing" in picks.why[3]


def test_scores_of_their_own_go_before_heads():
    seen = view(5, scores=np.array([0.1, 0.9, np.nan, 0.3, 0.2]))
    picks = whole("entropy", seen, 3)
    np.testing.assert_array_equal(picks.places, [1, 3, 4])
    assert picks.why[:2] == ("undecided: 0.90 of 1", "among the least certain of those left: 0.30 of 1")


def test_members_that_contradict_each_other_are_chosen_before_those_that_agree_on_doubt():
    even, one, other = [0.5, 0.5], [0.97, 0.03], [0.02, 0.98]
    members = np.array([[even, one, one], [even, other, one]])
    seen = View(
        (members.mean(axis=0),), np.zeros((3, 2), np.float32), np.zeros((0, 2), np.float32), (), (members,)
    )
    picks = whole("bald", seen, 3)
    assert picks.places[0] == 1
    assert picks.why[0] == "disputed: 2 models give one option between 0.02 and 0.97"
    assert picks.gains[1] == pytest.approx(0, abs=1e-12)
    alone = whole("bald", View(seen.heads, seen.features, seen.known), 3)
    np.testing.assert_array_equal(np.sort(alone.places[:2]), [0, 1])
    assert all(reason.endswith("(of one model alone)") for reason in alone.why)


def test_ties_are_broken_by_lot():
    scores = np.array([1.0, 0.5, 0.5, 0.5, 0.0])
    found = {tuple(highest(scores, 2, rng(seed)).tolist()) for seed in range(60)}
    assert found == {(0, 1), (0, 2), (0, 3)}
    assert {tuple(highest(scores, 5, rng(seed))[1:4].tolist()) for seed in range(60)} > {(1, 2, 3), (3, 2, 1)}


@given(st.lists(st.integers(0, 5), max_size=30), st.integers(0, 30), st.integers(0, 3))
def test_the_highest_are_the_highest(values, count, seed):
    scores = np.array(values, dtype=np.float64)
    found = scores[highest(scores, min(count, len(scores)), rng(seed))]
    np.testing.assert_array_equal(found, np.sort(scores)[::-1][:count])


def test_groups_keep_their_shares():
    strata = np.repeat([4, 8, 9], [500, 300, 200])
    picks = whole("stratified", view(1000, strata=strata), 50)
    np.testing.assert_array_equal(np.bincount(strata[picks.places])[[4, 8, 9]], [25, 15, 10])
    assert picks.why[0].endswith("of 1,000 cases of the pool")


@given(st.lists(st.integers(1, 50), min_size=1, max_size=8), st.floats(0, 1), st.integers(0, 3))
def test_shares_are_within_one_of_proportion_and_sum_to_the_count(sizes, share, seed):
    sizes = np.array(sizes)
    count = int(share * sizes.sum())
    shares = at_random._shares(sizes, count, rng(seed))
    assert shares.sum() == count
    assert (np.abs(shares - sizes * count / sizes.sum()) < 1).all()
    assert (shares <= sizes).all()


def test_two_thirds_are_drawn_from_cases_that_show_something():
    shows = np.arange(2000) < 100
    chance = np.where(shows, 0.9, 0.1)
    picks = whole("foreground_random", view(2000, foreground=chance), 60)
    told = np.array(["likely show something" in reason for reason in picks.why])
    assert told.sum() == round(SHARE * 60)
    assert shows[picks.places[told]].all()
    drawn = [
        shows[whole("foreground_random", view(2000, foreground=chance), 60, s).places].mean() for s in range(9)
    ]
    assert 0.64 < np.mean(drawn) < 0.74
    few = whole("foreground_random", view(2000, foreground=np.where(np.arange(2000) < 5, 0.9, 0)), 60)
    assert set(range(5)) <= set(few.places.tolist())


def largest(features, known, places):
    """k-centre by its definition: the largest distance of all at each step, and that of the chosen case."""
    centres, radii, own = [*known], [], []
    for step, place in enumerate(places):
        nearest = cdist(features, centres).min(axis=1)
        nearest[places[:step]] = -1
        radii.append(nearest.max())
        own.append(nearest[place])
        centres.append(features[place])
    return radii, own


@pytest.mark.parametrize("known", [1, 9, 700])
@pytest.mark.parametrize("groups", [1, 12])
def test_k_centre_is_the_greedy_choice_however_few_are_measured(monkeypatch, known, groups):
    monkeypatch.setattr(k_centre, "FRONT", 8)
    monkeypatch.setattr(k_centre, "BLOCK", 5)
    monkeypatch.setattr(distances, "CHUNK_BYTES", 4 * 6 * 50)
    r = rng(known)
    features = (r.normal(size=(900 + known, 6)) + 5 * r.integers(0, groups, (900 + known, 1))).astype(np.float32)
    picks = whole("k_centre", View((), features[known:], features[:known]), 60)
    radii, own = largest(features[known:].astype(float), features[:known].astype(float), picks.places)
    np.testing.assert_allclose(own, radii, rtol=1e-5)  # which of two that are equally far comes first is rounding
    np.testing.assert_allclose(picks.gains, radii, rtol=1e-3)


def test_k_centre_chooses_as_scikit_activeml_does():
    seen = view(200, known=12)
    labels = np.r_[np.zeros(12), np.full(200, np.nan)]
    peer = CoreSet(random_state=0).query(np.concatenate([seen.known, seen.features]), labels, batch_size=30)
    np.testing.assert_array_equal(whole("k_centre", seen, 30).places, peer - 12)


def test_k_centre_tells_how_far_a_case_is_from_what_was_read():
    features = np.zeros((101, 2), np.float32)
    features[:100, 0] = 1
    features[100, 0] = 3
    picks = whole("k_centre", View((), features, np.zeros((1, 2), np.float32)), 3)
    assert picks.places[0] == 100
    assert picks.why[0].endswith("3.0 times the usual distance to the nearest read case")
    assert picks.why[2].startswith("like cases that were read or chosen")


def test_distances_of_gradients_are_those_of_the_products():
    seen = view(40, classes=(3, 2))
    seen.heads[1][:9] = np.nan
    likeliest = [np.eye(h.shape[1])[np.nan_to_num(h).argmax(axis=1)] for h in seen.heads]
    errors = np.concatenate([np.nan_to_num(h - o) for h, o in zip(seen.heads, likeliest, strict=True)], axis=1)
    np.testing.assert_allclose(errors_of(seen.heads, 40), errors, atol=1e-6)
    products = (errors[:, :, None] * seen.features[:, None]).reshape(40, -1)
    picks = whole("badge", seen, 12)
    assert picks.places[0] == np.linalg.norm(products, axis=1).argmax()
    for step in range(1, 12):
        apart = cdist(products[picks.places[[step]]], products[picks.places[:step]]).min()
        assert picks.gains[step] == pytest.approx(apart, rel=1e-3)


def test_the_draw_is_by_the_squared_distance_though_most_distances_are_bounds():
    r = rng(3)
    rows, features = r.normal(size=(12, 2)).astype(np.float32), r.normal(size=(12, 3)).astype(np.float32)
    products = (rows[:, :, None] * features[:, None]).reshape(12, -1)
    norms = seeding.products_norms(rows, features)
    generator, runs = rng(5), 6000
    counts = np.zeros((12, 12))
    for _ in range(runs):
        places, _ = seeding.draw_apart(rows, features, norms, 4, 3, generator)
        counts[places[1], places[2]] += 1
    squares = cdist(products, products, "sqeuclidean")
    second = squares[4] / squares[4].sum()
    both = np.zeros((12, 12))
    for i in range(12):
        third = np.minimum(squares[4], squares[i])
        both[i] = second[i] * third / third.sum() if i != 4 else 0
    likely = both * runs >= 5
    expected = np.r_[both[likely], both[~likely].sum()] * runs
    assert chisquare(np.r_[counts[likely], counts[~likely].sum()], expected).pvalue > 0.001


def test_badge_prefers_doubt_and_then_what_is_not_there_yet():
    features = np.repeat(np.eye(3, dtype=np.float32), 100, axis=0)
    heads = np.full((300, 2), 0.5)
    heads[200:] = [1, 0]
    picks = whole("badge", View((heads,), features, features[:0]), 3)
    assert {int(p) // 100 for p in picks.places[:2]} == {0, 1}
    assert picks.places[2] >= 200
    assert picks.why[0].startswith("the answer that would change the model most")
    assert picks.why[1].startswith("would change the model in another way")
    assert picks.why[2].startswith("without any doubt of the model")
    assert whole("badge", View((heads,), features, features[:0]), 4).why[3].startswith("drawn at random")


def blobs(sizes, seed=0):
    centres = rng(seed).normal(0, 30, (len(sizes), 4))
    return np.concatenate([c + rng(seed + 1).normal(size=(n, 4)) for c, n in zip(centres, sizes, strict=True)])


def test_typical_cases_come_from_the_largest_groups_that_nobody_read(monkeypatch):
    sizes = [40, 60, 50, 30]
    features = blobs(sizes).astype(np.float32)
    group = np.repeat(np.arange(4), sizes)
    order = rng(9).permutation(180)
    known = order[group[order] == 1][:1]
    pool = np.setdiff1d(order, known)
    picks = whole("typiclust", View((), features[pool], features[known]), 3)
    np.testing.assert_array_equal(group[pool][picks.places], [2, 0, 3])
    assert picks.why[0] == "typical of a group of 50 cases of which none was read"
    np.testing.assert_allclose(picks.gains, np.array([50, 40, 30]) / 180)
    monkeypatch.setattr(typiclust, "MOST_GROUPS", 4)
    more = whole("typiclust", View((), features[pool], features[known]), 8)
    np.testing.assert_array_equal(group[pool][more.places], [2, 0, 3, 1] * 2)
    assert more.why[3] == "typical of a group of 60 cases of which 1 was read"
    assert more.why[4] == "the next most typical of a group of 50 cases of which none was read"


def test_typicality_is_that_of_scikit_activeml(monkeypatch):
    monkeypatch.setattr(typiclust, "NEIGHBOURS", 5)
    for seed in range(5):
        features = rng(seed).normal(size=(70, 6)).astype(np.float32)
        members = np.sort(rng(seed).choice(70, 30, replace=False))
        peer = _typicality(features.astype(np.float64), members, 5)
        assert typiclust._most_typical(features, members, rng()) == peer.argmax()


def test_groups_learnt_from_a_sample_along_principal_axes_are_the_groups(monkeypatch):
    monkeypatch.setattr(typiclust, "LEARNT_FROM", 150)
    monkeypatch.setattr(typiclust, "AXES", 3)
    sizes = [300, 200, 150, 100]
    features, group = blobs(sizes, 4).astype(np.float32), np.repeat(np.arange(4), sizes)
    picks = whole("typiclust", View((), features, features[:0]), 4)
    np.testing.assert_array_equal(group[picks.places], [0, 1, 2, 3])


@pytest.mark.parametrize("name", ["k_centre", "badge", "typiclust"])
def test_features_in_a_file_give_the_same_picks(name, tmp_path, monkeypatch):
    monkeypatch.setattr(distances, "CHUNK_BYTES", 4 * 5 * 64)
    seen = view(500)
    np.save(tmp_path / "features.npy", seen.features)
    mapped = View(seen.heads, np.load(tmp_path / "features.npy", mmap_mode="r"), seen.known)
    np.testing.assert_array_equal(whole(name, mapped, 20).places, whole(name, seen, 20).places)
