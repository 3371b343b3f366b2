"""What readers have to do with a study: the hold, who reads it and how, what they answered."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import streamlit as st

from data.records import Annotation, Mode, Purpose, ReadRequest, Study
from workbench.adjudicating import in_order
from workbench.blindness import Sight
from workbench.labelling import reading_link
from workbench.language import _, told
from workbench.viewer.shown import may_see
from workbench.views.parts import answers, draft, words
from workbench.views.parts.context import Here
from workbench.views.parts.frame import note, section, show
from workbench.views.parts.markup import Html, chip, join, reader_dot, table, tag, text, tone


def held(place: Here, study: Study) -> None:
    """Why a study is held, and the way to let it go."""
    why = _("Held: {reason}. It is not sent to readers before a person has looked at it.", reason=told(study.held))
    note(why, "doubt")
    if place.reader is not None:
        return
    left, right = st.columns([3, 1], vertical_alignment="bottom")
    key = draft.restored(f"release {study.study_id}")
    reason = left.text_input(_("Why it may be released"), key=key, on_change=draft.note, args=(key,),
                             placeholder=_("looked at: no name on the picture"))  # fmt: skip
    if not right.button(_("Release"), width="stretch"):
        return
    if not reason.strip():
        note(_("A release needs a reason. Say what you looked at."), "wrong")
        return
    _hold(place, study, "", "study.released", reason.strip())
    draft.forget(key)
    st.rerun()


def hold(place: Here, study: Study) -> None:
    """The way to keep a study from readers until somebody has looked at it."""
    key = draft.restored(f"hold {study.study_id}")
    reason = st.text_input(_("Why it is to be held"), key=key, on_change=draft.note, args=(key,),
                           placeholder=_("what a person must look at"))  # fmt: skip
    show(tone(_("It is not sent to readers before it is released; what they have already stays with them."),
              "quiet"))  # fmt: skip
    if not st.button(_("Hold")):
        return
    if not reason.strip():
        note(_("A hold needs a reason. Say what is to be looked at."), "wrong")
        return
    _hold(place, study, reason.strip(), "study.held", reason.strip())
    draft.forget(key)
    st.rerun()


def _hold(place: Here, study: Study, held_for: str, event: str, reason: str) -> None:
    with place.store.write():
        place.store.studies.update(study.study_id, held=held_for)
        place.store.log.add(event, study.study_id, reason=reason)


def readers(place: Here, study: Study, sight: Sight) -> None:
    """The readers' answers, each with hue, shape, mode and link; a reader's own alone while the round is open."""
    store, own = place.store, place.reader.reader_id if place.reader else ""
    reads = store.reads.annotations(place.task.name, study_id=study.study_id)
    requests = store.reads.requests(study_id=study.study_id, task=place.task.name)
    by_request = {read.request_id: read for read in reads if read.request_id}
    nameless = {} if sight.names else _nameless(reads)
    rows: list[list[Any]] = []
    for request in requests:
        if may_see(sight, own, request.reader_id, request.round_id):
            link = reading_link(place.home, request) if request.reader_id == own else ""
            rows.append([_reader(place, request.reader_id, nameless), _said(place, request, by_request),
                         _mode(place, request.mode, request.purpose),
                         tag("a", "Label Studio", href=link, target="_blank") if link else ""])  # fmt: skip
    for read in reads:
        if not read.request_id and may_see(sight, own, read.reader_id, read.round_id):
            said = _("skipped") if read.skipped else answers.reader_answers(place.task.form, read.answers)
            rows.append([_reader(place, read.reader_id, nameless), said,
                         _mode(place, read.mode, read.purpose), chip(_("imported"))])  # fmt: skip
    if not rows and not store.reads.readers():
        return
    section(_("Readers"))
    if rows:
        show(table([_("Reader"), _("Answer"), _("Mode"), ""], rows))
    else:
        show(tone(_("Nobody was asked to read this study.") if sight.others else _("Nothing of yours."), "quiet"))


def _said(place: Here, request: ReadRequest, by_request: Mapping[str, Annotation]) -> str:
    read = by_request.get(request.request_id)
    if read is None or read.skipped:
        remark = read.remark if read is not None else ""
        state = _(words.REQUESTS[request.state])
        return f"{state}: “{remark}”" if remark else state
    return answers.reader_answers(place.task.form, read.answers)


def _mode(place: Here, mode: Mode, purpose: Purpose) -> Html:
    """How the study was read; which reads are hidden second ones is for the curator alone."""
    open_ = purpose in (Purpose.SECOND_LOOK, Purpose.ADJUDICATION, Purpose.QUALIFICATION)
    if open_ or (purpose == Purpose.REREAD and place.reader is None):
        return join((answers.mode_chip(mode), " ", chip(_(words.PURPOSES[purpose]))))
    return answers.mode_chip(mode)


def _nameless(reads: Sequence[Annotation]) -> dict[str, str]:
    """A name for each reader that says nothing of who it is, the same for all reads of a study."""
    ordered = dict.fromkeys(read.reader_id for read in in_order(reads))
    return {reader_id: _("Reader {n}", n=place) for place, reader_id in enumerate(ordered, 1)}


def _reader(place: Here, reader_id: str, nameless: Mapping[str, str]) -> Html:
    known = place.store.reads.readers()
    reader = next((r for r in known if r.reader_id == reader_id), None)
    if nameless and (place.reader is None or reader_id != place.reader.reader_id):
        return text(nameless.get(reader_id, _("Another reader")))
    return join((reader_dot(reader_id, known), " ", words.reader_name(reader) if reader else reader_id))
