"""The canvas as a part of a page."""

from __future__ import annotations

from workbench.viewer.scene import Scene


def viewer(scene: Scene, *, key: str) -> str:
    """Show a scene. Returns what the viewer asks for: ``heat``, or empty text.

    Nothing of wheel, drag or keys comes back to the page: what is shown changes in the browser alone.
    """
    raise NotImplementedError
