"""The canvas as a part of a page."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import TYPE_CHECKING

import streamlit as st

from workbench.language import N_, _
from workbench.viewer.canvas_files import address, files
from workbench.viewer.scene import Scene

if TYPE_CHECKING:
    from streamlit.components.v2.types import ComponentRenderer

WORDS: Sequence[str] = (
    N_("{n} cm"),
    N_("{n} mm"),
    N_("Angle"),
    N_("Axial"),
    N_("Close"),
    N_("Colour"),
    N_("Coronal"),
    N_("Delete key"),
    N_("Delete the last measure"),
    N_("Delete {what}"),
    N_("Difference"),
    N_("Ellipse"),
    N_("Filled"),
    N_("First of the compared"),
    N_("First or last slice"),
    N_("Fit"),
    N_("Heat map"),
    N_("How {who} is drawn"),
    N_("Invert"),
    N_("Keys"),
    N_("Length"),
    N_("Linked"),
    N_("Loading"),
    N_("Masks"),
    N_("Masks on or off"),
    N_("Measures"),
    N_("Opacity"),
    N_("Opacity of the heat map"),
    N_("Orientation not known"),
    N_("Pan"),
    N_("Pictures"),
    N_("Pictures could not be loaded."),
    N_("Play"),
    N_("Presets"),
    N_("Reload"),
    N_("Reset"),
    N_("Sagittal"),
    N_("Scroll"),
    N_("Second of the compared"),
    N_("Slice by slice"),
    N_("Slice {n} of {of}"),
    N_("Space"),
    N_("Ten slices"),
    N_("These addresses are no longer valid. Reload the page."),
    N_("This list"),
    N_("Three planes"),
    N_("Try again"),
    N_("Viewer"),
    N_("Who outlined"),
    N_("Window"),
    N_("Window as given"),
    N_("Window by dragging"),
    N_("Window presets"),
    N_("Zoom"),
    N_("mean {mean}, SD {sd}"),
    N_("only {who}: {count} px"),
    N_("page {n} of {of}"),
    N_("window {centre} / {width}"),
)
"""Every word of the canvas, as ``t(...)`` has it there."""

_LOAD = """
const folder = new URL("{address}/", window.location.origin);
for (const name of {modules}) {
  const link = Object.assign(document.createElement("link"), { rel: "modulepreload", href: folder + name });
  document.head.append(link);
}
const canvas = await import(folder + "main.js");
export default (component) => canvas.default(component);
"""


@lru_cache(maxsize=1)
def _component() -> ComponentRenderer:
    """The component. A few inline lines import its modules: they work however the package is installed."""
    modules = json.dumps([name for name in files() if name.endswith(".js")])
    load = _LOAD.replace("{address}", address()).replace("{modules}", modules)
    return st.components.v2.component("consilium_viewer", js=load)


def words() -> Mapping[str, str]:
    """The canvas's words in the language of the page: English -> what is shown."""
    return {word: _(word) for word in WORDS}


def viewer(scene: Scene, *, key: str) -> str:
    """Show a scene. Returns what the viewer asks for: ``heat``, or empty text.

    Nothing of wheel, drag or keys comes back to the page: what is shown changes in the browser alone.
    """
    shown = scene.as_dict()
    shown["words"] = scene.words or words()
    result = _component()(data=shown, key=key, on_ask_change=lambda: None)
    return str(result.get("ask") or "")
