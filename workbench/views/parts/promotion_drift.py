"""Whether the champion still does what it did: later rounds' readers, and the spread of its scores by month."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import TYPE_CHECKING

import streamlit as st

from active_learning.champion_drift import ChampionDrift, RoundAgreement, drift_stamp
from active_learning.score_shift import SHIFTED, Shift
from data.errors import BlobError, RatingsError
from data.records import Metric
from workbench import jobs as background
from workbench.language import N_, _
from workbench.theme import palette
from workbench.views.parts import agreement_plot, charts, jobs, words
from workbench.views.parts.context import Here
from workbench.views.parts.download import Cell
from workbench.views.parts.frame import failure, failures, note, section, show
from workbench.views.parts.markup import Html, chip, table, tag, tone
from workbench.views.parts.plot import plot
from workbench.work_champion import DRIFT, newest_drift

if TYPE_CHECKING:
    import plotly.graph_objects as go

DASHES = ("solid", "dash", "dot", "dashdot", "longdash", "longdashdot")
KINDS: Mapping[str, Callable[[RoundAgreement], Metric | None]] = MappingProxyType(
    {N_("drawn at random"): lambda one: one.drawn, N_("chosen by the model"): lambda one: one.chosen}
)
"""Which cases of a round."""


def drift(place: Here) -> None:
    """The champion's drift as it was last measured; measured anew by itself when something came since."""
    champion = place.champion
    if champion is None:
        return
    section(_("{version} since it became champion", version=champion.version))
    stamp = drift_stamp(place.store, place.task.name)
    _measured(place, stamp)
    try:
        found = newest_drift(place.home, place.task.name)
    except (RatingsError, BlobError) as error:
        failure(error.as_dict())
        return
    if found is None or found.version != champion.version:
        show(tone(_("It is not measured yet."), "quiet"))
        return
    if found.stamp != stamp:
        note(_("Something has come in since: what stands here is of before."), "doubt")
    left, right = st.columns(2, gap="medium")
    with left:
        _agreement(found)
    with right:
        _shifts(found)


def _measured(place: Here, stamp: str) -> None:
    """Ask for a measurement where the store has changed since the last one, and follow it."""
    job = jobs.latest_about(place.store, DRIFT, task=place.task.name)
    settled = job is not None and (
        job.state in jobs.RUNNING or stamp in (job.arguments.get("stamp"), job.result.get("stamp"))
    )
    if not settled:
        with failures():
            job = background.enqueue(place.home, DRIFT, task=place.task.name, stamp=stamp)
    jobs.follow(place.home, job, key="drift")


def _agreement(found: ChampionDrift) -> None:
    """Share of its answers that are the later consensus', by round."""
    show(tag("div", _("Agreement with the readers of later rounds"), cls="c-small c-quiet"))
    if not found.rounds:
        show(tone(_("No round that was opened under this champion has a consensus yet."), "quiet"))
        return
    plot(agreement_over_rounds(found), key="drift rounds", alt=_("Agreement with the readers by round"),
         heads=[_("Round"), _("Cases"), _("Agreement"), _("Low"), _("High"), _("Patients")],
         rows=_agreement_rows(found))  # fmt: skip
    outlined = any(one.drawn_dice or one.chosen_dice for one in found.rounds)
    heads = [_("Round"), _("Drawn at random"), _("patients"), _("Chosen by the model"), _("patients")]
    heads += [_("Dice, drawn"), _("Dice, chosen")] if outlined else []
    show(table(heads, [_row(one, outlined=outlined) for one in found.rounds], numeric=(2, 4)))
    show(tag("p", _("Share of the answers that are the consensus', the mean over questions, with 95% intervals "
             "over patients. Only cases drawn at random speak for patients as they come: the others were chosen, "
             "most of them because the model was unsure."), cls="c-small c-quiet"))  # fmt: skip


def _agreement_rows(found: ChampionDrift) -> list[tuple[Cell, ...]]:
    return [
        (one.number, _(name), m.value, m.low, m.high, m.n)
        for name, which in KINDS.items()
        for one in found.rounds
        if (m := which(one)) is not None
    ]


def _row(one: RoundAgreement, *, outlined: bool) -> list[object]:
    row: list[object] = [one.number]
    for metric in (one.drawn, one.chosen):
        row += [agreement_plot.cell(metric), metric.n if metric is not None else "—"]
    if outlined:
        row += [agreement_plot.cell(one.drawn_dice), agreement_plot.cell(one.chosen_dice)]
    return row


def agreement_over_rounds(found: ChampionDrift) -> go.Figure:
    """A line through the cases that were drawn at random; the others as hollow points."""
    import plotly.graph_objects as go  # noqa: PLC0415 - heavy

    figure = charts.intervals([], {})
    looks = ((palette().model, "circle", "lines+markers"), (palette().quiet, "diamond-open", "markers"))
    for (name, which), (colour, shape, mode) in zip(KINDS.items(), looks, strict=True):
        several = [(one.number, metric) for one in found.rounds if (metric := which(one)) is not None]
        figure.add_trace(
            go.Scatter(
                x=[number for number, _ in several], y=[m.value for _, m in several], mode=mode, name=_(name),
                line={"color": colour, "width": 1.6, "dash": "dash"},
                marker={"color": colour, "size": 8, "symbol": shape},
                error_y={"type": "data", "symmetric": False, "color": colour, "thickness": 1, "width": 3,
                         "array": [(m.value if m.high is None else m.high) - m.value for _, m in several],
                         "arrayminus": [m.value - (m.value if m.low is None else m.low) for _, m in several]},
                customdata=[m.n for _, m in several],
                hovertemplate=_("round %{x}: %{y:.2f}, %{customdata} patients")
                + "<extra>%{fullData.name}</extra>",
            )
        )  # fmt: skip
    figure.update_xaxes(title_text=_("round"), dtick=1)
    figure.update_yaxes(title_text=_("agreement"), range=[-0.02, 1.02], autorange=None, tickvals=None,
                        ticktext=None, tickmode="auto", showgrid=True)  # fmt: skip
    figure.update_layout(height=240, showlegend=True, margin={"l": 56, "t": 28, "b": 40})
    return figure


def _shifts(found: ChampionDrift) -> None:
    """The stability index of each question, by the month in which studies came in."""
    show(tag("div", _("Spread of its scores against the {patients} test patients of {day}",
                      patients=found.patients, day=words.day(found.since)), cls="c-small c-quiet"))  # fmt: skip
    if not found.shifts:
        show(tone(_("No study has come in since."), "quiet"))
        return
    known = [one for one in found.shifts if one.index is not None]
    if known:
        plot(shift_over_months(known), key="drift months", alt=_("Stability index by month"),
             heads=[_("Question"), _("Month"), _("Patients"), _("Index"), _("By chance")],
             rows=[(words.short(s.question), s.month, s.patients, s.index, s.by_chance)
                   for s in known])  # fmt: skip
    rows = [[words.short(one.question), one.month, one.patients, _index(one), _limit(one), _said(one)]
            for one in found.shifts]  # fmt: skip
    show(
        table([_("Question"), _("Month"), _("Patients"), _("Index"), _("By chance"), ""], rows, numeric=(2, 3, 4))
    )
    show(tag("p", _("Population stability index over tenths of the earlier scores. By chance it stays below the "
             "limit in 95% of months without any change; a shift lies above that and above {limit:g}.",
             limit=SHIFTED), cls="c-small c-quiet"))  # fmt: skip


def _index(one: Shift) -> str:
    return "—" if one.index is None else f"{one.index:.2f}"


def _limit(one: Shift) -> str:
    return "—" if one.by_chance is None else f"{one.by_chance:.2f}"


def _said(one: Shift) -> Html:
    if one.index is None:
        return tone(_("too few patients"), "quiet")
    return chip(_("shifted"), "doubt") if one.shifted else chip(_("as before"), "good")


def shift_over_months(shifts: list[Shift]) -> go.Figure:
    """A line a question; months that shifted are filled."""
    import plotly.graph_objects as go  # noqa: PLC0415 - heavy

    figure = charts.intervals([], {})
    for place, question in enumerate(dict.fromkeys(one.question for one in shifts)):
        own = [one for one in shifts if one.question == question]
        figure.add_trace(
            go.Scatter(
                x=[one.month for one in own], y=[one.index for one in own], mode="lines+markers",
                name=words.short(question),
                line={"width": 1.2, "color": palette().quiet, "dash": DASHES[place % len(DASHES)]},
                marker={"size": 8, "symbol": ["diamond" if one.shifted else "circle-open" for one in own],
                        "color": [palette().doubt if one.shifted else palette().accent for one in own]},
                hovertemplate="%{x}: %{y:.2f}<extra>%{fullData.name}</extra>",
            )
        )  # fmt: skip
    figure.add_hline(y=SHIFTED, line={"color": palette().quiet, "width": 1, "dash": "dot"})
    figure.update_xaxes(type="category")
    figure.update_yaxes(title_text=_("stability index"), rangemode="tozero", autorange=True, tickvals=None,
                        ticktext=None, tickmode="auto", showgrid=True)  # fmt: skip
    figure.update_layout(height=240, showlegend=len({one.question for one in shifts}) > 1,
                         margin={"l": 56, "t": 28, "b": 40})  # fmt: skip
    return figure
