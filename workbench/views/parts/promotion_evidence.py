"""What a comparison rests on: the difference, what must not get worse, by subgroup too, and how many patients."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import streamlit as st

from active_learning.power import about
from active_learning.promotion import Judgement
from active_learning.promotion_checks import Check, Standing
from active_learning.promotion_evidence import Difference
from active_learning.promotion_words import percent, plain, signed
from data.records import Round
from models.config import Promotion
from workbench.language import N_, _, n_, told
from workbench.theme import palette
from workbench.views.parts import charts
from workbench.views.parts.download import Cell
from workbench.views.parts.frame import section, show
from workbench.views.parts.markup import Html, chip, facts, table, tag, tone
from workbench.views.parts.model_figures import spoken
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
STANDINGS: Mapping[Standing, str] = {
    Standing.NOT_WORSE: N_("not worse"),
    Standing.WORSE: N_("worse"),
    Standing.NOT_SHOWN: N_("not shown"),
    Standing.NOT_ASSESSABLE: N_("too small to say"),
}


def evidence(compared: Round, primary: str, rules: Promotion) -> None:
    """The evidence of a round's comparison; nothing where it was compared before the evidence was kept."""
    if "guarded" not in compared.outcome:
        return
    judged = Judgement.from_dict(compared.outcome)
    section(_("What the comparison of round {number} rests on", number=compared.number))
    _facts(judged, primary, rules)
    checks = (*judged.guarded, *judged.subgroups)
    if not checks:
        show(tone(_("No metric is guarded, and the test patients fall into no subgroups."), "quiet"))
        return
    said = tuple(one for one in checks if one.standing is not Standing.NOT_ASSESSABLE)
    left, right = st.columns([1.35, 1], gap="medium")
    with left:
        _table(judged, primary, said)
        _too_small([one for one in checks if one.standing is Standing.NOT_ASSESSABLE])
    with right:
        plot(forest(judged, primary, said), key="forest",
             alt=_("Differences of candidate less champion, with intervals"),
             heads=[_("Figure"), _("Difference"), _("Low"), _("High"), _("Patients"), _("Must exceed")],
             rows=_forest_rows(judged, primary, checks))  # fmt: skip


def _facts(judged: Judgement, primary: str, rules: Promotion) -> None:
    found, pairs = judged.difference, []
    if judged.look is not None:
        said = _("{number}, so the interval of the primary metric covers {level}", number=judged.look.number,
                 level=percent(judged.look.level))  # fmt: skip
        pairs.append((_("look at these patients"), said))
    if judged.patients_needed is not None:
        said = _("{patients} test patients, were it as seen", patients=_about(judged.patients_needed))
        pairs.append((_("what would settle it"), said))
    if judged.patients_for_effect is not None:
        said = _("{patients} test patients; there are {n}", patients=_about(judged.patients_for_effect),
                 n=found.n)  # fmt: skip
        pairs.append((_("to find a gain of {effect:g} in 80%", effect=rules.effect), said))
    if judged.delong is not None:
        pairs.append((_("DeLong, beside it"), interval(judged.delong)))
    if pairs:
        show(facts(pairs), tag("p", _("Over all rounds of the task, the probability of promoting any version that "
             "is no better is at most {share:.0%}.", share=rules.false_promotions),
             cls="c-small c-quiet"))  # fmt: skip


def _table(judged: Judgement, primary: str, checks: Sequence[Check]) -> None:
    """The primary metric, the guarded ones, and the subgroups that have patients enough."""
    first = judged.difference
    rows: list[list[object]] = [
        [tag("b", spoken(primary)), interval(first), _("above 0"), first.n, _verdict(judged)],
        *([name_of(one), interval(one.difference), f"−{one.margin:g}", one.difference.n, _standing(one)]
          for one in checks),
    ]  # fmt: skip
    heads = [
        _("Candidate less champion"),
        _("Difference (interval)"),
        _("Must exceed"),
        _("Patients"),
        _("Stands"),
    ]
    show(table(heads, rows, numeric=(2, 3)))
    show(tag("p", _("Subgroups compare the primary metric; their intervals cover 95%, not corrected for their "
                    "number."), cls="c-small c-quiet"))  # fmt: skip


def _too_small(checks: Sequence[Check]) -> None:
    """What nothing can be said of, folded: it holds nothing back."""
    if not checks:
        return
    label = n_("{n} is too small to say, and holds nothing back",
               "{n} are too small to say, and hold nothing back", len(checks))  # fmt: skip
    with st.expander(label):
        rows = [
            [
                name_of(one),
                one.difference.n,
                tone(told(one.why), "quiet") if one.why else interval(one.difference),
                _standing(one),
            ]
            for one in checks
        ]
        show(table([_("Subgroup or metric"), _("Patients"), "", _("Stands")], rows, numeric=(1,)))


def name_of(one: Check) -> str:
    """What a check is of."""
    return told(one.group) or spoken(one.metric)


def interval(found: Difference) -> Html:
    """A difference with its interval, on one line."""
    between = _("(no interval)")
    if found.low is not None and found.high is not None:
        between = _("({low} to {high})", low=plain(found.low), high=plain(found.high))
    return tag("span", signed(found.value), " ", tag("span", between, cls="c-quiet"), cls="c-nowrap")


def _about(patients: int) -> str:
    return _("about {n}", n=about(patients).removeprefix("about "))


def _verdict(judged: Judgement) -> Html:
    return chip(
        told(judged.verdict), "good" if judged.better else "wrong" if judged.verdict == "held back" else "doubt"
    )


def _standing(one: Check) -> Html:
    needed = one.patients_needed
    more = "" if needed is None else " · " + _("{patients} needed", patients=_about(needed))
    label = chip(_(STANDINGS[one.standing]), LOOKS[one.standing][0])
    return tag("span", label, tag("span", more, cls="c-small c-quiet"), cls="c-nowrap")


def _forest_rows(judged: Judgement, primary: str, checks: Sequence[Check]) -> list[tuple[Cell, ...]]:
    first = judged.difference
    return [
        (spoken(primary), first.value, first.low, first.high, first.n, 0.0),
        *((name_of(c), (d := c.difference).value, d.low, d.high, d.n, -c.margin) for c in checks),
    ]


def forest(judged: Judgement, primary: str, checks: Sequence[Check]) -> go.Figure:
    """A row each: the difference with its interval, and a tick where it must not fall below."""
    import plotly.graph_objects as go  # noqa: PLC0415 - heavy

    names = [spoken(primary), *(name_of(one) for one in checks)]
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
                hovertemplate=f"{names[place]}: %{{x:.3f}}, {_('n = {n}', n=gap.n)}<extra></extra>",
            )
        )  # fmt: skip
    figure.add_trace(
        go.Scatter(
            x=[-one.margin for one in checks], y=list(range(1, len(names))), mode="markers", hoverinfo="skip",
            marker={"symbol": "line-ns", "size": 12, "line": {"color": palette().quiet, "width": 1.5}},
        )
    )  # fmt: skip
    figure.add_vline(x=0, line={"color": palette().text, "width": 1, "dash": "dot"})
    figure.update_xaxes(title_text=_("worse  ·  candidate less champion  ·  better"), zeroline=False)
    figure.update_yaxes(range=[len(names) - 0.5, -0.5], autorange=None)
    figure.update_layout(height=72 + 27 * len(names), margin={"l": 170, "t": 8, "b": 40})
    return figure
