"""The report of a reading study: one HTML file that holds everything it shows, and its tables as CSV beside it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from pathlib import Path

from active_learning.agreement import band
from active_learning.drift import Drift
from active_learning.mrmc import Merit
from active_learning.reading_study import ReadingStudy, Topic
from active_learning.reading_topic import Answerer
from active_learning.words import spoken
from data.errors import ConfigError
from data.records import Metric, ReaderKind
from workbench.reading_report_plots import Column, course, forest, matrix
from workbench.reading_report_words import (
    METHODS,
    STYLE,
    difference,
    figure,
    p_equals,
    p_value,
    sentences,
    signed,
    times,
)
from workbench.reading_tables import tables, write
from workbench.views.parts.markup import Html, join, tag

FILE = "report.html"
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


def write_report(study: ReadingStudy, folder: Path) -> list[Path]:
    """Write ``report.html`` and the tables into a folder, which is made if it is missing; returns the files.

    Raises
    ------
    ConfigError
        The folder or a file cannot be written.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        (folder / FILE).write_text(html(study), encoding="utf-8")
    except OSError as error:
        raise ConfigError(
            "The report cannot be written.", given=f"{folder}: {error.strerror}",
            expected="a folder that may be written", do="name another with --out",
        ) from error  # fmt: skip
    return [folder / FILE, *write(tables(study), folder)]


def html(study: ReadingStudy) -> str:
    """The report as one document without scripts, pictures or fonts from elsewhere."""
    day = datetime.now(UTC).date().isoformat()
    body = join(
        [
            tag("h1", f"Reading study: {study.title}"),
            tag("p", _scope(study, day), cls="quiet"),
            tag("p", "For research and quality work. Not a medical device.", cls="caution"),
            _summary(study),
            _panel_section(study),
            _reference_section(study),
            *(_topic_section(topic, study) for topic in study.topics),
            _times_section(study),
            _drift_section(study),
            _rereads_section(study),
            _assisted_section(study),
            _methods_section(study),
        ]
    )
    head = join(
        [Html('<meta charset="utf-8">'), tag("title", f"Reading study: {study.title}"), tag("style", STYLE)]
    )
    return f'<!DOCTYPE html><html lang="en"><head>{head}</head><body><main>{body}</main></body></html>'


def _scope(study: ReadingStudy, day: str) -> str:
    what = f"round {study.round_id}" if study.round_id else f"all reads of {study.task}"
    guideline = ", ".join(map(str, study.guidelines))
    followed = f" Guideline version {guideline}." if guideline else ""
    return f"{day}. {what[0].upper()}{what[1:]}: {study.studies} studies of {study.patients} patients.{followed}"


def _summary(study: ReadingStudy) -> Html:
    lines = [tag("li", line) for topic in study.topics for line in sentences(topic)]
    scripted = sum(one.kind == ReaderKind.SCRIPTED for one in study.readers)
    if scripted:
        are = "is a script, no person" if scripted == 1 else "are scripts, not people"
        words = f"{scripted} of {len(study.readers)} readers {are}: what they answer shows how this works."
        lines.insert(0, tag("li", tag("strong", words)))
    return _section("Summary", tag("ul", *lines)) if lines else Html("")


def _panel_section(study: ReadingStudy) -> Html:
    heads = (
        "Reader",
        "Kind",
        "Role",
        "Experience",
        "Independent",
        "Assisted",
        "Second reads",
        "Declined",
        "Decided",
    )
    rows = [
        (
            one.reader_id,
            "script, no person" if one.kind == ReaderKind.SCRIPTED else "person",
            one.role.value,
            f"{one.experience_y:g} years" if one.experience_y is not None else "",
            *(str(n) if n else "" for n in (one.independent, one.assisted, one.again, one.skipped, one.decided)),
        )
        for one in study.participants
    ]
    return _section("The panel", _grid(heads, rows, numeric=range(4, 9), caption="Cases by reader."))


def _reference_section(study: ReadingStudy) -> Html:
    heads = ("Question", "Agreed by readers", "Adjudicated", "Came with the data", "Still disputed")
    rows = [
        (spoken(s.question), *(str(s.sources.get(name, 0)) for name in ("agreed", "adjudicated", "imported")),
         str(s.disputed))
        for s in study.standards if s.sources or s.disputed
    ]  # fmt: skip
    words = (
        "A reader whose vote is in a consensus is held against the strict majority of the other readers; what was "
        "adjudicated by somebody without a vote, or came with the data, stands for everybody."
    )
    if not rows:
        return _section("Reference standard", tag("p", "There is none yet: readers are held against one another."))
    table = _grid(heads, rows, numeric=range(1, 5), caption="Answers by how their reference came.")
    return _section("Reference standard", tag("p", words), table)


def _topic_section(topic: Topic, study: ReadingStudy) -> Html:
    view = topic.view
    positive = " or ".join(spoken(view.options[n]) for n in view.positive)
    about = [view.title, f"Positive: {positive}." if positive else "No binary view."]
    parts = [tag("p", " ".join(about), cls="quiet"), _agreement(topic), *_accuracy(topic.answerers)]
    if topic.beside is not None:
        parts.append(_beside(topic))
    if topic.levels:
        parts.append(_levels(topic))
    parts.append(_matrices(topic))
    return _section(spoken(view.label or view.question).capitalize(), *parts)


def _agreement(topic: Topic) -> Html:
    panel = topic.panel
    rows = [(title, figure(panel.figures[name]), _banded(name, panel.figures[name]), str(panel.figures[name].n))
            for name, title in PANEL.items() if name in panel.figures]  # fmt: skip
    if not rows:
        return tag("p", "No case has two independent reads: nothing can be said of agreement.")
    gaps = f" {panel.gaps} reads are missing; what is there counts." if panel.gaps else ""
    caption = f"Agreement of {len(panel.readers)} readers on {panel.several} answers.{gaps}"
    return _grid(
        ("Agreement among readers", "Value (95% CI)", "Band", "Patients"), rows, numeric=(1, 3), caption=caption
    )


def _accuracy(answerers: Sequence[Answerer]) -> list[Html]:
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
        found.append(_grid(heads, cells, numeric=range(1, len(heads)), caption=f"{name}, with 95% intervals."))
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
        [tag("h3", "The model beside the readers"), _grid(heads, rows, numeric=range(1, 5), caption=caption)]
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
    return join([tag("h3", "By level"), _grid(heads, rows, numeric=range(2, len(heads)), caption=caption)])


def _matrices(topic: Topic) -> Html:
    shown = [Html(matrix(one, topic.view.options)) for one in topic.answerers if one.kind != "mean"]
    if not shown:
        return Html("")
    words = "Rows: the reference. Columns: the answer. The shade is the share of the row. Counts: confusion.csv."
    return join(
        [tag("h3", "Confusion matrices"), tag("p", words, cls="quiet"), tag("div", *shown, cls="plot several")]
    )


def _times_section(study: ReadingStudy) -> Html:
    rows = [(one.reader_id, str(one.time.cases), times(one.time)) for one in study.participants if one.time]
    if not rows:
        return Html("")
    heads = ("Reader", "Cases", "Median (quartiles)")
    return _section(
        "Time per case", _grid(heads, rows, numeric=(1, 2), caption="As the labelling server counted it.")
    )


def _drift_section(study: ReadingStudy) -> Html:
    if not study.drifts:
        return Html("")
    parts: list[Html] = []
    for question in dict.fromkeys(one.question for one in study.drifts):
        found = [one for one in study.drifts if one.question == question]
        parts.append(tag("h3", spoken(question).capitalize()))
        parts.append(tag("div", *(Html(course(one)) for one in found), cls="plot several"))
        parts.append(_courses(found))
    return _section("Readers over time", *parts)


def _courses(found: Sequence[Drift]) -> Html:
    """A row a reader: the agreement in each part of the sequence, and the trend."""
    most = max(len(one.periods) for one in found)
    rows = []
    for one in found:
        shares = [figure(period.agreement) for period in one.periods]
        trend = "—" if one.tau is None or one.p is None else f"{signed(one.tau)}, {p_equals(one.p)}"
        rows.append((one.reader, str(one.cases), *shares, *[""] * (most - len(shares)), trend))
    heads = ("Reader", "Cases", *("First part", "Second", "Third", "Fourth")[:most], "Trend: Kendall's tau")
    caption = "Share of the answers that agreed with the reference. Bounds and times of the parts: drift.csv."
    return _grid(heads, rows, numeric=range(1, len(heads)), caption=caption)


def _rereads_section(study: ReadingStudy) -> Html:
    if not study.rereads:
        return Html("")
    rows = [
        (one.reader, spoken(one.topic), str(one.items), *(figure(one.figures.get(name)) for name in
         ("percent_agreement", "kappa", "kappa_quadratic")))
        for one in study.rereads
    ]  # fmt: skip
    heads = ("Reader", "Question", "Answers", "Agreement", "Kappa", "Kappa, quadratic")
    caption = "First and second independent read of the same case by the same reader."
    return _section("Second reads", _grid(heads, rows, numeric=range(2, 6), caption=caption))


def _assisted_section(study: ReadingStudy) -> Html:
    if not study.assisted:
        return Html("")
    parts: list[Html] = [
        tag("p", "These reads had the model's answer in view. They count for no figure above: a shown answer "
                 "pulls readers together, and towards the model.")
    ]  # fmt: skip
    rows = []
    for one in study.assistance:
        for result in one.results:
            ((_, _, gap),) = result.differences
            alone, shown = (mean.value for mean in result.means)
            apart = difference(-gap.value, -gap.high, -gap.low)
            means = (f"{alone:.2f}", f"{shown:.2f}", apart, p_value(gap.p), str(one.patients))
            rows.append((spoken(one.topic), MERITS[result.merit], *means))
    if rows:
        heads = ("Question", "Mean of readers", "Independent", "Assisted", "Difference (95% CI)", "P", "Patients")
        caption = "The same readers on the same cases, both ways (Obuchowski and Rockette)."
        parts.append(_grid(heads, rows, numeric=range(2, 7), caption=caption))
    for topic in study.assisted:
        parts.append(tag("h3", spoken(topic.view.label or topic.view.question).capitalize()))
        parts += [part for part in _accuracy(topic.answerers) if not part.startswith("<h3")]
    return _section("Assisted reads", *parts)


def _methods_section(study: ReadingStudy) -> Html:
    drawn = f"Intervals come from {study.draws} resamples of the patients (seed {study.seed})."
    model = (
        f"The model {study.version} is measured on the {study.unseen} patients from whom it cannot have learnt."
        if study.version
        else "There is no model to set beside the readers."
    )
    lines = [model, drawn, *study.notes, *METHODS]
    return _section("How this was computed", tag("ul", *(tag("li", line) for line in lines)))


def _section(title: str, *content: Html) -> Html:
    return tag("section", tag("h2", title), *content)


def _grid(heads: Sequence[str], rows: Sequence[Sequence[str]], *, numeric: Iterable[int], caption: str) -> Html:
    """A table; columns that are empty throughout are left out."""
    kept = [n for n in range(len(heads)) if any(row[n] for row in rows)]
    right = set(numeric)

    def cells(name: str, row: Sequence[str]) -> Html:
        return tag("tr", *(tag(name, row[n], cls="n" if n in right else "") for n in kept))

    return tag("table", tag("caption", caption), tag("thead", cells("th", heads)),
               tag("tbody", *(cells("td", row) for row in rows)))  # fmt: skip


def _banded(name: str, metric: Metric) -> str:
    return "" if name == "percent_agreement" else band(metric.value)
