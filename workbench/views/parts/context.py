"""Where a page is: whose home, which task, who sits there."""

from __future__ import annotations

from dataclasses import dataclass

import streamlit as st

from data.blobs import Blobs
from data.home import Home
from data.records import ModelVersion, Reader
from data.store import Store
from models.task import ClinicalTask, discover
from workbench.blindness import Blindness
from workbench.order import first_task

TASK, SEAT = "task", "as"
"""The keys, and query parameters, of the two choices in the side bar."""


@dataclass(frozen=True, slots=True)
class Here:
    """What every page starts from.

    Parameters
    ----------
    task:
        The chosen task.
    reader:
        Who sits there; None for the curator.
    """

    home: Home
    store: Store
    blobs: Blobs
    task: ClinicalTask
    reader: Reader | None

    @property
    def champion(self) -> ModelVersion | None:
        """The task's champion."""
        return self.store.versions.champion(self.task.name)

    @property
    def blindness(self) -> Blindness:
        """What may be shown to whoever sits there."""
        return Blindness(self.store, self.task.name, self.reader)


@st.cache_resource(max_entries=8, show_spinner=False)
def _store(path: str, home: Home) -> Store:
    return Store.of(home)


def store_of(home: Home) -> Store:
    """The store of a home, opened once."""
    return _store(str(home.path), home)


def here() -> Here:
    """Where the page is, by the environment and the choices in the side bar."""
    home = Home.default()
    store = store_of(home)
    chosen = st.session_state.get(TASK) or st.query_params.get(TASK)
    task = discover().get(str(chosen)) or first_task(store)
    seat = st.session_state.get(SEAT)
    reader = next((r for r in store.reads.readers() if r.reader_id == seat), None)
    return Here(home, store, Blobs.of(home), task, reader)
