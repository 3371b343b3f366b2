"""The case that is open: head, pictures, what the model says where the read is assisted, what was given."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import streamlit as st

from active_learning.accepting import Accepting, Offer
from data.records import Annotation, Mode, Prediction, ReadRequest, RequestState, Study
from workbench.blindness import Blindness, Sight
from workbench.language import _
from workbench.viewer.shown import Shown, seen
from workbench.views.parts import answers, reading_acts, reading_grades, viewer
from workbench.views.parts.choice import switch
from workbench.views.parts.conformal_sets import sets_for
from workbench.views.parts.context import Here
from workbench.views.parts.frame import section, show
from workbench.views.parts.markup import Html, chip, tag, tone
from workbench.views.parts.reading_queue import Queue, neighbours, open_case, why

HEIGHT_PX = 520
AHEAD = 2
"""Cases whose pictures are fetched beforehand."""
EARLIER = "earlier"
"""The key, and query parameter, of the switch."""


def show_case(place: Here, queue: Queue, now: ReadRequest) -> None:
    """Show a case with all that its reader may see of it."""
    study = place.store.studies.get(now.study_id)
    blindness = place.blindness
    sight = blindness.sight(study.study_id, study.patient.part)
    accepting = Accepting(place.home, place.task)
    sees = sight.model and now.mode == Mode.ASSISTED
    prediction = accepting.prediction(now) if sees else None
    offer = accepting.offer(now) if sees and now.state == RequestState.PUSHED else Offer()
    _head(queue, now)
    shown = _shown(place, now, study, sight, prediction)
    beside = _earlier(place, blindness, study)
    ahead = [queue.studies[r.study_id] for r in queue.following(now)[:AHEAD] if r.study_id in queue.studies]
    viewer.picture(place, study, shown, beside=beside, height_px=HEIGHT_PX, prefetch=ahead)
    reading_acts.acts(place, queue, now, offer)
    reading_acts.just(queue)
    reading_grades.grades(place, queue, now, offer)
    _said(place, queue.reads.get(now.request_id), prediction)
    if not sees:
        show(tone(_(sight.why), "quiet"))


def _head(queue: Queue, now: ReadRequest) -> None:
    before, after = neighbours(queue.every, now)
    said, whole = why(queue, now)
    title, buttons = st.columns([2.4, 1], vertical_alignment="center")
    with title:
        show(tag("b", queue.label(now), cls="c-now-read"), " ", answers.mode_chip(now.mode), " ",
             tag("span", said, title=whole, cls="c-small c-quiet"))  # fmt: skip
    with buttons, st.container(horizontal=True, horizontal_alignment="right", gap="small"):
        if st.button(_("Previous"), disabled=before is None, shortcut="k", key="reading before") and before:
            open_case(before.request_id)
        if st.button(_("Next"), disabled=after is None, shortcut="j", key="reading after") and after:
            open_case(after.request_id)


def _shown(place: Here, now: ReadRequest, study: Study, sight: Sight, prediction: Prediction | None) -> Shown:
    """The request's version alone, and the reader's own reads; nothing of the model where it may not be seen."""
    allowed = replace(sight, model=prediction is not None)
    version = prediction.version if prediction else ""
    found = seen(place.store, place.task.name, version, study, allowed, own=now.reader_id)
    return replace(found, predictions=() if prediction is None else (prediction,))


def _earlier(place: Here, blindness: Blindness, study: Study) -> tuple[Study, Shown] | None:
    """The patient's study before this one, where there is one and it is wanted beside it."""
    found = place.store.studies.find(patient_id=study.patient.patient_id)
    before = [s for s in found if s.study_date and s.study_date < study.study_date and place.task.accepts(s)]
    if not before:
        return None
    last = max(before, key=lambda s: (s.study_date, s.study_id))
    if not switch(_("Earlier study beside it ({date})", date=last.study_date), key=EARLIER, default=True):
        return None
    sight = blindness.sight(last.study_id, last.patient.part)
    champion = place.champion
    own = place.reader.reader_id if place.reader else ""
    version = champion.version if champion else ""
    return last, seen(place.store, place.task.name, version, last, sight, own=own)


def _said(place: Here, read: Annotation | None, prediction: Prediction | None) -> None:
    """The model's answer, and what the reader has given beside it."""
    parts: list[tuple[str, Sequence[Html]]] = []
    if prediction is not None:
        sets = sets_for(place.store, place.task.form, prediction)
        said = answers.model_answers(place.task.form, prediction, sets)
        parts.append((_("Model's answer, {version}", version=prediction.version), (said,)))
    if read is not None:
        parts.append((_("Your read"), (_own(place, read),)))
    if parts:
        for column, (title, body) in zip(st.columns(len(parts), gap="medium"), parts, strict=True):
            with column:
                section(title)
                show(*body)


def _own(place: Here, read: Annotation) -> Html:
    taken = chip(_("taken over from {version}", version=read.accepted)) if read.accepted else ""
    if read.skipped:
        return tag("p", chip(_("skipped"), "doubt"), f" {read.remark}")
    remark = tag("div", _("You wrote: “{remark}”", remark=read.remark), cls="c-quiet") if read.remark else ""
    return tag("p", answers.reader_answers(place.task.form, read.answers), " ", taken, remark)
