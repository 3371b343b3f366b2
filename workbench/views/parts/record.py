"""What is on record of a study: the hold, the readers' answers, the consensus, the lineage."""

from __future__ import annotations

from typing import Any

import streamlit as st

from data.records import Study
from workbench.blindness import Sight
from workbench.labelling import reading_link
from workbench.views.parts import answers, words
from workbench.views.parts.context import Here
from workbench.views.parts.frame import note, section, show
from workbench.views.parts.markup import Html, chip, facts, join, reader_dot, table, tag, tone


def hold(place: Here, study: Study) -> None:
    """Why a study is held, and the way to let it go."""
    note(join((tag("b", "Held: "), study.held, ". It is not sent to readers before a person has looked at it.")),
         "doubt")  # fmt: skip
    if place.reader is not None:
        return
    with st.form("release", border=False):
        left, right = st.columns([3, 1], vertical_alignment="bottom")
        reason = left.text_input("Why it may be released", placeholder="looked at: no name on the picture")
        if right.form_submit_button("Release"):
            if not reason.strip():
                note("A release needs a reason. Say what you looked at.", "wrong")
                return
            with place.store.write():
                place.store.studies.update(study.study_id, held="")
                place.store.log.add("study.released", study.study_id, reason=reason.strip())
            st.rerun()


def readers(place: Here, study: Study, sight: Sight) -> None:
    """The readers' answers, each with hue, shape, mode and link; a reader's own alone while the round is open."""
    store, known = place.store, place.store.reads.readers()
    own = place.reader.reader_id if place.reader else ""
    requests = store.reads.requests(study_id=study.study_id, task=place.task.name)
    reads = store.reads.annotations(place.task.name, study_id=study.study_id)
    by_request = {read.request_id: read for read in reads if read.request_id}
    rows: list[list[Any]] = []
    for request in requests:
        if not (sight.others or request.reader_id == own):
            continue
        read = by_request.get(request.request_id)
        said = "—" if read is None or read.skipped else answers.reader_answers(place.task.form, read.answers)
        if read is None or read.skipped:
            said = words.REQUESTS[request.state]
        link = reading_link(place.home, store, request) if request.reader_id == own or not own else ""
        rows.append([_reader(place, request.reader_id), said, answers.mode_chip(request.mode),
                     tag("a", "Label Studio", href=link, target="_blank") if link else ""])  # fmt: skip
    for read in reads:
        if read.request_id or not (sight.others or read.reader_id == own):
            continue
        said = "skipped" if read.skipped else answers.reader_answers(place.task.form, read.answers)
        rows.append([_reader(place, read.reader_id), said, answers.mode_chip(read.mode), chip("imported")])
    if not rows and not known:
        return
    section("Readers")
    if rows:
        show(table(["Reader", "Answer", "Mode", ""], rows))
    else:
        show(tone("Nobody was asked to read this study." if sight.others else "Nothing of yours.", "quiet"))


def _reader(place: Here, reader_id: str) -> Html:
    known = place.store.reads.readers()
    reader = next((r for r in known if r.reader_id == reader_id), None)
    return join((reader_dot(reader_id, known), " ", words.reader_name(reader) if reader else reader_id))


def consensus(place: Here, study: Study) -> None:
    """What the readers agreed, or the imported reference standard."""
    form = place.task.form
    rows: list[list[Any]] = []
    for record in place.store.labels.consensus(place.task.name, study_id=study.study_id):
        support = f"{100 * record.support:.0f}% of the readers, {record.method}"
        rows.append([answers.where(record.question, words.site(record.site)),
                     answers.said(form, record.question, record.value) if record.value is not None else "—",
                     answers.consensus_chip(record), tag("span", support, cls="c-quiet c-small")])  # fmt: skip
    for label in place.store.labels.references(place.task.name, study_ids=[study.study_id]):
        rows.append([answers.where(label.answer.question, words.site(label.answer.site)),
                     answers.said(form, label.answer.question, label.answer.value), chip("imported"),
                     tag("span", label.source, cls="c-quiet c-small")])  # fmt: skip
    if rows:
        section("Reference standard")
        show(table(["Question", "Answer", "", ""], rows))


def lineage(place: Here, study: Study) -> None:
    """Where the study comes from and what happened to it."""
    series = study.series[0] if study.series else None
    pairs: list[tuple[str, object]] = [("study", tag("span", study.study_id, cls="c-mono")),
                                       ("came in", words.moment(study.ingested_at)),
                                       ("series", len(study.series))]  # fmt: skip
    if series is not None:
        pairs += [(name.replace("_", " "), text) for name, text in sorted(series.attributes.items())[:6]]
    show(facts(pairs))
    entries = place.store.log.entries(subject=study.study_id, limit=20)
    if place.reader is None and entries:
        with st.expander(f"Log ({len(entries)})"):
            rows = [[words.moment(e.at), e.event, _detail(e.detail)] for e in entries]
            show(table(["When (UTC)", "Event", ""], rows))


def _detail(detail: Any) -> str:
    return ", ".join(f"{name} {value}" for name, value in detail.items())
