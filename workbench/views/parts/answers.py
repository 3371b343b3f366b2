"""Answers as pages show them: of models, of readers, agreed."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from data.answers import Answer, Form
from data.records import Consensus, ConsensusState, Mode, Prediction, QuestionPrediction
from workbench.views.parts import words
from workbench.views.parts.markup import Html, bar, chip, join, tag, text

_CONSENSUS = {
    ConsensusState.AGREED: ("agreed", "good"),
    ConsensusState.DISPUTED: ("disputed", "doubt"),
    ConsensusState.ADJUDICATED: ("adjudicated", "good"),
}


def said(form: Form, name: str, value: object) -> str:
    """An answer in words; as it is kept where the form has no such question any more."""
    question = words.asked(form, name)
    return words.value(question.kind, value) if question else str(value)  # type: ignore[arg-type]


def where(name: str, site_text: str) -> str:
    """A question with its site."""
    return f"{words.short(name)} {site_text}".strip()


def probability(form: Form, result: QuestionPrediction) -> float | None:
    """The calibrated probability of the answer that was given."""
    question = words.asked(form, result.question)
    return words.probability(question.kind, result) if question else None


def in_line(form: Form, results: Sequence[QuestionPrediction], *, most: int = 3) -> Html:
    """A model's answers in one line, with their probabilities."""
    parts = []
    for result in results[:most]:
        share = probability(form, result)
        figure = tag("span", f" {share:.2f}", cls="c-quiet") if share is not None else ""
        parts.append(join((said(form, result.question, result.value), figure)))
    if len(results) > most:
        parts.append(tag("span", f"and {len(results) - most} more", cls="c-quiet"))
    return join(parts, " · ")


def model_answers(form: Form, prediction: Prediction) -> Html:
    """A model's answers, a line each: question, answer, probability, uncertainty."""
    lines = []
    for result in prediction.results:
        question = words.asked(form, result.question)
        share = probability(form, result)
        titled = question.title if question else words.short(result.question)
        about = tag("span", titled, cls="c-small c-quiet")
        place = words.site(result.site)
        name = tag("div", about, tag("div", said(form, result.question, result.value), cls="c-value"),
                   tag("span", place, cls="c-small c-quiet") if place else "")  # fmt: skip
        figure = tag("div", bar(share, cls="c-wide c-model") if share is not None else "",
                     tag("span", _others(form, result), cls="c-small c-faint"))  # fmt: skip
        below = "at its operating point" if _not_likeliest(share, result) else "(calibrated)"
        figures = ("",) if share is None else (f"P = {share:.2f}", tag("div", below, cls="c-small c-faint"))
        written = tag("div", *figures, cls="c-p")
        lines.append(tag("div", name, figure, written, cls="c-answer"))
    return join(lines)


def _not_likeliest(share: float | None, result: QuestionPrediction) -> bool:
    """Whether another option is more probable: the version answers at an operating point of its own."""
    return share is not None and share < max(result.probabilities.values(), default=0.0) - 1e-9


def _others(form: Form, result: QuestionPrediction) -> str:
    given = said(form, result.question, result.value)
    rest = sorted(((p, n) for n, p in result.probabilities.items() if words.short(n) != given), reverse=True)
    return ", ".join(f"{words.short(name)} {share:.2f}" for share, name in rest[:2])


def reader_answers(form: Form, answers: Iterable[Answer]) -> str:
    """A reader's answers in one line."""
    parts = []
    for answer in answers:
        place = words.site(answer.site)
        written = said(form, answer.question, answer.value)
        parts.append(f"{place}: {written}" if place else written)
    return " · ".join(parts) or "—"


def consensus_chip(record: Consensus) -> Html:
    """What became of the readers' answers, as a chip."""
    name, tone_name = _CONSENSUS[record.state]
    return chip(name, tone_name)


def mode_chip(mode: Mode) -> Html:
    """Whether the reader sees the model."""
    return chip(words.MODES[mode], "accent" if mode == Mode.ASSISTED else "")


def nothing() -> Html:
    """What stands where something is hidden from this reader."""
    return text("hidden while you read")
