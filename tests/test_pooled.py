"""Severities pooled over labels and readers: where it helps, what moves it not, and where the line is drawn."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from active_learning.crowd import Estimate, dawid_skene, majority_vote
from active_learning.pooled import _posterior, _reads, _slope, _start, pooled
from active_learning.ratings import NOT_READ, Ratings


def table_of(said: np.ndarray, options: int = 2) -> Ratings:
    items = tuple(f"i{number:04}" for number in range(len(said)))
    readers = tuple(f"r{number}" for number in range(said.shape[1]))
    return Ratings(tuple("abcd"[:options]), readers, items, items, said.astype(np.int16))


def simulated(
    seed: int, *, labels: int = 6, items: int = 250, reads: int = 3
) -> dict[str, tuple[Ratings, np.ndarray]]:
    """Rare findings of any severity, five readers with thresholds of their own of whom ``reads`` read an item."""
    rng = np.random.default_rng(seed)
    own = rng.normal(0, 1, 5)
    read = rng.random((items, 5)).argsort(axis=1) < reads
    found = {}
    for label in range(labels):
        severity = rng.normal(rng.uniform(-5, -3), 3, items)
        threshold = own + rng.normal(0, 0.7, 5)
        says = rng.random((items, 5)) < 1 / (1 + np.exp(-(severity[:, None] - threshold)))
        found[str(label)] = table_of(np.where(read, says, NOT_READ)), severity > threshold.mean()
    return found


def right(estimates: dict[str, Estimate], data: dict[str, tuple[Ratings, np.ndarray]]) -> float:
    return float(np.mean([np.mean((estimates[k].probabilities[:, 1] > 0.5) == t) for k, (_, t) in data.items()]))


def squared(estimates: dict[str, Estimate], data: dict[str, tuple[Ratings, np.ndarray]]) -> float:
    return float(np.mean([np.mean((estimates[k].probabilities[:, 1] - t) ** 2) for k, (_, t) in data.items()]))


@pytest.mark.parametrize("reads", [2, 3, 5])
def test_readers_who_err_on_the_same_items_are_weighed_better(reads: int) -> None:
    certain, labels = [], []
    for seed in range(4):
        data = simulated(seed, reads=reads)
        ours = pooled({label: ratings for label, (ratings, _) in data.items()})
        shares, classes = ({k: f(r) for k, (r, _) in data.items()} for f in (majority_vote, dawid_skene))
        certain.append([squared(other, data) - squared(ours, data) for other in (shares, classes)])
        labels.append(right(ours, data) - right(classes, data))
    assert (np.array(certain) >= 0).all()
    assert min(labels) > 0.005


def test_a_reader_is_known_from_other_labels() -> None:
    new = np.array([[1, -1, -1], [-1, 1, -1], *[[0, 0, 0]] * 20, *[[1, 1, 1]] * 4])  # the first two readers alike
    other = np.array([*[[1, 0, 0]] * 20, *[[1, 0, 1]] * 5, *[[0, 0, 0]] * 30, *[[1, 1, 1]] * 5])
    alone = pooled({"new": table_of(new)})["new"].probabilities[:, 1]
    beside = pooled({"new": table_of(new), "other": table_of(other), "third": table_of(other)})[
        "new"
    ].probabilities
    assert alone[0] == pytest.approx(alone[1], abs=1e-3)
    assert beside[0, 1] < beside[1, 1] - 0.05  # the first calls much at other labels, so that a call says less


def test_where_all_read_all_the_votes_are_counted() -> None:
    ratings, _ = simulated(8, labels=1, reads=5)["0"]
    found, votes = pooled({"": ratings})[""].probabilities[:, 1], ratings.given.sum(axis=1)
    each = [found[votes == number] for number in range(6)]
    assert all(np.ptp(one) < 1e-9 for one in each if len(one))
    assert (np.diff([one[0] for one in each if len(one)]) > 0).all()


def test_a_model_helps_as_far_as_it_is_good() -> None:
    data = simulated(5, reads=2)
    ratings = {label: one for label, (one, _) in data.items()}
    rng = np.random.default_rng(0)
    scores = {label: 3 * (truth - 0.5) + rng.normal(0, 1.5, len(truth)) for label, (_, truth) in data.items()}
    good = {label: np.column_stack([1 / (1 + np.exp(s)), 1 / (1 + np.exp(-s))]) for label, s in scores.items()}
    useless = {label: rng.dirichlet((1, 1), len(truth)) for label, (_, truth) in data.items()}
    without = squared(pooled(ratings), data)
    assert squared(pooled(ratings, good), data) < 0.9 * without
    assert squared(pooled(ratings, useless), data) < 1.05 * without


def test_the_options_are_said_as_often_as_by_the_readers() -> None:
    for label, (ratings, _) in simulated(1, reads=5).items():
        share = float(np.mean(ratings.given))
        found = pooled({label: ratings})[label].probabilities[:, 1].mean()
        assert found == pytest.approx(share, abs=0.01)


def test_the_options_mirrored_are_the_probabilities_mirrored() -> None:
    ratings, _ = simulated(2, labels=1)["0"]
    mirrored = table_of(np.where(ratings.given == NOT_READ, NOT_READ, 1 - ratings.given))
    one, other = (pooled({"": r})[""].probabilities for r in (ratings, mirrored))
    assert one[:, 0] == pytest.approx(other[:, 1], abs=2e-3)


def test_what_nobody_read_is_not_known_and_teaches_nothing() -> None:
    ratings, _ = simulated(4, labels=1)["0"]
    more = table_of(np.vstack([ratings.given, np.full((30, 5), NOT_READ)]))
    alone, beside = pooled({"": ratings})[""], pooled({"": more})[""]
    assert beside.probabilities[:-30] == pytest.approx(alone.probabilities, abs=1e-3)
    assert np.isnan(beside.probabilities[-30:]).all()


def test_more_options_are_one_against_the_rest() -> None:
    rng = np.random.default_rng(7)
    truth = rng.integers(0, 3, 200)
    said = np.where(rng.random((200, 5)) < 0.8, truth[:, None], rng.integers(0, 3, (200, 5)))
    found = pooled({"": table_of(said, 3)})[""]
    assert found.probabilities.sum(axis=1) == pytest.approx(np.ones(200))
    assert np.mean(found.labels == truth) >= np.mean(majority_vote(table_of(said, 3)).labels == truth) - 0.01
    assert found.quality == pytest.approx(np.full(5, 0.8 + 0.2 / 3), abs=0.07)


def test_an_answer_that_all_give_is_certain() -> None:
    found = pooled({"": table_of(np.zeros((4, 3)))})[""]
    assert found.probabilities.tolist() == [[1.0, 0.0]] * 4


@given(st.lists(st.lists(st.sampled_from([NOT_READ, 0, 1]), min_size=3, max_size=3), min_size=4, max_size=12))
@settings(max_examples=25, deadline=None)
def test_one_more_vote_never_makes_an_option_less_likely(rows: list[list[int]]) -> None:
    said = np.array([*rows, [0, 0, 0], [1, 0, 0], [1, 1, 0], [1, 1, 1]])
    found = pooled({"": table_of(said)})[""].probabilities[-4:, 1]
    assert (np.diff(found) >= -1e-9).all()
    assert ((found >= 0) & (found <= 1)).all()


def test_the_slope_is_that_of_the_evidence() -> None:
    ratings, truth = simulated(6, labels=1)["0"]
    model = np.column_stack([np.where(truth, 0.3, 0.6), np.where(truth, 0.7, 0.4)])
    reads = _reads(ratings, 1, ratings.readers, model)
    row = _start([reads], 5)[0] + np.linspace(0.1, 0.5, 8)
    slope = _slope(reads, row)[1]
    for column in range(len(row)):
        step = np.eye(len(row))[column] * 1e-5
        up, down = (reads.count @ _posterior(reads, row + sign * step)[1] for sign in (1, -1))
        assert slope[column] == pytest.approx((up - down) / 2e-5, rel=1e-4, abs=1e-4)
