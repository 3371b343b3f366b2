"""When a candidate is promoted, when it is held back, and what is said of it."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pytest
from scipy.stats import ttest_rel

from active_learning.looks import Look, look_after
from active_learning.promotion import Comparison, compare
from active_learning.promotion_checks import Standing, standing_of
from active_learning.promotion_evidence import Difference, Draws, Pair, by_delong, weigh
from active_learning.promotion_words import metric_name, percent
from active_learning.subgroups import Subgroup
from data.answers import STUDY, Answer, Choice, Form, Question
from data.errors import NotFoundError, TaskError
from data.records import Prediction, QuestionPrediction
from models.config import Promotion
from models.metrics import auc, f1, mean

CUT = Question("cut", "Cut off?", Choice(("complete", "cut_off")))
TURNED = Question("turned", "Turned?", Choice(("straight", "turned")))
FORM = Form((CUT,))
FIRST = look_after((), 0.05)

Truth = np.ndarray[Any, np.dtype[np.bool_]]
Scores = np.ndarray[Any, np.dtype[np.float64]]


def predictions(scores: Scores, *, asked: Sequence[bool] | None = None) -> dict[str, Prediction]:
    found = {}
    for i, p in enumerate(scores):
        value = "cut_off" if p >= 0.5 else "complete"
        result = QuestionPrediction("cut", STUDY, value, {"complete": 1 - p, "cut_off": p}, 0.5)
        found[f"s{i}"] = Prediction("task", f"s{i}", "v", (result,) if asked is None or asked[i] else ())
    return found


Case = tuple[Truth, dict[str, tuple[Answer, ...]], dict[str, str]]


def setting(n: int, rate: float = 0.4, seed: int = 0) -> Case:
    truth = np.random.default_rng(seed).random(n) < rate
    references = {f"s{i}": (Answer("cut", STUDY, "cut_off" if y else "complete"),) for i, y in enumerate(truth)}
    return truth, references, {s: s for s in references}


def scores(truth: Truth, gain: float | Scores, noise: Scores, seed: int) -> Scores:
    """Probabilities; ``noise`` is shared by both versions, so that hard cases are hard for both."""
    own = np.random.default_rng(seed).normal(0, 0.4, len(truth))
    found: Scores = 1 / (1 + np.exp(-(gain * (truth - 0.5) + noise + own)))
    return found


def versus(
    truth: Truth, references: Mapping[str, tuple[Answer, ...]], patients: Mapping[str, str],
    old_gain: float | Scores, new_gain: float | Scores, *, seed: int = 0, **options: Any,
) -> Comparison:  # fmt: skip
    noise = np.random.default_rng(seed + 900).normal(0, 1, len(truth))
    old, new = scores(truth, old_gain, noise, seed + 1), scores(truth, new_gain, noise, seed + 2)
    arguments = (FORM, "cut.auc", predictions(old), predictions(new), references, patients)
    return compare(*arguments, draws=Draws(seed=seed), **options)


def test_a_clearly_better_candidate_wins() -> None:
    found = versus(*setting(300), 1.0, 2.5)
    judged, difference = found.judgement, found.judgement.difference
    assert (judged.better, judged.verdict) == (True, "better")
    assert difference.low is not None
    assert difference.low > 0
    assert difference.value == pytest.approx(found.candidate.value - found.champion.value)
    assert judged.sentence == (
        f"Better: AUC of cut {difference.value:+.3f} (95.6% CI {difference.low:.3f} to {difference.high:.3f}) "
        "on 300 patients"
    )
    assert judged.look == FIRST
    assert judged.patients_needed is None


def test_a_worse_one_and_an_equal_one_do_not() -> None:
    worse = versus(*setting(300), 2.5, 1.0).judgement
    assert worse.verdict == "not better"
    assert worse.sentence.startswith("Not better: AUC of cut −0.")
    assert worse.sentence.endswith("; a gain of 0.05 is ruled out")
    truth, references, patients = setting(60)
    same = predictions(scores(truth, 2, np.zeros(60), 1))
    found = compare(FORM, "mean_auc", same, same, references, patients).judgement
    assert found.sentence == (
        "Not better: mean AUC +0.000 (95.6% CI 0.000 to 0.000) on 60 patients; a gain of 0.05 is ruled out"
    )


def test_a_gain_that_is_not_shown_tells_the_patients_that_would_settle_it() -> None:
    found = versus(*setting(150), 2.0, 2.2).judgement
    assert (found.better, found.verdict) == (False, "not enough evidence")
    assert found.difference.value > 0
    assert found.patients_needed is not None
    assert found.patients_needed > 150
    assert f"; about {str(found.patients_needed)[:1]}" in found.sentence
    assert found.sentence.endswith("test patients would settle it")
    # with ten times as many patients of the same kind it is found
    assert found.patients_for_effect is not None
    more = versus(*setting(1500), 2.0, 2.2).judgement
    assert more.difference.error == pytest.approx((found.difference.error or 0) / 10**0.5, rel=0.25)


def test_a_later_look_asks_for_more() -> None:
    case = setting(300)
    first = versus(*case, 1.5, 2.3).judgement
    tenth = versus(*case, 1.5, 2.3, look=look_after((False,) * 9, 0.05)).judgement
    assert first.difference.value == tenth.difference.value
    assert first.difference.error == tenth.difference.error
    assert first.difference.low is not None
    assert tenth.difference.low is not None
    assert tenth.difference.low < first.difference.low
    assert "99.890% CI" in tenth.sentence
    strict = Look(40, 1e-9)
    assert first.better
    assert not versus(*case, 1.5, 2.3, look=strict).judgement.better


def test_the_margin_must_be_passed_by_the_lower_bound() -> None:
    case = setting(300)
    low = versus(*case, 1.0, 2.5).judgement.difference.low
    assert low is not None
    assert versus(*case, 1.0, 2.5, margin=low - 0.001).judgement.better
    held = versus(*case, 1.0, 2.5, margin=low + 0.001).judgement
    assert not held.better
    assert f"; the lower bound must exceed {low + 0.001:.3f}; about" in held.sentence


def test_too_few_patients_are_not_enough_evidence_and_no_look() -> None:
    few = versus(*setting(12), 0.0, 9.0).judgement
    assert (few.better, few.verdict, few.look) == (False, "not enough evidence", None)
    assert few.sentence == (
        "Not enough evidence: 12 test patients with a reference and both answers, 20 are needed."
    )
    truth = np.arange(100) < 3
    references = {f"s{i}": (Answer("cut", STUDY, "cut_off" if y else "complete"),) for i, y in enumerate(truth)}
    rare = versus(truth, references, {s: s for s in references}, 0.0, 9.0).judgement
    assert rare.sentence == "Not enough evidence: 3 test patients of the rarest class, 5 are needed."
    assert rare.look is None


def test_patients_and_not_images_are_counted() -> None:
    truth, references, _ = setting(100)
    found = versus(truth, references, {s: f"p{int(s[1:]) % 10}" for s in references}, 0.0, 5.0).judgement
    assert found.verdict == "not enough evidence"
    assert found.difference.n == 10


def test_one_class_and_no_reference_are_not_enough_evidence() -> None:
    truth = np.ones(40, dtype=bool)
    references = {f"s{i}": (Answer("cut", STUDY, "cut_off"),) for i in range(40)}
    found = versus(truth, references, {s: s for s in references}, 1.0, 2.0).judgement
    assert found.sentence == "Not enough evidence: AUC of cut cannot be had: one class only: cut_off."
    same = predictions(np.full(40, 0.5))
    assert compare(FORM, "mean_auc", same, same, {}, {}).judgement.verdict == "not enough evidence"


def test_only_what_both_were_asked_counts() -> None:
    truth, references, patients = setting(120)
    asked = [i < 80 for i in range(120)]
    old, new = scores(truth, 1, np.zeros(120), 1), scores(truth, 2, np.zeros(120), 2)
    found = compare(FORM, "cut.auc", predictions(old), predictions(new, asked=asked), references, patients)
    alone = {s: references[s] for s in list(references)[:80]}
    expected = compare(FORM, "cut.auc", predictions(old), predictions(new), alone, patients)
    assert found == expected
    assert found.judgement.difference.n == 80


def test_pairing_narrows_the_interval() -> None:
    """Scores that share their noise: the difference is known better than either figure."""
    found = versus(*setting(300), 2.0, 2.2)
    difference = found.judgement.difference
    assert difference.low is not None
    assert difference.high is not None
    assert found.champion.low is not None
    assert found.champion.high is not None
    assert difference.high - difference.low < found.champion.high - found.champion.low


@pytest.mark.parametrize(("n", "positives"), [(20, 10), (24, 5), (100, 10)])
def test_a_candidate_that_is_no_better_is_seldom_promoted(n: int, positives: int) -> None:
    """Small test sets are where an interval fails first; 200 draws, with three standard errors of room."""
    truth, patients = np.arange(n) < positives, [str(i) for i in range(n)]
    looks = [look_after((False,) * k, 0.05) for k in (0, 4)]
    passed = np.zeros(len(looks))
    for seed in range(200):
        generator = np.random.default_rng(seed)
        old, new = 1.5 * truth + generator.normal(0, 1, n) + generator.normal(0, 0.4, (2, n))
        sides = [auc(each, truth, patients) for each in (old, new)]
        assert sides[0] is not None
        assert sides[1] is not None
        found = weigh(Pair("cut.auc", sides[0], sides[1]), 0.95, Draws(200, seed))
        passed += [(found.at(look.level).low or 0) > 0 for look in looks]
    for look, count in zip(looks, passed, strict=True):
        assert count / 200 <= look.alpha + 3 * (look.alpha / 200) ** 0.5


def test_the_interval_of_a_mean_is_students() -> None:
    """One image a patient: the bootstrap's error comes to that of the paired t test."""
    rng = np.random.default_rng(1)
    old, new = rng.random((2, 40))
    patients = [str(i) for i in range(40)]
    sides = [mean(each, patients) for each in (old, new)]
    assert sides[0] is not None
    assert sides[1] is not None
    found = weigh(Pair("cut.accuracy", sides[0], sides[1]), 0.95, Draws(20_000))
    expected = ttest_rel(new, old).confidence_interval(0.95)
    assert (found.low, found.high) == pytest.approx((expected.low, expected.high), abs=0.003)


def test_delong_stands_beside_where_each_patient_has_one_study() -> None:
    truth, references, patients = setting(300)
    found = versus(truth, references, patients, 1.0, 1.6).judgement
    assert found.delong is not None
    assert found.delong.value == pytest.approx(found.difference.value)
    assert found.delong.error == pytest.approx(found.difference.error, rel=0.1)
    two_each = {s: f"p{int(s[1:]) // 2}" for s in references}
    assert versus(truth, references, two_each, 1.0, 1.6).judgement.delong is None
    accuracy = mean(np.ones(30), [str(i) for i in range(30)])
    assert accuracy is not None
    assert by_delong(Pair("cut.accuracy", accuracy, accuracy), 0.95) is None


# -- what must not get worse -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("value", "error", "standing"),
    [
        (0.00, 0.010, Standing.NOT_WORSE),  # -0.020 > -0.05
        (-0.02, 0.010, Standing.NOT_WORSE),  # worse, but by less than the margin
        (-0.04, 0.010, Standing.WORSE),  # -0.060 to -0.020
        (-0.02, 0.0175, Standing.NOT_SHOWN),  # -0.055 to 0.015, and two equal ones would be shown not to be worse
        (-0.02, 0.030, Standing.NOT_ASSESSABLE),  # (1.96 + 0.84) * 0.03 > 0.05
        (0.20, 0.030, Standing.NOT_WORSE),
        (-0.20, 0.030, Standing.WORSE),  # as far off as this, few patients are enough
    ],
)
def test_how_a_difference_stands_against_a_margin(value: float, error: float, standing: Standing) -> None:
    found = Difference(value, None, None, 1000, error=error).at(0.95)
    assert standing_of(found, 0.05) is standing


def graded(
    truth: Truth, champion: Scores, candidate: Scores, *, rules: Promotion, groups: Sequence[Subgroup] = ()
) -> Comparison:
    references = {f"s{i}": (Answer("cut", STUDY, "cut_off" if y else "complete"),) for i, y in enumerate(truth)}
    return compare(
        FORM, "cut.auc", predictions(champion), predictions(candidate), references, {s: s for s in references},
        rules=rules, subgroups=groups,
    )  # fmt: skip


def binormal(n: int, old_gain: float | Scores, new_gain: float | Scores) -> tuple[Truth, Scores, Scores]:
    truth = np.arange(n) % 5 < 2
    noise = np.random.default_rng(1).normal(0, 1, n)
    return truth, scores(truth, old_gain, noise, 2), scores(truth, new_gain, noise, 3)


def test_a_candidate_that_is_better_but_worse_in_a_guarded_metric_is_held_back() -> None:
    """It ranks better, but calls nearly everything complete."""
    truth, old, new = binormal(400, 1.5, 3.0)
    shifted = 1 / (1 + np.exp(-(np.log(new / (1 - new)) - 3)))
    rules = Promotion(guarded={"cut.sensitivity": 0.05, "cut.specificity": 0.05})
    found = graded(truth, old, shifted, rules=rules).judgement
    assert found.difference.low is not None
    assert found.difference.low > 0
    assert found.verdict == "held back"
    assert [c.standing for c in found.guarded] == [Standing.WORSE, Standing.NOT_WORSE]
    assert ", but worse by sensitivity of cut: −0." in found.sentence
    assert graded(truth, old, new, rules=rules).judgement.better


def test_of_a_guarded_error_less_is_better() -> None:
    truth, old, new = binormal(400, 1.5, 3.0)
    found = graded(truth, old, new, rules=Promotion(guarded={"cut.log_loss": 0.02})).judgement
    assert found.guarded[0].difference.value > 0
    assert found.sentence.endswith("; not worse in 1 guarded metric")
    sure_and_wrong = np.clip(np.where(np.arange(400) % 7 == 0, 1 - new, new), 1e-6, 1 - 1e-6)
    worse = graded(truth, new, sure_and_wrong, rules=Promotion(guarded={"cut.log_loss": 0.02})).judgement
    assert worse.guarded[0].difference.value < 0


def test_a_guarded_metric_that_is_not_shown_or_cannot_be_had_is_not_enough_evidence() -> None:
    truth, old, new = binormal(120, 0.2, 3.0)
    same = 1 / (1 + np.exp(-(np.log(new / (1 - new)) - 1.5)))  # about as sensitive as the champion
    few = graded(truth, old, same, rules=Promotion(guarded={"cut.sensitivity": 0.02})).judgement
    assert few.difference.low is not None
    assert few.difference.low > 0
    assert few.guarded[0].standing is Standing.NOT_ASSESSABLE
    assert few.verdict == "not enough evidence"
    assert ", but not shown to be no worse by sensitivity of cut within 0.02: " in few.sentence
    assert few.patients_needed is not None
    assert few.patients_needed >= (few.guarded[0].patients_needed or 0) > few.guarded[0].difference.n
    none = graded(truth, old, new, rules=Promotion(guarded={"turned.auc": 0.05})).judgement
    assert none.verdict == "not enough evidence"
    assert none.sentence.endswith(
        "but not shown to be no worse by AUC of turned within 0.05: it cannot be had: there is no reference for it"
    )


def test_a_candidate_that_is_better_on_the_whole_but_worse_in_a_subgroup_is_held_back() -> None:
    n = 600
    women = np.arange(n) % 3 == 0
    truth, old, new = binormal(n, 1.8, np.where(women, 0.6, 3.6))
    groups = [
        Subgroup("sex", "F", frozenset(f"s{i}" for i in np.flatnonzero(women))),
        Subgroup("sex", "M", frozenset(f"s{i}" for i in np.flatnonzero(~women))),
        Subgroup("age", "80 and over", frozenset({"s0", "s1", "s2"})),
    ]
    rules = Promotion()
    assert graded(truth, old, new, rules=rules).judgement.better
    found = graded(truth, old, new, rules=rules, groups=groups).judgement
    assert (found.better, found.verdict) == (False, "held back")
    assert [c.standing for c in found.subgroups] == [Standing.WORSE, Standing.NOT_WORSE, Standing.NOT_ASSESSABLE]
    assert [c.difference.n for c in found.subgroups] == [200, 400, 3]
    assert found.subgroups[2].why == "3 test patients with a reference and both answers, 20 are needed"
    assert ", but worse in sex F: −0." in found.sentence
    whole = [s for s in range(n) if women[s]]
    sides = [auc(each[whole], truth[whole], [str(i) for i in whole]) for each in (old, new)]
    assert sides[0] is not None
    assert sides[1] is not None
    assert found.subgroups[0].difference.value == pytest.approx(sides[1].value - sides[0].value)


def test_subgroups_that_are_too_small_hold_nothing_back_and_are_named() -> None:
    truth, old, new = binormal(400, 1.0, 3.0)
    groups = [
        Subgroup("sex", "F", frozenset(f"s{i}" for i in range(200))),
        Subgroup("sex", "M", frozenset(f"s{i}" for i in range(200, 400))),
        Subgroup("view", "LL", frozenset(f"s{i}" for i in range(12))),
    ]
    found = graded(truth, old, new, rules=Promotion(), groups=groups).judgement
    assert found.better
    assert found.sentence.endswith("; not worse in the 2 subgroups that can be judged, 1 is too small to say")
    alone = graded(truth, old, new, rules=Promotion(), groups=groups[2:]).judgement
    assert alone.better
    assert alone.sentence.endswith("on 400 patients; 1 subgroup is too small to be judged")


def test_a_mean_is_over_the_questions_that_have_the_patients_in_a_subgroup() -> None:
    """Both are asked of all; only three of the subgroup's patients are turned."""
    form, n = Form((CUT, TURNED)), 300
    rng = np.random.default_rng(4)
    cut, turned = np.arange(n) % 2 == 0, np.arange(n) < 120
    old, new = rng.random((2, n, 2)) * 0.6 + 0.4 * np.stack([cut, turned], axis=1)

    def made(p: Scores) -> dict[str, Prediction]:
        return {
            f"s{i}": Prediction("t", f"s{i}", "v", (
                QuestionPrediction("cut", STUDY, "complete", {"complete": 1 - p[i, 0], "cut_off": p[i, 0]}, 0.5),
                QuestionPrediction("turned", STUDY, "straight",
                                   {"straight": 1 - p[i, 1], "turned": p[i, 1]}, 0.5)))
            for i in range(n)
        }  # fmt: skip

    references = {
        f"s{i}": (Answer("cut", STUDY, "cut_off" if cut[i] else "complete"),
                  Answer("turned", STUDY, "turned" if turned[i] else "straight"))
        for i in range(n)
    }  # fmt: skip
    inside = np.arange(117, 217)
    group = Subgroup("sex", "F", frozenset(f"s{i}" for i in inside))
    found = compare(
        form, "mean_auc", made(old), made(new), references, {s: s for s in references}, subgroups=[group]
    )
    sides = [auc(p[inside, 0], cut[inside], [str(i) for i in inside]) for p in (old, new)]
    assert sides[0] is not None
    assert sides[1] is not None
    expected = sides[1].value - sides[0].value
    assert found.judgement.subgroups[0].difference.value == pytest.approx(expected)


def test_a_measure_within_some_items_is_the_measure_of_those_items() -> None:
    rng = np.random.default_rng(2)
    reference, given = rng.integers(0, 2, (2, 80))
    patients, inside = [str(i // 2) for i in range(80)], rng.random(80) < 0.5
    whole = f1(reference, given, patients, classes=[0, 1])
    part = f1(reference[inside], given[inside], [p for p, k in zip(patients, inside, strict=True) if k],
              classes=[0, 1])  # fmt: skip
    assert whole is not None
    assert part is not None
    found = whole.within(inside)
    assert found.value == pytest.approx(part.value)
    assert found.patients == part.patients
    assert found.metric(200, 1) == part.metric(200, 1)


# -- words and records -------------------------------------------------------------------------------------------


def test_a_metric_of_which_less_is_better_is_refused() -> None:
    with pytest.raises(TaskError, match="compared"):
        compare(FORM, "cut.log_loss", {}, {}, {}, {})


def test_a_study_without_a_patient_is_refused() -> None:
    truth, references, _ = setting(30)
    same = predictions(scores(truth, 1, np.zeros(30), 1))
    with pytest.raises(NotFoundError, match="patient"):
        compare(FORM, "cut.auc", same, same, references, {})


@pytest.mark.parametrize(
    ("metric", "said"),
    [("mean_auc", "mean AUC"), ("cut.auc", "AUC of cut"), ("findings.wide_heart.f1", "F1 of findings wide heart"),
     ("borders_frontal.log_loss", "log loss of borders frontal")],
)  # fmt: skip
def test_metrics_in_words(metric: str, said: str) -> None:
    assert metric_name(metric) == said


@pytest.mark.parametrize(("level", "said"), [(0.95, "95%"), (0.95625, "95.6%"), (0.9989, "99.890%")])
def test_levels_in_words(level: float, said: str) -> None:
    assert percent(level) == said


def test_a_comparison_survives_json() -> None:
    truth, old, new = binormal(200, 1.0, 2.0)
    groups = [Subgroup("sex", "F", frozenset(f"s{i}" for i in range(100)))]
    found = graded(truth, old, new, rules=Promotion(guarded={"cut.f1": 0.1}), groups=groups)
    assert Comparison.from_dict({**json.loads(json.dumps(found.as_dict())), "primary": "cut.auc"}) == found
    assert not {"champion", "candidate"} & set(found.as_dict())
