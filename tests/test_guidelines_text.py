"""The guidelines that come with the tasks: each speaks of every question and option of its form, and no other."""

import re
from dataclasses import replace

import pytest

from data.answers import Choice, Findings, Grade, Mask, Question
from data.records import Guideline
from labelstudio.interface import REMARK_TITLE
from models.config import configs_folder, guideline_text
from models.task import discover
from workbench.language import ENGLISH, OFFERED, _, speaking
from workbench.views.parts.guideline import text_of

TASKS = sorted(discover())
TRANSLATED = [code for code in OFFERED if code != ENGLISH]
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
    named = [f"{task}{of}.md" for task in TASKS for of in ("", *(f".{code}" for code in TRANSLATED))]
    assert sorted(path.name for path in folder.iterdir()) == sorted(named)


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


def _outline(section: str) -> tuple[list[str], int, int, int]:
    """What a translation keeps of a section: the names, and how many items, steps and rows of a table it has."""
    items, steps, rows = (
        len(re.findall(sign, section, flags=re.MULTILINE)) for sign in (r"^- ", r"^\d+\. ", r"^\|")
    )
    return re.findall(r"`[^`]*`", section), items, steps, rows


def _figures(text: str) -> list[str]:
    """The figures of a text, in any order, with the decimal point of English."""
    return sorted(re.findall(r"\d+(?:\.\d+)?", re.sub(r"(?<=\d),(?=\d)", ".", text)))


@pytest.mark.parametrize("code", TRANSLATED)
@pytest.mark.parametrize("task", TASKS)
def test_a_translation_says_the_same_section_by_section(task: str, code: str) -> None:
    texts = guideline_text(task), guideline_text(task, code)
    own, other = (re.split(r"^#+ ", text, flags=re.MULTILINE) for text in texts)
    assert len(own) == len(other)
    for mine, theirs in zip(own, other, strict=True):
        assert _outline(theirs) == _outline(mine), mine.splitlines()[:1]
        assert _figures(theirs) == _figures(mine), mine.splitlines()[:1]
    with speaking(code):
        titles = [f"`{q.name}`: {_(q.title)}" for q in discover()[task].form.questions]
    assert [part.splitlines()[0] for part in other if part.startswith("`")] == titles
    assert max(map(len, texts[1].splitlines())) <= 120


@pytest.mark.parametrize("task", TASKS)
def test_a_russian_guideline_is_in_russian(task: str) -> None:
    before_sources = guideline_text(task, "ru").split("\n## Источники\n")[0]
    plain = re.sub(r"`[^`]*`|\"[^\"]*\"|«[^»]*»", " ", before_sources)
    assert re.findall(r"\b[a-z]{2,} [a-z]{2,}\b", plain) == []


@pytest.mark.parametrize("task", TASKS)
def test_a_reader_gets_the_translation_of_what_came_with_the_task_and_a_homes_own_as_it_is(task: str) -> None:
    shipped = Guideline(task, 1, guideline_text(task), {}, "2026-01-01T00:00:00+00:00")
    own = replace(shipped, version=2, text=shipped.text + "\nMind the marker.\n")
    assert text_of(shipped) == shipped.text
    with speaking("ru"):
        assert text_of(shipped) == guideline_text(task, "ru") != shipped.text
        assert text_of(own) == own.text
