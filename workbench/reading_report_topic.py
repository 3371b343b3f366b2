"""What a reading report says of one topic, and the parts that all its sections are made of."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from active_learning.agreement import band
from active_learning.mrmc import Merit
from active_learning.reading_study import Topic
from active_learning.reading_topic import Answerer
from data.records import Metric
from workbench.language import N_, _, number, p_
from workbench.reading_report_plots import Column, forest, matrix
from workbench.reading_report_words import called, difference, heading, p_value
from workbench.views.parts import words
from workbench.views.parts.markup import Html, join, tag

MERITS = {Merit.AUC: N_("AUC"), Merit.SENSITIVITY: N_("Sensitivity"), Merit.SPECIFICITY: N_("Specificity")}
BINARY = {
    "sensitivity": N_("Sensitivity"), "specificity": N_("Specificity"), "auc": N_("AUC"), "kappa": N_("Kappa"),
}  # fmt: skip
SEVERAL = {
    "accuracy": N_("Accuracy"), "specificity": N_("Specificity, weighted"), "auc": N_("AUC, weighted"),
    "kappa": N_("Kappa"), "kappa_quadratic": N_("Kappa, quadratic"),
}  # fmt: skip
PANEL = {
    "percent_agreement": N_("Agreement"), "fleiss_kappa": N_("Fleiss' kappa"),
    "krippendorff_alpha": N_("Krippendorff's alpha"), "gwet_ac1": N_("Gwet's AC1"), "gwet_ac2": N_("Gwet's AC2"),
}  # fmt: skip
FOREST = tuple(Column(key, title) for key, title in BINARY.items())
FOREST_SEVERAL = tuple(Column(key, SEVERAL[key], True) for key in ("accuracy", "kappa", "kappa_quadratic"))


def topic_section(topic: Topic) -> Html:
    """Agreement, accuracy, the model beside the readers, levels and confusion matrices of a topic."""
    view = topic.view
    positive = _(" or ").join(words.short(view.options[n]) for n in view.positive)
    about = [_(view.title), _("Positive: {options}.", options=positive) if positive else _("No binary view.")]
    parts = [tag("p", " ".join(about), cls="quiet"), _agreement(topic), *accuracy(topic.answerers)]
    if topic.beside is not None:
        parts.append(_beside(topic))
    if topic.levels:
        parts.append(_levels(topic))
    parts.append(_matrices(topic))
    return section(heading(view.label or view.question), *parts)


def _agreement(topic: Topic) -> Html:
    panel = topic.panel
    rows = [(_(title), words.with_interval(panel.figures[name]), _banded(name, panel.figures[name]),
             number(panel.figures[name].n))
            for name, title in PANEL.items() if name in panel.figures]  # fmt: skip
    if not rows:
        return tag("p", _("No case has two independent reads: nothing can be said of agreement."))
    caption = [_("Agreement of {readers} readers on {answers} answers.", readers=number(len(panel.readers)),
                 answers=number(panel.several))]  # fmt: skip
    if panel.gaps:
        caption.append(_("{n} reads are missing; what is there counts.", n=number(panel.gaps)))
    heads = (_("Agreement among readers"), _("Value (95% CI)"), _("Band"), _("Patients"))
    return grid(heads, rows, numeric=(1, 3), caption=" ".join(caption))


def accuracy(answerers: Sequence[Answerer]) -> list[Html]:
    """A forest plot and its table for each view."""
    found = []
    binary = (_("Against the reference: positive against negative"),
              _("Positive against negative, with 95% intervals."))  # fmt: skip
    options = (_("Against the reference: all options"), _("All options, with 95% intervals."))
    for figures, columns, several, (title, caption) in (
        (BINARY, FOREST, False, binary), (SEVERAL, FOREST_SEVERAL, True, options)
    ):  # fmt: skip
        rows = [one for one in answerers if (one.several if several else one.binary)]
        if not rows:
            continue
        found.append(tag("h3", title))
        found.append(tag("div", Html(forest(rows, columns)), cls="plot"))
        cells = [
            (called(one), number(one.items) if one.kind != "mean" else "", number(one.patients),
             *(words.with_interval((one.several if several else one.binary).get(key)) for key in figures))
            for one in rows
        ]  # fmt: skip
        heads = ("", _("Answers"), _("Patients"), *map(_, figures.values()))
        found.append(grid(heads, cells, numeric=range(1, len(heads)), caption=caption))
    return found


def _beside(topic: Topic) -> Html:
    found = topic.beside
    assert found is not None  # noqa: S101 - the caller has seen it
    rows = [
        (_(MERITS[r.merit]), f"{r.model:.2f}", f"{sum(r.readers) / len(r.readers):.2f}",
         difference(r.difference.value, r.difference.low, r.difference.high), p_value(r.difference.p))
        for r in found.results
    ]  # fmt: skip
    caption = [_("{version} and the mean of {readers} readers on {answers} answers of {patients} patients that "
                 "all of them read (Obuchowski and Rockette).", version=found.version,
                 readers=number(len(found.readers)), answers=number(found.items),
                 patients=number(found.patients))]  # fmt: skip
    if found.left_out:
        caption.append(_("Left out, with too few of these cases: {names}.", names=", ".join(found.left_out)))
    if found.items_left_out:
        caption.append(_("{n} answers that not all of them gave are left out.", n=number(found.items_left_out)))
    heads = (_("Model and readers"), _("Model"), _("Readers"), _("Difference (95% CI)"), "P")
    table = grid(heads, rows, numeric=range(1, 5), caption=" ".join(caption))
    return join([tag("h3", _("The model beside the readers")), table])


def _levels(topic: Topic) -> Html:
    several = not topic.view.positive
    figures = ("accuracy", "kappa") if several else ("sensitivity", "specificity", "kappa")
    rows = []
    for level in topic.levels:
        for one in level.answerers:
            if one.kind != "reader":
                known = one.several if several else one.binary
                cells = (words.with_interval(known.get(name)) for name in figures)
                rows.append((level.name, called(one), number(one.patients), *cells))
    if not rows:
        return Html("")
    titles = SEVERAL if several else BINARY
    heads = (_("Level"), "", _("Patients"), *(_(titles[name]) for name in figures))
    caption = _("By spinal level, both sides together; single readers are in accuracy.csv.")
    return join([tag("h3", _("By level")), grid(heads, rows, numeric=range(2, len(heads)), caption=caption)])


def _matrices(topic: Topic) -> Html:
    shown = [Html(matrix(one, topic.view.options)) for one in topic.answerers if one.kind != "mean"]
    if not shown:
        return Html("")
    about = _("Rows: the reference. Columns: the answer. The shade is the share of the row. Counts: "
              "confusion.csv.")  # fmt: skip
    return join(
        [tag("h3", _("Confusion matrices")), tag("p", about, cls="quiet"), tag("div", *shown, cls="plot several")]
    )


def section(title: str, *content: Html) -> Html:
    """A part of the report under a heading."""
    return tag("section", tag("h2", title), *content)


def grid(heads: Sequence[str], rows: Sequence[Sequence[str]], *, numeric: Iterable[int], caption: str) -> Html:
    """A table; columns that are empty throughout are left out."""
    kept = [n for n in range(len(heads)) if any(row[n] for row in rows)]
    right = set(numeric)

    def cells(name: str, row: Sequence[str]) -> Html:
        return tag("tr", *(tag(name, row[n], cls="n" if n in right else "") for n in kept))

    return tag("table", tag("caption", caption), tag("thead", cells("th", heads)),
               tag("tbody", *(cells("td", row) for row in rows)))  # fmt: skip


def _banded(name: str, metric: Metric) -> str:
    return "" if name == "percent_agreement" else p_("agreement", band(metric.value))
