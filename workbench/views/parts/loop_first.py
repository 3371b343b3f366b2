"""Before a task's first round: what it needs, what of it is there, and where the rest is brought."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

import streamlit as st

from data.records import ReaderKind, ReaderRole
from models.config import ProfileName
from workbench.language import _, n_
from workbench.views import places
from workbench.views.parts import jobs
from workbench.views.parts.context import Here
from workbench.views.parts.frame import show
from workbench.views.parts.markup import Html, tag, tone


@dataclass(frozen=True, slots=True)
class Need:
    """One thing that a first round needs.

    Parameters
    ----------
    there:
        What is there of it, or what to do about it.
    met:
        Whether it is enough.
    button, does:
        What brings it; empty where nothing is left to do.
    must:
        Whether no round can be opened without it.
    command:
        What brings it from a terminal.
    """

    name: str
    there: str
    met: bool
    button: str
    does: Callable[[], None]
    must: bool = True
    command: str = ""


def needs(place: Here, *, trains: bool) -> list[Need]:
    """What the task's first round needs, in the order in which a curator brings it.

    Parameters
    ----------
    trains:
        Whether a version is being trained.
    """
    return [_studies(place), _version(place, trains=trains), _readers(place)]


def preparations(place: Here, *, trains: bool) -> None:
    """Show the list, while something of it can be brought."""
    listed = needs(place, trains=trains)
    following = next((need for need in listed if need.button), None)
    if following is None:
        return
    with st.container(border=True, key="first-round", gap="small"):
        show(tag("b", _("Before the first round")))
        for need in listed:
            left, right = st.columns([5.2, 1.2], vertical_alignment="center", gap="small")
            with left:
                said = tag("div", need.there, *_command(need))
                show(tag("div", _mark(need), tag("b", need.name), said, cls="c-status"))
            if need.button and right.button(need.button, key=f"bring {need.name}", width="stretch",
                                            type="primary" if need is following else "secondary"):  # fmt: skip
                need.does()


def _command(need: Need) -> tuple[object, ...]:
    return (" ", tag("code", need.command)) if need.button else ()


def _mark(need: Need) -> Html:
    if need.met:
        return tone("●", "good")
    return tone("▲", "doubt") if need.must else tone("○", "quiet")


def _studies(place: Here) -> Need:
    count = place.store.studies.count(modalities=place.task.modalities)
    kinds = ", ".join(sorted(place.task.modalities))
    there = (n_("{n} study of {kinds} came in.", "{n} studies of {kinds} came in.", count, kinds=kinds) if count
             else _("None of {kinds} yet: DICOM, NIfTI, PNG, JPEG, ZIPs of these.", kinds=kinds))  # fmt: skip
    return Need(_("Studies"), there, bool(count), "" if count else _("Take images in"),
                partial(places.go, "data", show="take"),
                command=f"consilium ingest FOLDER --task {place.task.name}")  # fmt: skip


def _version(place: Here, *, trains: bool) -> Need:
    """The first version. A round can do without: its cases are then chosen without a model."""
    name, champion = _("First version"), place.champion
    labels = place.store.labels.count_references(place.task.name)
    train = partial(_train, place)
    if champion is not None:
        return Need(name, _("{version} is champion.", version=champion.version), True, "", train)
    if trains:
        return Need(name, _("It is being prepared."), False, "", train, must=False)
    if not labels:
        there = _("No labels came in: the first round is read without a model; the first version learns from it.")
        return Need(name, there, False, "", train, must=False)
    there = n_("{n} label came in: a version that learns from it helps to choose cases.",
               "{n} labels came in: a version that learns from them helps to choose cases.", labels)  # fmt: skip
    return Need(name, there, False, _("Train"), train, must=False, command=f"consilium train {place.task.name}")


def _train(place: Here) -> None:
    jobs.ask(place.home, "train", task=place.task.name, profile=ProfileName.DEMO.value)


def _readers(place: Here) -> Need:
    known = [r for r in place.store.reads.readers(kind=ReaderKind.PERSON) if r.active]
    readers = sum(r.role == ReaderRole.READER for r in known)
    wanted = place.task.config.reading.readers
    asked = n_("{n} reader reads each case", "{n} readers read each case", wanted)
    if not readers:
        there = _("Nobody yet; {asked}, and an adjudicator decides where they differ.", asked=asked)
    else:
        judges = sum(r.role == ReaderRole.ADJUDICATOR for r in known)
        have = n_("{n} reader", "{n} readers", readers)
        more = n_("{n} adjudicator", "{n} adjudicators", judges) if judges else _("no adjudicator")
        there = _("{have}, {more}; {asked}.", have=have, more=more, asked=asked)
    enough = readers >= wanted
    return Need(_("Readers"), there, enough, "" if enough else _("Add readers"), partial(places.go, "readers"),
                must=not readers, command="consilium readers add NAME")  # fmt: skip
