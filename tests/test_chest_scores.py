import numpy as np
import pytest

from models.bootstrap import interval
from models.chest.scores import Normaliser, Platt, decision_score, log_odds, logarithms, patient_weights
from models.chest.thresholds import best_f1, distributions, highest_with_sensitivity, recommended
from models.chest.training import midway


def names(count):
    return [f"P-{i}" for i in range(count)]


def test_the_normaliser_puts_the_95th_percentile_of_normals_at_a_half():
    rng = np.random.default_rng(0)
    errors = np.exp(rng.normal(-4.0, 0.3, 2000))
    normaliser = Normaliser.fit(logarithms(errors), names(2000))
    assert normaliser.mean == pytest.approx(-4.0, abs=0.03)
    assert normaliser.sd == pytest.approx(0.3, abs=0.02)
    given = normaliser.apply(logarithms(errors))
    assert np.mean(given > 0.5) == pytest.approx(0.05, abs=0.01)
    assert np.median(given) == pytest.approx(1 / (1 + np.exp(2 * 1.6449)), abs=0.01)
    assert normaliser.apply(-4.0 + 4 * 0.3) > 0.99
    assert normaliser.apply(logarithms([0.0])).tolist() == pytest.approx([0.0], abs=1e-6)


def test_a_patient_counts_once():
    assert patient_weights(["a", "b", "a", "a"]).tolist() == pytest.approx([1 / 3, 1, 1 / 3, 1 / 3])
    scores, truth = np.array([0.1, 0.9, 0.5, 0.2, 0.6]), np.array([0, 1, 0, 0, 1])
    many = np.concatenate([scores, np.repeat(0.5, 50)]), np.concatenate([truth, np.zeros(50, int)])
    patients = names(5)
    alone = Platt.fit(scores, truth, patients)
    repeated = Platt.fit(*many, [*patients, *["P-2"] * 50])
    at = np.array([0.3, 0.5, 0.7])
    assert repeated.apply(at) == pytest.approx(alone.apply(at), abs=1e-4)
    drowned = Platt.fit(*many, names(55))
    assert drowned.apply(0.5) < alone.apply(0.5) - 0.1


def test_calibration_grows_with_the_score_and_matches_frequencies():
    rng = np.random.default_rng(1)
    scores = rng.normal(0, 2, 3000)
    truth = rng.random(3000) < 1 / (1 + np.exp(-(1.3 * scores - 0.7)))
    platt = Platt.fit(scores, truth, names(3000))
    assert platt.slope == pytest.approx(1.3, rel=0.1)
    assert platt.offset == pytest.approx(-0.7, abs=0.15)
    backwards = Platt.fit(-scores, truth, names(3000))
    assert backwards.slope > 0
    assert backwards.apply([-3.0, 3.0]) == pytest.approx([truth.mean()] * 2, abs=0.02)
    one_class = Platt.fit(scores[:10], np.ones(10), names(10))
    assert one_class.apply(0.0) == pytest.approx(0.95, abs=0.01)


def test_the_larger_score_decides():
    assert decision_score([0.2, 0.9], [0.7, 0.1]).tolist() == [0.7, 0.9]
    assert log_odds([0.5, 1.0]).tolist() == pytest.approx([0.0, np.log((1 - 1e-6) / 1e-6)])


SCORES = np.array([0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8])
POSITIVE = np.array([False, False, False, True, False, True, True, True])


def test_thresholds_are_those_of_their_rules():
    found = {t.rule: t for t in recommended(SCORES, POSITIVE, names(8))}
    assert list(found) == ["f1", "youden", "sensitivity", "median"]
    assert found["f1"].value == 0.4  # 4 hits of 5 flagged: 8/9, against 6/7 at 0.6
    assert found["youden"].value == 0.6  # 3/4 + 1, as 1 + 3/4 at 0.4: the higher of the two
    assert found["sensitivity"].value == 0.4
    assert found["median"].value == pytest.approx(0.45)
    assert found["f1"].sensitivity.value == 1.0
    assert found["f1"].specificity.value == 0.75
    assert found["f1"].flagged.value == 0.625
    assert found["median"].flagged.value == 0.5
    assert midway(SCORES, POSITIVE) == pytest.approx(0.55)


def test_the_highest_threshold_that_keeps_the_sensitivity():
    scores = np.linspace(0, 1, 201)
    positive = np.arange(201) >= 101  # one hundred of them
    value = highest_with_sensitivity(scores, positive, 0.95)
    assert np.mean(scores[positive] >= value) == pytest.approx(0.95)
    assert np.mean(scores[positive] >= value + 0.005) < 0.95
    assert best_f1(scores, positive) == pytest.approx(scores[101])


def test_intervals_are_of_patients_at_that_very_threshold():
    rng = np.random.default_rng(2)
    positive = np.arange(120) % 2 == 0
    scores = np.clip(rng.normal(np.where(positive, 0.65, 0.4), 0.15), 0, 1)
    patients = [f"P-{i // 3}" for i in range(120)]
    found = next(t for t in recommended(scores, positive, patients, seed=5) if t.rule == "youden")
    right = (scores >= found.value)[positive].astype(float)
    own = [p for p, sick in zip(patients, positive, strict=True) if sick]
    bounds = interval(lambda weights: (weights @ right) / weights.sum(axis=1), own, 1000, 5)
    assert (found.sensitivity.low, found.sensitivity.high) == pytest.approx((bounds.low, bounds.high))
    assert found.sensitivity.low < found.sensitivity.value < found.sensitivity.high
    assert not found.useless
    assert f"sensitivity {found.sensitivity.value:.2f} (95% CI" in found.sentence


def test_a_threshold_that_flags_nearly_everything_is_called_useless():
    rng = np.random.default_rng(3)
    positive = np.arange(200) % 2 == 0
    scores = rng.random(200)
    scores[positive] = np.where(rng.random(100) < 0.08, 0.001, 0.5 + scores[positive] / 2)
    found = {t.rule: t for t in recommended(scores, positive, names(200))}
    assert found["sensitivity"].specificity.value < 0.05
    assert found["sensitivity"].useless
    assert "useless" in found["sensitivity"].sentence
    assert not found["median"].useless
    assert "useless" not in found["median"].sentence


def test_one_class_has_the_median_alone():
    (only,) = recommended(SCORES, np.zeros(8, dtype=bool), names(8))
    assert only.rule == "median"
    assert only.sensitivity.value is None
    assert "sensitivity not known" in only.sentence


def test_distributions_count_every_study():
    found = distributions(SCORES, POSITIVE)
    assert sum(found.normal) == sum(found.pathology) == 4
    assert found.normal[2] == 1  # 0.1 opens the third of twenty bins
    assert found.pathology[16] == 1
