"""A choice among ids with names, and a switch, kept in the address."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import streamlit as st


def choose(
    label: str, options: Mapping[str, str], *, key: str, changed: Callable[[], None] | None = None, **look: Any
) -> str:
    """One of several options; the first is the default, and stands in no address.

    Parameters
    ----------
    options:
        Id -> what people see.
    key:
        Of the widget and of the query parameter.
    changed:
        Called when another one is chosen.
    """
    ids = list(options)
    named = st.query_params.get(key)
    if key not in st.session_state and named in options:
        st.session_state[key] = named
    if st.session_state.get(key) not in options:
        st.session_state.pop(key, None)
    chosen = st.selectbox(
        label, ids, format_func=options.__getitem__, key=key, on_change=changed or "rerun", **look
    )
    if chosen is None or chosen == ids[0]:
        st.query_params.pop(key, None)
    elif named != chosen:
        st.query_params[key] = chosen
    return chosen or ""


def switch(label: str, *, key: str, default: bool = False) -> bool:
    """A toggle whose state stands in the address as ``true`` or ``false``; the default stands in none.

    Parameters
    ----------
    key:
        Of the widget and of the query parameter.
    """
    named = st.query_params.get(key)
    if key not in st.session_state:
        st.session_state[key] = default if named is None else named == "true"
    on: bool = st.toggle(label, key=key)
    said = str(on).lower()
    if on == default and named is not None:
        del st.query_params[key]
    elif on != default and named != said:
        st.query_params[key] = said
    return on
