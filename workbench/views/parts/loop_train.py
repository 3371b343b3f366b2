"""A training as it goes: its curve grows, it can be stopped, and gone on with."""

from __future__ import annotations

import time

import streamlit as st

from data.home import Home
from data.records import Job, JobState
from models.course import Course, course_of, read_course
from models.time_left import time_left
from workbench import worker
from workbench.language import _, p_, told
from workbench.views.parts import jobs, words
from workbench.views.parts.context import store_of
from workbench.views.parts.frame import note, show
from workbench.views.parts.loop_curve import curve
from workbench.views.parts.markup import bar, tag, tone

EVERY_S = 2.0
"""How often the curve is read while a training runs."""


def follow(home: Home, training: str, job: Job | None) -> bool:
    """Show a training: while it runs, where it was stopped, or why it failed. Returns whether it waits or runs.

    Parameters
    ----------
    training:
        Its name, as of :func:`models.watching.course_of`.
    job:
        The newest that was asked for it.
    """
    with st.container():
        if job is None:
            return False
        if job.state in jobs.RUNNING:
            _running(home, training, job.job_id)
            return True
        if job.state == JobState.CANCELLED:
            _stopped(home, training)
        else:
            jobs.follow(home, job, key=f"train {training}")
            kept(home, training)
        return False


def kept(home: Home, training: str) -> None:
    """Show the curves of a training that has ended, a network at a time; nothing where it was not watched."""
    course = read_course(course_of(home, training))
    if course is not None and course.networks:
        _curves(course, training)


def stopped_at(home: Home, training: str) -> str:
    """Where a training was stopped, as a few words."""
    course = read_course(course_of(home, training))
    now = course.current if course else None
    if now is None:
        return _("stopped before its first epoch")
    return _("stopped at epoch {epoch} of {epochs}", epoch=now.epoch, epochs=now.epochs)


@st.fragment(run_every=EVERY_S)
def _running(home: Home, training: str, job_id: str) -> None:
    job = store_of(home).jobs.get(job_id)
    if job.state not in jobs.RUNNING:
        st.rerun()
    course = read_course(course_of(home, training))
    now = course.current if course else None
    left, right = st.columns([5.2, 1], vertical_alignment="center")
    with left:
        said = how_far(course, time.time()) if course else ""
        said = said or told(job.message) or _(words.JOB_STATES[job.state])
        show(tag("span", f"{100 * job.progress:.0f}%", cls="c-small c-quiet", style="float:right"),
             tag("span", said, cls="c-small"), bar(job.progress, cls="c-wide c-model"))  # fmt: skip
    if right.button(_("Stop"), key=f"stop {job_id}", width="stretch",
                    help=_("What is trained is kept; it can be gone on with.")):  # fmt: skip
        store_of(home).jobs.cancel(job_id)
        st.rerun()
    if job.state == JobState.WAITING and not worker.is_running(home):
        show(tone(_("No worker is running. The training goes on from its last epoch as soon as there is one: "),
                  "doubt"), tag("code", words.START_WORKER))  # fmt: skip
    if now is not None:
        curve(now, key=f"course {training}")
    st.caption(_("You can leave this page; the training goes on."))


def how_far(course: Course, at: float) -> str:
    """Network, epoch, step and the time left, as one line; empty where nothing of it is known.

    Parameters
    ----------
    at:
        Seconds since the epoch.
    """
    left = time_left(course, at)
    whole = "" if left.whole_s is None else _("{left} left in all", left=words.minutes(left.whole_s))
    now = course.current
    if now is None:
        return f"{p_('training', 'preparing')} · {whole}" if whole else ""
    which = _("network {n} of {total} ({name})", n=len(course.networks), total=course.total, name=now.name)
    where = _("epoch {epoch} of {epochs} · step {step} of {steps}", epoch=min(now.epoch + 1, now.epochs),
              epochs=now.epochs, step=now.step, steps=now.steps)  # fmt: skip
    said = [which, p_("network", "trained")] if now.done else [which, where]
    if left.network_s is not None and (course.to_come or not whole):
        said.append(_("{left} left for it at most", left=words.minutes(left.network_s)))
    return " · ".join((*said, whole) if whole else said)


def _stopped(home: Home, training: str) -> None:
    course = read_course(course_of(home, training))
    now = course.current if course else None
    if course is None or now is None:
        note(_("Stopped before its first epoch. Nothing is lost; going on begins it."), "doubt")
        return
    if now.resumes:
        said = _("Stopped at epoch {epoch} of {epochs}, network {n} of {total}. Nothing is lost: it goes on from "
                 "there, and ends with the same weights as if it had never been stopped.",
                 epoch=now.epoch, epochs=now.epochs, n=len(course.networks), total=course.total)  # fmt: skip
    else:
        said = _("Stopped at epoch {epoch} of {epochs}, network {n} of {total}. The networks before it are kept; "
                 "this one has no checkpoint and begins again.",
                 epoch=now.epoch, epochs=now.epochs, n=len(course.networks), total=course.total)  # fmt: skip
    note(said, "doubt")
    _curves(course, training)


def _curves(course: Course, training: str) -> None:
    names = [network.name for network in course.networks]
    chosen = names[-1]
    if len(names) > 1:
        chosen = st.selectbox(_("Network"), names, index=len(names) - 1, key=f"network {training}")
    network = next(network for network in course.networks if network.name == chosen)
    curve(network, key=f"course {training}")
