"""Learning curves as a plot: a line a way of choosing, with a band over its loops."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from active_learning.playing_outcome import Outcome, Simulation
from active_learning.playing_plan import RANDOM
from active_learning.promotion_words import metric_name
from workbench.language import _, told
from workbench.theme import FONT, palette
from workbench.views.parts import words

if TYPE_CHECKING:
    import plotly.graph_objects as go

FloatArray = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Look:
    """Colours of text and lines of a plot; its background is what lies behind."""

    text: str
    quiet: str
    grid: str


NEUTRAL = Look("#7d8894", "#7d8894", "rgba(128, 128, 128, 0.25)")
"""On white and on black."""
HUES: Sequence[str] = (
    "#3d8fd9", "#d98324", "#2f9e77", "#c25b9a", "#8a6fd1", "#b8961e", "#d2554c", "#3a9fae", "#7f9a2f", "#a9754f",
)  # fmt: skip
"""Of middle lightness, so that they stand out from white and from black."""
MARKS: Sequence[str] = (
    "circle", "square", "diamond", "triangle-up", "triangle-down", "cross", "x", "star", "hexagon", "pentagon",
)  # fmt: skip
BAND, BANDS = 0.16, 0.4
"""Opacity of a band, and of all together at the most."""


def of_page() -> Look:
    """The colours of the page that is drawn just now."""
    colours = palette()
    return Look(colours.text, colours.quiet, colours.line)


def learning_curves(
    simulation: Simulation, *, look: Look | None = None, minutes: bool = False, height: int = 380
) -> go.Figure:
    """The task's primary metric over the cases that were read, or over minutes of reading.

    The line is the mean over the loops, the band reaches from the lowest to the highest loop. Random is dashed.
    """
    import plotly.graph_objects as go  # noqa: PLC0415 - heavy

    figure, look = go.Figure(), look or of_page()
    curves = [_curve(simulation, one, minutes=minutes) for one in simulation.outcomes]
    hues = _hues(simulation, look)
    if simulation.play.seeds > 1:
        for curve, hue in zip(curves, hues, strict=True):
            figure.add_trace(_band(curve, hue, min(BAND, BANDS / len(curves))))
    for place, (curve, hue) in enumerate(zip(curves, hues, strict=True)):
        figure.add_trace(_line(curve, hue, MARKS[place % len(MARKS)]))
    axis = {"gridcolor": look.grid, "zeroline": False, "linecolor": look.grid, "tickfont": {"color": look.quiet}}
    figure.update_layout(
        height=height,
        margin={"l": 56, "r": 12, "t": 36, "b": 44},
        paper_bgcolor="rgba(0,0,0,0)",
        plot_bgcolor="rgba(0,0,0,0)",
        font={"family": FONT, "size": 12, "color": look.text},
        legend={"orientation": "h", "y": 1, "yanchor": "bottom", "x": 0, "bgcolor": "rgba(0,0,0,0)"},
        hovermode="closest",
        showlegend=True,
        dragmode=False,
    )
    across = _("minutes of reading, the mean over the loops") if minutes else _("cases read")
    figure.update_xaxes(axis, title_text=across)
    figure.update_yaxes(axis, title_text=told(metric_name(simulation.primary)))
    return figure


@dataclass(frozen=True, eq=False, slots=True)
class _Curve:
    """One way: (steps,) where it stands, and the mean, lowest and highest value of its loops."""

    name: str
    across: FloatArray
    mean: FloatArray
    low: FloatArray
    high: FloatArray


def _curve(simulation: Simulation, one: Outcome, *, minutes: bool) -> _Curve:
    values = np.array(one.values)
    across = np.array(one.minutes).mean(axis=0) if minutes else np.array(simulation.labels, dtype=np.float64)
    return _Curve(one.name, across, values.mean(axis=0), values.min(axis=0), values.max(axis=0))


def _hues(simulation: Simulation, look: Look) -> list[str]:
    """A hue a way, in their order; random is grey."""
    others = [one.name for one in simulation.outcomes if one.name != RANDOM]
    return [
        look.quiet if one.name == RANDOM else HUES[others.index(one.name) % len(HUES)]
        for one in simulation.outcomes
    ]


def _band(curve: _Curve, hue: str, opacity: float) -> go.Scatter:
    import plotly.graph_objects as go  # noqa: PLC0415

    return go.Scatter(
        x=[*curve.across, *curve.across[::-1]], y=[*curve.high, *curve.low[::-1]], fill="toself", fillcolor=hue,
        opacity=opacity, line={"width": 0}, mode="lines", hoverinfo="skip", showlegend=False,
        legendgroup=curve.name,
    )  # fmt: skip


def _line(curve: _Curve, hue: str, mark: str) -> go.Scatter:
    import plotly.graph_objects as go  # noqa: PLC0415

    return go.Scatter(
        x=list(curve.across), y=list(curve.mean), name=words.short(curve.name), legendgroup=curve.name,
        mode="lines+markers",
        line={"color": hue, "width": 2, "dash": "dash" if curve.name == RANDOM else "solid"},
        marker={"color": hue, "size": 8, "symbol": mark},
        customdata=list(zip(curve.low, curve.high, strict=True)),
        hovertemplate=_("%{y:.3f} (loops %{customdata[0]:.3f} to %{customdata[1]:.3f}) at %{x:.0f}")
        + "<extra>%{fullData.name}</extra>",
    )  # fmt: skip
