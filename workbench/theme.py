"""The colours of the faces, and Streamlit's settings: given in the environment, so that no working folder matters.

Dark for reading. Colours carry meaning only, and never alone: a shape or a word stands beside each.
"""

from __future__ import annotations

import os
from collections.abc import Mapping, MutableMapping, Sequence
from types import MappingProxyType

PAGE, PANEL, RAISED, LINE = "#0e1116", "#161b22", "#1c232c", "#2a323d"
TEXT, QUIET, FAINT = "#e6edf3", "#9aa7b4", "#6b7885"
ACCENT = "#4c9ffe"
GOOD, DOUBT, WRONG = "#3fb68b", "#d9a441", "#e5675f"
MODEL = "#e6edf3"
READERS: Sequence[str] = ("#56b4e9", "#e69f00", "#cc79a7", "#8fd14f", "#b39ddb", "#f0e442", "#f28e6b", "#6fd3c6")
"""One hue a reader, distinguishable for colour-blind eyes (the first three after Okabe and Ito)."""
SHAPES: Sequence[str] = ("●", "■", "▲", "◆", "▼", "◗", "◖", "★")
"""One shape a reader, beside the hue."""
FONT = "Inter, system-ui, -apple-system, 'Segoe UI', 'Helvetica Neue', Arial, sans-serif"
UPLOAD_MB = 512

SETTINGS: Mapping[str, str] = MappingProxyType(
    {
        "STREAMLIT_BROWSER_GATHER_USAGE_STATS": "false",
        "STREAMLIT_SERVER_HEADLESS": "true",
        "STREAMLIT_SERVER_SHOW_EMAIL_PROMPT": "false",
        "STREAMLIT_SERVER_FILE_WATCHER_TYPE": "none",
        "STREAMLIT_SERVER_ENABLE_STATIC_SERVING": "false",
        "STREAMLIT_SERVER_MAX_UPLOAD_SIZE": str(UPLOAD_MB),
        "STREAMLIT_CLIENT_TOOLBAR_MODE": "minimal",
        "STREAMLIT_CLIENT_SHOW_ERROR_DETAILS": "none",
        "STREAMLIT_CLIENT_SHOW_ERROR_LINKS": "false",
        "STREAMLIT_RUNNER_MAGIC_ENABLED": "false",
        "STREAMLIT_THEME_BASE": "dark",
        "STREAMLIT_THEME_PRIMARY_COLOR": ACCENT,
        "STREAMLIT_THEME_BACKGROUND_COLOR": PAGE,
        "STREAMLIT_THEME_SECONDARY_BACKGROUND_COLOR": PANEL,
        "STREAMLIT_THEME_TEXT_COLOR": TEXT,
        "STREAMLIT_THEME_LINK_COLOR": ACCENT,
        "STREAMLIT_THEME_LINK_UNDERLINE": "false",
        "STREAMLIT_THEME_BORDER_COLOR": LINE,
        "STREAMLIT_THEME_FONT": FONT,
        "STREAMLIT_THEME_HEADING_FONT": FONT,
        "STREAMLIT_THEME_BASE_FONT_SIZE": "14",
        "STREAMLIT_THEME_BASE_RADIUS": "4px",
        "STREAMLIT_THEME_BUTTON_RADIUS": "4px",
        "STREAMLIT_THEME_SHOW_WIDGET_BORDER": "true",
        "STREAMLIT_THEME_SHOW_SIDEBAR_BORDER": "true",
    }
)
"""Streamlit's settings: nothing is sent anywhere, no chrome, the house's colours."""


def apply_settings(environment: MutableMapping[str, str] | None = None) -> None:
    """Set Streamlit's settings in the environment; it must happen before Streamlit reads them."""
    (os.environ if environment is None else environment).update(SETTINGS)
