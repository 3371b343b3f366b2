"""What a curator does with all studies that the worklist's filter leaves, said beforehand with their number."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import streamlit as st

from data.store import Store
from workbench import worklist_bulk
from workbench.language import _, n_
from workbench.views.parts import draft, jobs
from workbench.views.parts.context import Here
from workbench.views.parts.frame import failures, note, show
from workbench.views.parts.markup import tag, tone
from workbench.worklist import Filter, Page

_ASKED, _DONE = "worklist asked", "worklist done"
"""Whether predictions were asked for from here, and what the last action came to: said once, on the list anew."""


def actions(place: Here, filtered: Filter, found: Page) -> None:
    """The popover with the actions; nothing for readers, and nothing of more studies than may be taken at once."""
    if place.reader is not None:
        return
    done = st.session_state.pop(_DONE, "")
    if done:
        note(done, "good")
    total = found.total
    many = found.more or total > worklist_bulk.MOST
    label = n_("With this {n} study", "With these {n} studies", total) if not many else _("With all of these")
    why_not = _("At most {n} studies at once: narrow the filter.", n=worklist_bulk.MOST) if many else None
    with st.popover(label, disabled=many, help=why_not):
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
        key = draft.restored("worklist why")
        reason = st.text_input(_("Why"), key=key, on_change=draft.note, args=(key,),
                               placeholder=_("it is kept with each study"))  # fmt: skip
        with st.container(horizontal=True, gap="small"):
            if st.button(_("Hold")):
                _all(place, filtered, reason, worklist_bulk.hold, held=True)
            if st.button(_("Release")):
                _all(place, filtered, reason, worklist_bulk.release, held=False)
            champion = place.champion
            if st.button(_("Ask for predictions"), disabled=champion is None):
                st.session_state[_ASKED] = True
                with failures():
                    jobs.ask(place.home, "predict", task=place.task.name, study_ids=_studies(place, filtered))
        show(tone(_("A study that is held is not sent to readers before it is released."), "quiet"))
    if st.session_state.get(_ASKED):
        newest = jobs.latest_about(place.store, "predict", task=place.task.name)
        jobs.follow(place.home, newest, key="worklist predict")


def _studies(place: Here, filtered: Filter) -> list[str]:
    champion = place.champion
    version = champion.version if champion else ""
    return worklist_bulk.studies_of(place.store, place.task.name, version, filtered,
                                    modalities=place.task.modalities)  # fmt: skip


def _all(
    place: Here, filtered: Filter, reason: str, act: Callable[[Store, Sequence[str], str], int], *, held: bool
) -> None:
    with failures():
        changed = act(place.store, _studies(place, filtered), reason)
        st.session_state[_DONE] = (
            n_("{n} study is held now.", "{n} studies are held now.", changed) if held
            else n_("{n} study was released.", "{n} studies were released.", changed)
        )  # fmt: skip
        draft.forget("worklist why")
        st.rerun()
