"""Consensus: how far the readers agree, who they are, where they differ and why, where the next read helps."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

import streamlit as st

from active_learning.overview import Outlined, Overview, Stamp, stamp_of
from data.answers import Mask
from data.errors import BlobError, RatingsError
from data.records import Job, JobState
from workbench import jobs as background
from workbench.language import N_, _, language, n_, number, told
from workbench.views.parts import (
    agreement,
    compared_outlines,
    dispute_rows,
    jobs,
    next_reads,
    reader_outlines,
    reader_profiles,
    words,
)
from workbench.views.parts.choice import choose
from workbench.views.parts.context import Here, here
from workbench.views.parts.frame import empty, failure, failures, framed, header, note, section, show
from workbench.views.parts.markup import Html, chip, facts, join, table, tag, tone
from workbench.work_readers import MEASURE, OUTLINES, REPORT, newest_outlines, newest_overview

R = TypeVar("R", Overview, Outlined)
SOURCES = {"agreed": N_("agreed"), "adjudicated": N_("adjudicated"), "imported": N_("imported")}
"""How an answer of the reference standard came."""


@framed
def page() -> None:
    """Show what was last measured of the task's readers; measure anew by itself when a read came or changed."""
    place = here()
    if not stamp_of(place.store, place.task.name).reads:
        header(_("Consensus"), tag("span", _(place.task.title), cls="c-quiet"))
        empty(_("Nobody has read anything yet"),
              _("Once a round was read, this page shows how far its readers agree."),
              f"consilium round open {place.task.name}")  # fmt: skip
        return
    title = st.container()
    round_id, action = _choices(place)
    stamp = stamp_of(place.store, place.task.name, round_id)
    overview = None
    if stamp.reads:
        _measured(place, MEASURE, round_id, stamp)
        overview = _kept(place, MEASURE, round_id, newest_overview, stamp)
        with action:
            _report(place, round_id)
    else:
        show(tone(_("Nobody has read anything in this round."), "quiet"))
    with title:
        _head(place, overview)
    if overview is not None:
        _sections(place, overview, stamp)


def _sections(place: Here, overview: Overview, stamp: Stamp) -> None:
    _standard(place, overview)
    agreement.measured(overview)
    reader_profiles.readers(place, overview)
    _outlines(place, overview, stamp)
    dispute_rows.disputes(place, overview)
    next_reads.next_reads(place, overview)
    for sentence in overview.notes:
        show(tag("p", told(sentence), cls="c-small c-quiet"))


def _choices(place: Here) -> tuple[str, st.delta_generator.DeltaGenerator]:
    """Which reads; and the place beside it, where the report is asked for."""
    rounds = place.store.rounds.all(place.task.name)
    left, right = st.columns([1, 3], vertical_alignment="bottom", gap="medium")
    with left:
        named = {"": _("all rounds"), **{r.round_id: _("round {number}", number=r.number) for r in rounds}}
        chosen = choose(_("Reads of"), named, key="round")
    return chosen, right


def _measured(place: Here, kind: str, round_id: str, stamp: Stamp) -> bool:
    """Ask for a measurement where the reads have changed since the last one, and follow it.

    Returns whether it is under way; one that failed or was called off can be asked for again.
    """
    job = jobs.latest_about(place.store, kind, task=place.task.name, round_id=round_id)
    arguments = {"task": place.task.name, "round_id": round_id, "stamp": stamp.text}
    if not _settled(job, stamp):
        with failures():
            job = background.enqueue(place.home, kind, **arguments)
    running = jobs.follow(place.home, job)
    if job is not None and job.state == JobState.CANCELLED and st.button(_("Measure anew"), key=f"again {kind}"):
        jobs.ask(place.home, kind, **arguments)
    return running


def _settled(job: Job | None, stamp: Stamp) -> bool:
    """Whether nothing is to be asked for: it is under way, or was tried for this state of the reads."""
    if job is None:
        return False
    named = job.arguments.get("stamp"), job.result.get("stamp")
    return job.state in jobs.RUNNING or stamp.text in named


def _kept(place: Here, kind: str, round_id: str, read: Callable[..., R | None], stamp: Stamp) -> R | None:
    """What was measured last, with a line where it is of before; what cannot be read is measured anew."""
    try:
        found = read(place.store, place.blobs, place.task.name, round_id)
    except (RatingsError, BlobError) as error:
        failure(error.as_dict())
        if st.button(_("Measure anew"), key=f"unreadable {kind}"):
            jobs.ask(place.home, kind, task=place.task.name, round_id=round_id, stamp=stamp.text)
        return None
    if found is not None and found.stamp != stamp:
        note(_("Reads have come or changed since: what stands here is of before."), "doubt")
    return found


def _outlines(place: Here, overview: Overview, stamp: Stamp) -> None:
    """How far outlines agree, where the form has masks."""
    if not any(isinstance(question.kind, Mask) for question in place.task.form.questions):
        return
    section(_("Outlines, 95% intervals over patients"))
    round_id = overview.round_id
    _measured(place, OUTLINES, round_id, stamp.of_reads)
    found = _kept(place, OUTLINES, round_id, newest_outlines, stamp.of_reads)
    if found is not None:
        reader_outlines.outlines(place, found)
    compared_outlines.outlines(place, round_id, stamp, overview.cases)


def _head(place: Here, overview: Overview | None) -> None:
    if overview is None:
        header(_("Consensus"), tag("span", _(place.task.title), cls="c-quiet"))
        return
    readers = sum(bool(one.part.independent or one.part.assisted) for one in overview.profiles)
    reads = sum(one.part.independent for one in overview.profiles)
    shown = sum(one.part.assisted for one in overview.profiles)
    parts = [_(place.task.title), n_("{n} independent read", "{n} independent reads", reads)]
    parts += [n_("{n} assisted read", "{n} assisted reads", shown)] if shown else []
    parts.append(n_("{n} study", "{n} studies", overview.studies))
    parts.append(n_("{n} patient", "{n} patients", overview.patients))
    parts.append(n_("{n} reader", "{n} readers", readers))
    header(_("Consensus"), tag("span", " · ".join(parts), cls="c-quiet"))


def _standard(place: Here, overview: Overview) -> None:
    """The reference standard: the rule, and how its answers came."""
    reading = place.task.config.reading
    tally = {name: sum(one.sources.get(name, 0) for one in overview.standards)
             for name in SOURCES}  # fmt: skip
    disputed = sum(one.disputed for one in overview.standards)
    chips = [
        chip(join((number(count), " ", _(SOURCES[name]))), "good" if count and name != "imported" else "")
        for name, count in tally.items()
    ]
    chips.append(chip(join((number(disputed), " ", _("disputed"))), "doubt" if disputed else ""))
    certain = ""
    if reading.consensus != "majority":
        certain = _("an answer stands from P = {p:.2f} on", p=reading.certain)
    masks = any(isinstance(question.kind, Mask) for question in place.task.form.questions)
    outlines = _("outlines by {rule}", rule=words.short(reading.outlines)) if masks else ""
    show(facts([
        (_("reference standard"), join((*chips, tag("span", _("answers"), cls="c-small c-quiet")), " ")),
        (_("rule of the task"), "; ".join(filter(None, (words.short(reading.consensus), certain, outlines)))),
        (_("beside the readers"),
         _("model {version}", version=overview.version) if overview.version else _("no model")),
    ]))  # fmt: skip
    if len(overview.standards) > 1:
        with st.expander(_("Reference standard by question ({n})", n=len(overview.standards))):
            show(_by_question(overview))


def _by_question(overview: Overview) -> Html:
    body = [
        [words.short(one.question), *(one.sources.get(name, 0) for name in SOURCES),
         one.disputed]
        for one in overview.standards
    ]  # fmt: skip
    heads = [_("Question"), _("Agreed"), _("Adjudicated"), _("Imported"), _("Disputed")]
    return tag("div", table(heads, body, numeric=(1, 2, 3, 4)), cls="c-narrow")


def _report(place: Here, round_id: str) -> None:
    """The report of a reading study in the language of the page: written by the worker, brought as a ZIP."""
    arguments = {"task": place.task.name, "round_id": round_id, "language": language()}
    job = jobs.latest(place.store, REPORT, **arguments)
    with st.container(horizontal=True, vertical_alignment="bottom", gap="small"):
        busy = job is not None and job.state in jobs.RUNNING
        if st.button(_("Write the reading-study report"), disabled=busy):
            jobs.ask(place.home, REPORT, **arguments)
        done = job if job is not None and job.state == JobState.DONE else None
        path = place.home.reports / str(done.result["zip"]) if done is not None else None
        if done is not None and path is not None and path.is_file():
            st.download_button(_("Download the report (ZIP)"), path.read_bytes(), path.name, "application/zip",
                               on_click="ignore")  # fmt: skip
            show(tag("span", _("written {ago}", ago=words.ago(done.updated_at)), cls="c-small c-quiet"))
    jobs.follow(place.home, job, key="report")
