"""Disagreements as rows, the most suspect first: who said what, why it is doubtful, where it goes on."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import streamlit as st

from active_learning.overview import Case, Doubt, Overview
from data.answers import Site
from data.records import WAITING, Consensus, ConsensusState, Purpose, Reader
from workbench.language import N_, _, n_, number, told
from workbench.views.parts import answers, dispute_outlines, words
from workbench.views.parts.choice import choose
from workbench.views.parts.context import Here
from workbench.views.parts.download import Cell, csv_button
from workbench.views.parts.frame import section, show
from workbench.views.parts.markup import Html, bar, chip, image, join, reader_dot, table, tag, text, tone
from workbench.views.parts.rows import rows
from workbench.views.parts.segments import segments
from workbench.views.places import PLACES, go

PAGE = 20
ALL, OPEN, JUDGED = "all", "open", "waiting"
KINDS: Mapping[str, str] = {
    ALL: N_("All"), Doubt.MODEL: N_("Model likely wrong"), Doubt.READER: N_("A reader likely wrong"),
    Doubt.CASE: N_("Can be read either way"), OPEN: N_("Undecided"), JUDGED: N_("With the adjudicator"),
}  # fmt: skip
ADJUDICATION = "adjudication"
"""The page that a case with an adjudicator leads to; before its study's id, what such a click brings."""
_CSV = ("study", "question", "finding", "site", "answers", "model", "model_p", "likely", "model_wrong",
        "reader_wrong", "reader", "ambiguous", "score", "reason")  # fmt: skip
NUMBER = "disputes"
"""The page of rows, from 1, as a query parameter."""


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
    compared:
        See :func:`workbench.views.parts.dispute_outlines.compared`.
    """

    labels: Mapping[str, str]
    waiting: frozenset[str]
    states: Mapping[tuple[str, str, str], Consensus]
    compared: Mapping[Case, tuple[str, str]]

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
    """A page of the rows, of one kind and about one question or all."""
    section(_("Disputes"))
    now = _now(place, overview)
    cases = [case for case in overview.cases if case.study_id in now.labels]
    if not cases:
        show(tone(_("No disagreement: readers and model say the same of every case."), "quiet"))
        return
    fitting = _filtered(cases, now)
    pages = max(1, -(-len(fitting) // PAGE))
    first = (min(_page_number(), pages) - 1) * PAGE
    if fitting:
        opened = rows(_table(place, overview.round_id, fitting[first : first + PAGE], now), key="disputes rows")
        if opened:
            where, _between, study_id = opened.rpartition(" ")
            dispute_outlines.follow(where, study_id)
            go(where or "study", study=study_id)
    else:
        show(tone(_("No dispute is of this kind. Choose another one above."), "quiet"))
    with st.container(horizontal=True, vertical_alignment="center", gap="medium"):
        if pages > 1:
            show(
                tone(
                    _(
                        "{first} to {last} of {total}",
                        first=number(first + 1),
                        last=number(min(first + PAGE, len(fitting))),
                        total=number(len(fitting)),
                    ),
                    "quiet",
                )
            )
            st.pagination(pages, key=NUMBER, bind="query-params")
        csv_button(f"disputes-{overview.round_id or overview.task}", _CSV, _csv(cases))
        if overview.found > len(overview.cases):
            said = n_("The first {kept} of {n}.", "The first {kept} of {n}.", overview.found,
                      kept=number(len(overview.cases)))  # fmt: skip
            show(tag("span", said, cls="c-small c-quiet"))


def _page_number() -> int:
    given = str(st.session_state.get(NUMBER) or st.query_params.get(NUMBER) or "1")
    return max(1, int(given)) if given.isdecimal() and len(given) < 7 else 1


def _first_page() -> None:
    st.session_state[NUMBER] = 1


def _filtered(cases: Sequence[Case], now: _Now) -> list[Case]:
    """What the two choices leave; both stand in the address."""
    asked = {"": _("all questions"), **{case.question: words.short(case.question) for case in cases}}
    left, right = st.columns([1, 3], vertical_alignment="bottom", gap="medium")
    with left:
        about = choose(_("Question"), asked, key="about", changed=_first_page) if len(asked) > 2 else ""
    of_question = [case for case in cases if about in ("", case.question)]
    with right:
        chosen = segments(_("Kind"), _kinds(of_question, now), key="doubt", changed=_first_page)
    return [case for case in of_question if now.fits(case, chosen)]


def _kinds(cases: Sequence[Case], now: _Now) -> dict[str, str]:
    """The kinds that there are, with their counts; the one that is chosen stays."""
    counts = {kind: sum(now.fits(case, kind) for case in cases) for kind in KINDS}
    stays = (ALL, st.session_state.get("doubt") or st.query_params.get("doubt"))
    return {
        kind: _("{kind} ({n})", kind=_(name), n=counts[kind])
        for kind, name in KINDS.items()
        if counts[kind] or kind in stays
    }


def _now(place: Here, overview: Overview) -> _Now:
    store, task = place.store, place.task.name
    studies = {case.study_id for case in overview.cases}
    asked = store.reads.requests(task=task, states=WAITING)
    formed = (c for study_id in studies for c in store.labels.consensus(task, study_id=study_id))
    return _Now(
        _labels(place, studies),
        frozenset(r.study_id for r in asked if r.purpose == Purpose.ADJUDICATION),
        {(c.study_id, c.question, c.site.key): c for c in formed},
        dispute_outlines.compared(place, overview),
    )


def _labels(place: Here, study_ids: set[str]) -> dict[str, str]:
    return {s.study_id: s.label for s in place.store.studies.find(study_ids=study_ids)}


def _table(place: Here, round_id: str, cases: Sequence[Case], now: _Now) -> Html:
    known = place.store.reads.readers()
    body = []
    for case in cases:
        record = now.record(case)
        state = answers.consensus_chip(record) if record is not None else ""
        body.append([
            image(f"/api/studies/{case.study_id}/picture.png?size=112", alt="", cls="c-thumb"),
            tag("a", now.labels[case.study_id], href=f"/study?study={case.study_id}", cls="c-nowrap"),
            _what(case), _said(case, known), _why(case), _chances(case, known),
            join((state, _action(case, now), dispute_outlines.link(place, round_id, case, now.compared)), " "),
        ])  # fmt: skip
    heads = ["", _("Patient"), _("Question"), _("Answers"), _("Why"), _("Likely wrong"), ""]
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
            share = _("model") if case.model_p is None else _("model {p:.2f}", p=case.model_p)
            style = "border:1px dashed var(--model);border-radius:3px;padding:0 4px;color:var(--model)"
            shapes.append(tag("span", share, style=style, cls="c-small"))
        lines.append(tag("div", join(shapes, " "), " ", words.short(option), cls="c-nowrap"))
    return join(lines)


def _name(reader_id: str, known: Sequence[Reader]) -> str:
    return next((words.reader_name(r) for r in known if r.reader_id == reader_id), reader_id)


def _why(case: Case) -> Html:
    likely = _("likely {answer}, P = {p:.2f} by the readers", answer=words.short(case.likely), p=case.likely_p)
    return tag("div", told(case.reason), tag("div", likely, cls="c-small c-quiet"), style="max-width:46ch")


def _chances(case: Case, known: Sequence[Reader]) -> Html:
    """Three short bars: that the model is wrong, that the likeliest reader is, that it can be read either way."""
    chances = [
        (_("model"), case.model_wrong, Doubt.MODEL),
        (_name(case.suspect, known), case.reader_wrong, Doubt.READER),
        (_("either way"), case.ambiguous, Doubt.CASE),
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
        return tone(_("no adjudicator asked"), "quiet") if now.undecided(case) else text("")
    if ADJUDICATION not in PLACES:
        return chip(_("with the adjudicator"), "accent")
    return tag("a", _("Adjudicate"), href=f"/{ADJUDICATION}?study={case.study_id}", cls="c-act",
               data_open=f"{ADJUDICATION} {case.study_id}")  # fmt: skip


def _csv(cases: Sequence[Case]) -> Iterator[tuple[Cell, ...]]:
    for one in cases:
        said = "; ".join(f"{reader}: {option}" for reader, option in one.said)
        yield (one.study_id, one.question, one.label, one.site, said, one.model, one.model_p, one.likely,
               one.model_wrong, one.reader_wrong, one.suspect, one.ambiguous, one.score, one.reason)  # fmt: skip
