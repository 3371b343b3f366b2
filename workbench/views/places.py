"""The pages by name: where each is found, and how to get there."""

from __future__ import annotations

import importlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import NoReturn

import streamlit as st
from streamlit.navigation.page import Page

from data.records import Reader, ReaderRole
from workbench.language import N_, _


@dataclass(frozen=True, slots=True)
class Place:
    """A page: its title, whether only the curator sees it, and whether it stands in no menu.

    Parameters
    ----------
    not_for:
        Roles of readers who have nothing to do there.
    """

    title: str
    group: str
    curator: bool = False
    hidden: bool = False
    not_for: tuple[ReaderRole, ...] = ()


PLACES: Mapping[str, Place] = {
    "home": Place(N_("Consilium"), N_("Reading"), hidden=True),
    "reading": Place(N_("My reading"), N_("Reading"), not_for=(ReaderRole.ADJUDICATOR,)),
    "adjudication": Place(N_("Adjudication"), N_("Reading"), not_for=(ReaderRole.READER, ReaderRole.CURATOR)),
    "worklist": Place(N_("Worklist"), N_("Reading")),
    "study": Place(N_("Study"), N_("Reading"), hidden=True),
    "loop": Place(N_("Loop"), N_("Learning"), curator=True),
    "consensus": Place(N_("Consensus"), N_("Learning"), curator=True),
    "triage": Place(N_("Triage"), N_("Learning"), curator=True),
    "models": Place(N_("Models"), N_("Learning"), curator=True),
    "data": Place(N_("Data"), N_("Learning"), curator=True),
    "curation": Place(N_("Curation"), N_("Learning"), curator=True),
    "readers": Place(N_("Readers"), N_("System"), curator=True),
    "settings": Place(N_("Settings"), N_("System"), curator=True),
    "log": Place(N_("Log"), N_("System"), curator=True),
    "health": Place(N_("Health"), N_("System"), curator=True),
}
_MODULES = {"loop": "rounds", "log": "audit"}


def seen_by(place: Place, reader: Reader | None) -> bool:
    """Whether a page is for whoever sits there; None is the curator, who sees all."""
    return reader is None or not (place.curator or reader.role in place.not_for)


def first_place(reader: Reader | None) -> str:
    """The page on which somebody lands: where the work is."""
    if reader is None:
        return "loop"
    return "adjudication" if reader.role == ReaderRole.ADJUDICATOR else "reading"


def page_function(name: str) -> Callable[[], None]:
    """A page's function; its module is loaded when the page is first shown."""

    def show() -> None:
        module = importlib.import_module(f"workbench.views.{_MODULES.get(name, name)}")
        module.page()

    return show


def page(name: str) -> Page:
    """A page for Streamlit's navigation. The empty address leads to ``home``, which leads on."""
    place = PLACES[name]
    return st.Page(
        page_function(name),
        title=_(place.title),
        url_path=name,
        default=name == "home",
        visibility="hidden" if place.hidden else "visible",
    )


def go(name: str, **query: str) -> NoReturn:
    """Go to a page."""
    kept = {key: str(st.session_state[key]) for key in ("task", "as") if st.session_state.get(key)}
    st.switch_page(page(name), query_params={**kept, **query})
