"""Two outlines of a study over its pictures with their difference: two readers', or one and the consensus.

The address says which study and whose: ``?pair=STUDY&compare=FIRST,SECOND``, readers by their ids. A dispute about
an outline leads there.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import NoReturn

import streamlit as st

from active_learning.overview import Case, Stamp
from data.answers import Answer, MaskValue
from data.records import Annotation, Consensus, Study
from workbench.adjudicating import Voice
from workbench.language import _
from workbench.outlines_compared import dice, differing
from workbench.viewer.hands import AGREED
from workbench.viewer.shown import Shown
from workbench.views.parts import drawings, viewer, words
from workbench.views.parts.choice import choose
from workbench.views.parts.context import Here
from workbench.views.parts.frame import section, show
from workbench.views.parts.markup import table, tag, tone

STUDY, COMPARE = "pair", "compare"
"""Query parameters."""
CONSENSUS = "consensus"
_FIRST, _SECOND = "compared first", "compared second"
ASKED = "compared next"
"""In the session: the study and the two whom a click asked for."""
_SCROLL = """
export default function ({ parentElement }) {
  parentElement.querySelector(".c-here").scrollIntoView({ block: "start" });
}
"""


def outlined(place: Here, round_id: str, stamp: Stamp) -> frozenset[str]:
    """The studies whose outlines can be compared: two readers outlined something, or one and the consensus."""
    return _outlined(place, str(place.home.path), place.task.name, round_id, stamp.text)


def compare(study_id: str, first: str, second: str) -> NoReturn:
    """Show these two on the page Consensus, which is drawn anew and goes there."""
    st.session_state[ASKED] = study_id, first, second
    st.rerun()


def _asked() -> bool:
    """Put what was asked for into the address, before the choices are drawn. Returns whether anything was."""
    if (asked := st.session_state.pop(ASKED, None)) is None:
        return False
    study_id, first, second = asked
    st.session_state[STUDY] = st.query_params[STUDY] = study_id
    st.query_params[COMPARE] = f"{first},{second}"
    return True


def outlines(place: Here, round_id: str, stamp: Stamp, cases: Sequence[Case]) -> None:
    """The choice of a study and of two who outlined it, and the pictures; nothing where no study has two.

    Parameters
    ----------
    cases:
        What is disputed, the most suspect first: its studies stand first.
    """
    asked, found = _asked(), outlined(place, round_id, stamp)
    ranked = [*dict.fromkeys(case.study_id for case in cases if case.study_id in found), *sorted(found)]
    labels = {s.study_id: s.label for s in place.store.studies.find(study_ids=found)}
    offered = {study_id: labels[study_id] for study_id in ranked if study_id in labels}
    if not offered:
        return
    if asked:
        st.components.v2.component(
            "consilium_scroll", html='<div class="c-here"></div>', js=_SCROLL, isolate_styles=False
        )(key="compared scroll")
    section(_("Two outlines of one study"))
    left, middle, right = st.columns([1.4, 1, 1], vertical_alignment="bottom", gap="medium")
    with left:
        study_id = choose(_("Study"), offered, key=STUDY)
    study = place.store.studies.get(study_id)
    hands = _hands(place, study, round_id)
    if len(hands) < 2:
        show(tone(_("Fewer than two have outlined anything in this study by now."), "quiet"))
        return
    names = _names(place, hands)
    first, second = _chosen(list(hands))
    st.session_state[_FIRST], st.session_state[_SECOND] = first, second
    with middle:
        st.selectbox(_("First"), list(hands), format_func=names.__getitem__, key=_FIRST, on_change=_keep,
                     args=(_FIRST,))  # fmt: skip
    with right:
        st.selectbox(_("Second"), list(hands), format_func=names.__getitem__, key=_SECOND, on_change=_keep,
                     args=(_SECOND,))  # fmt: skip
    _picture(place, study, round_id, hands, (first, second))
    _figures(place, {names[one]: hands[one] for one in (first, second)})


@st.cache_data(show_spinner=False, max_entries=32)
def _outlined(_place: Here, home: str, task: str, round_id: str, stamp: str) -> frozenset[str]:
    """The studies that two readers outlined, or one and the consensus; all but the first are the cache's key."""
    reads = _place.store.reads.annotations(task, round_id=round_id or None)
    drew: dict[str, set[str]] = {}
    for read in reads:
        if not read.skipped and _draws(read.answers):
            drew.setdefault(read.study_id, set()).add(read.reader_id)
    for one in _place.store.labels.consensus(task, round_id=round_id or None):
        if one.study_id in drew and isinstance(one.value, MaskValue) and one.value.masks:
            drew[one.study_id].add(CONSENSUS)
    return frozenset(study_id for study_id, who in drew.items() if len(who) > 1)


def _draws(answers: Sequence[Answer]) -> bool:
    return any(isinstance(answer.value, MaskValue) and answer.value.masks for answer in answers)


def _hands(place: Here, study: Study, round_id: str) -> dict[str, Annotation]:
    """Whoever outlined something, by reader's id, the newest read of each; the consensus last, as a read."""
    found: dict[str, Annotation] = {}
    reads = place.store.reads.annotations(place.task.name, study_id=study.study_id, round_id=round_id or None)
    for read in sorted(reads, key=lambda one: one.created_at):
        if not read.skipped and _draws(read.answers):
            found[read.reader_id] = read
    agreed = [Answer(c.question, c.site, c.value) for c in _agreed(place, study, round_id) if c.value is not None]
    if found and _draws(agreed):
        read = next(iter(found.values()))
        found[CONSENSUS] = replace(read, annotation_id=CONSENSUS, reader_id=CONSENSUS, answers=tuple(agreed))
    return found


def _agreed(place: Here, study: Study, round_id: str) -> list[Consensus]:
    """The consensus of the newest round that has one."""
    formed = place.store.labels.consensus(place.task.name, study_id=study.study_id, round_id=round_id or None)
    newest = max(formed, key=lambda one: one.created_at, default=None)
    return [] if newest is None else [one for one in formed if one.round_id == newest.round_id]


def _names(place: Here, hands: Mapping[str, Annotation]) -> dict[str, str]:
    known = {reader.reader_id: words.reader_name(reader) for reader in place.store.reads.readers()}
    return {who: _(AGREED) if who == CONSENSUS else known.get(who, who) for who in hands}


def _chosen(hands: Sequence[str]) -> tuple[str, str]:
    """The two that the address names, as far as they are there and differ; else the first two."""
    named = [who for who in st.query_params.get(COMPARE, "").split(",") if who in hands]
    first, second = [*dict.fromkeys([*named, *hands])][:2]
    return first, second


def _keep(changed: str) -> None:
    """Put the two into the address; whoever is chosen twice changes places."""
    before = st.query_params.get(COMPARE, "").split(",")
    first, second = st.session_state[_FIRST], st.session_state[_SECOND]
    if first == second:
        other = next((who for who in before if who and who != first), "")
        first, second = (first, other) if changed == _FIRST else (other, second)
    st.query_params[COMPARE] = ",".join(who for who in (first, second) if who)


def _picture(
    place: Here, study: Study, round_id: str, hands: Mapping[str, Annotation], pair: tuple[str, str]
) -> None:
    shown = Shown(
        reads=tuple(hands[who] for who in pair if who != CONSENSUS),
        consensus=tuple(_agreed(place, study, round_id)) if CONSENSUS in pair else (),
        difference=True,
    )
    viewer.picture(place, study, shown, key="compared")


def _figures(place: Here, pair: Mapping[str, Annotation]) -> None:
    """Dice of each label over all pages, and on which pages the two differ."""
    voices = [Voice(name, at, read) for at, (name, read) in enumerate(pair.items())]
    asked = drawings.masks_of(place)
    body = [
        [words.short(label), f"{of[0, 1]:.2f}"]
        for question in asked
        for label, of in dice(voices, question, place.blobs).items()
    ]
    said = drawings.differ(differing(voices, asked, place.task.form, place.blobs))
    heads = [_("Outlined"), _("Dice, all pages")]
    show(tag("div", table(heads, body, numeric=(1,)), cls="c-narrow"), tag("p", said, cls="c-small c-quiet"))
