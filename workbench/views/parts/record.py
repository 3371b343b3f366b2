"""What is on record of a study: the hold, the readers' answers, the consensus, the lineage."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import streamlit as st

from data.records import Annotation, Mode, Purpose, ReadRequest, Study
from workbench.adjudicating import in_order
from workbench.blindness import Sight
from workbench.labelling import reading_link
from workbench.views.parts import answers, decided, words
from workbench.views.parts.context import Here
from workbench.views.parts.frame import note, section, show
from workbench.views.parts.markup import Html, chip, facts, join, reader_dot, table, tag, text, tone


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
    store, own = place.store, place.reader.reader_id if place.reader else ""
    reads = store.reads.annotations(place.task.name, study_id=study.study_id)
    requests = store.reads.requests(study_id=study.study_id, task=place.task.name)
    by_request = {read.request_id: read for read in reads if read.request_id}
    nameless = {} if sight.names else _nameless(reads)
    rows: list[list[Any]] = []
    for request in requests:
        if _may_see(sight, own, request.reader_id, request.round_id):
            link = reading_link(place.home, store, request) if request.reader_id == own or not own else ""
            rows.append([_reader(place, request.reader_id, nameless), _said(place, request, by_request),
                         _mode(place, request.mode, request.purpose),
                         tag("a", "Label Studio", href=link, target="_blank") if link else ""])  # fmt: skip
    for read in reads:
        if not read.request_id and _may_see(sight, own, read.reader_id, read.round_id):
            said = "skipped" if read.skipped else answers.reader_answers(place.task.form, read.answers)
            rows.append([_reader(place, read.reader_id, nameless), said,
                         _mode(place, read.mode, read.purpose), chip("imported")])  # fmt: skip
    if not rows and not store.reads.readers():
        return
    section("Readers")
    if rows:
        show(table(["Reader", "Answer", "Mode", ""], rows))
    else:
        show(tone("Nobody was asked to read this study." if sight.others else "Nothing of yours.", "quiet"))


def _may_see(sight: Sight, own: str, reader_id: str, round_id: str) -> bool:
    """Whether a read may be shown: the own ones, of the rounds that may be seen, or everybody's."""
    if reader_id == own and sight.rounds is not None:
        return round_id in sight.rounds
    return sight.others or reader_id == own


def _said(place: Here, request: ReadRequest, by_request: Mapping[str, Annotation]) -> str:
    read = by_request.get(request.request_id)
    if read is None or read.skipped:
        remark = read.remark if read is not None else ""
        return words.REQUESTS[request.state] + (f": “{remark}”" if remark else "")
    return answers.reader_answers(place.task.form, read.answers)


def _mode(place: Here, mode: Mode, purpose: Purpose) -> Html:
    """How the study was read; which reads are hidden second ones is for the curator alone."""
    told = purpose in (Purpose.SECOND_LOOK, Purpose.ADJUDICATION, Purpose.QUALIFICATION)
    if told or (purpose == Purpose.REREAD and place.reader is None):
        return join((answers.mode_chip(mode), " ", chip(words.PURPOSES[purpose])))
    return answers.mode_chip(mode)


def _nameless(reads: Sequence[Annotation]) -> dict[str, str]:
    """A name for each reader that says nothing of who it is, the same for all reads of a study."""
    ordered = dict.fromkeys(read.reader_id for read in in_order(reads))
    return {reader_id: f"Reader {place}" for place, reader_id in enumerate(ordered, 1)}


def _reader(place: Here, reader_id: str, nameless: Mapping[str, str]) -> Html:
    known = place.store.reads.readers()
    reader = next((r for r in known if r.reader_id == reader_id), None)
    if nameless and (place.reader is None or reader_id != place.reader.reader_id):
        return text(nameless.get(reader_id, "Another reader"))
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
    decided.of_study(place, study.study_id)


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
