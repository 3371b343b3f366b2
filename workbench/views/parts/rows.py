"""HTML whose rows open something: a click comes back to the page without loading it anew. Rows can be ticked."""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import dataclass, field
from html import escape

import streamlit as st

from workbench.views.parts.markup import Html, tag

_SCRIPT = """
export default function ({ data, parentElement, setTriggerValue, setStateValue }) {
  const place = parentElement.querySelector(".c-rows");
  const boxes = () => [...place.querySelectorAll("[data-tick]")];
  const every = () => place.querySelector("[data-tick-all]");
  const sum = () => {
    const head = every();
    if (!head) return;
    const on = boxes().filter((box) => box.checked).length;
    head.checked = on > 0 && on === boxes().length;
    head.indeterminate = on > 0 && on < boxes().length;
  };
  const anew = place.dataset.html !== data.html;
  if (anew) { place.innerHTML = data.html; place.dataset.html = data.html; }
  if (anew || place.dataset.turn !== String(data.turn)) {
    const ticked = new Set(data.ticked);
    for (const box of boxes()) box.checked = ticked.has(box.dataset.tick);
    place.dataset.turn = String(data.turn);
    sum();
  }
  place.onchange = (event) => {
    if (event.target === every()) for (const box of boxes()) box.checked = event.target.checked;
    sum();
    const named = (some) => some.map((box) => box.dataset.tick);
    setStateValue("ticks", { shown: named(boxes()), ticked: named(boxes().filter((box) => box.checked)) });
  };
  place.onclick = (event) => {
    if (event.target.closest(".c-tick")) return;
    const row = event.target.closest("[data-open]");
    if (!row || event.metaKey || event.ctrlKey || event.shiftKey || event.button) return;
    const link = event.target.closest("a");
    if (link && link.target === "_blank") return;
    event.preventDefault();
    setTriggerValue("open", row.dataset.open);
  };
}
"""


@dataclass(frozen=True, slots=True)
class Ticks:
    """Which rows are ticked, as the page knows it.

    Parameters
    ----------
    ticked:
        The ids of ticked rows, those that are not shown included.
    turn:
        Another number where the page itself changed them: the browser's own ticks are set anew.
    changed:
        Called with the ids that are shown and those of them that are ticked, when somebody ticked.
    """

    ticked: Collection[str] = ()
    turn: int = 0
    changed: Callable[[Collection[str], Collection[str]], None] = field(default=lambda shown, ticked: None)


def rows(html: Html, *, key: str, ticks: Ticks | None = None) -> str:
    """Show HTML; what was clicked comes back: the ``data-open`` of the row, or empty text.

    A link inside keeps its address, so that it can be opened in another tab. What :func:`tick` and
    :func:`tick_all` make is ticked and does not open its row.
    """
    component = st.components.v2.component(
        "consilium_rows", html='<div class="c c-rows"></div>', js=_SCRIPT, isolate_styles=False
    )
    ticks = ticks or Ticks()

    def changed() -> None:
        said = st.session_state[key]["ticks"]
        ticks.changed(said["shown"], said["ticked"])

    data = {"html": str(html), "ticked": list(ticks.ticked), "turn": ticks.turn}
    result = component(data=data, key=key, on_open_change=_nothing, on_ticks_change=changed)
    return str(getattr(result, "open", None) or "")


def tick(id_: str, label: str) -> Html:
    """A box that ticks the row of an id; the label is for those who do not see the row."""
    return _box(f'data-tick="{escape(id_)}"', label)


def tick_all(label: str) -> Html:
    """A box that ticks every row that is shown, or none."""
    return _box("data-tick-all", label)


def _box(kind: str, label: str) -> Html:
    box = Html(f'<input type="checkbox" {kind} aria-label="{escape(label)}">')
    return tag("label", box, cls="c-tick", title=label)


def _nothing() -> None:
    """Streamlit wants a callback for each trigger."""
