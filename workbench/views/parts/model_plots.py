"""The plots of one question, a version a side, on the same axes: ROC, precision, calibration, confusion."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, NamedTuple

import streamlit as st

from models.curves import Curves
from models.evaluation import Evaluation
from workbench.language import _
from workbench.views.parts import charts, words
from workbench.views.parts.download import Cell
from workbench.views.parts.frame import show
from workbench.views.parts.markup import tag, tone
from workbench.views.parts.model_figures import Found, interval, name_of
from workbench.views.parts.plot import plot

if TYPE_CHECKING:
    import plotly.graph_objects as go

HEIGHT_PX = 232


class Drawn(NamedTuple):
    """A plot with what stands in its table."""

    figure: go.Figure
    what: str
    heads: list[str]
    rows: Sequence[Sequence[Cell]]


def topics(found: Found) -> list[str]:
    """What there are figures of: questions, and findings each apart, in the order of the forms."""
    names = [n for one in found.values() for n in one.metrics if "." in n]
    curved = {name for one in found.values() for name in one.curves}
    with_curves = {name.split(".", 1)[0] for name in curved}
    listed = [n.rsplit(".", 1)[0] for n in names]
    return [n for n in dict.fromkeys(listed) if n in curved or n.split(".", 1)[0] not in with_curves]


def plots(version: str, found: Evaluation, topic: str) -> None:
    """The plots of a side, two in a row; what a kind of question has not, it has not at either side."""
    curves = found.curves.get(topic)
    if curves is None:
        asked = any(name.startswith(f"{topic}.") for name in found.metrics)
        show(tone(_("Figures alone: they stand in the table below.") if asked
                  else _("This version was not measured on that question."), "quiet"))  # fmt: skip
        return
    show(tag("div", counted(found, topic, curves), cls="c-small c-quiet"))
    drawn = _drawn(found, topic, curves)
    for start in range(0, len(drawn), 2):
        pair = list(drawn.items())[start : start + 2]
        for column, (name, one) in zip(st.columns(2, gap="small"), pair, strict=False):
            with column:
                plot(one.figure, key=f"{version} {topic} {name}", heads=one.heads, rows=one.rows,
                     alt=_("{what} of {version}, {question}", what=one.what, version=version,
                           question=name_of(topic)))  # fmt: skip


def counted(found: Evaluation, topic: str, curves: Curves) -> str:
    """The patients that the plots are of, and how many of them are positive."""
    patients = next((m.n for name, m in found.metrics.items() if name.startswith(f"{topic}.")), found.patients)
    if curves.scores:
        return _("{patients} patients, {positive} of them {option}", patients=len(curves.scores),
                 positive=sum(curves.positive), option=words.short(curves.options[1]))  # fmt: skip
    return _("{patients} patients, {answers} answers", patients=patients, answers=sum(map(sum, curves.confusion)))


def _drawn(found: Evaluation, topic: str, curves: Curves) -> dict[str, Drawn]:
    several: dict[str, Callable[[], Drawn]] = {}
    if curves.roc:
        several["roc"] = lambda: _roc(curves, _headed(_("ROC"), found, f"{topic}.auc", "AUC"))
    if curves.precision_recall:
        several["precision"] = lambda: _precision(curves)
    if curves.reliability:
        several["calibration"] = lambda: _calibration(curves)
    several["confusion"] = lambda: _confusion(
        curves, _headed(_("Confusion"), found, f"{topic}.accuracy", _("accuracy"))
    )
    return {name: make() for name, make in several.items()}


def _headed(title: str, found: Evaluation, metric: str, name: str) -> str:
    """A title with its figure and interval, where there is one."""
    if metric not in found.metrics:
        return title
    return f"{title} · {name} {found.metrics[metric].value:.3f} ({interval(found, metric)})"


def _roc(curves: Curves, title: str) -> Drawn:
    return Drawn(charts.roc(curves, height=HEIGHT_PX, title=title), _("ROC"),
                 [_("1 − specificity"), _("sensitivity")], list(curves.roc))  # fmt: skip


def _precision(curves: Curves) -> Drawn:
    figure = charts.precision_recall(curves, height=HEIGHT_PX)
    return Drawn(figure, _("Precision and recall"), [_("recall"), _("precision")], list(curves.precision_recall))


def _calibration(curves: Curves) -> Drawn:
    gap = curves.calibration_error
    title = "" if gap is None else _("Calibration · mean gap {gap:.3f}", gap=gap)
    rows = [(b.predicted, b.observed, b.count) for b in curves.reliability]
    return Drawn(charts.reliability(curves, height=HEIGHT_PX, title=title), _("Calibration"),
                 [_("calibrated probability"), _("share of cases"), _("cases")], rows)  # fmt: skip


def _confusion(curves: Curves, title: str) -> Drawn:
    rows: list[tuple[Cell, ...]] = [
        (words.short(reference), *row) for reference, row in zip(curves.options, curves.confusion, strict=True)
    ]
    heads = [_("reference"), *(_("model: {option}", option=words.short(o)) for o in curves.options)]
    return Drawn(charts.confusion(curves, height=HEIGHT_PX, title=title), _("Confusion"), heads, rows)
