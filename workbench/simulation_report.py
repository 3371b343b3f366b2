"""The report of a simulation: learning curves and a table as one HTML file, and the figures as CSV beside it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from active_learning.learning_curves import Bounded
from active_learning.playing_outcome import Outcome, Simulation
from active_learning.playing_plan import RANDOM, LearnerName
from active_learning.promotion_words import metric_name
from workbench import reading_tables
from workbench.language import N_, _, n_, number, p_
from workbench.learning_plot import NEUTRAL, learning_curves
from workbench.reading_tables import Cell, Table
from workbench.views.parts import words
from workbench.views.parts.markup import Html, join, tag

if TYPE_CHECKING:
    import plotly.graph_objects as go

FILE = "learning_curves.html"
INTERVAL = ("", "_low", "_high")
STYLE = """
:root { color-scheme: light dark; }
body { margin: 0; font: 14px/1.5 Inter, 'Segoe UI', 'Helvetica Neue', Arial, 'Liberation Sans', sans-serif;
  font-variant-numeric: tabular-nums; background: Canvas; color: CanvasText; }
main { max-width: 1080px; margin: 0 auto; padding: 28px 32px 56px; }
h1 { font-size: 22px; line-height: 1.25; margin: 0 0 4px; } h2 { font-size: 16px; margin: 32px 0 4px; }
p { margin: 4px 0 10px; max-width: 84ch; } .quiet { color: GrayText; }
.caution { display: inline-block; border: 1px solid GrayText; border-radius: 4px; padding: 2px 10px;
  font-weight: 600; }
table { border-collapse: collapse; margin: 8px 0; font-size: 13px; } .wide { overflow-x: auto; }
th { text-align: left; font-weight: 600; border-bottom: 1.5px solid; padding: 4px 12px; vertical-align: bottom; }
td { border-bottom: 1px solid rgba(128, 128, 128, 0.3); padding: 4px 12px; white-space: nowrap; }
th:first-child, td:first-child { padding-left: 0; } .n { text-align: right; }
"""


HEADS = (
    N_("Way to choose"), N_("Area"), N_("Above random's"), N_("Cases to random's final"), N_("Cases saved"),
    N_("Final"), N_("Minutes"), N_("Wrong labels"),
)  # fmt: skip
"""Of the table: the area, and what follows it, are of the task's primary metric. Translated where it is shown."""


def cells_of(simulation: Simulation) -> list[tuple[str, ...]]:
    """A row for each way of choosing, in the order in which they were asked for, under :data:`HEADS`."""
    return [_cells(one) for one in simulation.outcomes]


def _cells(one: Outcome) -> tuple[str, ...]:
    against, itself = one.against, one.name == RANDOM
    return (
        words.short(one.name),
        _figure(one.aulc),
        "—" if against is None or itself else _figure(against.aulc_gain, signed=True),
        "—" if against is None else _labels(against.labels),
        "—" if against is None or itself else _share(against.labels_saved),
        _figure(one.final),
        f"{minutes_of(one):.0f}",
        f"{100 * one.wrong_cases / max(one.cases, 1):.1f}%",
    )


def minutes_of(one: Outcome) -> float:
    """Minutes of reading of a whole loop, the mean over the loops."""
    return sum(loop[-1] for loop in one.minutes) / len(one.minutes)


def _figure(bounded: Bounded, *, signed: bool = False) -> str:
    """``0.912 (0.894 to 0.927)``."""
    sign = "+" if signed else ""
    return _bounded(bounded, lambda value: f"{value:{sign}.3f}".replace("-", "−"), p_("interval", "no bound"))


def _labels(bounded: Bounded) -> str:
    return p_("cases needed", "never") if bounded.value is None else f"{bounded.value:.0f}"


def _share(bounded: Bounded) -> str:
    if bounded.value is None:
        return p_("cases saved", "none")
    never = p_("cases needed", "never")
    return _bounded(bounded, lambda value: f"{100 * value:.0f}%".replace("-", "−"), never)


def _bounded(bounded: Bounded, said: Callable[[float], str], unbounded: str) -> str:
    if bounded.value is None:
        return "—"
    if bounded.low is None and bounded.high is None:
        return said(bounded.value)
    low, high = ((unbounded if end is None else said(end)) for end in (bounded.low, bounded.high))
    return _("{share} ({low} to {high})", share=said(bounded.value), low=low, high=high)


def settings_of(simulation: Simulation) -> str:
    """What was played, in a sentence."""
    play = simulation.play
    head = play.learner == LearnerName.HEAD
    learner = _("a linear head on features") if head else _("the profile {name}", name=_(play.profile))
    return _(
        "{loops} of each way: a start of {cases} and {rounds} to {budget} of {pool} cases, with {learner}; "
        "{readers} a case, wrong in {wrong:g}% of the answers; {patients}.",
        loops=n_("{n} loop", "{n} loops", play.seeds), cases=n_("{n} case", "{n} cases", play.sizes[0]),
        rounds=n_("{n} round", "{n} rounds", play.rounds), budget=number(play.budget),
        pool=number(simulation.pool), learner=learner, wrong=100 * play.error_rate,
        readers=n_("{n} scripted reader", "{n} scripted readers", play.readers),
        patients=n_("{n} test patient", "{n} test patients", simulation.test_patients),
    )  # fmt: skip


def read_as(simulation: Simulation) -> str:
    """How curves and table are to be read."""
    said = (
        _("Loops of the same number share start, readers, errors and seeds, whatever the way."),
        _("Lines are means over the loops, bands reach from the lowest to the highest loop."),
        _("Intervals (95%) are of resampled loops and test patients, paired.") if simulation.over_patients
        else _("Intervals (95%) are of resampled loops alone, paired: the test patients are too few of some "
               "answer to be resampled."),
        _("What a model had too few cases to learn counts as chance."),
    )  # fmt: skip
    return " ".join(said)


def write_report(simulation: Simulation, folder: Path) -> list[Path]:
    """Write the report and its tables into a folder, which is made if it is missing; returns the files.

    Raises
    ------
    ConfigError
        The folder or a file cannot be written.
    """
    return reading_tables.write_report(html(simulation), FILE, tables(simulation), folder)


def _heading(simulation: Simulation) -> str:
    name = metric_name(simulation.primary)
    return f"{name[0].upper()}{name[1:]} on the test patients"


def html(simulation: Simulation) -> str:
    """The report as one document that loads nothing from elsewhere; the plot's script is in it."""
    by_cases = learning_curves(simulation, look=NEUTRAL)
    by_minutes = learning_curves(simulation, look=NEUTRAL, minutes=True)
    title = f"Simulation: {simulation.title}"
    body = join(
        [
            tag("h1", title),
            tag("p", settings_of(simulation), cls="quiet"),
            tag("p", "For research and quality work. Not a medical device.", cls="caution"),
            tag("h2", f"{_heading(simulation)}, by cases read"),
            _plot(by_cases, script=True),
            tag("h2", "The same, by minutes of reading"),
            _plot(by_minutes, script=False),
            tag("h2", "How each way stands"),
            tag("div", _table(simulation), cls="wide"),
            tag("p", read_as(simulation), cls="quiet"),
        ]
    )
    head = join([Html('<meta charset="utf-8">'), tag("title", title), Html(f"<style>{STYLE}</style>")])
    return f'<!DOCTYPE html><html lang="en"><head>{head}</head><body><main>{body}</main></body></html>'


def _plot(figure: go.Figure, *, script: bool) -> Html:
    config = {"displayModeBar": False, "displaylogo": False, "responsive": True}
    return Html(figure.to_html(full_html=False, include_plotlyjs=script, config=config))


def _table(simulation: Simulation) -> Html:
    heads = tag("tr", *(tag("th", head, cls="n" if place else "") for place, head in enumerate(HEADS)))
    body = [
        tag("tr", *(tag("td", cell, cls="n" if place else "") for place, cell in enumerate(row)))
        for row in cells_of(simulation)
    ]
    return tag("table", tag("thead", heads), tag("tbody", *body))


def tables(simulation: Simulation) -> tuple[Table, ...]:
    """The curves with a row a step, and the figures with a row a way."""
    steps = tuple(
        (one.name, loop + 1, step, simulation.labels[step], one.minutes[loop][step], value)
        for one in simulation.outcomes
        for loop, values in enumerate(one.values)
        for step, value in enumerate(values)
    )
    columns = ("strategy", "loop", "round", "cases", "minutes", simulation.primary)
    return Table("learning_curves", columns, steps), _figures(simulation)


NAMES = ("aulc", "aulc_gain", "labels_to_random_final", "labels_saved", "minutes_to_random_final",
         "minutes_saved", "final")  # fmt: skip
COUNTS = ("reads", "wrong_reads", "cases", "disputed", "wrong_cases", "untrained")


def figures_of(one: Outcome) -> dict[str, Bounded]:
    """The figures of a way by :data:`NAMES`; those beside random only where it was played."""
    a = one.against
    beside = {} if a is None else dict(
        zip(NAMES[1:6], (a.aulc_gain, a.labels, a.labels_saved, a.minutes, a.minutes_saved), strict=True)
    )  # fmt: skip
    return {"aulc": one.aulc, **beside, "final": one.final}


def _figures(simulation: Simulation) -> Table:
    columns = ("strategy", *(f"{name}{end}" for name in NAMES for end in INTERVAL), *COUNTS)
    rows: list[Sequence[Cell]] = []
    for one in simulation.outcomes:
        found = figures_of(one)
        bounds = [found.get(name, Bounded(None, None, None)) for name in NAMES]
        cells = [end for b in bounds for end in (b.value, b.low, b.high)]
        rows.append((one.name, *cells, *(getattr(one, count) for count in COUNTS)))
    return Table("strategies", columns, tuple(map(tuple, rows)))
