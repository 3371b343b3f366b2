"""Learning curves as a plot: a line a way of choosing, with a band over its loops."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from active_learning.playing_outcome import Outcome, Simulation
from active_learning.playing_plan import RANDOM
from active_learning.words import spoken
from workbench.theme import FONT, LINE, QUIET, TEXT

if TYPE_CHECKING:
    import plotly.graph_objects as go


@dataclass(frozen=True, slots=True)
class Look:
    """Colours of text and lines of a plot; its background is what lies behind."""

    text: str
    quiet: str
    grid: str


PAGES = Look(TEXT, QUIET, LINE)
"""On the pages."""
NEUTRAL = Look("#7d8894", "#7d8894", "rgba(128, 128, 128, 0.25)")
"""On white and on black."""
HUES: Sequence[str] = (
    "#3d8fd9", "#d98324", "#2f9e77", "#c25b9a", "#8a6fd1", "#b8961e", "#d2554c", "#3a9fae", "#7f9a2f", "#a9754f",
)  # fmt: skip
"""Of middle lightness, so that they stand out from white and from black."""
MARKS: Sequence[str] = (
    "circle", "square", "diamond", "triangle-up", "triangle-down", "cross", "x", "star", "hexagon", "pentagon",
)  # fmt: skip
BAND = 0.13
"""Opacity of the bands."""


def learning_curves(
    simulation: Simulation, *, look: Look = PAGES, minutes: bool = False, height: int = 380
) -> go.Figure:
    """The task's primary metric over the cases that were read, or over minutes of reading.

    The line is the mean over the loops, the band reaches from the lowest to the highest loop. Random is dashed.
    """
    import plotly.graph_objects as go  # noqa: PLC0415 - heavy

    figure = go.Figure()
    for place, one in enumerate(_random_first(simulation.outcomes)):
        _draw(figure, simulation, one, place, look, minutes=minutes)
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
    across = "minutes of reading, the mean over the loops" if minutes else "cases read"
    figure.update_xaxes(axis, title_text=across)
    figure.update_yaxes(axis, title_text=spoken(simulation.primary))
    return figure


def _random_first(outcomes: Sequence[Outcome]) -> list[Outcome]:
    """The ways so that each keeps its colour: random, which is grey, and then the others."""
    return sorted(outcomes, key=lambda one: one.name != RANDOM)


def _draw(
    figure: go.Figure, simulation: Simulation, one: Outcome, place: int, look: Look, *, minutes: bool
) -> None:
    import plotly.graph_objects as go  # noqa: PLC0415

    values = np.array(one.values)
    across = np.array(one.minutes).mean(axis=0) if minutes else np.array(simulation.labels, dtype=np.float64)
    usual = one.name == RANDOM
    hue = look.quiet if usual else HUES[(place - (simulation.outcomes[0].name == RANDOM)) % len(HUES)]
    if len(values) > 1:
        figure.add_trace(
            go.Scatter(
                x=[*across, *across[::-1]], y=[*values.max(axis=0), *values.min(axis=0)[::-1]], fill="toself",
                fillcolor=hue, opacity=BAND, line={"width": 0}, mode="lines", hoverinfo="skip", showlegend=False,
                legendgroup=one.name,
            )
        )  # fmt: skip
    figure.add_trace(
        go.Scatter(
            x=list(across), y=list(values.mean(axis=0)), name=spoken(one.name), legendgroup=one.name,
            mode="lines+markers",
            line={"color": hue, "width": 2, "dash": "dash" if usual else "solid"},
            marker={"color": hue, "size": 7, "symbol": MARKS[place % len(MARKS)]},
            customdata=[[low, high] for low, high in zip(values.min(axis=0), values.max(axis=0), strict=True)],
            hovertemplate="%{y:.3f} (loops %{customdata[0]:.3f} to %{customdata[1]:.3f}) at %{x:.0f}"
            "<extra>%{fullData.name}</extra>",
        )
    )  # fmt: skip
