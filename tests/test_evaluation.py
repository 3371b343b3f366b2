import json

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import cohen_kappa_score, f1_score, log_loss, roc_auc_score

from data.answers import STUDY, Answer, Choice, Findings, Form, Grade, Mask, MaskValue, Measurement, Question, Site
from data.blobs import Blobs
from data.errors import AnswerError, NotFoundError
from data.records import Prediction, QuestionPrediction
from models import metrics
from models.bootstrap import difference, interval
from models.evaluation import Evaluation, evaluate
from models.metrics import weighted_auc, weighted_f1, weighted_kappa, weighted_mean

CUT = Question("cut", "Cut off?", Choice(("complete", "cut_off")))


def binary(question, p, *, site=STUDY, threshold=0.5, options=("complete", "cut_off")):
    value = options[int(p >= threshold)]
    return QuestionPrediction(question, site, value, {options[0]: 1 - p, options[1]: p}, 0.5)


def predicted(study_id, *results):
    return Prediction("task", study_id, "task-v1", tuple(results))


def one_question(scores, truth, patients=None, **options):
    studies = [f"s{i:03}" for i in range(len(scores))]
    return evaluate(
        Form((CUT,)),
        {s: predicted(s, binary("cut", p)) for s, p in zip(studies, scores, strict=True)},
        {s: (Answer("cut", STUDY, ("complete", "cut_off")[int(y)]),) for s, y in zip(studies, truth, strict=True)},
        dict(zip(studies, patients or studies, strict=True)),
        **options,
    )


def test_binary_figures_by_hand():
    # 2 true positives, 1 false positive, 1 false negative, 2 true negatives; 7 of 9 pairs in order.
    found = one_question([0.9, 0.6, 0.3, 0.7, 0.2, 0.1], [1, 1, 1, 0, 0, 0]).metrics
    assert found["cut.auc"].value == pytest.approx(7 / 9)
    assert found["cut.accuracy"].value == pytest.approx(4 / 6)
    assert found["cut.precision"].value == pytest.approx(2 / 3)
    assert found["cut.recall"].value == found["cut.sensitivity"].value == pytest.approx(2 / 3)
    assert found["cut.specificity"].value == pytest.approx(2 / 3)
    assert found["cut.f1"].value == pytest.approx(2 / 3)
    assert found["cut.log_loss"].value == pytest.approx(-np.mean(np.log([0.9, 0.6, 0.3, 0.3, 0.8, 0.9])))
    assert found["mean_auc"] == found["cut.auc"]
    assert (found["cut.auc"].n, found["cut.sensitivity"].n) == (6, 3)


def test_curves_by_hand():
    curves = one_question([0.9, 0.6, 0.3, 0.7, 0.2, 0.1], [1, 1, 1, 0, 0, 0]).curves["cut"]
    assert curves.options == ("complete", "cut_off")
    assert curves.confusion == ((2, 1), (1, 2))
    assert (curves.roc[0], curves.roc[-1]) == ((0.0, 0.0), (1.0, 1.0))
    assert curves.operating_point is not None
    assert (curves.operating_point.threshold, curves.operating_point.sensitivity) == (0.3, 1.0)
    assert sum(b.count for b in curves.reliability) == 6


def test_a_roc_curve_has_at_most_200_points():
    generator = np.random.default_rng(0)
    truth = generator.random(3000) < 0.5
    scores = np.clip(generator.normal(0.4 + 0.2 * truth, 0.2), 0, 1)
    roc = one_question(scores, truth, n_bootstrap=2).curves["cut"].roc
    assert 150 < len(roc) <= 200
    assert (roc[0], roc[-1]) == ((0.0, 0.0), (1.0, 1.0))


scored = st.lists(st.tuples(st.integers(0, 5), st.booleans(), st.integers(0, 3)), min_size=2, max_size=40)


@settings(deadline=None)
@given(scored)
def test_weighted_auc_is_that_of_sklearn_with_ties_and_repeats(rows):
    scores, truth, weights = (np.array(column) for column in zip(*rows, strict=True))
    drawn = np.repeat(truth, weights)
    value = weighted_auc(scores / 5, truth)(weights[None].astype(float))[0]
    if drawn.all() or not drawn.any():
        assert np.isnan(value)
    else:
        assert value == pytest.approx(roc_auc_score(drawn, np.repeat(scores, weights)))


@settings(deadline=None)
@given(st.lists(st.tuples(st.integers(0, 3), st.integers(0, 3), st.integers(0, 2)), min_size=2, max_size=30))
def test_weighted_kappa_and_f1_are_those_of_sklearn(rows):
    reference, given_, weights = (np.array(column) for column in zip(*rows, strict=True))
    a, b = np.repeat(reference, weights), np.repeat(given_, weights)
    as_float = weights[None].astype(float)
    kappa = weighted_kappa(reference, given_, 4)(as_float)[0]
    if len(np.union1d(a, b)) > 1:
        assert kappa == pytest.approx(cohen_kappa_score(a, b, labels=range(4), weights="quadratic"))
    else:
        assert np.isnan(kappa)
    classes = list(np.unique(reference))
    f1 = weighted_f1(reference, given_, classes)(as_float)[0]
    if set(classes) <= set(a):
        assert f1 == pytest.approx(f1_score(a, b, labels=classes, average="macro", zero_division=0))
    else:
        assert np.isnan(f1)


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 10_000))
def test_every_measure_equals_its_own_statistic_without_resampling(seed):
    generator = np.random.default_rng(seed)
    reference, given_ = generator.integers(0, 3, (2, 30))
    probabilities = generator.dirichlet(np.ones(3), 30)
    patients = [str(i) for i in range(30)]
    for measure in (
        metrics.macro_auc(probabilities, reference, patients),
        metrics.auc(probabilities[:, 0], reference == 0, patients),
        metrics.f1(reference, given_, patients, classes=range(3)),
        metrics.kappa(reference, given_, patients, levels=3),
        metrics.log_loss(probabilities, reference, patients),
    ):
        assert measure is not None
        assert measure.statistic(np.ones((1, 30)))[0] == pytest.approx(measure.value)
    whole = metrics.macro_auc(probabilities, reference, patients)
    assert whole is not None
    assert whole.value == pytest.approx(roc_auc_score(reference, probabilities, multi_class="ovr"))
    assert metrics.log_loss(probabilities, reference, patients).value == pytest.approx(
        log_loss(reference, probabilities, labels=[0, 1, 2])
    )


def test_the_interval_covers_the_truth_in_about_95_of_100_sets():
    """120 patients with 1 to 3 images each that share the patient's own difficulty; the truth from 400 000."""

    def draw(generator, n):
        truth = generator.random(n) < 0.4
        ease = generator.normal(0, 0.7, n)
        images = generator.integers(1, 4, n)
        owner = np.repeat(np.arange(n), images)
        scores = (1.2 * truth + ease)[owner] + generator.normal(0, 0.7, len(owner))
        return scores, truth[owner], owner

    scores, truth, _ = draw(np.random.default_rng(1), 400_000)
    target = roc_auc_score(truth, scores)
    hits = 0
    for seed in range(200):
        scores, truth, owner = draw(np.random.default_rng(100 + seed), 120)
        found = interval(weighted_auc(scores, truth), [str(o) for o in owner], n=300, seed=seed)
        assert found.low is not None
        assert found.high is not None
        hits += found.low <= target <= found.high
    assert 0.90 <= hits / 200 <= 0.99


def test_patients_and_not_images_are_drawn():
    generator = np.random.default_rng(3)
    values = np.repeat(generator.normal(size=40), 10)
    as_images = interval(weighted_mean(values), [str(i) for i in range(400)])
    as_patients = interval(weighted_mean(values), [str(i // 10) for i in range(400)])
    assert as_images.high is not None
    assert as_images.low is not None
    assert as_patients.high is not None
    assert as_patients.low is not None
    width = (as_patients.high - as_patients.low) / (as_images.high - as_images.low)
    assert width == pytest.approx(np.sqrt(10), rel=0.15)


def test_a_paired_difference_of_the_same_is_nothing():
    generator = np.random.default_rng(0)
    truth = generator.random(50) < 0.5
    statistic = weighted_auc(generator.random(50), truth)
    patients = [str(i) for i in range(50)]
    found = difference(statistic, statistic, patients, patients, n=50)
    assert (found.low, found.high) == (0.0, 0.0)


def test_no_interval_from_one_patient_of_a_class_or_too_many_lost_resamples():
    assert one_question([0.9, 0.2, 0.1, 0.3], [1, 0, 0, 0]).metrics["cut.auc"].low is None
    two = one_question([0.9, 0.8] + [0.1] * 30, [1, 1] + [0] * 30)  # exp(-2) = 14% without a positive
    assert two.metrics["cut.auc"].low is None
    assert "no interval" in two.detail["cut.auc"]
    assert two.metrics["cut.accuracy"].low is not None
    four = one_question([0.9, 0.8, 0.9, 0.8] + [0.1] * 30, [1] * 4 + [0] * 30)
    assert (four.metrics["cut.auc"].low, four.metrics["cut.auc"].high) == (1.0, 1.0)


def test_one_class_gives_no_auc_and_says_so():
    found = one_question([0.2, 0.4, 0.1], [0, 0, 0])
    assert "cut.auc" not in found.metrics
    assert "mean_auc" not in found.metrics
    assert found.detail["cut.auc"] == "one class only: complete"
    assert found.detail["cut.precision"] == "nothing called cut_off"
    assert found.metrics["cut.accuracy"].value == 1.0


def test_the_same_seed_gives_the_same_and_the_order_of_studies_has_no_say():
    scores, truth = list(np.linspace(0, 1, 30)), [i % 3 == 0 for i in range(30)]
    first, again = one_question(scores, truth, seed=5), one_question(scores, truth, seed=5)
    assert first == again
    assert first.metrics["cut.auc"] != one_question(scores, truth, seed=6).metrics["cut.auc"]


def test_a_conditional_question_is_measured_where_it_was_asked_and_coverage_says_how_often():
    view = Question("view", "View?", Choice(("frontal", "lateral")))
    turned = Question("turned", "Turned?", Choice(("straight", "turned")), asked_if=("view", "lateral"))
    form = Form((view, turned))
    references, predictions, patients = {}, {}, {}
    for i in range(8):
        study, is_turned = f"s{i}", i % 2 == 1
        references[study] = (
            Answer("view", STUDY, "lateral"),
            Answer("turned", STUDY, "turned" if is_turned else "straight"),
        )
        results = [binary("view", 0.9 if i < 6 else 0.1, options=("frontal", "lateral"))]
        if i < 6:
            results.append(binary("turned", 0.8 if is_turned else 0.1, options=("straight", "turned")))
        predictions[study] = predicted(study, *results)
        patients[study] = study
    found = evaluate(form, predictions, references, patients)
    assert found.metrics["turned.coverage"].value == 0.75
    assert found.metrics["turned.auc"].value == 1.0
    assert found.metrics["turned.auc"].n == 6
    assert found.metrics["view.accuracy"].value == 0.75
    assert found.detail["mean_auc"].startswith("over turned")
    assert found.detail["view.auc"] == "one class only: lateral"


def test_choice_grade_findings_and_measurement():
    kind = Question("kind", "Kind?", Choice(("benign", "malignant", "unclear")))
    site = Site.level("L4/L5")
    grade = Question("grade", "Grade?", Grade(("none", "mild", "severe")), sites=(site,))
    signs = Question("signs", "Signs?", Findings(("scoliosis", "calcified_aorta")))
    size = Question("size", "Diameter?", Measurement("mm"))
    form = Form((kind, grade, signs, size))
    options = kind.kind.options
    references, predictions = {}, {}
    truth = [0, 0, 1, 1, 2, 2]
    said = [0, 1, 1, 1, 2, 0]
    for i, (y, z) in enumerate(zip(truth, said, strict=True)):
        p = {option: 0.6 if k == z else 0.2 for k, option in enumerate(options)}
        levels = dict(zip(("none", "mild", "severe"), p.values(), strict=True))
        present = frozenset({"scoliosis"}) if i % 2 else frozenset()
        references[f"s{i}"] = (
            Answer("kind", STUDY, options[y]),
            Answer("grade", site, y),
            Answer("signs", STUDY, present),
            Answer("size", STUDY, 10.0),
        )
        predictions[f"s{i}"] = predicted(
            f"s{i}",
            QuestionPrediction("kind", STUDY, options[z], p, 0.8),
            QuestionPrediction("grade", site, z, levels, 0.8),
            QuestionPrediction("signs", STUDY, present, {"scoliosis": 0.3 + 0.1 * i, "calcified_aorta": 0.1}, 0.9),
            QuestionPrediction("size", STUDY, 10.0 + i, {}, 0.5),
        )
    found = evaluate(form, predictions, references, {s: s for s in references})
    assert found.metrics["kind.accuracy"].value == pytest.approx(4 / 6)
    # benign 1 of (2 said, 2 true), malignant 2 of (3, 2), unclear 1 of (1, 2)
    assert found.metrics["kind.f1"].value == pytest.approx((1 / 2 + 4 / 5 + 2 / 3) / 3)
    assert found.metrics["grade.kappa"].value == pytest.approx(cohen_kappa_score(truth, said, weights="quadratic"))
    assert found.curves["grade"].confusion == ((1, 1, 0), (0, 2, 0), (1, 0, 1))
    assert found.metrics["signs.scoliosis.auc"].value == pytest.approx(6 / 9)
    assert "signs.calcified_aorta.auc" not in found.metrics
    assert found.metrics["size.mean_abs_error"].value == 2.5
    assert found.detail["mean_auc"].startswith("over kind, signs.scoliosis")


def test_dice_over_the_pages_of_a_study(tmp_path):
    blobs = Blobs(tmp_path)
    question = Question("lesion", "Outline", Mask(("lesion",)))

    def page(index, rows):
        mask = np.zeros((4, 4), dtype=bool)
        mask[list(rows)] = True
        return Site.page(index), MaskValue((4, 4), (("lesion", blobs.put_mask(mask)),))

    references = {
        "s0": tuple(Answer("lesion", *page(i, rows)) for i, rows in ((1, (0, 1)), (2, (0,)))),
        "s1": (Answer("lesion", STUDY, MaskValue(())),),
        "s2": (Answer("lesion", *page(0, (0,))),),
    }
    predictions = {
        "s0": predicted("s0", QuestionPrediction("lesion", *page(1, (1, 2)), {}, 0.1)),
        "s1": predicted("s1"),
        "s2": predicted("s2"),
    }
    found = evaluate(Form((question,)), predictions, references, {s: s for s in references}, blobs=blobs)
    # 4 pixels in common, 12 + 8 in all; s1 is empty on both sides and does not count; s2 was missed
    assert found.metrics["lesion.dice"].value == pytest.approx((8 / 20 + 0) / 2)
    assert found.metrics["lesion.coverage"].value == 1.0
    without = evaluate(Form((question,)), predictions, references, {s: s for s in references})
    assert without.detail["lesion.dice"] == "the masks were not at hand"


def test_an_evaluation_survives_json():
    found = one_question([0.9, 0.6, 0.3, 0.7, 0.2, 0.1], [1, 1, 1, 0, 0, 0])
    kept = json.dumps(found.as_dict(), allow_nan=False)
    assert Evaluation.from_dict(json.loads(kept)) == found


def test_no_reference_at_all():
    found = evaluate(Form((CUT,)), {}, {}, {})
    assert (found.patients, dict(found.metrics)) == (0, {})
    assert found.detail["cut"] == "no reference"


def test_what_cannot_be_measured_is_refused():
    reference = {"s": (Answer("cut", STUDY, "complete"),)}
    empty = predicted("s", QuestionPrediction("cut", STUDY, "complete", {}, 0.5))
    with pytest.raises(AnswerError, match="no probability"):
        evaluate(Form((CUT,)), {"s": empty}, reference, {"s": "p"})
    half = predicted("s", QuestionPrediction("cut", STUDY, "complete", {"complete": 0.3, "cut_off": 0.3}, 0.5))
    with pytest.raises(AnswerError, match="sum to 1"):
        evaluate(Form((CUT,)), {"s": half}, reference, {"s": "p"})
    with pytest.raises(NotFoundError, match="no patient"):
        evaluate(Form((CUT,)), {}, reference, {})
