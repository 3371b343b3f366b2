"""Where a page is: whose home, which task, who sits there."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import streamlit as st

from data.blobs import Blobs
from data.home import Home
from data.records import ModelVersion, Reader
from data.store import Store
from models.task import ClinicalTask, discover
from workbench.blindness import Blindness

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
    tasks = discover()
    chosen = st.session_state.get(TASK) or st.query_params.get(TASK)
    task = tasks.get(str(chosen)) or tasks[in_order(store, tasks)[0]]
    seat = st.session_state.get(SEAT)
    reader = next((r for r in store.reads.readers() if r.reader_id == seat), None)
    return Here(home, store, Blobs.of(home), task, reader)


def in_order(store: Store, tasks: Mapping[str, ClinicalTask]) -> list[str]:
    """The tasks' names: in the order in which they came to their first champion, then those without one."""

    def since(name: str) -> tuple[bool, str, str]:
        champions = store.versions.championships(name)
        return not champions, champions[-1].at if champions else "", name

    return sorted(tasks, key=since)
