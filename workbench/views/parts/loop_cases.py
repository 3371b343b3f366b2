"""The cases of a batch as a contact sheet: the picture, what it is for, the reason under it, its price."""

from __future__ import annotations

from collections.abc import Sequence

import streamlit as st

from data.records import BatchItem
from workbench.language import _, n_, number, told
from workbench.views.parts import answers, words
from workbench.views.parts.context import Here
from workbench.views.parts.frame import show
from workbench.views.parts.markup import Html, chip, image, join, tag
from workbench.views.parts.rows import rows
from workbench.views.places import go

FIRST, MOST = 24, 200
"""Cases that are shown at once, and after all were asked for."""


def sheet(place: Here, items: Sequence[BatchItem], *, key: str, seconds: Sequence[float] = ()) -> None:
    """Show cases; a click opens the study.

    Parameters
    ----------
    seconds:
        What each case costs its readers, all reads together; none: it is not said.
    """
    whole = len(items) > FIRST and st.toggle(
        _("Show all {n} cases", n=number(min(len(items), MOST))), key=f"all {key}"
    )
    shown = items[: MOST if whole else FIRST]
    labels = {s.study_id: s.label for s in place.store.studies.find(study_ids=[i.study_id for i in shown])}
    prices = [words.minutes(s) for s in seconds[: len(shown)]] or [""] * len(shown)
    cards = [
        _card(item, labels.get(item.study_id, item.study_id), price)
        for item, price in zip(shown, prices, strict=True)
    ]
    opened = rows(tag("div", *cards, cls="c-sheet"), key=key)
    if left := len(items) - len(shown):
        show(tag("span", n_("and {n} more case", "and {n} more cases", left), cls="c-quiet c-small"))
    if opened:
        go("study", study=opened)


def _card(item: BatchItem, label: str, price: str) -> Html:
    chips = join((chip(_(words.PURPOSES[item.purpose])), answers.mode_chip(item.mode)), " ")
    return tag(
        "div",
        image(f"/api/studies/{item.study_id}/picture.png?size=320", alt=_("Picture of {label}", label=label)),
        tag("div", tag("a", label, href=f"/study?study={item.study_id}"),
            tag("span", price, cls="c-quiet") if price else "", cls="c-card-head"),
        tag("div", chips, style="margin-top:3px"),
        tag("p", told(item.reason)),
        cls="c-card",
        data_open=item.study_id,
    )  # fmt: skip
