"""The report of a reading study: one HTML file that holds everything it shows, and its tables as CSV beside it.

The page is in the language that is spoken; the tables and the names of the files are the same in every language.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

from active_learning.drift import Drift
from active_learning.reading_study import ReadingStudy
from data.home import Home
from data.records import ReaderKind
from workbench import reading_tables
from workbench.language import ENGLISH, NP_, _, language, n_, number, p_, told
from workbench.reading_report_plots import course
from workbench.reading_report_topic import MERITS, accuracy, grid, section, topic_section
from workbench.reading_report_words import (
    METHODS,
    STYLE,
    count,
    difference,
    heading,
    p_equals,
    p_value,
    sentences,
    signed,
    times,
)
from workbench.reading_tables import tables
from workbench.views.parts import words
from workbench.views.parts.markup import Html, join, tag

FILE = "report.html"
PARTS = (
    NP_("part of a sequence", "First part"), NP_("part of a sequence", "Second"),
    NP_("part of a sequence", "Third"), NP_("part of a sequence", "Fourth"),
)  # fmt: skip
"""Of a reader's sequence; each is translated as a ``part of a sequence``."""


def folder_of(home: Home, task: str, round_id: str = "", language: str = ENGLISH) -> Path:
    """Where a reading study of a round, or of all of a task's reads, is written in the home, in a language."""
    ending = "" if language == ENGLISH else f"-{language}"
    return home.reports / f"reading-study-{round_id or task}{ending}"


def write_report(study: ReadingStudy, folder: Path) -> list[Path]:
    """Write ``report.html`` and the tables into a folder, which is made if it is missing; returns the files.

    The page is in the language that is spoken.

    Raises
    ------
    ConfigError
        The folder or a file cannot be written.
    """
    return reading_tables.write_report(html(study), FILE, tables(study), folder)


def html(study: ReadingStudy) -> str:
    """The report as one document without scripts, pictures or fonts from elsewhere."""
    title = _("Reading study: {title}", title=_(study.title))
    day = datetime.now(UTC).date().isoformat()
    body = join(
        [
            tag("h1", title),
            tag("p", _scope(study, day), cls="quiet"),
            tag("p", _(words.NOTICE), cls="caution"),
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
    head = join([Html('<meta charset="utf-8">'), tag("title", title), tag("style", Html(STYLE))])
    page = tag("html", tag("head", head), tag("body", tag("main", body)), lang=language())
    return f"<!DOCTYPE html>{page}"


def _scope(study: ReadingStudy, day: str) -> str:
    of = {"day": day, "studies": number(study.studies), "patients": number(study.patients)}
    if study.round_id:
        said = [_("{day}. Round {round}: {studies} studies of {patients} patients.", round=study.round_id, **of)]
    else:
        said = [_("{day}. All reads of {task}: {studies} studies of {patients} patients.", task=study.task, **of)]
    if study.guidelines:
        said.append(_("Guideline version {versions}.", versions=", ".join(map(str, study.guidelines))))
    return " ".join(said)


def _summary(study: ReadingStudy) -> Html:
    lines = [tag("li", line) for topic in study.topics for line in sentences(topic)]
    scripted = sum(one.kind == ReaderKind.SCRIPTED for one in study.readers)
    if scripted:
        warned = n_("{n} of {of} readers is a script, no person: what they answer shows how this works.",
                    "{n} of {of} readers are scripts, not people: what they answer shows how this works.",
                    scripted, of=number(len(study.readers)))  # fmt: skip
        lines.insert(0, tag("li", tag("strong", warned)))
    return section(_("Summary"), tag("ul", *lines)) if lines else Html("")


def _panel_section(study: ReadingStudy) -> Html:
    heads = (
        _("Reader"), _("Kind"), _("Role"), _("Experience"), _("Independent"), _("Assisted"), _("Second reads"),
        _("Declined"), _("Decided"),
    )  # fmt: skip
    rows = [
        (
            one.reader_id,
            _("script, no person") if one.kind == ReaderKind.SCRIPTED else _("person"),
            _(one.role.value),
            _("{years:g} years", years=one.experience_y) if one.experience_y is not None else "",
            *map(count, (one.independent, one.assisted, one.again, one.skipped, one.decided)),
        )
        for one in study.participants
    ]
    return section(_("The panel"), grid(heads, rows, numeric=range(4, 9), caption=_("Cases by reader.")))


def _reference_section(study: ReadingStudy) -> Html:
    heads = (_("Question"), _("Agreed by readers"), _("Adjudicated"), _("Came with the data"), _("Still disputed"))
    rows = [
        (words.short(s.question),
         *(number(s.sources.get(name, 0)) for name in ("agreed", "adjudicated", "imported")), number(s.disputed))
        for s in study.standards if s.sources or s.disputed
    ]  # fmt: skip
    if not rows:
        none = _("There is none yet: readers are held against one another.")
        return section(_("Reference standard"), tag("p", none))
    about = _(
        "A reader whose vote is in a consensus is held against the strict majority of the other readers; what was "
        "adjudicated by somebody without a vote, or came with the data, stands for everybody."
    )
    table = grid(heads, rows, numeric=range(1, 5), caption=_("Answers by how their reference came."))
    return section(_("Reference standard"), tag("p", about), table)


def _times_section(study: ReadingStudy) -> Html:
    rows = [(one.reader_id, number(one.time.cases), times(one.time)) for one in study.participants if one.time]
    if not rows:
        return Html("")
    heads = (_("Reader"), _("Cases"), _("Median (quartiles)"))
    table = grid(heads, rows, numeric=(1, 2), caption=_("As the labelling server counted it."))
    return section(_("Time per case"), table)


def _drift_section(study: ReadingStudy) -> Html:
    if not study.drifts:
        return Html("")
    parts: list[Html] = []
    for question in dict.fromkeys(one.question for one in study.drifts):
        found = [one for one in study.drifts if one.question == question]
        parts.append(tag("h3", heading(question)))
        parts.append(tag("div", *(Html(course(one)) for one in found), cls="plot several"))
        parts.append(_courses(found))
    return section(_("Readers over time"), *parts)


def _courses(found: Sequence[Drift]) -> Html:
    """A row a reader: the agreement in each part of the sequence, and the trend."""
    most = max(len(one.periods) for one in found)
    rows = []
    for one in found:
        shares = [words.with_interval(period.agreement) for period in one.periods]
        trend = "—" if one.tau is None or one.p is None else f"{signed(one.tau)}, {p_equals(one.p)}"
        rows.append((one.reader, number(one.cases), *shares, *[""] * (most - len(shares)), trend))
    named = (p_("part of a sequence", part) for part in PARTS[:most])
    heads = (_("Reader"), _("Cases"), *named, _("Trend: Kendall's tau"))
    caption = _("Share of the answers that agreed with the reference. Bounds and times of the parts: drift.csv.")
    return grid(heads, rows, numeric=range(1, len(heads)), caption=caption)


def _rereads_section(study: ReadingStudy) -> Html:
    if not study.rereads:
        return Html("")
    rows = [
        (one.reader, _topic(one.topic), number(one.items), *(words.with_interval(one.figures.get(name)) for name in
         ("percent_agreement", "kappa", "kappa_quadratic")))
        for one in study.rereads
    ]  # fmt: skip
    heads = (_("Reader"), _("Question"), _("Answers"), _("Agreement"), _("Kappa"), _("Kappa, quadratic"))
    caption = _("First and second independent read of the same case by the same reader.")
    return section(_("Second reads"), grid(heads, rows, numeric=range(2, 6), caption=caption))


def _assisted_section(study: ReadingStudy) -> Html:
    if not study.assisted:
        return Html("")
    parts: list[Html] = [
        tag("p", _("These reads had the model's answer in view. They count for no figure above: a shown answer "
                   "pulls readers together, and towards the model."))
    ]  # fmt: skip
    rows = []
    for one in study.assistance:
        for result in one.results:
            ((_first, _second, gap),) = result.differences
            alone, shown = (mean.value for mean in result.means)
            apart = difference(-gap.value, -gap.high, -gap.low)
            means = (f"{alone:.2f}", f"{shown:.2f}", apart, p_value(gap.p), number(one.patients))
            rows.append((_topic(one.topic), _(MERITS[result.merit]), *means))
    if rows:
        heads = (_("Question"), _("Mean of readers"), _("Independent"), _("Assisted"), _("Difference (95% CI)"),
                 "P", _("Patients"))  # fmt: skip
        caption = _("The same readers on the same cases, both ways (Obuchowski and Rockette).")
        parts.append(grid(heads, rows, numeric=range(2, 7), caption=caption))
    for topic in study.assisted:
        parts.append(tag("h3", heading(topic.view.label or topic.view.question)))
        parts += [part for part in accuracy(topic.answerers) if not part.startswith("<h3")]
    return section(_("Assisted reads"), *parts)


def _topic(name: str) -> str:
    """A topic by its name: a question, or a question and one of its findings."""
    return ".".join(map(words.short, name.split(".")))


def _methods_section(study: ReadingStudy) -> Html:
    drawn = _("Intervals come from {draws} resamples of the patients (seed {seed}).", draws=study.draws,
              seed=study.seed)  # fmt: skip
    model = _("There is no model to set beside the readers.")
    if study.version:
        model = _("The model {version} is measured on the {patients} patients from whom it cannot have learnt.",
                  version=study.version, patients=number(study.unseen))  # fmt: skip
    lines = [model, drawn, *map(told, study.notes), *map(_, METHODS)]
    return section(_("How this was computed"), tag("ul", *(tag("li", line) for line in lines)))
