"""The studies that are ticked in the worklist: they stay so on other pages and with other filters."""

from __future__ import annotations

from collections.abc import Collection

import streamlit as st

from data.tables.base import Row
from workbench.language import _, number
from workbench.views.parts.context import Here
from workbench.views.parts.frame import show
from workbench.views.parts.markup import tag
from workbench.views.parts.rows import Ticks

_TICKED, _TURN = "worklist ticked", "worklist ticks turn"


def ticked(place: Here) -> dict[str, Row]:
    """The ticked studies of the task, by id in the order in which they were ticked, as the records are now."""
    ids = list(_kept(place))
    if not ids:
        return {}
    champion = place.champion
    known = place.store.worklists.now(place.task.name, champion.version if champion else "", ids)
    return {study_id: known[study_id] for study_id in ids if study_id in known}


def ticks(place: Here) -> Ticks:
    """What the table is told of them, and what it tells."""

    def changed(shown: Collection[str], now: Collection[str]) -> None:
        off = set(shown) - set(now)
        _keep(place, dict.fromkeys([*(one for one in _kept(place) if one not in off), *now]))

    return Ticks(list(_kept(place)), st.session_state.get(_TURN, 0), changed)


def said(count: int, place: Here) -> None:
    """How many are ticked, and the button that clears them."""
    with st.container(width="content"):
        show(tag("span", _("{n} ticked", n=number(count)), role="status", cls="c-nowrap"))
    st.button(_("Clear the ticks"), type="tertiary", on_click=_clear, args=(place,))


def _clear(place: Here) -> None:
    _keep(place, {})
    st.session_state[_TURN] = st.session_state.get(_TURN, 0) + 1


def _kept(place: Here) -> dict[str, None]:
    kept: dict[str, None] = st.session_state.get(_TICKED, {}).get(place.task.name, {})
    return kept


def _keep(place: Here, ids: dict[str, None]) -> None:
    st.session_state[_TICKED] = {**st.session_state.get(_TICKED, {}), place.task.name: ids}
