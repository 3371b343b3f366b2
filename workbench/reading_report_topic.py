"""What a reading report says of one topic, and the parts that all its sections are made of."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from active_learning.agreement import band
from active_learning.mrmc import Merit
from active_learning.reading_study import Topic
from active_learning.reading_topic import Answerer
from active_learning.words import spoken
from data.records import Metric
from workbench.reading_report_plots import Column, forest, matrix
from workbench.reading_report_words import difference, figure, p_value
from workbench.views.parts.markup import Html, join, tag

MERITS = {Merit.AUC: "AUC", Merit.SENSITIVITY: "Sensitivity", Merit.SPECIFICITY: "Specificity"}
BINARY = {"sensitivity": "Sensitivity", "specificity": "Specificity", "auc": "AUC", "kappa": "Kappa"}
SEVERAL = {
    "accuracy": "Accuracy", "specificity": "Specificity, weighted", "auc": "AUC, weighted", "kappa": "Kappa",
    "kappa_quadratic": "Kappa, quadratic",
}  # fmt: skip
PANEL = {
    "percent_agreement": "Agreement", "fleiss_kappa": "Fleiss' kappa",
    "krippendorff_alpha": "Krippendorff's alpha", "gwet_ac1": "Gwet's AC1", "gwet_ac2": "Gwet's AC2",
}  # fmt: skip
FOREST = (Column("sensitivity", "Sensitivity"), Column("specificity", "Specificity"), Column("auc", "AUC"),
          Column("kappa", "Kappa"))  # fmt: skip
FOREST_SEVERAL = (
    Column("accuracy", "Accuracy", True), Column("kappa", "Kappa", True),
    Column("kappa_quadratic", "Kappa, quadratic", True),
)  # fmt: skip


def topic_section(topic: Topic) -> Html:
    """Agreement, accuracy, the model beside the readers, levels and confusion matrices of a topic."""
    view = topic.view
    positive = " or ".join(spoken(view.options[n]) for n in view.positive)
    about = [view.title, f"Positive: {positive}." if positive else "No binary view."]
    parts = [tag("p", " ".join(about), cls="quiet"), _agreement(topic), *accuracy(topic.answerers)]
    if topic.beside is not None:
        parts.append(_beside(topic))
    if topic.levels:
        parts.append(_levels(topic))
    parts.append(_matrices(topic))
    return section(spoken(view.label or view.question).capitalize(), *parts)


def _agreement(topic: Topic) -> Html:
    panel = topic.panel
    rows = [(title, figure(panel.figures[name]), _banded(name, panel.figures[name]), str(panel.figures[name].n))
            for name, title in PANEL.items() if name in panel.figures]  # fmt: skip
    if not rows:
        return tag("p", "No case has two independent reads: nothing can be said of agreement.")
    gaps = f" {panel.gaps} reads are missing; what is there counts." if panel.gaps else ""
    caption = f"Agreement of {len(panel.readers)} readers on {panel.several} answers.{gaps}"
    return grid(
        ("Agreement among readers", "Value (95% CI)", "Band", "Patients"), rows, numeric=(1, 3), caption=caption
    )


def accuracy(answerers: Sequence[Answerer]) -> list[Html]:
    """A forest plot and its table for each view."""
    found = []
    for figures, columns, several in ((BINARY, FOREST, False), (SEVERAL, FOREST_SEVERAL, True)):
        rows = [one for one in answerers if (one.several if several else one.binary)]
        if not rows:
            continue
        name = "All options" if several else "Positive against negative"
        found.append(tag("h3", f"Against the reference: {name.lower()}"))
        found.append(tag("div", Html(forest(rows, columns)), cls="plot"))
        cells = [
            (one.name, str(one.items) if one.kind != "mean" else "", str(one.patients),
             *(figure((one.several if several else one.binary).get(key)) for key in figures))
            for one in rows
        ]  # fmt: skip
        heads = ("", "Answers", "Patients", *figures.values())
        found.append(grid(heads, cells, numeric=range(1, len(heads)), caption=f"{name}, with 95% intervals."))
    return found


def _beside(topic: Topic) -> Html:
    found = topic.beside
    assert found is not None  # noqa: S101 - the caller has seen it
    rows = [
        (MERITS[r.merit], f"{r.model:.2f}", f"{sum(r.readers) / len(r.readers):.2f}",
         difference(r.difference.value, r.difference.low, r.difference.high), p_value(r.difference.p))
        for r in found.results
    ]  # fmt: skip
    left = f" Left out, with too few of these cases: {', '.join(found.left_out)}." if found.left_out else ""
    rest = (
        f" {found.items_left_out} answers that not all of them gave are left out." if found.items_left_out else ""
    )
    caption = (
        f"{found.version} and the mean of {len(found.readers)} readers on {found.items} answers of "
        f"{found.patients} patients that all of them read (Obuchowski and Rockette).{left}{rest}"
    )
    heads = ("Model and readers", "Model", "Readers", "Difference (95% CI)", "P")
    return join(
        [tag("h3", "The model beside the readers"), grid(heads, rows, numeric=range(1, 5), caption=caption)]
    )


def _levels(topic: Topic) -> Html:
    several = not topic.view.positive
    figures = ("accuracy", "kappa") if several else ("sensitivity", "specificity", "kappa")
    rows = []
    for level in topic.levels:
        for one in level.answerers:
            if one.kind != "reader":
                known = one.several if several else one.binary
                rows.append((level.name, one.name, str(one.patients), *(figure(known.get(f)) for f in figures)))
    if not rows:
        return Html("")
    heads = ("Level", "", "Patients", *(name.capitalize() for name in figures))
    caption = "By spinal level, both sides together; single readers are in accuracy.csv."
    return join([tag("h3", "By level"), grid(heads, rows, numeric=range(2, len(heads)), caption=caption)])


def _matrices(topic: Topic) -> Html:
    shown = [Html(matrix(one, topic.view.options)) for one in topic.answerers if one.kind != "mean"]
    if not shown:
        return Html("")
    words = "Rows: the reference. Columns: the answer. The shade is the share of the row. Counts: confusion.csv."
    return join(
        [tag("h3", "Confusion matrices"), tag("p", words, cls="quiet"), tag("div", *shown, cls="plot several")]
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
    return "" if name == "percent_agreement" else band(metric.value)
