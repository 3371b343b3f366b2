"""The log's filters, each in the address: kind of event, reader, study, record, days."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date

import streamlit as st

from workbench.language import _
from workbench.log_pages import Wanted, kinds
from workbench.views.parts import words
from workbench.views.parts.choice import choose
from workbench.views.parts.context import Here

EVERYTHING = ""


def wanted(place: Here, *, changed: Callable[[], None]) -> Wanted:
    """What is asked for.

    Parameters
    ----------
    changed:
        Called when another filter is chosen.
    """
    columns = st.columns([1.1, 1.3, 1.4, 1.6, 0.9, 0.9], vertical_alignment="bottom")
    with columns[0]:
        named = {EVERYTHING: _("everything"), **{kind: kind for kind in kinds(place.store)}}
        kind = choose(_("Kind of event"), named, key="kind", changed=changed)
    with columns[1]:
        readers = {one.reader_id: words.reader_name(one) for one in place.store.reads.readers()}
        who = choose(_("Reader"), {EVERYTHING: _("all"), **readers}, key="who", changed=changed)
    with columns[2]:
        study = st.text_input(_("Study"), key="study", bind="query-params", on_change=changed,
                              placeholder=_("id or pseudonym"))  # fmt: skip
    with columns[3]:
        subject = st.text_input(_("Subject"), key="subject", bind="query-params", on_change=changed,
                                placeholder=_("the id of a read, version or round"))  # fmt: skip
    with columns[4]:
        since = _day(_("From day (UTC)"), "since", changed)
    with columns[5]:
        until = _day(_("To day (UTC)"), "until", changed)
    return Wanted(kind, who, study.strip(), subject.strip(), since, until)


def _day(label: str, key: str, changed: Callable[[], None]) -> str:
    """A day, or none; kept in the address as ``2026-03-31``."""
    named = Wanted.of_query({key: st.query_params.get(key, "")})
    if key not in st.session_state:
        given = getattr(named, key)
        st.session_state[key] = date.fromisoformat(given) if given else None
    chosen = st.date_input(label, key=key, on_change=changed, format=_(words.DATE_FIELD))
    said = chosen.isoformat() if isinstance(chosen, date) else ""
    if not said:
        st.query_params.pop(key, None)
    elif st.query_params.get(key) != said:
        st.query_params[key] = said
    return said
