"""The colours of the faces, and Streamlit's settings, given in code so that no working folder matters.

Dark for reading. Colours carry meaning only, and never alone: a shape or a word stands beside each.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType


@dataclass(frozen=True, slots=True)
class Palette:
    """The colours of one look; each text colour has a contrast of 4.5 or more on page, panel and raised (WCAG AA).

    Parameters
    ----------
    model:
        Of what a model says, beside a dashed line.
    readers:
        One hue a reader, the same in both looks, distinguishable for colour-blind eyes (the first three after
        Okabe and Ito).
    now:
        The ground of what is current.
    """

    name: str
    page: str
    panel: str
    raised: str
    line: str
    text: str
    quiet: str
    faint: str
    accent: str
    good: str
    doubt: str
    wrong: str
    model: str
    now: str
    readers: tuple[str, ...]


DARK = Palette(
    name="dark", page="#0e1116", panel="#161b22", raised="#1c232c", line="#2a323d", text="#e6edf3",
    quiet="#9aa7b4", faint="#8592a0", accent="#4c9ffe", good="#3fb68b", doubt="#d9a441", wrong="#f0766e",
    model="#e6edf3", now="#14263c",
    readers=("#56b4e9", "#e69f00", "#cc79a7", "#8fd14f", "#b39ddb", "#f0e442", "#f28e6b", "#6fd3c6"),
)  # fmt: skip
LIGHT = Palette(
    name="light", page="#ffffff", panel="#f5f7f9", raised="#eaeef2", line="#cfd7df", text="#1b2229",
    quiet="#4a5662", faint="#5c6873", accent="#0b5cad", good="#13714e", doubt="#835300", wrong="#b3261e",
    model="#1b2229", now="#e3effc",
    readers=("#0072b2", "#a86400", "#a84c81", "#4a7d12", "#6a4fb3", "#7d7400", "#b4481f", "#127a6e"),
)  # fmt: skip


def palette() -> Palette:
    """The colours of the page that is drawn just now; dark where there is no page."""
    context = sys.modules.get("streamlit.runtime.scriptrunner_utils.script_run_context")
    if context is None or context.get_script_run_ctx(suppress_warning=True) is None:
        return DARK
    import streamlit as st  # noqa: PLC0415 - loaded already

    return LIGHT if st.context.theme.type == "light" else DARK


PAGE, PANEL, RAISED, LINE = DARK.page, DARK.panel, DARK.raised, DARK.line
TEXT, QUIET, FAINT = DARK.text, DARK.quiet, DARK.faint
ACCENT, GOOD, DOUBT, WRONG, MODEL = DARK.accent, DARK.good, DARK.doubt, DARK.wrong, DARK.model
"""Over pictures, which are black in both looks; pages and plots ask :func:`palette`."""
READERS: Sequence[str] = DARK.readers
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
        **{
            f"theme.{look.name}.{option}": colour
            for look in (DARK, LIGHT)
            for option, colour in (
                ("primaryColor", look.accent),
                ("backgroundColor", look.page),
                ("secondaryBackgroundColor", look.panel),
                ("textColor", look.text),
                ("linkColor", look.accent),
                ("borderColor", look.line),
            )
        },
        "theme.linkUnderline": False,
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
