"""The kept views above the worklist: links to them, keeping the one that is shown, removing one's own."""

from __future__ import annotations

from dataclasses import replace
from urllib.parse import urlencode

import streamlit as st

from workbench.language import _
from workbench.views.parts import draft
from workbench.views.parts.context import SEAT, TASK, Here
from workbench.views.parts.frame import failures, note, show
from workbench.views.parts.markup import Html, join, tag, tone
from workbench.views.parts.rows import rows
from workbench.views.parts.worklist_turn import turn_to
from workbench.worklist_filter import Filter
from workbench.worklist_views import CURATOR, LONGEST, KeptView, keep, remove, views_of

_DONE, _REMOVED, _TIMES = "worklist view done", "worklist view removed", "worklist view times"
"""What the last act came to, the view that was removed last, and how often a name was taken up."""
ALL = "all"


def views(place: Here, filtered: Filter) -> None:
    """The links, and beside them the popover in which a view is kept or removed."""
    owner = place.reader.reader_id if place.reader else CURATOR
    seen = views_of(place.store, place.task.name, owner)
    with st.container():
        _told(place, owner)
    with st.container(horizontal=True, gap="small", vertical_alignment="center", key="worklist views"):
        with st.container(width="stretch"):
            if seen:
                _links(place, seen, filtered)
        with st.popover(_("Views"), key="worklist views open"):
            _keep(place, owner, filtered)
            own = [view for view in seen if view.owner == owner]
            for view in own:
                with st.container(horizontal=True, vertical_alignment="center", horizontal_alignment="distribute"):
                    show(view.name)
                    if st.button(_("Remove"), key=f"remove {view.view_id}", type="tertiary",
                                 help=_("Remove the view {name}", name=view.name)):  # fmt: skip
                        with failures():
                            st.session_state[_REMOVED] = remove(place.store, view.view_id, owner)
                            st.rerun()


def _links(place: Here, seen: list[KeptView], filtered: Filter) -> None:
    now = replace(filtered, page=1)
    links = [_link(place, ALL, _("All studies"), Filter(), now)]
    links += [_link(place, view.view_id, view.name, view.filtered, now) for view in seen]
    opened = rows(tag("nav", join(links), cls="c-views", aria_label=_("Kept views")), key="worklist view links")
    if opened:
        chosen = next((view for view in seen if view.view_id == opened), None)
        turn_to(chosen.filtered if chosen else Filter())


def _link(place: Here, name: str, label: str, of_view: Filter, now: Filter) -> Html:
    seat = {SEAT: place.reader.reader_id} if place.reader else {}
    address = "/worklist?" + urlencode({TASK: place.task.name, **seat, **of_view.query()})
    current = {"aria_current": "page"} if of_view == now else {}
    return tag("a", label, href=address, data_open=name, **current)


def _keep(place: Here, owner: str, filtered: Filter) -> None:
    """The name of what is shown now; what was typed stays until it is kept."""
    key = draft.restored(f"worklist view name {st.session_state.get(_TIMES, 0)}")
    name = st.text_input(_("Name of what is shown now"), key=key, on_change=draft.note, args=(key,),
                         placeholder=_("such as: uncertain laterals"), max_chars=LONGEST)  # fmt: skip
    said = (
        _("Everybody sees it; a reader does not where it tells of the model's answers.") if owner == CURATOR
        else _("You alone see it.")
    )  # fmt: skip
    show(tone(said, "quiet"), " ", tone(_("The name stays in the log: name no patient."), "quiet"))
    if st.button(_("Keep this view"), type="primary"):
        with failures():
            view = keep(place.store, place.task.name, owner, name, filtered)
            st.session_state[_DONE] = _("The view {name} is kept.", name=view.name)
            st.session_state[_TIMES] = st.session_state.get(_TIMES, 0) + 1
            st.session_state.pop(_REMOVED, None)
            draft.forget("worklist view name")
            st.rerun()


def _told(place: Here, owner: str) -> None:
    """What was done, once; a view that was removed can be put back as long as nothing else is done with views."""
    done = st.session_state.pop(_DONE, "")
    if done:
        note(done, "good")
    gone: KeptView | None = st.session_state.get(_REMOVED)
    if gone is None or (gone.task, gone.owner) != (place.task.name, owner):
        return
    with st.container(horizontal=True, vertical_alignment="center", gap="small"):
        show(_("The view {name} was removed.", name=gone.name))
        if st.button(_("Put it back")):
            with failures():
                keep(place.store, gone.task, owner, gone.name, gone.filtered)
                del st.session_state[_REMOVED]
                st.rerun()
