"""The figures of a reading study as tables, for other programs: one CSV file each, full precision, no identity."""

from __future__ import annotations

import csv
import math
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from active_learning.agreement import band
from active_learning.mrmc import Estimate
from active_learning.reading_study import ReadingStudy, Topic
from active_learning.reading_topic import Answerer
from data.errors import ConfigError
from data.records import Metric

Cell = str | int | float | None
INTERVAL = ("value", "low", "high", "patients")
BANDED = ("kappa", "alpha", "ac1", "ac2")
"""What names a figure that has bands."""


@dataclass(frozen=True, slots=True)
class Table:
    """A table: its file's name without the ending, its columns and rows."""

    name: str
    columns: tuple[str, ...]
    rows: tuple[tuple[Cell, ...], ...]


def tables(study: ReadingStudy) -> tuple[Table, ...]:
    """Every table of a study, in the report's order; one without rows has its columns still."""
    modes = [("independent", study.topics), ("assisted", study.assisted)]
    each = [(mode, topic) for mode, topics in modes for topic in topics]
    return (
        _readers(study),
        _references(study),
        Table("agreement", ("reads", "topic", "figure", *INTERVAL, "band"),
              tuple((mode, t.view.name, name, *_metric(m), _band(name, m)) for mode, t in each
                    for name, m in t.panel.figures.items())),
        Table("pairs", ("reads", "topic", "first", "second", "items", "figure", *INTERVAL, "band"),
              tuple((mode, t.view.name, pair.first, pair.second, pair.items, name, *_metric(m), _band(name, m))
                    for mode, t in each for pair in t.panel.pairs for name, m in pair.figures.items())),
        Table("accuracy", ("reads", "topic", "level", "name", "kind", "view", "figure", *INTERVAL, "items"),
              tuple(row for mode, t in each for row in _accuracy(mode, t))),
        Table("held_against", ("reads", "topic", "name", "source", "items"),
              tuple((mode, t.view.name, a.name, source, n) for mode, t in each for a in t.answerers
                    for source, n in a.sources.items())),
        Table("confusion", ("reads", "topic", "name", "reference", "answer", "count"),
              tuple(row for mode, t in each for a in t.answerers for row in _confusion(mode, t, a))),
        _comparison(study),
        _assistance(study),
        Table("drift", ("question", "reader", "first_case", "last_case", *INTERVAL, "median_s", "tau", "p"),
              tuple((d.question, d.reader, p.first, p.last, *_metric(p.agreement), p.median_s, d.tau, d.p)
                    for d in study.drifts for p in d.periods)),
        Table("second_reads", ("reader", "topic", "items", "figure", *INTERVAL, "band"),
              tuple((r.reader, r.topic, r.items, name, *_metric(m), _band(name, m)) for r in study.rereads
                    for name, m in r.figures.items())),
    )  # fmt: skip


def write_report(page: str, name: str, found: Iterable[Table], folder: Path) -> list[Path]:
    """Write a page and its tables into a folder, which is made if it is missing; returns the files.

    The page appears whole or not at all.

    Raises
    ------
    ConfigError
        The folder or a file cannot be written.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        draft = folder / f".{name}.draft"
        draft.write_text(page, encoding="utf-8")
        draft.replace(folder / name)
    except OSError as error:
        raise ConfigError(
            "The report cannot be written.", given=f"{folder}: {error.strerror}",
            expected="a folder that may be written", do="name another with --out",
        ) from error  # fmt: skip
    return [folder / name, *write(found, folder)]


def write(found: Iterable[Table], folder: Path) -> list[Path]:
    """Write tables as CSV files into a folder that is there; returns their paths.

    Raises
    ------
    ConfigError
        A file cannot be written.
    """
    written = []
    for table in found:
        path = folder / f"{table.name}.csv"
        try:
            with path.open("w", newline="", encoding="utf-8") as stream:
                writer = csv.writer(stream)
                writer.writerow(table.columns)
                writer.writerows(table.rows)
        except OSError as error:
            raise ConfigError(
                "The table cannot be written.", given=f"{path}: {error.strerror}", expected="a path to write to"
            ) from error
        written.append(path)
    return written


def _readers(study: ReadingStudy) -> Table:
    columns = (
        "reader", "kind", "role", "experience_y", "independent", "assisted", "skipped", "second_reads",
        "adjudicated", "timed", "median_s", "quartile_1_s", "quartile_3_s",
    )  # fmt: skip
    rows = []
    for one in study.participants:
        time = one.time
        timed: tuple[Cell, ...] = (0, None, None, None)
        if time is not None:
            timed = time.cases, time.median_s, time.low_s, time.high_s
        who = one.reader_id, one.kind.value, one.role.value, one.experience_y
        rows.append((*who, one.independent, one.assisted, one.skipped, one.again, one.decided, *timed))
    return Table("readers", columns, tuple(rows))


def _references(study: ReadingStudy) -> Table:
    sources = ("agreed", "adjudicated", "imported")
    rows: tuple[tuple[Cell, ...], ...] = tuple(
        (s.question, *(s.sources.get(name, 0) for name in sources), s.disputed) for s in study.standards
    )
    return Table("reference", ("question", *sources, "disputed"), rows)


def _accuracy(mode: str, topic: Topic) -> Iterator[tuple[Cell, ...]]:
    parts = [("", topic.answerers), *((level.name, level.answerers) for level in topic.levels)]
    for place, answerers in parts:
        for one in answerers:
            for view, figures in (("binary", one.binary), ("options", one.several)):
                for name, metric in figures.items():
                    yield (
                        mode,
                        topic.view.name,
                        place,
                        one.name,
                        one.kind,
                        view,
                        name,
                        *_metric(metric),
                        one.items,
                    )


def _confusion(mode: str, topic: Topic, one: Answerer) -> Iterator[tuple[Cell, ...]]:
    options = topic.view.options
    for reference, row in zip(options, one.confusion, strict=True):
        for answer, count in zip(options, row, strict=True):
            yield mode, topic.view.name, one.name, reference, answer, count


def _comparison(study: ReadingStudy) -> Table:
    columns = (
        "topic", "figure", "version", "model", "readers", "difference", "low", "high", "error", "df", "t", "p",
        "items", "patients", "compared", "left_out",
    )  # fmt: skip
    rows = []
    for topic in study.topics:
        for result in topic.beside.results if topic.beside else ():
            found = topic.beside
            assert found is not None  # noqa: S101 - it has results
            mean = sum(result.readers) / len(result.readers)
            rows.append((topic.view.name, result.merit.value, found.version, result.model, mean,
                         *_estimate(result.difference), found.items, found.patients, " ".join(found.readers),
                         " ".join(found.left_out)))  # fmt: skip
    return Table("comparison", columns, tuple(rows))


def _assistance(study: ReadingStudy) -> Table:
    columns = (
        "topic", "figure", "independent", "assisted", "difference", "low", "high", "error", "df", "t", "p",
        "items", "patients", "readers",
    )  # fmt: skip
    rows = []
    for one in study.assistance:
        for result in one.results:
            ((_, _, gap),) = result.differences
            alone, shown = (mean.value for mean in result.means)
            turned = Estimate(-gap.value, -gap.high, -gap.low, gap.error, gap.df, -gap.t, gap.p)
            rows.append((one.topic, result.merit.value, alone, shown, *_estimate(turned), one.items, one.patients,
                         " ".join(one.readers)))  # fmt: skip
    return Table("assistance", columns, tuple(rows))


def _estimate(one: Estimate) -> tuple[float, ...]:
    return one.value, one.low, one.high, one.error, one.df, one.t, one.p


def _metric(metric: Metric) -> tuple[Cell, ...]:
    return metric.value, metric.low, metric.high, metric.n


def _band(name: str, metric: Metric) -> str:
    return band(metric.value) if any(word in name for word in BANDED) else ""


def summary(study: ReadingStudy) -> dict[str, Mapping[str, object]]:
    """The main figures by topic, as JSON: agreement, everybody against the reference, readers and model."""
    found: dict[str, Mapping[str, object]] = {}
    for topic in study.topics:
        beside = topic.beside
        found[topic.view.name] = {
            "agreement": {name: metric.as_dict() for name, metric in topic.panel.figures.items()},
            "against_reference": [
                {
                    "name": a.name, "kind": a.kind, "items": a.items, "patients": a.patients,
                    "sources": dict(a.sources),
                    "binary": {name: metric.as_dict() for name, metric in a.binary.items()},
                    "options": {name: metric.as_dict() for name, metric in a.several.items()},
                }
                for a in topic.answerers
            ],
            "model_beside_readers": [
                {
                    "figure": r.merit.value, "model": r.model, "readers": sum(r.readers) / len(r.readers),
                    "difference": r.difference.value, "low": r.difference.low, "high": r.difference.high,
                    "df": r.difference.df if math.isfinite(r.difference.df) else None, "p": r.difference.p,
                }
                for r in (beside.results if beside else ())
            ],
        }  # fmt: skip
    return found
