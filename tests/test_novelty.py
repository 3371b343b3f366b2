import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.spatial.distance import cdist
from sklearn.covariance import LedoitWolf
from sklearn.metrics import roc_auc_score
from sklearn.neighbors import NearestNeighbors
from sklearn.preprocessing import normalize

from active_learning.novelty import LEAST, in_words, mahalanobis, neighbour_distance
from active_learning.strategies import distances

SCORES = [mahalanobis, neighbour_distance]


def drawn(n, d=8, seed=0, shift=0.0):
    r = np.random.default_rng(seed)
    return (r.normal(size=(n, d)) @ np.diag(np.linspace(0.2, 3, d)) + 1 + shift).astype(np.float32)


def test_mahalanobis_is_scipys_with_scikit_learns_covariance():
    known, labels = drawn(60), np.arange(60) % 3
    known[labels == 1] += 4
    known[labels == 2] -= 6
    means = np.array([known[labels == c].mean(axis=0) for c in range(3)], dtype=np.float64)
    covariance = LedoitWolf(assume_centered=True).fit(known - means[labels]).covariance_
    points = drawn(25, seed=1)
    expected = cdist(points, means, "mahalanobis", VI=np.linalg.inv(covariance)).min(axis=1)
    np.testing.assert_allclose(mahalanobis(points, known, labels).scores, expected, rtol=1e-3)


def test_neighbours_are_scikit_learns():
    known, points = drawn(40), drawn(25, seed=1)
    peer = NearestNeighbors(n_neighbors=4).fit(normalize(known.astype(np.float64)))
    expected = peer.kneighbors(normalize(points.astype(np.float64)))[0][:, 3]
    np.testing.assert_allclose(neighbour_distance(points, known, 4).scores, expected, atol=2e-3)


@pytest.mark.parametrize("score", SCORES)
@pytest.mark.parametrize("known", [30, 300])
def test_percentiles_of_cases_like_the_known_are_even_and_strange_ones_stand_at_the_end(score, known):
    alike = score(drawn(2000, 40, seed=1), drawn(known, 40)).percentiles
    assert abs(alike.mean() - 0.5) < 0.12
    strange = score(drawn(200, 40, seed=2) * np.linspace(3, -3, 40, dtype=np.float32), drawn(known, 40))
    assert np.median(strange.percentiles) > 0.95
    both = np.r_[alike, strange.percentiles]
    assert roc_auc_score(np.r_[np.zeros(2000), np.ones(200)], both) > 0.9


@pytest.mark.parametrize("score", SCORES)
def test_chunks_and_maps_change_nothing(score, tmp_path, monkeypatch):
    known, points = drawn(50), drawn(333, seed=1)
    whole = score(points, known)
    monkeypatch.setattr(distances, "CHUNK_BYTES", 4 * 50 * 10)
    np.save(tmp_path / "points.npy", points)
    parts = score(np.load(tmp_path / "points.npy", mmap_mode="r"), known)
    np.testing.assert_allclose(parts.scores, whole.scores, rtol=1e-4)


@settings(deadline=None, max_examples=25)
@given(st.integers(LEAST, 40), st.integers(1, 30), st.integers(0, 5), st.booleans())
def test_any_cases_get_a_place_among_the_known(known, d, seed, alike):
    given = np.ones((known, d), np.float32) if alike else drawn(known, d, seed)
    for score in SCORES:
        found = score(drawn(7, d, seed + 1), given)
        assert np.isfinite(found.scores).all()
        assert ((found.percentiles >= 0) & (found.percentiles <= 1)).all()
        order = np.argsort(found.scores)
        assert (np.diff(found.percentiles[order]) >= 0).all()


def test_too_few_known_cases_are_refused():
    with pytest.raises(ValueError, match="9 known cases"):
        mahalanobis(drawn(3), drawn(9))
    with pytest.raises(ValueError, match="neighbour 11"):
        neighbour_distance(drawn(3), drawn(11), 11)


def test_words():
    assert in_words(1.0) == "stranger than every known case"
    assert in_words(0.975) == "stranger than 98 of 100 known cases"
