"""Where one more read helps most."""

from __future__ import annotations

from active_learning.overview import Overview, Worth
from workbench.language import _, told
from workbench.views.parts.context import Here
from workbench.views.parts.frame import section, show
from workbench.views.parts.markup import Html, bar, image, join, table, tag, tone
from workbench.views.parts.reader_profiles import named
from workbench.views.parts.rows import rows
from workbench.views.places import go

NEXT = 10
"""Cases that are shown."""


def next_reads(place: Here, overview: Overview) -> None:
    """Where the next read helps most: the first ten."""
    section(_("Where the next read helps"))
    wanted = {one.study_id for one in overview.worth}
    labels = {s.study_id: s.label for s in place.store.studies.find(study_ids=wanted)}
    found = [one for one in overview.worth if one.study_id in labels][:NEXT]
    if not found:
        why = _(
            "No further read is expected to help: the answers are settled, or every reader has read every case."
        )
        show(tone(why, "quiet"))
        return
    known = place.store.reads.readers()
    most = max(one.gain for one in found)
    body = [
        [image(f"/api/studies/{one.study_id}/picture.png?size=80", alt="", cls="c-thumb"),
         tag("a", labels[one.study_id], href=f"/study?study={one.study_id}", cls="c-nowrap"), one.reads,
         _gain(one, most),
         named(one.reader, known) if one.reader else "—", told(one.reason)]
        for one in found
    ]  # fmt: skip
    heads = ["", _("Patient"), _("Reads"), _("Expected gain"), _("Could be read by"), _("Why")]
    opened = rows(table(heads, body, numeric=(2,), opens=[one.study_id for one in found]), key="next reads")
    about = _(
        "Expected gain: by how much the consensus's mean F1 is expected to rise, in points of 100. First reads "
        "are of training patients alone; the others are drawn at random."
    )
    show(tag("p", about, cls="c-small c-quiet"))
    if opened:
        go("study", study=opened)


def _gain(one: Worth, most: float) -> Html:
    return join((bar(one.gain / most if most else 0.0), f"{100 * one.gain:.2f}"))
