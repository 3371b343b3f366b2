"""Dots with their intervals, a row each, with the bands of agreement drawn behind."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from active_learning.agreement import BANDS, band
from data.records import Metric, Reader
from workbench.language import _, p_
from workbench.theme import SHAPES, palette
from workbench.views.parts import charts
from workbench.views.parts.download import Cell
from workbench.views.parts.markup import Html, tag, text
from workbench.views.parts.words import with_interval

if TYPE_CHECKING:
    import plotly.graph_objects as go

RIGHT_PX, LETTER_PX = 150, 7
"""Where the figures stand, at least; what a letter of them takes."""


@dataclass(frozen=True, slots=True)
class Dot:
    """A figure of one row.

    Parameters
    ----------
    name:
        Of the row.
    metric:
        None where the figure is undefined: the row is there, and says so.
    about:
        What more is told when the pointer is on it.
    colour:
        The accent where it is empty.
    dashed:
        Whether it is a model's: white, its interval dashed.
    """

    name: str
    metric: Metric | None
    about: str = ""
    colour: str = ""
    shape: str = "●"
    dashed: bool = False


def look_of(reader_id: str, readers: Sequence[Reader]) -> tuple[str, str]:
    """A reader's hue and shape, as :func:`workbench.views.parts.markup.reader_dot` draws them."""
    position = next((i for i, r in enumerate(readers) if r.reader_id == reader_id), 0)
    return palette().readers[position % len(palette().readers)], SHAPES[position % len(SHAPES)]


def of_model(name: str, metric: Metric | None, about: str = "") -> Dot:
    """A model's dot."""
    return Dot(name, metric, about, palette().model, "○", dashed=True)


def banded(value: float) -> str:
    """What a coefficient is called, such as ``moderate``."""
    return p_("agreement", band(value))


def cell(metric: Metric | None, after: str = "") -> Html:
    """The same for a table, on one line."""
    return text("—") if metric is None else tag("span", with_interval(metric), after, cls="c-nowrap")


def dots(
    rows: Sequence[Dot], *, bands: bool = False, title: str = "", unit: str = "", start: float = 0.0
) -> go.Figure:
    """The plot.

    Parameters
    ----------
    bands:
        Whether the bands of agreement stand behind, with their names.
    title:
        Of the axis.
    unit:
        ``mm`` or the like: then the axis starts at 0 and has no end; without one the figures end at 1.
    start:
        Where the axis starts, unless a figure or its interval lies below.
    """
    import plotly.graph_objects as go  # noqa: PLC0415 - heavy

    figure = charts.intervals([row.name for row in rows], {})
    low, high = _range(rows, unit, start)
    if bands:
        _bands(figure, low)
    for position, row in enumerate(rows):
        if row.metric is None:
            continue
        ends = [row.metric.low, row.metric.high]
        if None not in ends:
            line = {
                "color": row.colour or palette().accent,
                "width": 1.6,
                "dash": "3px,3px" if row.dashed else "solid",
            }
            figure.add_trace(go.Scatter(x=ends, y=[position] * 2, mode="lines", line=line, hoverinfo="skip"))
        figure.add_trace(
            go.Scatter(
                x=[row.metric.value], y=[position], mode="text", text=[row.shape],
                textfont={"color": row.colour or palette().accent, "size": 15}, textposition="middle center",
                hovertemplate=f"{row.name}: {with_interval(row.metric)} {unit}<br>{row.about}<extra></extra>",
            )
        )  # fmt: skip
    for position, row in enumerate(rows):
        figure.add_annotation(
            x=1, xref="paper", xanchor="left", xshift=12, y=position, yref="y", showarrow=False,
            text=with_interval(row.metric),
            font={"size": 12, "color": palette().text if row.metric else palette().quiet},
        )  # fmt: skip
    figure.update_xaxes(range=[low, high], title_text=f"{title}, {unit}" if unit else title, zeroline=False)
    figure.update_yaxes(range=[len(rows) - 0.5, -0.5], autorange=None, zeroline=False)
    right = max(RIGHT_PX, 12 + LETTER_PX * max((len(with_interval(row.metric)) for row in rows), default=0))
    figure.update_layout(height=76 + 28 * len(rows), margin={"l": 190, "r": right, "t": 26, "b": 44})
    return figure


def dot_heads(what: str) -> list[str]:
    """The heads of :func:`dot_rows`.

    Parameters
    ----------
    what:
        A row is of.
    """
    return [what, _("Value"), _("Low"), _("High"), _("Patients")]


def dot_rows(rows: Sequence[Dot]) -> list[tuple[Cell, ...]]:
    """The figures of a plot for its table and its file."""
    return [(row.name, m.value, m.low, m.high, m.n) if (m := row.metric) else (row.name, *(None,) * 4)
            for row in rows]  # fmt: skip


def _range(rows: Sequence[Dot], unit: str, start: float) -> tuple[float, float]:
    metrics = [row.metric for row in rows if row.metric is not None]
    lows = [m.value if m.low is None else min(m.low, m.value) for m in metrics]
    highs = [m.value if m.high is None else max(m.high, m.value) for m in metrics]
    if unit:
        most = max(highs, default=1.0)
        return min(0.0, *lows, 0.0) - 0.03 * most, 1.05 * most or 1.0
    least = min([start, *lows])
    return least - 0.03 * (1 - least), 1 + 0.03 * (1 - least)


def _bands(figure: go.Figure, low: float) -> None:
    """From poor to almost perfect, the better the greener."""
    bounds = [(least, name) for least, name in reversed(BANDS)]
    edges = [least for least, _name in bounds]
    spans = [(min(low, -0.03), edges[0], "poor")] if low < -0.08 else []
    spans += [(least, most, name) for (least, name), most in zip(bounds, [*edges[1:], 1.0], strict=True)]
    red, green, blue = (int(palette().good[i : i + 2], 16) for i in (1, 3, 5))
    for number, (start, end, name) in enumerate(spans, start=6 - len(spans)):
        figure.add_vrect(x0=start, x1=end, layer="below", line_width=0,
                         fillcolor=f"rgba({red},{green},{blue},{0.035 * number:.3f})")  # fmt: skip
        figure.add_annotation(x=(start + end) / 2, y=1, yref="paper", yanchor="bottom", text=p_("agreement", name),
                              showarrow=False, font={"size": 11, "color": palette().quiet})  # fmt: skip
        figure.add_vline(x=start, line={"color": palette().line, "width": 1}, layer="below")
