"""The plots: ROC, precision, reliability, confusion, metrics with intervals, counts. Model white dashed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from workbench.language import _
from workbench.theme import FONT, palette
from workbench.views.parts import words

if TYPE_CHECKING:
    import plotly.graph_objects as go

    from models.curves import Curves

CONFIG = {"displayModeBar": False, "displaylogo": False, "scrollZoom": False}


def blank(*, height: int, title: str = "", square: bool = False) -> go.Figure:
    """An empty plot in the look of the page; heights in pixels of the screen."""
    import plotly.graph_objects as go  # noqa: PLC0415 - heavy

    look = palette()
    axis = {
        "gridcolor": look.line,
        "zerolinecolor": look.line,
        "linecolor": look.line,
        "tickfont": {"size": 11, "color": look.quiet},
        "title": {"font": {"size": 12, "color": look.quiet}, "standoff": 6},
    }
    figure = go.Figure()
    figure.update_layout(
        height=height,
        margin={"l": 44, "r": 12, "t": 28 if title else 8, "b": 40},
        paper_bgcolor=look.page,
        plot_bgcolor=look.page,
        font={"family": FONT, "size": 12, "color": look.text},
        title={
            "text": title,
            "font": {"size": 12, "color": look.quiet},
            "x": 0.02,
            "xref": "container",
            "y": 0.98,
        },
        hoverlabel={"bgcolor": look.panel, "bordercolor": look.line, "font": {"color": look.text}},
        legend={
            "font": {"size": 11, "color": look.quiet},
            "bgcolor": "rgba(0,0,0,0)",
            "orientation": "h",
            "y": 1,
            "yanchor": "bottom",
            "x": 0,
            "traceorder": "normal",
        },
        showlegend=False,
        dragmode=False,
    )
    figure.update_xaxes(axis)
    figure.update_yaxes(axis)
    if square:
        figure.update_yaxes(scaleanchor="x", scaleratio=1)
    return figure


def _chance() -> dict[str, Any]:
    """The line of what says nothing."""
    return {"color": palette().faint, "width": 1, "dash": "dot"}


def _curve(
    points: Sequence[tuple[float, float]], chance: tuple[float, float], axes: tuple[str, str], said: str, *,
    height: int, title: str,
) -> go.Figure:  # fmt: skip
    """A curve of shares over shares.

    Parameters
    ----------
    chance:
        What says nothing is a line between these heights, from the left to the right.
    axes:
        The titles of x and y.
    said:
        What a point says of itself; ``customdata`` is 1 - x.
    """
    import plotly.graph_objects as go  # noqa: PLC0415

    figure = blank(height=height, title=title)
    figure.add_trace(go.Scatter(x=[0, 1], y=chance, mode="lines", line=_chance(), hoverinfo="skip"))
    figure.add_trace(
        go.Scatter(
            x=[x for x, y in points],
            y=[y for x, y in points],
            mode="lines",
            line={"color": palette().model, "width": 1.8},
            hovertemplate=f"{said}<extra></extra>",
            customdata=[1 - x for x, y in points],
        )
    )
    figure.update_xaxes(title_text=axes[0], range=[-0.02, 1.02])
    figure.update_yaxes(title_text=axes[1], range=[-0.02, 1.02])
    return figure


def roc(curves: Curves, *, height: int = 260, title: str = "") -> go.Figure:
    """Sensitivity over 1 - specificity, with the point where Youden's index is largest on these patients."""
    import plotly.graph_objects as go  # noqa: PLC0415

    figure = _curve(
        curves.roc, (0, 1), (_("1 − specificity"), _("sensitivity")),
        _("sensitivity %{y:.2f}, specificity %{customdata:.2f}"), height=height, title=title or _("ROC"),
    )  # fmt: skip
    point = curves.operating_point
    if point is not None and point.sensitivity is not None and point.specificity is not None:
        figure.add_trace(
            go.Scatter(
                x=[1 - point.specificity],
                y=[point.sensitivity],
                mode="markers",
                marker={"symbol": "diamond", "size": 9, "color": palette().accent},
                hovertemplate=_("largest Youden index, sensitivity %{y:.2f}") + "<extra></extra>",
            )
        )
    return figure


def precision_recall(curves: Curves, *, height: int = 260, title: str = "") -> go.Figure:
    """Positive predictive value over sensitivity; the dotted line is the share of positives: chance."""
    positives = sum(curves.confusion[1]) / max(sum(map(sum, curves.confusion)), 1)
    return _curve(
        curves.precision_recall, (positives, positives), (_("recall (sensitivity)"), _("precision (PPV)")),
        _("recall %{x:.2f}, precision %{y:.2f}"), height=height, title=title or _("Precision and recall"),
    )  # fmt: skip


def reliability(curves: Curves, *, height: int = 260, title: str = "") -> go.Figure:
    """How often it happened over how probable it was said to be; a circle grows with its count."""
    import plotly.graph_objects as go  # noqa: PLC0415

    figure = blank(height=height, title=title or _("Calibration"))
    bins = [one for one in curves.reliability if one.count]
    most = max((one.count for one in bins), default=1)
    figure.add_trace(go.Scatter(x=[0, 1], y=[0, 1], mode="lines", line=_chance(), hoverinfo="skip"))
    figure.add_trace(
        go.Scatter(
            x=[one.predicted for one in bins],
            y=[one.observed for one in bins],
            mode="lines+markers",
            line={"color": palette().model, "width": 1.2, "dash": "dash"},
            marker={"color": palette().model, "size": [5 + 11 * (one.count / most) ** 0.5 for one in bins]},
            customdata=[one.count for one in bins],
            hovertemplate=_("said %{x:.2f}, happened %{y:.2f}, n = %{customdata}") + "<extra></extra>",
        )
    )
    figure.update_xaxes(title_text=_("calibrated probability"), range=[-0.02, 1.02])
    figure.update_yaxes(title_text=_("share of cases"), range=[-0.02, 1.02])
    return figure


def confusion(curves: Curves, *, height: int = 260, title: str = "") -> go.Figure:
    """Counts: a row an option of the reference, a column one of the model; the shade is the share of the row.

    The shades are translucent: a plot that is drawn on a dark page is written to a file on white.
    """
    import plotly.graph_objects as go  # noqa: PLC0415

    shares = [[n / max(sum(row), 1) for n in row] for row in curves.confusion]
    names = [words.short(name) for name in curves.options]
    figure = blank(height=height, title=title or _("Confusion"))
    figure.add_trace(
        go.Heatmap(
            z=shares,
            x=names,
            y=names,
            text=[[str(n) for n in row] for row in curves.confusion],
            texttemplate="%{text}",
            textfont={"size": 14, "color": palette().text},
            colorscale=[[0, "rgba(47,109,181,0.06)"], [1, "rgba(47,109,181,0.55)"]],
            zmin=0,
            zmax=1,
            showscale=False,
            xgap=2,
            ygap=2,
            hovertemplate=_("reference %{y}, model %{x}: %{text} (%{z:.0%} of the row)") + "<extra></extra>",
        )
    )
    figure.update_xaxes(title_text=_("model"), showgrid=False, type="category")
    figure.update_yaxes(
        title_text=_("reference"), showgrid=False, autorange="reversed", type="category", automargin=True
    )
    return figure


def intervals(
    names: Sequence[str], sides: Mapping[str, Mapping[str, tuple[float, float | None, float | None, int]]]
) -> go.Figure:
    """Metrics with their 95% intervals, a colour and shape for each side.

    Parameters
    ----------
    sides:
        By name of the side, by name of the metric: (value, low, high, patients).
    """
    import plotly.graph_objects as go  # noqa: PLC0415

    looks: Sequence[dict[str, Any]] = (
        {"color": palette().model, "symbol": "circle"},
        {"color": palette().accent, "symbol": "diamond"},
    )
    figure = blank(height=64 + 30 * len(names) * max(1, len(sides)))
    for index, (side, metrics) in enumerate(sides.items()):
        found = [(position, metrics[name]) for position, name in enumerate(names) if name in metrics]
        offset = (index - (len(sides) - 1) / 2) * 0.26
        figure.add_trace(
            go.Scatter(
                x=[m[0] for position, m in found],
                y=[position + offset for position, m in found],
                mode="markers",
                name=side,
                marker={"size": 8, **looks[index % len(looks)]},
                error_x={
                    "type": "data",
                    "symmetric": False,
                    "array": [(m[2] or m[0]) - m[0] for position, m in found],
                    "arrayminus": [m[0] - (m[1] if m[1] is not None else m[0]) for position, m in found],
                    "color": looks[index % len(looks)]["color"],
                    "thickness": 1.2,
                    "width": 4,
                },
                customdata=[[names[position], m[3]] for position, m in found],
                hovertemplate=_("%{customdata[0]}: %{x:.3f}, n = %{customdata[1]} patients")
                + "<extra>%{fullData.name}</extra>",
            )
        )
    figure.update_yaxes(
        tickvals=list(range(len(names))),
        ticktext=list(names),
        autorange="reversed",
        showgrid=False,
        automargin=True,
    )
    figure.update_layout(showlegend=len(sides) > 1, margin={"l": 190, "t": 24})
    return figure


def counts(rows: Mapping[str, Mapping[str, int]], *, colours: Mapping[str, str]) -> go.Figure:
    """Counts as stacked bars: a row each, a colour for each of what it is made of."""
    import plotly.graph_objects as go  # noqa: PLC0415

    figure = blank(height=64 + 28 * max(1, len(rows)))
    names = list(dict.fromkeys(name for made in rows.values() for name in made))
    for name in names:
        figure.add_trace(
            go.Bar(
                y=list(rows),
                x=[made.get(name, 0) for made in rows.values()],
                name=name,
                orientation="h",
                marker={"color": colours.get(name, palette().doubt)},
                text=[str(made.get(name, 0) or "") for made in rows.values()],
                textposition="inside",
                insidetextanchor="middle",
                textangle=0,
                hovertemplate="%{y}: %{x} " + name + "<extra></extra>",
            )
        )
    figure.update_layout(barmode="stack", showlegend=True, margin={"l": 190, "t": 30, "b": 26}, bargap=0.35)
    figure.update_yaxes(autorange="reversed", showgrid=False, automargin=True)  # names may be long
    return figure
