"""What a curator does with the ticked studies of the worklist, or with all that its filter leaves."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import streamlit as st

from data.store import Store
from data.tables.base import Row
from workbench import worklist_bulk
from workbench.language import _, n_
from workbench.views.parts import draft, jobs, worklist_ticks
from workbench.views.parts.context import Here
from workbench.views.parts.frame import failures, note, show
from workbench.views.parts.markup import tag, tone
from workbench.worklist import Page
from workbench.worklist_filter import Filter

_ASKED, _DONE = "worklist asked", "worklist done"
"""Whether predictions were asked for from here, and what the last action came to: said once, on the list anew."""
NAMED = 8
"""Ticked studies that are named; of more, how many more."""


def actions(place: Here, filtered: Filter, found: Page) -> None:
    """The popover with the actions; nothing for readers, and nothing of more studies than may be taken at once."""
    if place.reader is not None:
        return
    done = st.session_state.pop(_DONE, "")
    if done:
        note(done, "good")
    ticked = worklist_ticks.ticked(place)
    total = len(ticked) or found.total
    if not total:
        return
    many = total > worklist_bulk.MOST or (found.more and not ticked)
    why_not = _("At most {n} studies at once: narrow the filter.", n=worklist_bulk.MOST) if many else None
    with st.container(horizontal=True, gap="small", vertical_alignment="center"):
        with st.popover(_label(total, many=many, ticked=bool(ticked)), disabled=many, help=why_not):
            if not many:
                _about(place, filtered, total, ticked)
            _offered(place, filtered, ticked)
        if ticked:
            worklist_ticks.said(len(ticked), place)
    if st.session_state.get(_ASKED):
        newest = jobs.latest_about(place.store, "predict", task=place.task.name)
        jobs.follow(place.home, newest, key="worklist predict")


def _label(total: int, *, many: bool, ticked: bool) -> str:
    if ticked:
        return n_("With the {n} ticked study", "With the {n} ticked studies", total)
    if many:
        return _("With all of these")
    return n_("With this {n} study", "With these {n} studies", total)


def _about(place: Here, filtered: Filter, total: int, ticked: Mapping[str, Row]) -> None:
    """Which studies it is about, and how many of them are held."""
    if ticked:
        subject = n_("It is about the {n} study that is ticked:",
                     "It is about the {n} studies that are ticked, on other pages and with other filters too:",
                     total)  # fmt: skip
        names = ", ".join(row["pseudonym"] for row in list(ticked.values())[:NAMED])
        more = " " + _("and {n} more", n=total - NAMED) if total > NAMED else ""
        show(tag("p", f"{subject} {names}{more}."))
        held = sum(bool(row["held"]) for row in ticked.values())
    else:
        show(
            tag(
                "p",
                n_(
                    "It is about {n} study: all that the filter leaves.",
                    "It is about all {n} studies that the filter leaves, those on other pages too.",
                    total,
                ),
            )
        )
        held = worklist_bulk.held_of(place.store, place.task.name, _version(place), filtered,
                                     modalities=place.task.modalities)  # fmt: skip
    kept = _("Those keep their reason when you hold; only those are released.") if held else ""
    show(tag("p", _("Held now: {held} of {n}.", held=held, n=total), " ", kept))


def _offered(place: Here, filtered: Filter, ticked: Mapping[str, Row]) -> None:
    key = draft.restored("worklist why")
    reason = st.text_input(_("Why"), key=key, on_change=draft.note, args=(key,),
                           placeholder=_("it is kept with each study"))  # fmt: skip
    with st.container(horizontal=True, gap="small"):
        if st.button(_("Hold")):
            _act(place, _studies(place, filtered, ticked), reason, worklist_bulk.hold, held=True)
        if st.button(_("Release")):
            _act(place, _studies(place, filtered, ticked), reason, worklist_bulk.release, held=False)
        champion = place.champion
        if st.button(_("Ask for predictions"), disabled=champion is None):
            st.session_state[_ASKED] = True
            with failures():
                jobs.ask(place.home, "predict", task=place.task.name, study_ids=_studies(place, filtered, ticked))
    show(tone(_("A study that is held is not sent to readers before it is released."), "quiet"))
    if ticked:
        show(tone(_("To act on all that the filter leaves, clear the ticks."), "quiet"))


def _version(place: Here) -> str:
    champion = place.champion
    return champion.version if champion else ""


def _studies(place: Here, filtered: Filter, ticked: Mapping[str, Row]) -> list[str]:
    """The ticked studies; where none is, all that the filter leaves."""
    if ticked:
        return list(ticked)
    return worklist_bulk.studies_of(place.store, place.task.name, _version(place), filtered,
                                    modalities=place.task.modalities)  # fmt: skip


def _act(
    place: Here,
    study_ids: Sequence[str],
    reason: str,
    act: Callable[[Store, Sequence[str], str], int],
    *,
    held: bool,
) -> None:
    with failures():
        changed = act(place.store, study_ids, reason)
        st.session_state[_DONE] = (
            n_("{n} study is held now.", "{n} studies are held now.", changed) if held
            else n_("{n} study was released.", "{n} studies were released.", changed)
        )  # fmt: skip
        draft.forget("worklist why")
        st.rerun()
