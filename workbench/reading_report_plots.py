"""The pictures of a reading report, as inline SVG; a table beside each says the same."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from html import escape

from active_learning.drift import Drift
from active_learning.reading_topic import Answerer
from data.records import Metric
from workbench.language import _
from workbench.reading_report_words import called
from workbench.views.parts import words

INK, QUIET, LINE, MODEL, SHADE = "#16202c", "#5b6876", "#d5dce4", "#0b62b8", (11, 98, 184)
ROW, HEAD, FOOT, NAME, GAP = 24, 30, 26, 200, 26
"""Heights of a row, of head and foot; width of the names; space between panels. In px."""


@dataclass(frozen=True, slots=True)
class Column:
    """A panel of a forest plot: the key of its figure, in the binary view or over all options, and its head.

    The head is translated where it is drawn.
    """

    key: str
    title: str
    several: bool = False

    def of(self, one: Answerer) -> Metric | None:
        """The figure of a reader or the model."""
        return (one.several if self.several else one.binary).get(self.key)


def forest(rows: Sequence[Answerer], columns: Sequence[Column], *, width: int = 1040) -> str:
    """Readers, their mean (a diamond) and the model (a square), a panel a figure, with 95% intervals."""
    shown = [column for column in columns if any(column.of(row) is not None for row in rows)]
    if not shown:
        return ""
    panel = (width - NAME - GAP * len(shown)) / len(shown)
    height = HEAD + ROW * len(rows) + FOOT
    titles = ", ".join(_(column.title) for column in shown)
    parts = [_open(width, height, _("Forest plot: {figures}", figures=titles))]
    for number, row in enumerate(rows):
        y = HEAD + ROW * number + ROW / 2
        if row.kind != "reader" and (number == 0 or rows[number - 1].kind == "reader"):
            parts.append(_line(0, y - ROW / 2, width, y - ROW / 2, LINE))
        weight = "400" if row.kind == "reader" else "650"
        parts.append(_text(0, y + 4, called(row), INK if row.kind != "model" else MODEL, weight=weight))
    for number, column in enumerate(shown):
        x = NAME + number * (panel + GAP)
        parts.append(_panel(rows, column, x, panel, height))
    return "".join([*parts, "</svg>"])


def _panel(rows: Sequence[Answerer], column: Column, x: float, width: float, height: float) -> str:
    low, high, ticks = _axis([metric for row in rows if (metric := column.of(row)) is not None])

    def at(value: float) -> float:
        return x + width * (min(max(value, low), high) - low) / (high - low)

    bottom = height - FOOT
    parts = [_text(x, 14, _(column.title), INK, weight="650")]
    for tick in ticks:
        parts.append(_line(at(tick), HEAD - 6, at(tick), bottom, LINE))
        parts.append(_text(at(tick), bottom + 16, f"{tick:g}", QUIET, anchor="middle", size=11))
    for number, row in enumerate(rows):
        metric = column.of(row)
        if metric is None:
            continue
        y = HEAD + ROW * number + ROW / 2
        colour = MODEL if row.kind == "model" else INK
        if metric.low is not None and metric.high is not None:
            parts.append(_line(at(metric.low), y, at(metric.high), y, colour, thick=1.6))
        parts.append(_mark(row.kind, at(metric.value), y, colour))
    return "".join(parts)


def _axis(metrics: Sequence[Metric]) -> tuple[float, float, list[float]]:
    """Lower and upper end and ticks that hold every interval; the upper end is 1."""
    least = min((m.value if m.low is None else m.low) for m in metrics)
    step = 0.1 if least >= 0.6 else 0.2 if least >= 0 else 0.5
    low = min(math.floor(least / step + 1e-9) * step, 1 - 2 * step)
    count = round((1 - low) / step)
    return low, 1.0, [round(low + step * n, 2) for n in range(count + 1)]


def matrix(one: Answerer, options: Sequence[str], *, cell: int = 34) -> str:
    """A confusion matrix: the reference in the rows, the answer in the columns, shaded by the share of the row."""
    names = [words.short(option) for option in options]
    longest = max(map(len, names))
    room, slanted = 12 + round(6.4 * longest), longest > 6
    head = (24 + round(4.4 * longest)) if slanted else 34
    side = cell * len(options)
    across = [side + 8.0]
    if slanted:
        across += [cell * (place + 0.5) + 5.2 * len(name) for place, name in enumerate(names)]
    height = head + side + 24
    who = called(one)
    width = max(room + max(across), 7.4 * len(who))
    parts = [_open(width, height, _("Confusion matrix of {name}", name=who)), _text(0, 12, who, INK, weight="650")]
    for place, name in enumerate(names):
        middle = room + cell * place + cell / 2
        turn = f' transform="rotate(-40 {middle:.1f} {head + 8})"' if slanted else ""
        anchor = "start" if slanted else "middle"
        parts.append(_text(middle, head + 8, name, QUIET, anchor=anchor, size=11, more=turn))
        parts.append(_text(room - 8, head + 12 + cell * place + cell / 2 + 4, name, QUIET, anchor="end", size=11))
    for row, counts in enumerate(one.confusion):
        total = sum(counts)
        for column, count in enumerate(counts):
            share = count / total if total else 0.0
            x, y = room + cell * column, head + 12 + cell * row
            fill = ",".join(str(round(255 - (255 - tone) * share)) for tone in SHADE)
            parts.append(
                f'<rect x="{x}" y="{y}" width="{cell}" height="{cell}" fill="rgb({fill})" stroke="{LINE}"/>'
            )
            ink = "#ffffff" if share > 0.55 else INK
            parts.append(_text(x + cell / 2, y + cell / 2 + 4, str(count), ink, anchor="middle"))
    return "".join([*parts, "</svg>"])


def course(one: Drift, *, width: int = 190, height: int = 120) -> str:
    """A reader's agreement with the reference by periods of the own sequence, with intervals, from 0 to 1."""
    left, top, bottom = 30, 24, height - 20

    def at(value: float) -> float:
        return bottom - (bottom - top) * value

    step = (width - left - 10) / len(one.periods)
    parts = [
        _open(width, height, _("Agreement over time: {reader}", reader=one.reader)),
        _text(0, 12, one.reader, INK, weight="650"),
    ]
    for tick in (0.0, 0.5, 1.0):
        parts.append(_line(left, at(tick), width, at(tick), LINE))
        parts.append(_text(left - 6, at(tick) + 4, f"{tick:g}", QUIET, anchor="end", size=11))
    points = []
    for number, period in enumerate(one.periods):
        x, metric = left + step * (number + 0.5), period.agreement
        if metric.low is not None and metric.high is not None:
            parts.append(_line(x, at(metric.low), x, at(metric.high), INK, thick=1.4))
        parts.append(_mark("reader", x, at(metric.value), INK))
        parts.append(_text(x, height - 4, f"{period.first}–{period.last}", QUIET, anchor="middle", size=11))
        points.append(f"{x:.1f},{at(metric.value):.1f}")
    parts.append(f'<polyline points="{" ".join(points)}" fill="none" stroke="{INK}" stroke-width="1"/>')
    return "".join([*parts, "</svg>"])


def _open(width: float, height: float, label: str) -> str:
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{width:.0f}" height="{height:.0f}" '
        f'viewBox="0 0 {width:.0f} {height:.0f}" role="img" aria-label="{escape(label)}">'
    )


def _line(x1: float, y1: float, x2: float, y2: float, colour: str, *, thick: float = 1.0) -> str:
    return (
        f'<line x1="{x1:.1f}" y1="{y1:.1f}" x2="{x2:.1f}" y2="{y2:.1f}" stroke="{colour}" stroke-width="{thick}"/>'
    )


def _text(
    x: float, y: float, said: str, colour: str, *, anchor: str = "start", size: int = 13, weight: str = "400",
    more: str = "",
) -> str:  # fmt: skip
    return (
        f'<text x="{x:.1f}" y="{y:.1f}" fill="{colour}" font-size="{size}" font-weight="{weight}" '
        f'text-anchor="{anchor}"{more}>{escape(said)}</text>'
    )


def _mark(kind: str, x: float, y: float, colour: str) -> str:
    if kind == "mean":
        return f'<path d="M{x:.1f} {y - 6:.1f}l6 6l-6 6l-6 -6z" fill="{colour}"/>'
    if kind == "model":
        return f'<rect x="{x - 5:.1f}" y="{y - 5:.1f}" width="10" height="10" fill="{colour}"/>'
    return f'<circle cx="{x:.1f}" cy="{y:.1f}" r="4" fill="{colour}"/>'
