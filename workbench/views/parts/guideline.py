"""The guideline that reads follow, as readers open it: in their language where it came with the task."""

from __future__ import annotations

import streamlit as st

from data.records import Guideline
from models.config import guideline_text
from workbench.language import ENGLISH, _, language
from workbench.views.parts import words
from workbench.views.parts.context import Here
from workbench.views.parts.frame import show
from workbench.views.parts.markup import tone


def of_task(place: Here) -> None:
    """The guideline that stands; nothing before one was published."""
    newest = place.store.guidelines.newest(place.task.name)
    if newest is None:
        return
    with st.expander(_("Guideline, version {version}", version=newest.version)):
        show(tone(_("Published {day}.", day=words.day(newest.created_at)), "quiet"))
        st.markdown(text_of(newest))


def text_of(guideline: Guideline) -> str:
    """A guideline in the language of the page; as it was published where that very text has no translation."""
    if language() == ENGLISH or guideline.text != guideline_text(guideline.task):
        return guideline.text
    return guideline_text(guideline.task, language()) or guideline.text


def of_reader(place: Here, reader_id: str) -> None:
    """The same, with whether it has changed since the reader's last read."""
    newest = place.store.guidelines.newest(place.task.name)
    if newest is None:
        return
    reads = [a for a in place.store.reads.annotations(place.task.name, reader_id=reader_id) if a.request_id]
    if reads and reads[-1].guideline != newest.version:
        show(tone(_("▲ The guideline has changed since your last read."), "doubt"))
    of_task(place)
