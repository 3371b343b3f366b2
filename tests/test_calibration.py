import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.special import softmax
from sklearn.isotonic import IsotonicRegression

from data.errors import TrainingError
from models.batches import Labelled
from models.calibration import (
    apply_temperature,
    expected_calibration_error,
    fit_temperature,
    reliability,
    youden,
)
from models.classifier import ClassifierSettings, probabilities
from models.config import Stage
from models.isotonic import Curve, apply_curves, fit_curve
from models.stages import calibrated, train_stage


def drawn(n=4000, classes=3, seed=0):
    """Logits whose softmax is the very chance of each label."""
    generator = np.random.default_rng(seed)
    logits = generator.normal(0, 1.5, (n, classes))
    chances = softmax(logits, axis=1)
    labels = (chances.cumsum(axis=1) < generator.random(n)[:, None]).sum(axis=1)
    return logits, labels


@pytest.mark.parametrize("factor", [0.5, 1.0, 3.0])
def test_the_temperature_that_was_put_in_is_found(factor):
    logits, labels = drawn()
    assert fit_temperature(logits * factor, labels) == pytest.approx(factor, rel=0.08)


def test_calibration_lowers_the_error_and_keeps_the_answers():
    logits, labels = drawn()
    before = apply_temperature(logits * 4, 1.0)
    after = apply_temperature(logits * 4, fit_temperature(logits * 4, labels))
    assert expected_calibration_error(before, labels) > 0.15
    assert expected_calibration_error(after, labels) < 0.03
    assert (before.argmax(axis=1) == after.argmax(axis=1)).all()


@pytest.mark.parametrize(
    ("logits", "labels"),
    [
        (np.zeros((0, 2)), []),
        ([[1.0, 2.0], [3.0, 1.0]], [1, 1]),
        ([[1.0, 2.0], [np.inf, 1.0]], [0, 1]),
        ([[1.0, 1.0], [2.0, 2.0]], [0, 1]),
        ([[2.0, 1.0], [1.0, 2.0]], [0, 1]),
    ],
    ids=["none", "one class", "infinite", "no difference", "no error"],
)
def test_where_nothing_can_be_learnt_the_temperature_is_one(logits, labels):
    assert fit_temperature(logits, labels) == 1.0


def test_apply_temperature_by_hand():
    probabilities = apply_temperature([[0.0, 2 * np.log(3)]], 2.0)
    np.testing.assert_allclose(probabilities, [[0.25, 0.75]])
    assert np.isfinite(apply_temperature([[1e6, -1e6]], 0.1)).all()
    with pytest.raises(ValueError, match="above 0"):
        apply_temperature([[0.0, 1.0]], 0.0)


def test_expected_calibration_error_by_hand():
    # bins (0.6, 0.7]: confidence 0.65, 1 of 2 right; (0.9, 1]: confidence 0.95, 2 of 2 right
    probabilities = [[0.65, 0.35], [0.65, 0.35], [0.95, 0.05], [0.05, 0.95]]
    assert expected_calibration_error(probabilities, [0, 1, 0, 1]) == pytest.approx((0.15 + 0.05) / 2)
    assert expected_calibration_error(np.zeros((0, 2)), []) == 0.0


def test_reliability_by_hand():
    low, high = reliability([0.1, 0.15, 1.0], [False, True, True])
    assert (low.predicted, low.observed, low.count) == (pytest.approx(0.125), 0.5, 2)
    assert (high.predicted, high.observed, high.count) == (1.0, 1.0, 1)


def test_youden_by_hand():
    point = youden([0.1, 0.4, 0.35, 0.8], [0, 0, 1, 1])
    # J is 0.5 at 0.35 and at 0.8: the higher one, which flags fewer
    assert (point.threshold, point.sensitivity, point.specificity) == (0.8, 0.5, 1.0)
    assert youden([0.2, 0.3], [1, 1]).threshold == 0.5
    assert youden([0.2, 0.3], [1, 1]).sensitivity is None


@settings(deadline=None)
@given(st.lists(st.tuples(st.integers(0, 8), st.booleans()), min_size=2, max_size=40))
def test_no_threshold_is_better_than_youdens(rows):
    scores, truth = (np.array(column) for column in zip(*rows, strict=True))
    point = youden(scores, truth)
    if point.sensitivity is None or point.specificity is None:
        assert truth.all() or not truth.any()
        return
    for threshold in scores:
        flagged = scores >= threshold
        gain = flagged[truth].mean() - flagged[~truth].mean()
        assert gain <= point.sensitivity + point.specificity - 1 + 1e-9
    flagged = scores >= point.threshold
    assert flagged[truth].mean() == pytest.approx(point.sensitivity)
    assert (~flagged)[~truth].mean() == pytest.approx(point.specificity)


def bent(n=4000, classes=3, seed=0):
    """Probabilities that are too sure at one end alone, which no temperature mends; and the labels."""
    logits, labels = drawn(n, classes, seed)
    given = softmax(logits, axis=1)
    given[:, 0] = given[:, 0] ** 3
    return given / given.sum(axis=1, keepdims=True), labels


@pytest.mark.parametrize("classes", [2, 3])
def test_curves_mend_what_one_temperature_cannot(classes):
    given, labels = bent(classes=classes)
    wanted = [1] if classes == 2 else range(classes)
    curves = tuple(fit_curve(given[:, c], labels == c) for c in wanted)
    fresh, truth = bent(classes=classes, seed=1)
    logs = np.log(fresh)
    by_temperature = apply_temperature(logs, fit_temperature(np.log(given), labels))
    by_curves = apply_curves(fresh, curves)
    np.testing.assert_allclose(by_curves.sum(axis=1), 1)
    rows = np.arange(len(truth))
    losses = [-np.log(p[rows, truth]).mean() for p in (by_curves, by_temperature)]
    assert losses[0] < losses[1] - 0.02
    errors = [expected_calibration_error(p, truth) for p in (by_curves, by_temperature)]
    assert errors[0] < 0.8 * errors[1]


def test_a_curve_is_scikit_learns_but_for_its_ends_and_survives_json():
    given, labels = bent()
    happened = labels == 0
    curve = fit_curve(given[:, 0], happened)
    peer = IsotonicRegression(out_of_bounds="clip").fit(given[:, 0], happened)
    scores = np.linspace(0, 1, 501)
    edge = 1 / (len(labels) + 2)
    np.testing.assert_allclose(curve.apply(scores), np.clip(peer.predict(scores), edge, 1 - edge), atol=1e-9)
    again = Curve.model_validate_json(curve.model_dump_json())
    np.testing.assert_array_equal(again.apply(scores), curve.apply(scores))


@settings(deadline=None, max_examples=25)
@given(st.integers(0, 99), st.integers(2, 4))
def test_curves_never_fall_and_never_say_never(seed, classes):
    given, labels = bent(800, classes, seed)
    curve = fit_curve(given[:, 0], labels == 0)
    chances = curve.apply(np.linspace(-0.5, 1.5, 99))
    assert (np.diff(chances) >= 0).all()
    assert chances.min() > 0
    assert chances.max() < 1


@pytest.mark.parametrize(("examples", "positive"), [(0, 0), (199, 90), (500, 19), (500, 481)])
def test_too_few_examples_are_refused(examples, positive):
    happened = np.arange(examples) < positive
    with pytest.raises(TrainingError, match="too few validation examples"):
        fit_curve(np.linspace(0, 1, examples), happened)


def test_curves_of_other_classes_are_refused():
    curve = Curve(scores=(0.0, 1.0), chances=(0.1, 0.9))
    with pytest.raises(ValueError, match="2 curves of 3 classes"):
        apply_curves(np.full((1, 3), 1 / 3), (curve, curve))


SETTINGS = {"network": "small_resnet", "size_px": (32, 32)}


@pytest.mark.parametrize("options", [("a", "b"), ("a", "b", "c")])
def test_a_stage_is_calibrated_by_curves_where_it_says_so(options):
    given, labels = bent(classes=len(options))
    logits = np.log(given)
    if len(options) == 2:
        logits = np.column_stack([np.zeros(len(logits)), logits[:, 1] - logits[:, 0]])
    plain = ClassifierSettings(options=options, **SETTINGS)
    known = calibrated(plain, logits, labels, calibration="isotonic")
    kept = ClassifierSettings.model_validate_json(known.model_dump_json())
    assert len(kept.isotonic) == (1 if len(options) == 2 else 3)
    found = probabilities(logits, kept)
    np.testing.assert_allclose(found.sum(axis=1), 1)
    usual = calibrated(plain, logits, labels)
    assert usual.isotonic == ()
    rows = np.arange(len(labels))
    losses = [-np.log(p[rows, labels]).mean() for p in (found, probabilities(logits, usual))]
    assert losses[0] < losses[1] - 0.02
    if len(options) == 2:
        chosen = found[:, 1] >= kept.operating_point[0]
        gain = chosen[labels == 1].mean() - chosen[labels == 0].mean()
        sick, well = found[labels == 1, 1], found[labels == 0, 1]
        best = max((sick >= t).mean() - (well >= t).mean() for t in np.unique(found[:, 1]))
        assert gain == pytest.approx(best)


def test_findings_have_a_curve_each_from_the_studies_where_they_are_known():
    given, labels = bent(classes=2)
    logits = np.log(given[:, 1:] / given[:, :1]).repeat(2, axis=1)
    targets = np.column_stack([labels, labels]).astype(np.float32)
    targets[500:, 1] = np.nan
    known = calibrated(
        ClassifierSettings(options=("x", "y"), exclusive=False, **SETTINGS),
        logits,
        targets,
        calibration="isotonic",
    )
    found = probabilities(logits, known)
    scores = 1 / (1 + np.exp(-logits[:500, 1] / known.temperature[1]))
    np.testing.assert_allclose(found[:, 1], fit_curve(scores, labels[:500] == 1).apply(
        1 / (1 + np.exp(-logits[:, 1] / known.temperature[1]))))  # fmt: skip
    assert not np.allclose(found[:, 0], found[:, 1])


def test_a_stage_that_cannot_be_calibrated_so_is_refused_before_it_is_trained(tmp_path):
    stage = Stage(networks=("small_resnet",), size_px=(32, 32), calibration="isotonic")
    few = Labelled(np.zeros((50, 32, 32), np.uint8), np.arange(50) % 2, tuple(map(str, range(50))))
    with pytest.raises(TrainingError, match="200 or more"):
        train_stage("q", stage, ("a", "b"), few, few, scratch=tmp_path)
    assert not list(tmp_path.iterdir())
