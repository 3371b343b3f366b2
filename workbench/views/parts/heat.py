"""The heat map of an answer: which answer, and the work that makes it."""

from __future__ import annotations

from dataclasses import dataclass

import streamlit as st

from data.answers import MaskValue
from data.records import Job, JobState, Prediction, QuestionPrediction
from workbench.language import _
from workbench.viewer.scenes import Explained
from workbench.views.parts import answers, jobs, words
from workbench.views.parts.choice import choose, switch
from workbench.views.parts.context import Here

HEAT, OF = "heat", "of"
"""The keys, and query parameters, of the switch and of the choice."""
_ASKED = "heat asked"


@dataclass(frozen=True, slots=True)
class Wanted:
    """The heat map that is chosen.

    Parameters
    ----------
    on:
        Whether it is to be shown.
    can_ask:
        Whether there is an answer that can be explained.
    job:
        The work that makes it; None where it is not wanted.
    found:
        The map, once it is there.
    """

    on: bool = False
    can_ask: bool = False
    job: Job | None = None
    found: Explained | None = None


def chosen(place: Here, prediction: Prediction | None) -> Wanted:
    """The choice of the answer, once the viewer asked for a heat map; asks for the work where it was not done."""
    if prediction is None:
        return Wanted()
    about = explainable(prediction)
    if st.session_state.pop(_ASKED, False):
        st.session_state[HEAT] = True
    if not st.session_state.get(HEAT, st.query_params.get(HEAT) == "true"):
        st.query_params.pop(HEAT, None)
        return Wanted(can_ask=bool(about))  # the viewer has the switch
    with st.container(horizontal=True, vertical_alignment="bottom", gap="small"):
        switch(_("Heat map"), key=HEAT)
        if not about:
            return Wanted(on=True)
        key = choose(_("of"), {key: one.said for key, one in about.items()}, key=OF, width=220)
    one = about[key]
    job = _job(place, prediction, one)
    if job is None or job.state != JobState.DONE:
        return Wanted(on=True, job=job)
    found = Explained(one.said, int(job.result.get("page", 0)), str(job.result["heat"]))
    return Wanted(on=True, job=job, found=found)


def ask() -> None:
    """Switch heat maps on, because the viewer asks for one."""
    st.session_state[_ASKED] = True
    st.rerun()


@dataclass(frozen=True, slots=True)
class Explainable:
    """What can be explained: a result, or one of its findings."""

    said: str
    result: QuestionPrediction
    finding: str = ""


def explainable(prediction: Prediction) -> dict[str, Explainable]:
    """By key for the address. Masks explain themselves; of findings each can be asked for, the likeliest first."""
    found: dict[str, Explainable] = {}
    for result in prediction.results:
        key, place = f"{result.question} {result.site.key}", words.site(result.site)
        if isinstance(result.value, frozenset):
            for name in words.present_first(result):
                found[f"{key} {name}"] = Explainable(answers.where(name, place), result, name)
        elif not isinstance(result.value, MaskValue):
            found[key] = Explainable(answers.where(result.question, place), result)
    return found


def _job(place: Here, prediction: Prediction, about: Explainable) -> Job | None:
    """The newest job that makes this heat map; asked for where there is none."""
    arguments = {
        "task": place.task.name,
        "study_id": prediction.study_id,
        "question": about.result.question,
        "site": about.result.site.key,
        "finding": about.finding,
        "version": prediction.version,
    }
    job = jobs.latest(place.store, "explain", **arguments)
    gone = job is not None and job.state == JobState.DONE and str(job.result.get("heat")) not in place.blobs
    if job is None or gone or job.state == JobState.CANCELLED:
        jobs.ask(place.home, "explain", **arguments)
    return job
