"""What the colours of a page's outlines mean."""

from __future__ import annotations

from data.answers import Form
from data.records import Prediction
from workbench.outlines import by_page, colours_of
from workbench.views.parts import words
from workbench.views.parts.markup import Html, join, tag


def legend(form: Form, prediction: Prediction, page: int) -> Html:
    """Which colour is what, of the labels that are on a page."""
    colours = colours_of(form)
    named = {
        (question, label): colours[question, label]
        for question, value in by_page(prediction).get(page, ())
        for label, _ in value.masks
        if (question, label) in colours
    }
    marks = [
        tag("span", tag("span", "■ ", style=f"color:{colour}"), words.short(label), cls="c-nowrap")
        for (_, label), colour in named.items()
    ]
    return tag("div", join(marks, " "), cls="c-small c-quiet") if marks else tag("div", "", cls="c-small")
