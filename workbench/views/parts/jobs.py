"""Background work as pages show it: asked for once, followed each second, its error with what to do."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

import streamlit as st

from data.home import Home
from data.records import Job, JobState
from data.store import Store
from data.tables.base import dump
from workbench import jobs, worker
from workbench.language import _, n_, told
from workbench.views.parts import words
from workbench.views.parts.context import store_of
from workbench.views.parts.frame import failure, failures, show
from workbench.views.parts.markup import bar, join, tag, tone

RUNNING = (JobState.WAITING, JobState.RUNNING)
PAGES: Mapping[str, str] = {
    "round": "loop", "train": "loop", "simulate": "loop", "case": "adjudication", "consensus": "consensus",
    "reader": "readers", "readers": "readers", "champion": "models", "evaluate": "models", "curate": "curation",
    "triage": "triage", "ingest": "data", "folder": "data", "leaks": "data", "labels": "data", "data": "data",
    "verify": "log",
}  # fmt: skip
"""Where work is shown, by the first word of its kind; what is not here is on the page Health."""


def latest(store: Store, kind: str, **arguments: Any) -> Job | None:
    """The newest job of a kind with exactly these arguments, or None."""
    return _newest(store, kind, arguments, tuple(JobState))


def latest_done(store: Store, kind: str, **arguments: Any) -> Job | None:
    """The newest job of a kind with exactly these arguments that was done, or None."""
    return _newest(store, kind, arguments, (JobState.DONE,))


def _newest(store: Store, kind: str, arguments: Mapping[str, Any], states: Sequence[JobState]) -> Job | None:
    sql = """SELECT job_id FROM jobs WHERE kind = ? AND arguments = ?
        AND state IN (SELECT value FROM json_each(?)) ORDER BY created_at DESC LIMIT 1"""
    row = next(iter(store.db.query(sql, [kind, dump(arguments), dump(list(states))])), None)
    return store.jobs.get(row["job_id"]) if row else None


def latest_about(store: Store, kind: str, **about: Any) -> Job | None:
    """The newest job of a kind whose arguments hold these values, or None."""
    sql = "SELECT job_id, arguments FROM jobs WHERE kind = ? ORDER BY created_at DESC LIMIT 200"
    for row in store.db.query(sql, [kind]):
        arguments = json.loads(row["arguments"])
        if all(arguments.get(name) == value for name, value in about.items()):
            return store.jobs.get(row["job_id"])
    return None


def ask(home: Home, kind: str, **arguments: Any) -> None:
    """Ask the worker for work, and show the page anew, which then follows it."""
    ask_all(home, kind, [arguments])


def ask_all(home: Home, kind: str, several: Sequence[Mapping[str, Any]]) -> None:
    """Ask for work of one kind with several sets of arguments, and show the page anew."""
    with failures():
        for arguments in several:
            jobs.enqueue(home, kind, **arguments)
        st.rerun()


def name_of(job: Job) -> str:
    """What a job does, as people say it."""
    step = str(job.arguments.get("step", ""))
    return _(words.ROUND_STEPS[step]) if step in words.ROUND_STEPS else _(words.JOBS.get(job.kind, job.kind))


def running_line(home: Home) -> None:
    """A small line that says that work goes on, how far it is, and where it is shown; nothing where none is."""
    if _under_way(home):
        _line(home)


def _under_way(home: Home) -> list[Job]:
    return store_of(home).jobs.all(states=RUNNING, limit=20)


@st.fragment(run_every=3.0)
def _line(home: Home) -> None:
    found = _under_way(home)
    if not found:
        st.rerun()
    job = next((one for one in found if one.state == JobState.RUNNING), found[-1])
    where = PAGES.get(job.kind.split(".")[0], "health")
    task = str(job.arguments.get("task", "")) or _task_of(home, job)
    address = f"/{where}?task={task}" if task else f"/{where}"
    more = len(found) - 1
    show(
        tag("a", _("Work going on: {what}", what=name_of(job)), href=address, target="_self", cls="c-small"),
        tag("span", f" {100 * job.progress:.0f}%", cls="c-small c-quiet"),
        bar(job.progress, cls="c-wide c-model"),
        tag("span", n_("{n} more waits", "{n} more wait", more), cls="c-small c-quiet") if more else "",
    )


def _task_of(home: Home, job: Job) -> str:
    round_id = str(job.arguments.get("round_id", ""))
    return store_of(home).rounds.get(round_id).task if round_id else ""


@st.fragment(run_every=1.0)
def _follow(home: Home, job_id: str, key: str) -> None:
    job = store_of(home).jobs.get(job_id)
    if job.state not in RUNNING:
        st.rerun()
    waits = job.state == JobState.WAITING and not worker.is_running(home)
    said = told(job.message) or _(words.JOB_STATES[job.state])
    name = name_of(job)
    head = tag("span", name if said == name else f"{name} · {said}", cls="c-small")
    share = tag("span", f"{100 * job.progress:.0f}%", cls="c-small c-quiet", style="float:right")
    show(share, head, bar(job.progress, cls="c-wide c-model"))
    if waits:
        show(tone(_("No worker is running; it starts this as soon as there is one: "), "doubt"),
             tag("code", words.START_WORKER))  # fmt: skip
    if st.button(_("Call off"), key=f"cancel {job_id} {key}", type="tertiary"):
        store_of(home).jobs.cancel(job_id)
        st.rerun()


def follow(home: Home, job: Job | None, *, key: str = "") -> bool:
    """Show a job that waits or runs, or why it failed. Returns whether it still waits or runs.

    Its place on the page is there whether a job is or not, so that nothing below moves when it ends. A job that is
    shown twice on a page needs two keys.
    """
    with st.container():
        if job is None:
            return False
        if job.state in RUNNING:
            _follow(home, job.job_id, key)
            return True
        if job.state == JobState.FAILED:
            _failed(home, job, key)
        return False


def _failed(home: Home, job: Job, key: str) -> None:
    failure(job.error)
    details = join((name_of(job), words.moment(job.updated_at), job.job_id), " · ")
    left, right = st.columns([5, 1], vertical_alignment="center")
    with left:
        show(tag("span", details, cls="c-small c-faint"))
    if right.button(_("Try again"), key=f"again {job.job_id} {key}", width="stretch"):
        ask(home, job.kind, **job.arguments)
