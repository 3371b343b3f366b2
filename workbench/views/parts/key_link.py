"""A link that a key opens, in a tab of its own. Streamlit keeps C and R for itself: this hears them first."""

from __future__ import annotations

import streamlit as st

_SCRIPT = """
const TYPED = "textarea, select, [contenteditable=true], input:not([type=checkbox], [type=radio], [type=range])," +
  " [role=combobox], [role=listbox], [role=slider], [role=dialog]";
const latin = ({ key, code }) => /^[a-z]$/i.test(key) ? key.toLowerCase()
  : /^Key[A-Z]$/.test(code) && key.length === 1 ? code.slice(3).toLowerCase() : key;
export default function ({ data, parentElement }) {
  const link = parentElement.querySelector("a");
  link.href = data.address;
  link.querySelector("span").textContent = data.words;
  link.querySelector("small").textContent = data.letter.toUpperCase();
  link.setAttribute("aria-keyshortcuts", data.letter);
  const heard = (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || event.shiftKey || event.repeat) return;
    const focused = event.composedPath()[0];
    if (latin(event) !== data.letter || !link.isConnected) return;
    if (focused instanceof Element && focused.closest(TYPED)) return;
    event.preventDefault();
    event.stopImmediatePropagation();
    link.click();
  };
  window.addEventListener("keydown", heard, true);
  return () => window.removeEventListener("keydown", heard, true);
}
"""


def key_link(words: str, address: str, *, letter: str, key: str) -> None:
    """Show the link as a button.

    Parameters
    ----------
    letter:
        The key that opens it, as a small Latin letter; it is heard on keyboards of other alphabets, too, and not
        while somebody types.
    """
    html = '<a class="c-button" target="_blank" rel="noopener"><span></span><small aria-hidden="true"></small></a>'
    component = st.components.v2.component("consilium_key_link", html=html, js=_SCRIPT, isolate_styles=False)
    component(data={"words": words, "address": address, "letter": letter}, key=key, width="content")
