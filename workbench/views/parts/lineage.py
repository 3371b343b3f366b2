"""Where a study and its answers come from, and what its reads went into, as a tree that opens."""

from __future__ import annotations

import streamlit as st

from active_learning.lineage import Lineage, Node
from data.records import Study
from workbench.language import _, told
from workbench.views.parts import words
from workbench.views.parts.context import Here
from workbench.views.parts.frame import section, show
from workbench.views.parts.markup import Html, facts, join, tag, tone

OPEN_TO = 3
"""Levels of the tree that are open at first."""


def origin(study: Study) -> None:
    """When the study came in, and what its first series says of itself."""
    section(_("Lineage"))
    series = study.series[0] if study.series else None
    pairs: list[tuple[str, object]] = [(_("study"), tag("span", study.study_id, cls="c-mono")),
                                       (_("came in"), words.moment(study.ingested_at)),
                                       (_("series"), len(study.series))]  # fmt: skip
    if series is not None:
        pairs += [(words.short(name), text) for name, text in sorted(series.attributes.items())[:6]]
    show(facts(pairs))


def where_from(place: Here, study: Study) -> None:
    """The tree of a study, for the curator, once it is asked for: what versions learnt from is read for it."""
    if place.reader is not None or not st.toggle(_("Where this comes from"), key=f"lineage {study.study_id}"):
        return
    show(tree(Lineage(place.store, place.blobs, place.task.name).study(study.study_id)))


def tree(node: Node, level: int = 0) -> Html:
    """A node with what is below it."""
    head = join(
        (
            tone(words.short(node.kind), "faint"),
            " ",
            tag("b", node.id),
            " ",
            tag("span", told(node.said), cls="c-quiet"),
        )
    )
    if not node.children:
        return tag("div", head, cls="c-small", style="padding:1px 0 1px 14px")
    below = tag("div", *(tree(child, level + 1) for child in node.children), style="padding-left:14px")
    opened = {"open": "open"} if level < OPEN_TO else {}
    return tag("details", tag("summary", head, style="cursor:pointer"), below, cls="c-small", **opened)
