import numpy as np
import pytest

from active_learning.consensus import agree
from active_learning.methods import METHODS
from active_learning.rules import Rule
from data.answers import STUDY, Answer, Choice, Findings, Form, Grade, Measurement, Question
from data.records import Annotation, ConsensusState, Mode, Prediction, QuestionPrediction
from models.config import Reading

BORDERS = Question("borders", "Cut off?", Choice(("complete", "cut_off")))
SIGNS = Question("signs", "Signs?", Findings(("scoliosis", "dense_aorta")))
GRADE = Question("grade", "Grade?", Grade(("none", "mild", "moderate", "severe")))
SIZE = Question("size", "Diameter?", Measurement("mm"))


def read(study, reader, **values):
    answers = tuple(Answer(question, STUDY, value) for question, value in values.items())
    return Annotation(f"an-{study}-{reader}", "t", study, reader, Mode.INDEPENDENT, answers)


def panel_of_two_good_and_three_careless():
    """Forty cases whose first half is cut off: a and b are right, c, d and e say 'complete' half of the time.

    Their errors are spread so that no case has all three wrong but the last, where the majority is.
    """
    reads = []
    for n in range(40):
        truth = "cut_off" if n < 20 else "complete"
        for reader in "ab":
            reads.append(read(f"s{n:02d}", reader, borders=truth))
        for place, reader in enumerate("cde"):
            wrong = n == 19 or (n < 19 and n % 3 != place)
            reads.append(read(f"s{n:02d}", reader, borders="complete" if wrong else truth))
    return reads


def outcome(reads, rule, form, study):
    own = [r for r in reads if r.study_id == study]
    (record,) = agree(own, form, task="t", study_id=study, rule=rule)
    return record


def test_every_rule_that_a_task_can_name_is_there():
    pattern = Reading.model_fields["consensus"].metadata[0].pattern
    assert set(METHODS) == set(pattern.strip("^()$").split("|"))


def test_a_rule_that_knows_the_readers_outvotes_a_careless_majority():
    form, reads = Form((BORDERS,)), panel_of_two_good_and_three_careless()
    majority = outcome(reads, Rule.learnt("majority", reads, form), form, "s19")
    assert (majority.value, majority.support) == ("complete", pytest.approx(3 / 5))
    assert majority.probability == pytest.approx(3 / 5)
    known = outcome(reads, Rule.learnt("dawid_skene", reads, form), form, "s19")
    assert (known.state, known.value, known.support) == (ConsensusState.AGREED, "cut_off", pytest.approx(2 / 5))
    assert known.probability is not None
    assert known.probability > 0.95
    quality = dict(known.quality)
    assert min(quality["a"], quality["b"]) > max(quality[r] for r in "cde")
    assert known.method == "dawid_skene"


def test_what_is_not_certain_enough_is_disputed():
    form = Form((BORDERS,))
    reads = [
        read("s1", "a", borders="cut_off"),
        read("s1", "b", borders="cut_off"),
        read("s1", "c", borders="complete"),
    ]
    ordinary = outcome(reads, Rule.learnt("majority", reads, form), form, "s1")
    assert ordinary.value == "cut_off"
    strict = Rule("pooled", certain=0.999999, estimates=Rule.learnt("pooled", reads, form).estimates)
    record = outcome(reads, strict, form, "s1")
    assert (record.state, record.value) == (ConsensusState.DISPUTED, None)
    assert record.probability is not None
    assert 0.5 < record.probability < 0.999999


def test_findings_stand_when_each_of_them_does():
    form = Form((SIGNS,))
    reads = [
        read(f"s{n}", r, signs=frozenset({"scoliosis"} if n % 2 else set())) for n in range(30) for r in "abc"
    ]
    rule = Rule.learnt("dawid_skene", reads, form)
    assert outcome(reads, rule, form, "s1").value == frozenset({"scoliosis"})
    assert outcome(reads, rule, form, "s2").value == frozenset()
    record = outcome(reads, rule, form, "s1")
    assert record.probability is not None
    assert record.probability > 0.9
    assert {reader for reader, _ in record.quality} == {"a", "b", "c"}


def test_the_model_has_a_say_where_the_rule_listens_to_it():
    form = Form((BORDERS,))
    reads = [read(f"s{n}", r, borders="cut_off" if n % 2 else "complete") for n in range(40) for r in "ab"]
    reads += [read("s99", "a", borders="cut_off"), read("s99", "b", borders="complete")]

    def said(study, p):
        option = "cut_off" if p > 0.5 else "complete"
        odds = {"complete": 1 - p, "cut_off": p}
        return Prediction("t", study, "v", (QuestionPrediction("borders", STUDY, option, odds, 0.1),))

    predictions = {f"s{n}": said(f"s{n}", 0.97 if n % 2 else 0.03) for n in range(40)}
    odds = {}
    for p in (0.97, 0.03):
        rule = Rule.learnt("crowdlab", reads, form, predictions={**predictions, "s99": said("s99", p)})
        odds[p] = rule.estimates["borders", ""].of("s99 study")["cut_off"]
    assert odds[0.97] > 0.6
    assert odds[0.03] < 0.4


def test_grades_by_the_median_and_measurements_by_the_median_whatever_the_rule():
    form = Form((GRADE,))
    reads = [read(f"s{n}", r, grade=n % 4) for n in range(24) for r in "abc"]
    reads += [read("s99", "a", grade=0), read("s99", "b", grade=1), read("s99", "c", grade=2)]
    rule = Rule.learnt("ordinal", reads, form, certain=0.8)
    spread = rule.estimates["grade", ""].of("s99 study")
    assert max(spread, key=lambda level: spread[level]) == "mild"
    assert outcome(reads, rule, form, "s99").state == ConsensusState.DISPUTED
    assert outcome(reads, rule, form, "s2").value == 2
    sized = Form((SIZE,))
    sizes = [read("s1", "a", size=10.0), read("s1", "b", size=14.0), read("s1", "c", size=11.0)]
    assert outcome(sizes, Rule.learnt("pooled", sizes, sized), sized, "s1").value == 11.0


def test_what_has_no_order_goes_by_majority_where_grades_go_by_the_median():
    colours = Question("view", "View?", Choice(("frontal", "lateral", "oblique")))
    form = Form((colours, SIGNS))
    said = (("frontal", {"scoliosis"}), ("oblique", {"scoliosis"}), ("oblique", set()))
    reads = [
        read("s1", reader, view=view, signs=frozenset(signs))
        for reader, (view, signs) in zip("abc", said, strict=True)
    ]
    for name in ("ordinal", "majority"):
        rule = Rule.learnt(name, reads, form, certain=0.99)
        found = {r.question: r.value for r in agree(reads, form, task="t", study_id="s1", rule=rule)}
        assert found == {"view": "oblique", "signs": frozenset({"scoliosis"})}


@pytest.mark.parametrize("name", sorted(METHODS))
def test_unanimous_readers_are_believed_by_every_rule(name):
    form = Form((BORDERS,))
    reads = [read(f"s{n}", r, borders="cut_off" if n % 2 else "complete") for n in range(30) for r in "abc"]
    rule = Rule.learnt(name, reads, form)
    for n in range(30):
        record = outcome(reads, rule, form, f"s{n}")
        assert record.value == ("cut_off" if n % 2 else "complete")
        assert record.probability is not None
        assert np.isfinite(record.probability)
