"""The report of a reading study: one HTML file that holds everything it shows, and its tables as CSV beside it."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

from active_learning.drift import Drift
from active_learning.reading_study import ReadingStudy
from active_learning.words import spoken
from data.home import Home
from data.records import ReaderKind
from workbench import reading_tables
from workbench.reading_report_plots import course
from workbench.reading_report_topic import MERITS, accuracy, grid, section, topic_section
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
from workbench.reading_tables import tables
from workbench.views.parts.markup import Html, join, tag

FILE = "report.html"


def folder_of(home: Home, task: str, round_id: str = "") -> Path:
    """Where a reading study of a round, or of all of a task's reads, is written in the home."""
    return home.reports / f"reading-study-{round_id or task}"


def write_report(study: ReadingStudy, folder: Path) -> list[Path]:
    """Write ``report.html`` and the tables into a folder, which is made if it is missing; returns the files.

    Raises
    ------
    ConfigError
        The folder or a file cannot be written.
    """
    return reading_tables.write_report(html(study), FILE, tables(study), folder)


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
            *(topic_section(topic) for topic in study.topics),
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
    return section("Summary", tag("ul", *lines)) if lines else Html("")


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
    return section("The panel", grid(heads, rows, numeric=range(4, 9), caption="Cases by reader."))


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
        return section("Reference standard", tag("p", "There is none yet: readers are held against one another."))
    table = grid(heads, rows, numeric=range(1, 5), caption="Answers by how their reference came.")
    return section("Reference standard", tag("p", words), table)


def _times_section(study: ReadingStudy) -> Html:
    rows = [(one.reader_id, str(one.time.cases), times(one.time)) for one in study.participants if one.time]
    if not rows:
        return Html("")
    heads = ("Reader", "Cases", "Median (quartiles)")
    return section(
        "Time per case", grid(heads, rows, numeric=(1, 2), caption="As the labelling server counted it.")
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
    return section("Readers over time", *parts)


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
    return grid(heads, rows, numeric=range(1, len(heads)), caption=caption)


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
    return section("Second reads", grid(heads, rows, numeric=range(2, 6), caption=caption))


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
        parts.append(grid(heads, rows, numeric=range(2, 7), caption=caption))
    for topic in study.assisted:
        parts.append(tag("h3", spoken(topic.view.label or topic.view.question).capitalize()))
        parts += [part for part in accuracy(topic.answerers) if not part.startswith("<h3")]
    return section("Assisted reads", *parts)


def _methods_section(study: ReadingStudy) -> Html:
    drawn = f"Intervals come from {study.draws} resamples of the patients (seed {study.seed})."
    model = (
        f"The model {study.version} is measured on the {study.unseen} patients from whom it cannot have learnt."
        if study.version
        else "There is no model to set beside the readers."
    )
    lines = [model, drawn, *study.notes, *METHODS]
    return section("How this was computed", tag("ul", *(tag("li", line) for line in lines)))
