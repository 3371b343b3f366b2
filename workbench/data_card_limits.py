"""What a data card says of where its data end: each sentence follows from the records."""

from __future__ import annotations

from collections.abc import Sequence

from data.composition import UNKNOWN, Counted, by_age, by_manufacturer, by_sex, by_source
from data.holdings import MEASURED, classes, holdings, labelled
from data.records import JobState, Part
from data.store import Store
from models.task import ClinicalTask
from workbench.data_work import LEAKS
from workbench.language import _, n_
from workbench.views.parts import words

MANY_UNKNOWN = 0.05
"""Share of patients without a known value from which on it is named."""
SCARCE = 20
"""A class with fewer test patients than this has wide intervals."""


def limits(store: Store, tasks: Sequence[ClinicalTask]) -> list[str]:
    """The known limits, in sentences."""
    found = holdings(store)
    if not found.studies:
        return [_("There are no data yet.")]
    said = []
    if found.phantoms:
        said.append(_("Phantoms are {share:.0%} of the studies: what is measured on them holds for no patient.",
                      share=found.phantoms / found.studies))  # fmt: skip
    for name, counted in ((_("sex"), by_sex(store)), (_("age"), by_age(store)),
                          (_("the device's maker"), by_manufacturer(store))):  # fmt: skip
        share = _unknown(counted, found.patients)
        if share > MANY_UNKNOWN:
            said.append(_("Not known of {share:.0%} of the patients: {what}.", share=share, what=name))
    if len(by_source(store)) < 2:
        said.append(_("All patients are from one source: how the models do elsewhere cannot be told."))
    for task in tasks:
        said += _of_task(store, task)
    return said


def _unknown(rows: Counted, patients: int) -> float:
    return sum(rows.get(UNKNOWN, {}).values()) / max(patients, 1)


def _of_task(store: Store, task: ClinicalTask) -> list[str]:
    """What is scarce in a task, and whether copies were looked for."""
    title, said = _(task.title), []
    parts = labelled(store, task.name)
    missing = [words.part(part) for part in MEASURED if not parts[part]]
    if missing:
        said.append(_("{task}: no labelled patients for {parts}; nothing can be promised.", task=title,
                      parts=", ".join(missing)))  # fmt: skip
    scarce = sum(one.parts[Part.TEST] < SCARCE for one in classes(store, task.name))
    if scarce:
        said.append(n_("{task}: {n} answer has fewer than {few} test patients; its intervals are wide.",
                       "{task}: {n} answers have fewer than {few} test patients; their intervals are wide.",
                       scarce, task=title, few=SCARCE))  # fmt: skip
    return [*said, _leaks(store, task)]


def _leaks(store: Store, task: ClinicalTask) -> str:
    title = _(task.title)
    last = next((job for job in store.jobs.all(limit=1000) if job.kind == LEAKS and job.state == JobState.DONE
                 and job.arguments.get("task") == task.name), None)  # fmt: skip
    if last is None:
        return _("{task}: near-copies across parts were not looked for.", task=title)
    found = int(last.result["found"])
    if not found:
        return _("{task}: no copy was found on both sides.", task=title)
    return n_("{task}: {n} copy stands on both sides; training leaves it out.",
              "{task}: {n} copies stand on both sides; training leaves them out.", found, task=title)  # fmt: skip
