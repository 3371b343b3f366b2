"""From a dispute about an outline to the two outlines side by side, further up on the page Consensus."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from urllib.parse import urlencode

from active_learning.overview import Case, Overview, stamp_of
from data.answers import Mask
from workbench.language import _
from workbench.views.parts import compared_outlines
from workbench.views.parts.context import Here
from workbench.views.parts.markup import Html, tag

OPENS = "outlines"
"""Before two readers, what a click on such a link brings."""


def compared(place: Here, overview: Overview) -> dict[Case, tuple[str, str]]:
    """By dispute about an outline, two readers who differ, or the first two; where two outlines can be seen."""
    masks = {question.name for question in place.task.form.questions if isinstance(question.kind, Mask)}
    about = [case for case in overview.cases if case.question in masks and len(case.said) > 1]
    if not about:
        return {}
    stamp = stamp_of(place.store, place.task.name, overview.round_id)
    shown = compared_outlines.outlined(place, overview.round_id, stamp)
    return {case: differing(case.said) for case in about if case.study_id in shown}


def differing(said: Sequence[tuple[str, str]]) -> tuple[str, str]:
    """The first reader, and the first who said something else; the second where nobody did."""
    first, option = said[0]
    return first, next((reader for reader, given in said[1:] if given != option), said[1][0])


def link(place: Here, round_id: str, case: Case, pairs: Mapping[Case, tuple[str, str]]) -> Html | str:
    """The link of a dispute; empty where there are no two outlines."""
    if case not in pairs:
        return ""
    pair = ",".join(pairs[case])
    query = {"task": place.task.name, **({"round": round_id} if round_id else {}),
             compared_outlines.STUDY: case.study_id, compared_outlines.COMPARE: pair}  # fmt: skip
    return tag("a", _("Compare outlines"), href=f"/consensus?{urlencode(query, safe=',')}", cls="c-act",
               data_open=f"{OPENS} {pair} {case.study_id}")  # fmt: skip


def follow(where: str, study_id: str) -> None:
    """Show the two outlines, where that is what was clicked; else nothing."""
    what, _space, pair = where.partition(" ")
    if what == OPENS:
        first, _comma, second = pair.partition(",")
        compared_outlines.compare(study_id, first, second)
