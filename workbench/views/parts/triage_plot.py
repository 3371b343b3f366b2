"""The scores of the calibration patients' studies, with the operating point."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING

from data.records import CalibrationCase, TriagePolicy
from workbench.language import N_, _
from workbench.theme import FONT, palette

if TYPE_CHECKING:
    import plotly.graph_objects as go

TICKS = (0.001, 0.01, 0.1, 0.5, 0.9, 0.99, 0.999)
"""Probabilities that stand at the axis, which is one of log odds: what matters lies near 0."""
LEAST = 1e-4
"""Probabilities nearer to 0 or 1 stand at this distance."""
BIN = 0.5
"""Width of a bar, in log odds."""
KINDS = ((False, N_("without pathology")), (True, N_("with pathology")), (None, N_("not settled")))


def log_odds(probability: float) -> float:
    """ln(p / (1 - p)), of probabilities from :data:`LEAST` to 1 - :data:`LEAST`."""
    bounded = min(max(probability, LEAST), 1 - LEAST)
    return math.log(bounded / (1 - bounded))


def score_rows(cases: Sequence[CalibrationCase]) -> list[tuple[float, str]]:
    """What is drawn: the score of each study and what its reference standard says, the smallest score first."""
    named = dict(KINDS)
    found = ((case.score, _(named[case.positive])) for case in cases)
    return sorted(found)


def scores(policy: TriagePolicy, cases: Sequence[CalibrationCase], *, height: int = 300) -> go.Figure:
    """Counts of studies by their probability of pathology: stacked bars, and a line at the operating point."""
    import plotly.graph_objects as go  # noqa: PLC0415 - heavy

    figure = go.Figure()
    at, look = log_odds(policy.threshold), palette()
    for (positive, kind), colour in zip(KINDS, (look.accent, look.doubt, look.quiet), strict=True):
        name = _(kind)
        drawn = [log_odds(case.score) for case in cases if case.positive is positive]
        if drawn:
            figure.add_trace(
                go.Histogram(
                    x=drawn, name=f"{name} ({len(drawn)})", marker={"color": colour},
                    xbins={"start": at - math.ceil((at - log_odds(0)) / BIN) * BIN, "size": BIN,
                           "end": log_odds(1) + BIN},
                    hovertemplate="%{y}" + f"<extra>{name}</extra>",
                )
            )  # fmt: skip
    figure.add_vline(x=at, line={"color": look.text, "width": 1.5, "dash": "dash"},
                     annotation_text=_("cleared ◂"), annotation_position="top left",
                     annotation_font={"color": look.text, "size": 12})  # fmt: skip
    axis = {
        "gridcolor": look.line,
        "zeroline": False,
        "linecolor": look.line,
        "tickfont": {"size": 11, "color": look.quiet},
        "title": {"font": {"size": 12, "color": look.quiet}, "standoff": 6},
    }
    figure.update_layout(
        height=height,
        barmode="stack",
        bargap=0.04,
        margin={"l": 44, "r": 12, "t": 40, "b": 40},
        paper_bgcolor=look.page,
        plot_bgcolor=look.page,
        font={"family": FONT, "size": 12, "color": look.text},
        dragmode=False,
        hoverlabel={"bgcolor": look.panel, "bordercolor": look.line, "font": {"color": look.text}},
        legend={
            "font": {"size": 11, "color": look.quiet},
            "bgcolor": "rgba(0,0,0,0)",
            "orientation": "h",
            "y": 1.02,
            "yanchor": "bottom",
            "x": 1,
            "xanchor": "right",
        },
    )
    figure.update_xaxes(
        axis,
        title_text=_("probability of pathology, calibrated (axis in log odds)"),
        tickvals=[log_odds(tick) for tick in TICKS],
        ticktext=[f"{tick:g}" for tick in TICKS],
        range=[log_odds(0) - BIN, log_odds(1) + BIN],
    )
    figure.update_yaxes(axis, title_text=_("studies"))
    return figure
