"""When the answers of a round were last fetched, by whoever did."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

from data.home import Home


def mark_of(home: Home, round_id: str) -> Path:
    """The file whose time says when."""
    return home.path / "fetched" / round_id


def note_fetch(home: Home, round_id: str) -> None:
    """The answers of a round were fetched just now."""
    mark = mark_of(home, round_id)
    mark.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    mark.touch()


def last_fetch(home: Home, round_id: str) -> str:
    """When that was, in UTC; empty where it never was."""
    try:
        at = mark_of(home, round_id).stat().st_mtime
    except OSError:
        return ""
    return datetime.fromtimestamp(at, UTC).isoformat(timespec="seconds")
