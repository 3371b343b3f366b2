"""Data, doubtful labels: those that came without readers and are likely wrong, for the curator alone."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import urlencode

import streamlit as st

from data.answers import Site
from data.holdings import Holdings, labelled, pseudonyms
from data.records import Job, Part
from workbench.data_work import SUSPECTS
from workbench.language import _, n_, number, told
from workbench.views.parts import jobs, words
from workbench.views.parts.context import Here
from workbench.views.parts.data_overview import nothing
from workbench.views.parts.download import csv_button
from workbench.views.parts.frame import section, show
from workbench.views.parts.markup import Html, join, table, tag, tone

COLUMNS = ("study_id", "question", "site", "label", "given", "likely", "probability", "reason")
PROFILES = ("demo", "paper")


def suspects(place: Here, found: Holdings) -> None:
    """Show the labels that models which have not seen the patient do not believe, and the way to ask them."""
    if place.reader is not None:
        return
    if not found.studies:
        nothing()
        return
    section(_("Labels that are likely wrong: {task}", task=_(place.task.title)))
    last = jobs.latest_about(place.store, SUSPECTS, task=place.task.name)
    patients = labelled(place.store, place.task.name)
    show(tag("p", n_("Four models are trained, each without a quarter of the {n} labelled training patient, and "
                     "asked about that quarter.",
                     "Four models are trained, each without a quarter of the {n} labelled training patients, and "
                     "asked about that quarter.", patients[Part.TRAIN]), " ",
             _("It takes as long as four trainings, and can be left."), cls="c-quiet c-small"))  # fmt: skip
    with st.container(horizontal=True, vertical_alignment="bottom", gap="small"):
        profiles = [name for name in PROFILES if name in place.task.config.profiles]
        profile = st.selectbox(_("Profile"), profiles, width=200, key="suspects profile")
        running = last is not None and last.state in jobs.RUNNING
        if st.button(_("Check the labels"), type="primary", disabled=running or not profiles):
            jobs.ask(place.home, SUSPECTS, task=place.task.name, profile=profile)
    if jobs.follow(place.home, last) or last is None or not last.result:
        if last is None:
            show(tone("○ ", "doubt"), tone(_("Not checked yet."), "doubt"), " ",
                 tone(_("The same from a terminal:"), "quiet"), " ",
                 tag("code", f"consilium labels suspects {place.task.name}"))  # fmt: skip
        return
    _found(place, last)


def _found(place: Here, last: Job) -> None:
    rows: Sequence[Mapping[str, Any]] = last.result["suspects"]
    checked = n_("{n} study checked", "{n} studies checked", last.result["studies"])
    said = " · ".join((checked, _("profile {name}", name=last.result["profile"]), words.ago(last.updated_at)))
    if not rows:
        show(tone("● ", "good"), tag("b", _("No label is likely wrong")), tag("div", said, cls="c-small c-quiet"))
        return
    head = n_("{n} label is likely wrong", "{n} labels are likely wrong", last.result["found"])
    show(tone("▲ ", "doubt"), tag("b", head), tag("div", said, cls="c-small c-quiet"))
    named = pseudonyms(place.store, [row["study_id"] for row in rows])
    body = [
        [_study(row["study_id"], named), _question(row), words.short(row["given"]), words.short(row["likely"]),
         f"{row['probability']:.2f}", told(row["reason"])]
        for row in rows
        if row["study_id"] in named
    ]  # fmt: skip
    heads = [_("Study"), _("Question"), _("The label says"), _("The models hold"), _("P of the label"), _("Why")]
    show(tag("div", table(heads, body, numeric=(4,)), cls="c-wide-table"))
    if last.result["found"] > len(rows):
        show(tone(_("and {n} more", n=number(last.result["found"] - len(rows))), "quiet"))
    csv_button("doubtful-labels", COLUMNS, [[row[name] for name in COLUMNS] for row in rows])


def _study(study_id: str, named: Mapping[str, str]) -> Html:
    return tag("a", named[study_id], href="/study?" + urlencode({"study": study_id}), title=study_id)


def _question(row: Mapping[str, Any]) -> Html:
    where = words.site(Site(row["site"]))
    about = [words.short(row["question"]), words.short(row["label"]) if row["label"] else "", where]
    return join([part for part in about if part], " · ")
