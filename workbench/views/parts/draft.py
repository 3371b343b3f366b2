"""What somebody has typed or chosen and not sent yet: it outlives a change of page, and an error."""

from __future__ import annotations

import streamlit as st

_KEPT = "drafts"


def restored(key: str) -> str:
    """The key of a widget, whose last value is put back where Streamlit has forgotten it."""
    kept = st.session_state.setdefault(_KEPT, {})
    if key not in st.session_state and key in kept:
        st.session_state[key] = kept[key]
    return key


def note(key: str) -> None:
    """Remember what a widget was changed to, as its ``on_change``: also if its page is left before it has run."""
    st.session_state.setdefault(_KEPT, {})[key] = st.session_state.get(key)


def forget(beginning: str) -> None:
    """Forget the drafts whose keys begin so: they were sent."""
    kept = st.session_state.setdefault(_KEPT, {})
    for key in [key for key in kept if key.startswith(beginning)]:
        del kept[key]
