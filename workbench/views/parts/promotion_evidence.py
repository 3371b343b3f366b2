"""What a comparison rests on: the difference, what must not get worse, by subgroup too, and how many patients."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import streamlit as st

from active_learning.power import about
from active_learning.promotion import Judgement
from active_learning.promotion_checks import Check, Standing
from active_learning.promotion_evidence import Difference
from active_learning.promotion_words import metric_name, percent, plain, signed
from data.records import Round
from models.config import Promotion
from workbench.language import _
from workbench.theme import palette
from workbench.views.parts import charts
from workbench.views.parts.download import Cell
from workbench.views.parts.frame import section, show
from workbench.views.parts.markup import Html, chip, facts, table, tag, tone
from workbench.views.parts.plot import plot

if TYPE_CHECKING:
    import plotly.graph_objects as go

LOOKS = {
    Standing.NOT_WORSE: ("good", "good", "circle"),
    Standing.WORSE: ("wrong", "wrong", "x"),
    Standing.NOT_SHOWN: ("doubt", "doubt", "diamond"),
    Standing.NOT_ASSESSABLE: ("", "quiet", "circle-open"),
}
"""Tone, colour and shape of a standing."""


def evidence(compared: Round, primary: str, rules: Promotion) -> None:
    """The evidence of a round's comparison; nothing where it was compared before the evidence was kept."""
    if "guarded" not in compared.outcome:
        return
    judged = Judgement.from_dict(compared.outcome)
    section(f"What the comparison of round {compared.number} rests on")
    _facts(judged, primary, rules)
    checks = (*judged.guarded, *judged.subgroups)
    if not checks:
        show(tone("No metric is guarded, and the test patients fall into no subgroups.", "quiet"))
        return
    left, right = st.columns([1.35, 1], gap="medium")
    with left:
        _table(judged, primary, checks)
    with right:
        plot(forest(judged, primary, checks), key="forest",
             alt=_("Differences of candidate less champion, with intervals"),
             heads=[_("Figure"), _("Difference"), _("Low"), _("High"), _("Patients"), _("Must exceed")],
             rows=_forest_rows(judged, primary, checks))  # fmt: skip


def _facts(judged: Judgement, primary: str, rules: Promotion) -> None:
    found, pairs = judged.difference, []
    if judged.look is not None:
        said = f"{judged.look.number}, so the interval of the primary metric covers {percent(judged.look.level)}"
        pairs.append(("look at these patients", said))
    if judged.patients_needed is not None:
        pairs.append(("what would settle it", f"{about(judged.patients_needed)} test patients, were it as seen"))
    if judged.patients_for_effect is not None:
        said = f"{about(judged.patients_for_effect)} test patients; there are {found.n}"
        pairs.append((f"to find a gain of {rules.effect:g} in 80%", said))
    if judged.delong is not None:
        pairs.append(("DeLong, beside it", interval(judged.delong)))
    if pairs:
        show(facts(pairs), tag("p", f"Over all rounds of the task, the probability of promoting any version that "
             f"is no better is at most {rules.false_promotions:.0%}.", cls="c-small c-quiet"))  # fmt: skip


def _table(judged: Judgement, primary: str, checks: Sequence[Check]) -> None:
    """The primary metric, the guarded ones, and the subgroups."""
    rows: list[list[object]] = [
        [
            tag("b", metric_name(primary)),
            interval(judged.difference),
            "above 0",
            judged.difference.n,
            _verdict(judged),
        ]
    ]
    rows += [
        [name_of(one), interval(one.difference) if not one.why else tone(one.why, "quiet"),
         f"−{one.margin:g}", one.difference.n, _standing(one)]
        for one in checks
    ]  # fmt: skip
    heads = ["Candidate less champion", "Difference (interval)", "Must exceed", "Patients", "Stands"]
    show(table(heads, rows, numeric=(2, 3)))
    show(tag("p", "Subgroups compare the primary metric; their intervals cover 95%, not corrected for their "
             "number. One with too few patients is not assessable and holds nothing back.",
             cls="c-small c-quiet"))  # fmt: skip


def name_of(one: Check) -> str:
    """What a check is of."""
    return one.group or metric_name(one.metric)


def interval(found: Difference) -> Html:
    """A difference with its interval, on one line."""
    known = found.low is not None and found.high is not None
    between = f" ({plain(found.low)} to {plain(found.high)})" if known else " (no interval)"  # type: ignore[arg-type]
    return tag("span", signed(found.value), tag("span", between, cls="c-quiet"), cls="c-nowrap")


def _verdict(judged: Judgement) -> Html:
    return chip(judged.verdict, "good" if judged.better else "wrong" if judged.verdict == "held back" else "doubt")


def _standing(one: Check) -> Html:
    needed = f" · {about(one.patients_needed)} needed" if one.patients_needed is not None else ""
    label = chip(one.standing.value, LOOKS[one.standing][0])
    return tag("span", label, tag("span", needed, cls="c-small c-quiet"), cls="c-nowrap")


def _forest_rows(judged: Judgement, primary: str, checks: Sequence[Check]) -> list[tuple[Cell, ...]]:
    first = judged.difference
    return [
        (metric_name(primary), first.value, first.low, first.high, first.n, 0.0),
        *((name_of(c), (d := c.difference).value, d.low, d.high, d.n, -c.margin) for c in checks),
    ]


def forest(judged: Judgement, primary: str, checks: Sequence[Check]) -> go.Figure:
    """A row each: the difference with its interval, and a tick where it must not fall below."""
    import plotly.graph_objects as go  # noqa: PLC0415 - heavy

    names = [metric_name(primary), *(name_of(one) for one in checks)]
    figure = charts.intervals(names, {})
    found = [judged.difference, *(one.difference for one in checks)]
    colours = [palette().accent, *(getattr(palette(), LOOKS[one.standing][1]) for one in checks)]
    shapes = ["square", *(LOOKS[one.standing][2] for one in checks)]
    for place, (gap, colour, shape) in enumerate(zip(found, colours, shapes, strict=True)):
        if gap.low is None or gap.high is None:
            continue
        figure.add_trace(
            go.Scatter(
                x=[gap.value], y=[place], mode="markers",
                marker={"size": 8, "color": colour, "symbol": shape},
                error_x={"type": "data", "symmetric": False, "array": [gap.high - gap.value],
                         "arrayminus": [gap.value - gap.low], "color": colour, "thickness": 1.2, "width": 4},
                hovertemplate=f"{names[place]}: %{{x:.3f}} on {gap.n} patients<extra></extra>",
            )
        )  # fmt: skip
    figure.add_trace(
        go.Scatter(
            x=[-one.margin for one in checks], y=list(range(1, len(names))), mode="markers", hoverinfo="skip",
            marker={"symbol": "line-ns", "size": 12, "line": {"color": palette().quiet, "width": 1.5}},
        )
    )  # fmt: skip
    figure.add_vline(x=0, line={"color": palette().text, "width": 1, "dash": "dot"})
    figure.update_xaxes(title_text="worse  ·  candidate less champion  ·  better", zeroline=False)
    figure.update_yaxes(range=[len(names) - 0.5, -0.5], autorange=None)
    figure.update_layout(height=72 + 27 * len(names), margin={"l": 170, "t": 8, "b": 40})
    return figure
