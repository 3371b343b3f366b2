"""How the scores of patients are spread, by what the reference says of them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from workbench.language import _
from workbench.theme import palette
from workbench.views.parts import words
from workbench.views.parts.charts import blank

if TYPE_CHECKING:
    import plotly.graph_objects as go

    from models.curves import Curves

BINS = 20
"""Of a distribution of scores, from 0 to 1."""


def score_rows(curves: Curves) -> list[tuple[float, float, int, int]]:
    """Patients by score and reference class: (from, to, negatives, positives), a row a bin."""
    found = [[0, 0] for number in range(BINS)]
    for score, positive in zip(curves.scores, curves.positive, strict=True):
        found[min(int(score * BINS), BINS - 1)][positive] += 1
    return [(i / BINS, (i + 1) / BINS, negatives, positives) for i, (negatives, positives) in enumerate(found)]


def most_of(curves: Curves) -> int:
    """Patients in the fullest bin."""
    return max(max(row[2:]) for row in score_rows(curves))


def scores(curves: Curves, *, at: float | None = None, most: int = 0, height: int = 220) -> go.Figure:
    """Patients by score, a bar for each class of the reference; those with the finding are hatched.

    Parameters
    ----------
    at:
        A threshold, which stands as a line.
    most:
        Patients to which the axis reaches at the least, so that two plots share it.
    """
    import plotly.graph_objects as go  # noqa: PLC0415

    figure, look, rows = blank(height=height), palette(), score_rows(curves)
    for place, (colour, hatch) in enumerate(((look.accent, ""), (look.doubt, "/"))):
        figure.add_trace(
            go.Bar(
                x=[(row[0] + row[1]) / 2 for row in rows],
                y=[row[2 + place] for row in rows],
                name=_("{option} in the reference", option=words.short(curves.options[place])),
                marker={
                    "color": colour,
                    "line": {"width": 0},
                    "pattern": {"shape": hatch, "bgcolor": colour, "fgcolor": look.page, "size": 6},
                },
                customdata=[[row[0], row[1]] for row in rows],
                hovertemplate=_("%{y} patients from %{customdata[0]:.2f} to %{customdata[1]:.2f}")
                + "<extra>%{fullData.name}</extra>",
            )
        )
    if at is not None:
        figure.add_vline(x=at, line={"color": look.text, "width": 1.5, "dash": "dash"})
    figure.update_layout(barmode="group", bargap=0.1, showlegend=True, margin={"t": 26})
    figure.update_xaxes(title_text=_("calibrated probability"), range=[-0.02, 1.02])
    figure.update_yaxes(title_text=_("test patients"), range=[0, 1.05 * max(most, most_of(curves), 1)])
    return figure
