"""Truth from several readers: values that crowd-kit gives, what more reads tell, gaps, and a million reads."""

from __future__ import annotations

import numpy as np
import pytest

from active_learning.crowd import dawid_skene, majority_vote
from active_learning.ratings import NOT_READ, Ratings

FOURTEEN = [
    [0, 1, 0, 0], [1, 0, -1, 0], [1, 0, 1, 1], [0, 0, 0, 0], [0, 0, 0, 1], [1, 0, 0, 0], [0, -1, 1, 0],
    [0, -1, 1, 1], [0, -1, 0, 0], [1, 1, 0, 1], [1, 1, 0, 0], [1, -1, 1, 1], [-1, 1, -1, 1], [1, 1, -1, 1],
]  # fmt: skip
AFTER_FIFTY = [
    0, 0, 0.942181553, 0, 0.189744065, 0, 0, 0.867363818, 0, 0.821581771, 0, 0.971177486, 0.88148773, 0.934833951,
]  # fmt: skip
"""The second option's probabilities after 50 steps of crowd-kit 1.4's ``DawidSkene``, to nine places."""


def table_of(given: list[list[int]] | np.ndarray, options: int) -> Ratings:
    table = np.asarray(given, dtype=np.int16)
    items = tuple(f"i{n:06}" for n in range(len(table)))
    readers = tuple(f"r{n:02}" for n in range(table.shape[1]))
    return Ratings(tuple("abcde"[:options]), readers, items, items, table)


def drawn(items: int, quality: list[float], *, options: int = 3, read: float = 1.0) -> tuple[Ratings, np.ndarray]:
    """Readers of these qualities, and the truth."""
    rng = np.random.default_rng(3)
    truth = rng.integers(0, options, items)
    wrong = (truth[:, None] + rng.integers(1, options, (items, len(quality)))) % options
    right = rng.random(wrong.shape) < np.array(quality)
    given = np.where(right, truth[:, None], wrong)
    given[rng.random(wrong.shape) >= read] = NOT_READ
    return table_of(given, options), truth


def test_dawid_skene_gives_what_crowd_kit_gives() -> None:
    found = dawid_skene(table_of(FOURTEEN, 2), steps=50, tolerance=-np.inf)
    assert found.steps == 50
    assert found.probabilities[:, 1] == pytest.approx(AFTER_FIFTY, abs=1e-8)
    assert found.probabilities.sum(axis=1) == pytest.approx(np.ones(14))


def test_a_majority_is_a_share_and_a_tie_has_no_label() -> None:
    found = majority_vote(table_of([[0, 0, 1], [0, 1, -1], [-1, -1, -1]], 2))
    assert found.probabilities[0] == pytest.approx((2 / 3, 1 / 3))
    assert np.isnan(found.probabilities[2]).all()
    assert found.labels.tolist() == [0, NOT_READ, NOT_READ]


def test_good_readers_outvote_poor_ones() -> None:
    ratings, truth = drawn(600, [0.95, 0.9, 0.4, 0.4, 0.4])
    by_share, by_reader = majority_vote(ratings), dawid_skene(ratings)
    assert np.mean(by_reader.labels == truth) > np.mean(by_share.labels == truth) + 0.05
    assert by_reader.quality == pytest.approx([0.95, 0.9, 0.4, 0.4, 0.4], abs=0.06)
    assert by_reader.confusion.sum(axis=2) == pytest.approx(np.ones((5, 3)))


def test_what_nobody_read_is_not_known_and_teaches_nothing() -> None:
    ratings, _ = drawn(60, [0.9, 0.8, 0.7])
    more = table_of(np.vstack([ratings.given, np.full((20, 3), NOT_READ)]), 3)
    alone, beside = dawid_skene(ratings), dawid_skene(more)
    assert beside.probabilities[:60] == pytest.approx(alone.probabilities)
    assert np.isnan(beside.probabilities[60:]).all()
    assert beside.labels[60:].tolist() == [NOT_READ] * 20


def test_imagined_reads_keep_certainty_within_bounds() -> None:
    ratings, _ = drawn(12, [0.9, 0.9, 0.9], options=2)
    sure, careful = dawid_skene(ratings), dawid_skene(ratings, smoothing=1.0)
    assert sure.probabilities.max() > careful.probabilities.max()
    assert (sure.labels == careful.labels).all()


def test_a_million_reads() -> None:
    ratings, truth = drawn(100_000, list(np.linspace(0.5, 0.95, 50)), options=5, read=0.2)
    assert int((ratings.given != NOT_READ).sum()) == pytest.approx(1_000_000, rel=0.01)
    assert np.mean(dawid_skene(ratings).labels == truth) > 0.99
