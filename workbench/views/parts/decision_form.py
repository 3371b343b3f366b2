"""What an adjudicator answers: each disputed question as its kind asks, and why."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

import streamlit as st

from active_learning.outlines import MaskRule
from active_learning.votes import holds
from data.answers import Choice, Findings, Grade, Mask, MaskValue, Measurement, Question, Site, Value
from workbench.adjudicating import Asked, Case, Voice, asked, missing, open_findings, submission
from workbench.labelling import reading_link
from workbench.language import N_, _
from workbench.outlines_compared import drawn_by, joined, nothing_drawn
from workbench.views.parts import draft, drawings, jobs, words
from workbench.views.parts.answers_compared import by_voice, called, tally
from workbench.views.parts.context import Here
from workbench.views.parts.frame import failures, note, show
from workbench.views.parts.markup import tag, tone

PRESENT, ABSENT = "present", "absent"
_PRESENCE = {PRESENT: N_("present"), ABSENT: N_("absent")}
_NOTHING, _DRAW = "nothing", "draw"


@dataclass
class Draft:
    """What is chosen so far.

    Parameters
    ----------
    chosen:
        By question and site.
    elsewhere:
        Whether an outline is to be drawn on the labelling server, which then takes the whole decision.
    why:
        The reason.
    """

    chosen: dict[tuple[str, Site], Value] = field(default_factory=dict)
    elsewhere: bool = False
    why: str = ""

    def drawing(self) -> Mapping[Site, MaskValue]:
        """The outlines that are chosen, by page."""
        return {site: value for (_, site), value in self.chosen.items() if isinstance(value, MaskValue)}


def key_of(case: Case) -> str:
    """The beginning of the keys of a case's widgets."""
    return f"decide {case.request.request_id}"


def chosen_before(place: Here, case: Case) -> Mapping[Site, MaskValue]:
    """The outlines that were chosen when the page was drawn last: the picture stands before the form."""
    found: dict[Site, MaskValue] = {}
    for question in drawings.masks_of(place):
        picked = st.session_state.get(f"{key_of(case)} {question.name}")
        found |= _outline(place, case, question, picked) if picked else {}
    return found


def fill_in(place: Here, case: Case) -> Draft:
    """Ask what is to be decided, question after question; what an answer opens is asked below it."""
    draft_, form = Draft(), place.task.form
    for question in form.questions:
        now = next((a for a in asked(form, case.outcomes, draft_.chosen) if a.question == question), None)
        if now is not None:
            _ask(place, case, now, draft_)
    return draft_


def decide(place: Here, case: Case, draft_: Draft, *, running: bool) -> None:
    """The reason, and the button; what is missing is said. An outline still to be drawn leads to Label Studio.

    While the worker keeps a decision only the button waits: Streamlit empties a field of text that is disabled.
    """
    key = draft.restored(f"{key_of(case)} why")
    draft_.why = st.text_area(_("Why"), key=key, height=68, on_change=draft.note, args=(key,),
                              placeholder=_("what decided it: it stays beside the decision"))  # fmt: skip
    link = reading_link(place.home, case.request)
    if draft_.elsewhere:
        _elsewhere(place, case, link)
        return
    left, right = st.columns([1, 1.6], vertical_alignment="center")
    pressed = left.button(_("Decide"), type="primary", key=f"{key_of(case)} now", disabled=running,
                          width="stretch")  # fmt: skip
    with right:
        other = tag("a", _("Decide in Label Studio instead"), href=link, target="_blank") if link else ""
        show(tag("span", other, cls="c-small"))
    if not pressed:
        return
    open_ = missing(place.task.form, case.outcomes, draft_.chosen)
    if open_:
        named = ", ".join(_titled(question, site) for question, site in open_)
        note(_("Still to be answered: {questions}.", questions=named), "wrong")
    elif not draft_.why.strip():
        note(_("A decision needs a reason. Say what decided it."), "wrong")
    else:
        with failures():
            given = submission(place.task.form, case.outcomes, draft_.chosen)
            st.session_state["deciding"] = case.request.request_id
            jobs.ask(place.home, "case.decide", round_id=case.request.round_id, study_id=case.request.study_id,
                     reader_id=case.request.reader_id, answers=[a.to_json() for a in given],
                     why=draft_.why.strip())  # fmt: skip


def _ask(place: Here, case: Case, now: Asked, draft_: Draft) -> None:
    question = now.question
    show(tag("div", _(question.title), style="margin-top:6px;font-weight:600"))
    if isinstance(question.kind, Mask):
        _ask_outline(place, case, question, draft_)
        return
    for site in now.sites:
        ask = _KINDS[type(question.kind)]
        value = ask(place, case, question, site)
        if value is not None:
            draft_.chosen[question.name, site] = value


def _titled(question: Question, site: Site) -> str:
    place = words.site(site)
    return f"{words.short(question.name)} {place}".strip()


def _key(case: Case, question: Question, site: Site, rest: str = "") -> str:
    return f"{key_of(case)} {question.name} {site.key} {rest}".strip()


def _radio(key: str, label: str, options: Sequence[str], said: Mapping[str, str]) -> str | None:
    """One of several, none to begin with."""
    draft.restored(key)
    return st.radio(label or _("Answer"), list(options), index=None, format_func=said.__getitem__, key=key,
                    horizontal=True, on_change=draft.note, args=(key,),
                    label_visibility="visible" if label else "collapsed")  # fmt: skip


def _option(place: Here, case: Case, question: Question, site: Site) -> Value | None:
    kind, form = question.kind, place.task.form
    options = kind.options if isinstance(kind, Choice) else getattr(kind, "levels", ())
    values: dict[str, Value] = {o: (o if isinstance(kind, Choice) else i) for i, o in enumerate(options)}
    said = {o: f"{words.short(o)} ({tally(form, case.voices, question, site, values[o])})" for o in options}
    picked = _radio(_key(case, question, site), words.site(site), options, said)
    return None if picked is None else values[picked]


def _findings(place: Here, case: Case, question: Question, site: Site) -> Value | None:
    assert isinstance(question.kind, Findings)  # noqa: S101 - of this kind alone
    given = list(by_voice(place.task.form, case.voices, question, site).values())
    open_, present = open_findings(given, question.kind.labels)
    picks: dict[str, str | None] = {}
    for label in open_:
        count = sum(holds(value, label) for value in given)
        counts = {ABSENT: len(given) - count, PRESENT: count}
        said = {option: _("{answer} ({n} of {of})", answer=_(_PRESENCE[option]), n=n, of=len(given))
                for option, n in counts.items()}  # fmt: skip
        key = _key(case, question, site, label)
        picks[label] = _radio(key, words.short(label), (ABSENT, PRESENT), said)
    agreed = ", ".join(words.short(label) for label in sorted(present)) or _("none")
    about = _("Agreed to be present: {findings}. All others are agreed to be absent.", findings=agreed)
    show(tone(about, "quiet"))
    if None in picks.values():
        return None
    return present | {label for label, picked in picks.items() if picked == PRESENT}


def _number(place: Here, case: Case, question: Question, site: Site) -> Value | None:
    assert isinstance(question.kind, Measurement)  # noqa: S101 - of this kind alone
    given = by_voice(place.task.form, case.voices, question, site)
    said = " · ".join(
        f"{called(case.voices[i])} {words.value(question.kind, v)}" for i, v in sorted(given.items())
    )
    key, high = draft.restored(_key(case, question, site)), question.kind.high
    value: float | None = st.number_input(
        f"{words.site(site) or _('Value')}, {_(question.kind.unit)}", min_value=float(question.kind.low),
        max_value=None if high == float("inf") else float(high), value=None, key=key, help=said,
        on_change=draft.note, args=(key,),
    )  # fmt: skip
    return value


_KINDS: Mapping[type, Callable[[Here, Case, Question, Site], Value | None]] = {
    Choice: _option, Grade: _option, Findings: _findings, Measurement: _number,
}  # fmt: skip


# -- outlines --------------------------------------------------------------------------------------------------


def _ask_outline(place: Here, case: Case, question: Question, draft_: Draft) -> None:
    drew = [v for v in case.voices if drawn_by(v, question)]
    options = {f"reader {v.position}": _("{reader}'s outline", reader=called(v)) for v in drew}
    if len(drew) > 1:
        options |= {r.value: _(_JOINED[r]) for r in MaskRule if joined_outline(place, case, question, r)}
    if nothing_drawn(case.voices, question):
        options[_NOTHING] = _("nothing is to be outlined")
    options[_DRAW] = _("draw it in Label Studio")
    drawings.likeness(place, case, question)
    key = draft.restored(f"{key_of(case)} {question.name}")
    picked = st.radio(_("Outline"), list(options), index=None, format_func=options.__getitem__, key=key,
                      label_visibility="collapsed", on_change=draft.note, args=(key,))  # fmt: skip
    draft_.elsewhere = draft_.elsewhere or picked == _DRAW
    if picked and picked != _DRAW:
        pages = _outline(place, case, question, picked)
        draft_.chosen |= {(question.name, site): value for site, value in pages.items()}


_JOINED = {MaskRule.MAJORITY: N_("the majority's outline"), MaskRule.STAPLE: N_("STAPLE's outline")}


def joined_outline(place: Here, case: Case, question: Question, rule: MaskRule) -> Mapping[Site, MaskValue]:
    """The readers' outlines joined to one."""
    stamp = drawings.stamp_of(case)
    return _joined(place, case.voices, str(place.home.path), stamp, question.name, rule.value)


@st.cache_data(show_spinner=True, max_entries=64)
def _joined(
    _place: Here, _voices: Sequence[Voice], home: str, stamp: str, question: str, rule: str
) -> dict[Site, MaskValue]:
    """Home, reads, question and rule are the cache's key."""
    form = _place.task.form
    return joined(_voices, form[question], form, _place.blobs, MaskRule(rule))


def _outline(place: Here, case: Case, question: Question, picked: str) -> Mapping[Site, MaskValue]:
    """The pages of an outline that was chosen."""
    if picked == _NOTHING:
        return nothing_drawn(case.voices, question)
    if picked in set(MaskRule):
        return joined_outline(place, case, question, MaskRule(picked))
    voice = next((v for v in case.voices if picked == f"reader {v.position}"), None)
    return {} if voice is None else drawn_by(voice, question)


def _elsewhere(place: Here, case: Case, link: str) -> None:
    """The way to the labelling server, which takes the whole decision."""
    there = tag("a", _("Draw it in Label Studio"), href=link, target="_blank") if link else ""
    where = there or _("It is not there yet")
    said = _("Answer every disputed question there and write why under “Remark”: the decision is made there then.")
    show(tag("p", where, ". ", said))
    arguments = {"round_id": case.request.round_id, "step": "pull", "reason": "", "force": False}
    running = jobs.follow(place.home, jobs.latest(place.store, "round.step", **arguments), key=key_of(case))
    if st.button(_("Fetch the decision"), type="primary", disabled=running, key=f"{key_of(case)} fetch"):
        jobs.ask(place.home, "round.step", **arguments)
