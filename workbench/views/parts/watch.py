"""A page that is drawn anew by itself, as soon as what it shows is no longer so."""

from __future__ import annotations

from collections.abc import Callable

import streamlit as st

from data.store import Store


def watch(
    store: Store, state: Callable[[], object], *, seen: int, shown: object, key: str, every_s: float
) -> None:
    """Draw the page anew as soon as ``state`` says something else than what is shown.

    Every look reads one row of the log; ``state`` is asked only where the log has grown since.

    Parameters
    ----------
    seen, shown:
        The newest entry of the log before what the page shows was read, and the state that it shows.
    key:
        The watch's own name within the page.
    every_s:
        Seconds between two looks.
    """
    st.session_state[key] = (seen, shown)
    st.fragment(run_every=every_s)(_look)(store, state, key)


def _look(store: Store, state: Callable[[], object], key: str) -> None:
    newest, (seen, before) = store.log.head().sequence, st.session_state[key]
    if newest == seen:
        return
    now = state()
    st.session_state[key] = (newest, now)
    if now != before:
        st.rerun()
