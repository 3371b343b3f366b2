"""Turning the worklist to another filter while it is shown: its widgets take the values, then the address."""

from __future__ import annotations

from datetime import date
from typing import NoReturn

import streamlit as st

from workbench.worklist_filter import Filter

_WANTED = "worklist wanted"
_CHOICES = ("answer", "part", "view", "standing", "sort", "size")
"""Those that :mod:`choice` keeps in the address."""


def turn_to(filtered: Filter) -> NoReturn:
    """Show another filter."""
    st.session_state[_WANTED] = filtered
    st.rerun()


def take_up() -> None:
    """Give the widgets what :func:`turn_to` wants, before they are made."""
    wanted: Filter | None = st.session_state.pop(_WANTED, None)
    if wanted is None:
        return
    stated = wanted.query()
    for key in _CHOICES:
        st.session_state[key] = str(getattr(wanted, key))
        if key not in stated:
            st.query_params.pop(key, None)
    st.session_state.update(
        text=wanted.text,
        held=wanted.held,
        since=date.fromisoformat(wanted.since) if wanted.since else None,
        until=date.fromisoformat(wanted.until) if wanted.until else None,
        doubt=wanted.doubt or None,
        page=wanted.page,
    )
