"""A task as one row: the line of its steps, whom it waits for, and the one button."""

from __future__ import annotations

import streamlit as st

from active_learning.rounds import NEXT_STEP
from workbench.language import _, n_, p_
from workbench.views.parts import jobs, words
from workbench.views.parts.context import TASK
from workbench.views.parts.frame import show
from workbench.views.parts.loop_standing import Standing
from workbench.views.parts.markup import Html, tag


def row(standing: Standing, *, opened: bool, running: bool) -> None:
    """Show the row.

    Parameters
    ----------
    opened:
        Whether its details are shown below.
    running:
        Whether work on it goes on.
    """
    line, button = st.columns([5.2, 1], vertical_alignment="center", gap="small")
    with line:
        show(_head(standing, running=running), _steps(standing))
    with button:
        _button(standing, opened=opened, running=running)


def ask(standing: Standing, step: str, *, reason: str = "", force: bool = False) -> None:
    """Ask for a step of the round."""
    assert standing.current is not None  # noqa: S101 - there is a step only where a round is open
    jobs.ask(standing.place.home, "round.step", round_id=standing.current.round_id, step=step, reason=reason,
             force=force)  # fmt: skip


def _head(standing: Standing, *, running: bool) -> Html:
    place, current, latest = standing.place, standing.current, standing.latest
    champion = place.champion
    version = _("champion {version}", version=champion.version) if champion else _(words.NO_CHAMPION)
    if current:
        which = _("round {n}", n=current.number)
    else:
        which = _("round {n} ended", n=latest.number) if latest else _("no round yet")
    waits = _("Work goes on.") if running else standing.waits_for()
    return tag(
        "div",
        tag("b", _(place.task.title)), tag("span", f"{which} · {version}", cls="c-quiet"),
        tag("span", waits, cls="c-waits"), cls="c-task",
    )  # fmt: skip


def _steps(standing: Standing) -> Html:
    current = standing.current
    now = words.STEP_OF[current.state] if current else 0
    details = ["" for each in words.STEPS]
    if current is not None:
        count = len(standing.place.store.rounds.batch(current.round_id).items)
        details[0] = n_("{n} case", "{n} cases", count)
        asked = len(standing.reads)
        details[1] = _("{done} of {asked} reads", done=standing.read, asked=asked) if asked else _("not sent yet")
        if disputes := len(standing.disputed):
            details[2] = n_("{n} disputed", "{n} disputed", disputes)
        details[4] = current.candidate
    items = []
    for index, name in enumerate(words.STEPS):
        cls = "c-now" if index == now else ("c-done" if index < now else "")
        inner = [tag("b", p_("step", name)), tag("span", details[index] or Html("&nbsp;"))]
        items.append(tag("div", *inner, cls=f"c-step {cls}".strip(),
                         aria_current="step" if index == now else ""))  # fmt: skip
    return tag("div", *items, cls="c-steps")


def _button(standing: Standing, *, opened: bool, running: bool) -> None:
    """The one next step, and what opens the details."""
    current, name = standing.current, standing.place.task.name
    step = NEXT_STEP[current.state] if current else ""
    if step == "close" and standing.awaited:
        step = "pull"
    if step not in ("", "promote"):
        said = _("Resume training") if standing.was_stopped else _(words.BUTTONS[step])
        if st.button(said, key=f"next {current.round_id}" if current else None, type="primary", disabled=running,
                     width="stretch"):  # fmt: skip
            ask(standing, step)
    if not opened:
        said = _("Details")
        if step == "promote":
            said = _("Decide")
        elif current is None:
            said = _("Prepare…") if standing.lacks else _("Choose…")
        st.button(said, key=f"open {name} row", type="primary" if step == "promote" else "secondary",
                  width="stretch", on_click=_open, args=(name,))  # fmt: skip


def _open(task: str) -> None:
    """The task of the row becomes the chosen one, in the side bar and in the address."""
    st.session_state[TASK] = task
    st.query_params[TASK] = task
