"""Questions, sites and values: what is admitted, refused and kept."""

from __future__ import annotations

import json
import re

import pytest

from data.answers import (
    STUDY,
    Answer,
    Choice,
    Findings,
    Form,
    Grade,
    Mask,
    MaskValue,
    Measurement,
    Question,
    Site,
)
from data.errors import AnswerError

FORM = Form(
    (
        Question("projection", "Projection", Choice(("frontal", "lateral"))),
        Question("borders", "Borders", Choice(("complete", "cut_off")), asked_if=("projection", "frontal")),
        Question(
            "stenosis",
            "Stenosis",
            Grade(("absent", "mild", "severe")),
            sites=(Site.level("L4/L5", "left"), Site.level("L4/L5", "right")),
        ),
        Question("signs", "Signs", Findings(("a", "b", "c"))),
        Question("outline", "Outline", Mask(("lesion",))),
        Question("length", "Length", Measurement("mm", high=500)),
    )
)
VALUES = [
    "frontal",
    2,
    2.5,
    frozenset({"a", "c"}),
    frozenset(),
    MaskValue((4, 5), (("lesion", "0" * 64),)),
]


@pytest.mark.parametrize("value", VALUES, ids=lambda value: type(value).__name__)
def test_a_value_of_every_kind_survives_json(value: object) -> None:
    answer = Answer("q", Site.level("L5/S1", "right"), value)  # type: ignore[arg-type]
    assert Answer.from_json(json.loads(json.dumps(answer.to_json()))) == answer


@pytest.mark.parametrize(
    ("question", "bad"),
    [
        ("projection", "oblique"),
        ("projection", 1),
        ("stenosis", 3),
        ("stenosis", True),
        ("stenosis", "mild"),
        ("signs", "a"),
        ("signs", {"d"}),
        ("outline", "0" * 64),
        ("outline", MaskValue((2, 2), (("kidney", "0" * 64),))),
        ("length", -1.0),
        ("length", float("nan")),
        ("length", 501),
    ],
)
def test_a_value_that_does_not_fit_is_refused_by_name(question: str, bad: object) -> None:
    with pytest.raises(AnswerError) as caught:
        FORM[question].kind.check(bad)
    assert repr(bad) in caught.value.given
    assert caught.value.expected


def test_a_form_puts_answers_into_the_order_of_its_questions() -> None:
    length, projection = Answer("length", STUDY, 3), Answer("projection", STUDY, "lateral")
    assert FORM.check([length, projection]) == (projection, length)


def test_an_answer_to_a_question_that_is_not_asked_is_refused() -> None:
    with pytest.raises(AnswerError, match="borders"):
        FORM.check([Answer("projection", STUDY, "lateral"), Answer("borders", STUDY, "complete")])


def test_a_second_answer_at_one_site_is_refused() -> None:
    site = Site.level("L4/L5", "left")
    with pytest.raises(AnswerError, match="second answer"):
        FORM.check([Answer("stenosis", site, 0), Answer("stenosis", site, 1)])


def test_a_complete_read_needs_every_question_that_is_asked() -> None:
    given = [
        Answer("projection", STUDY, "lateral"),
        Answer("stenosis", Site.level("L4/L5", "left"), 0),
        Answer("length", STUDY, 1.0),
    ]
    with pytest.raises(AnswerError, match=re.escape("level:L4/L5:right")):
        FORM.check(given, complete=True)
    assert not FORM.is_complete(given)
    whole = [*given, Answer("stenosis", Site.level("L4/L5", "right"), 1)]
    assert FORM.is_complete(whole)
    assert len(FORM.check(whole, complete=True)) == 4


def test_a_mask_is_answered_page_by_page() -> None:
    pages = [Answer("outline", Site.page(i), MaskValue((2, 2))) for i in range(3)]
    assert FORM.check(pages) == tuple(pages)


@pytest.mark.parametrize("key", ["", "page", "page:-1", "lesion:0", "level:L4/L5:middle", "study:1"])
def test_there_are_no_other_sites(key: str) -> None:
    with pytest.raises(AnswerError, match="site"):
        Site(key)


@pytest.mark.parametrize(
    "questions",
    [
        (Question("a", "A", Choice(("x", "y"))), Question("a", "A", Choice(("x", "y")))),
        (Question("b", "B", Choice(("x", "y")), asked_if=("a", "x")),),
        (Question("a", "A", Choice(("x", "y"))), Question("b", "B", Choice(("x", "y")), asked_if=("a", "z"))),
    ],
    ids=["twice", "no parent", "no such option"],
)
def test_a_form_that_contradicts_itself_is_refused(questions: tuple[Question, ...]) -> None:
    with pytest.raises(AnswerError):
        Form(questions)
