"""The readers one by one: how much, how fast, how far they agree, and in which way they lean."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence

import streamlit as st

from active_learning.overview import Asked, Overview
from active_learning.reading_topic import Answerer
from data.records import Metric, Reader, ReaderKind
from workbench.language import N_, _, n_, told
from workbench.views.parts import words
from workbench.views.parts.agreement import names_of
from workbench.views.parts.agreement_plot import Dot, banded, cell, dot_heads, dot_rows, dots, look_of, of_model
from workbench.views.parts.choice import choose
from workbench.views.parts.context import Here
from workbench.views.parts.download import Cell, csv_button
from workbench.views.parts.frame import note, section, show
from workbench.views.parts.markup import Html, join, reader_dot, table, tag
from workbench.views.parts.plot import plot

_CSV = ("asked", "reader", "against", "figure", "value", "low", "high", "patients", "items")
FIGURES = {"sensitivity": N_("Sensitivity"), "specificity": N_("Specificity")}


def readers(place: Here, overview: Overview) -> None:
    """Their profiles over all questions, and on one of them."""
    section(_("Readers"))
    known = place.store.reads.readers()
    scripts = sum(one.part.kind == ReaderKind.SCRIPTED for one in overview.profiles)
    if scripts:
        note(n_("{n} of {of} readers is a script, no person: its answers show how this works.",
                "{n} of {of} readers are scripts, not people: their answers show how this works.", scripts,
                of=len(overview.profiles)), "doubt")  # fmt: skip
    show(_over_all(overview, known))
    asked = [one for one in overview.asked if one.answerers or one.panel.readers]
    if not asked:
        return
    names = names_of(overview.asked)
    left = st.columns([1.2, 2.8])[0]
    with left:
        chosen = choose(_("Question"), {one.view.name: names[one.view.name] for one in asked}, key="asked")
    one = next(one for one in asked if one.view.name == chosen)
    show(_on(one, overview, known))
    _plots(one, known)
    with st.expander(_("Pairs of readers ({n})", n=len(one.panel.pairs))):
        show(_pairs(one, known))
    csv_button(f"readers-{overview.round_id or overview.task}", _CSV, _csv(overview))


def named(reader_id: str, known: Sequence[Reader]) -> Html:
    """A reader with hue, shape and name; scripted ones say so."""
    reader = next((r for r in known if r.reader_id == reader_id), None)
    return tag(
        "span",
        reader_dot(reader_id, known),
        " ",
        words.reader_name(reader) if reader else reader_id,
        cls="c-nowrap",
    )


def _over_all(overview: Overview, known: Sequence[Reader]) -> Html:
    body = []
    for one in overview.profiles:
        part, time = one.part, one.part.time
        taken = "—" if time is None else _("{s:.0f} s ({low:.0f} to {high:.0f})", s=time.median_s, low=time.low_s,
                                             high=time.high_s)  # fmt: skip
        years = "—" if part.experience_y is None else _("{years:g} y", years=part.experience_y)
        body.append([named(part.reader_id, known), years, part.independent, part.assisted or "—",
                     part.again or "—", part.skipped or "—", taken, cell(one.agreement)])  # fmt: skip
    heads = [_("Reader"), _("Experience"), _("Cases"), _("Assisted"), _("Second reads"), _("Skipped"),
             _("Time a case (quartiles)"), _("Answers as the others")]  # fmt: skip
    below = _("Answers as the others: the share of all answers that more than half of the other readers gave, "
              "too.")  # fmt: skip
    return join((_full(heads, body, numeric=(2, 3, 4, 5)), tag("p", below, cls="c-small c-quiet")))


def _on(one: Asked, overview: Overview, known: Sequence[Reader]) -> Html:
    """Every reader on one question, the model below."""
    alone = {reader.reader: reader for reader in one.panel.readers}
    held = {answerer.name: answerer for answerer in one.answerers}
    again = {reread.reader: reread.figures.get("percent_agreement") for reread in one.rereads}
    body: list[list[object]] = []
    for reader_id, own in alone.items():
        answerer = held.get(reader_id)
        lean = one.leanings.get(reader_id)
        quality = one.quality.get(reader_id)
        body.append([
            named(reader_id, known), own.items, cell(own.figures.get("accuracy")), *_against(answerer),
            "—" if lean is None
            else _("{lean} on {share:.0%} of cases", lean=told(lean.words), share=lean.share.value),
            cell(again.get(reader_id)), "—" if quality is None else f"{quality:.2f}",
        ])  # fmt: skip
    for answerer in one.answerers:
        if answerer.kind != "reader":
            who = told(answerer.name)
            if answerer.kind == "model":
                who = _("model {version}", version=answerer.name)
            body.append([tag("span", who, cls="c-quiet"), answerer.items, "", *_against(answerer), "", "", ""])
    heads = [_("Reader"), _("Answers"), _("As the others"), _("Sensitivity"), _("Specificity"), _("Leans"),
             _("Same when read again"), _("Quality")]  # fmt: skip
    return join((_full(heads, body, numeric=(1, 7)), tag("p", _below(one, overview), cls="c-small c-quiet")))


def _against(answerer: Answerer | None) -> tuple[Html, Html]:
    figures = _figures(answerer)
    return cell(figures.get("sensitivity")), cell(figures.get("specificity"))


def _figures(answerer: Answerer | None) -> dict[str, Metric]:
    """The binary view where the question has one, else all options weighted."""
    return {} if answerer is None else dict(answerer.binary or answerer.several)


def _below(one: Asked, overview: Overview) -> str:
    positive = ", ".join(words.short(one.view.options[n]) for n in one.view.positive)
    what = _("positive: {options}", options=positive) if positive else _("each option against the rest, weighted")
    sources: dict[str, int] = {}
    for answerer in one.answerers:
        if answerer.kind == "reader":
            for source, count in answerer.sources.items():
                sources[source] = sources.get(source, 0) + count
    against = ", ".join(f"{told(source)} {count}" for source, count in sources.items()) or _("nothing yet")
    said = [_("Sensitivity and specificity ({what}): against the reference standard without the reader's own "
              "vote; answers by what they were held against: {against}.", what=what, against=against)]  # fmt: skip
    if overview.version:
        said.append(_("The model {version}: on patients it cannot have learnt from.", version=overview.version))
    if one.quality:
        said.append(_("Quality: the probability that an answer is right, as the task's rule estimated it when the "
                      "consensus was last formed."))  # fmt: skip
    return " ".join(said)


def _plots(one: Asked, known: Sequence[Reader]) -> None:
    """Sensitivity and specificity side by side, on the same rows."""
    shown = [answerer for answerer in one.answerers if answerer.kind != "mean" and _figures(answerer)]
    if not shown:
        return
    names = FIGURES
    metrics = [metric for one in shown for name in names if (metric := _figures(one).get(name)) is not None]
    least = min((m.value if m.low is None else m.low for m in metrics), default=0.0)
    start = min(math.floor(10 * least), 9) / 10
    for column, (figure, title) in zip(st.columns(2, gap="medium"), names.items(), strict=True):
        rows = []
        for answerer in shown:
            metric = _figures(answerer).get(figure)
            about = _("{answers} answers, {patients} patients", answers=answerer.items, patients=answerer.patients)
            if answerer.kind == "model":
                rows.append(of_model(answerer.name, metric, about))
            else:
                colour, shape = look_of(answerer.name, known)
                name = next((words.reader_name(r) for r in known if r.reader_id == answerer.name), answerer.name)
                rows.append(Dot(name, metric, about, colour, shape))
        with column:
            plot(dots(rows, title=_(title), start=start), key=f"{figure} of readers",
                 alt=_("{figure} by reader, with intervals", figure=_(title)),
                 heads=dot_heads(_("Reader")), rows=dot_rows(rows))  # fmt: skip


def _pairs(one: Asked, known: Sequence[Reader]) -> Html:
    body = []
    for pair in one.panel.pairs:
        kappa = pair.figures.get("cohen_kappa_quadratic") or pair.figures.get("cohen_kappa")
        body.append([
            named(pair.first, known), named(pair.second, known), pair.items,
            cell(pair.figures.get("percent_agreement")),
            "—" if kappa is None else cell(kappa, f", {banded(kappa.value)}"),
            "—" if pair.prevalence is None else f"{pair.prevalence:.2f}",
            "—" if pair.bias is None else f"{pair.bias:.2f}",
        ])  # fmt: skip
    which = _("Cohen's kappa, quadratic") if one.view.ordered else _("Cohen's kappa")
    heads = ["", "", _("Both read"), _("Agreement"), which, _("Prevalence index"), _("Bias index")]
    return _full(heads, body, numeric=(2, 5, 6))


def _full(heads: Sequence[str], body: Sequence[Sequence[object]], *, numeric: Sequence[int]) -> Html:
    """A table without the columns in which nothing stands."""
    kept = [n for n in range(len(heads)) if any(str(row[n]) not in ("", "—") for row in body)]
    right = [place for place, n in enumerate(kept) if n in numeric]
    return table([heads[n] for n in kept], [[row[n] for n in kept] for row in body], numeric=right)


def _csv(overview: Overview) -> Iterator[tuple[Cell, ...]]:
    for one in overview.asked:
        name = one.view.name
        for reader in one.panel.readers:
            for figure, m in reader.figures.items():
                yield name, reader.reader, "others", figure, m.value, m.low, m.high, m.n, reader.items
        for answerer in one.answerers:
            for figure, m in _figures(answerer).items():
                yield name, answerer.name, "reference", figure, m.value, m.low, m.high, m.n, answerer.items
        for reread in one.rereads:
            for figure, m in reread.figures.items():
                yield name, reread.reader, "second read", figure, m.value, m.low, m.high, m.n, reread.items
