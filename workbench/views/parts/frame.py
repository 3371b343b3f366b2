"""What stands around every page: title, notice, what is missing, what went wrong."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from functools import wraps

import streamlit as st

from data.errors import ConsiliumError
from workbench.language import _, told
from workbench.views.parts import words
from workbench.views.parts.markup import coded, tag


def show(*parts: object) -> None:
    """HTML in the style of the pages."""
    st.html(tag("div", *parts, cls="c"))


def header(title: str, *aside: object) -> None:
    """The page's title, with what it is about beside it."""
    show(tag("div", tag("h1", title, cls="c-title"), *aside, cls="c-head"))


def section(title: str) -> None:
    """The title of a part of the page."""
    show(tag("h2", title, cls="c-section"))


def notice() -> None:
    """What stands at the foot of every page."""
    show(tag("p", _(words.NOTICE), cls="c-notice"))


def empty(title: str, what: str, command: str = "") -> None:
    """What belongs here and how to get it there, with the command."""
    parts = [tag("b", title), tag("p", what)]
    show(tag("div", *parts, *([tag("code", command)] if command else []), cls="c-empty"))


def note(words_: object, tone: str = "") -> None:
    """A sentence that must be seen."""
    show(tag("div", words_, cls=f"c-box c-{tone}" if tone else "c-box"))


def failure(error: Mapping[str, str]) -> None:
    """An error: what went wrong, what was given, what was expected, what to do. It can be copied."""
    labels = (("given", _("Given")), ("expected", _("Expected")), ("do", _("What to do")))
    pairs = [(label, error[name]) for name, label in labels if error.get(name)]
    listed = [part for label, value in pairs for part in (tag("dt", label), tag("dd", coded(told(value))))]
    title = told(error.get("error", "")) or _("It failed without saying why.")
    show(tag("div", tag("b", title), tag("dl", *listed) if listed else "", cls="c-box c-wrong", role="alert"))


@contextmanager
def failures() -> Iterator[None]:
    """Show an error that a user can mend in the place where it happened."""
    try:
        yield
    except ConsiliumError as error:
        failure(error.as_dict())


def framed(page: Callable[[], None]) -> Callable[[], None]:
    """A page with its notice; an error that a user can mend is shown, not thrown."""

    @wraps(page)
    def inside() -> None:
        with failures():
            page()
        notice()

    return inside
