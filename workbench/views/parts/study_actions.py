"""What can be done with a study from its page: predict it, hold it, read it, pass its address on."""

from __future__ import annotations

from urllib.parse import urlencode

import streamlit as st

from data.records import WAITING, RequestState, Study
from workbench.blindness import Sight
from workbench.labelling import reading_link
from workbench.language import _
from workbench.views.parts import jobs, record
from workbench.views.parts.context import SEAT, TASK, Here
from workbench.views.parts.frame import show
from workbench.views.parts.markup import tag, tone

_VIEW = ("at", "heat", "of")
"""What the viewer keeps in the address by itself."""


def actions(place: Here, study: Study, sight: Sight) -> None:
    """The actions behind one button; the work of a prediction is followed below the head."""
    with st.popover(_("Actions")):
        if sight.model:
            _predict(place, study)
        _read(place, study)
        if place.reader is None and not study.held:
            record.hold(place, study)
        st.code(address(study), language=None)
        show(tone(_("The address of what is shown: the button at its right copies it."), "quiet"))


def follow(place: Here, study: Study, sight: Sight) -> None:
    """The prediction that was asked for, while it is made or where it failed."""
    if sight.model:
        jobs.follow(place.home, jobs.latest(place.store, "predict", **_asked(place, study)), key="predict now")


def address(study: Study) -> str:
    """Where this study is seen as it is now; who sits there stands not in it."""
    kept = {name: value for name, value in st.query_params.items() if name not in (SEAT, *_VIEW)}
    task = st.session_state.get(TASK)
    given = {**kept, **({TASK: str(task)} if task else {}), "study": study.study_id}
    here = (st.context.url or "/study").partition("?")[0]
    return f"{here}?{urlencode(given, safe=':,/')}"


def _asked(place: Here, study: Study) -> dict[str, object]:
    return {"task": place.task.name, "study_ids": [study.study_id]}


def _predict(place: Here, study: Study) -> None:
    champion = place.champion
    if champion is None:
        show(
            tone(_("The task has no champion yet."), "quiet"),
            " ",
            tag("code", f"consilium train {place.task.name}"),
        )
        return
    done = study.study_id in place.store.versions.predictions(champion.version, study_ids=[study.study_id])
    takes = place.task.accepts(study)
    if st.button(_("Predict now"), disabled=done or not takes):
        jobs.ask(place.home, "predict", **_asked(place, study))
    if done:
        show(tone(_("{version} has answered.", version=champion.version), "quiet"))
    elif not takes:
        show(tone(_("The task does not take this study."), "quiet"))


def _read(place: Here, study: Study) -> None:
    """The way to one's own read, where one waits on the labelling server."""
    if place.reader is None:
        return
    asked = place.store.reads.requests(
        study_id=study.study_id, task=place.task.name, reader_id=place.reader.reader_id
    )
    for request in asked:
        if request.state in WAITING:
            link = reading_link(place.home, request) if request.state == RequestState.PUSHED else ""
            if link:
                st.link_button(_("Read it in Label Studio"), link)
            else:
                show(tone(_("Your read is not on the labelling server yet."), "quiet"))
