import json

import numpy as np
import pytest

from active_learning.promotion import Comparison, compare
from data.answers import STUDY, Answer, Choice, Form, Question
from data.errors import TaskError
from data.records import Prediction, QuestionPrediction
from models.bootstrap import difference
from models.metrics import weighted_auc

FORM = Form((Question("cut", "Cut off?", Choice(("complete", "cut_off"))),))


def predictions(scores, *, asked=None):
    found = {}
    for i, p in enumerate(scores):
        value = "cut_off" if p >= 0.5 else "complete"
        result = QuestionPrediction("cut", STUDY, value, {"complete": 1 - p, "cut_off": p}, 0.5)
        found[f"s{i}"] = Prediction("task", f"s{i}", "v", (result,) if asked is None or asked[i] else ())
    return found


def setting(n, rate=0.4, seed=0):
    truth = np.random.default_rng(seed).random(n) < rate
    references = {f"s{i}": (Answer("cut", STUDY, "cut_off" if y else "complete"),) for i, y in enumerate(truth)}
    return truth, references, {s: s for s in references}


def scores(truth, gain, noise, seed):
    """Probabilities; ``noise`` is shared by both versions, so that hard cases are hard for both."""
    own = np.random.default_rng(seed).normal(0, 0.4, len(truth))
    return 1 / (1 + np.exp(-(gain * (truth - 0.5) + noise + own)))


def versus(truth, references, patients, old_gain, new_gain, *, seed=0, **options):
    noise = np.random.default_rng(seed + 900).normal(0, 1, len(truth))
    old, new = scores(truth, old_gain, noise, seed + 1), scores(truth, new_gain, noise, seed + 2)
    arguments = (FORM, "cut.auc", predictions(old), predictions(new), references, patients)
    return compare(*arguments, seed=seed, **options)


def test_a_clearly_better_candidate_wins():
    found = versus(*setting(300), 1.0, 2.5)
    assert (found.better, found.verdict) == (True, "better")
    assert found.difference.low is not None
    assert found.difference.low > 0
    assert found.difference.value == pytest.approx(found.candidate.value - found.champion.value)
    figures = (found.difference.value, found.difference.low, found.difference.high)
    assert found.sentence == "Better: AUC of cut +{:.3f} (95% CI {:.3f} to {:.3f}) on 300 patients".format(
        *figures
    )


def test_a_worse_one_and_an_equal_one_do_not():
    worse = versus(*setting(300), 2.5, 1.0)
    assert worse.verdict == "not better"
    assert worse.sentence.startswith("Not better: AUC of cut −0.")
    truth, references, patients = setting(60)
    same = predictions(scores(truth, 2, 0, 1))
    found = compare(FORM, "mean_auc", same, same, references, patients)
    assert found.sentence == "Not better: mean AUC +0.000 (95% CI 0.000 to 0.000) on 60 patients"


def test_the_margin_must_be_passed_by_the_lower_bound():
    case = setting(300)
    low = versus(*case, 1.0, 2.5).difference.low
    assert low is not None
    assert versus(*case, 1.0, 2.5, margin=low - 0.001).better
    held = versus(*case, 1.0, 2.5, margin=low + 0.001)
    assert not held.better
    assert held.sentence.endswith(f"; the lower bound must exceed {low + 0.001:.3f}")


def test_too_few_patients_are_not_enough_evidence():
    few = versus(*setting(12), 0.0, 9.0)
    assert (few.better, few.verdict) == (False, "not enough evidence")
    assert few.sentence == (
        "Not enough evidence: 12 test patients with a reference and both answers, 20 are needed."
    )
    truth = np.arange(100) < 3
    references = {f"s{i}": (Answer("cut", STUDY, "cut_off" if y else "complete"),) for i, y in enumerate(truth)}
    rare = versus(truth, references, {s: s for s in references}, 0.0, 9.0)
    assert rare.sentence == "Not enough evidence: 3 test patients of the rarest class, 5 are needed."


def test_patients_and_not_images_are_counted():
    truth, references, _ = setting(100)
    found = versus(truth, references, {s: f"p{int(s[1:]) % 10}" for s in references}, 0.0, 5.0)
    assert found.verdict == "not enough evidence"
    assert found.difference.n == 10


def test_one_class_and_no_reference_are_not_enough_evidence():
    references = {f"s{i}": (Answer("cut", STUDY, "complete"),) for i in range(30)}
    same = predictions(np.full(30, 0.3))
    found = compare(FORM, "cut.auc", same, same, references, {s: s for s in references})
    assert found.sentence == "Not enough evidence: AUC of cut cannot be had: one class only: complete."
    assert compare(FORM, "mean_auc", same, same, {}, {}).verdict == "not enough evidence"


def test_only_what_both_were_asked_counts():
    truth, references, patients = setting(120)
    asked = np.arange(120) < 80
    old, new = scores(truth, 1, 0, 1), scores(truth, 2, 0, 2)
    found = compare(FORM, "cut.auc", predictions(old), predictions(new, asked=asked), references, patients)
    alone = {s: references[s] for s in list(references)[:80]}
    expected = compare(FORM, "cut.auc", predictions(old), predictions(new), alone, patients)
    assert found == expected
    assert found.difference.n == 80


def test_pairing_narrows_the_interval():
    """Scores that share their noise: the difference is known better than either figure."""
    found = versus(*setting(300), 2.0, 2.2)
    assert found.difference.low is not None
    assert found.difference.high is not None
    assert found.champion.low is not None
    assert found.champion.high is not None
    assert found.difference.high - found.difference.low < found.champion.high - found.champion.low


@pytest.mark.parametrize(("n", "positives"), [(20, 10), (24, 5), (100, 10)])
def test_a_candidate_that_is_no_better_is_seldom_promoted(n, positives):
    """At 95% two-sided, one candidate in forty passes by chance; loosely bounded for 300 draws."""
    truth, patients = np.arange(n) < positives, [str(i) for i in range(n)]
    passed = 0
    for seed in range(300):
        generator = np.random.default_rng(seed)
        old, new = 1.5 * truth + generator.normal(0, 1, n) + generator.normal(0, 0.4, (2, n))
        found = difference(weighted_auc(new, truth), weighted_auc(old, truth), patients, patients, 300, seed)
        passed += found.low is not None and found.low > 0
    assert passed / 300 <= 0.06


def test_a_metric_of_which_less_is_better_is_refused():
    with pytest.raises(TaskError, match="compared"):
        compare(FORM, "cut.log_loss", {}, {}, {}, {})


def test_a_comparison_survives_json():
    found = versus(*setting(60), 1.0, 2.0)
    assert Comparison.from_dict({**json.loads(json.dumps(found.as_dict())), "primary": "cut.auc"}) == found
    assert not {"champion", "candidate"} & set(found.as_dict())
