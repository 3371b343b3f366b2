"""The guidelines that come with the tasks: each speaks of every question and option of its form, and no other."""

import re

import pytest

from data.answers import Choice, Findings, Grade, Mask, Question
from labelstudio.interface import REMARK_TITLE
from models.config import configs_folder, guideline_text
from models.task import discover

TASKS = sorted(discover())
QUESTIONS = [(task, question.name) for task in TASKS for question in discover()[task].form.questions]


def _options(question: Question) -> tuple[str, ...]:
    match question.kind:
        case Choice(options):
            return options
        case Grade(levels):
            return levels
        case Findings(labels) | Mask(labels):
            return labels
        case _:
            return ()


def _section(text: str, question: Question) -> str:
    """What stands under the heading of a question."""
    parts = re.split(r"^## ", text, flags=re.MULTILINE)
    found = [part for part in parts if part.startswith(f"`{question.name}`: {question.title}\n")]
    assert len(found) == 1, question.name
    return found[0]


def test_every_task_has_a_guideline_and_no_other_file_lies_there() -> None:
    folder = configs_folder().parent / "guidelines"
    assert sorted(path.name for path in folder.iterdir()) == [f"{task}.md" for task in TASKS]


@pytest.mark.parametrize(("task", "name"), QUESTIONS)
def test_every_question_stands_under_its_title_with_every_option(task: str, name: str) -> None:
    question = discover()[task].form[name]
    section = _section(guideline_text(task), question)
    options = _options(question)
    assert options
    assert [option for option in options if f"`{option}`" not in section] == []
    if question.asked_if is not None:
        earlier, option = question.asked_if
        assert f"Asked where `{earlier}` is `{option}`" in section


@pytest.mark.parametrize(("task", "name"), QUESTIONS)
def test_the_sites_of_a_question_are_named(task: str, name: str) -> None:
    sites = [site.key.split(":") for site in discover()[task].form[name].sites]
    levels = [rest for kind, *rest in sites if kind == "level"]
    text = guideline_text(task)
    assert [level for level, *_ in levels if level not in text] == []
    section = _section(text, discover()[task].form[name])
    assert ("left and right" in section.split("\n- ")[0]) == any(len(rest) == 2 for rest in levels)


@pytest.mark.parametrize("task", TASKS)
def test_the_questions_stand_in_the_order_of_the_form(task: str) -> None:
    headings = re.findall(r"^## `([a-z0-9_]+)`: ", guideline_text(task), flags=re.MULTILINE)
    assert headings == [question.name for question in discover()[task].form.questions]


@pytest.mark.parametrize("task", TASKS)
def test_what_is_marked_as_a_name_is_one_of_the_form(task: str) -> None:
    questions = discover()[task].form.questions
    known = {q.name for q in questions} | {option for q in questions for option in _options(q)}
    assert set(re.findall(r"`([^`]*)`", guideline_text(task))) - known == set()


@pytest.mark.parametrize("task", TASKS)
def test_it_says_when_to_skip_and_where_the_reason_goes(task: str) -> None:
    text = guideline_text(task)
    control = REMARK_TITLE.split(":")[0]
    after = text.split("\n## Skip and Remark\n")[1].split("\n## ")[0]
    assert control == "Remark"
    assert re.search(r"\bskip\b", after)
    assert re.search(r"[Ww]rite the reason in the Remark", after)
    for heading in (
        "What you see",
        "Order of reading",
        "Allowed error",
        "Doubt",
        "First reads are independent",
        "Sources",
    ):
        assert f"\n## {heading}\n" in text


@pytest.mark.parametrize("task", TASKS)
def test_it_is_short_and_reads_well_as_plain_text(task: str) -> None:
    lines = guideline_text(task).splitlines()
    assert 60 <= len(lines) <= 120
    assert max(map(len, lines)) <= 120
    assert [line for line in lines if line != line.rstrip() or "\t" in line] == []
    assert lines[0].startswith("# Reading guideline: ")
    assert "phantom" not in guideline_text(task).lower()
    tables = re.findall(r"^\|[-| ]+\|$", guideline_text(task), flags=re.MULTILINE)
    assert len(tables) <= 1
