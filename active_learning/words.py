"""How questions, options and sites are spoken of in a reason."""

from __future__ import annotations

from data.answers import Site


def spoken(name: str) -> str:
    """A question's or option's name without its underscores."""
    return name.replace("_", " ")


def place(site: Site) -> str:
    """A site with its preposition and a space before it; empty for the study as a whole."""
    kind, _, rest = site.key.partition(":")
    match kind:
        case "page":
            return f" on page {int(rest) + 1}"
        case "level":
            return f" at {rest.replace(':', ', ')}"
        case "lesion":
            return f" in lesion {rest}"
    return ""
