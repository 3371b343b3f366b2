from dataclasses import replace

import pytest

from active_learning.guidelines import counting, publish, standing
from active_learning.ratings import ratings_of
from data.answers import STUDY, Answer, Choice, Form, Question
from data.errors import ConfigError, NotFoundError
from data.records import Annotation, Consensus, ConsensusState, Mode, Part
from models.task import get_task
from tests.reading_home import TASK, TRUTH, reading, standard

VIEW = Question("view", "Which view?", Choice(("frontal", "lateral")))
CUT = Question("cut", "Cut off?", Choice(("no", "yes")))
FORM = Form((VIEW, CUT))


def test_the_same_text_and_questions_are_one_version(store):
    first = store.guidelines.publish("t", "Read.", FORM)
    assert (first.version, store.guidelines.publish("t", "Read.", FORM)) == (1, first)
    second = store.guidelines.publish("t", "Read well.", FORM)
    assert (second.version, store.guidelines.newest("t")) == (2, second)
    assert store.guidelines.get("t", 1).text == "Read."
    assert store.guidelines.outdated("t", 1) == frozenset()
    with pytest.raises(NotFoundError, match="version 3"):
        store.guidelines.get("t", 3)


@pytest.mark.parametrize(
    "changed",
    [
        replace(CUT, title="Are borders cut off?"),
        replace(CUT, kind=Choice(("no", "yes", "unsure"))),
        replace(CUT, asked_if=("view", "frontal")),
    ],
)
def test_a_question_that_is_asked_otherwise_is_another_one(store, changed):
    store.guidelines.publish("t", "Read.", FORM)
    store.guidelines.publish("t", "Read.", Form((VIEW, changed)))
    assert store.guidelines.outdated("t", 1) == {"cut"}
    assert store.guidelines.outdated("t", 2) == frozenset()
    assert store.guidelines.outdated("t", 0) == frozenset()  # before any guideline, and imported reads


def test_reads_of_a_changed_question_no_longer_count_and_the_others_do(store):
    store.guidelines.publish("t", "Read.", FORM)
    later = Form((VIEW, replace(CUT, title="Are borders cut off?")))
    store.guidelines.publish("t", "Read.", later)
    said = (Answer("view", STUDY, "frontal"), Answer("cut", STUDY, "yes"))
    reads = [
        Annotation(f"an-{r}-{v}", "t", f"s{v}", r, Mode.INDEPENDENT, said, guideline=v)
        for r in ("a", "b")
        for v in (1, 2)
    ]
    found = ratings_of(reads, later, counts=counting(store, "t"))
    assert found["view", ""].items == ("s1 study", "s2 study")
    assert found["cut", ""].items == ("s2 study",)


def test_a_standard_of_a_changed_question_is_left_out(home):
    made = reading(home, None, count=1)
    store, study = made.store, made.studies[0].study_id
    form = made.loop.task.form
    store.guidelines.publish(TASK, "Read.", form)
    kept = [
        Consensus(
            TASK, study, "r", a.question, STUDY, ConsensusState.AGREED, a.value, "majority", 1.0, (), guideline=1
        )
        for a in TRUTH
    ]
    store.labels.put_consensus(kept)
    assert store.labels.standard(TASK, {Part.TRAIN}) == {study: tuple(sorted(TRUTH, key=lambda a: a.question))}
    first, *rest = form.questions
    store.guidelines.publish(TASK, "Read.", Form((replace(first, title="Which way?"), *rest)))
    assert store.labels.standard(TASK, {Part.TRAIN}) == {study: (TRUTH[1],)}
    standard(made, TRUTH[:1])  # an imported label stands for what was asked of its table
    assert {a.question for a in store.labels.standard(TASK, {Part.TRAIN})[study]} == {
        "projection",
        "borders_frontal",
    }


def test_a_home_can_have_a_guideline_of_its_own(home):
    task = get_task(TASK)
    shipped = standing(home, task)
    assert (shipped.version, standing(home, task).version) == (1, 1)
    assert shipped.text.startswith("# ")
    own = publish(home, task, "# Ours\n\nRepeat what is cut off.\n")
    assert (own.version, standing(home, task)) == (2, own)
    with pytest.raises(ConfigError, match="empty"):
        publish(home, task, "  \n")
    assert standing(home, task) == own
