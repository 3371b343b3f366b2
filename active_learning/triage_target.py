"""What counts as pathology in a task, whether a study shows it, and how probable a model holds it to be."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from active_learning.model_votes import model_vote
from active_learning.votes import ABSENT, PRESENT, holds
from data.answers import STUDY, Answer, Choice, Findings, Form, Grade, Question, Site, Value
from data.errors import ConfigError
from data.records import Prediction
from models.task import ClinicalTask

Target = Mapping[str, tuple[str, ...]]
"""By question, the options, levels or findings that count as pathology."""


@dataclass(frozen=True, slots=True)
class Topic:
    """A question, or one finding of it: what a model gives probabilities of.

    Parameters
    ----------
    label:
        The finding; empty for choices and grades.
    options:
        In their order; of a finding absent and present.
    """

    question: str
    label: str
    options: tuple[str, ...]


def target_of(task: ClinicalTask) -> Target:
    """What counts as pathology: as ``[triage.positive]`` says, or the one question that leaves no doubt.

    Raises
    ------
    ConfigError
        The configuration names what the form does not have; or it names nothing, and the form leaves doubt.
    """
    named = task.config.triage.positive
    for name, options in named.items():
        known = _options(task.form[name]) if name in task.form else ()
        if not options or not set(options) <= set(known):
            raise ConfigError(
                "What counts as pathology cannot be.", given=f"{name}: {', '.join(options) or 'nothing'}",
                expected=f"some of {', '.join(known)}" if known else "a question with options",
                do="correct [triage.positive] in the task's configuration",
            )  # fmt: skip
    if named:
        return {question.name: named[question.name] for question in task.form.questions if question.name in named}
    found = {
        question.name: options
        for question in task.form.questions
        if question.asked_if is None and (options := _positive(question, task.config.reading.positive))
    }
    if len(found) != 1:
        raise ConfigError(
            "The form does not say what counts as pathology.",
            given=", ".join(found) or "no question with two sides",
            expected="one question that is asked of every study, with two sides",
            do=f"name questions and options under [triage.positive] in the configuration of {task.name}",
        )  # fmt: skip
    return found


def topics(form: Form, questions: Iterable[str] | None = None) -> Iterator[Topic]:
    """The topics of a form, of these questions or of all."""
    wanted = None if questions is None else set(questions)
    for question in form.questions:
        if wanted is not None and question.name not in wanted:
            continue
        if isinstance(question.kind, Findings):
            yield from (Topic(question.name, label, (ABSENT, PRESENT)) for label in question.kind.labels)
        elif options := _options(question):
            yield Topic(question.name, "", options)


def shows(target: Target, form: Form, answers: Iterable[Answer]) -> bool | None:
    """Whether answers that stand for the truth show pathology; None where they leave it open.

    Any positive answer at any site shows it. That there is none takes an answer to every question of the target
    that is asked, at every site at which it is asked.
    """
    given = tuple(answers)
    at_study = {a.question: a.value for a in given if a.site == STUDY}
    if any(_is_positive(form[a.question], a.value, target[a.question]) for a in given if a.question in target):
        return True
    for name in target:
        asked = _asked(form, form[name], at_study)
        answered = {a.site for a in given if a.question == name}
        if asked is None or (asked and not set(form.sites_asked(form[name], given)) <= answered):
            return None
    return False


def score(target: Target, form: Form, prediction: Prediction | None) -> float | None:
    """How probable a model holds pathology to be: the largest calibrated probability over what may show it.

    Of choices and grades the positive options are summed. The largest, not a product: findings are not
    independent, and the promise is made of the score as it is. None where the model answered nothing of it.
    """
    found = []
    for topic in topics(form, target):
        positive = (PRESENT,) if topic.label else target[topic.question]
        if not topic.label or topic.label in target[topic.question]:
            found += [
                sum(row.get(option, 0.0) for option in positive) for _, row in given(prediction, form, topic)
            ]
    return min(max(found), 1.0) if found else None


def given(prediction: Prediction | None, form: Form, topic: Topic) -> Iterator[tuple[Site, Mapping[str, float]]]:
    """What a model says of a topic: the probability of each option, site by site."""
    for result in prediction.results if prediction is not None else ():
        if result.question == topic.question:
            vote = model_vote(prediction, form, topic.question, result.site, topic.label)
            if vote is not None and sum(vote.probabilities.values()) > 0:
                yield result.site, vote.probabilities


def option_of(topic: Topic, form: Form, value: Value) -> str:
    """A value as one of a topic's options."""
    if topic.label:
        return PRESENT if holds(value, topic.label) else ABSENT
    return _named(form[topic.question], value)


def _options(question: Question) -> tuple[str, ...]:
    match question.kind:
        case Choice(options):
            return options
        case Grade(levels):
            return levels
        case Findings(labels):
            return labels
    return ()


def _positive(question: Question, positive: Mapping[str, Sequence[str]]) -> tuple[str, ...]:
    """The positive side of a question by ``Reading.positive``; empty where it has none."""
    options = _options(question)
    if isinstance(question.kind, Findings):
        return options
    if question.name in positive:
        return tuple(positive[question.name])
    return options[1:] if len(options) == 2 else ()


def _is_positive(question: Question, value: Value, positive: Sequence[str]) -> bool:
    if isinstance(value, frozenset):
        return bool(value & set(positive))
    return _named(question, value) in positive


def _named(question: Question, value: Value) -> str:
    kind = question.kind
    return kind.levels[value] if isinstance(kind, Grade) and isinstance(value, int) else str(value)


def _asked(form: Form, question: Question, at_study: Mapping[str, Value]) -> bool | None:
    """Whether a question is asked; None where the question that it depends on is unanswered."""
    if question.asked_if is None:
        return True
    earlier, option = question.asked_if
    before = _asked(form, form[earlier], at_study)
    if before is not True:
        return before
    return at_study[earlier] == option if earlier in at_study else None
