"""The readers' answers to one case side by side, without names; at wish the model's beside them."""

from __future__ import annotations

from collections.abc import Sequence

import streamlit as st

from active_learning.votes import votes
from data.answers import Findings, Form, Mask, MaskValue, Question, Site, Value
from data.records import Annotation, Consensus, ConsensusState, Prediction
from workbench.adjudicating import Case, Voice
from workbench.language import N_, _, told
from workbench.theme import READERS, SHAPES, palette
from workbench.views.parts import answers, words
from workbench.views.parts.frame import show
from workbench.views.parts.markup import Html, join, table, tag, text, tone

MODEL_SHAPE = "◌"
FEW = 4
"""Agreed answers up to which they stand below the disputed ones; more of them fold away."""
NOT_ASKED, NOT_DRAWN = N_("not asked"), N_("not drawn")


def called(voice: Voice) -> str:
    """A reader by the place in the case's own order, without a name."""
    return _("Reader {n}", n=voice.position + 1)


def colour_of(voice: Voice) -> str:
    """The colour, over a picture, of a place in the case's own order: it says nothing of who the reader is."""
    return READERS[voice.position % len(READERS)]


def mark(voice: Voice) -> Html:
    """A reader's shape in the case's colour."""
    hues, shape = palette().readers, SHAPES[voice.position % len(SHAPES)]
    return Html(f'<span style="color:{hues[voice.position % len(hues)]}" aria-hidden="true">{shape}</span>')


def model_mark() -> Html:
    """The model's own shape."""
    return Html(f'<span style="color:{palette().model}" aria-hidden="true">{MODEL_SHAPE}</span>')


def show_compared(form: Form, case: Case, model: Prediction | None) -> None:
    """A row for each question and site, a column for each reader: what is disputed, then what is agreed."""
    outcomes = _rows_of(form, case)
    agreed = [o for o in outcomes if o.state == ConsensusState.AGREED]
    disputed = [o for o in outcomes if o.state != ConsensusState.AGREED]
    few = len(agreed) <= FEW
    show(compared(form, case, model, [*disputed, *(agreed if few else ())]), _remarks(case))
    if not few:
        with st.expander(_("Agreed ({n})", n=len(agreed))):
            show(compared(form, case, model, agreed))


def compared(form: Form, case: Case, model: Prediction | None, outcomes: Sequence[Consensus]) -> Html:
    """These outcomes as a table of who said what."""
    heads = [_("Asked"), *(join((mark(voice), " ", called(voice))) for voice in case.voices)]
    heads += [join((model_mark(), " ", _("Model")))] if model else []
    rows = []
    for outcome in outcomes:
        question = words.asked(form, outcome.question)
        if question is None:
            continue
        given = by_voice(form, case.voices, question, outcome.site)
        cells: list[object] = [_what(question, outcome)]
        cells += [
            _cell(question, outcome.site, given.get(voice.position), list(given.values())) for voice in case.voices
        ]
        rows.append([*cells, *([_of_model(form, model, question, outcome.site)] if model else [])])
    return tag("div", table(heads, rows), style="overflow-x:auto")


def by_voice(form: Form, voices: Sequence[Voice], question: Question, site: Site) -> dict[int, Value]:
    """By place: what each reader who was asked said at a site. Of a mask it is the whole of it, page by page."""
    found: dict[int, Value] = {}
    for voice in voices:
        cast = votes([voice.annotation], question, form)
        if isinstance(question.kind, Mask):
            if any(cast.values()):
                found[voice.position] = _labels(voice.annotation, question)
        elif cast.get(site):
            found[voice.position] = cast[site][0].value
    return found


def tally(form: Form, voices: Sequence[Voice], question: Question, site: Site, value: Value) -> str:
    """``2 of 3 readers``: how many gave an answer, of those who were asked."""
    given = list(by_voice(form, voices, question, site).values())
    return _("{n} of {of}", n=sum(one == value for one in given), of=len(given))


def _rows_of(form: Form, case: Case) -> list[Consensus]:
    """The outcomes, a mask's once for all its pages."""
    found: dict[tuple[str, Site], Consensus] = {}
    for outcome in case.outcomes:
        question = words.asked(form, outcome.question)
        whole = question is not None and isinstance(question.kind, Mask)
        found.setdefault((outcome.question, Site() if whole else outcome.site), outcome)
    order = {question.name: index for index, question in enumerate(form.questions)}
    return sorted(found.values(), key=lambda o: (order.get(o.question, len(order)), o.site))


def _what(question: Question, outcome: Consensus) -> Html:
    place = "" if isinstance(question.kind, Mask) else words.site(outcome.site)
    state = "" if outcome.state == ConsensusState.AGREED else " "
    return join((answers.where(question.name, place), state, answers.consensus_chip(outcome) if state else ""))


def _cell(question: Question, site: Site, value: Value | None, given: Sequence[Value]) -> Html:
    """An answer; heavier where it is not what all said."""
    if value is None:
        return tone(_(NOT_DRAWN) if site.key.startswith("lesion:") else _(NOT_ASKED), "faint")
    said = _said(question, value)
    return text(said) if all(one == value for one in given) else tag("b", said)


def _said(question: Question, value: Value) -> str:
    if isinstance(question.kind, Mask) and isinstance(value, frozenset):
        return ", ".join(words.short(one) for one in sorted(value)) or _("nothing outlined")
    return words.value(question.kind, value)


def _labels(annotation: Annotation, question: Question) -> frozenset[str]:
    """Which labels a reader outlined anywhere."""
    return frozenset(
        label
        for answer in annotation.answers
        if answer.question == question.name and isinstance(answer.value, MaskValue)
        for label, _ in answer.value.masks
    )


def _of_model(form: Form, model: Prediction, question: Question, site: Site) -> Html:
    results = [r for r in model.results if r.question == question.name]
    if isinstance(question.kind, Mask):
        drawn = {label for r in results if isinstance(r.value, MaskValue) for label, _ in r.value.masks}
        return text(_said(question, frozenset(drawn)) if results else "—")
    result = next((r for r in results if r.site == site), None)
    if result is None:
        return text("—")
    share = None if isinstance(question.kind, Findings) else answers.probability(form, result)
    said = words.value(question.kind, result.value)
    if share is None:
        return text(said)
    return join((said, tag("span", " ", _("P = {share:.2f}", share=share), cls="c-quiet c-nowrap")))


def _remarks(case: Case) -> Html:
    said = [
        tag(
            "p",
            mark(v),
            " ",
            _("{reader} wrote: “{remark}”", reader=called(v), remark=v.annotation.remark),
            cls="c-small c-quiet",
        )
        for v in case.voices
        if v.annotation.remark
    ]
    said += [
        tag(
            "p",
            _("A reader declined the case: “{why}”", why=told(why)) if why else _("A reader declined the case."),
            cls="c-small c-quiet",
        )
        for why in case.declined
    ]
    return join(said)
