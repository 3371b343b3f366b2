"""What happened to a study, the newest first, in plain words."""

from __future__ import annotations

from collections.abc import Mapping

import streamlit as st

from data.records import LogEntry, Study
from workbench.language import N_, _
from workbench.study_log import STUDY_EVENTS, entries_of
from workbench.views.parts import words
from workbench.views.parts.context import Here
from workbench.views.parts.frame import section, show
from workbench.views.parts.markup import table, tag, tone

PAGE = 12
"""Entries on a page."""
FROM = "history"
"""The query parameter, and key, of the first entry that is shown, from 0."""
EVENTS: Mapping[str, str] = {
    "study.ingested": N_("It came in with {series} series."),
    "study.held": N_("It was held: {reason}."),
    "study.released": N_("It was released: {reason}."),
    "study.updated": N_("Its record was changed: {columns}."),
    "series.grown": N_("Further slices of a series came in."),
    "reports.imported": N_("Its report came in."),
    "labels.imported": N_("Reference labels were imported."),
    "predictions.kept": N_("{subject} answered."),
    "round.opened": N_("It was chosen for a batch: {subject}."),
    "annotation.kept": N_("{reader} read it."),
    "annotation.changed": N_("{reader} changed the read: revision {revision}."),
    "annotation.refused": N_("A read was refused: {message}"),
    "consensus.agreed": N_("The readers agreed on {question}."),
    "consensus.disputed": N_("The readers did not agree on {question}."),
    "consensus.adjudicated": N_("An adjudicator settled {question}."),
    "consensus.withdrawn": N_("{count} agreed answers of {round} were taken back, to be formed anew."),
    "case.decided": N_("{reader} decided on it."),
    "case.appealed": N_("The decision was appealed."),
    "case.no_adjudicator": N_("It is disputed, and no adjudicator could be asked ({round})."),
    "case.left_on_server": N_("It was decided here and stayed on the labelling server: {message}"),
    "case.not_sent": N_("It could not be sent to the adjudicator: {message}"),
    "triage.cleared": N_("It was cleared below the operating point, with a score of {score}."),
}


def history(place: Here, study: Study) -> None:
    """The entries, a page at a time. A reader sees what happened to the study itself, and no answers."""
    among = STUDY_EVENTS if place.reader is not None else None
    start = _start()
    found, total = entries_of(place.store, study.study_id, among=among, limit=PAGE, offset=start)
    if not found and start:
        start = 0
        found, total = entries_of(place.store, study.study_id, among=among, limit=PAGE)
    if not found:
        return
    section(_("History"))
    names = {reader.reader_id: words.reader_name(reader) for reader in place.store.reads.readers()}
    rows = [
        [tag("span", words.moment(entry.at), cls="c-nowrap c-quiet"),
         tag("span", in_words(entry, names), title=f"{entry.sequence} {entry.event}")]
        for entry in found
    ]  # fmt: skip
    show(table([_("When (UTC)"), _("What happened")], rows))
    if total <= PAGE:
        return
    with st.container(horizontal=True, vertical_alignment="center", gap="small"):
        st.button(_("Newer"), disabled=start == 0, on_click=_move, args=(start - PAGE,), key="history newer")
        st.button(_("Older"), disabled=start + len(found) >= total, on_click=_move, args=(start + PAGE,),
                  key="history older")  # fmt: skip
        said = _("{first} to {last} of {total}", first=start + 1, last=start + len(found), total=total)
        show(tone(said, "quiet"))


def in_words(entry: LogEntry, names: Mapping[str, str]) -> str:
    """An entry in a sentence; one of a kind without words by its name and details.

    Parameters
    ----------
    names:
        Of readers, by id.
    """
    detail = {name: _text(value) for name, value in entry.detail.items()}
    if "reader" in detail:
        detail["reader"] = names.get(detail["reader"], detail["reader"])
    if "question" in detail:
        detail["question"] = words.short(detail["question"])
    template = EVENTS.get(entry.event)
    if entry.event == "study.held" and "reason" not in detail:
        template = N_("It came in, and is held until a person has looked at it.")
    if template is None:
        return " ".join([entry.event, *(f"{name} {value}" for name, value in detail.items() if value)])
    try:
        return _(template, **{"subject": entry.subject, **detail})
    except KeyError:  # an entry of an older version knows less
        return entry.event


def _text(value: object) -> str:
    return ", ".join(map(str, value)) if isinstance(value, list) else str(value)


def _start() -> int:
    given = st.query_params.get(FROM, "")
    return int(given) // PAGE * PAGE if given.isdecimal() and int(given) < 10**6 else 0


def _move(start: int) -> None:
    if start > 0:
        st.query_params[FROM] = str(start)
    else:
        st.query_params.pop(FROM, None)
