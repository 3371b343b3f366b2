"""What the last verification of the log found, and the way to ask for another."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import streamlit as st

from data.records import Job
from workbench.language import _, n_, number, told
from workbench.lineage_work import VERIFY
from workbench.views.parts import jobs, words
from workbench.views.parts.context import Here
from workbench.views.parts.frame import show
from workbench.views.parts.markup import Html, join, table, tag, tone


def verification(place: Here, total: int) -> None:
    """Show it.

    Parameters
    ----------
    total:
        Entries that there are now.
    """
    last = jobs.latest_about(place.store, VERIFY)
    left, right = st.columns([5, 1.2], vertical_alignment="center")
    with left:
        if not jobs.follow(place.home, last) and last is not None and last.result:
            show(_state(last, total))
        elif last is None:
            show(tone("○ ", "doubt"), tone(_("Not verified yet."), "doubt"), " ",
                 tone(_("The same from a terminal:"), "quiet"), " ", tag("code", "consilium verify"))  # fmt: skip
    if right.button(_("Verify now"), type="primary", width="stretch"):
        jobs.ask(place.home, VERIFY)
    if last is not None and last.result.get("findings"):
        _findings(last.result)


def _state(last: Job, total: int) -> Html:
    result = last.result
    if result["sound"]:
        head = join((tone("● ", "good"), tag("b", _("Nothing was altered"))))
    else:
        head = join((tone("▲ ", "wrong"), tag("b", n_("{n} finding", "{n} findings", result["found"]))))
    compared = _("{entries} entries, {records} records, {files} files compared", entries=number(result["entries"]),
                 records=number(result["records"]), files=number(result["files"]))  # fmt: skip
    since = total - int(result["newest"])
    later = n_("{n} entry since", "{n} entries since", since) if since > 0 else ""
    said = " · ".join(part for part in (compared, words.ago(last.updated_at), later) if part)
    return tag("div", head, tag("div", said, cls="c-small c-quiet"))


def _findings(result: Mapping[str, Any]) -> None:
    body = [
        [tag("span", one["where"], cls="c-mono"), tone(told(one["message"]), "wrong"), one["given"],
         told(one["expected"]), tag("span", told(one["do"]), cls="c-quiet")]
        for one in result["findings"]
    ]  # fmt: skip
    show(table([_("Where"), _("What is wrong"), _("Found"), _("Expected"), _("What to do")], body))
    if result["found"] > len(body):
        left = n_("and {n} more:", "and {n} more:", result["found"] - len(body))
        show(tone(left, "quiet"), " ", tag("code", "consilium verify"))
