"""What other ways to choose cases would have made of the same reading: simulations, and their curves."""

from __future__ import annotations

import streamlit as st

from active_learning.playing_outcome import Simulation, kept_simulations
from active_learning.playing_plan import RANDOM, LearnerName, Play
from active_learning.strategies.registry import STRATEGIES
from models.config import ProfileName
from workbench.language import N_, _
from workbench.learning_plot import learning_curves
from workbench.simulate_work import SIMULATE
from workbench.simulation_report import HEADS, cells_of, read_as, settings_of, tables
from workbench.views.parts import frame, jobs, words
from workbench.views.parts.context import Here
from workbench.views.parts.markup import table, tag
from workbench.views.parts.model_figures import spoken
from workbench.views.parts.plot import plot
from workbench.views.parts.segments import segments

USUAL = (RANDOM, "entropy", "typiclust")
"""The ways that are offered first."""
LOOPS, BUDGET = 3, 96
LEARNERS = {
    LearnerName.HEAD.value: N_("a linear head on features (minutes)"),
    LearnerName.TASK.value: N_("the task's own networks (hours)"),
}


def show(place: Here) -> None:
    """The newest simulation of a task with its curves, and the form for another; nothing without studies."""
    if not place.store.studies.count(modalities=place.task.modalities):
        return
    with st.expander(_("Simulate ways to choose")), frame.failures():
        running = jobs.follow(place.home, jobs.latest_about(place.store, SIMULATE, task=place.task.name),
                              key="simulate")  # fmt: skip
        _ask(place, running=running)
        found = kept_simulations(place.home, place.task.name)
        if found:
            _newest(found[0])


def _ask(place: Here, *, running: bool) -> None:
    name = place.task.name
    what = _("Plays whole loops on the cases whose answers are known, with scripted readers, once for each way to "
             "choose. It changes nothing of studies, reads and models.")  # fmt: skip
    frame.show(tag("p", what, cls="c-small c-quiet"))
    ways = st.multiselect(_("Ways to choose"), list(STRATEGIES), default=[w for w in USUAL if w in STRATEGIES],
                          format_func=words.short, key=f"simulate ways {name}")  # fmt: skip
    a, b, c, d = st.columns([1, 1, 2, 1], vertical_alignment="bottom")
    budget = a.number_input(_("Cases of each loop"), 12, 100_000, BUDGET, key=f"simulate budget {name}")
    loops = b.number_input(_("Loops of each way"), 1, 50, LOOPS, key=f"simulate loops {name}")
    learner = c.selectbox(
        _("Learner"), list(LEARNERS), format_func=lambda one: _(LEARNERS[one]), key=f"simulate by {name}"
    )
    if d.button(_("Simulate"), disabled=running or not ways, key=f"simulate {name}", width="stretch"):
        play = Play.of(ways, int(budget), seeds=int(loops), learner=learner, profile=ProfileName.DEMO.value,
                       readers=place.task.config.reading.readers)  # fmt: skip
        jobs.ask(place.home, SIMULATE, task=name, play=play.as_dict())


def _newest(simulation: Simulation) -> None:
    over = segments(_("Over"), {"cases": _("Cases"), "minutes": _("Minutes")}, key="over")
    steps = tables(simulation)[0]
    said = _("Learning curves of {ways}", ways=", ".join(words.short(one.name) for one in simulation.outcomes))
    heads = [_("Way to choose"), _("Loop"), _("Round"), _("Cases"), _("Minutes"), spoken(simulation.primary)]
    rows = [(words.short(str(name)), *cells) for name, *cells in steps.rows]
    plot(learning_curves(simulation, minutes=over == "minutes"), key=f"{steps.name}-{simulation.task}", alt=said,
         heads=heads, rows=rows)  # fmt: skip
    frame.show(
        table([_(head) for head in HEADS], cells_of(simulation), numeric=range(1, len(HEADS))),
        tag("p", settings_of(simulation), " ", read_as(simulation), cls="c-small c-quiet"),
    )
