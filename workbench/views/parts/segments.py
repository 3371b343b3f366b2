"""A choice among a few, side by side, kept in the address by its id."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import streamlit as st


def segments(
    label: str,
    options: Mapping[str, str],
    *,
    key: str,
    default: str = "",
    changed: Callable[[], None] | None = None,
) -> str:
    """One of a few options; the default stands in no address.

    Streamlit's own binding would put the words into the address, and they change with the language.

    Parameters
    ----------
    options:
        Id -> what people see.
    key:
        Of the widget and of the query parameter.
    default:
        The id that is chosen at first; the first one where it is empty.
    changed:
        Called when another one is chosen.
    """
    first = default or next(iter(options))
    if key not in st.session_state and st.query_params.get(key) in options:
        st.session_state[key] = st.query_params[key]
    if st.session_state.get(key) not in options:
        st.session_state[key] = first
    picked = st.segmented_control(label, list(options), required=True, format_func=options.__getitem__, key=key,
                                  on_change=changed, label_visibility="collapsed")  # fmt: skip
    chosen = str(picked or first)
    if chosen == first:
        st.query_params.pop(key, None)
    elif st.query_params.get(key) != chosen:
        st.query_params[key] = chosen
    return chosen
