"""The ways to a consensus by name, and the median with its spread."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy.stats import norm

from active_learning.methods import METHODS, estimate, estimate_all
from active_learning.ordinal import median_with_spread, spread
from active_learning.ratings import NOT_READ, Ratings
from data.errors import RatingsError


def table_of(said: list[list[int]], options: int = 4) -> Ratings:
    items = tuple(f"i{number:04}" for number in range(len(said)))
    readers = tuple(f"r{number}" for number in range(len(said[0])))
    return Ratings(tuple("0123"[:options]), readers, items, items, np.array(said, dtype=np.int16))


GRADES = table_of([[0, 0, 1], [2, 3, 3], [1, 1, 1], [0, 3, 0], [2, 2, NOT_READ], [NOT_READ, 1, NOT_READ]])


@pytest.mark.parametrize("method", METHODS)
def test_every_way_gives_probabilities_and_the_readers_quality(method: str) -> None:
    model = np.full((6, 4), 0.25)
    for found in (estimate(method, GRADES), estimate(method, GRADES, model)):
        assert found.probabilities.sum(axis=1) == pytest.approx(np.ones(6))
        assert found.quality.shape == (3,)
        assert ((found.quality >= 0) & (found.quality <= 1)).all()
        assert found.labels[2] == 1


@pytest.mark.parametrize("method", METHODS)
def test_several_labels_at_once_come_back_by_name(method: str) -> None:
    found = estimate_all(
        method, {"one": GRADES, "other": table_of([[0, 1], [1, 1]], 2)}, {"other": np.full((2, 2), 0.5)}
    )
    assert list(found) == ["one", "other"]
    assert found["other"].probabilities[1, 1] > 0.5


def test_an_unknown_way_is_refused_with_those_that_there_are() -> None:
    with pytest.raises(RatingsError) as refused:
        estimate("unanimity", GRADES)
    assert "pooled" in str(refused.value.expected)
    with pytest.raises(RatingsError):
        estimate_all("unanimity", {"one": GRADES})


def test_the_spread_is_pooled_over_the_items() -> None:
    squares = [2 / 3, 2 / 3, 0, 6, 0]  # of each item with several reads, around its mean
    assert spread(GRADES) == pytest.approx(math.sqrt(sum(squares) / (2 + 2 + 2 + 2 + 1)))


def test_the_median_is_the_grade_and_the_spread_its_uncertainty() -> None:
    found = median_with_spread(GRADES)
    assert found.labels.tolist() == [0, 3, 1, 0, 2, 1]
    deviation = spread(GRADES) * math.sqrt(math.pi / 6)
    assert found.probabilities[2, 1] == pytest.approx(norm.cdf(0.5 / deviation) - norm.cdf(-0.5 / deviation))
    assert found.probabilities[5, 1] < found.probabilities[2, 1]  # one read says less than three
    assert found.probabilities[0, 0] == pytest.approx(norm.cdf(0.5 / deviation))


def test_a_median_between_two_grades_is_neither() -> None:
    found = median_with_spread(table_of([[1, 2], [0, 0], [3, 3]]))
    assert found.labels.tolist() == [NOT_READ, 0, 3]
    assert found.probabilities[0, 1] == pytest.approx(found.probabilities[0, 2])


def test_one_grader_far_off_moves_the_median_little() -> None:
    found = median_with_spread(table_of([[0, 0, 3], [0, 0, 0], [1, 1, 1], [3, 3, 3]]))
    assert found.labels.tolist() == [0, 0, 1, 3]
