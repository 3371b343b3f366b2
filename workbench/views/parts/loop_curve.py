"""The curve of a network that is trained: the loss step by step, and how it does on the validation examples."""

from __future__ import annotations

from typing import TYPE_CHECKING

from models.course import LOSS, Network
from workbench.language import N_, _
from workbench.theme import FONT, palette
from workbench.views.parts.plot import plot

if TYPE_CHECKING:
    import plotly.graph_objects as go

HEIGHT_PX = 240
MEASURES = {LOSS: N_("validation loss"), "mask mAP50": N_("validation, mask mAP50")}


def curve(network: Network, *, key: str) -> None:
    """Show it, with its figures as a table and as files."""
    alt = _("Training of {name}: loss over epochs, {epoch} of {epochs} epochs done.",
            name=network.name, epoch=network.epoch, epochs=network.epochs)  # fmt: skip
    heads = [_("Epoch"), _("Training loss"), _(MEASURES.get(network.measure, network.measure)).capitalize()]
    rows = [[int(row["epoch"]), row.get("training"), row.get("validation")] for row in network.curve]
    plot(_figure(network), key=key, alt=alt, heads=heads, rows=rows)


def _figure(network: Network) -> go.Figure:
    import plotly.graph_objects as go  # noqa: PLC0415 - heavy

    look = palette()
    each = network.steps / max(1, network.epochs)
    figure = go.Figure()
    figure.add_trace(
        go.Scatter(
            x=[step / each for step, _loss in network.losses],
            y=[loss for _step, loss in network.losses],
            mode="lines", name=_("loss of a step"), line={"color": look.faint, "width": 1}, hoverinfo="skip",
        )
    )  # fmt: skip
    trained = [row for row in network.curve if "training" in row]
    figure.add_trace(
        go.Scatter(
            x=[row["epoch"] for row in trained], y=[row["training"] for row in trained],
            mode="lines+markers", name=_("training loss"), line={"color": look.accent, "width": 1.8},
            marker={"size": 5, "symbol": "circle"}, hovertemplate="%{y:.4g}",
        )
    )  # fmt: skip
    looked = [row for row in network.curve if "validation" in row]
    other = network.measure != LOSS
    figure.add_trace(
        go.Scatter(
            x=[row["epoch"] for row in looked], y=[row["validation"] for row in looked],
            mode="lines+markers", name=_(MEASURES.get(network.measure, network.measure)),
            line={"color": look.text, "width": 1.5, "dash": "dash"},
            marker={"size": 7, "symbol": "diamond-open"}, hovertemplate="%{y:.4g}", yaxis="y2" if other else "y",
        )
    )  # fmt: skip
    axis = {
        "gridcolor": look.line, "zerolinecolor": look.line, "linecolor": look.line,
        "tickfont": {"size": 11, "color": look.quiet}, "title": {"font": {"size": 12, "color": look.quiet}},
    }  # fmt: skip
    figure.update_layout(
        height=HEIGHT_PX, margin={"l": 48, "r": 48 if other else 12, "t": 28, "b": 40},
        paper_bgcolor=look.page, plot_bgcolor=look.page, dragmode=False, hovermode="x unified",
        font={"family": FONT, "size": 12, "color": look.text},
        hoverlabel={"bgcolor": look.panel, "bordercolor": look.line, "font": {"color": look.text}},
        legend={"font": {"size": 11, "color": look.quiet}, "bgcolor": "rgba(0,0,0,0)", "orientation": "h",
                "y": 1, "yanchor": "bottom", "x": 0},
    )  # fmt: skip
    figure.update_xaxes(axis, title_text=_("epoch"), range=[0, max(1, network.epochs)])
    figure.update_yaxes(axis, title_text=_("loss"))
    if other:
        figure.update_layout(yaxis2={"overlaying": "y", "side": "right", "range": [0, 1], "showgrid": False,
                                     "tickfont": {"size": 11, "color": look.quiet}})  # fmt: skip
    return figure
