"""The Streamlit workbench: navigation, the task, and who sits there. Streamlit runs this file on each action."""

from __future__ import annotations

import streamlit as st

from workbench.language import _
from workbench.order import in_order
from workbench.style import style_sheet
from workbench.theme import palette
from workbench.views.parts import jobs, words
from workbench.views.parts.choice import choose
from workbench.views.parts.context import SEAT, TASK, here
from workbench.views.parts.frame import show
from workbench.views.parts.markup import Html, join, tag
from workbench.views.parts.switches import switches
from workbench.views.places import PLACES, page, seen_by


def _links() -> Html:
    pairs = ((_("Demo"), "/gradio/"), ("API", "/docs"))
    return join((tag("a", name, href=address, target="_blank") for name, address in pairs), " · ")


def _choices() -> None:
    """The side bar: the task, where there are several, and who sits there."""
    tasks = in_order(here().store)
    if len(tasks) > 1:
        choose(_("Task"), {name: _(task.title) for name, task in tasks.items()}, key=TASK)
        place = here()
        jobs.follow(place.home, jobs.latest(place.store, "demo.play", task=place.task.name))
    readers = {reader.reader_id: words.reader_name(reader) for reader in here().store.reads.readers()}
    choose(_("Reading as"), {"": _(words.CURATOR), **readers}, key=SEAT)


def main() -> None:
    """Draw the frame and the page that was asked for."""
    st.set_page_config(page_title=words.NAME, layout="wide", initial_sidebar_state="auto", menu_items={})
    st.html(style_sheet(palette()))
    with st.sidebar:
        _choices()
        if here().reader is None:
            jobs.running_line(here().home)
        show(tag("p", _links(), cls="c-small"))
        switches()
    groups: dict[str, list[st.Page]] = {}
    reader = here().reader
    for name, place in PLACES.items():
        if seen_by(place, reader):
            groups.setdefault(_(place.group), []).append(page(name))
    st.navigation(groups, position="sidebar", expanded=True).run()


main()
