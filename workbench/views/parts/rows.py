"""HTML whose rows open something: a click comes back to the page without loading it anew."""

from __future__ import annotations

import streamlit as st

from workbench.views.parts.markup import Html

_SCRIPT = """
export default function ({ data, parentElement, setTriggerValue }) {
  const place = parentElement.querySelector(".c-rows");
  if (place.dataset.html !== data.html) { place.innerHTML = data.html; place.dataset.html = data.html; }
  place.onclick = (event) => {
    const row = event.target.closest("[data-open]");
    if (!row || event.metaKey || event.ctrlKey || event.shiftKey || event.button) return;
    const link = event.target.closest("a");
    if (link && link.target === "_blank") return;
    event.preventDefault();
    setTriggerValue("open", row.dataset.open);
  };
}
"""


def rows(html: Html, *, key: str) -> str:
    """Show HTML; what was clicked comes back: the ``data-open`` of the row, or empty text.

    A link inside keeps its address, so that it can be opened in another tab.
    """
    component = st.components.v2.component(
        "consilium_rows", html='<div class="c c-rows"></div>', js=_SCRIPT, isolate_styles=False
    )
    result = component(data={"html": str(html)}, key=key, on_open_change=_nothing)
    return str(getattr(result, "open", None) or "")


def _nothing() -> None:
    """Streamlit wants a callback for each trigger."""
