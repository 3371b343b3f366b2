"""What the page Data counts, kept until something is written."""

from __future__ import annotations

import streamlit as st

from data import holdings as counted
from data.holdings import ClassCount, Holdings, Kindred
from data.store import Store
from workbench.language import _
from workbench.views.parts.context import Here

Stamp = tuple[str, int, int]
"""The home, the newest entry of its log, and how many files were refused."""


def holdings(place: Here) -> Holdings:
    """How much there is."""
    with st.spinner(_("Counting"), show_time=True):
        return _holdings(place.store, _stamp(place))


def classes(place: Here) -> list[ClassCount]:
    """The reference standard of the task by answer."""
    with st.spinner(_("Counting"), show_time=True):
        return _classes(place.store, _stamp(place), place.task.name)


def by_view(place: Here) -> list[Kindred]:
    """Studies by modality and view."""
    with st.spinner(_("Counting"), show_time=True):
        return _by_view(place.store, _stamp(place))


def _stamp(place: Here) -> Stamp:
    (refused,) = place.store.db.execute("SELECT count(*) FROM refusals").fetchone()
    return str(place.home.path), place.store.log.head().sequence, refused


@st.cache_data(max_entries=8, show_spinner=False)
def _holdings(_store: Store, stamp: Stamp) -> Holdings:
    return counted.holdings(_store)


@st.cache_data(max_entries=16, show_spinner=False)
def _classes(_store: Store, stamp: Stamp, task: str) -> list[ClassCount]:
    return counted.classes(_store, task)


@st.cache_data(max_entries=8, show_spinner=False)
def _by_view(_store: Store, stamp: Stamp) -> list[Kindred]:
    return counted.by_view(_store)
