"""A choice among ids with names, kept in the address by its id."""

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
