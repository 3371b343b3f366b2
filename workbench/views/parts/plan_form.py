"""The form with which a round is opened: who reads, how many cases, at which price."""

from __future__ import annotations

from dataclasses import dataclass

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from active_learning.plan import RoundPlan
from active_learning.strategies.registry import STRATEGIES
from data.records import ReaderKind, ReaderRole
from models.config import ProfileName, Reading
from workbench.language import _
from workbench.views.parts import batch_preview, jobs, words
from workbench.views.parts.context import Here
from workbench.views.parts.frame import failures, show
from workbench.views.parts.markup import Html, tag


def choose(place: Here, *, running: bool, previewed: bool = False) -> None:
    """Choose the cases of the next round; readers and studies are there.

    Parameters
    ----------
    previewed:
        Whether a batch is shown below, whose own button is then the next step.
    """
    task, reading = place.task, place.task.config.reading
    known = place.store.reads.readers(kind=ReaderKind.PERSON)  # scripted readers answer in the demo alone
    names = {r.reader_id: words.reader_name(r) for r in known}
    readers = [r.reader_id for r in known if r.role == ReaderRole.READER]
    others = [r.reader_id for r in known if r.role == ReaderRole.ADJUDICATOR]
    accepted = place.store.studies.count(modalities=task.modalities)
    with st.expander(_("Choose the cases of the next round"), expanded=not running):
        top, price = st.columns([4, 1.2], gap="medium")
        with top:
            one, two = st.columns([2, 1])
            who = one.multiselect(_("Readers"), readers, default=readers, format_func=names.__getitem__,
                                  key=f"who {task.name}")  # fmt: skip
            judge = two.selectbox(_("Adjudicator"), ["", *others], index=min(1, len(others)),
                                  format_func=lambda r: names.get(r) or _("nobody"),
                                  key=f"judge {task.name}")  # fmt: skip
            u, a, b, c, d = st.columns([1.2, 1, 0.9, 1.1, 1])
            budget, minutes = _budget(place, u, a, accepted)
            each = b.number_input(_("Reads a case"), 1, 15, min(reading.readers, len(readers)),
                                  key=f"each {task.name}")  # fmt: skip
            drawn = c.slider(_("Drawn at random, %"), 0, 100, round(100 * reading.random_share), 5,
                             key=f"drawn {task.name}",
                             help=_("For the reference standard: test, calibration and validation."))  # fmt: skip
            sizes = [p.value for p in ProfileName if p != ProfileName.TINY]
            profile = d.selectbox(_("Candidate's profile"), sizes, index=1, format_func=_,
                                  key=f"profile {task.name}")  # fmt: skip
            more = _more(place)
        with price:
            show(*_price(reading, budget, int(each), minutes))
            preview = st.button(_("Preview"), disabled=running, key=f"preview {task.name}", width="stretch",
                                help=_("The batch with reasons and minutes; nothing is opened or sent."),
                                )  # fmt: skip
            at_once = st.button(_("Choose cases"), type="secondary" if previewed else "primary",
                                disabled=running, key=f"open {task.name}", width="stretch")  # fmt: skip
            if preview or at_once:
                with failures():
                    plan = RoundPlan.of(reading, tuple(who), adjudicator=judge or "", readers_per_case=int(each),
                                        budget=budget, random_share=drawn / 100, profile=profile,
                                        strategy=more.strategy, budget_minutes=minutes, quotas=more.quotas,
                                        per_patient=more.per_patient)  # fmt: skip
                    jobs.ask(place.home, batch_preview.PREVIEW if preview else batch_preview.OPEN,
                             task=task.name, plan=plan.as_dict())  # fmt: skip


def _budget(place: Here, units_at: DeltaGenerator, column: DeltaGenerator, accepted: int) -> tuple[int, float]:
    """Cases at the most, and the readers' minutes at the most; 0 where the budget is in cases."""
    task, reading = place.task.name, place.task.config.reading
    units = {"cases": _("cases"), "minutes": _("minutes")}
    unit = units_at.segmented_control(
        _("Budget in"), list(units), default="minutes" if reading.budget_minutes else "cases", required=True,
        format_func=units.__getitem__, key=f"unit {task}",
    )  # fmt: skip
    cases = min(reading.budget, accepted)
    if unit == "minutes":
        usual = round(reading.budget_minutes or cases * reading.readers * reading.seconds_per_case / 60)
        given = column.number_input(_("Reader minutes at the most"), 1, 100_000, max(1, usual),
                                    key=f"minutes {task}", help=_("All reads together."))  # fmt: skip
        return cases, float(given)
    return int(column.number_input(_("Cases at the most"), 1, 10_000, cases, key=f"budget {task}")), 0.0


@dataclass(frozen=True, slots=True)
class _More:
    """The settings that few rounds change."""

    strategy: str
    quotas: tuple[str, ...]
    per_patient: int


def _more(place: Here) -> _More:
    task, reading = place.task.name, place.task.config.reading
    a, c, d = st.columns([1, 2, 1])
    ways = list(dict.fromkeys(["", *STRATEGIES, reading.strategy]))
    strategy = a.selectbox(_("How cases are chosen"), ways, index=ways.index(reading.strategy),
                           format_func=batch_preview.way, key=f"way {task}")  # fmt: skip
    quotas = c.text_input(_("Quotas"), ", ".join(reading.quotas), key=f"quotas {task}",
                          placeholder="site=hospital<=50%, phenotype=malignant>=0.2",
                          help=_("At least or at most a share of the training cases of a site, a manufacturer or "
                                 "a predicted answer; several with commas."))  # fmt: skip
    per_patient = d.number_input(_("Studies of a patient"), 1, 100, reading.per_patient, key=f"per {task}")
    listed = tuple(text.strip() for text in quotas.split(",") if text.strip())
    return _More(strategy, listed, int(per_patient))


def _price(reading: Reading, budget: int, each: int, minutes: float) -> tuple[Html, ...]:
    """What the round costs its readers."""
    label = tag("div", _("The price"), cls="c-small c-quiet")
    if minutes:
        said, how = words.minutes(60 * minutes), _("as many cases as fit")
    else:
        said = words.minutes(budget * each * reading.seconds_per_case)
        how = _("{cases} cases × {each} reads × {seconds:.0f} s", cases=budget, each=each,
                seconds=reading.seconds_per_case)  # fmt: skip
    return label, tag("b", _("{minutes} of reading", minutes=said)), tag("div", how, cls="c-small c-quiet")
