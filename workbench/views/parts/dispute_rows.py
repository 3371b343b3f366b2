"""Disagreements as rows, with who is likely wrong; and the cases of which one more read helps."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import streamlit as st

from active_learning.overview import Case, Doubt, Overview, Worth
from active_learning.words import spoken
from data.answers import Site
from data.records import (
    WAITING,
    Consensus,
    ConsensusState,
    Purpose,
    Reader,
)
from workbench.views.parts import answers, words
from workbench.views.parts.context import Here
from workbench.views.parts.download import Cell, csv_button
from workbench.views.parts.frame import section, show
from workbench.views.parts.markup import Html, bar, chip, image, join, reader_dot, table, tag, text, tone
from workbench.views.parts.reader_profiles import named
from workbench.views.parts.rows import rows
from workbench.views.places import PLACES, go

PAGE = 20
ALL, OPEN, JUDGED = "all", "open", "waiting"
KINDS: Mapping[str, str] = {
    ALL: "All", Doubt.MODEL: "Model likely wrong", Doubt.READER: "A reader likely wrong",
    Doubt.CASE: "Can be read either way", OPEN: "Undecided", JUDGED: "With the adjudicator",
}  # fmt: skip
ADJUDICATION = "adjudication"
"""The page that a case with an adjudicator leads to; before its study's id, what such a click brings."""
_CSV = ("study", "question", "finding", "site", "answers", "model", "model_p", "likely", "model_wrong",
        "reader_wrong", "reader", "ambiguous", "score", "reason")  # fmt: skip
NEXT = 10


@dataclass(frozen=True, slots=True)
class _Now:
    """How far the cases are by now.

    Parameters
    ----------
    labels:
        The pseudonyms of the studies that there still are.
    waiting:
        Studies that an adjudicator was asked to decide.
    states:
        What became of each (study, question, site) that has a consensus record.
    """

    labels: Mapping[str, str]
    waiting: frozenset[str]
    states: Mapping[tuple[str, str, str], Consensus]

    def record(self, case: Case) -> Consensus | None:
        return self.states.get((case.study_id, case.question, case.site))

    def undecided(self, case: Case) -> bool:
        record = self.record(case)
        return record is not None and record.state == ConsensusState.DISPUTED

    def fits(self, case: Case, kind: str) -> bool:
        if kind == OPEN:
            return self.undecided(case)
        return kind == ALL or (case.study_id in self.waiting if kind == JUDGED else case.doubt == kind)


def disputes(place: Here, overview: Overview) -> None:
    """The rows, the most suspect first, of one kind or all."""
    section("Disputes")
    now = _now(place, overview)
    cases = [case for case in overview.cases if case.study_id in now.labels]
    if not cases:
        show(tone("No disagreement: readers and model say the same of every case.", "quiet"))
        return
    kinds = _kinds(cases, now)
    chosen = st.segmented_control("Kind", list(kinds), default=ALL, required=True, format_func=kinds.__getitem__,
                                  key="doubt", label_visibility="collapsed") or ALL  # fmt: skip
    fitting = [case for case in cases if now.fits(case, chosen)]
    shown = int(st.session_state.get("disputes shown", PAGE))
    opened = rows(_table(place, fitting[:shown], now), key=f"disputes {chosen}")
    if opened:
        where, _, study_id = opened.rpartition(" ")
        go(where or "study", study=study_id)
    with st.container(horizontal=True, vertical_alignment="center", gap="medium"):
        if len(fitting) > shown and st.button(f"Show {min(PAGE, len(fitting) - shown)} more"):
            st.session_state["disputes shown"] = shown + PAGE
            st.rerun()
        csv_button(f"disputes-{overview.round_id or overview.task}", _CSV, _csv(cases))
        if overview.found > len(overview.cases):
            show(tag("span", f"The first {len(overview.cases)} of {overview.found}.", cls="c-small c-quiet"))


def _kinds(cases: Sequence[Case], now: _Now) -> dict[str, str]:
    """The kinds that there are, with their counts."""
    counts = {kind: sum(now.fits(case, kind) for case in cases) for kind in KINDS}
    return {kind: f"{name} ({counts[kind]})" for kind, name in KINDS.items() if counts[kind] or kind == ALL}


def _now(place: Here, overview: Overview) -> _Now:
    store, task = place.store, place.task.name
    studies = {case.study_id for case in overview.cases}
    asked = store.reads.requests(task=task, states=WAITING)
    formed = (c for study_id in studies for c in store.labels.consensus(task, study_id=study_id))
    return _Now(
        _labels(place, studies),
        frozenset(r.study_id for r in asked if r.purpose == Purpose.ADJUDICATION),
        {(c.study_id, c.question, c.site.key): c for c in formed},
    )


def _labels(place: Here, study_ids: set[str]) -> dict[str, str]:
    return {s.study_id: s.label for s in place.store.studies.find(study_ids=study_ids)}


def _table(place: Here, cases: Sequence[Case], now: _Now) -> Html:
    known = place.store.reads.readers()
    body = []
    for case in cases:
        record = now.record(case)
        state = answers.consensus_chip(record) if record is not None else ""
        body.append([
            image(f"/api/studies/{case.study_id}/picture.png?size=112", alt="", cls="c-thumb"),
            tag("a", now.labels[case.study_id], href=f"/study?study={case.study_id}", cls="c-nowrap"),
            _what(case), _said(case, known), _why(case), _chances(case, known),
            join((state, _action(case, now)), " "),
        ])  # fmt: skip
    heads = ["", "Patient", "Question", "Answers", "Why", "Likely wrong", ""]
    return table(heads, body, opens=[case.study_id for case in cases])


def _what(case: Case) -> Html:
    about = answers.where(case.label or case.question, words.site(Site(case.site)))
    asked = tag("div", words.short(case.question), cls="c-small c-faint") if case.label else ""
    return join((about, asked))


def _said(case: Case, known: Sequence[Reader]) -> Html:
    """A line an option: the shapes of the readers who gave it, and the model's in dashes."""
    lines = []
    options = list(dict.fromkeys(option for _, option in case.said))
    if case.model and case.model not in options:
        options.append(case.model)
    for option in options:
        shapes = [
            tag("span", reader_dot(reader, known), title=_name(reader, known))
            for reader, given in case.said
            if given == option
        ]
        if case.model == option:
            share = "" if case.model_p is None else f" {case.model_p:.2f}"
            style = "border:1px dashed var(--model);border-radius:3px;padding:0 4px;color:var(--model)"
            shapes.append(tag("span", f"model{share}", style=style, cls="c-small"))
        lines.append(tag("div", join(shapes, " "), " ", words.short(option), cls="c-nowrap"))
    return join(lines)


def _name(reader_id: str, known: Sequence[Reader]) -> str:
    return next((words.reader_name(r) for r in known if r.reader_id == reader_id), reader_id)


def _why(case: Case) -> Html:
    likely = f"likely {spoken(case.likely)}, P = {case.likely_p:.2f} by the readers"
    return tag("div", case.reason, tag("div", likely, cls="c-small c-quiet"), style="max-width:46ch")


def _chances(case: Case, known: Sequence[Reader]) -> Html:
    """Three short bars: that the model is wrong, that the likeliest reader is, that it can be read either way."""
    chances = [
        ("model", case.model_wrong, Doubt.MODEL),
        (_name(case.suspect, known), case.reader_wrong, Doubt.READER),
        ("either way", case.ambiguous, Doubt.CASE),
    ]
    lines = []
    for name, share, doubt in chances:
        if share is None:
            continue
        shown = "doubt" if doubt == case.doubt else "quiet"
        lines.append(tag("div", bar(share), f"{share:.2f} ", tone(name, shown), cls="c-small c-nowrap"))
    return join(lines)


def _action(case: Case, now: _Now) -> Html:
    """Where the case goes on: to the adjudicator's page where it lies with one."""
    if case.study_id not in now.waiting:
        return tone("no adjudicator asked", "quiet") if now.undecided(case) else text("")
    if ADJUDICATION not in PLACES:
        return chip("with the adjudicator", "accent")
    return tag("a", "Adjudicate", href=f"/{ADJUDICATION}?study={case.study_id}",
               data_open=f"{ADJUDICATION} {case.study_id}", style="color:var(--accent)")  # fmt: skip


def _csv(cases: Sequence[Case]) -> Iterator[tuple[Cell, ...]]:
    for one in cases:
        said = "; ".join(f"{reader}: {option}" for reader, option in one.said)
        yield (one.study_id, one.question, one.label, one.site, said, one.model, one.model_p, one.likely,
               one.model_wrong, one.reader_wrong, one.suspect, one.ambiguous, one.score, one.reason)  # fmt: skip


def next_reads(place: Here, overview: Overview) -> None:
    """Where the next read helps most: the first ten."""
    section("Where the next read helps")
    labels = _labels(place, {one.study_id for one in overview.worth})
    found = [one for one in overview.worth if one.study_id in labels][:NEXT]
    if not found:
        why = "No further read is expected to help: the answers are settled, or every reader has read every case."
        show(tone(why, "quiet"))
        return
    known = place.store.reads.readers()
    most = max(one.gain for one in found)
    body = [
        [image(f"/api/studies/{one.study_id}/picture.png?size=80", alt="", cls="c-thumb"),
         tag("a", labels[one.study_id], href=f"/study?study={one.study_id}", cls="c-nowrap"), one.reads,
         _gain(one, most),
         named(one.reader, known) if one.reader else "—", one.reason]
        for one in found
    ]  # fmt: skip
    heads = ["", "Patient", "Reads", "Expected gain", "Could be read by", "Why"]
    opened = rows(table(heads, body, numeric=(2,), opens=[one.study_id for one in found]), key="next reads")
    about = (
        "Expected gain: by how much the consensus's mean F1 is expected to rise, in points of 100. First reads "
        "are of training patients alone; the others are drawn at random."
    )
    show(tag("p", about, cls="c-small c-quiet"))
    if opened:
        go("study", study=opened)


def _gain(one: Worth, most: float) -> Html:
    return join((bar(one.gain / most if most else 0.0), f"{100 * one.gain:.2f}"))
