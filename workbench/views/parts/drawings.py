"""The pictures of a disputed case: each reader's outline in a colour of its own, and where they differ."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import streamlit as st
from numpy.typing import NDArray

from data.answers import Mask, MaskValue, Question, Site
from data.records import Prediction, Study
from workbench.adjudicating import Case, Voice
from workbench.language import _, n_
from workbench.outlines_compared import dice, differing, drawn_by
from workbench.viewer.shown import Shown
from workbench.views.parts import viewer, words
from workbench.views.parts.context import Here
from workbench.views.parts.frame import show
from workbench.views.parts.markup import table, tag

Drawing = Mapping[Site, MaskValue]
"""By page."""


def masks_of(place: Here) -> list[Question]:
    """The questions that are answered by outlines."""
    return [question for question in place.task.form.questions if isinstance(question.kind, Mask)]


def picture(place: Here, case: Case, study: Study, model: Prediction | None, chosen: Drawing) -> None:
    """Show the study's pictures with the outlines of each reader, and the difference of any two.

    Parameters
    ----------
    model:
        Its outlines are offered too, where it is in view.
    chosen:
        What is about to be decided, by page.
    """
    asked = masks_of(place)
    drew = [v for v in case.voices if any(drawn_by(v, question) for question in asked)]
    split = _split(place, case.voices, str(place.home.path), stamp_of(case)) if drew else {}
    shown = Shown(
        predictions=(model,) if model else (),
        reads=tuple(voice.annotation for voice in case.voices),
        names=False,
        chosen=chosen,
        page=_page(split, drew, asked),
    )
    viewer.picture(place, study, shown)
    if drew:
        show(tag("div", differ(split), cls="c-small c-quiet"))


def likeness(place: Here, case: Case, question: Question) -> None:
    """Dice of each pair of readers, label by label, over all pages."""
    found = _pairs(place, case.voices, question.name, str(place.home.path), stamp_of(case))
    pairs = sorted({pair for of in found.values() for pair in of})
    if not pairs:
        return
    heads = [_("Dice, all pages"), *(_("{one} and {other}", one=a + 1, other=b + 1) for a, b in pairs)]
    rows = [[words.short(label), *(f"{of[pair]:.2f}" for pair in pairs)] for label, of in found.items()]
    show(tag("div", table(heads, rows, numeric=range(1, len(heads))), style="overflow-x:auto"))


def stamp_of(case: Case) -> str:
    """What changes when a read of the case does."""
    return " ".join(f"{v.annotation.annotation_id}:{v.annotation.revision}" for v in case.voices)


@st.cache_data(show_spinner=False, max_entries=16)
def _split(_place: Here, _voices: Sequence[Voice], home: str, stamp: str) -> dict[int, NDArray[np.bool_]]:
    """Where the readers differ, by page; home and reads are the cache's key."""
    return differing(_voices, masks_of(_place), _place.task.form, _place.blobs)


@st.cache_data(show_spinner=False, max_entries=64)
def _pairs(
    _place: Here, _voices: Sequence[Voice], question: str, home: str, stamp: str
) -> dict[str, dict[tuple[int, int], float]]:
    """Dice of each pair; question, home and reads are the cache's key."""
    return dice(_voices, _place.task.form[question], _place.blobs)


def _page(split: Mapping[int, NDArray[np.bool_]], drew: Sequence[Voice], asked: Sequence[Question]) -> int | None:
    """The page on which the readers differ most, from 0; None where nobody drew anything."""
    amount = {page: int(np.count_nonzero(mask)) for page, mask in split.items()}
    for voice in drew:
        for question in asked:
            for site in drawn_by(voice, question):
                amount.setdefault(site.page_index or 0, 0)
    return max(amount, key=lambda page: (amount[page], -page)) if amount else None


def differ(split: Mapping[int, NDArray[np.bool_]]) -> str:
    """On which pages not all readers have marked the same."""
    pages = [page + 1 for page, mask in sorted(split.items()) if mask.any()]
    if not pages:
        return _("All readers have marked the same.")
    listed = ", ".join(map(str, pages))
    return n_("The readers' outlines differ on page {pages}.", "The readers' outlines differ on pages {pages}.",
              len(pages), pages=listed)  # fmt: skip
