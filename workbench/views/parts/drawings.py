"""The picture of a disputed case: each reader's outline in a colour of its own, and where they differ."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import streamlit as st
from numpy.typing import NDArray

from data.answers import Mask, MaskValue, Question, Site
from data.records import Prediction, Study
from workbench import outlines
from workbench.adjudicating import Case, Voice
from workbench.outlines_compared import dice, differing, drawn_by
from workbench.pictures import enlarged, png, with_difference, with_names, with_outlines
from workbench.theme import DOUBT, MODEL, TEXT
from workbench.views.parts import words
from workbench.views.parts.answers_compared import colour_of, mark, model_mark
from workbench.views.parts.context import Here
from workbench.views.parts.frame import show
from workbench.views.parts.markup import join, table, tag
from workbench.views.parts.viewer import caption, choose_window, pages_of, pixels_of

Drawing = Mapping[Site, MaskValue]
"""By page."""


def masks_of(place: Here) -> list[Question]:
    """The questions that are answered by outlines."""
    return [question for question in place.task.form.questions if isinstance(question.kind, Mask)]


def picture(place: Here, case: Case, study: Study, model: Prediction | None, chosen: Drawing) -> None:
    """Show a page with the outlines of those who are switched on.

    Parameters
    ----------
    model:
        Its outlines are offered too, where it is in view.
    chosen:
        What is about to be decided, by page: drawn solid.
    """
    pages, asked = pages_of(place.task, study), masks_of(place)
    drew = [v for v in case.voices if any(drawn_by(v, question) for question in asked)]
    split = _split(place, case.voices, str(place.home.path), stamp_of(case)) if drew else {}
    index = _page(case, len(pages), split, drew, asked)
    window = choose_window(pages[index].series)
    with st.container(horizontal=True, gap="medium"):
        on = _switches(case, drew, split=bool(split), model=bool(outlines.by_page(model)))
    shown = pixels_of(place, pages[index], window)
    drawn = enlarged(shown, outlines.LEAST_PX) if drew else shown
    if "difference" in on and index in split:
        drawn = with_difference(drawn, split[index], DOUBT)
    lines = [(m, colour_of(v)) for v in drew if v.name in on for m in _on_page(place, v, asked, index)]
    width = max(1, round(max(drawn.shape) / 500))
    drawn = with_names(with_outlines(drawn, lines, width_px=width), _numbers(place, drew, on, asked, index))
    if "model" in on:
        dashed = [(m, MODEL) for m in _of_model(place, model, index)]
        drawn = with_outlines(drawn, dashed, width_px=width, dash_px=6 * width)
    decided = chosen.get(Site.page(index))
    if decided is not None:
        drawn = with_outlines(drawn, [(m, TEXT) for m in _masks(place, decided)], width_px=2 * width)
    alt = f"{study.label}, page {index + 1} of {len(pages)}"
    st.image(png(drawn), width="stretch", output_format="PNG", alt=alt)
    if drew:
        _legend(drew, on, chosen=bool(chosen), differs=index in split and bool(split[index].any()))
    caption(pages[index], study, shown.shape[1])


def likeness(place: Here, case: Case, question: Question) -> None:
    """Dice of each pair of readers, label by label, over all pages."""
    found = _pairs(place, case.voices, question.name, str(place.home.path), stamp_of(case))
    pairs = sorted({pair for of in found.values() for pair in of})
    if not pairs:
        return
    heads = ["Dice, all pages", *(f"{one + 1} and {other + 1}" for one, other in pairs)]
    rows = [[words.short(label), *(f"{of[pair]:.2f}" for pair in pairs)] for label, of in found.items()]
    show(tag("div", table(heads, rows, numeric=range(1, len(heads))), style="overflow-x:auto"))


def stamp_of(case: Case) -> str:
    """What changes when a read of the case does."""
    return " ".join(f"{v.annotation.annotation_id}:{v.annotation.revision}" for v in case.voices)


@st.cache_data(show_spinner="comparing the outlines", max_entries=16)
def _split(_place: Here, _voices: Sequence[Voice], home: str, stamp: str) -> dict[int, NDArray[np.bool_]]:
    """Where the readers differ, by page; home and reads are the cache's key."""
    return differing(_voices, masks_of(_place), _place.task.form, _place.blobs)


@st.cache_data(show_spinner=False, max_entries=64)
def _pairs(
    _place: Here, _voices: Sequence[Voice], question: str, home: str, stamp: str
) -> dict[str, dict[tuple[int, int], float]]:
    """Dice of each pair; question, home and reads are the cache's key."""
    return dice(_voices, _place.task.form[question], _place.blobs)


def _page(
    case: Case, count: int, split: Mapping[int, NDArray[np.bool_]], drew: list[Voice], asked: list[Question]
) -> int:
    """The page to show, from 0: first the one on which the readers differ most."""
    if count < 2:
        return 0
    amount = {page: int(np.count_nonzero(mask)) for page, mask in split.items() if page < count}
    for voice in drew:
        for question in asked:
            for site in drawn_by(voice, question):
                amount.setdefault(site.page_index or 0, 0)
    start = max(amount, key=lambda page: (amount[page], -page)) if amount else count // 2
    number: int = st.slider("Page", 1, count, start + 1, key=f"page {case.request.request_id}")
    return number - 1


def _switches(case: Case, drew: list[Voice], *, split: bool, model: bool) -> set[str]:
    """Whose outlines are shown, and whether the difference is."""
    name, on = case.request.request_id, set[str]()
    for voice in drew:
        if st.toggle(voice.name, value=True, key=f"line {voice.position} {name}"):
            on.add(voice.name)
    if split and st.toggle("Difference", value=True, key=f"difference {name}", help="What not all have marked."):
        on.add("difference")
    if model and st.toggle("Model", value=True, key=f"line model {name}"):
        on.add("model")
    return on


def _on_page(place: Here, voice: Voice, asked: list[Question], index: int) -> list[NDArray[np.bool_]]:
    values = [drawn_by(voice, question).get(Site.page(index)) for question in asked]
    return [m for value in values if value is not None for m in _masks(place, value)]


def _numbers(
    place: Here, drew: list[Voice], on: set[str], asked: list[Question], index: int
) -> list[tuple[NDArray[np.bool_], str, str]]:
    """A reader's number beside what the reader drew on a page: colours alone would not do."""
    found = []
    for voice in drew:
        masks = _on_page(place, voice, asked, index)
        if voice.name in on and masks:
            found.append((np.logical_or.reduce(masks), str(voice.position + 1), colour_of(voice)))
    return found


def _of_model(place: Here, model: Prediction | None, index: int) -> list[NDArray[np.bool_]]:
    return [m for _, value in outlines.by_page(model).get(index, ()) for m in _masks(place, value)]


def _masks(place: Here, value: MaskValue) -> list[NDArray[np.bool_]]:
    return [place.blobs.get_mask(blob, value.shape) for _, blob in value.masks]


def _legend(drew: list[Voice], on: set[str], *, chosen: bool, differs: bool) -> None:
    marks = [join((mark(v), " ", v.name)) for v in drew if v.name in on]
    marks += [join((model_mark(), " Model"))] if "model" in on else []
    if "difference" in on:
        said = "▨ not all have marked it" if differs else "▨ no difference on this page"
        marks.append(tag("span", said, cls="c-doubt"))
    marks += [join(("━ ", "your choice"))] if chosen else []
    show(tag("div", join((tag("span", m, cls="c-nowrap") for m in marks), " · "), cls="c-small c-quiet"))
