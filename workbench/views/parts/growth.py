"""What changed since the patient's earlier study."""

from __future__ import annotations

from datetime import date

from data.records import Prediction, Study
from workbench.views.parts import words
from workbench.views.parts.context import Here
from workbench.views.parts.frame import section, show
from workbench.views.parts.markup import join, table, tag


def since(place: Here, study: Study, shown: Prediction) -> None:
    """Show growth against the last earlier study that the same version measured; nothing where there is none."""
    found = _earlier(place, study, shown)
    if found is None:
        return
    earlier, then = found
    changes = place.task.changes(shown, then)
    if not changes.found and not changes.left_out:
        return
    section("Since the earlier study")
    show(
        tag(
            "p",
            _when(study, earlier),
            " ",
            tag("a", "Open it", href=f"/study?study={earlier.study_id}"),
            cls="c-small",
        )
    )
    rows = [
        [words.short(c.name), words.site(c.site), f"{c.earlier:.3g} {c.unit}", f"{c.now:.3g} {c.unit}",
         "" if c.pct is None else f"{c.pct:+.0f}%"]
        for c in changes.found
    ]  # fmt: skip
    if rows:
        show(table(["Measured", "Where", "Then", "Now", "Change"], rows, numeric=(2, 3, 4)))
    said = [tag("div", f"Not compared, {each}.", cls="c-small c-quiet") for each in changes.left_out]
    said.append(tag("div", "A lesion is known again by its side alone.", cls="c-small c-quiet"))
    show(join(said))


def _earlier(place: Here, study: Study, shown: Prediction) -> tuple[Study, Prediction] | None:
    """The newest study of the patient before this one that the version measured and that may be seen."""
    if not study.study_date:
        return None
    others = place.store.studies.find(patient_id=study.patient.patient_id)
    before = [s for s in others if s.study_date and s.study_date < study.study_date]
    known = place.store.versions.predictions(shown.version, study_ids={s.study_id for s in before})
    for other in sorted(before, key=lambda s: s.study_date, reverse=True):
        if other.study_id in known and place.blindness.sight(other.study_id, other.patient.part).model:
            return other, known[other.study_id]
    return None


def _when(study: Study, earlier: Study) -> str:
    """How long before, and no date: who reads need not know when."""
    try:
        days = (date.fromisoformat(study.study_date) - date.fromisoformat(earlier.study_date)).days
    except ValueError:
        return "Some time before."
    return f"{days} days before."
