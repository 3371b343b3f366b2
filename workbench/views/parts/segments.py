"""What of a page is shown, as a row of names, kept in the address."""

from __future__ import annotations

from collections.abc import Mapping

import streamlit as st


def segments(label: str, options: Mapping[str, str], *, key: str, default: str = "") -> str:
    """One of several parts of a page; the default stands in no address.

    Parameters
    ----------
    label:
        For those who do not see it.
    options:
        Id -> what people see.
    key:
        Of the widget and of the query parameter.
    default:
        The first one where it is empty.
    """
    first, named = default or next(iter(options)), st.query_params.get(key)
    if key not in st.session_state:
        st.session_state[key] = named if named in options else first
    chosen = st.segmented_control(
        label, list(options), key=key, required=True, label_visibility="collapsed", format_func=options.__getitem__
    )
    if chosen == first or chosen is None:
        st.query_params.pop(key, None)
    elif named != chosen:
        st.query_params[key] = chosen
    return chosen or first
