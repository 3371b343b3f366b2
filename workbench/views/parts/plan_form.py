"""The form with which a round is opened: who reads, how many cases, at which price."""

from __future__ import annotations

from dataclasses import dataclass

import streamlit as st

from active_learning.plan import RoundPlan
from active_learning.strategies.registry import STRATEGIES
from data.records import ReaderKind, ReaderRole
from models.config import ProfileName, Reading
from workbench.views.parts import batch_preview, jobs, words
from workbench.views.parts.context import Here
from workbench.views.parts.frame import empty, failures, show
from workbench.views.parts.markup import Html, tag


def choose(place: Here, *, running: bool) -> None:
    """Choose the cases of the next round."""
    task, reading = place.task, place.task.config.reading
    known = place.store.reads.readers(kind=ReaderKind.PERSON)  # scripted readers answer in the demo alone
    names = {r.reader_id: words.reader_name(r) for r in known}
    readers = [r.reader_id for r in known if r.role == ReaderRole.READER]
    others = [r.reader_id for r in known if r.role == ReaderRole.ADJUDICATOR]
    if not readers:
        empty("No readers yet", "A round asks people; add as many as read each case, on the page Readers or here:",
              "consilium readers add NAME")  # fmt: skip
        return
    accepted = place.store.studies.count(modalities=task.modalities)
    if not accepted:
        empty("No studies yet", "A round chooses among the studies that came in.", "consilium ingest FOLDER")
        return
    with st.expander("Choose the cases of the next round", expanded=not running):
        top, price = st.columns([4, 1.2], gap="medium")
        with top:
            one, two = st.columns([2, 1])
            who = one.multiselect("Readers", readers, default=readers, format_func=names.__getitem__,
                                  key=f"who {task.name}")  # fmt: skip
            judge = two.selectbox("Adjudicator", ["", *others], index=min(1, len(others)),
                                  format_func=lambda r: names.get(r, "nobody"),
                                  key=f"judge {task.name}")  # fmt: skip
            a, b, c, d = st.columns(4)
            budget = a.number_input("Cases at the most", 1, 10_000, min(reading.budget, accepted),
                                    key=f"budget {task.name}")  # fmt: skip
            each = b.number_input("Reads a case", 1, 15, min(reading.readers, len(readers)),
                                  key=f"each {task.name}")  # fmt: skip
            drawn = c.slider("Drawn at random, %", 0, 100, round(100 * reading.random_share), 5,
                             key=f"drawn {task.name}",
                             help="For the reference standard: test, calibration and validation.")  # fmt: skip
            profile = d.selectbox("Candidate's profile", [p.value for p in ProfileName if p != ProfileName.TINY],
                                  index=1, key=f"profile {task.name}")  # fmt: skip
            more = _more(place)
        with price:
            show(*_price(reading, int(budget), int(each), more.minutes))
            preview = st.button("Preview", disabled=running, key=f"preview {task.name}", width="stretch",
                                help="The batch with reasons and minutes; nothing is opened or sent.")  # fmt: skip
            at_once = st.button("Choose cases", type="primary", disabled=running, key=f"open {task.name}",
                                width="stretch")  # fmt: skip
            if preview or at_once:
                with failures():
                    plan = RoundPlan.of(reading, tuple(who), adjudicator=judge or "", readers_per_case=int(each),
                                        budget=int(budget), random_share=drawn / 100, profile=profile,
                                        strategy=more.strategy, budget_minutes=more.minutes, quotas=more.quotas,
                                        per_patient=more.per_patient)  # fmt: skip
                    jobs.ask(place.home, batch_preview.PREVIEW if preview else batch_preview.OPEN,
                             task=task.name, plan=plan.as_dict())  # fmt: skip


@dataclass(frozen=True, slots=True)
class _More:
    """The settings that few rounds change."""

    strategy: str
    minutes: float
    quotas: tuple[str, ...]
    per_patient: int


def _more(place: Here) -> _More:
    task, reading = place.task.name, place.task.config.reading
    a, b, c, d = st.columns(4)
    ways = list(dict.fromkeys(["", *STRATEGIES, reading.strategy]))
    strategy = a.selectbox("How cases are chosen", ways, index=ways.index(reading.strategy),
                           format_func=batch_preview.way, key=f"way {task}")  # fmt: skip
    minutes = b.number_input("Reader minutes instead", 0, 100_000, round(reading.budget_minutes),
                             key=f"minutes {task}", help="All reads together; 0: a budget in cases.")  # fmt: skip
    quotas = c.text_input("Quotas", ", ".join(reading.quotas), key=f"quotas {task}",
                          placeholder="site=hospital<=50%, phenotype=malignant>=0.2",
                          help="At least or at most a share of the training cases of a site, a manufacturer or a "
                          "predicted answer; several with commas.")  # fmt: skip
    per_patient = d.number_input("Studies of a patient", 1, 100, reading.per_patient, key=f"per {task}")
    listed = tuple(text.strip() for text in quotas.split(",") if text.strip())
    return _More(strategy, float(minutes), listed, int(per_patient))


def _price(reading: Reading, budget: int, each: int, minutes: float) -> tuple[Html, ...]:
    """What the round costs its readers."""
    label = tag("div", "The price", cls="c-small c-quiet")
    if minutes:
        return (
            label,
            tag("b", words.minutes(60 * minutes), " of reading"),
            tag("div", "as many cases as fit", cls="c-small c-quiet"),
        )
    seconds = budget * each * reading.seconds_per_case
    return (
        label,
        tag("b", words.minutes(seconds), " of reading"),
        tag("div", f"{budget} cases × {each} reads × {reading.seconds_per_case:.0f} s", cls="c-small c-quiet"),
    )
