"""Loop: where each task stands, as a line of steps; the current one carries the button."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace

import streamlit as st

from data.records import Job, JobState, RoundState
from models.course import course_of
from workbench.language import N_, _
from workbench.order import in_order
from workbench.views.parts import (
    batch_preview,
    jobs,
    learning_curves,
    loop_cases,
    loop_decide,
    loop_first,
    loop_read,
    loop_row,
    loop_train,
    plan_form,
    words,
)
from workbench.views.parts.context import Here, here
from workbench.views.parts.frame import framed, header, note
from workbench.views.parts.loop_standing import Standing
from workbench.views.parts.markup import tag
from workbench.views.parts.watch import watch

LOOK_S = 2.0
"""How often the rounds are looked at."""
VIEWS: Mapping[str, str] = {
    "batch": N_("Batch ({n})"),
    "readers": N_("Readers"),
    "disputes": N_("Disputes ({n})"),
    "training": N_("Training"),
    "give up": N_("Give up"),
}


@framed
def page() -> None:
    """Show each task's round; of the chosen task its details, too."""
    place = here()
    header(_("Loop"), tag("span", _("choose, read, agree, train, compare, promote"), cls="c-quiet"))
    seen, standings = place.store.log.head().sequence, _standings(place)
    for standing in standings:
        _task(standing, opened=standing.place.task.name == place.task.name)
    watch(place.store, lambda: [standing.at for standing in _standings(place)], seen=seen,
          shown=[standing.at for standing in standings], key="rounds", every_s=LOOK_S)  # fmt: skip


def _standings(place: Here) -> list[Standing]:
    """Where each task stands now."""
    return [Standing.of(replace(place, task=task)) for task in in_order(place.store).values()]


def _task(standing: Standing, *, opened: bool) -> None:
    place, work = standing.place, _work(standing)
    running = any(job is not None and job.state in jobs.RUNNING for job in work.values())
    with st.container(border=True, key=f"task-{place.task.name}", gap="small"):
        loop_row.row(standing, opened=opened, running=running)
        for key, job in work.items():
            under_way = job is not None and job.state in jobs.RUNNING
            if (opened and key != "training") or (not opened and under_way):
                jobs.follow(place.home, job, key=key)
        if opened:
            _details(standing, work, running=running)


def _work(standing: Standing) -> dict[str, Job | None]:
    """The newest work that was asked for of the task, by what shows it."""
    place, current = standing.place, standing.current
    found: dict[str, Job | None] = {"loop": jobs.latest(place.store, "demo.play", task=place.task.name)}
    if current is None:
        found["open"] = jobs.latest_about(place.store, batch_preview.OPEN, task=place.task.name)
        found["preview"] = batch_preview.newest(place)
        found["training"] = jobs.latest_about(place.store, "train", task=place.task.name)
        return found
    step = jobs.latest_about(place.store, "round.step", round_id=current.round_id)
    trains = step is not None and step.arguments.get("step") == "train"
    found["training" if trains else "step"] = step
    return found


def _details(standing: Standing, work: Mapping[str, Job | None], *, running: bool) -> None:
    place, current = standing.place, standing.current
    if current is None:
        training = work["training"]
        if training is not None and training.state in jobs.RUNNING:
            loop_train.follow(place.home, f"{place.task.name}-{training.arguments['profile']}", training)
        loop_decide.ended(place, standing.latest)
        prepared = work["loop"]
        if prepared is None or prepared.state not in jobs.RUNNING:
            _next_round(standing, work, running=running)
    else:
        if current.state == RoundState.CLOSED:
            loop_train.follow(place.home, current.round_id, work.get("training"))
        _round(standing, running=running)
    loop_decide.history(place)
    learning_curves.show(place)


def _next_round(standing: Standing, work: Mapping[str, Job | None], *, running: bool) -> None:
    """What is needed for it, and the choice of its cases once that is there."""
    place, preview, training = standing.place, work["preview"], work["training"]
    if standing.lacks or standing.latest is None:
        loop_first.preparations(place, trains=training is not None and training.state in jobs.RUNNING)
    if not standing.lacks:
        previewed = preview is not None and preview.state == JobState.DONE
        plan_form.choose(place, running=running, previewed=previewed)
        batch_preview.batch(place, preview, running=running)


def _round(standing: Standing, *, running: bool) -> None:
    current = standing.current
    assert current is not None  # noqa: S101 - shown only of an open round
    if current.state == RoundState.READ and standing.awaited:
        note(standing.waits_for() + " " + _("Fetch the answers, then form the consensus again."))
        if st.button(_(words.BUTTONS["close"]), key=f"close {current.round_id}", disabled=running):
            loop_row.ask(standing, "close")
    if current.state == RoundState.COMPARED:
        loop_decide.decide(standing, running=running)
    _shown(standing, running=running)


def _shown(standing: Standing, *, running: bool) -> None:
    """One of the views of the round; which one stands in the address."""
    place, current = standing.place, standing.current
    assert current is not None  # noqa: S101
    items = place.store.rounds.batch(current.round_id).items
    views: dict[str, Callable[[], None]] = {
        "batch": lambda: loop_cases.sheet(place, items, key=f"sheet {current.round_id}"),
        "readers": lambda: loop_read.readers(standing),
        "disputes": lambda: loop_read.disputes(standing),
    }
    if current.state != RoundState.CLOSED and course_of(place.home, current.round_id).is_file():
        views["training"] = lambda: loop_train.kept(place.home, current.round_id)
    views["give up"] = lambda: loop_decide.give_up(standing, running=running)
    counts = {"batch": len(items), "disputes": len(standing.disputed)}
    key = f"show {current.round_id}"
    named = st.query_params.get("show")
    if key not in st.session_state:
        st.session_state[key] = named if named in views else _first(standing)
    chosen = st.segmented_control(
        _("Show"), list(views), key=key, label_visibility="collapsed", required=True,
        format_func=lambda view: _(VIEWS[view], n=counts.get(view, 0)),
    )  # fmt: skip
    if chosen == _first(standing):
        st.query_params.pop("show", None)
    elif named != chosen:
        st.query_params["show"] = str(chosen)
    views[str(chosen)]()


def _first(standing: Standing) -> str:
    """What matters most just now."""
    state = standing.current.state if standing.current else None
    if state == RoundState.READ and standing.disputed:
        return "disputes"
    return "readers" if state == RoundState.PUSHED else "batch"
