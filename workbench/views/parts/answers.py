"""Answers as pages show them: of models, of readers, agreed."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from data.answers import Answer, Form, MaskValue
from data.records import Consensus, ConsensusState, Mode, Prediction, QuestionPrediction
from workbench.language import N_, _, n_, told
from workbench.views.parts import words
from workbench.views.parts.conformal_sets import Sets
from workbench.views.parts.markup import Html, bar, chip, join, table, tag, text

MANY = 3
"""Sites from which on a question's answers stand in a table."""

_CONSENSUS = {
    ConsensusState.AGREED: (N_("agreed"), "good"),
    ConsensusState.DISPUTED: (N_("disputed"), "doubt"),
    ConsensusState.ADJUDICATED: (N_("adjudicated"), "good"),
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
        parts.append(tag("span", n_("and {n} more", "and {n} more", len(results) - most), cls="c-quiet"))
    return join(parts, " · ")


def model_answers(
    form: Form, prediction: Prediction, sets: Sets | None = None, *, without: Iterable[str] = ()
) -> Html:
    """A model's answers: a line each, or a table for a question that is asked at many sites.

    Parameters
    ----------
    sets:
        The prediction sets of the version, which stand beside the answers.
    without:
        Questions that are shown elsewhere.
    """
    sets, parts = sets or Sets(), []
    for name in dict.fromkeys(r.question for r in prediction.results):
        if name in set(without):
            continue
        results = [r for r in prediction.results if r.question == name]
        if isinstance(results[0].value, MaskValue):
            parts.append(_outlined(form, name, results))
        elif len(results) > MANY:
            parts.append(_by_site(form, name, results, sets))
        elif isinstance(results[0].value, frozenset):
            parts += [_by_label(form, result, sets) for result in results]
        else:
            parts += [_line(form, result, sets) for result in results]
    return join(parts)


def _line(form: Form, result: QuestionPrediction, sets: Sets) -> Html:
    """Question, answer, probability, what else it may be."""
    share = probability(form, result)
    place = words.site(result.site)
    name = tag("div", tag("span", _titled(form, result.question), cls="c-small c-quiet"),
               tag("div", said(form, result.question, result.value), cls="c-value"),
               tag("span", place, cls="c-small c-quiet") if place else "")  # fmt: skip
    figure = tag("div", bar(share, cls="c-wide c-model") if share is not None else "",
                 tag("span", _others(form, result), cls="c-small c-faint"))  # fmt: skip
    below = _("at its operating point") if _not_likeliest(share, result) else _("(calibrated)")
    figures = ("",) if share is None else (f"P = {share:.2f}", tag("div", below, cls="c-small c-faint"))
    written = tag("div", *figures, cls="c-p")
    return tag("div", name, figure, written, sets.told(result.question, result.site), cls="c-answer")


def _by_site(form: Form, name: str, results: Sequence[QuestionPrediction], sets: Sets) -> Html:
    rows, known = [], any(sets.options(name, result.site) for result in results)
    for result in results:
        share = probability(form, result)
        own = [sets.told(name, result.site)] if known else []
        rows.append([words.site(result.site), said(form, name, result.value),
                     "" if share is None else f"{share:.2f}", *own])  # fmt: skip
    titled = tag("span", _titled(form, name), cls="c-small c-quiet")
    return tag("div", titled, table([_("Where"), _("Answer"), "P", *([_("Set")] if known else [])], rows))


def _by_label(form: Form, result: QuestionPrediction, sets: Sets) -> Html:
    """Each finding with its own probability, those that are present first."""
    present = result.value if isinstance(result.value, frozenset) else frozenset()
    shares = result.probabilities
    known = any(sets.options(result.question, result.site, name) for name in shares)
    rows = [
        [tag("strong", words.short(name)) if name in present else tag("span", words.short(name), cls="c-quiet"),
         _("present") if name in present else "",
         join((bar(shares[name], cls="c-model"), f" {shares[name]:.2f}")),
         *([sets.told(result.question, result.site, name)] if known else [])]
        for name in words.present_first(result)
    ]  # fmt: skip
    place = words.site(result.site)
    titled = tag("span", _titled(form, result.question), f" {place}" if place else "", cls="c-small c-quiet")
    below = tag("span", _("Each is present from an operating point of its own on."), cls="c-small c-faint")
    heads = [_("Finding"), _("Answer"), _("P (calibrated)"), *([_("Set")] if known else [])]
    return tag("div", titled, table(heads, rows), below)


def _outlined(form: Form, name: str, results: Sequence[QuestionPrediction]) -> Html:
    """Which labels a mask has, and on how many pages."""
    pages: dict[str, int] = {}
    for result in results:
        for label, _blob in result.value.masks if isinstance(result.value, MaskValue) else ():
            pages[label] = pages.get(label, 0) + 1
    said_ = ", ".join(_("{label} ({count} p.)", label=words.short(label), count=n) for label, n in pages.items())
    about = tag("span", _titled(form, name), cls="c-small c-quiet")
    outlined = tag("div", about, tag("div", said_ or _("nothing outlined")), style="grid-column: 1 / -1")
    return tag("div", outlined, cls="c-answer")


def measured(prediction: Prediction) -> Html:
    """What the version measured, as a table; its notes below."""
    rows = [
        [words.short(m.name), words.site(m.site), f"{m.value:.3g} {_(m.unit)}".strip(),
         "" if m.page is None else _("page {number}", number=m.page + 1)]
        for m in prediction.measured
    ]  # fmt: skip
    about: dict[str, dict[str, None]] = {}
    for m in prediction.measured:
        if m.note:
            about.setdefault(m.note, {})[words.short(m.name)] = None
    below = [tag("div", tag("b", ", ".join(names)), f": {told(note)}", cls="c-small c-quiet")
             for note, names in about.items()]  # fmt: skip
    return join((table([_("Measured"), _("Where"), _("Value"), _("On")], rows), *below))


def _titled(form: Form, name: str) -> str:
    question = words.asked(form, name)
    return _(question.title) if question else words.short(name)


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
    return chip(_(name), tone_name)


def mode_chip(mode: Mode) -> Html:
    """Whether the reader sees the model."""
    return chip(_(words.MODES[mode]), "accent" if mode == Mode.ASSISTED else "")


def nothing() -> Html:
    """What stands where something is hidden from this reader."""
    return text(_("hidden while you read"))
