"""The colours of the faces, and Streamlit's settings, given in code so that no working folder matters.

Dark for reading. Colours carry meaning only, and never alone: a shape or a word stands beside each.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
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
UPLOAD_MB = 500

SETTINGS: Mapping[str, bool | int | str] = MappingProxyType(
    {
        "browser.gatherUsageStats": False,
        "server.headless": True,
        "server.showEmailPrompt": False,
        "server.fileWatcherType": "none",
        "server.enableStaticServing": False,
        "server.maxUploadSize": UPLOAD_MB,
        "client.toolbarMode": "minimal",
        "client.showErrorDetails": "none",
        "client.showErrorLinks": False,
        "runner.magicEnabled": False,
        "theme.base": "dark",
        "theme.primaryColor": ACCENT,
        "theme.backgroundColor": PAGE,
        "theme.secondaryBackgroundColor": PANEL,
        "theme.textColor": TEXT,
        "theme.linkColor": ACCENT,
        "theme.linkUnderline": False,
        "theme.borderColor": LINE,
        "theme.font": FONT,
        "theme.headingFont": FONT,
        "theme.baseFontSize": 14,
        "theme.baseRadius": "4px",
        "theme.buttonRadius": "4px",
        "theme.showWidgetBorder": True,
        "theme.showSidebarBorder": True,
    }
)
"""Streamlit's settings: nothing is sent anywhere, no chrome, the house's colours."""


def apply_settings() -> None:
    """Give Streamlit its settings. They go before any file of settings, whatever the working folder is."""
    from streamlit import config  # noqa: PLC0415 - heavy

    config.get_config_options(force_reparse=True, options_from_flags=dict(SETTINGS))
