"""A study's report with its matched terms marked: affirmed, denied, doubted or of the past, each in words."""

from __future__ import annotations

from collections.abc import Mapping

from data.curation.cues import Status
from data.errors import NotFoundError
from data.records import Study
from workbench.curating import MarkedReport, marked_report
from workbench.language import N_, _
from workbench.views.parts import words
from workbench.views.parts.context import Here
from workbench.views.parts.frame import section, show
from workbench.views.parts.markup import Html, tag, tone

STATUSES: Mapping[Status, tuple[str, str]] = {
    Status.PRESENT: (N_("affirmed"), "present"),
    Status.ABSENT: (N_("denied"), "absent"),
    Status.UNCERTAIN: (N_("doubted"), "doubt"),
    Status.HISTORICAL: (N_("of the past"), "doubt"),
    Status.HYPOTHETICAL: (N_("asked after"), "doubt"),
}
"""What is said of a term, and how it is marked."""


def report(place: Here, study: Study) -> None:
    """The report, for the curator alone: its text may name a person, and it says what others found."""
    if place.reader is not None:
        return
    try:
        found = marked_report(place.store, study.study_id)
    except NotFoundError:
        return
    section(_("Report"))
    show(marked(found))
    if not found.matches:
        show(tone(_("No term of the list stands in it."), "quiet"))


def marked(found: MarkedReport) -> Html:
    """The text as it was given, each matched term with what is said of it."""
    pieces: list[Html | str] = []
    for segment in found.segments:
        if segment.concept is None or segment.status is None:
            pieces.append(segment.text)
            continue
        said, look = STATUSES[segment.status]
        about = _("{concept}: {status}", concept=words.short(segment.concept), status=_(said))
        pieces.append(tag("mark", segment.text, tag("small", about), cls=f"c-term c-{look}"))
    return tag("div", *pieces, cls="c-panel c-report")
