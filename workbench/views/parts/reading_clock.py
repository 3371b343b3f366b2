"""How long a case was looked at: from its opening to its answer, over several visits, without other pages."""

from __future__ import annotations

import time
from dataclasses import dataclass, field

import streamlit as st

_CLOCK = "reading clock"


@dataclass
class Clock:
    """The time that cases were open.

    Parameters
    ----------
    request_id, since_s:
        The case that is open, and since when.
    before_s:
        Seconds of earlier visits, by case.
    unknown:
        Cases that were open while another page was looked at: how long they took is not known.
    """

    request_id: str = ""
    since_s: float = 0.0
    before_s: dict[str, float] = field(default_factory=dict)
    unknown: set[str] = field(default_factory=set)

    def open(self, request_id: str, now_s: float, *, came_back: bool = False) -> None:
        """A case is shown; ``came_back`` where the page before was another one."""
        if came_back and self.request_id:
            self.unknown.add(self.request_id)
            self.request_id = ""
        if request_id == self.request_id:
            return
        if self.request_id:
            self.before_s[self.request_id] = self.before_s.get(self.request_id, 0.0) + now_s - self.since_s
        self.request_id, self.since_s = request_id, now_s

    def took(self, request_id: str, now_s: float) -> float | None:
        """Seconds that a case was open; None where that is not known."""
        if request_id != self.request_id or request_id in self.unknown:
            return None
        return self.before_s.get(request_id, 0.0) + now_s - self.since_s

    def answered(self, request_id: str) -> None:
        """A case has its answer: what comes after is another read."""
        self.before_s.pop(request_id, None)
        self.unknown.discard(request_id)
        if self.request_id == request_id:
            self.request_id = ""


def clock() -> Clock:
    """The clock of the visit."""
    kept: Clock = st.session_state.setdefault(_CLOCK, Clock())
    return kept


def opened(request_id: str, *, came_back: bool) -> None:
    """Note that a case is shown."""
    clock().open(request_id, time.monotonic(), came_back=came_back)


def took(request_id: str) -> float | None:
    """How long a case was open until now, in seconds; None where that is not known."""
    return clock().took(request_id, time.monotonic())
