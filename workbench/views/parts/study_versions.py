"""What each version said of a study, over time: a table, and a plot of the answers that changed most."""

from __future__ import annotations

from collections.abc import Sequence

from data.answers import Form, MaskValue, Site
from data.records import Prediction
from workbench.language import _
from workbench.theme import palette
from workbench.views.parts import answers, words
from workbench.views.parts.context import Here
from workbench.views.parts.frame import section, show
from workbench.views.parts.markup import chip, join, table, tag
from workbench.views.parts.plot import plot

MOST = 4
"""Answers that are drawn: those whose probability moved most."""
Line = tuple[str, list[float | None]]
"""An answer's name, and its probability by each version."""


def versions(place: Here, predictions: Sequence[Prediction], shown: Prediction | None) -> None:
    """The table, the newest first, and the plot, the oldest first; nothing where only one has answered."""
    if len(predictions) < 2:
        return
    section(_("Versions over time"))
    champion = place.champion
    rows = []
    for p in predictions:
        marks = [chip(_("champion"), "good")] if champion and p.version == champion.version else []
        marks += [chip(_("shown"), "accent")] if shown and p.version == shown.version else []
        rows.append([tag("span", join((p.version, *marks), " "), cls="c-nowrap"),
                     answers.in_line(place.task.form, p.results), f"{p.uncertainty:.2f}",
                     tag("span", words.day(p.created_at), cls="c-nowrap")])  # fmt: skip
    show(table([_("Version"), _("Answer, P calibrated"), _("Uncertainty"), _("Made")], rows))
    ordered = sorted(predictions, key=lambda p: p.created_at)
    lines = moved(place.task.form, ordered)
    if lines:
        _draw([p.version for p in ordered], lines)


def moved(form: Form, predictions: Sequence[Prediction]) -> list[Line]:
    """The answers of the last version by their probability in each, those that moved most first.

    Parameters
    ----------
    predictions:
        The oldest first.
    """
    found: list[tuple[float, Line]] = []
    for result in predictions[-1].results:
        if isinstance(result.value, MaskValue) or words.asked(form, result.question) is None:
            continue
        for option in _options(form, result.question, result.value):
            shares = [_share(p, result.question, result.site, option) for p in predictions]
            there = [share for share in shares if share is not None]
            if len(there) > 1:
                where = answers.where(result.question, words.site(result.site))
                name = f"{where}: {words.short(option)}"
                found.append((max(there) - min(there), (name, shares)))
    found.sort(key=lambda one: -one[0])
    return [line for _moved, line in found[:MOST]]


def _options(form: Form, question: str, value: object) -> Sequence[str]:
    """The option, or the findings, that a value stands for."""
    if isinstance(value, frozenset):
        return sorted(value)
    levels = getattr(form[question].kind, "levels", ())
    if isinstance(value, int) and 0 <= value < len(levels):
        return [str(levels[value])]
    return [value] if isinstance(value, str) else []


def _share(prediction: Prediction, question: str, site: Site, option: str) -> float | None:
    result = prediction.result(question, site)
    return None if result is None else result.probabilities.get(option)


def _draw(names: Sequence[str], lines: Sequence[Line]) -> None:
    import plotly.graph_objects as go  # noqa: PLC0415 - heavy

    look = palette()
    figure = go.Figure()
    symbols = ("circle", "square", "triangle-up", "diamond")
    for at, (name, shares) in enumerate(lines):
        colour = look.readers[at % len(look.readers)]
        figure.add_trace(go.Scatter(
            x=list(names), y=shares, mode="lines+markers", name=name, line={"color": colour, "width": 1.5},
            marker={"symbol": symbols[at % len(symbols)], "size": 8, "color": colour},
            hovertemplate=f"{name}<br>%{{x}}: P = %{{y:.2f}}<extra></extra>",
        ))  # fmt: skip
    axis = {"gridcolor": look.line, "linecolor": look.line, "tickfont": {"size": 11, "color": look.quiet}}
    figure.update_layout(
        height=190 + 18 * len(lines), margin={"l": 40, "r": 12, "t": 8, "b": 32}, paper_bgcolor=look.page,
        plot_bgcolor=look.page, font={"size": 12, "color": look.text}, dragmode=False, showlegend=True,
        legend={"orientation": "v", "x": 0, "y": 1.02, "yanchor": "bottom", "font": {"size": 11}},
    )  # fmt: skip
    figure.update_xaxes(axis, type="category")
    figure.update_yaxes(axis, range=[-0.03, 1.03], title_text=_("P (calibrated)"))
    plot(
        figure, key="versions of the study", alt=_("The probability of the answers that moved most, by version"),
        heads=[_("Answer"), *names], rows=[[name, *shares] for name, shares in lines],
    )  # fmt: skip
