"""What changed since the patient's earlier study."""

from __future__ import annotations

from datetime import date

from data.records import Prediction, Study
from workbench.language import _, n_, told
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
    section(_("Since the earlier study"))
    opened = tag("a", _("Open it"), href=f"/study?study={earlier.study_id}")
    show(tag("p", apart(study, earlier), " ", opened, cls="c-small"))
    rows = [
        [words.short(c.name), words.site(c.site), f"{c.earlier:.3g} {_(c.unit)}", f"{c.now:.3g} {_(c.unit)}",
         "" if c.pct is None else f"{c.pct:+.0f}%"]
        for c in changes.found
    ]  # fmt: skip
    if rows:
        heads = [_("Measured"), _("Where"), _("Then"), _("Now"), _("Change")]
        show(table(heads, rows, numeric=(2, 3, 4)))
    said = [tag("div", _("Not compared, {what}.", what=told(each)), cls="c-small c-quiet")
            for each in changes.left_out]  # fmt: skip
    said.append(tag("div", _("A lesion is known again by its side alone."), cls="c-small c-quiet"))
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


def apart(study: Study, other: Study) -> str:
    """How long before or after this study another one is, and no date: who reads need not know when."""
    try:
        days = (date.fromisoformat(other.study_date) - date.fromisoformat(study.study_date)).days
    except ValueError:
        return _("Some time before or after.")
    if days == 0:
        return _("The same day.")
    return n_("{n} day before.", "{n} days before.", -days) if days < 0 else n_(
        "{n} day after.", "{n} days after.", days
    )  # fmt: skip
