"""Prediction sets: MAPIE's thresholds where the definitions agree, coverage by class, and patients as the unit."""

from __future__ import annotations

import numpy as np
import pytest
from mapie.classification import SplitConformalClassifier
from sklearn.base import BaseEstimator, ClassifierMixin

from active_learning import conformal

OPTIONS = ("a", "b", "c")


class _Given(ClassifierMixin, BaseEstimator):
    """A classifier whose input is its probabilities already."""

    def __init__(self) -> None:
        self.classes_ = np.arange(3)
        self.n_features_in_ = 3

    def fit(self, x: np.ndarray, y: np.ndarray) -> _Given:
        return self

    def predict(self, x: np.ndarray) -> np.ndarray:
        return np.asarray(x).argmax(axis=1)

    def predict_proba(self, x: np.ndarray) -> np.ndarray:
        return np.asarray(x)


def drawn(count: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """(count, 3) probabilities that are calibrated, and the options drawn from them."""
    rng = np.random.default_rng(seed)
    given = rng.dirichlet([0.6, 0.4, 0.2], count)
    labels = np.array([rng.choice(3, p=row) for row in given])
    return given, labels


def fitted(given: np.ndarray, labels: np.ndarray, *, coverage: float = 0.9) -> conformal.ConformalSets:
    names = [str(n) for n in range(len(labels))]
    return conformal.fit(given, labels, names, OPTIONS, question="q", coverage=coverage)


@pytest.mark.filterwarnings("ignore:WARNING. your conformalization dataset has less labels")
def test_an_option_is_kept_where_mapie_keeps_it_that_was_calibrated_on_that_option_alone() -> None:
    given, labels = drawn(600, 3)
    new, _ = drawn(400, 4)
    found = conformal.members(fitted(given, labels), new)
    for option in range(3):
        own = labels == option
        theirs = SplitConformalClassifier(_Given(), confidence_level=0.9, conformity_score="lac", prefit=True)
        theirs.conformalize(given[own], labels[own])
        assert (theirs.predict_set(new)[1][:, option, 0] == found[:, option]).all()


def test_each_option_is_covered_as_often_as_was_stated() -> None:
    """Over many calibration sets, the mean coverage of each option lies at 0.9 or just above."""
    covered = np.zeros(3)
    for seed in range(60):
        sets = fitted(*drawn(500, seed))
        new, truth = drawn(1500, 1000 + seed)
        kept = conformal.members(sets, new)
        covered += [kept[truth == option, option].mean() for option in range(3)]
    assert (covered / 60 > 0.89).all()
    assert (covered / 60 < 0.93).all()


def test_thresholds_by_hand() -> None:
    """Of 19 patients at 0.95 the lowest probability decides; with 18 the option can never be left out."""
    values = np.linspace(0.05, 0.95, 19)
    assert conformal.threshold(values, 0.95) == pytest.approx(0.05)
    assert conformal.threshold(values[1:], 0.95) == 0.0
    assert conformal.threshold(np.linspace(0.1, 0.9, 9), 0.8) == pytest.approx(0.2)
    assert conformal.threshold([], 0.95) == 0.0


def test_of_a_patients_items_the_one_that_fits_worst_counts() -> None:
    rows = np.array([[0.9, 0.1], [0.3, 0.7], [0.8, 0.2], [0.6, 0.4]])
    sets = conformal.fit(rows, [0, 0, 0, 1], ["p", "p", "q", "r"], ("no", "yes"), question="q", coverage=0.6)
    assert sets.counts == (2, 1)
    assert sets.thresholds == (0.3, 0.0)


def test_a_label_that_is_not_known_is_left_out() -> None:
    rows = np.array([[0.9, 0.1], [0.4, 0.6]])
    sets = conformal.fit(rows, [0, -1], ["p", "q"], ("no", "yes"), question="q", coverage=0.5)
    assert sets.counts == (1, 0)
    assert sets.thresholds == (0.9, 0.0)


def test_a_set_may_be_clear_doubtful_or_empty() -> None:
    sets = conformal.ConformalSets("q", "", ("no", "yes"), (0.6, 0.3), (50, 50), 0.95)
    assert conformal.in_set(sets, [0.9, 0.1]) == ("no",)
    assert conformal.in_set(sets, [0.65, 0.35]) == ("no", "yes")
    assert conformal.in_set(sets, [0.2, 0.8]) == ("yes",)
    sure = conformal.ConformalSets("q", "", ("no", "yes"), (0.9, 0.7), (50, 50), 0.95)
    assert conformal.in_set(sure, [0.5, 0.5]) == ()


@pytest.mark.parametrize("coverage", [0.0, 1.0])
def test_a_coverage_that_cannot_be_is_refused(coverage: float) -> None:
    with pytest.raises(ValueError, match="coverage"):
        fitted(*drawn(5, 0), coverage=coverage)


def test_shapes_that_do_not_fit_are_refused() -> None:
    with pytest.raises(ValueError, match="probabilities"):
        conformal.fit([[0.5, 0.5]], [0, 1], ["p", "q"], ("no", "yes"), question="q")
