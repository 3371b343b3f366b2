"""The empty address: whoever comes lands where the work is."""

from __future__ import annotations

import streamlit as st

from workbench.views.parts.context import SEAT
from workbench.views.places import go


def page() -> None:
    """Lead a reader to the queue, and the curator to the rounds."""
    go("reading" if st.session_state.get(SEAT) else "loop")
