"""Answers as pages show them: of models, of readers, agreed."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from data.answers import Answer, Form, MaskValue
from data.records import Consensus, ConsensusState, Mode, Prediction, QuestionPrediction
from workbench.views.parts import words
from workbench.views.parts.markup import Html, bar, chip, join, table, tag, text

MANY = 3
"""Sites from which on a question's answers stand in a table."""

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
    """A model's answers: a line each, or a table for a question that is asked at many sites."""
    parts = []
    for name in dict.fromkeys(r.question for r in prediction.results):
        results = [r for r in prediction.results if r.question == name]
        if isinstance(results[0].value, MaskValue):
            parts.append(_outlined(form, name, results))
        elif len(results) > MANY:
            parts.append(_by_site(form, name, results))
        elif isinstance(results[0].value, frozenset):
            parts += [_by_label(form, result) for result in results]
        else:
            parts += [_line(form, result) for result in results]
    return join(parts)


def _line(form: Form, result: QuestionPrediction) -> Html:
    """Question, answer, probability, uncertainty."""
    share = probability(form, result)
    place = words.site(result.site)
    name = tag("div", tag("span", _titled(form, result.question), cls="c-small c-quiet"),
               tag("div", said(form, result.question, result.value), cls="c-value"),
               tag("span", place, cls="c-small c-quiet") if place else "")  # fmt: skip
    figure = tag("div", bar(share, cls="c-wide c-model") if share is not None else "",
                 tag("span", _others(form, result), cls="c-small c-faint"))  # fmt: skip
    below = "at its operating point" if _not_likeliest(share, result) else "(calibrated)"
    figures = ("",) if share is None else (f"P = {share:.2f}", tag("div", below, cls="c-small c-faint"))
    written = tag("div", *figures, cls="c-p")
    return tag("div", name, figure, written, cls="c-answer")


def _by_site(form: Form, name: str, results: Sequence[QuestionPrediction]) -> Html:
    rows = []
    for result in results:
        share = probability(form, result)
        rows.append(
            [words.site(result.site), said(form, name, result.value), "" if share is None else f"{share:.2f}"]
        )
    titled = tag("span", _titled(form, name), cls="c-small c-quiet")
    return tag("div", titled, table(["Where", "Answer", "P"], rows))


def _by_label(form: Form, result: QuestionPrediction) -> Html:
    """Each finding with its own probability, those that are present first."""
    present = result.value if isinstance(result.value, frozenset) else frozenset()
    shares = result.probabilities
    rows = [
        [tag("strong", words.short(name)) if name in present else tag("span", words.short(name), cls="c-quiet"),
         "present" if name in present else "", join((bar(shares[name], cls="c-model"), f" {shares[name]:.2f}"))]
        for name in words.present_first(result)
    ]  # fmt: skip
    place = words.site(result.site)
    titled = tag("span", _titled(form, result.question), f" {place}" if place else "", cls="c-small c-quiet")
    below = tag("span", "Each is present from an operating point of its own on.", cls="c-small c-faint")
    return tag("div", titled, table(["Finding", "Answer", "P (calibrated)"], rows), below)


def _outlined(form: Form, name: str, results: Sequence[QuestionPrediction]) -> Html:
    """Which labels a mask has, and on how many pages."""
    pages: dict[str, int] = {}
    for result in results:
        for label, _ in result.value.masks if isinstance(result.value, MaskValue) else ():
            pages[label] = pages.get(label, 0) + 1
    said_ = ", ".join(f"{words.short(label)} ({count} p.)" for label, count in pages.items())
    about = tag("span", _titled(form, name), cls="c-small c-quiet")
    return tag("div", tag("div", about, tag("div", said_ or "nothing outlined")), cls="c-answer")


def measured(prediction: Prediction) -> Html:
    """What the version measured, as a table; its notes below."""
    rows = [
        [words.short(m.name), words.site(m.site), f"{m.value:.3g} {m.unit}".strip(),
         "" if m.page is None else f"page {m.page + 1}"]
        for m in prediction.measured
    ]  # fmt: skip
    about: dict[str, dict[str, None]] = {}
    for m in prediction.measured:
        if m.note:
            about.setdefault(m.note, {})[words.short(m.name)] = None
    below = [tag("div", tag("b", ", ".join(names)), f": {note}", cls="c-small c-quiet")
             for note, names in about.items()]  # fmt: skip
    return join((table(["Measured", "Where", "Value", "On"], rows), *below))


def _titled(form: Form, name: str) -> str:
    question = words.asked(form, name)
    return question.title if question else words.short(name)


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
