"""The style sheet of the Streamlit pages: dense but calm, tabular figures, an 8 px grid, no chrome.

What it says lies in ``styles/*.css``, one file a subject; the colours come from the look.
"""

from __future__ import annotations

from dataclasses import asdict
from functools import cache
from pathlib import Path

from workbench.theme import Palette

FOLDER = Path(__file__).with_name("styles")


@cache
def _written() -> str:
    return "".join(file.read_text(encoding="utf-8") for file in sorted(FOLDER.glob("*.css")))


def style_sheet(palette: Palette) -> str:
    """The whole sheet in a look's colours, as one ``<style>`` element."""
    colours = " ".join(
        f"--{name}: {colour};" for name, colour in asdict(palette).items() if isinstance(colour, str)
    )
    return f"<style>:root {{ color-scheme: {palette.name}; {colours} }}\n{_written()}</style>"
