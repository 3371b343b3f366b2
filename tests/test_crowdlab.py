"""CROWDLAB: cleanlab's own values, and where there is no model or only one read."""

from __future__ import annotations

import numpy as np
import pytest
from cleanlab.multiannotator import get_label_quality_multiannotator

from active_learning.crowdlab import crowdlab
from active_learning.ratings import NOT_READ, Ratings


def table_of(given: np.ndarray, options: int) -> Ratings:
    items = tuple(f"i{number:04}" for number in range(len(given)))
    readers = tuple(f"r{number}" for number in range(given.shape[1]))
    return Ratings(tuple("abcd"[:options]), readers, items, items, given.astype(np.int16))


def drawn(options: int, seed: int, *, read: float) -> tuple[Ratings, np.ndarray]:
    """Readers who are right 70 times of 100 or more, and a model that is right somewhat oftener than by chance."""
    rng = np.random.default_rng(seed)
    truth = rng.integers(0, options, 150)
    given = np.where(rng.random((150, 5)) < 0.7, truth[:, None], rng.integers(0, options, (150, 5)))
    given[rng.random((150, 5)) >= read] = NOT_READ
    kept = (given != NOT_READ).any(axis=1)
    model = rng.dirichlet(np.ones(options), 150) + 0.3 * np.eye(options)[truth]
    return table_of(given[kept], options), (model / model.sum(axis=1, keepdims=True))[kept]


@pytest.mark.parametrize(("options", "read"), [(2, 1.0), (2, 0.5), (3, 0.6), (4, 0.4)])
def test_the_values_are_cleanlabs(options: int, read: float) -> None:
    ratings, model = drawn(options, options, read=read)
    given = np.where(ratings.given == NOT_READ, np.nan, ratings.given.astype(float))
    peer = get_label_quality_multiannotator(given, model, verbose=False)
    found = crowdlab(ratings, model)
    labels = peer["label_quality"]["consensus_label"].to_numpy()
    of_labels = found.probabilities[np.arange(len(labels)), labels]
    assert of_labels == pytest.approx(peer["label_quality"]["consensus_quality_score"].to_numpy(), abs=1e-12)
    quality = peer["annotator_stats"]["annotator_quality"].sort_index().to_numpy()
    assert found.quality == pytest.approx(quality, abs=1e-12)
    reads = np.take_along_axis(found.probabilities, np.maximum(ratings.given, 0).astype(int), axis=1)
    told = peer["detailed_label_quality"].to_numpy()
    assert reads[ratings.given != NOT_READ] == pytest.approx(told[ratings.given != NOT_READ], abs=1e-12)
    assert np.mean(found.labels == labels) > 0.95  # cleanlab names a label before the last average


def test_without_a_model_agreement_weighs_the_readers() -> None:
    rng = np.random.default_rng(1)
    truth = rng.integers(0, 2, 400)
    wrong = rng.random((400, 4)) < np.array([0.05, 0.05, 0.45, 0.45])
    found = crowdlab(table_of(np.where(wrong, 1 - truth[:, None], truth[:, None]), 2))
    assert found.quality[:2].min() > found.quality[2:].max() + 0.2
    assert np.mean(found.labels == truth) > 0.94


def test_a_row_without_the_model_is_told_by_the_readers() -> None:
    ratings, model = drawn(2, 5, read=1.0)
    gap = model.copy()
    gap[3] = np.nan
    found = crowdlab(ratings, gap)
    assert np.isfinite(found.probabilities).all()
    assert found.probabilities.sum(axis=1) == pytest.approx(np.ones(150))


def test_what_nobody_read_is_not_known() -> None:
    ratings, model = drawn(3, 2, read=0.7)
    more = table_of(np.vstack([ratings.given, np.full((4, 5), NOT_READ)]), 3)
    beside = crowdlab(more, np.vstack([model, np.full((4, 3), 1 / 3)]))
    alone = crowdlab(ratings, model)
    assert beside.probabilities[:-4] == pytest.approx(alone.probabilities)
    assert beside.quality == pytest.approx(alone.quality)
    assert np.isnan(beside.probabilities[-4:]).all()


def test_one_read_an_item_is_what_is_known() -> None:
    given = np.full((6, 2), NOT_READ)
    given[:3, 0], given[3:, 1] = [0, 1, 0], [1, 0, 1]
    assert crowdlab(table_of(given, 2)).labels.tolist() == [0, 1, 0, 1, 0, 1]
