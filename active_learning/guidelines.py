"""The guideline that a task's reads follow: a home's own where it has one, else the one that comes with the task.

It is published with the questions as they are asked now. Reads name the version that they followed; what was
answered to a question that has changed since is kept and no longer counts.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from data.answers import Question
from data.errors import ConfigError
from data.home import Home
from data.records import Annotation, Guideline
from data.store import Store
from models.config import guideline_text
from models.task import ClinicalTask

Counts = Callable[[Annotation, Question], bool]
"""Whether what a read says to a question counts."""


def everything(annotation: Annotation, question: Question) -> bool:
    """Every read of every question counts."""
    return True


def standing(home: Home, task: ClinicalTask) -> Guideline:
    """The guideline that reads asked for now are to follow; a changed text or form is published first.

    Raises
    ------
    ConfigError
        The text cannot be read.
    """
    own = _own(home, task)
    try:
        text = own.read_text(encoding="utf-8") if own.is_file() else guideline_text(task.name)
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(
            "The home's guideline cannot be read.", given=f"{own}: {error}", expected="Markdown in UTF-8",
            do=f"publish it again with `consilium guideline publish {task.name} FILE`",
        ) from error  # fmt: skip
    return Store.of(home).guidelines.publish(task.name, text, task.form)


def publish(home: Home, task: ClinicalTask, text: str) -> Guideline:
    """Make a text the task's guideline in this home.

    Raises
    ------
    ConfigError
        The text is empty.
    """
    if not text.strip():
        raise ConfigError(
            "The guideline is empty.", given="no text", expected="how each question is to be answered",
            do="write it, or look at the one that comes with the task",
        )  # fmt: skip
    own = _own(home, task)
    own.parent.mkdir(parents=True, exist_ok=True)
    draft = own.with_suffix(".draft")
    draft.write_text(text, encoding="utf-8")
    draft.replace(own)
    return standing(home, task)


def counting(store: Store, task: str) -> Counts:
    """Whether a read's answer to a question counts: its question is still asked as it was asked then."""
    outdated = {g.version: store.guidelines.outdated(task, g.version) for g in store.guidelines.all(task)}

    def counts(annotation: Annotation, question: Question) -> bool:
        return question.name not in outdated.get(annotation.guideline, frozenset())

    return counts


def _own(home: Home, task: ClinicalTask) -> Path:
    return home.path / "guidelines" / f"{task.name}.md"
